"""The type bit maps of NSEC and NSEC3 (RFC 4034 4.1.2)."""

from __future__ import annotations

from typing import Final

from mirage_hole.wire.codes import RRType

NS: Final = int(RRType.NS)
SOA: Final = int(RRType.SOA)
CNAME: Final = int(RRType.CNAME)
DNAME: Final = int(RRType.DNAME)
DS: Final = int(RRType.DS)


def read_types(data: bytes) -> frozenset[int] | None:
    """The types that are there; None when the map is broken."""
    found: list[int] = []
    at = 0
    last = -1
    while at < len(data):
        if at + 2 > len(data):
            return None
        window, length = data[at], data[at + 1]
        at += 2
        if window <= last or not 1 <= length <= 32 or at + length > len(data):
            return None
        last = window
        for number, octet in enumerate(data[at : at + length]):
            if octet:
                found += [window * 256 + number * 8 + bit for bit in range(8) if octet & 0x80 >> bit]
        at += length
    return frozenset(found)


def is_cut(types: frozenset[int]) -> bool:
    """A delegation, seen from the parent's side."""
    return NS in types and SOA not in types


def hides_below(types: frozenset[int]) -> bool:
    """What is below belongs to somebody else, so that nothing follows from this for names below (RFC 6840 4.1)."""
    return is_cut(types) or DNAME in types


def lacks(types: frozenset[int], rrtype: int, *, at_root: bool) -> bool:
    """Whether a record that stands for a name proves that the name has no records of this type.

    Only the parent's side speaks of DS, and only the child's side of everything else (RFC 4035 5.2, RFC 6840 4.1).
    """
    if rrtype in types or CNAME in types:
        return False
    if rrtype == DS:
        return at_root or SOA not in types
    return not is_cut(types)
