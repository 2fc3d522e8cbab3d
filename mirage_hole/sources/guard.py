"""The shrink guard: a list that has lost most of its rules since yesterday is more often broken than tidied up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mirage_hole.sources.shelf import Note

SHRINK_GUARD: Final = 0.5
"""Share of its rules that a list may lose between two downloads, unless the settings say otherwise."""

FEWEST_RULES: Final = 20
"""A list with fewer rules is taken as it comes: three names less of five are no accident."""
FEWEST_OCTETS: Final = 1000
"""Likewise, where the rules were not counted."""


class Loss(NamedTuple):
    """How much less a text holds than the one before it."""

    before: int
    after: int
    what: str
    """``rules``, or ``octets`` where the rules were not counted."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return 1 - self.after / self.before

    def __str__(self) -> str:
        return f"it has lost {self.share:.0%} of its {self.what} ({self.before:,} before, {self.after:,} now)"


def loss(before: Note, after: Note) -> Loss | None:
    """What was lost; None when nothing was, or when the list is too small to judge."""
    if before.rules and after.rules:
        found, fewest = Loss(before.rules, after.rules, "rules"), FEWEST_RULES
    else:
        found, fewest = Loss(before.size, after.size, "octets"), FEWEST_OCTETS
    return found if found.before >= fewest and found.after < found.before else None


def suspicious(before: Note, after: Note, most: float) -> bool:
    """Whether a text has lost more than the share ``most`` of what the one before it held; with 0 none ever has."""
    found = loss(before, after)
    return bool(most) and found is not None and found.after < found.before * (1 - most)
