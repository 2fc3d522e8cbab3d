"""Where the configuration names a list: file and line, or else the flag that does."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.config.lines import line_of, lines_of
from mirage_hole.config.load import MAX_FILE
from mirage_hole.lists.rule import Action
from mirage_hole.runtime.state_files import read_at_most
from mirage_hole.sources.source import Source, parse_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mirage_hole.config.settled import Settled
    from mirage_hole.sources.catalogue import Entry

_FLAGS: Final = "the flags or environment variables the server is started with"


def place_of(settled: Settled, key: str, catalogue: dict[str, Entry]) -> str:
    """``/etc/mirage-hole/config.toml line 7``; what else may name the list with this key when the file does not."""
    file = settled.config_file
    if file is None:
        return _FLAGS
    try:
        text = read_at_most(file, MAX_FILE).decode()
        document = tomllib.loads(text)
    except (OSError, ValueError, RecursionError):  # it was correct when the server read it
        return str(file)
    for path, source in _named(document):
        for kind in Action:
            found = parse_source(source, kind, catalogue, base=_folder(file))
            if isinstance(found, Source) and found.key == key:
                return f"{file} line {line_of(lines_of(text), path)}"
    return _FLAGS


def _folder(file: Path) -> Path:
    return file.absolute().parent


def _named(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The setting and the text of each source."""
    lists = document.get("lists")
    for name in ("block", "allow"):
        written = lists.get(name) if isinstance(lists, dict) else None
        for number, one in enumerate(written if isinstance(written, list) else ()):
            if isinstance(one, str):
                yield f"lists.{name}[{number}]", one
        if isinstance(written, str):
            yield f"lists.{name}", written
    tables = document.get("list")
    for number, table in enumerate(tables if isinstance(tables, list) else ()):
        if isinstance(table, dict) and isinstance(table.get("url"), str):
            yield f"list[{number}].url", table["url"]
