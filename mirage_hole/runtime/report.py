"""What a compilation found out about its lists: ``report.json`` beside the other files of a generation.

The compiler writes it once; the command line and the control plane read it, the workers never do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from mirage_hole.lists.rule import Complaint
from mirage_hole.policy.index import BadIndex
from mirage_hole.runtime.generation import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

REPORT: Final = "report.json"


class BadReport(ValueError):  # noqa: N818 - reads as what it is at the raise
    """The file holds no report; the message says why."""


class ListReport(NamedTuple):
    """What became of one list."""

    title: str
    source: str
    kind: str
    """``block`` or ``allow``."""
    format: str
    rules: int
    exact: int
    """Names alone."""
    subtree: int
    """Names with all below them."""
    below: int
    """What is below a name, without it."""
    names_with_conditions: int
    patterns: int
    regexes: int
    addresses: int
    duplicates: int
    """Rules that the same list has on an earlier line."""
    unique: int
    """Names that no other list has."""
    complaints: int
    reasons: dict[str, int]
    """How many complaints of each kind."""
    first_complaints: tuple[Complaint, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all lists of a generation."""

    lists: tuple[ListReport, ...]
    overlap: tuple[tuple[int, ...], ...]
    """How many names each two lists share; of a list with itself: its names."""
    names: int
    """Distinct names with rules."""
    seconds: float
    peak_kib: int
    """Largest resident memory of the compiler."""

    def to_json(self) -> bytes:
        lists = [{**one._asdict(), "first_complaints": list(map(list, one.first_complaints))} for one in self.lists]
        fields = {"overlap": self.overlap, "names": self.names, "seconds": self.seconds, "peak_kib": self.peak_kib}
        return orjson.dumps({"lists": lists, **fields})


def read_report(directory: Path) -> Report:
    """The report of a generation.

    Raises:
        FileNotFoundError: the generation has none.
        OSError: it can't be read.
        BadReport: it is damaged.
    """
    path = directory / REPORT
    try:
        raw = orjson.loads(read_bounded(path))
        lists = tuple(_read_list(one) for one in raw["lists"])
        overlap = tuple(tuple(map(int, row)) for row in raw["overlap"])
        if any(len(row) != len(lists) for row in overlap) or len(overlap) not in {0, len(lists)}:
            message = f"{path}: the overlap is not about its {len(lists)} lists"
            raise BadReport(message)
        return Report(lists, overlap, int(raw["names"]), float(raw["seconds"]), int(raw["peak_kib"]))
    except (BadIndex, orjson.JSONDecodeError, KeyError, TypeError) as problem:
        message = f"{path}: {type(problem).__name__} {problem}"
        raise BadReport(message) from problem


def _read_list(raw: dict[str, Any]) -> ListReport:
    known = {name: raw[name] for name in ListReport._fields}
    complaints = tuple(Complaint(int(line), str(reason), str(text)) for line, reason, text in known["first_complaints"])
    return ListReport(**{**known, "first_complaints": complaints})
