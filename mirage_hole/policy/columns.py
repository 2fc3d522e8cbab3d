"""A column of small numbers by key id, a few bits each: which set of rules a name belongs to.

Sets are numbered by how many names have them. A column is as narrow as it can be: with one set it is not there at all, and
numbers that are too large for it are in a table behind it, sorted by key id.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from _typeshed import ReadableBuffer

_T = TypeVar("_T")

WIDTHS: Final = (0, 4, 8, 16)
"""Bits a key id."""
WORTH: Final = 512 * 1024
"""Octets that are worth a faster look-up."""
_RARE: Final = struct.Struct("<II")
"""Key id, number."""


class Layout(NamedTuple):
    """How a column is written."""

    bits: int
    """One of ``WIDTHS``."""
    rare: int
    """Entries in the table behind it. When there are any, the column's highest number says: look there."""

    def size(self, count: int) -> int:
        """The size of a column for ``count`` key ids."""
        return _column_octets(self.bits, count) + self.rare * _RARE.size


def pack(numbers: array[int], uses: Sequence[int]) -> tuple[Layout, bytes]:
    """The column, in the smallest layout; ``uses``: how many key ids have each number, in falling order."""
    layout = _smallest(len(numbers), uses)
    limit = (1 << layout.bits) - 1
    if layout.bits == 0:
        return layout, b""
    small = [min(number, limit) for number in range(len(uses))] if layout.rare else range(len(uses))
    narrow = map(small.__getitem__, numbers)
    if layout.bits == 4:
        both = bytes(narrow)
        even = both[::2]
        odd = both[1::2].ljust(len(even), b"\0")
        column = (int.from_bytes(even, "little") | int.from_bytes(odd, "little") << 4).to_bytes(len(even), "little")
    elif layout.bits == 8:
        column = bytes(narrow)
    else:
        column = little(array("H", narrow))
    if not layout.rare:
        return layout, column
    rare = (_RARE.pack(key_id, number) for key_id, number in enumerate(numbers) if number >= limit)
    return layout, column + b"".join(rare)


def little(column: array[int]) -> bytes:
    """The octets of a column, little endian. The column must not be used any more."""
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def opened(layout: Layout, buffer: ReadableBuffer, count: int, values: Sequence[_T]) -> Callable[[int], _T]:
    """A function from a key id to its value; ``values`` by number.

    Raises:
        ValueError: no such layout, or it does not fit the buffer, the count or the values.
    """
    view = memoryview(buffer).cast("B")
    bits, rare = layout
    if bits not in WIDTHS or rare < 0 or len(view) != layout.size(count):
        message = f"sets has {len(view)} octets; {count} numbers of {bits} bits and {rare} more are something else"
        raise ValueError(message)
    table = view[_column_octets(bits, count) :]
    if (count and not values) or any(number >= len(values) for _, number in _RARE.iter_unpack(table)):
        message = f"a name has a set beyond the {len(values)} that there are"
        raise ValueError(message)
    if bits == 0:
        return lambda _: values[0]
    if bits == 4:
        if not rare:
            return lambda key_id: values[view[key_id >> 1] >> ((key_id & 1) << 2) & 15]

        def narrow(key_id: int) -> _T:
            number = view[key_id >> 1] >> ((key_id & 1) << 2) & 15
            return values[number if number != 15 else _look_up(table, key_id)]

        return narrow
    if bits == 8:
        if not rare:
            return lambda key_id: values[view[key_id]]

        def middle(key_id: int) -> _T:
            number = view[key_id]
            return values[number if number != 255 else _look_up(table, key_id)]

        return middle

    def wide(key_id: int) -> _T:
        number = view[2 * key_id] | view[2 * key_id + 1] << 8
        return values[number if number != 65535 or not rare else _look_up(table, key_id)]

    return wide


def _look_up(table: memoryview, key_id: int) -> int:
    at = bisect_left(range(len(table) // _RARE.size), key_id, key=lambda at: _RARE.unpack_from(table, at * 8)[0])
    return int(_RARE.unpack_from(table, at * _RARE.size)[1])


def _smallest(count: int, uses: Sequence[int]) -> Layout:
    if len(uses) <= 1:
        return Layout(0, 0)
    layouts = []
    for bits in WIDTHS[1:]:
        rare = sum(uses[(1 << bits) - 1 :]) if len(uses) > 1 << bits else 0
        layouts.append(Layout(bits, rare))
    smallest = min(layout.size(count) for layout in layouts)
    # Of those that are about as small, the one that takes the least to read.
    small = [layout for layout in layouts if layout.size(count) <= smallest + WORTH]
    return min(small, key=lambda layout: (layout.rare > 0, layout.bits != 8, layout.size(count)))


def _column_octets(bits: int, count: int) -> int:
    return (count * bits + 7) // 8
