"""A report of compiled lists for people and for programs."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from mirage_hole.cli.terminal import Column, clean, duration, moment, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirage_hole.runtime.report import ListReport, Report

WIDEST_MATRIX: Final = 12
"""Lists; of more, each list's nearest are shown instead."""

_NEAREST: Final = 5
_COUNTS: Final = (
    ("rules", "rules"),
    ("exact", "exact"),
    ("subtree", "subtree"),
    ("below", "below"),
    ("patterns", "patterns"),
    ("regexes", "regexes"),
    ("addresses", "addresses"),
    ("conditional", "names_with_conditions"),
    ("duplicates", "duplicates"),
    ("unique", "unique"),
    ("covered", "covered"),
    ("complaints", "complaints"),
)
_ALWAYS: Final = frozenset({"rules", "duplicates", "unique", "complaints"})


class Reported(NamedTuple):
    """A list of the report, with what a running server says of it."""

    list: ListReport
    running: dict[str, Any] | None

    def said(self, field: str) -> Any:
        """What the server says; None when it does not."""
        return self.running.get(field) if self.running is not None else None


def joined(report: Report, running: Sequence[dict[str, Any]] | None) -> list[Reported]:
    """Each list of the report with the server's object about it."""
    known = {(one.get("source"), one.get("kind")): one for one in running or ()}
    return [Reported(one, known.get((one.source, one.kind))) for one in report.lists]


def print_lists(lists: Sequence[Reported], *, running: bool) -> None:
    """A line a list, and the totals. A column that is 0 for every list is left out."""
    counts = [
        (title, field) for title, field in _COUNTS if title in _ALWAYS or any(getattr(one.list, field) for one in lists)
    ]
    columns = [Column("list", number=False), Column("kind", number=False), Column("format", number=False)]
    columns += [Column(title) for title, _ in counts]
    rows = []
    for one in lists:
        row = [one.list.title, one.list.kind, one.list.format]
        row += [f"{getattr(one.list, field):,}" for _, field in counts]
        rows.append(row + ([_number(one.said("decided")), *_times(one)] if running else []))
    total = ["all", "", "", *(f"{sum(getattr(one.list, field) for one in lists):,}" for _, field in counts)]
    if running:
        columns += [Column("hits"), Column("last change", number=False), Column("next look", number=False)]
        total += [_number(sum(one.said("decided") or 0 for one in lists)), "", ""]
    print_table(columns, [*rows, total] if len(rows) > 1 else rows)


def print_formats(lists: Sequence[Reported]) -> None:
    """Rules a format."""
    rules: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for one in lists:
        rules[one.list.format] += one.list.rules
        files[one.list.format] += 1
    columns = [Column("format", number=False), Column("lists"), Column("rules")]
    print_table(columns, [[name, f"{files[name]:,}", f"{count:,}"] for name, count in rules.most_common()])


def print_complaints(lists: Sequence[Reported], shown: int) -> None:
    """Complaints by reason, each with an example; then the first ones of each list."""
    reasons = by_reason(lists)
    if not reasons:
        click.echo("no complaints")
        return
    columns = [Column("complaints"), Column("reason", number=False), Column("for example", number=False)]
    print_table(columns, [[f"{one.complaints:,}", one.reason, one.example] for one in reasons])
    if not shown:
        return
    for one in lists:
        for line, reason, text in one.list.first_complaints[:shown]:
            click.echo(f"{clean(one.list.title)}:{line}: {clean(reason)}: {clean(text)}")


class Reason(NamedTuple):
    """Complaints of all lists with the same reason."""

    reason: str
    complaints: int
    example: str
    """``list:line: text``; empty when none was kept."""


def by_reason(lists: Sequence[Reported]) -> list[Reason]:
    """The commonest first."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for one in lists:
        counts.update(one.list.reasons)
        for line, reason, text in one.list.first_complaints:
            examples.setdefault(reason, f"{one.list.title}:{line}: {text}")
    return [Reason(reason, count, examples.get(reason, "")) for reason, count in counts.most_common()]


def print_overlap(report: Report) -> None:
    """How much of each list the others have as well: a matrix, or of many lists each one's nearest."""
    if not report.overlap:
        click.echo(f"{len(report.lists):,} lists are too many to compare each two of them")
        return
    titles = [one.title for one in report.lists]
    numbered = [f"{number} {title}" for number, title in enumerate(titles, 1)]
    if len(titles) <= WIDEST_MATRIX:
        columns = [
            Column("names also in", number=False),
            *(Column(str(number)) for number in range(1, len(titles) + 1)),
        ]
        rows = [
            [title, *(_cell(report.overlap, row, at) for at in range(len(titles)))]
            for row, title in enumerate(numbered)
        ]
    else:
        columns = [Column("list", number=False), Column("names"), Column("also in", number=False)]
        rows = [
            [title, f"{report.overlap[row][row]:,}", _nearest(report.overlap, row)]
            for row, title in enumerate(numbered)
        ]
    print_table(columns, rows)


def _cell(overlap: Sequence[Sequence[int]], row: int, at: int) -> str:
    return f"{overlap[row][row]:,}" if row == at else _share(overlap[row][at], overlap[row][row])


def _nearest(overlap: Sequence[Sequence[int]], row: int) -> str:
    order = sorted((-count, at) for at, count in enumerate(overlap[row]) if at != row and count)
    return ", ".join(f"{at + 1}: {_share(-count, overlap[row][row])}" for count, at in order[:_NEAREST]) or "-"


def _share(part: int, whole: int) -> str:
    if not part:
        return "-"
    share = 100 * part / whole
    return f"{share:.0f}%" if 1 <= share < 99.5 or part == whole else "<1%" if share < 1 else ">99%"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"


def _times(one: Reported) -> tuple[str, str]:
    changed, following = one.said("last_change"), one.said("next_try")
    ago = f"{duration(max(time.time() - changed, 0))} ago" if isinstance(changed, (int, float)) and changed else "-"
    return ago, moment(following) if isinstance(following, (int, float)) and following else "-"


def as_object(report: Report, lists: Sequence[Reported], shown: int, *, overlap: bool) -> dict[str, Any]:
    """For JSON."""
    found: dict[str, Any] = {
        "lists": [_list_object(one, shown) for one in lists],
        "names": report.names,
        "seconds": report.seconds,
        "peak_kib": report.peak_kib,
        "reasons": [one._asdict() for one in by_reason(lists)],
    }
    if overlap:
        found["overlap"] = [list(row) for row in report.overlap]
    return found


_RUNNING: Final = ("state", "decided", "last_change", "last_success", "last_try", "next_try", "error", "held")


def _list_object(one: Reported, shown: int) -> dict[str, Any]:
    fields: Callable[[str], Any] = one.list.__getattribute__
    return {
        **{name: fields(name) for name in ("title", "source", "kind", "format", "sha256")},
        **{field: fields(field) for _, field in _COUNTS},
        "reasons": dict(one.list.reasons),
        "first_complaints": [
            {"line": line, "reason": reason, "text": text} for line, reason, text in one.list.first_complaints[:shown]
        ],
        "running": None if one.running is None else {name: one.running.get(name) for name in _RUNNING},
    }
