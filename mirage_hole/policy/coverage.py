"""Which names of the lists are there for nothing: a rule about a name above them decides them in the same way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.lists.rule import Scope
from mirage_hole.lists.stored import decode_bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import marisa_trie


class _Said(NamedTuple):
    """What a set of rules comes to here; each bit of a mask stands for one way to decide."""

    below: int
    """What it decides for the names below."""
    lists: tuple[tuple[int, int], ...]
    """(list id, what the list decides for the name)."""


def covered_names(
    trie: marisa_trie.BinaryTrie, set_of: Sequence[int], members: Sequence[Sequence[tuple[int, int]]], lists: int
) -> list[int]:
    """How many names of each list are covered: all that the list says of the name, some list says of a name above it.

    Args:
        trie: the names.
        set_of: the set of each, by key id.
        members: (list id, code) of each set.
        lists: how many there are.
    """
    bit_of: dict[tuple[int, ...], int] = {}
    said = [_said(one, bit_of) for one in members]
    counts = [0] * lists
    if not any(one.below for one in said):
        return counts
    found: Counter[tuple[int, int]] = Counter()
    above: list[tuple[bytes, int]] = []
    """(key, what it and the names above it decide), outermost first."""
    for key, key_id in trie.iteritems():  # depth first: all that begins with a key comes right after it, in any order
        while above and not key.startswith(above[-1][0]):
            above.pop()
        covers = 0
        for other, decides in reversed(above):
            if key[len(other) : len(other) + 1] == b"." or not other:  # else it only begins like that
                covers = decides
                break
        number = set_of[key_id]
        if covers:
            found[number, covers] += 1
        if said[number].below:
            above.append((key, covers | said[number].below))
    for (number, covers), names in found.items():
        for list_id, decides in said[number].lists:
            if not decides & ~covers:
                counts[list_id] += names
    return counts


def _said(members: Sequence[tuple[int, int]], bit_of: dict[tuple[int, ...], int]) -> _Said:
    below = 0
    by_list: dict[int, int] = {}
    for list_id, code in members:
        bits = decode_bits(code)
        way = (bits.action, bits.reply, bits.important)
        bit = 1 << bit_of.setdefault(way, len(bit_of))
        by_list[list_id] = by_list.get(list_id, 0) | bit
        if bits.scope is not Scope.EXACT:
            below |= bit
    return _Said(below, tuple(by_list.items()))
