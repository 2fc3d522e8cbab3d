"""The titles of the last generations' lists: a record names a list by its number within a generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.policy.verdict import OWN_LIST, OWN_TITLE

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = 8
UNKNOWN = "unknown list"


class Generations:
    """Titles by generation; the oldest go when there are more than ``KEPT``."""

    __slots__ = ("_titles",)

    def __init__(self) -> None:
        self._titles: dict[int, tuple[str, ...]] = {}

    def register(self, number: int, titles: Sequence[str]) -> None:
        """Remember the titles of a generation's lists, in the order of its manifest."""
        self._titles.pop(number, None)
        self._titles[number] = tuple(titles)
        while len(self._titles) > KEPT:
            del self._titles[next(iter(self._titles))]

    def title(self, number: int, list_id: int) -> str:
        """The list's title, or ``UNKNOWN`` when the generation is not or no longer known. The own rules are of none."""
        if list_id == OWN_LIST:
            return OWN_TITLE
        titles = self._titles.get(number, ())
        return titles[list_id] if list_id < len(titles) else UNKNOWN
