"""The state of a server as one document that people read, keep in Git, and apply: TOML, or JSON of the same form.

Each part is a list of entries, except ``settings``, which looks like the configuration file. A part that a document does not
mention stands for nothing: what it is about stays as it is. A part that is there says all there is: ``rule = []`` means no rules.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import orjson
from msgspec import Meta, Struct

from mirage_hole.config.lines import line_of, lines_of
from mirage_hole.config.problem import Origin, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION: Final = 1
MAX_DOCUMENT: Final = 16 * 1024 * 1024
"""Octets."""
_MAX_ITEMS: Final = 100_000
_MAX_PROBLEMS: Final = 50

Name = Annotated[str, Meta(max_length=255)]
Text = Annotated[str, Meta(max_length=4096)]
Texts = Annotated[list[Text], Meta(max_length=1000)]


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all entries have in common: no unknown field, and what is usual need not be written."""


class RuleEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule of the user's own."""

    text: Text
    comment: Text = ""
    until: datetime | None = None
    """When it ends by itself."""
    enabled: bool = True


class ListEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A list that was added while the server ran."""

    source: Text
    kind: Literal["block", "allow"] = "block"
    title: Name = ""
    format: Name = ""
    enabled: bool = True


class SwitchEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A list of the configuration that is switched off here, or on."""

    list: Text
    enabled: bool


class ClientEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A client's name."""

    name: Name
    addresses: Texts
    tags: Texts = msgspec.field(default_factory=list)


class RecordEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A record of local data."""

    name: Name
    type: Name
    value: Text
    ttl: Any = None
    networks: Texts = msgspec.field(default_factory=list)


class GroupEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A group of upstreams."""

    name: Name
    servers: Texts
    strategy: Name = "fastest"
    dnssec: bool = False
    fallback: Name = ""


class RouteEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who is asked for some names."""

    domains: Texts
    group: Name = ""
    servers: Texts = msgspec.field(default_factory=list)
    fallback: Name = ""


class UserEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who may log in. Without a hash the password stays as it is, so such an entry makes no new user."""

    name: Name
    role: Literal["viewer", "operator", "admin"]
    password_hash: Name = ""
    """As argon2 writes it."""


ENTRIES: Final[dict[str, type[_Entry]]] = {
    "list": ListEntry,
    "switch": SwitchEntry,
    "rule": RuleEntry,
    "client": ClientEntry,
    "record": RecordEntry,
    "group": GroupEntry,
    "route": RouteEntry,
    "user": UserEntry,
}
"""The parts that are lists of entries, in the order in which a document has them."""
PARTS: Final = ("settings", *ENTRIES)

Document = dict[str, Any]
"""``settings`` to {path: value}; each other part to its entries. Parts that are not mentioned are absent."""


class BadDocument(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A document that can't be read. ``problems`` has all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def read_document(data: bytes, where: str = "the document") -> Document:
    """Read a document, TOML or JSON (which begins with a brace).

    Raises:
        BadDocument: with every problem, each with its place.
    """
    if len(data) > MAX_DOCUMENT:
        raise BadDocument([_problem(where, where, f"has more than {MAX_DOCUMENT} octets", "write a smaller one")])
    raw, text = _parsed(data, where)
    places = _Places(where, text)
    problems: list[Problem] = []
    version = raw.pop("version", None)
    if version != VERSION or isinstance(version, bool):
        problems.append(places.problem("version", version, f"is not {VERSION}", f"write version = {VERSION}"))
    document: Document = {}
    for part, value in raw.items():
        if part == "settings":
            document[part] = _settings(value, places, problems)
        elif part in ENTRIES:
            document[part] = _entries(part, value, places, problems)
        else:
            known = ", ".join(("version", *PARTS))
            problems.append(places.problem(part, None, "there is no such part", f"write one of {known}"))
    if problems:
        raise BadDocument(problems[:_MAX_PROBLEMS])
    return document


def write_toml(document: Mapping[str, Any], heading: str = "") -> bytes:
    """A document as TOML; ``heading`` becomes comments above it, a line each."""
    import tomli_w

    plain = _plain(document)
    empty: dict[str, list[object]] = {part: [] for part, entries in plain.items() if entries == []}
    head = "".join(f"# {line}".rstrip() + "\n" for line in heading.splitlines())
    # Parts without entries come first: behind a table, their line would belong to it.
    first = tomli_w.dumps({"version": VERSION, **empty})
    rest = tomli_w.dumps(
        {part: entries for part, entries in plain.items() if part not in empty}, multiline_strings=False
    )
    return f"{head}{first}\n{rest}".encode()


def write_json(document: Mapping[str, Any]) -> bytes:
    """A document as JSON."""
    return orjson.dumps(
        {"version": VERSION, **_plain(document)}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def moment(at: float | None) -> datetime | None:
    """Seconds since the epoch as documents have them, to the second."""
    return None if at is None else datetime.fromtimestamp(int(at), UTC)


class _Places:
    """Where something stands in the text, for messages."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._lines = lines_of(text) if text else {}

    def problem(self, path: str, value: object, what: str, instead: str) -> Problem:
        line = f":{line_of(self._lines, path)}" if self._lines else ""
        return Problem(path, value, what, instead, Origin("file", f"{self._where}{line}"))


def _problem(setting: str, where: str, what: str, instead: str) -> Problem:
    return Problem(setting, None, what, instead, Origin("file", where))


def _parsed(data: bytes, where: str) -> tuple[dict[str, Any], str]:
    """(what the text says, the text when it has lines worth telling)."""
    try:
        text = data.decode()
        if text.lstrip().startswith("{"):
            raw = orjson.loads(data)
            return dict(raw), ""
        return tomllib.loads(text.replace("\r\n", "\n")), text
    except UnicodeDecodeError as problem:
        raise BadDocument([_problem(where, where, f"octet {problem.start} is no UTF-8", "save it as UTF-8")]) from None
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, RecursionError) as problem:
        kind = "JSON" if data.lstrip().startswith(b"{") else "TOML"
        raise BadDocument([_problem(where, where, f"is no {kind}: {problem}", f"write {kind}")]) from None


def _settings(value: object, places: _Places, problems: list[Problem]) -> dict[str, Any]:
    """{path: value} of the sections."""
    if not isinstance(value, dict):
        problems.append(places.problem("settings", value, "is no table of sections", "write [settings.blocking]"))
        return {}
    found: dict[str, Any] = {}
    for section, fields in value.items():
        if not isinstance(fields, dict):
            what = "is no section"
            problems.append(
                places.problem(f"settings.{section}", fields, what, "write [settings.SECTION] with settings in it")
            )
            continue
        found |= {f"{section}.{name}": one for name, one in fields.items()}
    return found


def _entries(part: str, value: object, places: _Places, problems: list[Problem]) -> list[_Entry]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        what = f"has more than {_MAX_ITEMS} entries" if isinstance(value, list) else "is no list of entries"
        problems.append(places.problem(part, None, what, f"write [[{part}]] above each entry, or {part} = []"))
        return []
    found: list[_Entry] = []
    for number, one in enumerate(value):
        path = f"{part}[{number}]"
        try:
            found.append(msgspec.convert(one, ENTRIES[part], strict=True))
        except msgspec.ValidationError as problem:
            what, _, at = str(problem).partition(" - at ")
            inside = at.strip("`").removeprefix("$")
            fields = ", ".join(ENTRIES[part].__struct_fields__)
            problems.append(places.problem(f"{path}{inside}", None, what, f"its fields are {fields}"))
    return found


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for part in PARTS:
        if part not in document:
            continue
        if part == "settings":
            sections: dict[str, Any] = {}
            for path, value in sorted(document[part].items()):
                section, _, name = path.partition(".")
                sections.setdefault(section, {})[name] = value
            plain[part] = sections
        else:
            entries = [msgspec.to_builtins(one, builtin_types=(datetime,)) for one in document[part]]
            plain[part] = [{name: value for name, value in one.items() if value is not None} for one in entries]
    return plain
