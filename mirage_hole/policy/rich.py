"""Rules that are more than a name, and which of them apply to a query: names with conditions, patterns, expressions, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mirage_hole.lists.rule import Reply, Scope, Target
from mirage_hole.lists.stored import decode_rich
from mirage_hole.policy.clients import NOBODY
from mirage_hole.policy.conditions import conditions_of
from mirage_hole.policy.index import ALL_LISTS, BadIndex
from mirage_hole.policy.networks import Networks
from mirage_hole.policy.order import step_of
from mirage_hole.policy.patterns import read_pattern
from mirage_hole.policy.verdict import OWN_LIST, Match
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.clients import Client
    from mirage_hole.policy.conditions import Conditions, Unmet
    from mirage_hole.policy.index import ListInfo
    from mirage_hole.policy.order import Step
    from mirage_hole.policy.searches import Searches

StoredRich: TypeAlias = "list[Any]"
"""A rich rule on disk: list id, then :func:`mirage_hole.lists.stored.encode_rich`."""


def read_stored(stored: Iterable[Sequence[Any]]) -> list[tuple[int, RichRule]]:
    """(list id, rule) of each.

    Raises:
        BadIndex: one is damaged.
    """
    rules = []
    for number, raw in enumerate(stored):
        try:
            rules.append((int(raw[0]), decode_rich(raw[1:])))
        except (ValueError, TypeError, IndexError, KeyError) as problem:
            message = f"rich rule {number} is damaged: {problem}"
            raise BadIndex(message) from problem
    return rules


class _Placed(NamedTuple):
    """A rule and its place in the order."""

    list_id: int
    rule: RichRule
    step: Step
    scope: Scope
    conditions: Conditions | None

    def match(self, name: bytes) -> Match:
        list_id, rule, step, scope, _ = self
        rewrites = () if rule.rewrite is None else (rule.rewrite,)
        return Match(list_id, rule.action, scope, name, rule.line, step, rule.reply, rule.important, rule, rewrites)


class RichRules:
    """The rich rules of one generation, or the user's own. Immutable, and safe to share between threads."""

    __slots__ = (
        "_inverted",
        "_names",
        "_networks",
        "_placed",
        "_searches",
        "judges_answers",
        "judges_clients",
        "refused",
        "rules",
        "size",
    )

    def __init__(self, rules: Sequence[tuple[int, RichRule]] = (), lists: Sequence[ListInfo] = ()) -> None:
        """``rules``: (list id, rule); ``lists``: of the generation, empty for the user's own rules.

        Raises:
            BadIndex: a rule that no list parser would have let through.
        """
        self.rules: tuple[tuple[int, RichRule], ...] = tuple(rules)
        """Those and the badfilters, which apply to no name."""
        self.size = len(rules)
        allow = [one.kind == "allow" for one in lists]
        try:
            self._placed = [_placed(*one, allow) for one in rules if not one[1].badfilter]
            self._names = _names(self._placed)
            addresses = [
                (placed.rule.subject, number)
                for number, placed in enumerate(self._placed)
                if placed.rule.target is Target.ADDRESS
            ]
            self._networks: Networks[int] | None = Networks(addresses) if addresses else None
        except ValueError as problem:
            message = f"a rich rule is damaged: {problem}"
            raise BadIndex(message) from problem
        self.judges_answers = self._networks is not None
        """Whether any rule is about the addresses of answers."""
        self.judges_clients = any(
            rule.clients or rule.other_clients or rule.tags or rule.other_tags
            for _, rule in rules
            if not rule.badfilter
        )
        """Whether any rule is about who asks."""
        self._searches = _searches(self._placed)
        self.refused = tuple(self._searches.refused) if self._searches is not None else ()
        """The numbers of the rules with expressions that RE2 does not take; they never apply."""
        self._inverted = frozenset(
            number
            for number, placed in enumerate(self._placed)
            if placed.rule.invert and placed.rule.target is not Target.ADDRESS
        ).difference(self.refused)

    def refused_rules(self) -> list[tuple[int, RichRule]]:
        """(list id, rule) of those that never apply since RE2 does not take their expressions."""
        return [(self._placed[number].list_id, self._placed[number].rule) for number in self.refused]

    def matches(
        self,
        name: bytes,
        labels: tuple[int, ...],
        qtype: int = 0,
        client: Client = NOBODY,
        lists: int = ALL_LISTS,
    ) -> list[Match]:
        """Every rule that applies, in the order of the rules: exceptions from rewrites too, badfilters not.

        Args:
            name: the asked name, folded wire form with root.
            labels: the offset of each of its labels.
            qtype: the query type.
            client: what is known of who asks.
            lists: bit mask of the lists that count; the user's own rules always do.
        """
        found = self._subjects(name, labels)
        if not found:
            return []
        matches = []
        for number, offset in sorted(found):
            placed = self._placed[number]
            if placed.list_id != OWN_LIST and not lists >> placed.list_id & 1:
                continue
            conditions = placed.conditions
            if conditions is None or conditions.unmet(name, labels, qtype, client) is None:
                matches.append(placed.match(name[offset:]))
        return matches

    def nearly(self, name: bytes, labels: tuple[int, ...], qtype: int, client: Client) -> list[tuple[Match, Unmet]]:
        """Every rule that would apply but for a condition, and that condition."""
        missed = []
        for number, offset in sorted(self._subjects(name, labels)):
            placed = self._placed[number]
            if placed.conditions is None:
                continue
            unmet = placed.conditions.unmet(name, labels, qtype, client)
            if unmet is not None:
                missed.append((placed.match(name[offset:]), unmet))
        return missed

    def matches_address(
        self, address: bytes, name: bytes, rrtype: int, client: Client = NOBODY, lists: int = ALL_LISTS
    ) -> list[Match]:
        """Every rule about an address (4 or 16 octets) in a record of type ``rrtype``, the narrowest network first.

        ``name``: the asked name, which the matches carry.
        """
        if self._networks is None:
            return []
        matches = []
        for _, number in self._networks.around(address):
            placed = self._placed[number]
            if placed.list_id != OWN_LIST and not lists >> placed.list_id & 1:
                continue
            if placed.conditions is None or placed.conditions.unmet_by_address(rrtype, client) is None:
                matches.append(placed.match(name))
        return matches

    def _subjects(self, name: bytes, labels: tuple[int, ...]) -> list[tuple[int, int]]:
        """(number, offset of the label from which on it stands) of the rules whose subject fits, conditions aside."""
        found = []
        names = self._names
        if names:
            for offset in (*labels, len(name) - 1):
                for number, wrong in names.get(name[offset:], ()):
                    if (offset == 0) is not wrong:
                        found.append((number, offset))
        if self._searches is not None:
            found += self._searches.fitting(name, labels)
        if self._inverted:
            fits = {number for number, _ in found}
            found = [one for one in found if one[0] not in self._inverted]
            found += [(number, 0) for number in self._inverted - fits]
        return found


def _placed(list_id: int, rule: RichRule, allow: Sequence[bool]) -> _Placed:
    if list_id != OWN_LIST and not 0 <= list_id < len(allow):
        message = f"it speaks of list {list_id}, and there are {len(allow)}"
        raise ValueError(message)
    step = step_of(
        rule.action,
        important=rule.important,
        # With a reply it is a block that has an answer of its own (local data), not AdGuard's rewrite before all blocks.
        rewrites=rule.rewrite is not None and rule.reply is Reply.MODE,
        own=list_id == OWN_LIST,
        allowlist=list_id != OWN_LIST and allow[list_id],
        target=rule.target,
        scope=rule.scope,
    )
    scope = rule.scope
    if rule.target is Target.PATTERN:
        pattern = read_pattern(rule.subject)
        scope = pattern.scope if pattern is not None else scope
    return _Placed(list_id, rule, step, scope, conditions_of(rule))


def _names(placed: Sequence[_Placed]) -> dict[bytes, list[tuple[int, bool | None]]]:
    """By name: the number of each rule, and whether it is wrong about the name itself (True) or those below it (False)."""
    names: dict[bytes, list[tuple[int, bool | None]]] = {}
    wrong = {Scope.EXACT: False, Scope.SUBTREE: None, Scope.BELOW: True}
    for number, one in enumerate(placed):
        if one.rule.target is Target.NAME:
            names.setdefault(from_text(one.rule.subject), []).append((number, wrong[one.rule.scope]))
    return names


def _searches(placed: Sequence[_Placed]) -> Searches | None:
    searched = [
        (number, one.rule.target, one.rule.subject)
        for number, one in enumerate(placed)
        if one.rule.target in {Target.PATTERN, Target.REGEX}
    ]
    if not searched:
        return None
    from mirage_hole.policy.searches import Searches  # here: most generations have neither patterns nor expressions

    return Searches(searched)
