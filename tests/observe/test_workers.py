from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.workers import COUNTERS, MAX_UPSTREAMS, Workers
from tests.observe.frames import NOON


def upstream(
    address: str = "9.9.9.9", port: int = 53, rtt_ms: float = 0.0, healthy: bool = True, **counts: int
) -> dict[str, object]:
    return {"address": address, "port": port, "rtt_ms": rtt_ms, "healthy": healthy, **counts}


def report(pid: int = 100, upstreams: object = (), **values: object) -> dict[str, object]:
    return {"is": "counters", "pid": pid, "generation": 3, "upstreams": list(upstreams), **values}  # type: ignore[call-overload]


STEPS = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 100)), max_size=30)


@given(STEPS, st.booleans())
def test_sums_never_go_back_however_often_workers_restart(steps: list[tuple[int, bool, int]], announced: bool) -> None:
    workers, counts, pids, expected = Workers(), [0, 0, 0], [1, 2, 3], 0
    for number, restarts, more in steps:
        if restarts:
            counts[number] = 0
            pids[number] += 10
            if announced:
                workers.gone(number)
                workers.started(number)
        counts[number] += more
        expected += more
        workers.report(number, report(pids[number], [upstream(sent=counts[number])], datagrams=counts[number]), NOON)
        assert workers.total("datagrams") == expected
        assert sum(one.sent for one in workers.upstreams()) == expected


def test_counters_that_went_back_mean_a_new_worker_even_under_the_same_process_id() -> None:
    workers = Workers()
    workers.report(0, report(datagrams=100), NOON)
    workers.report(0, report(datagrams=5), NOON)
    assert workers.total("datagrams") == 105
    assert workers.restarts() == 1


def test_gauges_are_what_the_living_workers_hold_now() -> None:
    workers = Workers()
    workers.report(0, report(1, in_flight=5, cache_bytes=10), NOON)
    workers.report(1, report(2, in_flight=7, cache_bytes=20), NOON)
    workers.report(1, report(2, in_flight=1, cache_bytes=30), NOON)
    assert (workers.total("in_flight"), workers.total("cache_bytes")) == (6, 40)
    workers.gone(0)
    assert (workers.total("in_flight"), workers.total("cache_bytes")) == (1, 30)
    assert [view.number for view in workers.views()] == [1]


def test_a_worker_is_described_as_it_last_reported() -> None:
    workers = Workers()
    workers.started(0)
    workers.report(0, report(77, paused=True, datagrams=3), NOON)
    view = workers.views()[0]
    assert (view.pid, view.generation, view.paused, view.reported_at, view.restarts) == (77, 3, True, NOON, 0)
    assert view.values["datagrams"] == 3


def test_an_upstream_is_summed_over_workers_and_healthy_while_one_of_them_uses_it() -> None:
    workers = Workers()
    workers.report(0, report(1, [upstream(rtt_ms=10.0, healthy=False, sent=3, answered=1, timeouts=2)]), NOON)
    workers.report(1, report(2, [upstream(rtt_ms=20.0, sent=4, answered=4), upstream("2620:fe::fe", 853)]), NOON)
    first, second = workers.upstreams()
    assert (first.address, first.sent, first.answered, first.timeouts, first.rtt_ms, first.healthy) == (
        "9.9.9.9:53", 7, 5, 2, 15.0, True,
    )  # fmt: skip
    assert (second.address, second.rtt_ms) == ("[2620:fe::fe]:853", None)


def test_responses_are_summed_over_workers_and_restarts_and_only_by_codes_that_there_are() -> None:
    workers = Workers()
    workers.report(0, report(1, [upstream(sent=5) | {"responses": {"NOERROR": 4, "REFUSED": 1}}]), NOON)
    workers.started(0)
    workers.report(0, report(2, [upstream(sent=2) | {"responses": {"NOERROR": 2, "X" * 99: 1, "other": 1}}]), NOON)
    workers.report(1, report(3, [upstream() | {"responses": {"NXDOMAIN": 3}, "loops": True, "groups": ["home"]}]), NOON)
    (one,) = workers.upstreams()
    assert one.responses == {"NOERROR": 6, "NXDOMAIN": 3, "REFUSED": 1, "other": 1}
    assert one.loops
    assert one.groups == ()  # as the first worker has it


def test_the_least_steady_worker_says_how_steady_an_upstream_is() -> None:
    workers = Workers()
    workers.report(0, report(1, [upstream(rtt_ms=10.0) | {"deviation_ms": 3.0}]), NOON)
    workers.report(1, report(2, [upstream() | {"deviation_ms": 9.0}]), NOON)  # it has measured nothing
    workers.report(2, report(3, [upstream(rtt_ms=10.0) | {"deviation_ms": 4.0}]), NOON)
    assert workers.upstreams()[0].deviation_ms == 4.0


def test_an_upstream_that_new_settings_removed_and_brought_back_keeps_its_sum() -> None:
    workers = Workers()
    workers.report(0, report(1, [upstream(sent=10)]), NOON)
    workers.report(0, report(1, []), NOON)
    assert workers.upstreams() == []
    workers.report(0, report(1, [upstream(sent=2)]), NOON)
    workers.report(0, report(1, [upstream(sent=1)]), NOON)
    assert workers.upstreams()[0].sent == 13


ODD = [None, True, -1, 7, 2**70, 1.5, float("nan"), float("inf"), "7", "", [], [1], {}, {"sent": 1}]
JSON = st.sampled_from(ODD)
FIELDS = st.sampled_from([*COUNTERS, "pid", "generation", "in_flight", "upstreams", "paused"])
ROWS = st.dictionaries(
    st.sampled_from(["address", "port", "sent", "rtt_ms", "healthy", "deviation_ms", "responses", "groups", "loops"]),
    JSON,
)


@given(st.lists(st.dictionaries(FIELDS, JSON | st.lists(ROWS | JSON, max_size=3)), max_size=4))
def test_no_message_whatever_is_in_it_breaks_the_sums(messages: list[dict[str, object]]) -> None:
    workers = Workers()
    for message in messages:
        workers.report(0, message, NOON)
        assert all(workers.total(name) >= 0 for name in COUNTERS)
        assert all(one.sent >= 0 for one in workers.upstreams())


def test_the_table_of_upstreams_is_bounded() -> None:
    workers = Workers()
    for batch in range(10):
        workers.report(0, report(1, [upstream(f"192.0.{batch}.{number}", sent=1) for number in range(300)]), NOON)
    assert len(workers.upstreams()) <= MAX_UPSTREAMS
    assert len(workers._ended_upstreams) <= MAX_UPSTREAMS
