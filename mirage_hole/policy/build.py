"""Rules to the buffers of a generation (docs/architecture.md, "Generation"). Slow, once, and small in memory.

Rules come from packed lists, a block at a time, twice: for the trie, then for what the lists say of each of its names. What
stays in memory is the trie and some octets a name. Nothing is written; the compiler (``runtime/compiler.py``) does that.
"""

from __future__ import annotations

from array import array
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import marisa_trie

from mirage_hole.lists.stored import CODE_BITS, encode_rich
from mirage_hole.policy.columns import Layout, little, pack
from mirage_hole.policy.coverage import covered_names
from mirage_hole.policy.index import FORMAT_VERSION, Index, ListInfo
from mirage_hole.policy.packed import Facts, Packed, Writer
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.rich import RichRules, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mirage_hole.lists.rule import RichRule, Rule
    from mirage_hole.policy.rich import StoredRich

MAX_LISTS = 1000
"""Each costs a bit in every set of lists, and a row and a column of the report."""
MAX_RULES = 50_000_000
"""Simple rules over all lists: ten times the largest collections that are published."""
MAX_RICH = 100_000
"""Rich rules over all lists; each costs memory in every worker."""
MAX_RICH_OCTETS = 48 * 1024 * 1024
"""What they may take as JSON."""
MAX_MEMBERS = 4_000_000
"""Members over all sets of lists: half of what a manifest can hold. Published lists have some thousands."""

_TRIES = 6
"""Tries that a trie's tails are packed into: of 700,000 published names, 3 (marisa's own choice) make 4.4 MB, 6 make 4.2, and
more make no difference. Look-ups take as long."""
_BUCKET_BITS = 16  # further members are sorted in buckets of 65,536 key ids, which bounds the memory of sorting


class TooMuch(Exception):  # noqa: N818 - reads as what it is at the raise
    """More lists or rules than there may be; the message says of what, and how many."""


class Built(NamedTuple):
    """The buffers of a generation, and what its manifest and its report say of them."""

    names: marisa_trie.BinaryTrie
    sets: bytes
    lines: bytes
    more: bytes
    layout: Layout
    """Of ``sets``."""
    line_octets: int
    """Octets an entry of ``lines``."""
    members: list[list[tuple[int, int]]]
    """(list id, code) of each set; see :func:`mirage_hole.lists.stored.encode_bits`."""
    rich: list[StoredRich]
    uses: list[int]
    """How many names each set has."""
    repeated: list[int]
    """How many simple rules of each list say what the same list says on an earlier line."""
    covered: list[int]
    """How many names of each list a rule about a name above them decides in the same way, in this list or another."""
    left_out: list[int]
    """How many rich rules of each list are too many."""

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
            "set_bits": self.layout.bits,
            "rare_sets": self.layout.rare,
            "line_octets": self.line_octets,
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


class Builder:
    """Takes one list after another, in the order of their list ids."""

    def __init__(self) -> None:
        self._lists: list[Packed] = []
        self._rich: list[StoredRich] = []
        self._rich_octets = 0
        self._left_out: list[int] = []
        self.rules = 0
        """Simple ones, so far."""
        self.key_octets = 0
        """Of their keys."""

    def add_packed(self, packed: Packed) -> None:
        """Take the next list, which is read in :meth:`build`.

        Raises:
            TooMuch: more lists, or more simple rules, than there may be.
        """
        if len(self._lists) == MAX_LISTS:
            message = f"more than {MAX_LISTS:,} lists"
            raise TooMuch(message)
        if self.rules + len(packed) > MAX_RULES:
            message = f"more than {MAX_RULES:,} rules over all lists"
            raise TooMuch(message)
        self._lists.append(packed)
        self._left_out.append(0)
        self.rules += len(packed)
        self.key_octets += packed.key_octets
        if packed.rich_count:
            self._add_stored(packed.stored_rich())

    def add_list(self, rules: Iterable[Rule]) -> int:
        """Take every rule of the next list, packed in memory; return how many there were.

        Raises:
            TooMuch: as :meth:`add_packed`.
        """
        file = BytesIO()
        writer = Writer(file)
        writer.add(rules)
        writer.finish(Facts("", "", "", "", 0, 0, {}, ()))
        data = file.getvalue()
        packed = Packed(lambda: BytesIO(data))
        self.add_packed(packed)
        return len(packed)

    def add_rich(self, rules: Iterable[RichRule]) -> None:
        """Take rich rules of the list that was added last."""
        self._add_stored([encode_rich(one) for one in rules])

    def build(self) -> Built:
        """The buffers of everything that was added. The builder is empty afterwards: memory goes as it is used.

        Raises:
            TooMuch: the lists overlap in too many ways.
            OSError: a packed list can't be read.
        """
        trie = marisa_trie.BinaryTrie(self._keys(), num_tries=_TRIES, cache_size=marisa_trie.TINY_CACHE)
        sets = _Sets()
        set_of = array("I", bytes(4 * len(trie)))
        first_lines = array("I", bytes(4 * len(trie)))
        further = [array("Q") for _ in range((len(trie) >> _BUCKET_BITS) + 1)]
        repeated = [0] * len(self._lists)
        key_id_of = trie.get
        for list_id, packed in enumerate(self._lists):
            grow = sets.grower(list_id)
            again = 0
            for keys, codes, lines in packed.blocks():
                for key_id, code, line in zip(map(key_id_of, keys), codes, lines, strict=True):
                    before = set_of[key_id]
                    after = grow[before << CODE_BITS | code]
                    if after == before:  # the list says the same on an earlier line
                        again += 1
                        continue
                    set_of[key_id] = after
                    if before:
                        further[key_id >> _BUCKET_BITS].append(key_id << 32 | line)
                    else:
                        first_lines[key_id] = line
            repeated[list_id] = again
        rich, self._rich, left_out, self._left_out = self._rich, [], self._left_out, []
        self._lists.clear()
        members, uses, set_of = sets.numbered(set_of)
        covered = covered_names(trie, set_of, members, len(repeated))
        layout, column = pack(set_of, uses)
        del set_of
        octets, lines_column = _narrowed(first_lines)
        del first_lines
        more = _pack_further(further)
        buffers = (trie, column, lines_column, more, layout, octets)
        return Built(*buffers, members, rich, uses, repeated, covered, left_out)

    def _keys(self) -> Iterator[bytes]:
        for packed in self._lists:
            for block in packed.blocks():
                yield from block.keys

    def _add_stored(self, rules: Iterable[list[Any]]) -> None:
        list_id = len(self._lists) - 1
        for one in rules:
            octets = sum(len(part) for part in one if isinstance(part, str)) + 64
            if len(self._rich) == MAX_RICH or self._rich_octets + octets > MAX_RICH_OCTETS:
                self._left_out[list_id] += 1
                continue
            self._rich_octets += octets
            self._rich.append([list_id, *one])


class _Sets:
    """Numbers every set of members that a key can have. Number 0 is the set of a key that has none yet."""

    def __init__(self) -> None:
        self._members: list[tuple[tuple[int, int], ...]] = [()]
        self._number_of: dict[tuple[tuple[int, int], ...], int] = {(): 0}
        self._total = 0

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
            self._total += len(members)
            if self._total > MAX_MEMBERS:
                message = f"lists that overlap in too many ways: {len(self._members):,} combinations of them have names"
                raise TooMuch(message)
        return known

    def numbered(self, set_of: array[int]) -> tuple[list[list[tuple[int, int]]], list[int], array[int]]:
        """(members of the sets that some key has, how many keys have each, the column of their new numbers).

        The commonest set comes first.
        """
        used = Counter(set_of).most_common()
        number_of = {old: new for new, (old, _) in enumerate(used)}
        for key_id, old in enumerate(set_of):
            set_of[key_id] = number_of[old]
        return [list(self._members[old]) for old, _ in used], [count for _, count in used], set_of


class _Grower(dict[int, int]):
    """Remembers, for one list, which set grows into which: a dictionary look-up a rule."""

    def __init__(self, sets: _Sets, list_id: int) -> None:
        super().__init__()
        self._sets = sets
        self._list_id = list_id

    def __missing__(self, step: int) -> int:
        code = step & (1 << CODE_BITS) - 1
        self[step] = known = self._sets.grown(step >> CODE_BITS, (self._list_id, code))
        return known


def _narrowed(lines: array[int]) -> tuple[int, bytes]:
    """(octets a number, the numbers): as few octets as the largest takes."""
    width = (max(lines, default=0).bit_length() + 7) // 8
    octets = memoryview(little(lines))
    if width == lines.itemsize:
        return width, bytes(octets)
    narrow = bytearray(len(lines) * width)
    for place in range(width):
        narrow[place::width] = octets[place :: lines.itemsize]
    return width, bytes(narrow)


def _pack_further(buckets: list[array[int]]) -> bytes:
    """Records of (key id, line), sorted by key id. Members came in the order of their places, and sorting keeps that."""
    packed = array("I")
    while buckets:
        bucket = buckets.pop(0)
        for record in sorted(bucket, key=lambda record: record >> 32):
            packed.extend((record >> 32, record & 0xFFFFFFFF))
    return little(packed)
