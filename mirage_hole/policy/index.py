"""The compiled rules of one generation: which rules apply to a name, and which one decides.

An index reads buffers and never changes; the edge maps files into it (``runtime/generation.py``). The layout is in
docs/architecture.md, "Generation". Columns are little endian; a big-endian machine copies and swaps them.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import marisa_trie

from mirage_hole.lists.rule import Action, Scope
from mirage_hole.policy.verdict import Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from _typeshed import ReadableBuffer

FORMAT_VERSION = 1
"""``version`` in the manifest of a generation that this module reads."""

ALL_LISTS = -1
"""The bit mask with every bit set; bit N stands for list N."""

_MORE_WORDS = 2  # u32 words a record of more.bin: key id, line


_CODES = {1: "B", 2: "H", 4: "I"}  # type codes of array and memoryview by octets


StoredPattern: TypeAlias = "tuple[int, int, int, int, str]"
"""A rule with wildcards: list id, action, scope, line, pattern."""


class BadIndex(ValueError):  # noqa: N818 - reads as what it is at the raise
    """The buffers are no generation or do not belong together; the message says what is wrong."""


class ListInfo(NamedTuple):
    """One list of a generation."""

    title: str
    source: str
    """URL, path or catalogue name, as it was configured."""
    kind: str
    """``block`` or ``allow``: what its plain lines do."""
    format: str
    """A name from :mod:`mirage_hole.lists.formats`."""
    rules: int
    complaints: int


class _Member(NamedTuple):
    """One (list, action, scope) of a set, and its place in the set as it is stored."""

    list_id: int
    action: Action
    scope: Scope
    place: int


class _Set(NamedTuple):
    """What the rules of a key say. Allow comes first, then the earlier list: the first member that is asked for decides."""

    own: tuple[_Member, ...]
    """Those that apply to the key's own name."""
    below: tuple[_Member, ...]
    """Those that apply to the names below it."""


class Index:
    """The rules of every list of one generation. Immutable, and safe to share between threads."""

    EMPTY: ClassVar[Index]
    """Generation 0: no list, no rule."""

    __slots__ = (
        "_allows",
        "_get",
        "_held",
        "_lines",
        "_more",
        "_prefixes",
        "_set_of",
        "_sets",
        "_trie",
        "generation",
        "lists",
    )

    def __init__(
        self,
        generation: int,
        lists: tuple[ListInfo, ...],
        trie: marisa_trie.BinaryTrie,
        sets: tuple[_Set, ...],
        columns: tuple[Sequence[int], Sequence[int], Sequence[int]],
        held: ReadableBuffer = b"",
    ) -> None:
        self.generation = generation
        self.lists = lists
        self._trie = trie
        self._held = held  # a mapped trie points into its buffer and holds no reference of its own
        self._prefixes = trie.prefixes
        self._get = trie.get
        self._sets = sets
        self._set_of, self._lines, self._more = columns
        self._allows = any(member.action is Action.ALLOW for one in sets for member in one.own)

    @classmethod
    def from_buffers(
        cls,
        manifest: dict[str, Any],
        names: ReadableBuffer,
        sets: ReadableBuffer,
        lines: ReadableBuffer,
        more: ReadableBuffer,
        patterns: Sequence[StoredPattern] = (),
    ) -> Index:
        """Put an index on top of a generation's buffers, which are kept and must not change.

        ``patterns`` are the rules with wildcards; with any of them the index is a
        :class:`mirage_hole.policy.patterns.PatternedIndex`.

        Raises:
            BadIndex: another version, or sizes that contradict each other.
        """
        version = manifest.get("version")
        if version != FORMAT_VERSION:
            message = f"the manifest has version {version!r}; this program reads {FORMAT_VERSION}"
            raise BadIndex(message)
        try:
            lists = tuple(ListInfo(*(one[field] for field in ListInfo._fields)) for one in manifest["lists"])
            judged = _read_sets(manifest["sets"], len(lists))
            count, width, generation = manifest["names"], manifest["set_width"], manifest["generation"]
            wildcards = manifest.get("patterns", 0)
        except (KeyError, TypeError, ValueError) as problem:
            message = f"the manifest is damaged: {type(problem).__name__} {problem}"
            raise BadIndex(message) from problem
        if width not in _CODES:
            message = f"set_width is {width!r}; only 1, 2 and 4 octets are known"
            raise BadIndex(message)
        columns = (
            _column(sets, _CODES[width], "sets", count),
            _column(lines, "I", "lines", count),
            _column(more, "I", "more", None),
        )
        trie = marisa_trie.BinaryTrie()
        try:
            trie.map(names)
        except RuntimeError as problem:
            message = f"the names are no marisa trie: {problem}"
            raise BadIndex(message) from problem
        if len(trie) != count:
            message = f"the trie holds {len(trie)} names, the manifest says {count}"
            raise BadIndex(message)
        if len(patterns) != wildcards:
            message = f"there are {len(patterns)} patterns, the manifest says {wildcards}"
            raise BadIndex(message)
        if not patterns:
            return cls(generation, lists, trie, judged, columns, names)
        from mirage_hole.policy.patterns import PatternedIndex  # here: most generations have no patterns

        return PatternedIndex(patterns, generation, lists, trie, judged, columns, names)

    def __len__(self) -> int:
        """How many distinct names have rules."""
        return len(self._lines)

    def decide(self, name: bytes, labels: tuple[int, ...], lists: int = ALL_LISTS) -> Match | None:
        """The match that decides, or None when no rule of ``lists`` applies.

        Allow beats block; among the same action the deepest name wins, then the earlier list.

        Args:
            name: the asked name, folded wire form with root.
            labels: the offset of each of its labels.
            lists: bit mask of the lists that count.
        """
        key = name[-2::-1]
        prefixes = self._prefixes(key)
        if not prefixes:
            return None
        size = len(key)
        decided: tuple[_Member, int, int] | None = None
        for prefix in reversed(prefixes):  # the deepest name first
            offset = size - len(prefix)
            if offset not in labels:  # a length octet that looked like a character of a longer label
                continue
            key_id = self._get(prefix)
            one = self._sets[self._set_of[key_id]]
            for member in one.below if offset else one.own:
                if not lists >> member.list_id & 1:
                    continue
                if member.action is Action.ALLOW:
                    return self._match(member, key_id, name[offset:])
                if decided is None:
                    decided = (member, key_id, offset)
                break
            if decided is not None and not self._allows:
                break
        if decided is None:
            return None
        member, key_id, offset = decided
        return self._match(member, key_id, name[offset:])

    def find(self, name: bytes, labels: tuple[int, ...]) -> list[tuple[int, int]]:
        """(key id, offset of the label where the key's name starts) of the name and its ancestors, deepest first."""
        key = name[-2::-1]
        offsets = ((len(key) - len(prefix), prefix) for prefix in reversed(self._prefixes(key)))
        return [(self._get(prefix), offset) for offset, prefix in offsets if offset in labels]

    def matches(self, name: bytes, labels: tuple[int, ...]) -> list[Match]:
        """Every rule of every list that applies, the deciding one first."""
        found = []
        for key_id, offset in self.find(name, labels):
            one = self._sets[self._set_of[key_id]]
            found += [self._match(member, key_id, name[offset:]) for member in (one.below if offset else one.own)]
        # The sort is stable, so what `decide` would meet first stays first.
        return sorted(found, key=lambda match: (match.action is Action.BLOCK, -len(match.name)))

    def _match(self, member: _Member, key_id: int, rule_name: bytes) -> Match:
        list_id, action, scope, place = member
        return Match(list_id, action, scope, rule_name, self._line(key_id, place))

    def _line(self, key_id: int, place: int) -> int:
        """The line of the key's member; 0 when the generation does not say."""
        if place == 0:
            return self._lines[key_id]
        more = self._more
        records = range(len(more) // _MORE_WORDS)
        first = bisect_left(records, key_id, key=lambda record: more[record * _MORE_WORDS])
        at = (first + place - 1) * _MORE_WORDS  # the records of a key stand in the order of its members
        return more[at + 1] if at < len(more) and more[at] == key_id else 0


def empty_index() -> Index:
    """An index of generation 0, without lists and rules."""
    nothing: tuple[Sequence[int], ...] = ((), (), ())
    return Index(0, (), marisa_trie.BinaryTrie(), (), (nothing[0], nothing[1], nothing[2]))


def _read_sets(raw: Iterable[Iterable[tuple[int, int, int]]], lists: int) -> tuple[_Set, ...]:
    known: dict[_Member, _Member] = {}  # there are thousands of sets and few different members
    sets = []
    for one in raw:
        members = []
        for place, (list_id, action, scope) in enumerate(one):
            if not 0 <= list_id < lists:
                message = f"a set speaks of list {list_id}, and there are {lists}"
                raise ValueError(message)
            member = _Member(list_id, Action(action), Scope(scope), place)
            members.append(known.setdefault(member, member))
        own = tuple(sorted(members, key=lambda member: (member.action is Action.BLOCK, member.list_id)))
        below = tuple(member for member in own if member.scope is Scope.SUBTREE)
        sets.append(_Set(own, own if len(below) == len(own) else below))
    return tuple(sets)


def _column(buffer: ReadableBuffer, code: str, title: str, count: int | None) -> Sequence[int]:
    view = memoryview(buffer).cast("B")
    size = struct_size = array(code).itemsize
    if count is None:
        size *= _MORE_WORDS
        count = len(view) // size
    if len(view) != count * size:
        message = f"{title} has {len(view)} octets; {count} records of {size} are expected"
        raise BadIndex(message)
    if sys.byteorder == "big" and struct_size > 1:
        swapped = array(code, view.tobytes())
        swapped.byteswap()
        return swapped
    return view.cast(code)  # type: ignore[call-overload,no-any-return,unused-ignore]  # the code is H or I


Index.EMPTY = empty_index()
