"""What the server answers itself, whatever the rules say: local data and names of special use, by the resolver's own judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.cache.answers import AnswerCache
from mirage_hole.config.group_tables import UNQUALIFIED
from mirage_hole.lists.rule import Rewrite
from mirage_hole.local.stored import BadStored
from mirage_hole.policy.access import Access
from mirage_hole.policy.answers import record_text
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.engine import Engine
from mirage_hole.resolver.local import ALIAS_ITSELF, MOST_ALIASES, word_of
from mirage_hole.resolver.sinkhole import Sinkhole
from mirage_hole.runtime.errors import StartupError
from mirage_hole.runtime.local_data import LOCAL, read_local
from mirage_hole.upstream.routes import DEFAULT, Routes
from mirage_hole.wire.codes import Rcode, RRType, rcode_text
from mirage_hole.wire.names import from_text, labels_of, to_text

if TYPE_CHECKING:
    from mirage_hole.config.settled import Settled
    from mirage_hole.policy.policy import Policy
    from mirage_hole.resolver.special import Word
    from mirage_hole.upstream.health import Upstream


class Here(NamedTuple):
    """What is said of a name here."""

    outcome: str
    """``local`` or ``special``."""
    answer: str
    """For people."""
    why: str
    """Empty: it is a record."""
    asked_for: bytes = b""
    """The name that is asked for in its place, folded wire form; empty: none."""


def said_here(settled: Settled, policy: Policy, name: bytes, qtype: int, client: bytes) -> Here | None:
    """What a server with these settings says of a name itself; None when that is for others to say.

    Raises:
        StartupError: the local data can't be read.
    """
    engine = _engine(settled, policy)
    asked, records = name, []
    word: Word | None = None
    for _ in range(MOST_ALIASES + 1):
        labels = labels_of(asked)
        following = word_of(engine, asked, labels, qtype, client) if labels else None
        if following is None:
            break
        word = following
        records += [record_text(Rewrite(Rcode.NOERROR, rrtype, rdata)) for rrtype, _, rdata in word.records]
        leads_on = len(word.records) == 1 and word.records[0].rrtype == RRType.CNAME
        if not leads_on or qtype in ALIAS_ITSELF:
            return _here(word, records)
        asked = word.records[0].rdata
    if word is None:
        return None
    if asked == name or len(records) > MOST_ALIASES:
        return Here("local", "SERVFAIL: the aliases lead in a circle", "")
    answer = f"{', '.join(records)}, and what the upstream says of {to_text(asked)}"
    return Here("local", answer, "", asked)


def _here(word: Word, records: list[str]) -> Here:
    denied = rcode_text(word.rcode) if word.rcode else "NODATA"
    if not word.records:
        records = [*records, denied]
    outcome = "local" if word.outcome == Outcome.LOCAL else "special"
    return Here(outcome, ", ".join(records), word.why)


def _engine(settled: Settled, policy: Policy) -> Engine:
    """The resolver's own, so that both always say the same; it asks nobody."""
    domains = {domain for route in settled.routes for domain in route.domains}
    unqualified = DEFAULT if UNQUALIFIED in domains else None
    upstreams: tuple[Upstream, ...] = ()
    engine = Engine(
        policy=policy,
        access=Access(settled.allow_from),
        sinkhole=Sinkhole(settled.block_mode, settled.block_ttl, settled.block_ipv4, settled.block_ipv6),
        cache=AnswerCache(0),
        upstreams=upstreams,
        routes=Routes({from_text(domain): DEFAULT for domain in domains - {UNQUALIFIED}}, unqualified),
        dice=int,
        timeout=1.0,
    )
    engine.special_names, engine.canaries = settled.special_names, settled.canaries
    engine.private_relay, engine.private_reverse = settled.private_relay, settled.private_reverse
    engine.forward_unqualified = settled.forward_unqualified
    try:
        engine.local = read_local(settled.state_directory / LOCAL)
    except BadStored as problem:
        message = f"the local data can't be read: {problem}; it is compiled anew when the server restarts"
        raise StartupError(message, 1) from None
    return engine
