"""Exports as text, read back by the standard library's readers."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.exports import FORMATS, Format
from mirage_hole.observe.recent import QueryRow
from mirage_hole.observe.tables import COLUMNS

TEXTS = st.text(max_size=20)
ROWS = st.builds(
    QueryRow,
    st.integers(1, 2**40),
    st.integers(0, 2**42).map(lambda milliseconds: milliseconds / 1000),
    st.ip_addresses().map(str),
    st.sampled_from(["udp", "tcp"]),
    st.integers(0, 10**9).map(lambda micros: micros / 1e6),
    TEXTS,
    st.sampled_from(["A", "HTTPS", "TYPE65280"]),
    st.sampled_from(["blocked", "cached"]),
    st.sampled_from(["NOERROR", "RCODE11"]),
    st.none() | TEXTS,
    st.none() | TEXTS,
    st.none() | st.just("exact"),
    st.none() | st.integers(1, 10**6),
    st.none() | st.integers(0, 254),
)


def written(form: Format, rows: list[QueryRow]) -> bytes:
    lines = [form.line(row.at, row.client, row.duration, form.subject((row.transport, *row[5:]))) for row in rows]
    return form.begin + form.join(lines) + form.end


def read_csv(rows: list[QueryRow]) -> list[dict[str, str]]:
    text = written(FORMATS["csv"], rows).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@given(st.lists(ROWS, max_size=20))
def test_every_row_of_json_says_what_was_logged(rows: list[QueryRow]) -> None:
    lines = written(FORMATS["jsonl"], rows).decode().split("\n")[:-1]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        said = json.loads(line)
        assert tuple(said) == COLUMNS
        assert abs(said.pop("at") - row.at) < 0.001
        assert abs(said.pop("duration_ms") - row.duration * 1000) < 0.001
        assert tuple(said.values()) == (row.client, row.transport, *row[5:])


@given(st.lists(ROWS, max_size=20))
def test_every_row_of_csv_has_every_column(rows: list[QueryRow]) -> None:
    found = read_csv(rows)
    assert len(found) == len(rows)
    for said, row in zip(found, rows, strict=True):
        assert tuple(said) == COLUMNS
        assert said["client"] == row.client
        assert said["name"].removeprefix("'") == row.name.removeprefix("'")
        assert said["line"] == ("" if row.line is None else str(row.line))


@given(ROWS)
def test_no_cell_of_csv_is_a_formula(row: QueryRow) -> None:
    hostile = row._replace(name='=HYPERLINK("http://x.example")', rule="@SUM(1)", list="-1+1")
    (said,) = read_csv([hostile])
    assert [said[one][0] for one in ("name", "rule", "list")] == ["'", "'", "'"]


def test_a_time_is_of_utc_with_milliseconds() -> None:
    row = QueryRow(1, 1_700_000_000.25, "::1", "udp", 0.0125, "a.example", "A", "cached", "NOERROR", *[None] * 5)
    _, line = written(FORMATS["csv"], [row]).decode().splitlines()
    assert line == "2023-11-14T22:13:20.250Z,::1,12.500,udp,a.example,A,cached,NOERROR,,,,,"
