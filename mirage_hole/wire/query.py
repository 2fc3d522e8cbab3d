"""Query parsing: the first thing that happens to a packet, and the bound on everything after it.

Linear, no recursion, no allocation sized by the sender. A compression pointer has nothing to point to in a question, so
it is refused instead of followed. Nothing else in the program looks at a client's packet before this has.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.wire.codes import EDNS_DO, QR, RD, Rcode, RRType
from mirage_hole.wire.names import MAX_NAME, fold
from mirage_hole.wire.options import COOKIE

if TYPE_CHECKING:
    from mirage_hole.wire.options import Extra

MAX_QUERY = 4096
"""Octets. A longer query is refused: 12 + 255 + 4 leaves ample room for any EDNS option in use."""

MIN_UDP_PAYLOAD = 512
MAX_ADDITIONAL = 4
"""OPT, TSIG or SIG(0), and room to spare."""
NO_OPT = -1

_OPCODE = 0x7800
_MAX_WALKED = 64

_NAME_END = 12 + MAX_NAME
# A named tuple's own constructor costs three times as much as this, which is what it comes down to.
_new = tuple.__new__

_OPT_TYPE = int(RRType.OPT)  # members of an enumeration are slow to look up
_OPT_HEAD = b"\0" + _OPT_TYPE.to_bytes(2, "big")
_HEADER = Struct(">HHHHHH").unpack_from
_TYPE_CLASS = Struct(">HH").unpack_from
_RECORD = Struct(">HHIH").unpack_from
_OPTION = Struct(">HH").unpack_from


class Query(NamedTuple):
    """One well-formed question."""

    id: int
    flags: int
    """The header's second word: RD, AD and CD matter."""
    name: bytes
    """Folded wire form, root included."""
    labels: tuple[int, ...]
    """Offset of each label in ``name``."""
    qtype: int
    qclass: int
    question: bytes
    """The question section as it came: the name in the client's spelling, type and class."""
    edns: bool
    payload: int
    """Octets the client takes over UDP: 512 without EDNS, at least 512 with it (RFC 6891 6.2.3)."""
    dnssec_ok: bool
    replayable: bool
    """The same octets will come again: no option in it is made anew for each query."""
    options: bytes
    """The EDNS options as they came, each known to be whole; mostly empty."""
    extra: Extra | None
    """What goes into every reply because of them."""


class Nonrecursive(Query):
    """One that does not want anybody else to be asked (RD=0)."""

    __slots__ = ()


class Malformed(NamedTuple):
    """A query that is answered with an error instead of an answer."""

    id: int
    flags: int
    rcode: Rcode
    question: bytes
    """Empty unless it was readable."""
    reason: str
    opt: int = NO_OPT
    """The TTL word of its OPT record; ``NO_OPT`` without one, or with none that can be read."""


def parse_query(data: bytes) -> Query | Malformed | None:  # noqa: C901 - one pass; calls cost more than branches
    """Read a client's packet. None: it is no query at all, so it gets no answer (answering could start a loop).

    Without RD, it is a :class:`Nonrecursive`. Never raises, whatever the octets.
    """
    size = len(data)
    if size < 12:
        return None
    ident, flags, questions, answers, authority, additional = _HEADER(data)
    if flags & QR:
        return None
    if flags & (_OPCODE | RD) != RD:
        if flags & _OPCODE:
            return _malformed(data, Rcode.NOTIMP, b"", "opcode is not QUERY")
        return _parse_nonrecursive(data)
    if questions != 1 or answers or authority:
        # RFC 9619: exactly one question; a query brings no answers.
        return _malformed(data, Rcode.FORMERR, b"", "not exactly one question")
    if size > MAX_QUERY:
        return _malformed(data, Rcode.FORMERR, b"", "longer than any query")

    at = 12
    labels = []
    # Beyond the longest name there is nothing to see, so a name that runs on ends the loop like a packet that is cut off.
    reach = data if size < _NAME_END else data[:_NAME_END]
    try:
        while length := reach[at]:
            if length > 63:
                return _malformed(data, Rcode.FORMERR, b"", "compressed or oversized label in the question")
            labels.append(at - 12)
            at += length + 1
    except IndexError:
        return _malformed(data, Rcode.FORMERR, b"", "the question is cut off or its name is too long")
    at += 1
    end = at + 4
    if end > size:
        return _malformed(data, Rcode.FORMERR, b"", "the question is cut off")
    qtype, qclass = _TYPE_CLASS(data, at)
    question = data[12:end]
    name = fold(data[12:at])
    if qtype == _OPT_TYPE:
        return _malformed(data, Rcode.FORMERR, question, "OPT is no type to ask for")
    if not additional:
        if end != size:
            return _malformed(data, Rcode.FORMERR, question, "octets after the end")
        edns, payload, extended, replayable, options = False, MIN_UDP_PAYLOAD, 0, True, b""
    elif additional == 1 and size == end + 11 and data[end : end + 3] == _OPT_HEAD and not data[end + 6]:
        # What nearly every client sends: OPT of version 0 and no more.
        _, payload, extended, length = _RECORD(data, end + 1)
        if length:
            return _malformed(data, Rcode.FORMERR, question, "an additional record is cut off")
        edns, replayable, options = True, True, b""
    else:
        opt = _read_additional(data, end, additional)
        if isinstance(opt, str):
            return _malformed(data, Rcode.FORMERR, question, opt)
        edns, payload, extended, replayable, options = opt
        if edns and extended >> 16 & 0xFF:
            return _malformed(data, Rcode.BADVERS, question, "EDNS version is not 0")
    fields = (
        ident,
        flags,
        name,
        tuple(labels),
        qtype,
        qclass,
        question,
        edns,
        payload if payload > MIN_UDP_PAYLOAD else MIN_UDP_PAYLOAD,
        extended & EDNS_DO != 0,
        replayable,
        options,
        None,
    )
    return _new(Query, fields)


def _parse_nonrecursive(data: bytes) -> Query | Malformed | None:
    parsed = parse_query(data[:2] + bytes((data[2] | RD >> 8,)) + data[3:])
    if parsed is None:
        return None
    parsed = parsed._replace(flags=parsed.flags ^ RD)
    return Nonrecursive._make(parsed) if isinstance(parsed, Query) else parsed


def _malformed(data: bytes, rcode: Rcode, question: bytes, reason: str) -> Malformed:
    ident, flags = _HEADER(data)[:2]
    return Malformed(ident, flags, rcode, question, reason, opt_of(data))


def opt_of(data: bytes) -> int:
    """The TTL word of a query's OPT record, however odd the query is otherwise; ``NO_OPT`` when there is none to be read.

    A response must have an OPT record if the query had one (RFC 6891 6.1.1), lest its sender think that EDNS is not known
    here (7). ``data``: at least a header. Too long a query is not looked at.
    """
    size = len(data)
    _, _, questions, answers, authority, additional = _HEADER(data)
    before = answers + authority
    if size > MAX_QUERY or questions + before + additional > _MAX_WALKED:
        return NO_OPT
    at = 12
    for _ in range(questions):
        at = skip_name(data, at) + 4
        if at < 16:
            return NO_OPT
    for number in range(before + additional):
        start = at
        at = skip_name(data, at)
        if at < 0 or at + 10 > size:
            return NO_OPT
        kind, _, ttl, length = _RECORD(data, at)
        if kind == _OPT_TYPE and number >= before and not data[start]:
            return int(ttl)
        at += 10 + length
    return NO_OPT


def _read_additional(data: bytes, at: int, count: int) -> tuple[bool, int, int, bool, bytes] | str:
    """(EDNS seen, payload size, OPT's TTL word, replayable, options), or what is wrong."""
    if count > MAX_ADDITIONAL:
        return "too many additional records"
    size = len(data)
    edns, payload, extended, replayable, options = False, MIN_UDP_PAYLOAD, 0, True, b""
    for _ in range(count):
        start = at
        at = skip_name(data, at)
        if at < 0 or at + 10 > size:
            return "an additional record is cut off"
        kind, rrclass, ttl, length = _RECORD(data, at)
        at += 10 + length
        if at > size:
            return "an additional record is cut off"
        if kind != _OPT_TYPE:
            replayable = False
            continue
        if edns or data[start]:
            return "two OPT records" if edns else "OPT's owner is not the root"  # RFC 6891 6.1.1, 6.1.2
        edns, payload, extended = True, rrclass, ttl
        if length and not ttl >> 16 & 0xFF:  # another version may lay its options out in another way
            fresh = _has_fresh_option(data, at - length, at)
            if fresh is None:
                return "an EDNS option is cut off"
            replayable = replayable and not fresh
            options = data[at - length : at]
    if at != size:
        return "octets after the end"
    return edns, payload, extended, replayable, options


def _has_fresh_option(data: bytes, at: int, end: int) -> bool | None:
    """Whether an option is made anew for each query (a cookie); None when an option overruns."""
    fresh = False
    while at < end:
        if at + 4 > end:
            return None
        code, length = _OPTION(data, at)
        fresh = fresh or code == COOKIE
        at += 4 + length
    return fresh if at == end else None


def skip_name(data: bytes, at: int) -> int:
    """The offset after the name that starts at ``at``, or -1. Pointers are stepped over, never followed."""
    size = len(data)
    start = at
    while at < size and at - start < MAX_NAME:
        length = data[at]
        if not length:
            return at + 1
        if length >= 0xC0:
            return at + 2 if at + 2 <= size else -1
        if length > 63:
            return -1
        at += length + 1
    return -1
