"""The order of precedence: which rule wins when several apply. One table; docs/rules.md prints it.

The own rules follow Pi-hole's order (docs "Domain database types"; FTL ``FTL_check_blocking``), the lists AdGuard Home's
(urlfilter ``rules/network.go``, AdGuard Home ``filtering.go``). Where the two meet, whoever wrote the rule by hand goes first.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from mirage_hole.lists.rule import Action, Scope, Target


class Step(IntEnum):
    """The place of a rule in the order: the lowest that applies decides."""

    OWN_IMPORTANT_ALLOW = 0
    OWN_IMPORTANT_BLOCK = 1
    OWN_REWRITE = 2
    OWN_ALLOW_NAME = 3
    OWN_ALLOW = 4
    OWN_BLOCK_NAME = 5
    ALLOWLIST = 6
    REWRITE = 7
    IMPORTANT_ALLOW = 8
    IMPORTANT_BLOCK = 9
    ALLOW = 10
    BLOCK = 11
    OWN_BLOCK = 12


class Place(NamedTuple):
    """One line of the table."""

    step: Step
    what: str
    why: str


ORDER: tuple[Place, ...] = (
    Place(Step.OWN_IMPORTANT_ALLOW, "your own `@@…$important`", "the strongest thing that can be said, by you"),
    Place(
        Step.OWN_IMPORTANT_BLOCK,
        "your own `…$important`",
        "only an exception as important lifts it, as in AdGuard Home",
    ),
    Place(Step.OWN_REWRITE, "your own `$dnsrewrite`", "an answer you gave beats letting through, as in AdGuard Home"),
    Place(Step.OWN_ALLOW_NAME, "your own exact allow", "first in Pi-hole's order"),
    Place(
        Step.OWN_ALLOW, "your own allow of a subtree, pattern or regex", "Pi-hole: a regex allow beats an exact deny"
    ),
    Place(
        Step.OWN_BLOCK_NAME,
        "your own block of a name or subtree",
        "Pi-hole: an exact deny beats every list; a subtree is a name that you wrote, so it does too",
    ),
    Place(
        Step.ALLOWLIST,
        "any rule of an allowlist",
        "Pi-hole and AdGuard Home: an allowlist beats blocklists, `$important` too",
    ),
    Place(Step.REWRITE, "`$dnsrewrite` of a blocklist", "AdGuard Home: rewrites before all other rules of blocklists"),
    Place(
        Step.IMPORTANT_ALLOW,
        "`@@…$important` of a blocklist",
        "AdGuard Home: an exception that is as important as a block lifts it",
    ),
    Place(
        Step.IMPORTANT_BLOCK,
        "`…$important` of a blocklist",
        "AdGuard Home: an important block is not lifted by a usual exception",
    ),
    Place(Step.ALLOW, "`@@…` of a blocklist", "AdGuard Home: an exception beats a block, however deep the block is"),
    Place(Step.BLOCK, "any other rule of a blocklist", "AdGuard Home; Pi-hole's gravity"),
    Place(Step.OWN_BLOCK, "your own block by pattern or regex", "last in Pi-hole's order: a subscribed allow beats it"),
)


def in_words(step: Step) -> str:
    """What a step holds, as plain text."""
    return ORDER[step].what.replace("`", "")


def table() -> str:
    """The order as docs/rules.md prints it."""
    rows = [f"| {number} | {place.what} | {place.why} |" for number, place in enumerate(ORDER, 1)]
    return "\n".join(("| | rule | why there |", "|---|---|---|", *rows))


def step_of(
    action: Action,
    *,
    important: bool = False,
    rewrites: bool = False,
    own: bool = False,
    allowlist: bool = False,
    target: Target = Target.NAME,
    scope: Scope = Scope.EXACT,
) -> Step:
    """The place of a rule. ``own``: the user's own; ``allowlist``: of a list of that kind."""
    if allowlist and not own:
        return Step.ALLOWLIST
    if rewrites:
        return Step.OWN_REWRITE if own else Step.REWRITE
    allows = action is Action.ALLOW
    if not own:
        if important:
            return Step.IMPORTANT_ALLOW if allows else Step.IMPORTANT_BLOCK
        return Step.ALLOW if allows else Step.BLOCK
    if important:
        return Step.OWN_IMPORTANT_ALLOW if allows else Step.OWN_IMPORTANT_BLOCK
    if allows:
        return Step.OWN_ALLOW_NAME if target is Target.NAME and scope is Scope.EXACT else Step.OWN_ALLOW
    return Step.OWN_BLOCK_NAME if target is Target.NAME else Step.OWN_BLOCK
