"""The query log: what is put in is found, in order, a page at a time, for as long as it is to be kept."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.observe.exports import FORMATS
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.querylog import search
from mirage_hole.store.querylog.day import NUMBERS_A_DAY, days_in, file_of
from mirage_hole.store.querylog.filters import Filter
from mirage_hole.store.querylog.keeping import Keep
from mirage_hole.store.querylog.search import Reader
from tests.store.querylogs import NOON, TODAY, UPSTREAMS, Asked, a_writer, frames_of, write

NAMES = ("ads.example.com", "www.example.com", "example.com", "tracker.example", "notexample.com")
QUERIES = st.builds(
    Asked,
    at=st.integers(-86_400_000, 43_000_000).map(lambda milliseconds: NOON + milliseconds / 1000),
    name=st.sampled_from(NAMES),
    client=st.sampled_from(["192.168.1.7", "192.168.1.8", "10.0.0.1", "2001:db8::7"]),
    qtype=st.sampled_from([1, 28, 65, 65280]),
    outcome=st.sampled_from([Outcome.FORWARDED, Outcome.BLOCKED, Outcome.CACHED]),
    rcode=st.sampled_from([0, 3, 11]),
    list_id=st.none() | st.integers(0, 1),
    upstream=st.none() | st.integers(0, 1),
    transport=st.integers(0, 1),
    duration=st.integers(0, 10**6).map(lambda micros: micros / 1e6),
)
IN_ORDER = st.lists(QUERIES, max_size=40).map(lambda queries: sorted(queries, key=lambda one: one.at))
"""As a server writes them; a search allows for ``search.LATE`` seconds of disorder and no more."""
FILTERS = st.builds(
    Filter,
    name=st.sampled_from(["", "example", ".example.com", "=example.com", "ads", "nothing", "%", "_", "'"]),
    clients=st.sampled_from([(), ("192.168.1.7/32",), ("192.168.1.0/24", "2001:db8::/32"), ("9.9.9.9/32",)]).map(
        lambda texts: tuple(map(ip_network, texts))
    ),
    types=st.sampled_from([frozenset(), frozenset({1}), frozenset({28, 65280})]),
    outcomes=st.sampled_from([frozenset(), frozenset({2}), frozenset({0, 1})]),
    rcodes=st.sampled_from([frozenset(), frozenset({3, 11})]),
    transports=st.sampled_from([frozenset(), frozenset({1})]),
    lists=st.sampled_from([frozenset(), frozenset({"Ads"}), frozenset({"No such list"})]),
    rule=st.sampled_from(["", "track", "zzz"]),
    upstreams=st.sampled_from([frozenset(), frozenset(UPSTREAMS[:1])]),
    since=st.sampled_from([0.0, NOON - 3600, NOON - 80_000]),
    until=st.sampled_from([0.0, NOON, NOON - 7200]),
)


def pages(reader: Reader, wanted: Filter, limit: int) -> list[search.LoggedQuery]:
    found: list[search.LoggedQuery] = []
    before = None
    while True:
        page = reader.page(wanted, limit, before, seconds=60)
        assert len(page.rows) <= limit
        found += page.rows
        if page.before is None:
            return found
        assert before is None or page.before < before
        before = page.before


def told(one: search.LoggedQuery) -> tuple[object, ...]:
    return (round(one.at, 3), one.name, one.client, one.outcome, one.upstream, round(one.duration, 6), one.transport)


def said(one: Asked) -> tuple[object, ...]:
    upstream = None if one.upstream is None else UPSTREAMS[one.upstream]
    at = int(one.at * 1000) / 1000
    return (
        round(at, 3),
        one.name,
        one.client,
        one.outcome.name.lower(),
        upstream,
        one.duration,
        ("udp", "tcp")[one.transport],
    )


@settings(max_examples=40, deadline=None)
@given(IN_ORDER, st.lists(FILTERS, min_size=1, max_size=4), st.integers(1, 15), st.integers(1, 6))
def test_a_search_finds_what_fits_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, queries: list[Asked], wanted: list[Filter], limit: int, window: int
) -> None:
    directory = tmp_path_factory.mktemp("log")
    write(directory, queries)
    reader = Reader(directory)
    usual = search.FIRST_WINDOW, search.LARGEST_WINDOW
    try:
        for first in (window, usual[0]):  # a small window makes few rows many
            search.FIRST_WINDOW, search.LARGEST_WINDOW = first, first * 2  # type: ignore[misc]
            for one in wanted:
                found = pages(reader, one, limit)
                expected = (said(asked) for asked in queries if asked.fits(one))
                assert sorted(map(told, found), key=repr) == sorted(expected, key=repr)
                numbers = [row.number for row in found]
                assert numbers == sorted(set(numbers), reverse=True)
    finally:
        search.FIRST_WINDOW, search.LARGEST_WINDOW = usual  # type: ignore[misc]


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_has_every_query_that_the_search_has(tmp_path: Path, form: str) -> None:
    queries = [Asked(at=NOON - 60_000 + number, name=f"n{number % 50}.example") for number in range(2000)]
    write(tmp_path, queries)
    whole = b"".join(Reader(tmp_path).export(Filter(), FORMATS[form], size=300))
    part = b"".join(Reader(tmp_path).export(Filter(name="=n7.example"), FORMATS[form]))
    lines = {"csv": lambda text: text.count(b"\r\n") - 1, "jsonl": lambda text: text.count(b"\n")}.get(form)
    if lines is not None:
        assert (lines(whole), lines(part)) == (2000, 40)
    assert part.startswith(FORMATS[form].begin)
    assert part.endswith(FORMATS[form].end)


def test_pages_have_no_gap_and_no_repeat_while_rows_arrive(tmp_path: Path) -> None:
    write(tmp_path, [Asked(name=f"old{number}.example") for number in range(100)])
    reader = Reader(tmp_path)
    first = reader.page(Filter(), 30)
    write(tmp_path, [Asked(name=f"new{number}.example") for number in range(50)])
    rest = []
    before = first.before
    while before is not None:
        page = reader.page(Filter(), 30, before)
        rest += page.rows
        before = page.before
    assert [row.name for row in [*first.rows, *rest]] == [f"old{number}.example" for number in reversed(range(100))]


def test_a_search_that_takes_too_long_says_where_to_go_on(tmp_path: Path) -> None:
    write(tmp_path, [Asked(at=NOON - 86_400 * day) for day in range(3)])
    clock = iter(range(1000))
    page = Reader(tmp_path, clock=lambda: float(next(clock))).page(Filter(name="nothing"), 10, seconds=0.5)
    assert (page.rows, page.complete) == ([], False)
    assert page.before is not None


def test_each_day_has_a_file_of_its_own_and_a_query_is_in_that_of_its_time(tmp_path: Path) -> None:
    midnight = TODAY * 86_400.0
    write(tmp_path, [Asked(at=midnight - 0.5), Asked(at=midnight + 0.5), Asked(at=midnight - 0.25)])
    assert list(days_in(tmp_path)) == [TODAY, TODAY - 1]
    assert [row.number // NUMBERS_A_DAY for row in pages(Reader(tmp_path), Filter(), 10)] == [
        TODAY,
        TODAY - 1,
        TODAY - 1,
    ]


def test_queries_of_another_time_are_not_kept(tmp_path: Path) -> None:
    far = [Asked(at=NOON + 3 * 86_400), Asked(at=NOON - 400 * 86_400)]
    writer = write(tmp_path, [*far, Asked()])
    assert (writer.counts().written, writer.counts().dropped_time) == (1, 2)


def test_days_go_as_a_whole_when_they_are_too_old(tmp_path: Path) -> None:
    queries = [Asked(at=NOON - 86_400 * day) for day in range(6)]
    write(tmp_path, queries, keep=Keep(10, 10))
    write(tmp_path, [Asked()], keep=Keep(3, 3))
    assert list(days_in(tmp_path)) == [TODAY, TODAY - 1, TODAY - 2]
    assert {path.name for path in tmp_path.iterdir()} == {file_of(day) for day in days_in(tmp_path)}


def test_blocked_queries_are_kept_longer_under_the_same_numbers(tmp_path: Path) -> None:
    old = [
        Asked(at=NOON - 86_400 * 4 + number, outcome=Outcome.BLOCKED if number % 3 else Outcome.CACHED)
        for number in range(30)
    ]
    write(tmp_path, old)
    before = {row.number for row in pages(Reader(tmp_path), Filter(outcomes=frozenset({2})), 100)}
    write(tmp_path, [Asked()], keep=Keep(2, 10))
    kept = [row for row in pages(Reader(tmp_path), Filter(), 100) if row.number // NUMBERS_A_DAY == TODAY - 4]
    assert {row.number for row in kept} == before
    assert {row.outcome for row in kept} == {"blocked"}


def test_the_oldest_days_go_when_all_takes_too_much(tmp_path: Path) -> None:
    write(tmp_path, [Asked(at=NOON - 86_400 * day) for day in range(5)])
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    write(tmp_path, [Asked()], keep=Keep(30, 30, octets=size * 4 // 5))
    kept = list(days_in(tmp_path))
    assert kept == [TODAY - number for number in range(len(kept))]
    assert 1 < len(kept) < 5


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    frames = frames_of([Asked()] * 10)
    writer = a_writer(tmp_path, max_queue=len(frames[0][0]) * 4)
    taken = [writer.offer(frame, rows) for frame, rows in frames]
    assert taken == [True] * 4 + [False] * 6
    writer.start()
    assert writer.flush(60)
    assert writer.offer(*frames[0])
    writer.stop(60)
    assert (writer.counts().written, writer.counts().dropped_queue, writer.counts().queue_octets) == (5, 6, 0)


def test_frames_that_are_none_are_left_out(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    writer.offer(b"nonsense", 3)
    writer.offer(*frames_of([Asked()])[0])
    writer.start()
    assert writer.stop(60)
    assert writer.counts().written == 1


def test_a_frame_that_nobody_can_make_sense_of_does_not_end_the_log(tmp_path: Path) -> None:
    writer = a_writer(tmp_path)
    for frame, rows in frames_of([Asked(list_id=0), Asked(upstream=0), Asked()]):
        writer.offer(frame, rows)
    writer._words = writer._words._replace(title=lambda *_: 1 // 0, upstream=lambda _: 1 // 0)  # type: ignore[misc]
    writer.start()
    assert writer.stop(60)
    assert writer.counts().written == 1


def test_a_disk_that_takes_nothing_is_told_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.write_text("a file in its place")
    writer = a_writer(folder)
    writer.offer(*frames_of([Asked()])[0])
    writer.start()
    deadline = time.monotonic() + 60
    while not writer.counts().trouble and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "log" in writer.counts().trouble
    assert writer.counts().dropped_disk == 1
    folder.unlink()
    while writer.counts().trouble and time.monotonic() < deadline:
        time.sleep(0.01)
    writer.offer(*frames_of([Asked()])[0])
    assert writer.stop(60)
    assert (writer.counts().written, writer.counts().trouble) == (1, "")


def test_a_lock_that_is_held_for_long_is_waited_out_without_a_loss_in_the_queue(tmp_path: Path) -> None:
    write(tmp_path, [Asked()])
    holder = sqlite3.connect(tmp_path / file_of(TODAY), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writer = a_writer(tmp_path)
    writer.offer(*frames_of([Asked()])[0])
    writer.start()
    began = time.monotonic()
    assert writer.offer(*frames_of([Asked()])[0])
    assert time.monotonic() - began < 30  # it did not wait for the lock, which is held still
    holder.execute("ROLLBACK")
    holder.close()
    assert writer.stop(60)
    assert writer.counts().written + writer.counts().dropped_disk == 2


def test_a_damaged_file_is_repaired_at_the_start_and_kept_aside(tmp_path: Path) -> None:
    write(tmp_path, [Asked(name=f"n{number}.example", at=NOON + number / 100) for number in range(20_000)])
    path = tmp_path / file_of(TODAY)
    octets = bytearray(path.read_bytes())
    middle = len(octets) // 2 // 8192 * 8192
    octets[middle : middle + 8192] = os.urandom(8192)
    path.write_bytes(octets)
    writer = write(tmp_path, [Asked(name="after.example")])
    assert writer.counts().written == 1
    assert (tmp_path / f"{path.name}.damaged").exists()
    rows = pages(Reader(tmp_path), Filter(), 1000)
    assert rows[0].name == "after.example"
    assert len(rows) > 1
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / file_of(TODAY)).write_bytes(b"no database at all" * 1000)
    writer = write(tmp_path, [Asked()])
    assert writer.counts().written == 1
    assert len(pages(Reader(tmp_path), Filter(), 10)) == 1


def test_another_programs_files_in_the_folder_are_let_be(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "2026-99-99.db").write_text("mine, too")
    write(tmp_path, [Asked()])
    assert len(pages(Reader(tmp_path), Filter(), 10)) == 1
    assert (tmp_path / "2026-99-99.db").read_text() == "mine, too"


def test_kill_9_while_writing_loses_at_most_what_was_not_written_yet(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from tests.store.querylogs import Asked, a_writer, frames_of
        writer = a_writer(Path({str(tmp_path)!r}))
        writer.start()
        frames = frames_of([Asked(name=f"n{{number}}.example") for number in range(500)])
        while True:
            for frame, rows in frames:
                writer.offer(frame, rows)
            writer.flush(60)
            print(writer.counts().written, flush=True)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
    )
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    with process.stdout:
        rest = process.stdout.read().split()
    process.wait(60)
    last = int(rest[-1]) if rest else acknowledged[-1]
    write(tmp_path, [Asked(name="after.example")])
    rows = pages(Reader(tmp_path), Filter(), 1000)
    assert len(rows) >= last + 1
    assert rows[0].name == "after.example"
    path = tmp_path / file_of(TODAY)
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_forgetting_leaves_nothing_behind(tmp_path: Path) -> None:
    writer = write(tmp_path, [Asked(at=NOON - 86_400 * day) for day in range(3)])
    assert writer.keeper.forget(TODAY) == 2
    assert list(days_in(tmp_path)) == [TODAY]
    assert writer.keeper.forget() == 1
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_can_read_the_files(tmp_path: Path) -> None:
    write(tmp_path / "log", [Asked()])
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "log").iterdir())
