"""Why a name is blocked, allowed, rewritten or none of it: the trace of the rules in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from mirage_hole.lists.rule import Action, Reply
from mirage_hole.policy.conditions import Unmet
from mirage_hole.policy.index import ALL_LISTS
from mirage_hole.policy.order import in_words
from mirage_hole.policy.trace import Asked, trace
from mirage_hole.policy.verdict import rule_text
from mirage_hole.wire.codes import type_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.index import ListInfo
    from mirage_hole.policy.policy import Policy
    from mirage_hole.policy.trace import Trace
    from mirage_hole.policy.verdict import Match

Ending: TypeAlias = Literal["blocked", "allowed", "rewritten", "no rule"]

MAX_TOLD = 100
"""Rules told of one kind. A name with more is a curiosity, and nobody reads on."""


class AppliedRule(NamedTuple):
    """One rule that applies to the query, or would but for something."""

    match: Match
    list: ListInfo
    text: str
    """As people write it; see :func:`rule_text`."""
    decides: bool
    why: str
    """Why it decides, what beats it, or what keeps it from applying: a few words, without a full stop."""


class WithoutList(NamedTuple):
    """What would happen without one list."""

    list: ListInfo
    outcome: Ending
    rule: str
    """That would decide; empty when none applies."""
    title: str
    """Of that rule's list; empty when none applies."""
    changes: bool
    """Whether the outcome or the answer is another one than now."""


class Explanation(NamedTuple):
    """What the policy says of a query, and why."""

    name: bytes
    """The asked name, folded wire form."""
    outcome: Ending
    rules: tuple[AppliedRule, ...]
    """Those that apply, the deciding one first, then in the order in which they would decide."""
    qtype: int = 0
    """0: none in particular."""
    others: tuple[AppliedRule, ...] = ()
    """Those that would apply but for a condition, a badfilter, an exception, or since their list is not asked."""
    without: tuple[WithoutList, ...] = ()

    @property
    def deciding(self) -> Match | None:
        """The match that decides."""
        return self.rules[0].match if self.rules else None

    def told(self) -> list[str]:
        """A line for each rule and for each list that has a part in it."""
        said = []
        for rule in (*self.rules, *self.others):
            line = f" line {rule.match.line}" if rule.match.line else ""
            mark = ">" if rule.decides else " " if rule in self.rules else "-"
            said.append(f"{mark} {rule.text}  in {rule.list.title} ({rule.list.source}){line}: {rule.why}")
        for one in self.without:
            then = f"{one.outcome} by {one.rule} in {one.title}" if one.rule else "no rule applies"
            said.append(f"  without {one.list.title}: {then}")
        return said


def explain(policy: Policy, name: bytes, qtype: int = 0, client: bytes = b"", lists: int = ALL_LISTS) -> Explanation:
    """Everything the rules say of a query.

    Args:
        policy: the rules.
        name: folded wire form, root octet included.
        qtype: the query type; 0: none in particular.
        client: address octets of who asks; empty: nobody in particular.
        lists: bit mask of the lists that are asked; rules of other lists are told of and do not decide.
    """
    found = trace(policy, Asked(name, qtype, client, lists))
    first = found.applies[0] if found.applies else None
    rules = [
        _told(
            policy,
            match,
            why_it_wins(found.applies) if match is first else why_it_loses(match, found.applies[0]),
            match is first,
        )
        for match in found.applies[:MAX_TOLD]
    ]
    without = []
    for list_id, match in found.without[:MAX_TOLD]:
        rule, title = ("", "") if match is None else (rule_text(match), policy.list_of(match.list_id).title)
        changes = _effect(match) != _effect(first)
        without.append(WithoutList(policy.list_of(list_id), ending(match), rule, title, changes))
    return Explanation(name, ending(first), tuple(rules), qtype, tuple(_others(policy, found)), tuple(without))


def ending(match: Match | None) -> Ending:
    """What a deciding match comes to, in a word or two."""
    if match is None:
        return "no rule"
    if match.action is Action.ALLOW:
        return "allowed"
    return "rewritten" if match.rewrites else "blocked"


def why_it_wins(applies: Sequence[Match]) -> str:
    """Why the first of several matches decides."""
    first = applies[0]
    if len(applies) == 1:
        return "the only rule that applies"
    second = applies[1]
    if second.step is not first.step:
        return f"{in_words(first.step)}; that goes before {in_words(second.step)}"
    if second.name != first.name:
        return "the deepest name decides"
    return "the earlier list decides" if second.list_id != first.list_id else "the earlier line decides"


def why_it_loses(match: Match, first: Match) -> str:
    """What beats a match that applies and is not the first."""
    if match.step is not first.step:
        return f"{rule_text(first)} goes before it: {in_words(first.step)} before {in_words(match.step)}"
    if match.rich is not None and match.rich.rewrite is not None and first.rewrites:
        if match.rich.rewrite in first.rewrites:
            return "its answer is part of the answer"
        return "a CNAME wins over all, then a code, then records"
    if match.name != first.name:
        return f"{rule_text(first)} is about a deeper name"
    return "an earlier list says it already" if match.list_id != first.list_id else "an earlier line says it already"


def _told(policy: Policy, match: Match, why: str, decides: bool = False) -> AppliedRule:
    return AppliedRule(match, policy.list_of(match.list_id), rule_text(match), decides, why)


def _others(policy: Policy, found: Trace) -> list[AppliedRule]:
    """The rules that do not apply, and why not."""
    asked = found.asked
    others = [_told(policy, match, condition(match, unmet, asked.qtype)) for match, unmet in found.unmet[:MAX_TOLD]]
    for match, list_id, rule in found.switched_off[:MAX_TOLD]:
        line = f" line {rule.line}" if rule.line else ""
        why = f"{rule.text} in {policy.list_of(list_id).title}{line} switches it off"
        others.append(_told(policy, match, why))
    for match, exception in found.lifted[:MAX_TOLD]:
        why = f"{rule_text(exception)} in {policy.list_of(exception.list_id).title} lifts it"
        others.append(_told(policy, match, why))
    lifting = [exception for _, exception in found.lifted]
    for exception in found.exceptions[:MAX_TOLD]:
        why = "it lifts rewrites" if exception in lifting else "it lifts rewrites, and there is none that it could lift"
        others.append(_told(policy, exception, why))
    return others + [_told(policy, match, "this list is not asked here") for match in found.not_asked[:MAX_TOLD]]


def condition(match: Match, unmet: Unmet, qtype: int) -> str:
    """The condition that keeps a rule from applying, in words."""
    rule = match.rich
    assert rule is not None
    return {
        Unmet.TYPE: _types,
        Unmet.CLIENT: _clients,
        Unmet.TAG: _tags,
        Unmet.SPARED: _spared,
        Unmet.ANSWER: lambda *_: "$denyallow keeps it away from addresses of answers",
    }[unmet](rule, qtype)


def _types(rule: RichRule, qtype: int) -> str:
    if qtype in rule.other_types:
        return f"not for queries of type {type_text(qtype)}"
    return f"only for queries of type {_some([type_text(one) for one in rule.types])}"


def _clients(rule: RichRule, _: int) -> str:
    only = f"only for {_some(rule.clients)}" if rule.clients else ""
    return " and ".join(filter(None, (only, f"not for {_some(rule.other_clients)}" if rule.other_clients else "")))


def _tags(rule: RichRule, _: int) -> str:
    only = f"only for clients with the tag {_some(rule.tags, 'or')}" if rule.tags else ""
    never = f"not for clients with the tag {_some(rule.other_tags, 'or')}" if rule.other_tags else ""
    return " and ".join(filter(None, (only, never)))


def _spared(rule: RichRule, _: int) -> str:
    return f"$denyallow spares {_some(rule.denyallow)}, and what is below"


def _some(words: Sequence[str], last: str = "and", most: int = 5) -> str:
    """``A, AAAA and HTTPS``; of more than a few, the first and how many more."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _effect(match: Match | None) -> tuple[object, ...]:
    """Equal for matches that come to the same."""
    if match is None or match.action is Action.ALLOW:
        return ()  # both are the upstream's to answer
    return (match.reply if not match.rewrites else Reply.MODE, match.rewrites)
