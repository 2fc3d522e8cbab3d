from __future__ import annotations

import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.observe import statistics as module
from mirage_hole.observe.generations import UNKNOWN
from mirage_hole.observe.record import NO_LIST, NO_SUBJECT, TCP, UDP, decode_frame, decode_subject
from mirage_hole.observe.statistics import OTHER, Statistics
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from mirage_hole.wire.codes import Rcode, RRType
from mirage_hole.wire.names import from_text
from tests.observe.frames import NOON, frame, octets, replays, ruled, single, subject

TITLES = ["Ads", "Trackers"]
CLIENTS = [f"192.0.2.{number}" for number in range(1, 6)]
NAMES = [f"{letter}.example.com" for letter in string.ascii_lowercase[:8]]

SUBJECTS = st.one_of(
    st.builds(
        lambda name, outcome, qtype, rcode, upstream: subject(
            name, outcome, qtype=qtype, rcode=rcode, upstream=upstream
        ),
        st.sampled_from(NAMES),
        st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.BLOCKED]),
        st.sampled_from([1, 28, 65, 9999]),
        st.sampled_from([0, 2, 3, 11]),
        st.sampled_from([0, 1, 255]),
    ),
    st.builds(
        lambda name, list_id, outcome: ruled(name, "example.com", list_id=list_id, outcome=outcome),
        st.sampled_from(NAMES),
        st.sampled_from([0, 1, 2, OWN_LIST]),
        st.sampled_from(
            [Outcome.BLOCKED, Outcome.BLOCKED, Outcome.FORWARDED, Outcome.CACHED, Outcome.LOCAL, Outcome.FAILED]
        ),
    ),
)
LATE = st.integers(0, 200)
SEGMENTS = st.one_of(
    st.builds(
        lambda late, queries, transport: replays(NOON - late, queries, transport),
        LATE,
        st.lists(st.tuples(st.sampled_from(CLIENTS), SUBJECTS | st.just(NO_SUBJECT)), min_size=1, max_size=8),
        st.sampled_from([UDP, TCP]),
    ),
    st.builds(
        lambda late, client, told, duration: single(NOON - late, client, told, duration),
        LATE, st.sampled_from([*CLIENTS, "2001:db8::1"]), SUBJECTS, st.floats(0, 3),
    ),
)  # fmt: skip
FRAMES = st.lists(
    st.builds(
        lambda segments, generation: frame(*segments, generation=generation),
        st.lists(SEGMENTS, max_size=4),
        st.integers(1, 3),
    ),
    max_size=6,
)


class Model:
    """The same statistics, the slow and obvious way."""

    def __init__(self) -> None:
        self.records: list[tuple[int, object]] = []
        self.counts: dict[str, Counter[object]] = {}

    def count(self, what: str, key: object) -> None:
        self.counts.setdefault(what, Counter())[key] += 1

    def fold(self, generation: int, octets: bytes) -> None:
        for record in decode_frame(octets):
            told = decode_subject(record.subject)
            blocked = told.outcome is Outcome.BLOCKED
            self.count("queries", "queries")
            self.count("outcome", told.outcome.name.lower())
            self.count("type", RRType(told.qtype).name if told.qtype in set(RRType) else OTHER)
            self.count("rcode", {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN"}.get(told.rcode, OTHER))
            self.count("transport", "udp" if record.transport == UDP else "tcp")
            self.count("client", record.client)
            self.count("minute", int(record.at) // 60)
            if blocked:
                self.count("blocked client", record.client)
                self.count("blocked minute", int(record.at) // 60)
                self.count("blocked name", told.name)
            elif told.outcome in {Outcome.FORWARDED, Outcome.CACHED, Outcome.LOCAL, Outcome.STALE, Outcome.SPECIAL}:
                self.count("name", told.name)
            if told.upstream != 255:
                self.count("upstream", told.upstream)
            if told.list_id != NO_LIST:
                title = TITLES[told.list_id] if generation < 3 and told.list_id < 2 else UNKNOWN
                title = "your own rules" if told.list_id == OWN_LIST else title
                kinds = {
                    "BLOCKED": "blocked by",
                    "FORWARDED": "allowed by",
                    "CACHED": "allowed by",
                    "LOCAL": "rewritten by",
                }
                if told.outcome.name in kinds:
                    self.count(kinds[told.outcome.name], title)

    def of(self, what: str) -> dict[object, int]:
        return dict(self.counts.get(what, {}))


@given(FRAMES, st.integers(1, 6))
@settings(max_examples=150)
def test_folding_frames_equals_counting_records_one_by_one(frames: list[bytes], tally: int) -> None:
    statistics, model = Statistics(), Model()
    statistics.register_generation(1, TITLES)
    statistics.register_generation(2, TITLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_TALLY", tally)  # small, so that it is taken apart in between
        for octets in frames:
            folded = statistics.fold_frame(octets, NOON)
            assert folded == len(list(decode_frame(octets)))
            model.fold(octets[1], octets)
    totals = statistics.totals()
    assert totals.pop("queries") == sum(model.of("queries").values()) == sum(totals.values())
    assert {outcome: times for outcome, times in totals.items() if times} == model.of("outcome")
    broken = statistics.breakdown()
    assert broken.types == model.of("type")
    assert broken.rcodes == model.of("rcode")
    assert {name: times for name, times in broken.transports.items() if times} == model.of("transport")
    assert broken.blocked_by == model.of("blocked by")
    assert broken.allowed_by == model.of("allowed by")
    assert broken.rewritten_by == model.of("rewritten by")
    assert broken.upstreams == model.of("upstream")
    top = statistics.top(1000, NOON)
    assert {one.key: one.times for one in top.names} == model.of("name")
    assert {one.key: one.times for one in top.blocked} == model.of("blocked name")
    assert {one.key: one.times for one, _ in top.clients} == model.of("client")
    assert {one.key: blocked for one, blocked in top.clients if blocked} == model.of("blocked client")
    assert (top.client_count, top.client_count_exact) == (len(model.of("client")), True)
    minutes = statistics.minutes(10, NOON)
    assert {minutes.start // 60 + at: times for at, times in enumerate(minutes.queries) if times} == model.of("minute")
    assert {minutes.start // 60 + at: times for at, times in enumerate(minutes.blocked) if times} == model.of(
        "blocked minute"
    )
    assert statistics.day(NOON) == (sum(minutes.queries), sum(minutes.blocked))
    assert statistics.durations.cumulative()[-1][1] == sum(model.of("queries").values())
    assert statistics.recent.last == sum(model.of("queries").values())


def test_a_bad_frame_is_counted_and_nothing_of_it() -> None:
    statistics = Statistics()
    good = frame(single(NOON, CLIENTS[0], subject("a.example")))
    assert statistics.fold_frame(good + b"\x01\x02", NOON) == 0
    assert (statistics.bad_frames, statistics.totals()["queries"], statistics.recent.last) == (1, 0, 0)
    assert statistics.fold_frame(good, NOON) == 1
    assert statistics.totals()["queries"] == 1


def test_every_outcome_has_a_total_from_the_beginning() -> None:
    assert Statistics().totals() == {"queries": 0} | {outcome.name.lower(): 0 for outcome in Outcome}


def test_totals_survive_the_day_while_the_last_24_hours_do_not() -> None:
    statistics = Statistics()
    statistics.fold_frame(frame(single(NOON, CLIENTS[0], ruled("ads.example", "ads.example"))), NOON)
    tomorrow = NOON + 86_400
    assert statistics.totals()["blocked"] == 1
    assert statistics.day(tomorrow) == (0, 0)
    assert statistics.top(5, tomorrow).blocked == []


def test_a_flood_of_invented_names_types_and_clients_stays_within_bounds() -> None:
    statistics = Statistics(top=50)
    for batch in range(60):
        queries = [
            (f"10.{batch}.0.{at}", subject(f"n{batch}-{at}.example", qtype=batch * 100 + at, rcode=at))
            for at in range(100)
        ]
        statistics.fold_frame(frame(replays(NOON, queries)), NOON)
    top = statistics.top(10_000, NOON)
    assert len(top.names) <= 100
    assert len(top.clients) <= 100
    assert top.client_count_exact is False
    broken = statistics.breakdown()
    assert len(broken.types) <= len(RRType) + 1
    assert len(broken.rcodes) <= len(Rcode) + 1
    assert statistics.totals()["queries"] == 6000


def test_a_name_seen_in_both_outcomes_is_in_both_lists() -> None:
    statistics = Statistics()
    statistics.fold_frame(
        frame(
            single(NOON, CLIENTS[0], ruled("a.example", "a.example")), single(NOON, CLIENTS[0], subject("a.example"))
        ),
        NOON,
    )
    top = statistics.top(5, NOON)
    assert [one.key for one in top.names] == [one.key for one in top.blocked] == [from_text("a.example")]
    assert top.clients[0][0].key == octets(CLIENTS[0])
    assert top.clients[0][1] == 1
