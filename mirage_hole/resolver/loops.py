"""Loops: an upstream that asks us what we asked it, directly or through others.

A question that comes back waits for itself, so every loop ends in silence. An upstream that falls ill of silence is
therefore asked for a *probe*, a name that nobody else asks for; whoever receives the probe as a query knows that this
upstream leads back here, and asks it no more for a while. (dnsmasq's ``--dns-loop-detect`` asks for such a name at the start
and on changes; a resolver that works gets no probe from us at all.)

The probe's label is a secret of all workers and the upstream's number. It lies under ``test.`` (RFC 6761 6.2), which no
upstream has to ask anybody about.
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
    from mirage_hole.resolver.events import LoopFound
    from mirage_hole.resolver.pending import Case, Timed
    from mirage_hole.upstream.health import Upstream

SHUT_OUT_FOR: Final = 300.0
"""Seconds that an upstream which leads back is not asked. Then it is tried again, and probed again when it is silent."""
LABEL: Final = 18
"""Octets of the probe's label: sixteen of the secret and two of the upstream's number, in hexadecimal."""
_REST: Final = b"\x09loopcheck\x04test\0"
_PATIENCE: Final = 2.0


def probe_name(secret: bytes, number: int) -> bytes:
    """The name that upstream ``number`` is asked for; ``secret``: 16 hexadecimal digits."""
    return bytes((LABEL,)) + secret + b"%02x" % number + _REST


def probe(engine: Engine, upstream: Upstream, now: float) -> list[Effect]:
    """Ask an upstream for its probe. Whatever it answers is of no interest: only the question may come back."""
    if not engine.loop_secret or now < upstream.probed_until:
        return []
    upstream.probed_until = now + SHUT_OUT_FOR
    ident = engine.dice()
    while ident in engine.exchanges:
        ident = engine.dice()
    question = probe_name(engine.loop_secret, upstream.number) + bytes((0, RRType.TXT, 0, RRClass.IN))
    wire = build_query(ident, question, False, False)
    return [AskUpstream(ident, upstream.number, False, wire, _PATIENCE)]


def probed(engine: Engine, name: bytes) -> int | None:
    """The number of the upstream whose probe this name is, folded wire form; None: none."""
    secret = engine.loop_secret
    if not secret or not name.endswith(_REST) or name[0] != LABEL or name[1:17] != secret:
        return None
    try:
        number = int(name[17:19], 16)
    except ValueError:
        return None
    return number if number < len(engine.upstreams) else None


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
    engine.timers.add(Readmission(engine), until)


class Readmission:
    """Those whose time is over may be asked again."""

    __slots__ = ("bucket", "engine")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.bucket: dict[int, Timed] | None = None

    def ring(self, now: float) -> list[Effect]:
        """It is."""
        for group in self.engine.groups:
            group.leave_out_loops(now)
        return []
