"""What the ``[[list]]`` tables come to, and the folders that lists may be files of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mirage_hole.config.places import folder_of, settle_source
from mirage_hole.config.settled import ListSettings
from mirage_hole.config.tables import fields_of
from mirage_hole.config.values import format_duration, parse_duration

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings
    from mirage_hole.config.tables import ListTable

MIN_REFRESH, MAX_REFRESH = 60.0, 365 * 86400.0
MAX_TITLE = 100  # characters
MAX_FOLDERS = 50
FILES = "files"
"""The folder in the state directory that is for lists."""
BESIDE = "lists"
"""The one beside the configuration file."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def settle_lists(found: Findings) -> tuple[ListSettings, ...]:
    """Every ``[[list]]``, with its source as in ``lists.block`` and its times in seconds."""
    tables: tuple[ListTable | None, ...] = found.loaded.tables.get("list", ())
    settled: list[ListSettings] = []
    seen: dict[str, int] = {}
    for number, table in enumerate(tables):
        if table is None:
            continue
        path = f"list[{number}]"
        source = settle_source(f"{path}.url", table.url, folder_of(found, "list"), found)
        if source is None:
            continue
        if source in seen:
            what, instead = f"the same list as list[{seen[source]}]", "one table for each list"
            found.problem(f"{path}.url", table.url, what, f"write {instead}")
        seen.setdefault(source, number)
        found.loaded.wished.append((f"{path}.url", source, table.kind, table.enabled))
        settled.append(
            ListSettings(
                source,
                table.kind,
                _title(path, table.title, found),
                _format(path, table.format, found),
                _refresh(path, table.refresh_every, found),
                _sha256(path, table.sha256, found),
                table.enabled,
            )
        )
    found.loaded.sources["list"] = tuple(one.source for one in settled)
    return tuple(settled)


def settle_folders(written: tuple[str, ...] | str, state: Path, found: Findings) -> tuple[Path, ...]:
    """``lists.file_folders``, absolute; by default ``lists`` beside the configuration file and ``files`` in the state directory.

    Not the configuration file's own folder: passwords and keys lie there, and whoever may add a list can read what is in it.
    """
    path = "lists.file_folders"
    if len(written) > MAX_FOLDERS:
        found.problem(path, None, f"{len(written)} folders are too many", f"write at most {MAX_FOLDERS}")
    if not written:
        file = found.loaded.file
        return ((file.absolute().parent / BESIDE,) if file else ()) + (state / FILES,)
    base = folder_of(found, path)
    folders = []
    for item, text in enumerate(written[:MAX_FOLDERS]):
        try:
            folder = base / Path(text.strip()).expanduser()
            wrong = "" if text.strip() and text.isprintable() and not folder.is_file() else "not a directory"
        except (RuntimeError, OSError, ValueError):
            folder, wrong = base, "not a directory"
        if wrong:
            found.problem(path, text, wrong, "write a directory such as /etc/mirage-hole/lists", item=item)
        folders.append(folder)
    return tuple(folders)


def _title(path: str, title: str, found: Findings) -> str:
    title = title.strip()
    if len(title) > MAX_TITLE or not title.isprintable():
        what = f"longer than {MAX_TITLE} characters, or not printable"
        found.problem(f"{path}.title", title, what, f"write {fields_of('list')['title'].write}")
    return title


def _format(path: str, name: str, found: Findings) -> str:
    if not name:
        return ""
    from mirage_hole.lists.formats import FORMATS

    if name.lower() not in FORMATS:
        found.problem(f"{path}.format", name, "no format that is read", f"write one of {', '.join(FORMATS)}")
    return name.lower()


def _refresh(path: str, value: float | str, found: Findings) -> float:
    if value == "":
        return 0.0
    path = f"{path}.refresh_every"
    seconds = found.parsed(path, value, lambda: parse_duration(value), MIN_REFRESH)
    if not MIN_REFRESH <= seconds <= MAX_REFRESH:
        limit = (
            f"less than {format_duration(MIN_REFRESH)}"
            if seconds < MIN_REFRESH
            else f"more than {format_duration(MAX_REFRESH)}"
        )
        found.problem(path, value, limit, f"write {fields_of('list')['refresh_every'].write}")
    return seconds


def _sha256(path: str, digest: str, found: Findings) -> str:
    digest = digest.strip().lower()
    if digest and not _SHA256.fullmatch(digest):
        found.problem(f"{path}.sha256", digest, "no SHA-256", f"write {fields_of('list')['sha256'].write}")
    return digest
