"""Logged queries as text: CSV for spreadsheets, one JSON object a line for programs.

Both are made a batch at a time, so an export of any length takes the memory of a batch.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirage_hole.observe.recent import QueryRow

COLUMNS: Final = (
    "at", "client", "transport", "duration_ms", "name", "type", "outcome", "rcode", "list", "rule", "scope", "line",
    "upstream",
)  # fmt: skip
"""The fields of a row behind its number, in its order."""
CSV_MEDIA: Final = "text/csv; charset=utf-8; header=present"
LINES_MEDIA: Final = "application/x-ndjson"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_header() -> bytes:
    """The first line (RFC 4180 section 2)."""
    return ",".join(COLUMNS).encode() + b"\r\n"


def csv_lines(rows: Iterable[QueryRow]) -> bytes:
    """Queries as lines of CSV.

    Names and rules are strangers' texts: one that a spreadsheet would take for a formula gets an apostrophe in front
    (OWASP, CSV injection). JSON has them as they are.
    """
    return "".join(
        [
            f"{_second(int(row[1]))}.{int(row[1] * 1000) % 1000:03d}Z,{row[2]},{row[3]},{row[4] * 1000:.3f},{_csv(row[5:])}"
            for row in rows
        ]
    ).encode()


def json_lines(rows: Iterable[QueryRow]) -> bytes:
    """Queries as objects, one a line, with ``at`` in seconds since the epoch."""
    return "".join(
        [
            f'{{"at":{row[1]:.3f},"client":"{row[2]}","transport":"{row[3]}","duration_ms":{row[4] * 1000:.3f},{_json(row[5:])}'
            for row in rows
        ]
    ).encode()


# What is the same for every client that gets the same answer is put into words once: rows repeat themselves.


@lru_cache(16_384)
def _csv(subject: tuple[str | int | None, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(map(_harmless, subject))
    return text.getvalue()


@lru_cache(16_384)
def _json(subject: tuple[str | int | None, ...]) -> str:
    fields = dict(zip(COLUMNS[4:], subject, strict=True))
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE).decode()[1:]


@lru_cache(1024)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _harmless(value: str | int | None) -> str | int | None:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
