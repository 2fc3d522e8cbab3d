"""List text to rules, as a stream: nothing of the text is kept, and of the complaints only the first thousand.

Most lines of most lists are of one simple shape, and for those a pattern of the list's format is enough; every other
line goes through the format's own parser. Both ways give the same rules (``tests/lists/test_parse.py`` holds them to it).
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING

from mirage_hole.lists.comment import expires_of, is_comment, is_directive, title_of
from mirage_hole.lists.formats import ADBLOCK, ADDRESSES, FORMATS, REGEX, Format, format_of_line
from mirage_hole.lists.line import MAX_LINE, Found, Problem
from mirage_hole.lists.rule import Action, Complaint, Reply, RichRule, Rule, Scope
from mirage_hole.lists.sniff import HEAD_LINES, decode, sniff
from mirage_hole.lists.spelling import LOCAL_NAMES, printable, wire_of_simple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mirage_hole.lists.formats import Reader
    from mirage_hole.lists.line import Findings

MAX_COMPLAINTS = 1000
"""Complaints kept a list; all are counted."""
MAX_RICH = 20_000
"""Rich rules a list; each costs memory in every worker. The largest known list has some thousands."""
MAX_REASONS = 50
"""Different reasons counted one by one; the rest together, under ``other``."""

_MAX_NAME_TEXT = 253
_TOO_MANY = f"more than {MAX_RICH} rules that are more than a name"
_COSTLY_FORMATS = frozenset({REGEX.name, ADDRESSES.name})
_EXPRESSION = re.compile(r"(?:@@)?/|[a-z]+=/:")
_STAR = ord("*")
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
        self._readers: dict[str, Reader] = {}
        self._costly = 0

    def __iter__(self) -> Iterator[Rule]:
        form, action, to_wire, local = self._form, self._kind, wire_of_simple, _LOCAL
        match = form.simple.fullmatch
        scope, below, reply = form.scope, Scope.BELOW, Reply.MODE if action is Action.ALLOW else form.reply
        reader = self._reader_of(form)
        number = simple = told = 0
        name = b""
        try:
            for number, line in enumerate(self._source, 1):
                found = match(line)
                if found is not None and (reader is None or reader.plain):
                    name = found[1]
                    if len(name) <= _MAX_NAME_TEXT and name not in local and len(line) <= MAX_LINE:
                        simple += 1
                        if name[0] == _STAR:
                            yield Rule(to_wire(name[2:]), action, below, number, reply)
                        else:
                            yield Rule(to_wire(name), action, scope, number, reply)
                        continue
                elif reader is not None and told != simple:
                    reader.passed(name)
                    told = simple
                yield from self._read_any(number, line)
            if reader is not None:
                yield from self._take(reader.end(), number, "")
        finally:
            self.lines = number
            self.rules += simple

    def _reader_of(self, form: Format) -> Reader | None:
        """What reads this list's lines in a format that is more than lines."""
        if form.reader is None:
            return None
        if form.name not in self._readers:
            self._readers[form.name] = form.reader()
        return self._readers[form.name]

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
        yield from self._take(self._findings(text, raw[:1].isspace()), number, text)

    def _findings(self, text: str, indented: bool) -> Findings:
        """What the line says in its own format, or in the list's if it goes on with the line before."""
        whole = f" {text}" if indented else text
        reader = self._reader_of(self._form)
        if reader is None or not reader.wants(whole):
            form = format_of_line(text, self._form)
            if self._costly >= MAX_RICH and (form.name in _COSTLY_FORMATS or _EXPRESSION.match(text)):
                return [Problem(_TOO_MANY, text)]
            reader = self._reader_of(form)
            if reader is None:
                return form.read(text, self._kind)
        return reader.read(whole, self._kind)

    def _take(self, findings: Findings, number: int, text: str) -> Iterator[Rule]:
        for one in findings:
            if isinstance(one, Found):
                self.rules += 1
                name, action, scope, reply, important = one
                yield Rule(name, action, scope, number, reply, important)
            elif isinstance(one, RichRule):
                self._add_rich(one, number, text)
            else:
                self._costly += one.costly
                self._complain(number, one.reason, one.text)

    def _add_rich(self, one: RichRule, line: int, text: str) -> None:
        self._costly += 1
        if len(self.rich) == MAX_RICH:
            self._complain(line, _TOO_MANY, text)
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
