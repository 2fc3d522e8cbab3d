"""A reply's records as RRsets with their signatures. Compressed names are written whole; whatever does not fit refuses the reply."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.dnssec.limits import MAX_SETS
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import MAX_NAME, fold
from mirage_hole.wire.writer import whole_name

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

_RECORD = Struct(">HHIH").unpack_from
_RRSIG = Struct(">HBBIIIH").unpack_from
_RRSIG_HEAD: Final = 18
_SIGNATURE: Final = int(RRType.RRSIG)
# Where names stand that senders may compress (RFC 3597 4): octets before them, and how many.
_NAMES: Final = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 14: (0, 2),
    15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 26: (2, 2), 33: (6, 1), 36: (2, 1), 39: (0, 1),
}  # fmt: skip


class Signature(NamedTuple):
    """One RRSIG (RFC 4034 3.1)."""

    covers: int
    algorithm: int
    labels: int
    original_ttl: int
    expiration: int
    inception: int
    tag: int
    signer: bytes
    """Folded."""
    data: bytes
    """The record's data as it came, for the check."""
    ttl: int


class RRset(NamedTuple):
    """Records of one owner and type, and what is signed about them."""

    owner: bytes
    """Folded."""
    rrtype: int
    rrclass: int
    ttl: int
    """The least of its records'."""
    datas: list[bytes]
    """Names in them are whole, in their own spelling."""
    signatures: list[Signature]
    places: list[tuple[int, int]]
    """(offset of the TTL in the reply's records, TTL) of the records and their signatures."""


class Sections(NamedTuple):
    """The two sections that validation is about."""

    answer: dict[tuple[bytes, int], RRset]
    """By owner and type."""
    authority: dict[tuple[bytes, int], RRset]
    answer_end: int
    """Where the answer section ends in the reply's records."""


def read_sections(question: bytes, reply: Reply) -> Sections | None:
    """Take a reply apart.

    Args:
        question: the question section that ``reply`` answers: name, type, class.
        reply: what an upstream said.

    Returns None for a reply with a broken name or record, a class other than the question's, or too many RRsets.
    """
    source = bytes(12) + question + reply.records
    start = at = 12 + len(question)
    answers, authority, _ = reply.counts
    answer_end = 0
    found: list[dict[tuple[bytes, int], RRset]] = []
    for count in (answers, authority):
        section: dict[tuple[bytes, int], RRset] = {}
        pending: list[tuple[bytes, Signature, tuple[int, int]]] = []
        for _ in range(count):
            owner, at = whole_name(source, at)
            if owner is None or at + 10 > len(source):
                return None
            kind, rrclass, ttl, length = _RECORD(source, at)
            place = (at + 4 - start, ttl)
            at += 10
            data = _data(source, kind, at, at + length)
            if data is None or rrclass.to_bytes(2, "big") != question[-2:]:
                return None
            at += length
            owner = fold(owner)
            if kind == _SIGNATURE:
                signature = read_signature(data, ttl)
                if signature is None:
                    return None
                pending.append((owner, signature, place))
                continue
            known = section.get((owner, kind))
            if known is None:
                if len(section) >= MAX_SETS:
                    return None
                section[owner, kind] = RRset(owner, kind, rrclass, ttl, [data], [], [place])
            else:
                known.datas.append(data)
                known.places.append(place)
                if ttl < known.ttl:
                    section[owner, kind] = known._replace(ttl=ttl)
        for owner, signature, place in pending:
            covered = section.get((owner, signature.covers))
            if covered is not None:
                covered.signatures.append(signature)
                covered.places.append(place)
        found.append(section)
        answer_end = answer_end or at - start
    return Sections(found[0], found[1], answer_end if answers else 0)


def read_signature(data: bytes, ttl: int) -> Signature | None:
    """RRSIG data; None when it is cut off or its signer's name is compressed."""
    if len(data) < _RRSIG_HEAD:
        return None
    signer = plain_name(data, _RRSIG_HEAD)
    if signer is None or _RRSIG_HEAD + len(signer) >= len(data):
        return None
    covers, algorithm, labels, original_ttl, expiration, inception, tag = _RRSIG(data)
    return Signature(covers, algorithm, labels, original_ttl, expiration, inception, tag, fold(signer), data, ttl)


def plain_name(data: bytes, at: int) -> bytes | None:
    """The uncompressed name at ``at``, in its own spelling; None when there is none."""
    start = at
    while at < len(data) and at - start < MAX_NAME:
        length = data[at]
        if length > 63:
            return None
        at += length + 1
        if not length:
            return data[start:at]
    return None


def _data(source: bytes, kind: int, at: int, end: int) -> bytes | None:
    """A record's data with its names whole; None when they do not fit."""
    if end > len(source):
        return None
    layout = _NAMES.get(kind)
    if layout is None:
        return source[at:end]
    before, names = layout
    pieces = [source[at : at + before]]
    at += before
    for _ in range(names):
        name, at = whole_name(source, at)
        if name is None or at > end:
            return None
        pieces.append(name)
    pieces.append(source[at:end])
    return b"".join(pieces)
