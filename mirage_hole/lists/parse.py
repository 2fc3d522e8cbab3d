"""List text to rules, as a stream: nothing of the text is kept, and of the complaints only the first thousand.

Most lines of most lists are of one simple shape, and for those a pattern of the list's format is enough; every other
line goes through the format's own parser. Both ways give the same rules (``tests/lists/test_parse.py`` holds them to it).
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING

from mirage_hole.lists.comment import expires_of, is_comment, is_directive, title_of
from mirage_hole.lists.formats import ADBLOCK, FORMATS, Format, format_of_line
from mirage_hole.lists.line import MAX_LINE, Found
from mirage_hole.lists.rule import Action, Complaint, RichRule, Rule
from mirage_hole.lists.sniff import HEAD_LINES, decode, sniff
from mirage_hole.lists.spelling import LOCAL_NAMES, printable, wire_of_simple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_COMPLAINTS = 1000
"""Complaints kept a list; all are counted."""
MAX_RICH = 20_000
"""Rich rules a list; each costs memory in every worker. The largest known list has some thousands."""
MAX_REASONS = 50
"""Different reasons counted one by one; the rest together, under ``other``."""

_MAX_NAME_TEXT = 253
_LOCAL = frozenset(name.encode("ascii") for name in LOCAL_NAMES)


class ParsedList:
    """The rules of one list, read while it is iterated, once. The counts grow with it and are final at its end."""

    def __init__(self, lines: Iterator[bytes], kind: Action, form: Format) -> None:
        self.format = form.name
        self.title = ""
        """From a ``Title:`` comment; empty when there is none."""
        self.expires = 0
        """Seconds until the list should be downloaded again, from an ``Expires:`` comment; 0 when there is none."""
        self.rules = 0
        """Of both kinds: those that iterating gives, and the rich ones."""
        self.rich: list[RichRule] = []
        """They do not fit into the index of names, so they are not among those that iterating gives."""
        self.lines = 0
        self.complaints: list[Complaint] = []
        """The first ``MAX_COMPLAINTS``."""
        self.complaint_count = 0
        self.reasons: Counter[str] = Counter()
        """How many complaints there are of each kind."""
        self._source = lines
        self._kind = kind
        self._form = form

    def __iter__(self) -> Iterator[Rule]:
        match = self._form.simple.fullmatch
        scope, action, to_wire, local = self._form.scope, self._kind, wire_of_simple, _LOCAL
        number = simple = 0
        try:
            for number, line in enumerate(self._source, 1):
                found = match(line)
                if found is not None:
                    name = found[1]
                    if len(name) <= _MAX_NAME_TEXT and name not in local and len(line) <= MAX_LINE:
                        simple += 1
                        yield Rule(to_wire(name), action, scope, number)
                        continue
                yield from self._read_any(number, line)
        finally:
            self.lines = number
            self.rules += simple

    def _read_any(self, number: int, raw: bytes) -> Iterator[Rule]:
        """The rules of a line of any shape."""
        if len(raw.rstrip(b"\r\n")) > MAX_LINE:
            self._complain(number, f"a line of more than {MAX_LINE} octets", decode(raw))
            return
        text = decode(raw)
        if b"\0" in raw:
            self._complain(number, "binary data; lists are UTF-8 text", text)
            return
        if not text:
            return
        if is_comment(text, adblock=self.format == ADBLOCK.name):
            self.title = self.title or title_of(text) or ""
            self.expires = self.expires or expires_of(text) or 0
            return
        if is_directive(text):
            self._complain(number, "a preprocessor directive; they are not followed", text)
            return
        for one in format_of_line(text, self._form).read(text, self._kind):
            if isinstance(one, Found):
                self.rules += 1
                name, action, scope, reply, important = one
                yield Rule(name, action, scope, number, reply, important)
            elif isinstance(one, RichRule):
                self._add_rich(one, number, text)
            else:
                self._complain(number, one.reason, one.text)

    def _add_rich(self, one: RichRule, line: int, text: str) -> None:
        if len(self.rich) == MAX_RICH:
            self._complain(line, f"more than {MAX_RICH} rules that are more than a name", text)
            return
        self.rules += 1
        self.rich.append(one._replace(line=line))

    def _complain(self, line: int, reason: str, text: str) -> None:
        self.complaint_count += 1
        if len(self.complaints) < MAX_COMPLAINTS:
            self.complaints.append(Complaint(line, reason, printable(text)))
        known = reason in self.reasons or len(self.reasons) < MAX_REASONS
        self.reasons[reason if known else "other"] += 1


def parse(text_lines: Iterable[bytes], kind: Action, format: str | None = None) -> ParsedList:  # noqa: A002
    """Read a list.

    Args:
        text_lines: its lines, with or without line feeds; for a file: ``split_lines`` of its chunks.
        kind: what a plain line does. ``@@`` allows in either kind of list; in an allowlist ``||x^`` allows too.
        format: a name from ``FORMATS``; None: found out from the first lines. Either way a line that is plainly in another
            format is read in that one.

    Raises:
        KeyError: there is no such format.
    """
    lines = iter(text_lines)
    if format is not None:
        return ParsedList(lines, kind, FORMATS[format])
    head = list(islice(lines, HEAD_LINES))
    return ParsedList(chain(head, lines), kind, sniff(head))
