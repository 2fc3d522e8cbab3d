"""The compiled rules of one generation: which rules apply to a name, and which one decides.

An index reads buffers and never changes; the edge maps files into it (``runtime/generation.py``). The layout is in
docs/architecture.md, "Generation". Whoever only decides needs the names and the sets; line numbers are for those who explain.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import marisa_trie

from mirage_hole.lists.rule import Scope
from mirage_hole.lists.stored import decode_bits
from mirage_hole.policy.columns import Layout, opened
from mirage_hole.policy.keys import key_at, key_of
from mirage_hole.policy.order import Step, step_of
from mirage_hole.policy.verdict import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from _typeshed import ReadableBuffer

    from mirage_hole.lists.rule import Action, Reply

FORMAT_VERSION = 3
"""``version`` in the manifest of a generation that this module reads."""

ALL_LISTS = -1
"""The bit mask with every bit set; bit N stands for list N."""

_MORE = struct.Struct("<II")  # a record of more.bin: key id, line

_NO_STEP = 99  # after every step
_LINE_WIDTHS = (0, 1, 2, 3, 4)


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
    """What one list says of a key, and its place in the set as it is stored."""

    list_id: int
    action: Action
    scope: Scope
    place: int
    step: Step
    reply: Reply
    important: bool


class _Set(NamedTuple):
    """What the rules of a key say, by step and then by list: the first member that is asked for decides."""

    own: tuple[_Member, ...]
    """Those that apply to the key's own name."""
    below: tuple[_Member, ...]
    """Those that apply to the names below it."""


class Index:
    """The rules of every list of one generation. Immutable, and safe to share between threads."""

    EMPTY: ClassVar[Index]
    """Generation 0: no list, no rule."""

    __slots__ = (
        "_best",
        "_get",
        "_held",
        "_line_width",
        "_lines",
        "_more",
        "_prefixes",
        "_set_at",
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
        set_at: Callable[[int], _Set],
        lines: tuple[int, ReadableBuffer, ReadableBuffer] = (0, b"", b""),
        held: ReadableBuffer = b"",
    ) -> None:
        self.generation = generation
        self.lists = lists
        self._trie = trie
        self._held = held  # a mapped trie points into its buffer and holds no reference of its own
        self._prefixes = trie.prefixes
        self._get = trie.get
        self._set_at = set_at
        self._line_width, self._lines, self._more = lines[0], memoryview(lines[1]), memoryview(lines[2])
        self._best = min((member.step for one in sets for member in (*one.own[:1], *one.below[:1])), default=Step.BLOCK)

    @classmethod
    def from_buffers(
        cls,
        manifest: dict[str, Any],
        names: ReadableBuffer,
        sets: ReadableBuffer,
        lines: ReadableBuffer | None = None,
        more: ReadableBuffer = b"",
    ) -> Index:
        """Put an index on top of a generation's buffers, which are kept and must not change.

        Args:
            manifest: of the generation.
            names: the trie.
            sets: which set of rules each name has.
            lines: line numbers; None: every match has line 0.
            more: further line numbers.

        Raises:
            BadIndex: another version, or sizes that contradict each other.
        """
        version = manifest.get("version")
        if version != FORMAT_VERSION:
            message = f"the manifest has version {version!r}; this program reads {FORMAT_VERSION}"
            raise BadIndex(message)
        try:
            lists = tuple(ListInfo(*(one[field] for field in ListInfo._fields)) for one in manifest["lists"])
            judged = _read_sets(manifest["sets"], [one.kind == "allow" for one in lists])
            count, generation = int(manifest["names"]), manifest["generation"]
            layout = Layout(int(manifest["set_bits"]), int(manifest["rare_sets"]))
            width = int(manifest["line_octets"]) if lines is not None else 0
        except (KeyError, TypeError, ValueError) as problem:
            message = f"the manifest is damaged: {type(problem).__name__} {problem}"
            raise BadIndex(message) from problem
        try:
            set_at = opened(layout, sets, count, judged)
        except ValueError as problem:
            raise BadIndex(str(problem)) from problem
        _check_lines(width, lines, more, count)
        trie = marisa_trie.BinaryTrie()
        try:
            trie.map(names)
        except RuntimeError as problem:
            message = f"the names are no marisa trie: {problem}"
            raise BadIndex(message) from problem
        if len(trie) != count:
            message = f"the trie holds {len(trie)} names, the manifest says {count}"
            raise BadIndex(message)
        return cls(generation, lists, trie, judged, set_at, (width, lines or b"", more), names)

    def __len__(self) -> int:
        """How many distinct names have rules."""
        return len(self._trie)

    def decide(self, name: bytes, labels: tuple[int, ...], lists: int = ALL_LISTS) -> Match | None:
        """The match that decides, or None when no rule of ``lists`` applies.

        The lowest step decides; at the same step the deepest name, then the earlier list.

        Args:
            name: the asked name, folded wire form with root.
            labels: the offset of each of its labels.
            lists: bit mask of the lists that count.
        """
        key = key_at(name, labels)
        prefixes = self._prefixes(key)
        if not prefixes:
            return None
        size = len(key)
        best, nothing_better = _NO_STEP, self._best
        decided: tuple[_Member, int, int] | None = None
        for prefix in reversed(prefixes):  # the deepest name first
            offset = size - len(prefix)
            if offset not in labels:  # the end of a label that is longer here
                continue
            key_id = self._get(prefix)
            one = self._set_at(key_id)
            for member in one.below if offset else one.own:
                if not lists >> member.list_id & 1:
                    continue
                if member.step < best:
                    best = member.step
                    decided = (member, key_id, offset)
                break
            if best <= nothing_better:
                break
        if decided is None:
            return None
        member, key_id, offset = decided
        return self._match(member, key_id, name[offset:])

    def find(self, name: bytes, labels: tuple[int, ...]) -> list[tuple[int, int]]:
        """(key id, offset of the label where the key's name starts) of the name and its ancestors, deepest first."""
        key = key_at(name, labels)
        offsets = ((len(key) - len(prefix), prefix) for prefix in reversed(self._prefixes(key)))
        return [(self._get(prefix), offset) for offset, prefix in offsets if offset in labels]

    def matches(self, name: bytes, labels: tuple[int, ...]) -> list[Match]:
        """Every rule of every list that applies, the deciding one first."""
        found = []
        for key_id, offset in self.find(name, labels):
            one = self._set_at(key_id)
            found += [self._match(member, key_id, name[offset:]) for member in (one.below if offset else one.own)]
        # The sort is stable, so what `decide` would meet first stays first.
        return sorted(found, key=lambda match: (match.step, -len(match.name)))

    def line_of(self, list_id: int, name: bytes, scope: Scope) -> int:
        """The line of a list's rule about a name (folded wire form); 0 when it is not known, or there is no such rule."""
        key_id = self._get(key_of(name), -1)
        if key_id < 0:
            return 0
        one = self._set_at(key_id)
        places = [
            member.place for member in {*one.own, *one.below} if (member.list_id, member.scope) == (list_id, scope)
        ]
        return self._line(key_id, min(places)) if places else 0

    def _match(self, member: _Member, key_id: int, rule_name: bytes) -> Match:
        list_id, action, scope, place, step, reply, important = member
        return Match(list_id, action, scope, rule_name, self._line(key_id, place), step, reply, important)

    def _line(self, key_id: int, place: int) -> int:
        """The line of the key's member; 0 when it is not known here."""
        width = self._line_width
        if not width:
            return 0
        if place == 0:
            return int.from_bytes(self._lines[key_id * width : (key_id + 1) * width], "little")
        more = self._more
        records = range(len(more) // _MORE.size)
        first = bisect_left(records, key_id, key=lambda record: _MORE.unpack_from(more, record * _MORE.size)[0])
        at = first + place - 1  # the records of a key stand in the order of its members
        found, line = _MORE.unpack_from(more, at * _MORE.size) if at < len(records) else (-1, 0)
        return line if found == key_id else 0


def empty_index() -> Index:
    """An index of generation 0, without lists and rules."""
    return Index(0, (), marisa_trie.BinaryTrie(), (), ().__getitem__)


def _read_sets(raw: Iterable[Iterable[tuple[int, int]]], allowlists: Sequence[bool]) -> tuple[_Set, ...]:
    known: dict[_Member, _Member] = {}  # there are thousands of sets and few different members
    sets = []
    for one in raw:
        members = []
        for place, (list_id, code) in enumerate(one):
            if not 0 <= list_id < len(allowlists):
                message = f"a set speaks of list {list_id}, and there are {len(allowlists)}"
                raise ValueError(message)
            action, scope, reply, important = decode_bits(code)
            step = step_of(action, important=important, allowlist=allowlists[list_id])
            member = _Member(list_id, action, scope, place, step, reply, important)
            members.append(known.setdefault(member, member))
        members.sort(key=lambda member: (member.step, member.list_id))
        own = tuple(member for member in members if member.scope is not Scope.BELOW)
        below = tuple(member for member in members if member.scope is not Scope.EXACT)
        sets.append(_Set(own, own if own == below else below))
    return tuple(sets)


def _check_lines(width: int, lines: ReadableBuffer | None, more: ReadableBuffer, count: int) -> None:
    if lines is None:
        return
    if width not in _LINE_WIDTHS or len(memoryview(lines)) != count * width:
        message = f"lines has {len(memoryview(lines))} octets; {count} numbers of {width!r} octets are expected"
        raise BadIndex(message)
    if len(memoryview(more)) % _MORE.size:
        message = f"more has {len(memoryview(more))} octets; records of {_MORE.size} are expected"
        raise BadIndex(message)


Index.EMPTY = empty_index()
