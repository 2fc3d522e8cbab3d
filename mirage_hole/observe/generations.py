"""The titles of the last generations' lists, and the lines of their rules: a record names a list by its number within a
generation, and a rule by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.lists.rule import Scope
from mirage_hole.policy.verdict import OWN_LIST, OWN_TITLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEPT = 8
UNKNOWN = "unknown list"
_SCOPES = frozenset(Scope)


class Generations:
    """Titles by generation; the oldest go when there are more than ``KEPT``."""

    __slots__ = ("_titles", "find_line")

    def __init__(self) -> None:
        self._titles: dict[int, tuple[str, ...]] = {}
        self.find_line: Callable[[int, int, bytes, Scope], int] | None = None
        """Generation, list id, name (folded wire form) and scope of a rule to its line, 0 when it is not known. Workers do not
        know lines: they would cost them more memory than the names."""

    def register(self, number: int, titles: Sequence[str]) -> None:
        """Remember the titles of a generation's lists, in the order of its manifest."""
        self._titles.pop(number, None)
        self._titles[number] = tuple(titles)
        while len(self._titles) > KEPT:
            del self._titles[next(iter(self._titles))]

    def line(self, number: int, list_id: int, name: bytes, scope: int) -> int:
        """The line of a simple rule; 0 when it is not known."""
        if self.find_line is None or list_id == OWN_LIST or scope not in _SCOPES:
            return 0
        return self.find_line(number, list_id, name, Scope(scope))

    def title(self, number: int, list_id: int) -> str:
        """The list's title, or ``UNKNOWN`` when the generation is not or no longer known. The own rules are of none."""
        if list_id == OWN_LIST:
            return OWN_TITLE
        titles = self._titles.get(number, ())
        return titles[list_id] if list_id < len(titles) else UNKNOWN
