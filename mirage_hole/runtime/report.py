"""What a compilation found out about its lists: ``report.json`` beside the other files of a generation.

The compiler writes it once; the command line and the control plane read it, the workers never do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from mirage_hole.lists.rule import Complaint, Scope, Target
from mirage_hole.lists.stored import decode_bits
from mirage_hole.policy.build import MAX_RICH
from mirage_hole.policy.index import BadIndex
from mirage_hole.runtime.generation import REPORT, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mirage_hole.policy.build import Built
    from mirage_hole.policy.packed import Packed

MAX_COMPARED: Final = 200
"""Lists of which each two are compared; with more there is no overlap."""
FIRST_COMPLAINTS: Final = 100
"""Complaints kept of a list, besides the first of each reason."""
TOO_MANY: Final = f"more than {MAX_RICH:,} rules that are more than a name, over all lists"


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
    covered: int
    """Names that a rule about a name above them, in this list or another, decides in the same way."""
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
    """How many names each two lists share; of a list with itself: its names. Empty when there are more than
    ``MAX_COMPARED`` lists."""
    names: int
    """Distinct names with rules."""
    seconds: float
    peak_kib: int
    """Largest resident memory of the compiler."""

    def to_json(self) -> bytes:
        lists = [{**one._asdict(), "first_complaints": list(map(list, one.first_complaints))} for one in self.lists]
        fields = {"overlap": self.overlap, "names": self.names, "seconds": self.seconds, "peak_kib": self.peak_kib}
        return orjson.dumps({"lists": lists, **fields})


def report_lists(
    entries: Sequence[dict[str, Any]], packed: Sequence[Packed], built: Built
) -> tuple[tuple[ListReport, ...], tuple[tuple[int, ...], ...]]:
    """The reports of all lists, and their overlap; ``entries``: of the manifest, in the order of the lists."""
    unique, overlap = _compare(built, len(entries))
    targets: list[Counter[Target]] = [Counter() for _ in entries]
    different: list[set[bytes]] = [set() for _ in entries]
    for (
        list_id,
        _,
        action,
        target,
        subject,
        scope,
        _,
        *rest,
    ) in built.rich:  # all but text and line says what a rule means
        targets[list_id][Target(target)] += 1
        different[list_id].add(orjson.dumps([action, target, subject, scope, *rest]))
    reports = []
    for number, (entry, one) in enumerate(zip(entries, packed, strict=True)):
        scopes: Counter[Scope] = Counter()
        for code, count in one.codes.items():
            scopes[decode_bits(code).scope] += count
        kinds = targets[number]
        too_many = built.left_out[number]
        reports.append(
            ListReport(
                title=entry["title"],
                source=entry["source"],
                kind=entry["kind"],
                format=entry["format"],
                rules=entry["rules"],
                exact=scopes[Scope.EXACT],
                subtree=scopes[Scope.SUBTREE],
                below=scopes[Scope.BELOW],
                names_with_conditions=kinds[Target.NAME],
                patterns=kinds[Target.PATTERN],
                regexes=kinds[Target.REGEX],
                addresses=kinds[Target.ADDRESS],
                duplicates=built.repeated[number] + kinds.total() - len(different[number]),
                unique=unique[number],
                covered=built.covered[number],
                complaints=entry["complaints"],
                reasons=one.facts.reasons | ({TOO_MANY: too_many} if too_many else {}),
                first_complaints=one.facts.first_complaints,
                sha256=entry["sha256"],
            )
        )
    return tuple(reports), overlap


def _compare(built: Built, lists: int) -> tuple[Counter[int], tuple[tuple[int, ...], ...]]:
    """(names that each list alone has, how many names each two share).

    Names are counted a set at a time: there are millions of names and few different sets of lists that have them.
    """
    unique: Counter[int] = Counter()
    compared = lists if lists <= MAX_COMPARED else 0
    overlap = [[0] * compared for _ in range(compared)]
    for members, names in zip(built.members, built.uses, strict=True):
        having = {list_id for list_id, _ in members}
        if len(having) == 1:
            unique[next(iter(having))] += names
        if compared:
            for one in having:
                row = overlap[one]
                for other in having:
                    row[other] += names
    return unique, tuple(map(tuple, overlap))


def telling(complaints: Sequence[Complaint]) -> Iterator[Complaint]:
    """The first complaints, and of every other reason the first: those that a report keeps."""
    seen: set[str] = set()
    for number, one in enumerate(complaints):
        if number < FIRST_COMPLAINTS or one.reason not in seen:
            yield one
        seen.add(one.reason)


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
    except BadReport:
        raise
    except (BadIndex, ValueError, KeyError, TypeError) as problem:
        message = f"{path}: {type(problem).__name__} {problem}"
        raise BadReport(message) from problem


def _read_list(raw: dict[str, Any]) -> ListReport:
    known = {name: raw[name] for name in ListReport._fields}
    if not isinstance(known["reasons"], dict):
        message = "reasons is no object"
        raise TypeError(message)
    complaints = tuple(Complaint(int(line), str(reason), str(text)) for line, reason, text in known["first_complaints"])
    return ListReport(**{**known, "first_complaints": complaints})
