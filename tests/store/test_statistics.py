"""``statistics.db``: sums are right whatever the order and the clock, nothing grows without bound, damage is got over."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mirage_hole.observe.rollup import DAY, HOUR, MINUTE, TOPS, Counts, Facet, Unit, encode
from mirage_hole.store.database import NewerSchema, open_database
from mirage_hole.store.statistics import Keep, StatisticsStore
from mirage_hole.store.statistics_read import reading
from mirage_hole.store.statistics_schema import CLIENT, MIGRATIONS, NAME

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_049_600  # a full hour, noon of a day
TODAY = NOW // DAY * DAY
WORDS = (b"\1a", b"\1b", b"\1c", b"\1d")


def minute(at: int, names: dict[bytes, int], client: bytes = b"\xc0\0\2\1") -> Unit:
    unit = Unit(at)
    unit.queries = sum(names.values())
    unit.of(Facet.NAME).add({**names})
    unit.of(Facet.CLIENT).add({client: unit.queries})
    unit.of(Facet.CLIENT_NAME).add({bytes([len(client)]) + client + name: number for name, number in names.items()})
    unit.of(Facet.TYPE).add({1: unit.queries})
    unit.of(Facet.DURATION).add({b"9.9.9.9:53\5": unit.queries})
    return unit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "statistics.db"


def a_store(path: Path, **changes: object) -> StatisticsStore:
    store = StatisticsStore(path, changes.pop("keep", Keep()), **changes)  # type: ignore[arg-type]
    store.open()
    return store


def names_of(path: Path, step: int, since: int = 0, until: int = 1 << 40) -> dict[int, dict[bytes, int]]:
    with reading(path) as reader:
        found = {}
        for unit in reader.units(step, since, until, tops=TOPS):
            counts = unit.counts(Facet.NAME)
            words = reader.words(int(key) for key in counts)
            found[unit.at] = {words[int(key)]: number for key, number in counts.items()}
        return found


STEPS = st.lists(
    st.tuples(
        st.integers(-3 * 60, 0),  # minutes before now
        st.dictionaries(st.sampled_from(WORDS), st.integers(1, 9), min_size=1),
        st.integers(0, 200),  # minutes that pass before the next
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, st.booleans())
def test_hours_and_days_are_the_sums_of_their_minutes_whatever_comes_late(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, dict[bytes, int], int]], again: bool
) -> None:
    path = tmp_path_factory.mktemp("sums") / "statistics.db"
    store = a_store(path)
    truth: dict[int, dict[int, Counter[bytes]]] = {MINUTE: {}, HOUR: {}, DAY: {}}
    now = NOW
    for batch, (back, names, passing) in enumerate(steps, 1):
        at = now + back * MINUTE
        if again:  # a restart between any two
            store.close()
            store.open()
        store.write(batch, [minute(at, names)], now)
        for step, sums in truth.items():
            sums.setdefault(at // step * step, Counter()).update(names)
        for step, sums in truth.items():
            assert names_of(path, step) == sums
        now += passing * MINUTE
    store.prune(now, 0.0)
    for step, sums in truth.items():
        assert names_of(path, step) == sums
    store.close()


def test_everything_that_was_written_is_there_after_a_restart(path: Path) -> None:
    store = a_store(path)
    store.write(1, [minute(NOW, {b"\1a": 3}), minute(NOW + 60, {b"\1b": 2})], NOW + 120)
    store.close()
    again = StatisticsStore(path, Keep())
    assert again.open()
    assert again.written == 1
    assert names_of(path, MINUTE) == {NOW: {b"\1a": 3}, NOW + 60: {b"\1b": 2}}
    again.close()


def test_what_is_not_written_yet_counts_once(path: Path) -> None:
    store = a_store(path)
    units = [(1, minute(NOW, {b"\1a": 3})), (2, minute(NOW + 60, {b"\1new": 2}, b"\xc0\0\2\7"))]
    with reading(path, units) as reader:
        assert [unit.queries for unit in reader.units(HOUR, 0, 1 << 40)] == [5]
    store.write(1, [units[0][1]], NOW + 120)
    with reading(path, units) as reader:
        (hour,) = reader.units(HOUR, 0, 1 << 40, tops=TOPS)
        assert hour.queries == 5
        words = reader.words(int(key) for key in hour.counts(Facet.NAME))
        assert {words[int(key)]: number for key, number in hour.counts(Facet.NAME).items()} == {b"\1a": 3, b"\1new": 2}
        fresh = reader.number(CLIENT, b"\xc0\0\2\7")
        assert fresh is not None
        assert hour.counts(Facet.CLIENT)[fresh] == 2
        assert reader.number(NAME, b"\4none") is None
    store.close()


def test_a_write_that_fails_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = a_store(path)
    with monkeypatch.context() as patch:
        patch.setattr(store, "_derive", lambda _now: (_ for _ in ()).throw(sqlite3.OperationalError("disk I/O error")))
        with pytest.raises(sqlite3.OperationalError):
            store.write(1, [minute(NOW, {b"\1a": 3})], NOW)
    assert names_of(path, MINUTE) == {}
    store.write(1, [minute(NOW, {b"\1a": 3})], NOW)
    assert names_of(path, MINUTE) == {NOW: {b"\1a": 3}}
    store.close()


def test_what_is_too_old_goes_and_its_sums_stay(path: Path) -> None:
    store = a_store(path, keep=Keep(minutes=DAY, hours=3 * DAY, days=10 * DAY))
    for day in range(20):
        now = NOW + day * DAY
        store.write(day + 1, [minute(now, {b"\1a": 1})], now)
        store.prune(now + HOUR, day * float(DAY))
    with reading(path) as reader:
        assert len(reader.units(MINUTE, 0, 1 << 40)) == 1
        assert len(reader.units(HOUR, 0, 1 << 40)) == 4
        assert len(reader.units(DAY, 0, 1 << 40)) == 11
        assert reader.minutes_from > NOW + 17 * DAY
        whole = reader.cover(NOW + 12 * DAY, now + HOUR)
        assert sum(unit.queries for unit in whole.units) == 8
        assert whole.since == TODAY + 12 * DAY
    store.close()


def test_what_comes_for_a_time_whose_minutes_are_gone_is_in_the_hour_or_the_day(path: Path) -> None:
    store = a_store(path, keep=Keep(minutes=DAY, hours=3 * DAY, days=100 * DAY))
    for day in range(10):
        store.write(day + 1, [minute(NOW + day * DAY, {b"\1a": 1})], NOW + day * DAY)
    now = NOW + 9 * DAY
    store.prune(now, 0.0)
    store.write(11, [minute(now - 2 * DAY, {b"\1a": 5}), minute(now - 6 * DAY, {b"\1a": 7})], now)
    assert names_of(path, HOUR)[now - 2 * DAY] == {b"\1a": 6}
    days = names_of(path, DAY)
    assert days[TODAY + 7 * DAY] == {b"\1a": 6}
    assert days[TODAY + 3 * DAY] == {b"\1a": 8}
    assert sum(names[b"\1a"] for names in days.values()) == 22
    store.close()


def test_a_clock_that_leaps_ahead_does_not_take_the_past_with_it(path: Path) -> None:
    store = a_store(path)
    store.write(1, [minute(NOW, {b"\1a": 1})], NOW)
    store.prune(NOW, 0.0)
    wrong = NOW + 20 * 365 * DAY
    assert store.prune(wrong, 3600.0) == 0
    store.write(2, [minute(wrong, {b"\1a": 1})], wrong)
    assert store.prune(NOW + 7200, 7200.0) == 0
    assert names_of(path, MINUTE, until=wrong) == {NOW: {b"\1a": 1}}
    store.close()


def test_a_clock_that_is_right_after_all_is_believed_after_a_day(path: Path) -> None:
    store = a_store(path)
    store.write(1, [minute(NOW, {b"\1a": 1})], NOW)
    store.close()
    store.open()
    late = NOW + 30 * DAY  # the machine was off for a month
    assert store.prune(late, 0.0) == 0
    assert store.prune(late + DAY, float(DAY)) == 1
    assert names_of(path, DAY) == {TODAY: {b"\1a": 1}}
    store.close()


def test_after_a_clock_that_was_far_ahead_minutes_are_kept_again(path: Path) -> None:
    store = a_store(path)
    wrong = NOW + 20 * 365 * DAY
    store.prune(wrong, 0.0)
    store.prune(wrong + DAY, float(DAY))
    store.write(1, [minute(NOW, {b"\1a": 1})], NOW)
    later = NOW + 3 * HOUR + DAY
    store.write(2, [minute(later, {b"\1a": 2})], later)
    assert names_of(path, MINUTE) == {later: {b"\1a": 2}}
    assert sum(names[b"\1a"] for names in names_of(path, DAY).values()) == 3
    store.close()


def test_a_clock_that_was_set_back_adds_to_what_is_there(path: Path) -> None:
    store = a_store(path)
    store.write(1, [minute(NOW + HOUR, {b"\1a": 1})], NOW + HOUR)
    store.write(2, [minute(NOW + HOUR, {b"\1a": 1}), minute(NOW, {b"\1a": 1})], NOW)
    assert names_of(path, HOUR) == {NOW: {b"\1a": 1}, NOW + HOUR: {b"\1a": 2}}
    store.close()


def test_ever_new_names_fill_neither_the_file_nor_hide_that_they_are_missing(path: Path) -> None:
    store = a_store(path, max_words=50)
    for number in range(10):
        names = {b"\4%02d%02d" % (number, one): 1 for one in range(30)}
        store.write(number + 1, [minute(NOW + number * MINUTE, names)], NOW)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM words").fetchone()[0] <= 52
    with reading(path) as reader:
        (hour,) = reader.units(HOUR, 0, 1 << 40, tops=TOPS)
    assert hour.queries == 300
    assert len(hour.counts(Facet.NAME)) <= 50
    assert hour.facets[Facet.NAME].floor >= 1
    store.close()


def test_words_that_nothing_names_any_more_go(path: Path) -> None:
    store = a_store(path, keep=Keep(minutes=DAY, hours=2 * DAY, days=3 * DAY), max_words=5)
    store.write(1, [minute(NOW, {b"\1a": 1, b"\1b": 1})], NOW)
    now = NOW
    for day in range(1, 8):
        now = NOW + day * DAY
        store.write(day + 1, [minute(now, {b"\1b": 1})], now)
        store.prune(now, day * float(DAY))
    with reading(path) as reader:
        assert reader.number(NAME, b"\1a") is None
        assert reader.number(NAME, b"\1b") is not None
    store.write(20, [minute(now, {b"\1c": 1})], now)  # there is room again
    assert names_of(path, MINUTE, since=now) == {now: {b"\1b": 1, b"\1c": 1}}
    store.close()


def test_a_damaged_file_is_put_aside_and_a_new_one_begun(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(5000))
    store = StatisticsStore(path, Keep())
    assert not store.open()
    store.write(1, [minute(NOW, {b"\1a": 1})], NOW)
    assert names_of(path, MINUTE) == {NOW: {b"\1a": 1}}
    assert (path.parent / "statistics.db.damaged").exists()
    store.close()


def test_a_unit_that_can_not_be_read_counts_only_its_totals(path: Path) -> None:
    store = a_store(path)
    store.write(1, [minute(NOW, {b"\1a": 1})], NOW)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE minutes SET tops = x'00'")
    with reading(path) as reader:
        (unit,) = reader.units(MINUTE, 0, 1 << 40, tops=TOPS)
    assert unit.queries == 1
    assert unit.counts(Facet.NAME) == {}
    assert unit.counts(Facet.TYPE) == {1: 1}


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    open_database(path, (*MIGRATIONS, "CREATE TABLE later (x)"), synchronous="NORMAL").close()
    with pytest.raises(NewerSchema):
        StatisticsStore(path, Keep()).open()
    assert path.exists()


def test_the_first_schema_is_brought_up_to_date_with_what_is_in_it(path: Path) -> None:
    """Each later migration has to keep what a file of the first version says."""
    connection = open_database(path, MIGRATIONS[:1], synchronous="NORMAL")
    body, tops = encode({Facet.TYPE: Counts({1: 4})}), encode({Facet.NAME: Counts({1: 4})})
    connection.execute("INSERT INTO words (id, kind, word) VALUES (1, 1, x'0161')")
    connection.execute("INSERT INTO days VALUES (?, 4, 1, ?, ?)", (TODAY, body, tops))
    connection.close()
    store = a_store(path)
    assert names_of(path, DAY) == {TODAY: {b"\1a": 4}}
    store.close()


def test_clearing_forgets_everything(path: Path) -> None:
    store = a_store(path)
    store.write(1, [minute(NOW, {b"\1a": 1})], NOW)
    store.clear(5)
    with reading(path, [(5, minute(NOW, {b"\1a": 1}))]) as reader:
        assert reader.is_empty() or reader.units(DAY, 0, 1 << 40) == []
        assert reader.number(NAME, b"\1a") is None
    store.write(6, [minute(NOW, {b"\1b": 1})], NOW)
    assert names_of(path, DAY) == {TODAY: {b"\1b": 1}}
    store.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 12 * DAY), st.integers(0, 12 * DAY))
def test_any_stretch_is_made_up_of_units_that_cover_it_once(
    tmp_path_factory: pytest.TempPathFactory, one: int, other: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cover" / "statistics.db"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        store = a_store(path)
        units = [minute(TODAY + at, {b"\1a": 1}) for at in range(0, 12 * DAY, 17 * MINUTE)]
        store.write(1, units, TODAY + 12 * DAY)
        store.close()
    since, until = TODAY + min(one, other), TODAY + max(one, other)
    with reading(path) as reader:
        covered = reader.cover(since, until)
        assert covered.since <= since
        assert covered.until >= until
        assert covered.since > since - MINUTE
        assert covered.until < until + MINUTE
        expected = len(
            [at for at in range(TODAY, TODAY + 12 * DAY, 17 * MINUTE) if covered.since <= at < covered.until]
        )
        assert sum(unit.queries for unit in covered.units) == expected


def test_days_of_a_place_are_made_of_hours_and_of_days_where_those_are_gone(path: Path) -> None:
    store = a_store(path, keep=Keep(minutes=DAY, hours=2 * DAY, days=100 * DAY))
    for hour in range(6 * 24):
        at = TODAY + hour * HOUR
        store.write(hour + 1, [minute(at, {b"\1a": 1})], at)
    now = TODAY + 6 * DAY
    store.prune(now, 0.0)
    starts = [TODAY + day * DAY - 2 * HOUR for day in range(7)]  # two hours east of UTC
    with reading(path) as reader:
        sums = reader.grouped(starts, starts[-1] + DAY)
    assert [unit.queries for unit in sums] == [24, 24, 24, 24, 22, 24, 2]
    store.close()
