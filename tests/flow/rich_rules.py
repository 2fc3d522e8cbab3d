"""Builders for tests: policies with rules that are more than a name, of a blocklist, an allowlist or the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.rdata

from mirage_hole.lists.rule import Action, Reply, Rewrite, RichRule, Rule, Scope, Target
from mirage_hole.policy.build import Builder
from mirage_hole.policy.index import ListInfo
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.codes import Rcode, type_number
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.policy.policy import Policy


def block(name: str, reply: Reply = Reply.MODE, scope: Scope = Scope.SUBTREE, line: int = 1) -> Rule:
    """A plain rule."""
    return Rule(from_text(name), Action.BLOCK, scope, line, reply)


def allow(name: str, line: int = 1) -> Rule:
    return Rule(from_text(name), Action.ALLOW, Scope.SUBTREE, line)


def rich(name: str, target: Target = Target.NAME, action: Action = Action.BLOCK, **more: object) -> RichRule:
    """A rule about a name (and those below it), an address or whatever ``target`` says."""
    scope = Scope.SUBTREE if target is Target.NAME else Scope.EXACT
    return RichRule(f"the rule for {name}", action, target, name, more.pop("scope", scope), line=7, **more)


def rewrite(name: str, answer: str, scope: Scope = Scope.SUBTREE) -> RichRule:
    """``answer``: ``A 192.0.2.1`` and the like, or a code such as ``NXDOMAIN``."""
    return rich(name, rewrite=written(answer), scope=scope)


def address(network: str, reply: Reply = Reply.MODE, action: Action = Action.BLOCK, **more: object) -> RichRule:
    """A rule about addresses in answers."""
    return rich(network, Target.ADDRESS, action, reply=reply, **more)


def written(answer: str) -> Rewrite:
    kind, _, data = answer.partition(" ")
    if not data:
        return Rewrite(Rcode[kind])
    return Rewrite(0, type_number(kind), dns.rdata.from_text("IN", kind, data).to_wire())


def policy_of(
    rules: Sequence[Rule | RichRule] = (),
    own: Sequence[RichRule] = (),
    *,
    allowed: Sequence[Rule | RichRule] = (),
    generation: int = 1,
) -> Policy:
    """List 0 blocks, list 1 allows; ``own``: the user's own rules."""
    builder = Builder()
    for one in (rules, allowed):
        builder.add_list(rule for rule in one if isinstance(rule, Rule))
        builder.add_rich(rule for rule in one if isinstance(rule, RichRule))
    lists = [ListInfo("Ads", "0", "block", "adblock", 1, 0), ListInfo("Good", "1", "allow", "adblock", 1, 0)]
    policy = builder.build().as_policy(generation, lists)
    return policy.with_own(RichRules([(OWN_LIST, rule) for rule in own])) if own else policy
