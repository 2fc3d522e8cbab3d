"""Where in a list's text something stands. RE2 goes over the octets, so that a million lines take a few hundredths of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import re2

from mirage_hole.lists.comment import is_comment
from mirage_hole.lists.line import MAX_LINE
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Target
from mirage_hole.lists.sniff import decode
from mirage_hole.wire.names import BadName, from_text, labels_of, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mirage_hole.lists.rule import Action

_PIECE: Final = 1 << 20  # octets that are searched at once
_BEFORE, _AFTER = r"(?:(?m:^)|[^a-z0-9_.\n-])", r"(?:(?m:$)|[^a-z0-9_.\n-])"


class BadSearch(ValueError):  # noqa: N818 - reads as what it is at the raise
    """No expression that can be searched for; the message says why."""


class Wanted(NamedTuple):
    """What is looked for."""

    text: Any
    """The RE2 expression for a part of a line."""
    named: Any | None
    """The one for lines that may be about the name itself or a name above it; None when the text is no name."""
    names: tuple[str, ...]
    """The name and those above it."""


class Hit(NamedTuple):
    """A line."""

    line: int
    text: str
    name: str
    """The name that its rule is about when it is the wanted one or one above it; else empty."""
    problem: str
    """Why there is no rule in the line; else empty."""


class Hits(NamedTuple):
    """What was found in one list."""

    named: list[Hit]
    """Rules about the name and the names above it, as many about each as were asked for, the deepest name first."""
    named_count: int
    others: list[Hit]
    """Other lines with the text in them, as many as were asked for."""
    other_count: int


def wanted(text: str) -> Wanted:
    """Look for a text, and when it is a name for the names above it as well. Case does not matter."""
    names: tuple[str, ...] = ()
    spellings = [text]
    try:
        wire = from_text(text)
    except BadName:
        wire = b"\0"
    if len(wire) > 1:
        names = tuple(to_text(wire[offset:]) for offset in labels_of(wire))
        if names[0] != text.lower():  # BÜCHER.example is also xn--bcher-kva.example
            spellings.append(names[0])
    parts = list(map(_literal, spellings))
    named = rf"{_BEFORE}(?:\*?\.)?(?:{'|'.join(map(_literal, (text, *names)))})\.?{_AFTER}"
    return Wanted(_compiled("|".join(parts)), _compiled(named) if names else None, names)


def wanted_expression(expression: str) -> Wanted:
    """Look for what an RE2 expression finds in a line.

    Raises:
        BadSearch: it is none.
    """
    return Wanted(_compiled(f"(?m){expression}", lines=True), None, ())


def search(chunks: Iterable[bytes], what: Wanted, kind: Action, form: str | None, limit: int) -> Hits:
    """Every line with it, comments aside.

    Args:
        chunks: the octets of the list.
        what: from :func:`wanted`.
        kind: of the list.
        form: its format; None: each line's own look has to tell.
        limit: so many lines of each sort are kept; all are counted.
    """
    named: dict[str, list[Hit]] = {name: [] for name in what.names}
    others: list[Hit] = []
    named_count = other_count = 0
    for first_line, piece in _pieces(chunks):
        confirmed = set()
        if what.named is not None:
            for number, raw in _lines(what.named, piece, first_line):
                hit = _read(number, raw, what, kind, form)
                if hit is not None and hit.name:
                    confirmed.add(number)
                    named_count += 1
                    if len(named[hit.name]) < limit:
                        named[hit.name].append(hit)
        for number, raw in _lines(what.text, piece, first_line):
            if number in confirmed or _is_comment(raw, form):
                continue
            other_count += 1
            if len(others) < limit:
                hit = _read(number, raw, what, kind, form)
                if hit is not None:
                    others.append(hit)
    return Hits([hit for each in named.values() for hit in each], named_count, others, other_count)


def _read(number: int, raw: bytes, what: Wanted, kind: Action, form: str | None) -> Hit | None:
    """What a line says."""
    text = decode(raw)
    if not text or _is_comment(raw, form):
        return None
    parsed = parse([raw], kind, form)
    about = {to_text(rule.name) for rule in parsed}
    about |= {rule.subject for rule in parsed.rich if rule.target is Target.NAME}
    name = next((one for one in what.names if one in about), "")
    problem = parsed.complaints[0].reason if parsed.complaints and not parsed.rules else ""
    return Hit(number, text, name, problem)


def _is_comment(raw: bytes, form: str | None) -> bool:
    text = decode(raw[: MAX_LINE + 1]) if raw[:1] in b"#!;[ \t\xef" else ""
    return bool(text) and is_comment(text, adblock=form == "adblock")


def _lines(expression: Any, piece: bytes, first_line: int) -> Iterator[tuple[int, bytes]]:
    """(number, octets) of each line with a match in it, once."""
    number, counted, end = first_line, 0, -1
    for found in expression.finditer(piece):
        at = found.start()
        if piece[at : at + 1] == b"\n":  # an expression that finds nothing finds it everywhere
            at += 1
        if at <= end:
            continue
        start = piece.rfind(b"\n", 0, at) + 1
        number += piece.count(b"\n", counted, start)
        counted = start
        end = piece.find(b"\n", at)
        end = len(piece) if end < 0 else end
        yield number, piece[start : min(end, start + MAX_LINE + 1)]


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(number of the first line, whole lines) of about a mebibyte. Of a line that is longer, only the beginning is there."""
    line, rest, skipping = 1, bytearray(), False
    for chunk in chunks:
        if skipping:
            _, feed, chunk = chunk.partition(b"\n")
            if not feed:
                continue
            line, skipping = line + 1, False
        rest += chunk
        if len(rest) < _PIECE:
            continue
        end = rest.rfind(b"\n") + 1
        if not end:
            yield line, bytes(rest[: MAX_LINE + 1])
            rest.clear()
            skipping = True
            continue
        piece = bytes(rest[:end])
        del rest[:end]
        yield line, piece
        line += piece.count(b"\n")
    if rest:
        yield line, bytes(rest)


def _literal(text: str) -> str:
    """The text itself, and its dots also as expressions have them."""
    return str(re2.escape(text)).replace(r"\.", r"\\?\.")


def _compiled(expression: str, *, lines: bool = False) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.never_nl = lines
    options.encoding = re2.Options.Encoding.LATIN1  # octets, whatever they are
    try:
        # The octets of UTF-8, each a character.
        return re2.compile(expression.encode(), options)
    except re2.error as problem:
        said = problem.args[0] if problem.args else "no expression"
        raise BadSearch(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
