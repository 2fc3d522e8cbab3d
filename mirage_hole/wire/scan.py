"""Response scanning: what must be known of an upstream's reply to keep it, age it and pass it on, and no more.

One linear pass that follows no compression pointer; a reply that does not add up is refused whole: an owner that points
forward, an address of the wrong size.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from mirage_hole.wire.codes import QR, RRType
from mirage_hole.wire.names import MAX_NAME
from mirage_hole.wire.reply import EDE_OPTION

MAX_RECORDS = 4096
MAX_TTL = 604_800
"""Seconds. What is longer, the top bit set included, counts as this and is passed on as this (RFC 8767 4, which took
RFC 2181's "treat as zero" back). So no reader of the answer can take it for zero, or ageing it for 68 years."""
MAX_EDE = 512
"""Octets of an Extended DNS Error worth passing on."""
MAX_EDES = 4

_OPT, _SOA = int(RRType.OPT), int(RRType.SOA)  # members of an enumeration are slow to look up
_A, _AAAA = int(RRType.A), int(RRType.AAAA)
_HEADER_SIZE = 12
_ANY = int(RRType.ANY)
_POINTERS = 0xC000
_FIRST_POINTER = _POINTERS + _HEADER_SIZE
_LEAST_END = 17  # header, a root name, type and class
_SHORTEST_SOA = 22  # two root names and five numbers
_HEADER = Struct(">HHHHHH").unpack_from
_RECORD = Struct(">HHIH").unpack_from
_POINTED = Struct(">HHHIH").unpack_from
_QUESTION = _OPTION = Struct(">HH").unpack_from
_U32 = Struct(">I").unpack_from


SIGNED = 1
"""Records of DNSSEC are there: RRSIG, NSEC, NSEC3."""
ALIASED = 2
"""CNAME or DNAME records are there."""
BOUND = 4
"""SVCB or HTTPS records are there, which have targets and hints."""
INSIDE = 8
"""An address of the answer begins like a private one."""
BESIDE = 16
"""So does one of the additional section."""
TRAITS = 0xFF
"""All of them. Above is room for the bits of a client's subnet that the answer is for (RFC 7871)."""
_TRAITS = {
    int(RRType.RRSIG): SIGNED,
    int(RRType.NSEC): SIGNED,
    int(RRType.NSEC3): SIGNED,
    int(RRType.CNAME): ALIASED,
    int(RRType.DNAME): ALIASED,
    int(RRType.SVCB): BOUND,
    int(RRType.HTTPS): BOUND,
}
_INSIDE = {
    # 0/8, 10/8, 127/8, 100.64/10, 169.254/16, 172.16/12, 192.168/16, 255.255.255.255
    int(RRType.A): frozenset({0xA9FE, 0xC0A8, 0xFFFF}).union(
        range(0x100), range(0x0A00, 0x0B00), range(0x7F00, 0x8000), range(0x6440, 0x6480), range(0xAC10, 0xAC20)
    ),
    # ::/8 with loopback, IPv4-mapped and NAT64, 2002::/16 (6to4), fc00::/7, fe80::/10, fec0::/10
    int(RRType.AAAA): frozenset({0x2002}).union(range(0x100), range(0xFC00, 0xFE00), range(0xFE80, 0xFF00)),
}
"""First two octets of addresses that :mod:`mirage_hole.policy.inside` may find to be private."""


class Reply(NamedTuple):
    """An upstream's reply, taken apart as far as forwarding needs."""

    flags: int
    rcode: int
    """With the extended bits of OPT."""
    records: bytes
    """Answer, authority and additional section, OPT taken out."""
    counts: tuple[int, int, int]
    ttl_offsets: tuple[int, ...]
    """Where in ``records`` each TTL stands."""
    min_ttl: int
    """Seconds; the least over answer and authority, -1 when there is no record."""
    negative_ttl: int
    """Seconds a negative answer may be kept: the lesser of the SOA's TTL and its MINIMUM (RFC 2308 5); -1 without SOA.

    0 for aliases that lead nowhere: records, but none of the type asked for, and no SOA to say how long that holds.
    """
    ede: bytes
    """The reply's Extended DNS Error options, as they came; at most four."""
    traits: int = 0
    """What is worth a second look: ``SIGNED``, ``ALIASED``, ``BOUND``, ``INSIDE``, ``BESIDE``."""


def scan_reply(data: bytes, question_end: int) -> Reply | None:  # noqa: C901 - one pass; calls cost more than branches
    """Read a reply whose header and question were already verified; None when it is malformed.

    Args:
        data: the whole message, at most 65535 octets.
        question_end: where the question section ends.
    """
    size = len(data)
    if size < question_end or question_end < _LEAST_END:
        return None
    _, flags, _, answers, authority, additional = _HEADER(data)
    if not flags & QR or answers + authority + additional > MAX_RECORDS:
        return None
    at = question_end
    qtype, qclass = _QUESTION(data, at - 4)
    answered = qtype == _ANY
    offsets = []
    too_long: list[int] = []
    least = negative = -1
    traits = 0
    rcode = flags & 0x0F
    ede = b""
    cut = size
    kept = additional
    main = answers + authority
    for number in range(main + additional):
        start = at
        if at + 12 <= size and data[at] >= 0xC0:  # the commonest owner by far is a pointer
            owner, kind, rclass, ttl, length = _POINTED(data, at)
            if not _FIRST_POINTER <= owner < _POINTERS + at:  # RFC 1035 4.1.4: to a prior name
                return None
            at += 12
        else:
            at = at + 11 if at < size and not data[at] else _owner_end(data, at) + 10
            if not start < at <= size:
                return None
            kind, rclass, ttl, length = _RECORD(data, at - 10)
        end = at + length
        if end > size or (length != 4 and kind == _A) or (length != 16 and kind == _AAAA):
            return None
        if kind == _OPT:
            if number < main or cut != size or data[start]:  # RFC 6891 6.1.1, 6.1.2: one, additional, owned by the root
                return None
            rcode |= ttl >> 24 << 4
            if length:
                options = _ede_options(data, at, end)
                if options is None:
                    return None
                ede = options
            # Records behind OPT may point into what is cut, so they go with it: the section is optional anyway.
            cut = start
            kept = number - main
        elif cut == size:
            offsets.append(at - 6 - question_end)
            if ttl > MAX_TTL:
                too_long.append(at - 6 - question_end)
                ttl = MAX_TTL
            if kind in _TRAITS:
                traits |= _TRAITS[kind]
            if number < main:
                if least < 0 or ttl < least:
                    least = ttl
                if number < answers:
                    if kind == qtype and rclass == qclass:
                        answered = True
                    if kind in _INSIDE and data[at] << 8 | data[at + 1] in _INSIDE[kind]:
                        traits |= INSIDE
                elif kind == _SOA and length >= _SHORTEST_SOA and rclass == qclass:
                    (minimum,) = _U32(data, end - 4)
                    negative = ttl if ttl < minimum else minimum
            elif kind in _INSIDE and data[at] << 8 | data[at + 1] in _INSIDE[kind]:
                traits |= BESIDE
        at = end
    if at != size:
        return None
    if answers and not answered and negative < 0:
        negative = 0
    records = data[question_end:cut]
    if too_long:
        records = _shorten(records, too_long)
    # As in wire/query.py: the named tuple, without its constructor's cost.
    fields = (flags, rcode, records, (answers, authority, kept), tuple(offsets), least, negative, ede, traits)
    return tuple.__new__(Reply, fields)


def _owner_end(data: bytes, start: int) -> int:
    """The offset after a name, or -1 when it is none or ends in a pointer that leads nowhere."""
    size = len(data)
    at = start
    while at < size and at - start < MAX_NAME:
        length = data[at]
        if not length:
            return at + 1
        if length >= 0xC0:
            leads_back = at + 1 < size and _HEADER_SIZE <= (length & 0x3F) << 8 | data[at + 1] < start
            return at + 2 if leads_back else -1
        if length > 63:
            return -1
        at += length + 1
    return -1


def _shorten(records: bytes, offsets: list[int]) -> bytes:
    shortened = bytearray(records)
    for offset in offsets:
        shortened[offset : offset + 4] = MAX_TTL.to_bytes(4, "big")
    return bytes(shortened)


def _ede_options(data: bytes, at: int, end: int) -> bytes | None:
    found: list[bytes] = []
    while at < end:
        if at + 4 > end:
            return None
        code, length = _OPTION(data, at)
        following = at + 4 + length
        if following > end:
            return None
        if code == EDE_OPTION and 2 <= length <= MAX_EDE and len(found) < MAX_EDES:
            found.append(data[at:following])
        at = following
    return b"".join(found)
