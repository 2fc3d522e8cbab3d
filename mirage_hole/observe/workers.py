"""Sums the counters that workers report once a second; a restarted worker begins at zero, the sums do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.wire.codes import Rcode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COUNTERS = (
    "datagrams",
    "packet_cache_hits",
    "cache_hits",
    "cache_stale_hits",
    "cache_failure_hits",
    "cache_prefetched",
    "validated_secure",
    "validated_insecure",
    "validated_bogus",
    "validated_indeterminate",
    "replies_lost",
    "not_queries",
    "upstream_mismatched",
    "records_sent",
    "records_dropped",
    "cookies_proven",
    "cookies_unproven",
    "limited_truncated",
    "limited_refused",
    "limited_dropped",
    "limited_delayed",
    "flood_dropped",
    "tcp_refused",
    "tcp_closed_idle",
    "tcp_closed_broken",
    "tcp_closed_for_others",
)
"""Numbers that only grow while a worker lives."""
GAUGES = (
    "packet_cache_entries",
    "cache_entries",
    "cache_failures",
    "cache_bytes",
    "in_flight",
    "tasks",
    "tcp_connections",
    "clients_over_limit",
    "clients_stopped",
)
"""Numbers that come and go."""
UPSTREAM_COUNTERS = ("sent", "answered", "timeouts", "failures")

MAX_COUNT = 2**53  # what JSON numbers hold exactly, RFC 8259 section 6
MAX_UPSTREAMS = 255  # a record has one octet for the upstream's index
MAX_GROUPS = 60
RCODES = frozenset((*(code.name for code in Rcode), "other"))
"""What responses of upstreams are counted by."""


class UpstreamView(NamedTuple):
    """One upstream, over all workers."""

    address: str
    sent: int
    answered: int
    timeouts: int
    failures: int
    rtt_ms: float | None
    """Mean of the workers' smoothed round-trip times in milliseconds; None when no worker knows one."""
    healthy: bool
    """False when every worker gave up on it for now."""
    deviation_ms: float | None
    """How far round-trip times are from that, on average; the largest of any worker."""
    loops: bool
    """What it is asked comes back here: a worker has seen it."""
    responses: dict[str, int]
    """By response code."""
    groups: tuple[str, ...]
    """Groups that it is in, by name."""


class WorkerView(NamedTuple):
    """One worker as it was when it last reported."""

    number: int
    pid: int
    generation: int
    """The generation it serves from; 0 for none."""
    paused: bool
    """It lets everything through."""
    reported_at: float
    """Seconds since the epoch; 0 before the first report."""
    restarts: int
    values: dict[str, int]
    """``COUNTERS`` since the worker's own start, and ``GAUGES``."""


@dataclass(slots=True)
class _Upstream:
    counters: dict[str, int]
    responses: dict[str, int]
    rtt_ms: float | None
    deviation_ms: float | None
    healthy: bool
    loops: bool
    groups: tuple[str, ...]


@dataclass(slots=True)
class _Worker:
    values: dict[str, int] = field(default_factory=dict)
    upstreams: dict[str, _Upstream] = field(default_factory=dict)
    pid: int = 0
    generation: int = 0
    paused: bool = False
    reported_at: float = 0.0
    alive: bool = False
    starts: int = 0


class Workers:
    """The counters of all workers."""

    __slots__ = ("_ended", "_ended_upstreams", "_workers")

    def __init__(self) -> None:
        self._workers: dict[int, _Worker] = {}
        self._ended = dict.fromkeys(COUNTERS, 0)
        self._ended_upstreams: dict[str, tuple[Counter[str], Counter[str]]] = {}

    def started(self, number: int) -> None:
        """A worker was started in this place; what its predecessor counted is kept in the sums."""
        self._retire(number)
        worker = self._workers.setdefault(number, _Worker())
        worker.starts += 1
        worker.alive = True

    def gone(self, number: int) -> None:
        """The worker ended: its gauges count no longer."""
        self._retire(number)

    def report(self, number: int, message: Mapping[str, object], now: float) -> None:
        """Take a ``counters`` message (:mod:`mirage_hole.runtime.channel`); what is no number in it is ignored."""
        worker = self._workers.get(number)
        if worker is None or not worker.alive:
            self.started(number)
            worker = self._workers[number]
        values = {name: whole(message.get(name)) for name in (*COUNTERS, *GAUGES)}
        pid = whole(message.get("pid"))
        # Another process, or counters that went back: a new worker whose start was not announced.
        if worker.pid not in {0, pid} or any(values[name] < worker.values.get(name, 0) for name in COUNTERS):
            self.started(number)
        worker.values = values
        worker.pid = pid
        worker.generation = whole(message.get("generation"))
        worker.paused = message.get("paused") is True
        upstreams = dict(_read_upstreams(message.get("upstreams")))
        for address, before in worker.upstreams.items():
            after = upstreams.get(address)
            # New settings replace the upstreams of a living worker, which begin at zero.
            if after is None or any(after.counters[name] < before.counters[name] for name in UPSTREAM_COUNTERS):
                self._keep(address, before)
        worker.upstreams = upstreams
        worker.reported_at = now

    def total(self, name: str) -> int:
        """A counter since the supervisor's start, or the present sum of a gauge."""
        return self._ended.get(name, 0) + sum(worker.values.get(name, 0) for worker in self._workers.values())

    def restarts(self) -> int:
        """How often a worker took the place of one that had ended."""
        return sum(max(0, worker.starts - 1) for worker in self._workers.values())

    def views(self) -> list[WorkerView]:
        """The living workers, by number."""
        return [
            WorkerView(
                number,
                worker.pid,
                worker.generation,
                worker.paused,
                worker.reported_at,
                worker.starts - 1,
                dict(worker.values),
            )
            for number, worker in sorted(self._workers.items())
            if worker.alive
        ]

    def upstreams(self) -> list[UpstreamView]:
        """Every upstream that a living worker uses, in the order of the first worker's preference."""
        living = [worker for worker in self._workers.values() if worker.alive]
        return [
            self._upstream(address, [w.upstreams[address] for w in living if address in w.upstreams])
            for address in self.addresses()
        ]

    def addresses(self) -> list[str]:
        """The addresses of ``upstreams``, which a record means by its number."""
        return list(
            dict.fromkeys(name for worker in self._workers.values() if worker.alive for name in worker.upstreams)
        )

    def _upstream(self, address: str, seen: list[_Upstream]) -> UpstreamView:
        ended = self._ended_upstreams.get(address, (Counter[str](), Counter[str]()))
        counters, responses = ended[0].copy(), ended[1].copy()
        for one in seen:
            counters.update(one.counters)
            responses.update(one.responses)
        times = [one.rtt_ms for one in seen if one.rtt_ms is not None]
        return UpstreamView(
            address,
            rtt_ms=sum(times) / len(times) if times else None,
            healthy=any(one.healthy for one in seen),
            deviation_ms=max((one.deviation_ms for one in seen if one.deviation_ms is not None), default=None),
            loops=any(one.loops for one in seen),
            responses={name: responses[name] for name in sorted(responses)},
            groups=seen[0].groups,
            **{name: counters[name] for name in UPSTREAM_COUNTERS},
        )

    def _retire(self, number: int) -> None:
        worker = self._workers.get(number)
        if worker is None:
            return
        for name in COUNTERS:
            self._ended[name] += worker.values.get(name, 0)
        for address, upstream in worker.upstreams.items():
            self._keep(address, upstream)
        worker.values = {}
        worker.upstreams = {}
        worker.pid = 0
        worker.alive = False

    def _keep(self, address: str, upstream: _Upstream) -> None:
        if address in self._ended_upstreams or len(self._ended_upstreams) < MAX_UPSTREAMS:
            counters, responses = self._ended_upstreams.setdefault(address, (Counter(), Counter()))
            counters.update(upstream.counters)
            responses.update(upstream.responses)


def whole(value: object) -> int:
    """A count from JSON; anything that is none is 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT else 0


def _milliseconds(value: object) -> float | None:
    """A time from JSON; None for 0, which says that none was measured yet, and for anything that is none."""
    return float(value) if isinstance(value, (int, float)) and 0 < value < 3.6e6 else None


def _read_upstreams(value: object) -> Iterator[tuple[str, _Upstream]]:
    rows = value if isinstance(value, list) else []
    for row in rows[:MAX_UPSTREAMS]:
        if isinstance(row, dict) and isinstance(address := row.get("address"), str):
            port = whole(row.get("port")) or 53
            responses, groups = row.get("responses"), row.get("groups")
            rtt_ms = _milliseconds(row.get("rtt_ms"))
            yield (
                f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
                _Upstream(
                    {name: whole(row.get(name)) for name in UPSTREAM_COUNTERS},
                    {name: whole(responses.get(name)) for name in RCODES if name in responses}
                    if isinstance(responses, dict)
                    else {},
                    rtt_ms,
                    None if rtt_ms is None else _milliseconds(row.get("deviation_ms")),
                    row.get("healthy") is True,
                    row.get("loops") is True,
                    tuple(str(name) for name in groups[:MAX_GROUPS]) if isinstance(groups, list) else (),
                ),
            )
