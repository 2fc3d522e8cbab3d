"""Logged queries as text: CSV for spreadsheets, one JSON object a line for programs.

What is the same for many rows is put into words once: an export is hundreds of thousands of rows a second.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import orjson

COLUMNS: Final = (
    "at", "client", "duration_ms", "transport", "name", "type", "outcome", "rcode", "list", "rule", "scope", "line",
    "upstream",
)  # fmt: skip
"""From ``transport`` on the same for every client that gets the same answer: those are put into words once."""
Subject = tuple[str | int | None, ...]
"""The columns from ``transport`` on."""
CSV_MEDIA: Final = "text/csv; charset=utf-8; header=present"
LINES_MEDIA: Final = "application/x-ndjson"
_UNUSUAL: Final = re.compile(r"""["\r\n]|(?:^|,)[=+\-@\t]""")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_header() -> bytes:
    """The first line (RFC 4180 section 2)."""
    return ",".join(COLUMNS).encode() + b"\r\n"


def csv_line(at: float, client: str, duration: float, subject: str) -> str:
    """A query as a line of CSV; ``subject``: as :func:`csv_subject` has put it."""
    return f"{_second(int(at))}.{int(at * 1000) % 1000:03d}Z,{client},{duration * 1000:.3f},{subject}"


def csv_subject(subject: Subject) -> str:
    """The rest of a line.

    Names and rules are strangers' texts: one that a spreadsheet would take for a formula gets an apostrophe in front
    (OWASP, CSV injection). JSON has them as they are.
    """
    plain = ",".join(["" if value is None else str(value) for value in subject])
    if plain.count(",") == len(subject) - 1 and not _UNUSUAL.search(plain):
        return plain + "\r\n"
    text = io.StringIO()
    csv.writer(text).writerow(map(_harmless, subject))
    return text.getvalue()


def json_line(at: float, client: str, duration: float, subject: str) -> str:
    """A query as an object on a line, with ``at`` in seconds since the epoch; ``subject``: as :func:`json_subject` has put it."""
    return f'{{"at":{at:.3f},"client":"{client}","duration_ms":{duration * 1000:.3f},{subject}'


def json_subject(subject: Subject) -> str:
    """The rest of a line."""
    fields = dict(zip(COLUMNS[3:], subject, strict=True))
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE).decode()[1:]


@lru_cache(1024)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _harmless(value: str | int | None) -> str | int | None:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
