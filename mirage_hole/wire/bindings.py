"""SVCB and HTTPS records without some of their parameters (RFC 9460 2.2)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.codes import AD, RRType
from mirage_hole.wire.query import skip_name
from mirage_hole.wire.scan import SIGNED
from mirage_hole.wire.strip import only

if TYPE_CHECKING:
    from collections.abc import Collection

    from mirage_hole.wire.scan import Reply

MANDATORY: Final = 0
IPV4HINT: Final = 4
ECH: Final = 5
IPV6HINT: Final = 6

_BINDINGS: Final = frozenset({int(RRType.SVCB), int(RRType.HTTPS)})
_RRSIG: Final = int(RRType.RRSIG)
_PARAMETER: Final = Struct(">HH")


def without_parameters(question: bytes, reply: Reply, keys: Collection[int]) -> Reply:
    """The reply with these SvcParamKeys taken out of its SVCB and HTTPS records.

    A record that names one of them as mandatory goes whole, since its clients could not use it (RFC 9460 8). What was
    signed is not any more: when anything was taken out, AD and all signatures go. Of an answer that can't be written anew, with
    a broken name or with more records than anybody honest sends, nothing is left.

    Args:
        question: the question section that was answered.
        reply: as it was scanned.
        keys: see ``ECH`` and its like.
    """
    changed = False

    def change(kind: int, data: bytes) -> bytes | None:
        nonlocal changed
        if kind not in _BINDINGS:
            return data
        shorter = _without(data, keys)
        changed = changed or shorter != data
        return shorter

    found = only(question, reply, lambda _: True, change)
    if found is None:  # nobody knows what is in it
        return reply._replace(flags=reply.flags & ~AD, records=b"", counts=(0, 0, 0), ttl_offsets=(), traits=0)
    if not changed:
        return reply
    found = found._replace(flags=found.flags & ~AD)
    if reply.traits & SIGNED:
        return only(question, found, lambda kind: kind != _RRSIG) or found
    return found


def _without(data: bytes, keys: Collection[int]) -> bytes | None:
    """A record's data without these keys, as it is when it can't be read; None when one of them is mandatory."""
    at = skip_name(data, 2) if len(data) > 2 else -1
    if at < 0:
        return data
    kept = [data[:at]]
    while at + _PARAMETER.size <= len(data):
        key, length = _PARAMETER.unpack_from(data, at)
        end = at + _PARAMETER.size + length
        if end > len(data):
            return data
        value = data[at + _PARAMETER.size : end]
        if key == MANDATORY and any(int.from_bytes(value[two : two + 2], "big") in keys for two in range(0, length, 2)):
            return None
        if key not in keys:
            kept.append(data[at:end])
        at = end
    return b"".join(kept) if at == len(data) else data
