"""Rules that are more than a name, and which of them apply to a query: names with conditions, patterns, expressions, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mirage_hole.lists.rule import Scope, Target
from mirage_hole.lists.stored import decode_rich
from mirage_hole.policy.index import ALL_LISTS, BadIndex
from mirage_hole.policy.order import step_of
from mirage_hole.policy.verdict import OWN_LIST, Match
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.index import ListInfo
    from mirage_hole.policy.patterns import Patterns

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


class RichRules:
    """The rich rules of one generation, or the user's own. Immutable."""

    __slots__ = ("_names", "_patterns", "judges_answers", "judges_clients", "size")

    def __init__(self, rules: Sequence[tuple[int, RichRule]] = (), lists: Sequence[ListInfo] = ()) -> None:
        """``rules``: (list id, rule); ``lists``: of the generation, empty for the user's own rules.

        Raises:
            BadIndex: a rule that no list parser would have let through.
        """
        self.size = len(rules)
        self.judges_answers = False
        """Whether any rule is about the addresses of answers."""
        self.judges_clients = any(
            rule.clients or rule.other_clients or rule.tags or rule.other_tags for _, rule in rules
        )
        """Whether any rule is about some clients and not about others."""
        kinds = [one.kind == "allow" for one in lists]
        placed = []
        for list_id, rule in rules:
            if list_id != OWN_LIST and not 0 <= list_id < len(kinds):
                message = f"a rich rule speaks of list {list_id}, and there are {len(kinds)}"
                raise BadIndex(message)
            step = step_of(
                rule.action,
                important=rule.important,
                rewrites=rule.rewrite is not None,
                own=list_id == OWN_LIST,
                allowlist=list_id != OWN_LIST and kinds[list_id],
                target=rule.target,
                scope=rule.scope,
            )
            placed.append((list_id, rule, step))
        self._names: dict[bytes, list[Match]] = {}
        for list_id, rule, step in placed:
            if rule.target is Target.NAME:
                name = from_text(rule.subject)
                match = Match(list_id, rule.action, rule.scope, name, rule.line, step, rule.reply, rule.important, rule)
                self._names.setdefault(name, []).append(match)
        patterns = [one for one in placed if one[1].target is Target.PATTERN]
        self._patterns: Patterns | None = None
        if patterns:
            from mirage_hole.policy.patterns import Patterns  # here: most generations have no patterns

            self._patterns = Patterns(patterns)

    def matches(
        self,
        name: bytes,
        labels: tuple[int, ...],
        qtype: int = 0,  # noqa: ARG002
        client: bytes = b"",  # noqa: ARG002
        lists: int = ALL_LISTS,
    ) -> list[Match]:
        """Every rule that applies, in no order."""
        found = []
        for offset in (*labels, len(name) - 1):
            for match in self._names.get(name[offset:], ()):
                if match.scope is not (Scope.EXACT if offset else Scope.BELOW):
                    found.append(match)  # noqa: PERF401
        if self._patterns is not None:
            found += self._patterns.matches(name, labels)
        return [match for match in found if match.list_id == OWN_LIST or lists >> match.list_id & 1]
