"""Records from everywhere to what counts: names completed, contradictions settled, addresses given their names back.

Who says first where a name is, decides: the configuration before hosts files, these before leases, as in dnsmasq.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.local.record import OWN_TTL, Record, reverse_name
from mirage_hole.wire.codes import RRType, type_text
from mirage_hole.wire.names import MAX_NAME, labels_of, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_RECORDS: Final = 200_000
"""Of all sources together, those included that are made of others but for those that lead back from addresses."""
KEPT_FREE: Final = MAX_RECORDS // 4
"""So many of them are for each source that is still to come: a list of blocked hosts must not push out the leases."""
MAX_COMPLAINTS: Final = 100

_A: Final = int(RRType.A)
_AAAA: Final = int(RRType.AAAA)
_CNAME: Final = int(RRType.CNAME)
_PTR: Final = int(RRType.PTR)
_LOOPBACK6: Final = bytes(15) + b"\1"
_PLACES: Final = frozenset({_A, _AAAA, _CNAME})
"""Types that say where a name is."""

View = tuple[bytes, bool, tuple[str, ...]]
"""A name, whether it is a wildcard, and the networks that it is for."""


class Assembled(NamedTuple):
    """What counts."""

    records: tuple[Record, ...]
    complaints: tuple[str, ...]
    """What was left out, and why."""


def assemble(
    sources: Sequence[Iterable[Record]],
    domain: bytes,
    own_name: bytes = b"",
    own_addresses: Iterable[bytes] = (),
    called: Sequence[str] = (),
) -> Assembled:
    """Join sources, the weightiest first.

    Args:
        sources: the records of each.
        domain: stands behind names without a dot as well, folded wire form; empty for none.
        own_name: the server's, which only the first source may say something else of.
        own_addresses: octets, of the server.
        called: what the sources are, for people.
    """
    places: dict[View, int] = {(own_name, False, ()): 0}
    types: dict[View, set[int]] = {}
    ttls: dict[tuple[View, int], int] = {}
    kept: dict[Record, None] = {}
    complaints: list[str] = []
    own = [Record(own_name, _A if len(one) == 4 else _AAAA, one, OWN_TTL) for one in own_addresses if own_name]

    def complain(record: Record, why: str) -> None:
        if len(complaints) < MAX_COMPLAINTS:
            star = "*." if record.wildcard else ""
            complaints.append(f"{star}{to_text(record.name)} {type_text(record.rrtype)} is left out: {why}")

    for rank, source in enumerate(sources):
        most = MAX_RECORDS - KEPT_FREE * (len(sources) - 1 - rank)
        for written in source:
            if len(kept) >= most:
                where = f" with {called[rank]}" if called else ""
                complaints.append(f"more than {most} records{where}; the others of these are left out")
                break
            for record in _completed(written, domain):
                view = record.name, record.wildcard, record.networks
                if record.rrtype in _PLACES and places.setdefault(view, rank) != rank:
                    continue
                there = types.setdefault(view, set())
                # Records of one type that stand together have one TTL (RFC 2181 5.2).
                record = record._replace(ttl=ttls.setdefault((view, record.rrtype), record.ttl))
                if _CNAME in there and record.rrtype == _CNAME and record not in kept:
                    complain(record, "a name is an alias of one name only (RFC 2181 10.1)")
                elif (_CNAME in there) != (record.rrtype == _CNAME) and there:
                    complain(record, "an alias has no other records (RFC 1034 3.6.2)")
                else:
                    there.add(record.rrtype)
                    kept[record] = None
    return _with_pointers(kept, own, complaints)


def _completed(record: Record, domain: bytes) -> Iterable[Record]:
    """The record; one for a name without a dot also with the domain behind it, which comes first, as it is the name's own."""
    name = record.name
    if domain and len(labels_of(name)) == 1 and len(name) - 1 + len(domain) <= MAX_NAME:
        yield record._replace(name=name[:-1] + domain)
    yield record


def _is_loopback(address: bytes) -> bool:
    """Whose address it is depends on who asks: it leads back to localhost."""
    return address == _LOOPBACK6 or (len(address) == 4 and address[0] == 127)


def _with_pointers(kept: dict[Record, None], own: Iterable[Record], complaints: list[str]) -> Assembled:
    """Addresses lead back to the first name that has them, unless there is a PTR record for them already."""
    written = {record.name for record in kept if record.rrtype == _PTR}
    pointers: dict[tuple[bytes, tuple[str, ...]], Record] = {}
    for record in (*kept, *own):
        name, rrtype, rdata, ttl, networks, wildcard = record
        if rrtype not in (_A, _AAAA) or wildcard or not any(rdata) or _is_loopback(rdata):
            continue
        reverse = reverse_name(rdata)
        if reverse not in written:
            pointers.setdefault((reverse, networks), Record(reverse, _PTR, name, ttl, networks))
    return Assembled((*kept, *pointers.values()), tuple(complaints))
