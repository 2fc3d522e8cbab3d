"""The numbers as JSON objects, the same for the API and for the live stream. Fields are described in docs/api.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mirage_hole.lists.rule import Action
from mirage_hole.observe.metrics import KINDS_OF_TROUBLE, Facts, ListFacts
from mirage_hole.observe.recent import address_text
from mirage_hole.policy.order import in_words
from mirage_hole.wire.codes import type_text
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.api.state import ApiState
    from mirage_hole.observe.recent import QueryRow
    from mirage_hole.observe.series import Minutes
    from mirage_hole.observe.toplist import Ranked
    from mirage_hole.policy.explain import AppliedRule, Explanation

TOP = 10
MAX_RULES = 100
VERDICTS = {"blocked": "block", "allowed": "allow", "rewritten": "rewrite", "no rule": "none"}
SILENT_AFTER = 15.0
"""Seconds without a report after which a worker does not count as well; it reports every second."""


def boot(state: ApiState) -> str:
    """What tells this run of the program from any other: query numbers start again with it."""
    return f"{int(state.started_at * 1000):x}"


def hello(state: ApiState) -> dict[str, Any]:
    """What does not change while the program runs, and the time."""
    return {
        "now": state.clock(),
        "version": state.version,
        "boot": boot(state),
        "started_at": state.started_at,
        "listen": list(state.listen),
        "explain": state.explain is not None,
    }


def counts(state: ApiState, now: float) -> dict[str, Any]:
    """Totals and what moves with every query."""
    statistics = state.statistics
    queries, blocked = statistics.day(now)
    generation = state.generation()
    workers = statistics.workers
    return {
        "totals": statistics.totals(),
        "day": {"queries": queries, "blocked": blocked},
        "policy": generation._asdict() if generation else None,
        "workers": [
            {
                "number": view.number,
                "pid": view.pid,
                "generation": view.generation,
                "paused": view.paused,
                "healthy": now - view.reported_at < SILENT_AFTER,
                "restarts": view.restarts,
                **view.values,
            }
            for view in workers.views()
        ],
        "upstreams": [view._asdict() for view in workers.upstreams()],
        "records_dropped": workers.total("records_dropped"),
        "datagrams_lost": state.datagrams_lost(),
    }


def breakdown(state: ApiState) -> dict[str, Any]:
    """Totals by type, response code and transport."""
    broken = state.statistics.breakdown()
    return {"types": broken.types, "rcodes": broken.rcodes, "transports": broken.transports}


def series(minutes: Minutes) -> dict[str, Any]:
    """A stretch of the minute series."""
    return {"start": minutes.start, "step": 60, "queries": minutes.queries, "blocked": minutes.blocked}


def top(state: ApiState, now: float, limit: int = TOP) -> dict[str, Any]:
    """The heaviest names and clients."""
    lists = state.statistics.top(limit, now)
    return {
        "since": lists.since,
        "names": [_named(ranked) for ranked in lists.names],
        "blocked": [_named(ranked) for ranked in lists.blocked],
        "clients": [
            {
                "client": address_text(ranked.key),
                "queries": ranked.times,
                "uncertainty": ranked.uncertainty,
                "blocked": blocked,
            }
            for ranked, blocked in lists.clients
        ],
        "client_count": lists.client_count,
        "client_count_exact": lists.client_count_exact,
    }


def lists(state: ApiState) -> list[dict[str, Any]]:
    """The configured lists, each with how often its rules decided."""
    broken = state.statistics.breakdown()
    return [
        {
            **status._asdict(),
            "decided": (broken.blocked_by if status.kind == "block" else broken.allowed_by).get(status.title, 0)
            + broken.rewritten_by.get(status.title, 0),
        }
        for status in state.lists()
    ]


def explanation(found: Explanation) -> dict[str, Any]:
    """What the rules say of a query, the deciding rule first."""
    return {
        "name": to_text(found.name),
        "type": type_text(found.qtype) if found.qtype else None,
        "verdict": VERDICTS[found.outcome],
        "rules": [_rule(rule) for rule in found.rules[:MAX_RULES]],
        "others": [_rule(rule) for rule in found.others[:MAX_RULES]],
        "without": [
            {
                "list": one.list.title,
                "source": one.list.source,
                "verdict": VERDICTS[one.outcome],
                "rule": one.rule or None,
                "by": one.title or None,
                "changes": one.changes,
            }
            for one in found.without[:MAX_RULES]
        ],
    }


def _rule(rule: AppliedRule) -> dict[str, Any]:
    match = rule.match
    return {
        "decides": rule.decides,
        "action": "rewrite" if match.rewrites and match.action is Action.BLOCK else match.action.name.lower(),
        "list": rule.list.title,
        "source": rule.list.source,
        "rule": rule.text,
        "scope": match.scope.name.lower(),
        "line": match.line or None,
        "step": in_words(match.step),
        "why": rule.why,
    }


def rows(state: ApiState, queries: Sequence[QueryRow]) -> list[dict[str, Any]]:
    """Queries, each with the address of its upstream instead of a number."""
    upstreams = [view.address for view in state.statistics.workers.upstreams()]
    return [_row(query, upstreams) for query in queries]


def healthy(state: ApiState, now: float) -> bool:
    """Whether some worker answers queries."""
    return any(now - view.reported_at < SILENT_AFTER for view in state.statistics.workers.views())


def degraded(state: ApiState, now: float) -> dict[str, str]:
    """What does not work as it should, in a word of ``KINDS_OF_TROUBLE`` and for people."""
    found = dict(state.degraded())
    upstreams = state.statistics.workers.upstreams()
    if not healthy(state, now):
        found["workers"] = "no worker answers queries"
    elif upstreams and not any(view.healthy for view in upstreams):
        found["upstreams"] = "no upstream answers; what is known is answered, and the rest SERVFAIL"
    return {kind: found[kind] for kind in KINDS_OF_TROUBLE if kind in found}


def facts(state: ApiState) -> Facts:
    """What the metrics tell besides the statistics."""
    generation = state.generation()
    return Facts(
        state.version,
        state.started_at,
        generation.number if generation else 0,
        generation.names if generation else 0,
        [
            ListFacts(status.title, status.rules, status.complaints, status.last_success, status.state == "live")
            for status in state.lists()
        ],
        state.datagrams_lost(),
        degraded(state, state.clock()).keys(),
        queues=state.queues(),
        certificate_ends=state.certificate_ends(),
    )


def _named(ranked: Ranked) -> dict[str, Any]:
    return {"name": to_text(ranked.key), "queries": ranked.times, "uncertainty": ranked.uncertainty}


def _row(query: QueryRow, upstreams: Sequence[str]) -> dict[str, Any]:
    row = query._asdict()
    row["duration_ms"] = round(row.pop("duration") * 1000, 3)
    at = query.upstream
    row["upstream"] = upstreams[at] if at is not None and at < len(upstreams) else None
    return row
