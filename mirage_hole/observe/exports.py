"""The formats in which the query log can be taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mirage_hole.observe import dnstap, tables

if TYPE_CHECKING:
    from collections.abc import Callable


class Format(NamedTuple):
    """How a file of queries is written."""

    media: str
    suffix: str
    begin: bytes
    end: bytes
    line: Callable[[float, str, float, Any], Any]
    """Moment, client, seconds, and what ``subject`` gave, to text or octets."""
    subject: Callable[[tables.Subject], Any]
    """The part of a query that is the same whoever asks; it is kept and used again."""
    join: Callable[[list[Any]], bytes]


def _text(lines: list[str]) -> bytes:
    return "".join(lines).encode()


FORMATS: Final[dict[str, Format]] = {
    "csv": Format(tables.CSV_MEDIA, "csv", tables.csv_header(), b"", tables.csv_line, tables.csv_subject, _text),
    "jsonl": Format(tables.LINES_MEDIA, "jsonl", b"", b"", tables.json_line, tables.json_subject, _text),
    "dnstap": Format(dnstap.MEDIA, "dnstap", dnstap.begin(), dnstap.end(), dnstap.frame, dnstap.subject, b"".join),
}
