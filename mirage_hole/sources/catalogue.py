"""The data that travels with the program: the catalogue of well-known lists, and our own starter list."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mirage_hole.lists.rule import Action

STARTER: Final = "starter"
"""The source name of the embedded list, which is what the configuration starts with."""

FORMATS: Final = (
    "hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "rpz", "regex", "addresses", "subtrees",
)  # fmt: skip
SIZES: Final = ("small", "medium", "large", "huge")
CATEGORIES: Final = ("ads", "tracking", "security", "device", "content", "exceptions")

_REQUIRED: Final = ("title", "url", "format", "licence", "size", "category", "breaks", "homepage")
_KINDS: Final = {"block": Action.BLOCK, "allow": Action.ALLOW}


class CatalogueError(Exception):
    """The catalogue can't be used; the message has one line a problem: file, entry, field, what to write."""


class Entry(NamedTuple):
    """One well-known list."""

    key: str
    """What a user writes."""
    title: str
    url: str
    format: str
    """One of ``FORMATS``."""
    licence: str
    size: str
    """One of ``SIZES``: small < 50,000 rules, medium < 250,000, large < 1,000,000, huge."""
    category: str
    """One of ``CATEGORIES``."""
    breaks: str
    """What stops working with it, one honest sentence."""
    homepage: str
    kind: Action
    """What the list is made for."""


def data_directory() -> Path:
    """Where ``catalogue.toml`` and ``starter.txt`` are: inside the installed package, or beside it in a checkout.

    Raises:
        CatalogueError: neither place has them; the installation is incomplete.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "_blocklists", package.parent / "blocklists"):
        if (place / "starter.txt").is_file():
            return place
    message = f"{package / '_blocklists'}: starter.txt is missing; install mirage-hole again"
    raise CatalogueError(message)


def starter_path() -> Path:
    """The embedded starter list.

    Raises:
        CatalogueError: see :func:`data_directory`.
    """
    return data_directory() / "starter.txt"


def load_catalogue(path: Path | None = None) -> dict[str, Entry]:
    """Every entry by its key, in the file's order.

    Args:
        path: another file than the packaged one.

    Raises:
        CatalogueError: unreadable, or entries that are not well-formed; the message lists all problems.
    """
    path = path or data_directory() / "catalogue.toml"
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as problem:
        message = f"{path}: {problem.strerror}; install mirage-hole again"
        raise CatalogueError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        message = f"{path}: not TOML: {problem}"
        raise CatalogueError(message) from None
    problems: list[str] = []
    entries = {}
    for key, table in tables.items():
        found = _problems(key, table)
        problems += [f"{path.name}: [{key}] {problem}" for problem in found]
        if not found:
            values = {field: table[field] for field in _REQUIRED}
            entries[key] = Entry(key=key, kind=_KINDS[table.get("kind", "block")], **values)
    if problems:
        raise CatalogueError("\n".join(problems))
    return entries


def nearest(name: str, catalogue: dict[str, Entry], limit: int = 3) -> list[str]:
    """The catalogue names most like ``name``, best first: by spelling, then those that contain it."""
    names = [STARTER, *catalogue]
    folded = name.lower().replace("_", "-").replace("++", "-plus").replace(" ", "-")
    close = difflib.get_close_matches(folded, names, n=limit, cutoff=0.6)
    close += [other for other in names if len(folded) > 2 and folded in other and other not in close]
    return close[:limit]


def _problems(key: str, table: object) -> list[str]:
    if not isinstance(table, dict):
        return ["is no table; write the fields below the line [key]"]
    found = []
    if not key.replace("-", "").isalnum() or key != key.lower() or not key.isascii() or key == STARTER:
        found.append("has a bad name; write lower-case letters, digits and hyphens")
    for field in _REQUIRED:
        value = table.get(field)
        if not isinstance(value, str) or not value.strip():
            found.append(f'{field} is missing; write {field} = "…"')
    for field, allowed in (("format", FORMATS), ("size", SIZES), ("category", CATEGORIES), ("kind", tuple(_KINDS))):
        value = table.get(field, "block" if field == "kind" else "")
        if value and value not in allowed:
            found.append(f"{field} = {value!r} is unknown; write one of {', '.join(allowed)}")
    for field in ("url", "homepage"):
        value = str(table.get(field) or "https://x")
        if urlsplit(value).scheme != "https" or not urlsplit(value).hostname:
            found.append(f"{field} = {value!r} is no https address; write https://…")
    found += [f"{field} is unknown; remove it" for field in table if field not in (*_REQUIRED, "kind")]
    return found
