"""Lines that carry no rule: blank ones, comments, headers; and the title that one of them may give."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\[(?:adblock|adguard|ublock|uBO)[^\]]*\]", re.IGNORECASE)
_TITLE = re.compile(r"[#!;]+\s*Title:\s*(.+)", re.IGNORECASE)
_DIRECTIVE = re.compile(r"!#(?:include|if|else|endif|safari_cb_affinity)\b")
_COSMETIC_START = re.compile(r"#[@?$%]{0,3}#[^\s#]|#@#")

_EXPIRES = re.compile(r"[#!;]+\s*Expires:\s*([0-9]{1,4}+)\s*+(d|days?|h|hours?)?(?![a-z0-9]).*", re.IGNORECASE)

MAX_TITLE = 120
"""Characters."""
SHORTEST_LIFE = 3600
"""Seconds. A list that asks for more is not asked more often: its server is somebody's own."""
LONGEST_LIFE = 14 * 86400
"""Seconds; Adblock Plus does not wait longer either."""


def is_comment(text: str, *, adblock: bool) -> bool:
    """Whether the (stripped, not empty) line is a comment or a header, and nothing to complain about.

    In Adblock syntax ``##.banner`` is a cosmetic filter and ``!#include`` a directive; both are no comments there.
    """
    first = text[0]
    if first == "#":
        return not (adblock and _COSMETIC_START.match(text))
    if first == "!":
        return _DIRECTIVE.match(text) is None
    return first == ";" or _HEADER.fullmatch(text) is not None


def is_directive(text: str) -> bool:
    """``!#include other.txt``, ``!#if ...``: Adblock preprocessor lines, which are not followed."""
    return _DIRECTIVE.match(text) is not None


def title_of(text: str) -> str | None:
    """``! Title: Some list`` -> ``Some list``."""
    found = _TITLE.fullmatch(text)
    if found is None:
        return None
    title = "".join(one for one in found[1] if one.isprintable()).strip()
    return title[:MAX_TITLE] or None


def expires_of(text: str) -> int | None:
    """``! Expires: 12 hours`` -> 43200 seconds, within bounds; a number without a unit counts days, as in Adblock Plus."""
    found = _EXPIRES.fullmatch(text)
    if found is None or not int(found[1]):
        return None
    seconds = int(found[1]) * (3600 if (found[2] or "d")[0] in "hH" else 86400)
    return min(max(seconds, SHORTEST_LIFE), LONGEST_LIFE)
