"""What is in a list: how many rules of which kind, how often the same, and what could not be read, with line numbers."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from mirage_hole.cli.list_text import CantRead, Inspected, text_of
from mirage_hole.cli.terminal import clean, duration
from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.line import split_lines
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action, Complaint, Scope, Target
from mirage_hole.runtime.fingerprints import Fingerprints, fingerprint
from mirage_hole.sources.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.sources.source import Source


class What(Enum):
    """What a rule is about."""

    EXACT = "the name alone"
    SUBTREE = "the name and all below it"
    BELOW = "all below the name"
    CONDITIONAL = "names, under a condition"
    PATTERN = "names that fit a pattern"
    REGEX = "names that fit a regular expression"
    ADDRESS = "answers with an address"


class ListReport(NamedTuple):
    """One list, read."""

    source: str
    """As written, without password or token."""
    title: str
    """From the text, else from the catalogue, else the address."""
    format: str
    expires: int
    """After how many seconds its publisher wants it to be downloaded again; 0 when the list does not say."""
    lines: int
    rules: int
    kinds: dict[tuple[Action, What], int]
    """Rules by what they do, and to what."""
    remarkable: dict[str, int]
    """How many of the rules have which modifier."""
    duplicates: int
    """Rules that an earlier line made already."""
    complaint_count: int
    reasons: dict[str, int]
    complaints: list[Complaint]
    """The first thousand."""
    refusal: str
    """Why the server would not take this list: it completes "the list …"; empty when it would."""


def read_source(source: Source, format: str | None, timeout: float) -> ListReport:
    """Fetch a list and read it.

    Args:
        source: what to read.
        format: a name from ``FORMATS``; None: the catalogue's word, or found out.
        timeout: seconds for a download.

    Raises:
        CantRead: no text.
    """
    with text_of(source, timeout) as chunks:
        return read_chunks(chunks(), source, format)


def read_chunks(chunks: Iterable[bytes], source: Source, format: str | None = None) -> ListReport:
    """Read a list from the octets of its file, packed or not.

    Raises:
        CantRead: the file can't be read.
    """
    inspected = Inspected(chunks)
    try:
        parsed = parse(split_lines(inspected), source.kind, format or source.format or None)
        kinds: Counter[tuple[Action, What]] = Counter()
        remarkable: Counter[str] = Counter()
        seen = Fingerprints()
        for rule in parsed:
            kinds[rule.action, _SCOPES[rule.scope]] += 1
            if rule.important:
                remarkable["important"] += 1
            seen.add(fingerprint(rule))
        for rich in parsed.rich:
            kinds[rich.action, _TARGETS[rich.target]] += 1
            remarkable.update(_remarks(rich))
            seen.add(fingerprint(rich))
    except Failure as failure:
        raise CantRead(str(failure)) from None
    refusal = inspected.refusal
    if not refusal and not parsed.rules:
        refusal = f"holds no rule that can be read; use it in one of these formats: {', '.join(FORMATS)}"
    return ListReport(
        source.shown,
        parsed.title or source.title,
        parsed.format,
        parsed.expires,
        parsed.lines,
        parsed.rules,
        dict(kinds),
        dict(remarkable),
        seen.added - seen.distinct(),
        parsed.complaint_count,
        dict(parsed.reasons.most_common()),
        parsed.complaints,
        refusal,
    )


_SCOPES = {Scope.EXACT: What.EXACT, Scope.SUBTREE: What.SUBTREE, Scope.BELOW: What.BELOW}
_TARGETS = {
    Target.NAME: What.CONDITIONAL,
    Target.PATTERN: What.PATTERN,
    Target.REGEX: What.REGEX,
    Target.ADDRESS: What.ADDRESS,
}


def _remarks(rule: RichRule) -> list[str]:
    has = {"important": rule.important, "badfilter": rule.badfilter, "dnsrewrite": rule.rewrite is not None}
    return [name for name, so in has.items() if so]


def as_text(report: ListReport, shown: int) -> str:
    """The report for people, with the first ``shown`` complaints."""
    title = report.title if report.title == report.source else f"{report.title} ({report.source})"
    lines = [
        clean(title),
        f"  format      {report.format}: {FORMATS[report.format].about}"
        if report.rules
        else "  format      none of ours",
    ]
    if report.expires:
        lines.append(f"  expires     {duration(report.expires)} after a download")
    lines += [f"  lines       {report.lines:,}", f"  rules       {report.rules:,}"]
    lines += [
        f"    {count:>12,}  {action.name.lower()} {what.value}" for (action, what), count in _sorted(report.kinds)
    ]
    lines += [f"    {count:>12,}  of these with ${name}" for name, count in sorted(report.remarkable.items())]
    lines += [f"  duplicates  {report.duplicates:,}", f"  complaints  {report.complaint_count:,}"]
    lines += [f"    {count:>12,}  {clean(reason)}" for reason, count in report.reasons.items()]
    if report.complaints and shown:
        lines += ["", "  the first complaints:" if report.complaint_count > shown else "  the complaints:"]
        lines += [f"    line {one.line}: {clean(one.reason)}: {clean(one.text)}" for one in report.complaints[:shown]]
    return "\n".join(lines)


def _sorted(kinds: dict[tuple[Action, What], int]) -> list[tuple[tuple[Action, What], int]]:
    order = list(What)
    return sorted(kinds.items(), key=lambda item: (item[0][0], order.index(item[0][1])))


def as_object(report: ListReport, shown: int) -> dict[str, Any]:
    """The report for JSON, with the first ``shown`` complaints."""
    return {
        "source": report.source,
        "title": report.title,
        "format": report.format,
        "expires": report.expires or None,
        "usable": not report.refusal,
        "refusal": report.refusal,
        "lines": report.lines,
        "rules": report.rules,
        "kinds": [
            {"action": action.name.lower(), "what": what.name.lower(), "rules": count}
            for (action, what), count in _sorted(report.kinds)
        ],
        **{name: report.remarkable.get(name, 0) for name in ("important", "badfilter", "dnsrewrite")},
        "duplicates": report.duplicates,
        "complaints": report.complaint_count,
        "reasons": report.reasons,
        "first_complaints": [one._asdict() for one in report.complaints[:shown]],
    }
