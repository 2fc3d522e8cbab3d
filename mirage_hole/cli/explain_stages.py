"""The stages that a query goes through, in words: the same stages in the same order as ``resolver/stages.py``."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.lists.rule import Action, Target
from mirage_hole.policy.access import Access
from mirage_hole.policy.answers import answer_in_words, blocked_answer
from mirage_hole.policy.networks import unmapped
from mirage_hole.resolver.stages import NOT_SERVED
from mirage_hole.wire.codes import RRType, type_text
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from mirage_hole.config.settled import Settled
    from mirage_hole.policy.explain import Explanation
    from mirage_hole.policy.policy import Policy

_MOST = 4  # networks or upstreams that are named; of more, how many more there are


class Case(NamedTuple):
    """A query, what the rules say of it, and the settings that count."""

    found: Explanation
    client: str | None
    """Who asks, as it was written; None: nobody in particular."""
    octets: bytes | None
    policy: Policy
    settled: Settled


class Stage(NamedTuple):
    """What becomes of the query in one stage."""

    title: str
    said: str
    lines: tuple[str, ...] = ()


def stages(case: Case) -> list[Stage]:
    """Every stage, also those that the query does not get to."""
    rules = Stage("your own rules and the lists", case.found.outcome, tuple(case.found.told()))
    return [
        Stage("who may ask", _who(case)),
        Stage("what is served", _what(case)),
        rules,
        Stage("cache and upstreams", _upstreams(case)),
        Stage("addresses in the answer", _addresses(case)),
    ]


def is_answered(case: Case) -> bool:
    """Whether who asks is in a network that is answered; nobody in particular is."""
    return case.octets is None or Access(case.settled.allow_from).permits(case.octets)


def answer_of(case: Case) -> str:
    """What the query is answered."""
    settled = case.settled
    if not is_answered(case):
        return "none over UDP, REFUSED over TCP"
    if case.found.qtype in NOT_SERVED:
        return "REFUSED"
    blocked = blocked_answer(settled.block_mode, settled.block_ttl, settled.block_ipv4, settled.block_ipv6)
    return answer_in_words(case.found.deciding, case.found.qtype, blocked)


def _who(case: Case) -> str:
    networks = case.settled.allow_from
    if case.octets is None:
        return f"everybody in server.allow_from: {_some(networks)}"
    if not is_answered(case):
        return (
            f"{case.client} is outside server.allow_from: no answer over UDP, REFUSED over TCP, whatever the lists say"
        )
    address = ip_address(unmapped(case.octets))
    network = next(one for one in networks if address in ip_network(one))
    who = case.policy.clients.who(case.octets)
    known = f"; configured as {', '.join(sorted(who.names))}" if who.names else ""
    tags = f" with the tags {', '.join(sorted(who.tags))}" if who.tags else ""
    return f"{case.client} is answered: {network} is in server.allow_from{known}{tags}"


def _what(case: Case) -> str:
    kind = type_text(case.found.qtype)
    if case.found.qtype in NOT_SERVED:
        return f"{kind} is not: REFUSED, there are no zone transfers and no transactions here"
    return f"{kind} is"


def _ends_early(case: Case) -> bool:
    """Whether the query does not get as far as the rules."""
    return not is_answered(case) or case.found.qtype in NOT_SERVED


def _upstreams(case: Case) -> str:
    match = case.found.deciding
    if _ends_early(case) or (match is not None and match.action is Action.BLOCK and not match.rewrites):
        return "not asked"
    upstreams = _some([str(one) for one in case.settled.upstreams]) or "the machine's own resolvers"
    if match is None or match.action is Action.ALLOW:
        return f"the cache is asked, then {upstreams}"
    if match.rewrites[0].rrtype == RRType.CNAME and case.found.qtype not in {RRType.CNAME, RRType.ANY}:
        return (
            f"asked for {to_text(match.rewrites[0].rdata)} {type_text(case.found.qtype)}: the cache, then {upstreams}"
        )
    return "not asked"


def _addresses(case: Case) -> str:
    if _ends_early(case):
        return "not looked at"
    if case.found.deciding is not None:
        return "not looked at: a rule about the name has decided"
    rules = (*case.policy.own.rules, *case.policy.rich.rules)
    about = sum(rule.target is Target.ADDRESS and not rule.badfilter for _, rule in rules)
    if not about:
        return "no rule is about addresses"
    return f"compared with {about} rule{'s' * (about != 1)} about addresses; the first that blocks one decides"


def _some(words: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return ", ".join(words[:_MOST]) + more
