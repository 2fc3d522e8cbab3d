"""Which format is a list in? Asked of its first lines; each line that looks like a format is a vote for it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mirage_hole.lists import foreign, pihole
from mirage_hole.lists.comment import is_comment
from mirage_hole.lists.formats import ADBLOCK, DOMAINS, FORMATS, REGEX, format_of_line
from mirage_hole.lists.line import MAX_LINE, Found

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirage_hole.lists.formats import Format

from mirage_hole.lists.rule import Action

HEAD_LINES = 1000
"""How many lines are looked at; lists with a long header and few rules are still seen."""


def sniff(lines: Iterable[bytes]) -> Format:
    """The format that most of the lines are in; plain names when none of them says."""
    votes: Counter[str] = Counter()
    for raw in lines:
        text = decode(raw)
        if not text:
            continue
        if is_comment(text, adblock=False):
            if text[0] == "[":  # [Adblock Plus 2.0]
                votes[ADBLOCK.name] += 3
            elif foreign.is_cosmetic(text):
                votes[ADBLOCK.name] += 1
            continue
        looks = format_of_line(text, DOMAINS)
        if looks is not DOMAINS or any(isinstance(one, Found) for one in DOMAINS.read(text, Action.BLOCK)):
            votes[looks.name] += 1
        elif foreign.is_cosmetic(text):
            votes[ADBLOCK.name] += 1
        elif pihole.looks_so(text):
            votes[REGEX.name] += 1
    if not votes:
        return DOMAINS
    # Among equals the more telling format: a bare name may stand in any list.
    telling = sorted(FORMATS.values(), key=lambda one: (one is not ADBLOCK, one is DOMAINS))
    return max(telling, key=lambda one: votes[one.name])


def is_html(head: bytes) -> bool:
    """Whether the beginning of a text is that of a web page: an error page or a login form instead of a list."""
    start = head[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml", b"<!--"))


def decode(raw: bytes) -> str:
    """A line as text without the space around it. Octets that are no UTF-8 become U+FFFD."""
    return raw[: MAX_LINE + 1].decode("utf-8", "replace").lstrip("\ufeff").strip()
