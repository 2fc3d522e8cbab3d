"""Response building by bytes: header, the question as it was asked, records that are ready, and OPT.

Tests hold it against dnslib and dnspython. Forwarded records stay the bytes they were; only the ID, the flags, the
question's spelling, TTLs and OPT are ours.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from mirage_hole.wire.codes import AD, CD, EDNS_DO, QR, RA, RD, TC, EdeCode
from mirage_hole.wire.options import PADDING, option
from mirage_hole.wire.query import skip_name

if TYPE_CHECKING:
    from mirage_hole.wire.options import Extra
    from mirage_hole.wire.query import Malformed, Query

UDP_PAYLOAD = 1232
"""What we offer and the most we send over UDP: no fragmentation on any sane path (DNS flag day 2020)."""

EDE_OPTION = 15
MAX_EDE_TEXT = 160
"""Octets of EXTRA-TEXT; RFC 8914 section 6 asks for brevity."""

_ANSWER = QR | RA
_KEPT = RD | CD
_HEADER = Struct(">HHHHHH").pack
_OPT = Struct(">BHHIH").pack
_OPTION = Struct(">HHH").pack
_TTL = Struct(">I")

_UPSTREAM_HEAD = {
    (disabled, edns): _HEADER(0, RD | (CD if disabled else AD), 1, 0, 0, int(edns))[2:]
    for disabled in (False, True)
    for edns in (False, True)
}
_PLAIN_OPT = {ok: _OPT(0, 41, UDP_PAYLOAD, EDNS_DO if ok else 0, 0) for ok in (False, True)}


def ede_option(code: EdeCode | int, text: str = "") -> bytes:
    """An Extended DNS Error option (RFC 8914 section 2); ``text`` is cut at whole characters."""
    # Titles come from lists on the web: half a surrogate pair in one must not stop an answer.
    extra = text.encode(errors="replace")[:MAX_EDE_TEXT].decode(errors="ignore").encode()
    return _OPTION(EDE_OPTION, 2 + len(extra), code) + extra


def build_reply(
    query: Query,
    rcode: int,
    records: bytes = b"",
    counts: tuple[int, int, int] = (0, 0, 0),
    options: bytes = b"",
    flags: int = 0,
    limit: int = 65535,
) -> bytes:
    """The response to ``query``.

    Args:
        query: what was asked.
        rcode: 0..15; more only with ``query.extra``.
        records: answer, authority and additional records, without OPT.
        counts: how many records of each of the three sections.
        options: EDNS options, sent only to a client that speaks EDNS, and left out before a record is.
        flags: further header flags, such as AD.
        limit: the most octets that fit. What exceeds it loses its options, then its additional records, which are no
            reason for TC (RFC 2181 9); then the answer is emptied and TC set, OPT kept (RFC 6891 7).
    """
    # Taken apart at once: a named tuple's fields are slow to look up one by one, and every answer passes here.
    ident, asked, _, _, _, _, question, edns, _, dnssec_ok, _, _, extra = query
    if extra is not None:
        return _build_with_extra(query, extra, rcode, records, counts, options, flags, limit)
    word = _ANSWER | (asked & _KEPT) | flags | rcode
    answers, authority, additional = counts
    size = 12 + len(question) + len(records)
    if not edns:
        if size > limit:
            if additional:
                kept = _first(records, answers + authority)
                return build_reply(query, rcode, kept, (answers, authority, 0), flags=flags, limit=limit)
            return _HEADER(ident, word | TC, 1, 0, 0, 0) + question
        return _HEADER(ident, word, 1, answers, authority, additional) + question + records
    if size + 11 + len(options) > limit:
        options = b""
        if size + 11 > limit:
            if additional:
                kept = _first(records, answers + authority)
                return build_reply(query, rcode, kept, (answers, authority, 0), flags=flags, limit=limit)
            return _HEADER(ident, word | TC, 1, 0, 0, 1) + question + _PLAIN_OPT[dnssec_ok]
    if options:
        opt = _OPT(0, 41, UDP_PAYLOAD, EDNS_DO if dnssec_ok else 0, len(options)) + options
    else:
        opt = _PLAIN_OPT[dnssec_ok]
    return _HEADER(ident, word, 1, answers, authority, additional + 1) + question + records + opt


def _build_with_extra(
    query: Query,
    extra: Extra,
    rcode: int,
    records: bytes,
    counts: tuple[int, int, int],
    options: bytes,
    flags: int,
    limit: int,
) -> bytes:
    """The same for a query whose options ask for some in the reply. They stay when there is room for nothing else.

    ``rcode`` may be one of those beyond 15, which need EDNS (RFC 6891 6.1.3).
    """
    fixed = 12 + len(query.question) + 11 + len(extra.options)
    answers, authority, additional = counts
    if fixed + len(records) + len(options) > limit:
        options = b""
        if fixed + len(records) > limit:
            records = _first(records, answers + authority) if additional else records
            additional = 0
            if fixed + len(records) > limit:
                records, answers, authority, flags = b"", 0, 0, flags | TC
    options = extra.options + options
    if extra.block:
        size = fixed - len(extra.options) + len(records) + len(options)
        room = min(-(size + 4) % extra.block, limit - size - 4)
        if room >= 0:
            options += option(PADDING, bytes(room))
    word = _ANSWER | (query.flags & _KEPT) | flags | rcode & 0x0F
    ttl = (rcode >> 4) << 24 | (EDNS_DO if query.dnssec_ok else 0)
    return b"".join((
        _HEADER(query.id, word, 1, answers, authority, additional + 1),
        query.question,
        records,
        _OPT(0, 41, UDP_PAYLOAD, ttl, len(options)),
        options,
    ))  # fmt: skip


def _first(records: bytes, count: int) -> bytes:
    """The first ``count`` of well-formed ``records``. Pointers go backwards, so the rest can be cut off."""
    at = 0
    for _ in range(count):
        at = skip_name(records, at) + 10
        at += records[at - 2] << 8 | records[at - 1]
    return records[:at]


def udp_limit(query: Query) -> int:
    """The most octets to send to this client over UDP."""
    return query.payload if query.payload < UDP_PAYLOAD else UDP_PAYLOAD


def build_error(query: Malformed) -> bytes:
    """The response to a query that could not be taken: FORMERR, NOTIMP or BADVERS. With OPT, if there was one."""
    word = QR | RA | (query.flags & (0x7800 | RD | CD)) | (query.rcode & 0x0F)
    if query.opt < 0:
        return _HEADER(query.id, word, 1 if query.question else 0, 0, 0, 0) + query.question
    # RFC 6891 6.1.3: the upper eight bits of the rcode travel in OPT, with the version we do speak.
    ttl = (query.rcode >> 4) << 24 | (query.opt & EDNS_DO)
    return (
        _HEADER(query.id, word, 1 if query.question else 0, 0, 0, 1) + query.question + _OPT(0, 41, UDP_PAYLOAD, ttl, 0)
    )


def build_query(ident: int, question: bytes, dnssec_ok: bool, checking_disabled: bool, edns: bool = True) -> bytes:
    """A query to an upstream: RD and AD set (RFC 6840 5.7: AD in a query asks for AD in the answer), EDNS without options."""
    head = _UPSTREAM_HEAD[checking_disabled, edns]
    if not edns:
        return ident.to_bytes(2, "big") + head + question
    return ident.to_bytes(2, "big") + head + question + _PLAIN_OPT[dnssec_ok]


def age_ttls(records: bytes, ttl_offsets: tuple[int, ...], age: int) -> bytes:
    """``records`` with every TTL lowered by ``age`` seconds, never below 0."""
    if not age:
        return records
    aged = bytearray(records)
    for offset in ttl_offsets:
        (ttl,) = _TTL.unpack_from(aged, offset)
        _TTL.pack_into(aged, offset, ttl - age if ttl > age else 0)
    return bytes(aged)
