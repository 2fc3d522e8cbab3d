"""The numbers as Prometheus metrics: a collector over our own counters, so that nothing is counted twice.

Every metric is described in docs/metrics.md. Labels take their values from fixed sets or from the configuration, never from
what strangers ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.observe.workers import COUNTERS, GAUGES, UPSTREAM_COUNTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from prometheus_client.core import Metric

    from mirage_hole.observe.statistics import Statistics
    from mirage_hole.observe.workers import UpstreamView

PREFIX = "mirage_hole_"

_COUNTER_HELP = {
    "datagrams": "UDP datagrams that workers received.",
    "packet_cache_hits": "Queries answered from the packet cache.",
    "cache_hits": "Queries answered from the answer cache.",
    "cache_stale_hits": "Queries answered with an answer past its time, since no upstream answered.",
    "cache_failure_hits": "Queries answered SERVFAIL since the same question had just failed.",
    "cache_prefetched": "Answers that were asked for again before their time was up.",
    "validated_secure": "Answers from upstreams that DNSSEC validation found to be signed.",
    "validated_insecure": "Answers from upstreams that DNSSEC validation found to be unsigned.",
    "validated_bogus": "Answers from upstreams that DNSSEC validation refused.",
    "validated_indeterminate": "Answers from upstreams that DNSSEC validation could not judge.",
    "replies_lost": "UDP answers that the kernel did not take.",
    "not_queries": "Packets that were no query and got no answer.",
    "upstream_mismatched": "Upstream packets that answered no question of ours.",
    "records_sent": "Query records that workers handed over.",
    "records_dropped": "Query records that workers could not hand over; the queries were answered.",
    "limited_truncated": "Queries of clients over a limit that were answered truncated, or with a new cookie.",
    "cookies_proven": "Queries with a DNS cookie that proves where the client is.",
    "cookies_unproven": "Queries with a DNS cookie that proves nothing yet.",
    "limited_refused": "Queries of clients over a limit that were refused.",
    "limited_dropped": "Queries that were not answered, since the same answer went to their network too often.",
    "limited_delayed": "Times that a connection had to wait, since its client asked more than it may.",
    "flood_dropped": "UDP datagrams of floods that were dropped unread.",
    "tcp_closed_for_others": "DNS over TCP connections closed early to make room for a client with fewer.",
    "tcp_refused": "DNS over TCP connections refused since there were too many.",
    "tcp_closed_idle": "DNS over TCP connections closed since nothing came.",
    "tcp_closed_broken": "DNS over TCP connections closed since what came was no message, or nobody read the answers.",
}
_GAUGE_HELP = {
    "packet_cache_entries": "Answers in the packet caches.",
    "cache_entries": "Answers in the answer caches.",
    "cache_failures": "Questions that are remembered to have failed.",
    "cache_bytes": "Octets in both kinds of caches.",
    "in_flight": "Questions that wait for an upstream.",
    "tasks": "Coroutines at work, such as streams from clients and to upstreams.",
    "tcp_connections": "Open DNS over TCP connections.",
    "clients_over_limit": "Clients that ask more than they may.",
    "clients_stopped": "Clients whose datagrams are dropped unread, since they flood.",
}
_UPSTREAM_HELP = {
    "sent": "Questions sent to an upstream.",
    "answered": "Usable replies of an upstream.",
    "timeouts": "Questions that an upstream did not answer in time.",
    "failures": "Questions that failed for another reason than time.",
}


KINDS_OF_TROUBLE: Final = ("workers", "upstreams", "lists", "compiler", "storage", "statistics", "query_log")
"""What may not work as it should."""


class ListFacts(NamedTuple):
    """What the metrics tell of one list."""

    title: str
    rules: int
    complaints: int
    updated_at: float | None
    """Seconds since the epoch of the last good download; None when there was none."""
    healthy: bool


class ProcessFacts(NamedTuple):
    """What the metrics tell of one process."""

    name: str
    """``supervisor``, ``worker 0``."""
    resident: int
    """Octets."""
    cpu: float
    """Seconds."""
    descriptors: int


class QueueFacts(NamedTuple):
    """What the metrics tell of one queue inside the supervisor."""

    name: str
    octets: int
    dropped: int
    """Rows or records, since the start."""
    written: int = 0
    """Those that its reader kept."""


class Facts(NamedTuple):
    """What the metrics tell that is not counted here."""

    version: str
    started_at: float
    generation: int
    names: int
    """Names in the live generation."""
    lists: Sequence[ListFacts]
    datagrams_lost: int = 0
    """UDP queries that the kernel had no room for."""
    degraded: Collection[str] = ()
    """Those of ``KINDS_OF_TROUBLE`` that there are."""
    processes: Sequence[ProcessFacts] = ()
    queues: Sequence[QueueFacts] = ()
    stream_listeners: int = 0
    """Who listens to the live stream."""
    certificate_ends: float | None = None
    """Seconds since the epoch; None: the web server has no certificate."""


class MetricsCollector:
    """Collects from ``statistics`` and from what ``facts`` returns at that moment."""

    def __init__(self, statistics: Statistics, facts: Callable[[], Facts]) -> None:
        self._statistics = statistics
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Every metric, once."""
        yield from _queries(self._statistics)
        yield from _workers(self._statistics)
        yield from _facts(self._facts())


def load_exposition() -> None:
    """Import what :func:`exposition` needs; a tenth of a second and an HTTP server of its own, so only when it is wanted."""
    import prometheus_client.exposition  # noqa: F401


def exposition(collector: MetricsCollector, accept: str) -> tuple[bytes, str]:
    """(body, content type) in the format that the ``Accept`` header asks for."""
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept)
    return encode(collector), content_type  # a collector is all that it asks of a registry


def _counter(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    metric = CounterMetricFamily(PREFIX + name, text, labels=[label])
    for value, number in values:
        metric.add_metric([value], number)
    return metric


def _gauge(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    metric = GaugeMetricFamily(PREFIX + name, text, labels=[label])
    for value, number in values:
        metric.add_metric([value], number)
    return metric


def _queries(statistics: Statistics) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    outcomes = statistics.totals()
    del outcomes["queries"]
    broken = statistics.breakdown()
    yield _counter("queries", "Queries by outcome.", "outcome", outcomes.items())
    yield _counter("queries_by_type", "Queries by record type.", "type", broken.types.items())
    yield _counter("queries_by_transport", "Queries by transport.", "transport", broken.transports.items())
    yield _counter("responses", "Answers by response code.", "rcode", broken.rcodes.items())
    yield _counter("list_blocked", "Queries blocked by a rule of a list.", "list", broken.blocked_by.items())
    yield _counter("list_allowed", "Queries let through by a rule of a list.", "list", broken.allowed_by.items())
    yield _counter("list_rewritten", "Queries that a rule answered itself.", "list", broken.rewritten_by.items())
    durations = HistogramMetricFamily(PREFIX + "query_duration_seconds", "Time from a query's arrival to its answer.")
    durations.add_metric([], statistics.durations.cumulative(), statistics.durations.sum)
    yield durations
    waited = HistogramMetricFamily(
        PREFIX + "upstream_query_duration_seconds",
        "Time from the arrival of a query that waited for an upstream to its answer.",
        labels=["upstream"],
    )
    upstreams = statistics.workers.upstreams()
    for number, buckets in statistics.waited().items():
        if number < len(upstreams):
            waited.add_metric([upstreams[number].address], buckets, sum_value=None)
    yield waited
    yield CounterMetricFamily(
        PREFIX + "bad_frames", "Record frames that could not be read.", value=statistics.bad_frames
    )


def _workers(statistics: Statistics) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    workers = statistics.workers
    for name in COUNTERS:
        yield CounterMetricFamily(PREFIX + name, _COUNTER_HELP[name], value=workers.total(name))
    for name in GAUGES:
        yield GaugeMetricFamily(PREFIX + name, _GAUGE_HELP[name], value=workers.total(name))
    yield GaugeMetricFamily(PREFIX + "workers", "Living workers.", value=len(workers.views()))
    yield CounterMetricFamily(
        PREFIX + "worker_restarts", "Workers started in a dead one's place.", value=workers.restarts()
    )
    upstreams = workers.upstreams()
    for name in UPSTREAM_COUNTERS:
        counts = [(upstream.address, getattr(upstream, name)) for upstream in upstreams]
        yield _counter(f"upstream_{name}", _UPSTREAM_HELP[name], "upstream", counts)
    yield _responses(upstreams)
    yield _gauge(
        "upstream_rtt_seconds",
        "Smoothed round-trip time of an upstream.",
        "upstream",
        [(upstream.address, upstream.rtt_ms / 1e3) for upstream in upstreams if upstream.rtt_ms is not None],
    )
    yield _gauge(
        "upstream_healthy",
        "1 while an upstream is asked, 0 while it is given a rest.",
        "upstream",
        [(upstream.address, float(upstream.healthy)) for upstream in upstreams],
    )
    yield _gauge(
        "upstream_rtt_deviation_seconds",
        "How far an upstream's round-trip times are from the smoothed one.",
        "upstream",
        [(one.address, one.deviation_ms / 1e3) for one in upstreams if one.deviation_ms is not None],
    )
    yield _gauge(
        "upstream_loops",
        "1 while an upstream is not asked since it leads back here.",
        "upstream",
        [(upstream.address, float(upstream.loops)) for upstream in upstreams],
    )


def _responses(upstreams: Iterable[UpstreamView]) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    metric = CounterMetricFamily(
        PREFIX + "upstream_responses", "Replies of an upstream by response code.", labels=["upstream", "rcode"]
    )
    for upstream in upstreams:
        for rcode, count in upstream.responses.items():
            metric.add_metric([upstream.address, rcode], count)
    return metric


def _facts(facts: Facts) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    yield _gauge("build_info", "Always 1; the label tells the version.", "version", [(facts.version, 1.0)])
    yield GaugeMetricFamily(
        PREFIX + "start_time_seconds", "Start of the process, since the epoch.", value=facts.started_at
    )
    yield CounterMetricFamily(
        PREFIX + "datagrams_lost", "UDP queries that came faster than they were read.", value=facts.datagrams_lost
    )
    yield _gauge(
        "degraded",
        "1 while something does not work as it should.",
        "what",
        [(kind, float(kind in facts.degraded)) for kind in KINDS_OF_TROUBLE],
    )
    yield from _insides(facts)
    yield GaugeMetricFamily(PREFIX + "policy_generation", "Number of the live generation.", value=facts.generation)
    yield GaugeMetricFamily(PREFIX + "policy_names", "Names in the live generation.", value=facts.names)
    lists = {one.title: one for one in facts.lists}  # a label value may occur once
    yield _gauge("list_rules", "Rules read from a list.", "list", [(t, one.rules) for t, one in lists.items()])
    yield _gauge(
        "list_complaints",
        "Lines of a list that are no rule.",
        "list",
        [(t, one.complaints) for t, one in lists.items()],
    )
    yield _gauge(
        "list_updated_timestamp_seconds",
        "Last good download of a list, since the epoch.",
        "list",
        [(t, one.updated_at) for t, one in lists.items() if one.updated_at is not None],
    )
    yield _gauge(
        "list_healthy",
        "1 when the last download of a list was good.",
        "list",
        [(t, float(one.healthy)) for t, one in lists.items()],
    )


def _insides(facts: Facts) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    processes, queues = facts.processes, facts.queues
    yield _gauge(
        "process_resident_memory_bytes",
        "Memory of a process that is in RAM.",
        "process",
        [(one.name, one.resident) for one in processes],
    )
    yield _counter(
        "process_cpu_seconds", "Processor time of a process.", "process", [(one.name, one.cpu) for one in processes]
    )
    yield _gauge(
        "process_open_fds",
        "Open file descriptors of a process.",
        "process",
        [(one.name, one.descriptors) for one in processes],
    )
    yield _gauge("queue_bytes", "Octets that wait in a queue.", "queue", [(one.name, one.octets) for one in queues])
    yield _counter(
        "queue_dropped", "What a queue had no room for, or its reader could not keep.", "queue",
        [(one.name, one.dropped) for one in queues],
    )  # fmt: skip
    yield _counter(
        "queue_written", "What the reader of a queue has kept.", "queue", [(one.name, one.written) for one in queues]
    )
    yield GaugeMetricFamily(PREFIX + "stream_listeners", "Listeners of the live stream.", value=facts.stream_listeners)
    ends = GaugeMetricFamily(
        PREFIX + "certificate_expiry_timestamp_seconds", "End of the web server's certificate, since the epoch."
    )
    if facts.certificate_ends is not None:
        ends.add_metric([], facts.certificate_ends)
    yield ends
