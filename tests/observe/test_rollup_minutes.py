"""The running minutes: everything that was folded is in the units that are given away, once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from mirage_hole.observe import rollup_minutes as module
from mirage_hole.observe.record import decode_frame, decode_subject
from mirage_hole.observe.rollup import BOUNDS, MINUTE, Facet, Unit, total
from mirage_hole.observe.rollup_minutes import ANSWERED, LATE, MinuteUnits
from mirage_hole.observe.segments import plain_address
from mirage_hole.observe.statistics import Statistics
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.names import from_text
from tests.observe.frames import NOON, frame, octets, replays, ruled, single, singles, subject
from tests.observe.test_statistics import FRAMES

NOON_MINUTE = int(NOON) // 60


def keeping(**report: object) -> Statistics:
    statistics = Statistics()
    statistics.register_generation(1, ["Ads", "Trackers"])
    statistics.minutes_kept.keep = True
    if report:
        statistics.workers.report(0, {"pid": 1, **report}, NOON)
    return statistics


def taken(statistics: Statistics) -> list[Unit]:
    statistics.totals()
    return statistics.minutes_kept.take(None)


@settings(max_examples=60)
@given(FRAMES)
def test_units_say_the_same_as_the_records(frames: list[bytes]) -> None:
    statistics = keeping()
    for one in frames:
        statistics.fold_frame(one, NOON)
    records = [record for one in frames for record in decode_frame(one)]
    subjects = [decode_subject(record.subject) for record in records]
    found = total(0, taken(statistics))
    assert found.queries == len(records)
    assert found.blocked == sum(one.outcome is Outcome.BLOCKED for one in subjects)
    assert found.counts(Facet.OUTCOME) == Counter(int(one.outcome) for one in subjects)
    assert found.counts(Facet.RCODE) == Counter(one.rcode for one in subjects)
    assert found.counts(Facet.TRANSPORT) == Counter(record.transport for record in records)
    assert found.counts(Facet.NAME) == Counter(one.name for one in subjects if one.outcome in ANSWERED)
    assert found.counts(Facet.BLOCKED_NAME) == Counter(one.name for one in subjects if one.outcome is Outcome.BLOCKED)
    assert found.counts(Facet.CLIENT) == Counter(plain_address(record.client) for record in records)
    pairs = Counter(
        bytes([len(client := plain_address(record.client))]) + client + one.name
        for record, one in zip(records, subjects, strict=True)
        if one.outcome in ANSWERED
    )
    assert found.counts(Facet.CLIENT_NAME) == pairs
    assert sum(found.counts(Facet.DURATION).values()) == len(records)


@pytest.mark.parametrize(("late", "minute"), [(0, 0), (61, -2), (125, -LATE), (4000, -LATE), (-300, 0)])
def test_a_late_record_is_in_its_minute_and_one_that_is_too_late_in_the_earliest(late: int, minute: int) -> None:
    statistics = keeping()
    statistics.fold_frame(frame(single(NOON - late, "192.0.2.1", subject("a.example"))), NOON)
    (unit,) = taken(statistics)
    assert unit.at == (NOON_MINUTE + minute) * MINUTE
    assert unit.queries == 1


def test_one_frame_of_two_minutes_is_told_apart() -> None:
    statistics = keeping()
    statistics.fold_frame(
        frame(
            replays(NOON - 1, [("192.0.2.1", subject("old.example"))]),
            replays(NOON, [("192.0.2.1", subject("new.example"))] * 2),
        ),
        NOON,
    )
    old, new = taken(statistics)
    assert old.counts(Facet.NAME) == {from_text("old.example"): 1}
    assert new.counts(Facet.NAME) == {from_text("new.example"): 2}


def test_the_running_minute_stays_and_what_comes_late_makes_a_new_unit() -> None:
    statistics = keeping()
    told = subject("a.example")
    statistics.fold_frame(frame(single(NOON - 60, "192.0.2.1", told)), NOON - 60)
    statistics.fold_frame(frame(single(NOON, "192.0.2.1", told)), NOON)
    statistics.totals()
    (done,) = statistics.minutes_kept.take(NOON_MINUTE)
    assert (done.at, done.queries) == ((NOON_MINUTE - 1) * 60, 1)
    statistics.fold_frame(frame(single(NOON - 30, "192.0.2.1", told)), NOON + 1)
    statistics.totals()
    (late,) = statistics.minutes_kept.take(NOON_MINUTE)
    assert (late.at, late.queries) == (done.at, 1)
    assert [unit.queries for unit in taken(statistics)] == [1]


def test_response_times_are_of_the_upstream_that_was_waited_for() -> None:
    statistics = keeping(upstreams=[{"address": "9.9.9.9"}, {"address": "2620:fe::fe"}])
    statistics.fold_frame(
        frame(
            singles(
                NOON,
                [
                    ("192.0.2.1", subject("a.example", upstream=1), 0.02),
                    ("192.0.2.1", subject("b.example", Outcome.CACHED, upstream=1), 0.0),
                    ("192.0.2.1", subject("c.example", upstream=7), 0.3),
                ],
            ),
            replays(NOON, [("192.0.2.1", subject("a.example", upstream=1))]),
        ),
        NOON,
    )
    (unit,) = taken(statistics)
    by_upstream: Counter[bytes] = Counter()
    for key, number in unit.counts(Facet.DURATION).items():
        assert isinstance(key, bytes)
        by_upstream[key[:-1]] += number
    assert by_upstream == {b"[2620:fe::fe]:53": 1, b"unknown upstream": 1, b"": 2}
    assert unit.counts(Facet.UPSTREAM) == {b"[2620:fe::fe]:53": 3, b"unknown upstream": 1}


def test_lists_are_told_by_what_their_rule_did() -> None:
    statistics = keeping()
    told = [
        ruled("a.example", "a.example"),
        ruled("b.example", "b.example", list_id=1, outcome=Outcome.FORWARDED),
        ruled("c.example", "c.example", list_id=1, outcome=Outcome.LOCAL),
    ]
    statistics.fold_frame(frame(replays(NOON, [("192.0.2.1", one) for one in told])), NOON)
    (unit,) = taken(statistics)
    assert unit.counts(Facet.BLOCKED_BY) == {b"Ads": 1}
    assert unit.counts(Facet.ALLOWED_BY) == {b"Trackers": 1}
    assert unit.counts(Facet.REWRITTEN_BY) == {b"Trackers": 1}


def test_of_a_busy_minute_it_is_told_how_many_pairs_were_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAIRS_A_MINUTE", 5)
    statistics = keeping()
    many = frame(replays(NOON, [("192.0.2.1", subject("a.example"))] * 4))
    for _ in range(3):
        statistics.fold_frame(many, NOON)
    (unit,) = taken(statistics)
    pairs = unit.of(Facet.CLIENT_NAME)
    assert list(pairs.counts.values()) == [4]
    assert (pairs.slack, pairs.floor) == (8, 8)
    assert unit.counts(Facet.CLIENT) == {octets("192.0.2.1"): 12}


@pytest.mark.parametrize(
    ("names", "clients", "absent"),
    [
        (False, True, {Facet.NAME, Facet.BLOCKED_NAME, Facet.CLIENT_NAME, Facet.CLIENT_BLOCKED}),
        (True, False, {Facet.CLIENT, Facet.BLOCKED_CLIENT, Facet.CLIENT_NAME, Facet.CLIENT_BLOCKED}),
    ],
)
def test_what_is_to_be_hidden_is_counted_nowhere(names: bool, clients: bool, absent: set[Facet]) -> None:
    statistics = keeping()
    statistics.minutes_kept.names, statistics.minutes_kept.clients = names, clients
    told = [subject("a.example"), ruled("b.example", "b.example")]
    statistics.fold_frame(frame(replays(NOON, [("192.0.2.1", one) for one in told])), NOON)
    top = statistics.top(10, NOON)
    (unit,) = taken(statistics)
    assert unit.queries == 2
    assert not absent & unit.facets.keys()
    assert bool(top.names) == bool(top.blocked) == names
    assert bool(top.clients) == clients


def test_a_client_that_is_hidden_is_counted_without_its_address() -> None:
    statistics = keeping()
    statistics.hide(names=False, clients=False, hidden=lambda client: client == octets("192.0.2.9"))
    told = subject("a.example")
    statistics.fold_frame(frame(replays(NOON, [("192.0.2.9", told), ("192.0.2.1", told)])), NOON)
    assert [row.key for row, _ in statistics.top(5, NOON).clients] == [octets("192.0.2.1")]
    (unit,) = taken(statistics)
    assert unit.queries == 2
    assert unit.counts(Facet.CLIENT) == {octets("192.0.2.1"): 1}
    assert unit.counts(Facet.CLIENT_NAME) == {b"\4" + octets("192.0.2.1") + from_text("a.example"): 1}
    assert unit.counts(Facet.NAME) == {from_text("a.example"): 2}


def test_top_lists_of_what_is_hidden_begin_again() -> None:
    statistics = keeping()
    statistics.fold_frame(frame(replays(NOON, [("192.0.2.1", subject("a.example"))])), NOON)
    statistics.hide(names=True, clients=True)
    top = statistics.top(5, NOON)
    assert (top.names, top.clients) == ([], [])
    assert statistics.totals()["queries"] == 1


def test_ever_new_names_do_not_fill_the_memory() -> None:
    statistics = keeping()
    for start in range(0, 30_000, 500):
        told = [("192.0.2.1", subject(f"n{number}.example")) for number in range(start, start + 500)]
        statistics.fold_frame(frame(replays(NOON, told)), NOON)
    (unit,) = taken(statistics)
    assert unit.queries == 30_000
    names = unit.of(Facet.NAME)
    assert len(names.counts) <= 2 * BOUNDS[MINUTE]
    assert names.floor >= 1


def test_minutes_that_nobody_takes_go_and_are_counted() -> None:
    statistics = keeping()
    for number in range(10):
        now = NOON + 60 * number
        statistics.fold_frame(frame(single(now, "192.0.2.1", subject("a.example"))), now)
    units = taken(statistics)
    assert len(units) == module.MOST_OPEN
    assert statistics.minutes_kept.lost == 10 - module.MOST_OPEN


def test_nothing_is_counted_while_nobody_keeps_it() -> None:
    statistics = Statistics()
    statistics.fold_frame(frame(single(NOON, "192.0.2.1", subject("a.example"))), NOON)
    assert taken(statistics) == []


def test_forgetting_begins_again() -> None:
    units = MinuteUnits()
    units.keep = True
    units.tally(1, [b"\1\2\3\4"], [subject("a.example")])
    units.forget()
    assert units.running() == []


def test_what_was_counted_before_the_start_comes_back_under_what_came_since() -> None:
    before = keeping()
    told = replays(NOON, [("192.0.2.1", subject("a.example"))] * 3)
    before.fold_frame(frame(told), NOON)
    hour = total(int(NOON), taken(before))
    now = NOON + 600
    statistics = keeping()
    statistics.fold_frame(frame(single(now, "192.0.2.2", subject("a.example"))), now)
    statistics.preceded_by([(int(NOON), 3, 0)], [hour], now)
    top = statistics.top(5, now)
    assert [(row.key, row.times, row.uncertainty) for row in top.names] == [(from_text("a.example"), 4, 0)]
    assert [(row.key, row.times) for row, _ in top.clients] == [(octets("192.0.2.1"), 3), (octets("192.0.2.2"), 1)]
    assert statistics.day(now) == (4, 0)
    assert statistics.totals()["queries"] == 1
