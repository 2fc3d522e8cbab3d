"""Loops: an upstream that asks us what we asked it, directly or through others.

A question that comes back waits for itself, so every loop ends in silence. Each upstream is therefore asked for a *probe* at
the start, now and then, and when it falls silent: a name that nobody else asks for. Whoever receives it as a query
knows that this upstream leads back here, and asks it no more for a while (as dnsmasq's ``--dns-loop-detect`` does).

The probe's label is a token that all workers share, another for each upstream: who sees one can speak for itself only. It
lies under ``example.``, which resolvers pass on as any name (RFC 6761 6.5) and nobody has; ``test.`` they answer themselves (6.2),
so a probe below it would not come back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.resolver.effects import AskUpstream, TellLoop
from mirage_hole.resolver.endings import refusal
from mirage_hole.wire.codes import EdeCode, RRClass, RRType
from mirage_hole.wire.reply import build_query, ede_option

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.events import LoopFound, ProbesDue
    from mirage_hole.resolver.pending import Case, Timed
    from mirage_hole.upstream.health import Upstream

SHUT_OUT_FOR: Final = 300.0
"""Seconds that an upstream which leads back is not asked, and the least between two probes. Then it is asked again."""
PROBE_EVERY: Final = 3600.0
"""Seconds between two probes of an upstream that answers."""
TOKEN: Final = 16
"""Octets of the probe's label."""
_REST: Final = b"\x09loopcheck\x07example\0"
_PATIENCE: Final = 2.0


def probe_name(token: bytes) -> bytes:
    """The name that the upstream of this token is asked for."""
    return bytes((TOKEN,)) + token + _REST


def on_due(engine: Engine, _event: ProbesDue, now: float) -> list[Effect]:
    """Probe every upstream that is asked."""
    return [effect for upstream in engine.upstreams for effect in probe(engine, upstream, now)]


def probe(engine: Engine, upstream: Upstream, now: float) -> list[Effect]:
    """Ask an upstream for its probe. Whatever it answers is of no interest: only the question may come back."""
    if now < upstream.probed_until:
        return []
    token = next((token for token, number in engine.loop_tokens.items() if number == upstream.number), None)
    if token is None:
        return []
    upstream.probed_until = now + SHUT_OUT_FOR
    ident = engine.dice()
    while ident in engine.exchanges:
        ident = engine.dice()
    upstream.probe = ident
    wire = build_query(ident, probe_name(token) + bytes((0, RRType.TXT, 0, RRClass.IN)), False, False)
    return [AskUpstream(ident, upstream.number, False, wire, _PATIENCE)]


def is_probed(engine: Engine, number: int, ident: int) -> bool:
    """Whether a message with this ID, for which nothing is in flight, is what an upstream says to its probe. True once."""
    upstream = engine.upstreams[number]
    if upstream.probe != ident:
        return False
    upstream.probe = -1
    return True


def probed(engine: Engine, name: bytes) -> int | None:
    """The number of the upstream whose probe this name is, folded wire form; None: none."""
    if name[0] != TOKEN or name[TOKEN + 1 :] != _REST:
        return None
    return engine.loop_tokens.get(name[1 : TOKEN + 1])


def came_back(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """A query that is a probe of ours: its upstream leads back here. None for any other query."""
    number = probed(engine, case.query.name)
    if number is None:
        return None
    effects = refusal(case, ede_option(EdeCode.OTHER, "a question of this resolver came back to it: a loop"))
    if now >= engine.upstreams[number].loops_until:
        shut_out(engine, number, now)
        effects.append(TellLoop(number))
    return effects


def on_loop(engine: Engine, event: LoopFound, now: float) -> list[Effect]:
    """Another worker got the probe."""
    if event.upstream < len(engine.upstreams):
        shut_out(engine, event.upstream, now)
    return []


def shut_out(engine: Engine, number: int, now: float) -> None:
    """Nobody asks this upstream until its time is over."""
    engine.upstreams[number].loops_until = until = now + SHUT_OUT_FOR
    for group in engine.groups:
        group.leave_out_loops(now)
    engine.timers.add(Readmission(engine, engine.upstreams[number]), until)


class Readmission:
    """One whose time is over may be asked again, and is probed at once."""

    __slots__ = ("bucket", "engine", "upstream")

    def __init__(self, engine: Engine, upstream: Upstream) -> None:
        self.engine = engine
        self.upstream = upstream
        self.bucket: dict[Timed, None] | None = None

    def ring(self, now: float) -> list[Effect]:
        """It is."""
        for group in self.engine.groups:
            group.leave_out_loops(now)
        return [] if now < self.upstream.loops_until else probe(self.engine, self.upstream, now)
