"""The stages that a query goes through, in words: the same stages in the same order as ``resolver/stages.py``."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.cli.explain_route import whom
from mirage_hole.config.group_tables import UNQUALIFIED
from mirage_hole.lists.rule import Action, Target
from mirage_hole.policy.access import Access
from mirage_hole.policy.answers import answer_in_words, blocked_answer
from mirage_hole.policy.inside import is_at_home
from mirage_hole.policy.networks import unmapped
from mirage_hole.resolver.stages import NEVER_SERVED
from mirage_hole.upstream.routes import DEFAULT, Routes
from mirage_hole.wire.codes import RRType, type_text
from mirage_hole.wire.names import from_text, labels_of, to_text

if TYPE_CHECKING:
    from mirage_hole.cli.explain_local import Here
    from mirage_hole.config.settled import Settled
    from mirage_hole.policy.explain import Explanation
    from mirage_hole.policy.policy import Policy
    from mirage_hole.policy.verdict import Match

_MOST = 4  # networks or upstreams that are named; of more, how many more there are


class Case(NamedTuple):
    """A query, what the rules say of it, and the settings that count."""

    found: Explanation
    client: str | None
    """Who asks, as it was written; None: nobody in particular."""
    octets: bytes | None
    policy: Policy
    settled: Settled
    here: Here | None = None
    """What this server says of it itself, whatever the rules say."""

    @property
    def outcome(self) -> str:
        """How the query ends, as far as the name alone says."""
        return self.found.outcome if self.here is None or _is_refused(self) else self.here.outcome


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
        Stage("local data and names of special use", _here(case)),
        rules,
        Stage("cache and upstreams", _upstreams(case)),
        Stage("what the answer leads through", _leads_through(case), _what_is_judged(case)),
    ]


def is_answered(case: Case) -> bool:
    """Whether who asks is in a network that is answered; nobody in particular is."""
    return case.octets is None or Access(case.settled.allow_from).permits(case.octets)


def answer_of(case: Case) -> str:
    """What the query is answered."""
    settled = case.settled
    if not is_answered(case):
        return "none over UDP, REFUSED over TCP"
    if case.found.qtype in NEVER_SERVED:
        return "REFUSED"
    blocked = blocked_answer(settled.block_mode, settled.block_ttl, settled.block_ipv4, settled.block_ipv6)
    match = case.found.deciding
    if _is_switched_off(case) and not _is_blocked(match):
        return f"NODATA: {type_text(case.found.qtype)} is switched off"
    if case.here is not None:
        return case.here.answer
    if _is_any_for_nobody(case):
        return "REFUSED" if settled.any_answer == "refuse" else 'HINFO "RFC8482" "", which says nothing'
    said = answer_in_words(match, case.found.qtype, blocked)
    return f"{said}, unless a rule blocks what that leads through" if match is None else said


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
    if case.found.qtype in NEVER_SERVED:
        return f"{kind} is not: REFUSED, there are no zone transfers and no transactions here"
    if _is_switched_off(case):
        return f"{kind} is switched off: NODATA (answers.block_types)"
    if case.found.qtype == RRType.ANY and case.settled.any_answer != "forward":
        return f"{kind} is, as far as local data and rules have an answer (answers.any)"
    return f"{kind} is"


def _here(case: Case) -> str:
    here = case.here
    if here is None:
        return "the name is none"
    why = f" ({here.why})" if here.why else ""
    return f"{here.answer}{why}, whatever the rules say"


def _is_refused(case: Case) -> bool:
    return not is_answered(case) or case.found.qtype in NEVER_SERVED or _is_switched_off(case)


def _is_switched_off(case: Case) -> bool:
    return case.found.qtype in case.settled.block_types


def _is_any_for_nobody(case: Case) -> bool:
    """Whether it is a query for ANY that nothing here has an answer for, and that is not passed on."""
    match = case.found.deciding
    passes = match is None or match.action is Action.ALLOW
    return case.found.qtype == RRType.ANY and case.settled.any_answer != "forward" and case.here is None and passes


def _is_blocked(match: Match | None) -> bool:
    return match is not None and match.action is Action.BLOCK and not match.rewrites


def _ends_early(case: Case) -> bool:
    """Whether the query is not for upstreams, whatever the rules say."""
    return case.here is not None or _is_refused(case) or _is_any_for_nobody(case)


def _upstreams(case: Case) -> str:
    match = case.found.deciding
    if case.here is not None and case.here.asked_for and not _is_refused(case):
        kind, alias = type_text(case.found.qtype), case.here.asked_for
        return f"asked for {to_text(alias)} {kind}: the cache, then {whom(case.settled, alias)}"
    if _ends_early(case) or _is_blocked(match):
        return "not asked"
    if match is None or match.action is Action.ALLOW:
        return f"the cache is asked, then {whom(case.settled, case.found.name)}"
    if match.rewrites[0].rrtype == RRType.CNAME and case.found.qtype not in {RRType.CNAME, RRType.ANY}:
        alias = match.rewrites[0].rdata
        asked = whom(case.settled, alias)
        return f"asked for {to_text(alias)} {type_text(case.found.qtype)}: the cache, then {asked}"
    return "not asked"


def _leads_through(case: Case) -> str:
    match = case.found.deciding
    if _ends_early(case):
        return "not looked at"
    if match is None:
        return "judged by the same rules, for the same client and type"
    if match.action is Action.BLOCK:
        return "not looked at: a rule about the name has decided"
    return "not judged: an exception for a name is one for all that its answers lead through"


def _what_is_judged(case: Case) -> tuple[str, ...]:
    match = case.found.deciding
    if _ends_early(case) or (match is not None and match.action is Action.BLOCK):
        return ()
    return (
        *(() if match else ("names: every alias (CNAME) and target (HTTPS, SVCB)", _addresses(case))),
        _inside(case),
    )


def _addresses(case: Case) -> str:
    rules = (*case.policy.own.rules, *case.policy.rich.rules)
    about = sum(rule.target is Target.ADDRESS and not rule.badfilter for _, rule in rules)
    if not about:
        return "addresses: no rule is about addresses"
    return (
        f"addresses: compared with {about} rule{'s' * (about != 1)} about addresses; the first that blocks one decides"
    )


def _inside(case: Case) -> str:
    settled, name = case.settled, case.found.name
    if not settled.rebinding:
        return "private addresses: let through (answers.rebinding)"
    domains = {domain for route in settled.routes for domain in route.domains}
    unqualified = DEFAULT if UNQUALIFIED in domains else None
    routes = Routes({from_text(domain): DEFAULT for domain in domains - {UNQUALIFIED}}, unqualified)
    labels = labels_of(name)
    if routes.is_conditional(name, labels):
        return "private addresses: let through, as the name has a route"
    if is_at_home(name, labels, frozenset(map(from_text, settled.rebinding_allow))):
        return "private addresses: let through, as the name is a local one or in answers.rebinding_allow"
    return "private addresses: taken away, as the name is from outside"


def _some(words: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return ", ".join(words[:_MOST]) + more
