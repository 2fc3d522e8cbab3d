"""What rules would do that nobody has taken yet: each by itself, and all of them behind those that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.policy.explain import explain
from mirage_hole.policy.index import Index
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.explain import Explanation


class Trial(NamedTuple):
    """What came of it."""

    applies: tuple[bool, ...]
    """Whether each rule, alone in the world, is about the query."""
    before: Explanation
    after: Explanation


def attempt(
    policy: Policy,
    own: Sequence[tuple[int, RichRule]],
    tried: Sequence[RichRule],
    name: bytes,
    qtype: int = 0,
    client: bytes = b"",
) -> Trial:
    """Try rules on a query.

    Args:
        policy: lists, clients, and the user's own rules as they are.
        own: those rules again, each with its list id.
        tried: the rules to try.
        name: folded wire form.
        qtype: the query type; 0: none in particular.
        client: address octets of who asks; empty: nobody in particular.
    """
    applies = []
    for rule in tried:
        alone = Policy(Index.EMPTY, RichRules(), RichRules([(OWN_LIST, rule)]), policy.clients)
        applies.append(bool(explain(alone, name, qtype, client).rules))
    after = policy.with_own(RichRules([*own, *((OWN_LIST, rule) for rule in tried)]))
    return Trial(tuple(applies), explain(policy, name, qtype, client), explain(after, name, qtype, client))
