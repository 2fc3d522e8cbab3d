"""Names of special use, which mean something here or nowhere, and are never asked of anybody outside.

Compared by labels, never by how their text ends. What the user has a route or an answer of his own for is the user's
business and passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.rule import Action
from mirage_hole.local.record import reverse_name
from mirage_hole.local.special import (
    CANARIES,
    EMPTY_ZONES,
    LOCALHOST,
    LOOPBACK,
    PRIVATE_RELAY,
    RESOLVER,
    REVERSE_ZONES,
    TOPS,
    ZONES,
)
from mirage_hole.local.store import RR
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from mirage_hole.wire.codes import Rcode, RRType

if TYPE_CHECKING:
    from mirage_hole.resolver.engine import Engine

_NOERROR: Final = int(Rcode.NOERROR)
_NXDOMAIN: Final = int(Rcode.NXDOMAIN)
_SPECIAL: Final = int(Outcome.SPECIAL)
_SOA: Final = int(RRType.SOA)
_LOOPBACK: Final = {int(RRType.A if len(one) == 4 else RRType.AAAA): one for one in LOOPBACK}
_TO_LOOPBACK: Final = frozenset(map(reverse_name, LOOPBACK))


class Word(NamedTuple):
    """What is said of a name here."""

    outcome: int
    rcode: int
    records: tuple[RR, ...]
    """The answer."""
    zone: bytes
    """The name that the SOA of a negative answer stands at: the asked one or one of its ancestors."""
    why: str = ""
    """For people; empty: nothing to tell."""
    lasting: bool = True
    """Everybody who asks is told the same, so that it may be replayed."""


def word_of_special(
    engine: Engine, name: bytes, labels: tuple[int, ...], qtype: int, client: bytes, *, exists: bool
) -> Word | None:
    """What is said of a name of special use; None for all others. ``exists``: there are local names below it."""
    if name in CANARIES:
        off = not engine.canaries or (name in PRIVATE_RELAY and engine.private_relay)
        if off or _is_let_through(engine, name, labels, qtype, client):
            return None
        return Word(_SPECIAL, _NXDOMAIN, (), name, CANARIES[name])
    if name[labels[-1] :] not in TOPS:
        return None
    zone = next((name[at:] for at in labels if name[at:] in ZONES), None)
    if zone is None or not engine.special_names or (zone in REVERSE_ZONES and not engine.private_reverse):
        return None
    why, ttl = ZONES[zone], engine.sinkhole.ttl
    if zone == LOCALHOST:
        address = _LOOPBACK.get(qtype)
        return Word(_SPECIAL, _NOERROR, () if address is None else (RR(qtype, ttl, address),), zone, why)
    if engine.routes.is_conditional(name, labels) or has_own_answer(engine, name, labels, qtype, client):
        return None
    if name in _TO_LOOPBACK:
        pointers = (RR(qtype, ttl, LOCALHOST),) if qtype == RRType.PTR else ()
        return Word(_SPECIAL, _NOERROR, pointers, zone, why)
    if name == zone and zone in EMPTY_ZONES:
        soa = (RR(_SOA, ttl, engine.sinkhole.soa[10:]),) if qtype == _SOA else ()
        return Word(_SPECIAL, _NOERROR, soa, zone, why)
    return Word(_SPECIAL, _NOERROR if exists or zone == RESOLVER else _NXDOMAIN, (), zone, why)


def _is_let_through(engine: Engine, name: bytes, labels: tuple[int, ...], qtype: int, client: bytes) -> bool:
    """Whether the user has a rule of his own for this name, or a list lets it through: as in Pi-hole, that counts more."""
    match = engine.policy.decide(name, labels, qtype, client)
    return match is not None and (match.list_id == OWN_LIST or match.action is Action.ALLOW)


def has_own_answer(engine: Engine, name: bytes, labels: tuple[int, ...], qtype: int, client: bytes) -> bool:
    """Whether a rule of the user's own answers it. To let such a name through is not to tell it the world."""
    match = engine.policy.decide(name, labels, qtype, client)
    return match is not None and match.list_id == OWN_LIST and bool(match.rewrites)
