"""The addresses that an answer leads to: A and AAAA records, and the hints of HTTPS and SVCB records."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.codes import RRType
from mirage_hole.wire.query import skip_name

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

_A: Final = int(RRType.A)  # members of an enumeration are slow to look up
_AAAA: Final = int(RRType.AAAA)
_BINDINGS: Final = frozenset({int(RRType.SVCB), int(RRType.HTTPS)})
_HINTS: Final = {4: 4, 6: 16}
"""SvcParamKey of a hint (RFC 9460 7.3) to the octets of an address."""
_RECORD = Struct(">HHIH").unpack_from
_PARAMETER = Struct(">HH").unpack_from


def addresses_of(reply: Reply) -> list[tuple[int, bytes]]:
    """(record type, 4 or 16 octets) of every address in the answer section, in order. Data of a wrong length holds none."""
    records = reply.records
    at = 0
    found = []
    for _ in range(reply.counts[0]):  # the sections were found whole when the reply was scanned
        at = skip_name(records, at)
        kind, _, _, length = _RECORD(records, at)
        at += 10
        end = at + length
        if (kind == _A and length == 4) or (kind == _AAAA and length == 16):
            found.append((kind, records[at:end]))
        elif kind in _BINDINGS:
            found += [(kind, address) for address in _hints(records, at + 2, end)]  # behind SvcPriority
        at = end
    return found


def _hints(records: bytes, at: int, end: int) -> list[bytes]:
    at = skip_name(records, at)
    if at < 0:
        return []
    found = []
    while at + 4 <= end:
        key, length = _PARAMETER(records, at)
        at += 4
        width = _HINTS.get(key)
        if width and at + length <= end and length % width == 0:
            found += [records[place : place + width] for place in range(at, at + length, width)]
        at += length
    return found
