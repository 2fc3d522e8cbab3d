"""Everything that is said of names and answers: the compiled lists and, in front of them, the user's own rules.

Immutable: a new generation, a changed rule or another client makes a new policy, and the engine is told of it
(``PolicyChanged``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.lists.rule import Reply
from mirage_hole.policy.badfilters import Badfilters
from mirage_hole.policy.clients import Clients
from mirage_hole.policy.index import ALL_LISTS, ListInfo
from mirage_hole.policy.rewrites import gathered, is_exception, is_rewrite, lifter
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST, Match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.policy.clients import Client
    from mirage_hole.policy.index import Index

OWN_TITLE = "your own rules"

_OWN = ListInfo(OWN_TITLE, "own", "own", "adblock", 0, 0)
_NO_RULES = RichRules()
_NO_CLIENTS = Clients()


class Policy:
    """What decides over a query."""

    __slots__ = (
        "_plain",
        "badfilters",
        "clients",
        "generation",
        "index",
        "judges_answers",
        "judges_clients",
        "lists",
        "own",
        "rich",
    )

    def __init__(
        self, index: Index, rich: RichRules = _NO_RULES, own: RichRules = _NO_RULES, clients: Clients = _NO_CLIENTS
    ) -> None:
        """``rich``: of the lists; ``own``: the user's; ``clients``: as they are configured."""
        self.index = index
        self.rich = rich
        self.own = own
        self.clients = clients
        self.generation = index.generation
        self.lists: tuple[ListInfo, ...] = index.lists
        self.judges_answers = rich.judges_answers or own.judges_answers
        """Whether the addresses of answers are to be judged, too."""
        self.judges_clients = rich.judges_clients or own.judges_clients
        """Whether two clients may be told different things, so that what one is told is not for the other."""
        self.badfilters = Badfilters((*own.rules, *rich.rules), index.lists)
        self._plain = not rich.size and not own.size

    def with_own(self, own: RichRules) -> Policy:
        """The same lists and clients behind other rules of the user's own."""
        return Policy(self.index, self.rich, own, self.clients)

    def with_clients(self, clients: Clients) -> Policy:
        """The same rules with other configured clients."""
        return Policy(self.index, self.rich, self.own, clients)

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
        found = self._rich_matches(name, labels, qtype, self.clients.who(client), lists)
        if self.badfilters:
            found = self.standing(found, lists)
            if match is not None and self.badfilters.against(match, lists) is not None:
                among = self.standing(self.index.matches(name, labels), lists)
                match = next((one for one in among if lists >> one.list_id & 1), None)
        if not found:
            return match
        if match is not None:
            found.append(match)
        return _decided(found)

    def matches(
        self, name: bytes, labels: tuple[int, ...], qtype: int = 0, client: bytes = b"", lists: int = ALL_LISTS
    ) -> list[Match]:
        """Every rule that applies, the deciding one first; the arguments are those of :meth:`decide`.

        Rewrites that an exception lifts do not apply, and such an exception is no rule of its own.
        """
        found = [match for match in self.index.matches(name, labels) if lists >> match.list_id & 1]
        found += self._rich_matches(name, labels, qtype, self.clients.who(client), lists)
        return ordered(self.standing(found, lists))

    def decide_address(
        self,
        address: bytes,
        name: bytes,
        labels: tuple[int, ...],
        qtype: int = 0,
        client: bytes = b"",
        lists: int = ALL_LISTS,
    ) -> Match | None:
        """The match that decides over an address in an answer; None when no rule is about it.

        Args:
            address: 4 or 16 octets.
            name: the asked name, which the match carries.
            labels: the offset of each of its labels.
            qtype: the type of the record that holds the address, for ``$dnstype``: as in AdGuard Home.
            client: address octets of who asks.
            lists: as for :meth:`decide`.
        """
        matches = self.matches_address(address, name, labels, qtype, client, lists)
        return matches[0] if matches else None

    def matches_address(
        self,
        address: bytes,
        name: bytes,
        labels: tuple[int, ...],  # noqa: ARG002 - the caller has both, and both stay together
        qtype: int = 0,
        client: bytes = b"",
        lists: int = ALL_LISTS,
    ) -> list[Match]:
        """Every rule about an address in an answer, the deciding one first: by step, then the narrowest network."""
        if not self.judges_answers:
            return []
        who = self.clients.who(client)
        found = self.own.matches_address(address, name, qtype, who, lists)
        found += self.rich.matches_address(address, name, qtype, who, lists)
        # The sort is stable: a narrow network stays before a wide one, an earlier list before a later.
        return sorted(self.standing(found, lists), key=lambda match: match.step)

    def standing(self, matches: list[Match], lists: int = ALL_LISTS) -> list[Match]:
        """The matches without those that a badfilter of ``lists`` switches off."""
        badfilters = self.badfilters
        return [one for one in matches if badfilters.against(one, lists) is None] if badfilters else matches

    def _rich_matches(
        self, name: bytes, labels: tuple[int, ...], qtype: int, client: Client, lists: int
    ) -> list[Match]:
        found = self.own.matches(name, labels, qtype, client, lists) if self.own.size else []
        if self.rich.size:
            found += self.rich.matches(name, labels, qtype, client, lists)
        return found


def order(match: Match) -> tuple[int, int, int, bool]:
    """Step, then the deepest name, then the earlier list, then a rule that is just a name."""
    return match.step, -len(match.name), match.list_id, match.rich is not None


def ordered(matches: Sequence[Match]) -> list[Match]:
    """Those that apply once exceptions have lifted rewrites, the deciding one first, with the answer of all its kind."""
    found = sorted(_unlifted(matches), key=order)
    if found and found[0].rewrites:
        together = _together(found)
        answer = gathered(together)
        # The rule that gives the answer is the one to be named: not a record that an alias has beaten.
        giver = next((one for one in together if one.rewrites[0] in answer), found[0])
        found.remove(giver)
        found.insert(0, giver._replace(rewrites=answer))
    return found


def _decided(matches: Sequence[Match]) -> Match | None:
    """The first of what :func:`ordered` gives, without putting the others in order."""
    found = _unlifted(matches)
    if not found:
        return None
    best = min(found, key=order)
    return best if not best.rewrites else ordered(found)[0]


def _unlifted(matches: Sequence[Match]) -> Sequence[Match]:
    exceptions = [match for match in matches if is_exception(match)]
    if not exceptions:
        return matches
    return [
        match
        for match in matches
        if not is_exception(match) and not (is_rewrite(match) and lifter(match, exceptions) is not None)
    ]


def _together(found: Sequence[Match]) -> list[Match]:
    """Those of ``found`` that give the answer together with the first.

    Rewrites of one step do. Local data does with local data of the same list that is about the same: it is one set of
    records, in several lines. What lets through gives no answer.
    """
    first = found[0]
    assert first.rich is not None
    if is_rewrite(first):
        return [match for match in found if match.step is first.step]
    if first.rich.reply is Reply.MODE:
        return []
    about = (first.list_id, first.step, first.rich.target, first.rich.subject, first.rich.scope)
    return [
        match
        for match in found
        if match.rich is not None
        and (match.list_id, match.step, match.rich.target, match.rich.subject, match.rich.scope) == about
    ]


def empty_policy() -> Policy:
    """No list, no rule, generation 0."""
    from mirage_hole.policy.index import empty_index

    return Policy(empty_index())
