"""Why a name is blocked, allowed or neither: every rule that applies, which one decides, and what beat the others.

It asks the same index that judges queries and checks that both say the same, so an explanation can't drift from the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from mirage_hole.lists.rule import Action
from mirage_hole.policy.index import ALL_LISTS
from mirage_hole.policy.verdict import rule_text
from mirage_hole.wire.names import labels_of, to_text

if TYPE_CHECKING:
    from mirage_hole.policy.index import ListInfo
    from mirage_hole.policy.policy import Policy
    from mirage_hole.policy.verdict import Match


class AppliedRule(NamedTuple):
    """One rule that applies to the name."""

    match: Match
    list: ListInfo
    text: str
    """As people write it; see :func:`rule_text`."""
    decides: bool
    why: str
    """Why it decides, or what beats it: a few words, without a full stop."""


class Explanation(NamedTuple):
    """What the policy says of a name, and why."""

    name: bytes
    """The asked name, folded wire form."""
    outcome: Literal["blocked", "allowed", "no rule"]
    rules: tuple[AppliedRule, ...]
    """The deciding one first, then in the order in which they would decide; those of lists that are not asked last."""

    def lines(self, blocked_answer: str = "") -> list[str]:
        """For a terminal: the verdict, a line a rule, and the answer that results.

        Args:
            blocked_answer: what blocked names are answered; see :func:`blocked_answer`.
        """
        name = to_text(self.name)
        if not self.rules:
            return [f"{name}: no rule applies", "answer: what the upstream says"]
        said = [f"{name}: {self.outcome}"]
        for rule in self.rules:
            line = f" line {rule.match.line}" if rule.match.line else ""
            mark = ">" if rule.decides else " "
            said.append(f"{mark} {rule.text}  in {rule.list.title} ({rule.list.source}){line}: {rule.why}")
        blocked = blocked_answer or "that of the block mode"
        said.append(f"answer: {blocked if self.outcome == 'blocked' else 'what the upstream says'}")
        return said


def explain(policy: Policy, name: bytes, lists: int = ALL_LISTS) -> Explanation:
    """Everything the rules say of a name.

    Args:
        policy: the rules.
        name: folded wire form, root octet included.
        lists: bit mask of the lists that are asked; rules of other lists are told of and do not decide.
    """
    labels = labels_of(name)
    matches = policy.matches(name, labels)
    asked = [match for match in matches if lists >> match.list_id & 1]
    deciding = policy.decide(name, labels, lists=lists)
    assert deciding == (asked[0] if asked else None), "the explanation and the verdict are one"
    rules = [
        AppliedRule(match, policy.list_of(match.list_id), rule_text(match), match is asked[0], _why(match, asked))
        for match in asked
    ]
    rules += [
        AppliedRule(match, policy.list_of(match.list_id), rule_text(match), False, "this list is not asked here")
        for match in matches
        if not lists >> match.list_id & 1
    ]
    if deciding is None:
        return Explanation(name, "no rule", tuple(rules))
    return Explanation(name, "allowed" if deciding.action is Action.ALLOW else "blocked", tuple(rules))


def blocked_answer(mode: str, ttl: int, ipv4: str = "", ipv6: str = "") -> str:
    """What a blocked name is answered, in words; ``ttl`` in seconds, the addresses for mode ``ip``."""
    if mode == "refused":
        return "REFUSED"
    if mode in {"nxdomain", "nodata"}:
        return f"{mode.upper()} for every type, TTL {ttl} s"
    addresses = (("A", "0.0.0.0"), ("AAAA", "::")) if mode == "null" else (("A", ipv4), ("AAAA", ipv6))  # noqa: S104 - an answer, not an address to listen on
    told = "".join(f"{kind} {address}, " for kind, address in addresses if address)
    return f"{told}NODATA for {'any other' if told else 'every'} type, TTL {ttl} s"


def _why(match: Match, asked: list[Match]) -> str:
    """Why the first of ``asked`` decides, or what beats any other."""
    first = asked[0]
    if match is first:
        if len(asked) == 1:
            return "the only rule that applies"
        if match.action is Action.ALLOW and any(other.action is Action.BLOCK for other in asked):
            return "allow beats block"
        if any(other.name != match.name for other in asked):
            return "the deepest name decides"
        return "the earlier list decides" if asked[1].list_id != match.list_id else "the earlier line decides"
    if match.action is not first.action:
        return f"{rule_text(first)} allows, and allow beats block"
    if match.name != first.name:
        return f"{rule_text(first)} is about a deeper name"
    return "an earlier list says it already" if match.list_id != first.list_id else "an earlier line says it already"
