"""Answers that rules give themselves (``$dnsrewrite``): exceptions lift some, the rest are put together.

As in AdGuard Home (urlfilter ``rewrites.go``, ``processDNSRewrites``): a CNAME wins over all, then an rcode that is no
NOERROR, then all records count together. urlfilter once skipped the second of two exceptions in a row, since it removed
rules from what it was walking through; here what is lifted is asked of each rule by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.lists.rule import EVERY_REWRITE, Action
from mirage_hole.policy.order import Step
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.codes import Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mirage_hole.lists.rule import Rewrite
    from mirage_hole.policy.verdict import Match

_STEPS = (Step.OWN_REWRITE, Step.REWRITE)


def is_rewrite(match: Match) -> bool:
    """Whether the rule gives an answer at the step of rewrites."""
    return match.step in _STEPS and match.action is Action.BLOCK


def is_exception(match: Match) -> bool:
    """Whether the rule only lifts rewrites. In an allowlist it is a rule like all the others there."""
    return match.step in _STEPS and match.action is Action.ALLOW


def lifter(match: Match, exceptions: Iterable[Match]) -> Match | None:
    """The exception that lifts a rewrite; None when it stands.

    An exception without a value lifts every rewrite, one with a value those that equal it; one that is not important
    lifts none that is. An exception of a list does not lift what the user wrote by hand.
    """
    rule = match.rich
    assert rule is not None
    for exception in exceptions:
        other = exception.rich
        assert other is not None
        if rule.important and not other.important:
            continue
        if match.list_id == OWN_LIST and exception.list_id != OWN_LIST:
            continue
        if other.rewrite in (EVERY_REWRITE, rule.rewrite):
            return exception
    return None


def gathered(matches: Sequence[Match]) -> tuple[Rewrite, ...]:
    """The answer of several rules together: one CNAME, or one rcode, or records without repetition.

    ``matches``: the deciding rule first. A lone NOERROR says that there is no record.
    """
    rewrites = [match.rich.rewrite for match in matches if match.rich is not None and match.rich.rewrite is not None]
    for one in rewrites:
        if one.rcode == Rcode.NOERROR and one.rrtype == RRType.CNAME:
            return (one,)
    for one in rewrites:
        if one.rcode != Rcode.NOERROR:
            return (one,)
    records = tuple(dict.fromkeys(one for one in rewrites if one.rrtype))
    return records or tuple(rewrites[:1])
