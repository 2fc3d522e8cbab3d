"""Answers without the records that a client did not ask for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.codes import RRType
from mirage_hole.wire.query import skip_name
from mirage_hole.wire.scan import SIGNED
from mirage_hole.wire.writer import HEAD, MOST_RECORDS, Writer, data_of, whole_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.wire.scan import Reply

_ABOUT_SIGNATURES: Final = frozenset({int(RRType.RRSIG), int(RRType.NSEC), int(RRType.NSEC3)})
_ANY: Final = int(RRType.ANY)


@lru_cache(maxsize=16)  # a hostile answer takes 12 ms, and no packet of one that is truncated is remembered
def without_signatures(question: bytes, reply: Reply) -> Reply:
    """The reply for a client that did not set DO: no RRSIG, NSEC and NSEC3, unless it asked for that type (RFC 4035 3.2.1).

    Args:
        question: the question section that was answered, folded wire form.
        reply: what to take them out of.
    """
    qtype = question[-4] << 8 | question[-3]
    if qtype == _ANY:
        return reply
    dropped = _ABOUT_SIGNATURES - {qtype}
    kept = only(question, reply, lambda kind: kind not in dropped)
    return reply if kept is None else kept._replace(traits=reply.traits & ~SIGNED)


def without_additional(reply: Reply) -> Reply:
    """The reply without what came beside the answer."""
    answers, authority, additional = reply.counts
    if not additional:
        return reply
    records, at = reply.records, 0
    for _ in range(answers + authority):
        at = skip_name(records, at) + HEAD.size
        at += int.from_bytes(records[at - 2 : at], "big")
    kept = reply.ttl_offsets[: answers + authority]
    return reply._replace(records=records[:at], counts=(answers, authority, 0), ttl_offsets=kept)


def only(
    question: bytes,
    reply: Reply,
    keep: Callable[[int], bool],
    change: Callable[[int, bytes], bytes | None] | None = None,
) -> Reply | None:
    """The reply with those records alone whose type ``keep`` keeps; None when it can't be written anew.

    That is so for a broken name and for too many records.

    Args:
        question: the question section that was answered, folded wire form.
        reply: what to take records out of.
        keep: told a type.
        change: told a type and the data of a record whose type may not be compressed; gives other data, or None to leave
            the record out.
    """
    if sum(reply.counts) > MOST_RECORDS:
        return None
    start = 12 + len(question)
    source = bytes(12) + question + reply.records
    writer = Writer(start, b"")
    writer.note(question[:-4], 12)
    counts = [0, 0, 0]
    offsets = []
    at = start
    for section, number in enumerate(reply.counts):
        for _ in range(number):
            owner, at = whole_name(source, at)
            if owner is None or at + HEAD.size > len(source):
                return None
            kind, rrclass, lifetime, length = HEAD.unpack_from(source, at)
            at += HEAD.size
            if keep(kind):
                data = data_of(source, kind, at, at + length)
                if data is None:
                    return None
                if change is not None and len(data) == 1:
                    other = change(kind, source[at : at + length])
                    at += length
                    if other is None:
                        continue
                    data, length = [other], 0
                writer.name(owner)
                offsets.append(len(writer.octets) + 4)
                writer.record(kind, rrclass, lifetime, data)
                counts[section] += 1
            at += length
    return reply._replace(
        records=bytes(writer.octets), counts=(counts[0], counts[1], counts[2]), ttl_offsets=tuple(offsets)
    )
