"""Everything that is said of names and answers: the compiled lists and, in front of them, the user's own rules.

Immutable: a new generation or a changed rule makes a new policy, and the engine is told of it (``PolicyChanged``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.policy.index import ALL_LISTS, ListInfo
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST, OWN_TITLE

if TYPE_CHECKING:
    from mirage_hole.policy.index import Index
    from mirage_hole.policy.verdict import Match

_OWN = ListInfo(OWN_TITLE, "own", "own", "adblock", 0, 0)
_NONE = RichRules()


class Policy:
    """What decides over a query."""

    __slots__ = ("_plain", "generation", "index", "judges_answers", "judges_clients", "lists", "own", "rich")

    def __init__(self, index: Index, rich: RichRules = _NONE, own: RichRules = _NONE) -> None:
        self.index = index
        self.rich = rich
        self.own = own
        self.generation = index.generation
        self.lists: tuple[ListInfo, ...] = index.lists
        self.judges_answers = rich.judges_answers or own.judges_answers
        """Whether the addresses of answers are to be judged, too."""
        self.judges_clients = rich.judges_clients or own.judges_clients
        """Whether any rule tells clients apart, so that they may not share answers."""
        self._plain = not rich.size and not own.size

    def with_own(self, own: RichRules) -> Policy:
        """The same lists behind other rules of the user's own."""
        return Policy(self.index, self.rich, own)

    def list_of(self, list_id: int) -> ListInfo:
        """What there is to say of a list."""
        return _OWN if list_id == OWN_LIST else self.lists[list_id]

    def decide(
        self, name: bytes, labels: tuple[int, ...], qtype: int = 0, client: bytes = b"", lists: int = ALL_LISTS
    ) -> Match | None:
        """The match that decides; None when no rule applies. The order is that of :mod:`mirage_hole.policy.order`.

        Args:
            name: the asked name, folded wire form with root.
            labels: the offset of each of its labels.
            qtype: the query type; 0 is one that no rule names.
            client: address octets of who asks; empty: nobody that a rule could mean.
            lists: bit mask of the lists that count; the user's own rules always do.
        """
        match = self.index.decide(name, labels, lists)
        if self._plain:
            return match
        matches = [
            *self.own.matches(name, labels, qtype, client, lists),
            *self.rich.matches(name, labels, qtype, client, lists),
        ]
        if match is not None:
            matches.append(match)
        return min(matches, key=order) if matches else None

    def matches(
        self, name: bytes, labels: tuple[int, ...], qtype: int = 0, client: bytes = b"", lists: int = ALL_LISTS
    ) -> list[Match]:
        """Every rule that applies, the deciding one first."""
        found = [match for match in self.index.matches(name, labels) if lists >> match.list_id & 1]
        found += self.own.matches(name, labels, qtype, client, lists)
        found += self.rich.matches(name, labels, qtype, client, lists)
        return sorted(found, key=order)


def order(match: Match) -> tuple[int, int, int, bool]:
    """Step, then the deepest name, then the earlier list, then a rule that is just a name."""
    return match.step, -len(match.name), match.list_id, match.rich is not None


def empty_policy() -> Policy:
    """No list, no rule, generation 0."""
    from mirage_hole.policy.index import empty_index

    return Policy(empty_index())
