"""Another name's records behind a CNAME: what a rewritten question is answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.wire.codes import RRClass, RRType
from mirage_hole.wire.writer import HEAD, MOST_RECORDS, Writer, data_of, whole_name

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

_OWNER_IS_QUESTION: Final = b"\xc0\x0c"  # a pointer to octet 12, where the question's name stands


class Moved(NamedTuple):
    """Records that fit behind a question."""

    records: bytes
    counts: tuple[int, int, int]
    ttl_offsets: tuple[int, ...]
    """Where in ``records`` the TTLs of the moved records stand; those of what leads there are not among them."""


def cname_record(target: bytes, ttl: int) -> bytes:
    """The record that says that the question's name is an alias of ``target`` (wire form)."""
    return _OWNER_IS_QUESTION + HEAD.pack(RRType.CNAME, RRClass.IN, ttl, len(target)) + target


def behind_alias(
    question: bytes, target: bytes, ttl: int, asked: bytes, reply: Reply, chain: tuple[bytes, int] | None = None
) -> Moved | None:
    """The answer to a question whose name is an alias; None when the reply can't be moved: a broken name, too many records.

    Args:
        question: the question section that was asked, as it will stand in the answer.
        target: the name that it is an alias of, folded wire form.
        ttl: of the CNAME record, in seconds.
        asked: the question section to which ``reply`` is the answer: target, type and class.
        reply: what the upstream said of the target.
        chain: the records that lead there, if not one CNAME does, and how many; the target stands whole at their end.
    """
    if sum(reply.counts) > MOST_RECORDS:
        return None
    source = bytes(12) + asked + reply.records
    before, count = chain or (cname_record(target, ttl), 1)
    writer = Writer(12 + len(question), before)
    writer.note(target, 12 + len(question) + len(before) - len(target))
    at = 12 + len(asked)
    offsets = []
    for _ in range(sum(reply.counts)):
        owner, at = whole_name(source, at)
        if owner is None or at + HEAD.size > len(source):
            return None
        kind, rrclass, lifetime, length = HEAD.unpack_from(source, at)
        at += HEAD.size
        end = at + length
        data = data_of(source, kind, at, end)
        if data is None:
            return None
        writer.name(owner)
        offsets.append(len(writer.octets) + 4)
        writer.record(kind, rrclass, lifetime, data)
        at = end
    answers, authority, additional = reply.counts
    return Moved(bytes(writer.octets), (answers + count, authority, additional), tuple(offsets))
