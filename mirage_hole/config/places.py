"""The settings that are places and persons: list sources, the state directory, the user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirage_hole.config.host import Host
    from mirage_hole.config.settle import Findings

MAX_SOURCES = 200
MAX_SOURCE = 2048  # characters
LIST_SUFFIXES = (".txt", ".hosts", ".list", ".conf", ".gz", ".csv", ".rpz", ".zone")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_URL = re.compile(r"https?://[^\s/?#]+\S*|file:/\S+", re.IGNORECASE)
_CATALOGUE_NAME = re.compile(r"[A-Za-z0-9_-]+")


def settle_sources(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    """List sources, each once: URLs and catalogue names as they are, files as absolute paths.

    A file is relative to the configuration file that names it; in a flag or a variable, to the current directory. A word
    of letters, digits, - and _ is a catalogue name: a file of such a name is written ``./name``. Whether the catalogue has
    it is for :mod:`mirage_hole.sources` to say.
    """
    base = folder_of(found, path)
    sources: dict[str, None] = {}
    for item, text in enumerate(written):
        source = settle_source(path, text, base, found, item=item)
        if source is not None:
            sources[source] = None
    if len(written) > MAX_SOURCES:
        found.problem(path, None, f"{len(written)} lists are too many", f"write at most {MAX_SOURCES}")
    found.loaded.sources[path] = tuple(sources)
    return tuple(sources)


def settle_source(path: str, text: str, base: Path, found: Findings, *, item: int | None = None) -> str | None:
    """One source, as :func:`settle_sources` says; None when it is nothing that could be one."""
    source = text.strip()
    if not source or len(source) > MAX_SOURCE or not source.isprintable():
        what = "empty" if not source else "too long" if len(source) > MAX_SOURCE else "not printable"
        found.problem(path, text, what, "write a URL, a file, or a name from the catalogue", item=item)
        return None
    if not _SCHEME.match(source):
        return _absolute(source, base)
    if not _URL.fullmatch(source):
        what, instead = "not a URL that can be downloaded", "write https://… or http://…, without spaces"
        found.problem(path, text, what, instead, item=item)
    return source


def folder_of(found: Findings, path: str) -> Path:
    """Where the relative paths of a setting start: the configuration file's folder, else the current directory. What is stored
    must mean the same wherever the server is started from, so it has no relative paths."""
    place = found.loaded.places.get(path)
    file = found.loaded.file
    if place is not None and place.kind == "stored":
        return Path("/")
    return file.absolute().parent if file and place and place.kind == "file" else Path.cwd()


def _absolute(source: str, base: Path) -> str:
    """The absolute path, if it is a path; what may be a misspelt name or a URL without https:// stays as it is."""
    if _CATALOGUE_NAME.fullmatch(source):
        return source
    path = base / _expanded(source)
    first, slash, _ = source.partition("/")
    if first in {"", ".", ".."} or first.startswith("~"):
        is_path = True
    elif slash:
        is_path = "." not in first  # else it may be a host
    else:
        is_path = source.lower().endswith(LIST_SUFFIXES)
    try:
        return str(path) if is_path or path.exists() else source
    except OSError:
        return source


def settle_state(written: str, environ: Mapping[str, str], found: Findings, host: Host) -> Path:
    """Where compiled lists live. The default follows systemd (one directory a unit), XDG, and the custom for root."""
    path = "server.state_directory"
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    home = environ.get("XDG_STATE_HOME", "")
    if written:
        directory = Path.cwd() / _expanded(written)
    elif state.startswith("/"):
        directory = Path(state)
        found.derived(path, "$STATE_DIRECTORY")
    elif home.startswith("/"):
        directory = Path(home) / "mirage-hole"
        found.derived(path, "$XDG_STATE_HOME")
    else:
        directory = Path("/var/lib/mirage-hole") if host.is_root else host.home / ".local/state/mirage-hole"
    try:
        usable = directory.is_dir() or not directory.exists()
    except OSError:
        usable = True  # not ours to see now; opening it will tell
    if not usable:
        found.problem(path, str(directory), "a file, not a directory", "write a directory such as /var/lib/mirage-hole")
    return directory


def settle_user(written: str, found: Findings, host: Host) -> str | None:
    """Whom to become, by name or number; None: choose (see ``runtime/privileges.py``). ``root`` means to stay."""
    user = written.strip()
    if not user:
        return None
    if not host.user_exists(user):
        what, instead = "no such user on this machine", f"write an existing one, or create it: useradd --system {user}"
        found.problem("server.user", user, what, instead)
    elif not host.is_root and user != host.user_name:
        found.warning("server.user", user, "has no effect: only root can become another user", "start as root")
        return None
    return user


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~nobody-of-that-name
        return Path(path)
