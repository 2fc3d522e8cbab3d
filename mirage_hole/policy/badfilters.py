"""``$badfilter``: rules that switch off the rules that are written like them.

A set difference over what rules mean, not over how they are spelled: the order of modifiers and of their values says
nothing, and any number of badfilters may hit one rule. urlfilter leaves ``dnstype``, ``denyallow`` and ``dnsrewrite`` out
of the comparison, and with two badfilters one can bring back what the other took away (``rules/match.go``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mirage_hole.lists.rule import Target
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.index import ListInfo
    from mirage_hole.policy.verdict import Match

NormalForm: TypeAlias = tuple[object, ...]


def normal_form(rule: RichRule) -> NormalForm:
    """Equal for rules that mean the same, but for ``$badfilter`` itself.

    Raises:
        ValueError: the subject of a rule about a name, or a name that it spares, is none.
    """
    names = (from_text(rule.subject) if rule.target is Target.NAME else rule.subject, rule.scope)
    about = (
        frozenset(rule.types),
        frozenset(rule.other_types),
        frozenset(map(str.casefold, rule.clients)),
        frozenset(map(str.casefold, rule.other_clients)),
        frozenset(rule.tags),
        frozenset(rule.other_tags),
        frozenset(map(from_text, rule.denyallow)),
    )
    usual = about == _ANYTHING and rule.rewrite is None and not rule.invert
    return (rule.action, rule.target, *names, rule.important, rule.reply) + (
        () if usual else (rule.invert, about, rule.rewrite)
    )


def form_of(match: Match) -> NormalForm:
    """The normal form of the rule that matched, whether it is just a name or more."""
    if match.rich is not None:
        return normal_form(match.rich)
    return (match.action, Target.NAME, match.name, match.scope, match.important, match.reply)


_ANYTHING: tuple[frozenset[object], ...] = (frozenset(),) * 7


class Badfilters:
    """Every badfilter of the lists and of the user's own rules.

    Those of an allowlist reach the rules of allowlists, all others those of blocklists and the user's own: AdGuard Home
    keeps the two apart in engines of their own.
    """

    __slots__ = ("_allowlists", "_by_form")

    def __init__(self, rules: Iterable[tuple[int, RichRule]], lists: Sequence[ListInfo]) -> None:
        """``rules``: (list id, rule), badfilters and others; ``lists``: of the generation.

        Raises:
            ValueError: as :func:`normal_form`.
        """
        self._allowlists = frozenset(number for number, one in enumerate(lists) if one.kind == "allow")
        self._by_form: dict[NormalForm, list[tuple[int, RichRule]]] = {}
        for list_id, rule in rules:
            if rule.badfilter:
                self._by_form.setdefault(normal_form(rule), []).append((list_id, rule))

    def __bool__(self) -> bool:
        return bool(self._by_form)

    def against(self, match: Match, lists: int) -> tuple[int, RichRule] | None:
        """(list id, rule) of what switches the matched rule off; None when nothing does.

        ``lists``: bit mask of the lists that count.
        """
        for list_id, rule in self._by_form.get(form_of(match), ()):
            if (list_id == OWN_LIST or lists >> list_id & 1) and (
                (list_id in self._allowlists) == (match.list_id in self._allowlists)
            ):
                return list_id, rule
        return None
