"""Rules to the buffers of a generation (docs/architecture.md, "Generation"). Slow, once, and small in memory.

A rule costs its key and six octets here, not a tuple of objects: a million rules stay below 100 MB while the trie is
built. Nothing is written; the compiler (``runtime/compiler.py``) puts the buffers into files.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import marisa_trie

from mirage_hole.lists.stored import CODE_BITS, encode_rich
from mirage_hole.policy.index import FORMAT_VERSION, Index, ListInfo
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.rich import RichRules, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mirage_hole.lists.rule import RichRule, Rule
    from mirage_hole.policy.rich import StoredRich

MAX_LISTS = 16_383
"""Lists have 16-bit numbers, of which the last few mean something else."""

_BUCKET_BITS = 16  # further members are sorted in buckets of 65,536 key ids, which bounds the memory of sorting


class Built(NamedTuple):
    """The buffers of a generation, and what its manifest says of them."""

    names: marisa_trie.BinaryTrie
    sets: bytes
    lines: bytes
    more: bytes
    set_width: int
    """Octets an entry of ``sets``: 1, 2 or 4."""
    members: list[list[tuple[int, int]]]
    """(list id, code) of each set; see :func:`mirage_hole.lists.stored.encode_bits`."""
    rich: list[StoredRich]

    def manifest(self, generation: int, created: int, lists: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The manifest, ready for JSON.

        Args:
            generation: its number.
            created: seconds since the epoch.
            lists: an object for each list, in order of list id, with at least the fields of :class:`ListInfo`.
        """
        return {
            "version": FORMAT_VERSION,
            "generation": generation,
            "created": created,
            "names": len(self.names),
            "set_width": self.set_width,
            "lists": list(lists),
            "sets": self.members,
            "rich": len(self.rich),
        }

    def as_index(self, generation: int, lists: Sequence[ListInfo]) -> Index:
        """An index of these buffers, without a detour over the disk."""
        manifest = self.manifest(generation, 0, [info._asdict() for info in lists])
        buffers = (self.names.tobytes(), self.sets, self.lines, self.more)
        return Index.from_buffers(manifest, *buffers)

    def as_policy(self, generation: int, lists: Sequence[ListInfo]) -> Policy:
        """A policy of these buffers and the rich rules."""
        return Policy(self.as_index(generation, lists), RichRules(read_stored(self.rich), lists))


class _Listed(NamedTuple):
    """The rules of one list, packed."""

    keys: bytearray
    """Each key after its length."""
    codes: bytearray
    """See :func:`mirage_hole.lists.stored.encode_bits`."""
    lines: array[int]

    def each_key(self) -> Iterator[bytes]:
        at = 0
        keys = memoryview(self.keys)
        while at < len(keys):
            end = at + 1 + keys[at]
            yield bytes(keys[at + 1 : end])
            at = end


class Builder:
    """Takes the rules of one list after another, in the order of their list ids."""

    def __init__(self) -> None:
        self._lists: list[_Listed] = []
        self._rich: list[StoredRich] = []

    def add_list(self, rules: Iterable[Rule]) -> int:
        """Take every rule of the next list; return how many there were.

        Raises:
            ValueError: more than ``MAX_LISTS`` lists.
        """
        if len(self._lists) == MAX_LISTS:
            message = f"more than {MAX_LISTS} lists"
            raise ValueError(message)
        listed = _Listed(bytearray(), bytearray(), array("I"))
        keys, add_code, add_line = listed.keys, listed.codes.append, listed.lines.append
        for name, action, scope, line, reply, important in rules:
            keys.append(len(name) - 1)
            keys += name[-2::-1]
            add_code(important << 6 | reply << 3 | action << 2 | scope)
            add_line(line)
        self._lists.append(listed)
        return len(listed.lines)

    def codes(self) -> Counter[int]:
        """How many rules of the list that was added last have which bits."""
        return Counter(self._lists[-1].codes)

    def add_rich(self, rules: Iterable[RichRule]) -> None:
        """Take the rich rules of the list that was added last."""
        list_id = len(self._lists) - 1
        self._rich += [[list_id, *encode_rich(one)] for one in rules]

    def build(self) -> Built:
        """The buffers of everything that was added. The builder is empty afterwards: memory goes as it is used."""
        trie = marisa_trie.BinaryTrie(key for listed in self._lists for key in listed.each_key())
        sets = _Sets()
        set_of = array("I", bytes(4 * len(trie)))
        first_lines = array("I", bytes(4 * len(trie)))
        further = [array("Q") for _ in range((len(trie) >> _BUCKET_BITS) + 1)]
        key_id_of = trie.get
        for list_id, listed in enumerate(self._lists):
            grow = sets.grower(list_id)
            for key, code, line in zip(listed.each_key(), listed.codes, listed.lines, strict=True):
                key_id = key_id_of(key)
                before = set_of[key_id]
                after = grow(before, code)
                if after == before:  # the list says the same on an earlier line
                    continue
                set_of[key_id] = after
                if before:
                    further[key_id >> _BUCKET_BITS].append(key_id << 32 | line)
                else:
                    first_lines[key_id] = line
        rich, self._rich = self._rich, []
        self._lists.clear()
        members, columns, width = sets.numbered(set_of)
        return Built(trie, columns, _little(first_lines), _pack_further(further), width, members, rich)


class _Sets:
    """Numbers every set of members that a key can have. Number 0 is the set of a key that has none yet."""

    def __init__(self) -> None:
        self._members: list[tuple[tuple[int, int], ...]] = [()]
        self._number_of: dict[tuple[tuple[int, int], ...], int] = {(): 0}

    def grower(self, list_id: int) -> _Grower:
        return _Grower(self, list_id)

    def grown(self, number: int, member: tuple[int, int]) -> int:
        """The set with the member added behind the others; the same set when it is in already."""
        members = self._members[number]
        if member in members:
            return number
        members = (*members, member)
        known = self._number_of.setdefault(members, len(self._members))
        if known == len(self._members):
            self._members.append(members)
        return known

    def numbered(self, set_of: array[int]) -> tuple[list[list[tuple[int, int]]], bytes, int]:
        """(members of the sets that some key has, the column of their new numbers, its width in octets)."""
        used = sorted(set(set_of))
        width = 1 if len(used) <= 1 << 8 else 2 if len(used) <= 1 << 16 else 4
        number_of = {old: new for new, old in enumerate(used)}
        column = array({1: "B", 2: "H", 4: "I"}[width], map(number_of.__getitem__, set_of))
        return [list(self._members[old]) for old in used], _little(column), width


class _Grower:
    """Remembers, for one list, which set grows into which: a dictionary look-up a rule."""

    def __init__(self, sets: _Sets, list_id: int) -> None:
        self._sets = sets
        self._list_id = list_id
        self._known: dict[int, int] = {}

    def __call__(self, number: int, code: int) -> int:
        step = number << CODE_BITS | code
        known = self._known.get(step)
        if known is None:
            known = self._sets.grown(number, (self._list_id, code))
            self._known[step] = known
        return known


def _pack_further(buckets: list[array[int]]) -> bytes:
    """Records of (key id, line), sorted by key id. Members came in the order of their places, and sorting keeps that."""
    packed = array("I")
    for bucket in buckets:
        for record in sorted(bucket, key=lambda record: record >> 32):
            packed.extend((record >> 32, record & 0xFFFFFFFF))
    return _little(packed)


def _little(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
