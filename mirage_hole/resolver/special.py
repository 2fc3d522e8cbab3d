"""Names of special use, which mean something here or nowhere, and are never asked of anybody outside.

Compared by labels, never by how their text ends. What the user has a route or a rule for is the user's business and passes.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.cache.packets import EVERYBODY, FOREVER
from mirage_hole.lists.rule import Action
from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from mirage_hole.resolver.effects import EmitRecord, RememberPacket, SendReply
from mirage_hole.resolver.endings import STREAM_LIMIT, subject
from mirage_hole.resolver.sinkhole import OWNER_IS_QUESTION
from mirage_hole.wire.codes import EdeCode, Rcode, RRClass, RRType
from mirage_hole.wire.names import from_text
from mirage_hole.wire.reply import build_reply, ede_option, udp_limit

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case

_LOCALHOST: Final = from_text("localhost")
_RESOLVER: Final = from_text("resolver.arpa")
_NOWHERE: Final = {
    "invalid": "RFC 6761 6.4",
    "test": "RFC 6761 6.2",
    "onion": "RFC 7686 2",
    "local": "RFC 6762 22.1",
    "alt": "RFC 9476 3",
    "internal": "the private-use domain of ICANN",
}
_REVERSE: Final = (
    *("0.in-addr.arpa", "10.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa", "168.192.in-addr.arpa"),
    *("2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa"),
    *(f"{number}.172.in-addr.arpa" for number in range(16, 32)),
    *(f"{number}.100.in-addr.arpa" for number in range(64, 128)),  # RFC 7793
    ".".join("0" * 32) + ".ip6.arpa",
    "1." + ".".join("0" * 31) + ".ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
    *("c.f.ip6.arpa", "d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa", "b.e.f.ip6.arpa"),
)
ZONES: Final[dict[bytes, str]] = {
    _LOCALHOST: "RFC 6761 6.3",
    _RESOLVER: "RFC 9462 6.4",
    from_text("home.arpa"): "RFC 8375 4",
    **{from_text(zone): why for zone, why in _NOWHERE.items()},
    **{from_text(zone): "RFC 6303" for zone in _REVERSE},
}
"""Zones that are answered here, with all below them, and why."""
CANARIES: Final[dict[bytes, str]] = {
    from_text("use-application-dns.net"): "browsers are asked not to go around this resolver",
    from_text("mask.icloud.com"): "iCloud Private Relay would go around this resolver",
    from_text("mask-h2.icloud.com"): "iCloud Private Relay would go around this resolver",
}
"""Names whose absence tells programs to use the network's resolver, and why they are absent."""
_TOPS: Final = frozenset(zone[zone.rindex(b"\4arpa") :] if zone.endswith(b"\4arpa\0") else zone for zone in ZONES)
_EMPTY_ZONES: Final = frozenset(from_text(zone) for zone in _REVERSE) | {from_text("home.arpa")}
_ADDRESSES: Final = {int(RRType.A): b"\x7f\0\0\1", int(RRType.AAAA): bytes(15) + b"\1"}
_POINTER: Final = Struct(">H").pack
_RR: Final = Struct(">HHIH").pack


def answered_as_special(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """The end of a query for such a name; None for all others."""
    query = case.query
    name, labels = query.name, query.labels
    if name in CANARIES:
        if not engine.canaries or _is_the_users(engine, case):
            return None
        return _end(engine, case, name, Rcode.NXDOMAIN, CANARIES[name], now)
    if not labels or name[labels[-1] :] not in _TOPS or not engine.special_names:
        return None
    zone = next((name[at:] for at in labels if name[at:] in ZONES), None)
    if zone is None:
        return None
    if zone == _LOCALHOST:
        return _end(engine, case, zone, Rcode.NOERROR, ZONES[zone], now)
    if engine.routes.is_conditional(name, labels) or _is_the_users(engine, case):
        return None
    exists = zone == _RESOLVER or (name == zone and zone in _EMPTY_ZONES)
    return _end(engine, case, zone, Rcode.NOERROR if exists else Rcode.NXDOMAIN, ZONES[zone], now)


def _is_the_users(engine: Engine, case: Case) -> bool:
    """Whether the user has a rule of his own for this name, or a list lets it through."""
    query = case.query
    match = engine.policy.decide(query.name, query.labels, query.qtype, case.asked.client)
    return match is not None and (match.list_id == OWN_LIST or match.action is Action.ALLOW)


def _end(engine: Engine, case: Case, zone: bytes, rcode: Rcode, why: str, now: float) -> list[Effect]:
    query, asked = case.query, case.asked
    address = _ADDRESSES.get(query.qtype) if zone == _LOCALHOST else None
    if address is not None:
        ttl = engine.sinkhole.ttl
        records = OWNER_IS_QUESTION + _RR(query.qtype, RRClass.IN, ttl, len(address)) + address
        counts = (1, 0, 0)
    else:
        # RFC 2308 5: the SOA stands at the zone, an ancestor of the question or itself.
        records = _POINTER(0xC000 | (12 + len(query.name) - len(zone))) + engine.sinkhole.soa
        counts = (0, 1, 0)
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    wire = build_reply(query, rcode, records, counts, ede_option(EdeCode.SYNTHESIZED, why), 0, limit)
    told = subject(case, Outcome.SPECIAL, rcode)
    effects: list[Effect] = [
        SendReply(asked.ticket, wire),
        EmitRecord(asked.client, asked.transport, 0.0, told),
    ]
    if asked.transport == UDP and query.replayable:
        view = asked.client if engine.policy.judges_clients else EVERYBODY
        effects.append(RememberPacket(asked.client, asked.wire[2:], wire, told, now, now, FOREVER, (), view))
    return effects
