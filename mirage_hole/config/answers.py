"""The section ``[answers]``: names and types as they are written, and what is told of the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.config.raw import settings
from mirage_hole.wire.codes import RRType, type_number
from mirage_hole.wire.names import BadName, from_text, to_text

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings

MAX_DOMAINS: Final = 1000
MAX_TYPES: Final = 100
MAX_TEXT: Final = 255
"""Octets of a character string (RFC 1035 3.3)."""
_NOT_BLOCKED: Final = frozenset({int(RRType.OPT), int(RRType.TSIG), int(RRType.TKEY)})


def settle_domains(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    """Domains, each once, lower-case and without the final dot; ``*.`` before one is read over."""
    texts = (written,) if isinstance(written, str) else tuple(written)
    if len(texts) > MAX_DOMAINS:
        found.problem(path, None, f"{len(texts)} domains are too many", f"write at most {MAX_DOMAINS}")
    domains: dict[str, None] = {}
    for item, text in enumerate(texts[:MAX_DOMAINS]):
        try:
            wire = from_text(text.strip().removeprefix("*."))
        except BadName as problem:
            found.problem(path, text, str(problem), f"write {settings()[path].write}", item=item)
            continue
        if wire == b"\0":
            found.problem(path, text, "every name there is", f"write {settings()[path].write}", item=item)
            continue
        domains[to_text(wire)] = None
    return tuple(domains)


def settle_text(path: str, written: str, found: Findings) -> str:
    """What is told of the server: one character string of DNS, in characters that everybody can print."""
    text = written.strip()
    if len(text) <= MAX_TEXT and text.isascii() and text.isprintable():
        return text
    long = len(text) > MAX_TEXT
    what = f"{len(text)} characters are too many" if long else "not all of it can be printed as ASCII"
    found.problem(path, text, what, f"write {settings()[path].write}")
    return ""


def settle_types(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[int, ...]:
    """Numbers of query types, each once."""
    texts = (written,) if isinstance(written, str) else tuple(written)
    if len(texts) > MAX_TYPES:
        found.problem(path, None, f"{len(texts)} types are too many", f"write at most {MAX_TYPES}")
    numbers: dict[int, None] = {}
    for item, text in enumerate(texts[:MAX_TYPES]):
        try:
            number = type_number(text.strip())
        except ValueError:
            number = -1
        if number <= 0 or number in _NOT_BLOCKED:
            found.problem(path, text, "no type that can be asked for", f"write {settings()[path].write}", item=item)
            continue
        numbers[number] = None
    return tuple(numbers)
