"""What the rules say of one query, in full: those that apply, and those that would but for something; as values, no words.

It is put together from the same parts that judge queries and compared with the verdict, so it can't drift from the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.policy.index import ALL_LISTS
from mirage_hole.policy.policy import order, ordered
from mirage_hole.policy.rewrites import is_exception, is_rewrite, lifter
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.names import labels_of

if TYPE_CHECKING:
    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.conditions import Unmet
    from mirage_hole.policy.policy import Policy
    from mirage_hole.policy.verdict import Match


class Asked(NamedTuple):
    """The query that rules are asked about."""

    name: bytes
    """Folded wire form, root octet included."""
    qtype: int = 0
    """0: none in particular; rules for some types do not apply then."""
    client: bytes = b""
    """Address octets; empty: nobody in particular."""
    lists: int = ALL_LISTS
    """Bit mask of the lists that are asked."""


class Without(NamedTuple):
    """What would decide if one list were not there."""

    list_id: int
    decides: Match | None


class Trace(NamedTuple):
    """Every rule that has to do with a query, each once."""

    asked: Asked
    applies: tuple[Match, ...]
    """The deciding one first, then in the order in which they would decide."""
    unmet: tuple[tuple[Match, Unmet], ...]
    """Those that would apply but for a condition."""
    switched_off: tuple[tuple[Match, int, RichRule], ...]
    """Those that a badfilter switches off: its list and itself."""
    lifted: tuple[tuple[Match, Match], ...]
    """Rewrites, and the exception that lifts each."""
    exceptions: tuple[Match, ...]
    """Exceptions from rewrites, whether there is anything to lift or not."""
    not_asked: tuple[Match, ...]
    """Those of lists that are not asked."""
    without: tuple[Without, ...]
    """For each list that has a part in it: what would be without it."""


def trace(policy: Policy, asked: Asked) -> Trace:
    """Everything that the rules say of a query."""
    name, qtype, client, lists = asked
    labels = labels_of(name)
    who = policy.clients.who(client)
    rich = (policy.own, policy.rich)
    everything = policy.index.matches(name, labels)
    for one in rich:
        everything += one.matches(name, labels, qtype, who)
    counted = [match for match in everything if match.list_id == OWN_LIST or lists >> match.list_id & 1]
    switched_off = [
        (match, *badfilter) for match in counted if (badfilter := policy.badfilters.against(match, lists)) is not None
    ]
    standing = policy.standing(counted, lists)
    exceptions = [match for match in standing if is_exception(match)]
    lifted = [(match, by) for match in standing if is_rewrite(match) and (by := lifter(match, exceptions)) is not None]
    applies = ordered(standing)
    deciding = policy.decide(name, labels, qtype, client, lists)
    assert deciding == (applies[0] if applies else None), "the explanation and the verdict are one"
    unmet = [
        (match, why)
        for one in rich
        for match, why in one.nearly(name, labels, qtype, who)
        if match.list_id == OWN_LIST or lists >> match.list_id & 1
    ]
    part = {match.list_id for match in (*applies, *exceptions)} | {list_id for _, list_id, _ in switched_off}
    return Trace(
        asked,
        tuple(applies),
        tuple(sorted(unmet, key=lambda one: order(one[0]))),
        tuple(sorted(switched_off, key=lambda one: order(one[0]))),
        tuple(lifted),
        tuple(sorted(exceptions, key=order)),
        tuple(sorted((match for match in everything if match not in counted), key=order)),
        tuple(Without(list_id, _without(policy, asked, list_id)) for list_id in sorted(part)),
    )


def _without(policy: Policy, asked: Asked, list_id: int) -> Match | None:
    """What would decide without a list; ``OWN_LIST``: without the user's own rules."""
    name, qtype, client, lists = asked
    if list_id == OWN_LIST:
        policy = policy.with_own(RichRules())
    else:
        lists &= ~(1 << list_id)
    return policy.decide(name, labels_of(name), qtype, client, lists)
