"""What a SOURCE means: a web address, a file, or a name from the catalogue; and what to write when it means nothing."""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from mirage_hole.lists.rule import Action
from mirage_hole.sources.catalogue import STARTER, Entry, nearest, starter_path
from mirage_hole.sources.masking import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SOURCE: Final = 2048
"""Characters. Longer addresses are cut by servers and proxies anyway."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LIST_SUFFIXES: Final = (".txt", ".hosts", ".list", ".conf", ".gz", ".csv", ".rpz", ".zone")
_HOST_AND_PATH = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?::\d+)?(/.*)?", re.IGNORECASE)
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):/", re.IGNORECASE)


class Location(Enum):
    """Where the text of a list comes from."""

    WEB = "web"
    FILE = "file"
    EMBEDDED = "embedded"


class SourceProblem(NamedTuple):
    """A SOURCE that means nothing, or not what its setting is for."""

    setting: str
    """``blocklists[2]``."""
    value: str
    problem: str
    """What is wrong, without the value."""
    instead: str
    """What to write; completes "write …"."""

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= 120 else self.value[:119] + "…"
        return f"{self.setting} = {shown!r}: {self.problem}; write {self.instead}"


class Wish(NamedTuple):
    """One list as it is asked for, with all that may be said of it."""

    text: str
    kind: Action
    setting: str
    """Where it is written, for messages: ``blocklists[2]``."""
    title: str = ""
    format: str = ""
    refresh_every: float = 0.0
    """Seconds; 0: as the list itself says."""
    sha256: str = ""
    enabled: bool = True
    """False: it is left out, wherever else it is asked for."""
    folders: tuple[str, ...] = ()
    """Folders a file has to lie in; none: anywhere, as the operator's own word allows."""
    special: bool = True
    """What is said here holds, also for the same list elsewhere."""


class Source(NamedTuple):
    """One list to use."""

    text: str
    """As the user wrote it. May hold a password or a token: show ``shown`` instead."""
    kind: Action
    location: Location
    title: str
    """For people."""
    address: str
    """The URL, normalised, or the absolute path."""
    key: str
    """Names the copy on disk: a readable part and a short hash of the address; the same for the same address."""
    format: str = ""
    """What the catalogue says; empty when the text itself has to tell."""
    named: bool = False
    """The title is the catalogue's or the user's. Otherwise it is only the address, and the text may give a better one."""
    refresh_every: float = 0.0
    """Seconds between two downloads, as the user wishes; 0: as the list itself says."""
    sha256: str = ""
    """What the text has to have; empty: any."""
    folders: tuple[str, ...] = ()
    """Folders the file has to lie in; none: anywhere."""

    @property
    def shown(self) -> str:
        """The text without a password or a token."""
        return masked(self.text)


class Sources(NamedTuple):
    """What the settings ask for, and what is wrong with them."""

    sources: tuple[Source, ...]
    """In the order of the settings, block lists first; each address once."""
    problems: tuple[SourceProblem, ...]
    """Empty, or else the settings can't be used."""
    notes: tuple[str, ...]
    """Worth a line in the log: the same list twice, a list without encryption."""


def resolve_sources(
    blocklists: Sequence[str],
    allowlists: Sequence[str],
    catalogue: dict[str, Entry],
    base: Path | None = None,
    wishes: Sequence[Wish] = (),
) -> Sources:
    """Every configured list, each address once, with all problems at once.

    Args:
        blocklists: what the user wrote, each a SOURCE.
        allowlists: likewise.
        catalogue: :func:`mirage_hole.sources.catalogue.load_catalogue`.
        base: the directory relative paths start from; the current one if None.
        wishes: further lists, with all that is said of them. What a special one says also holds for the same list among the
            others: its title, its format, its schedule, and that it is left out.
    """
    written = [
        Wish(text, Action.BLOCK, f"blocklists[{number}]", special=False) for number, text in enumerate(blocklists)
    ]
    written += [wish for wish in wishes if wish.kind is Action.BLOCK]
    written += [
        Wish(text, Action.ALLOW, f"allowlists[{number}]", special=False) for number, text in enumerate(allowlists)
    ]
    written += [wish for wish in wishes if wish.kind is Action.ALLOW]
    first: dict[str, tuple[str, Source]] = {}
    left_out: set[str] = set()
    problems: list[SourceProblem] = []
    notes: list[str] = []
    for wish in written:
        setting, kind = wish.setting, wish.kind
        source = parse_source(wish.text, kind, catalogue, setting=setting, base=base)
        if isinstance(source, SourceProblem):
            problems.append(source)
            continue
        source = _as_wished(source, wish)
        earlier = first.get(source.address)
        if not wish.enabled:
            left_out.add(source.address)
        elif earlier is None:
            first[source.address] = (setting, source)
            if source.address.startswith("http:"):
                notes.append(
                    f"{setting} = {source.shown!r} comes without encryption: whoever is on the way can change it"
                )
        elif earlier[1].kind is kind and wish.special:
            first[source.address] = (setting, source)  # in the place of the other, which says less
        elif earlier[1].kind is kind:
            notes.append(
                f"{setting} = {source.shown!r} is the same list as {earlier[0]} = {earlier[1].shown!r}; it is used once"
            )
        else:
            problem = f"the same list is in {earlier[0]}, and what is allowed can't be blocked"
            problems.append(SourceProblem(setting, source.shown, problem, "it in one of the two settings only"))
    sources = tuple(source for _, source in first.values() if source.address not in left_out)
    return Sources(sources, tuple(problems), tuple(notes))


def _as_wished(source: Source, wish: Wish) -> Source:
    return source._replace(
        title=wish.title or source.title,
        named=source.named or bool(wish.title),
        format=wish.format or source.format,
        refresh_every=wish.refresh_every,
        sha256=wish.sha256,
        folders=wish.folders,
    )


def parse_source(
    text: str, kind: Action, catalogue: dict[str, Entry], *, setting: str = "blocklists", base: Path | None = None
) -> Source | SourceProblem:
    """What one SOURCE means.

    A file need not exist yet, except where only its existence tells it from a misspelt catalogue name.
    """
    text = text.strip()
    meaning = _meaning(text, kind, catalogue, base or Path.cwd())
    return SourceProblem(setting, masked(text), *meaning) if isinstance(meaning, _Wrong) else meaning


class _Wrong(NamedTuple):
    problem: str
    instead: str


def _meaning(text: str, kind: Action, catalogue: dict[str, Entry], base: Path) -> Source | _Wrong:
    if not text:
        return _Wrong("is empty", "a web address, a path, or a catalogue name such as oisd-small")
    if len(text) > MAX_SOURCE or not text.isprintable():
        problem = f"is longer than {MAX_SOURCE} characters or holds control characters"
        return _Wrong(problem, "one address, path or name")
    if text.lower() == STARTER:
        if kind is Action.ALLOW:
            return _Wrong("is a block list", f"it under blocklists (--blocklist {STARTER})")
        return Source(
            text, kind, Location.EMBEDDED, "Mirage Hole starter list", str(starter_path()), STARTER, "adblock", True
        )
    entry = catalogue.get(text.lower())
    if entry is not None:
        return _from_catalogue(text, entry, kind)
    scheme = _SCHEME.match(text)
    if scheme is not None:
        return _from_address(text, scheme[1].lower(), kind)
    return _from_words(text, kind, catalogue, base)


def _from_catalogue(text: str, entry: Entry, kind: Action) -> Source | _Wrong:
    if entry.kind is not kind:
        made_for = "an allow list" if entry.kind is Action.ALLOW else "a block list"
        plural = "allowlists" if entry.kind is Action.ALLOW else "blocklists"
        return _Wrong(f"is {made_for}", f"it under {plural} (--{plural.removesuffix('s')} {entry.key})")
    return Source(text, kind, Location.WEB, entry.title, entry.url, _key(entry.key, entry.url), entry.format, True)


def _from_address(text: str, scheme: str, kind: Action) -> Source | _Wrong:
    if scheme == "file":
        rest = text[len("file:") :].removeprefix("//").removeprefix("localhost")
        if not rest.startswith("/"):
            return _Wrong("names no absolute path", f"file:///{rest} or the path alone")
        if not (path := unquote(rest)).isprintable():
            return _Wrong("holds control characters", "the path alone")
        return _from_path(text, Path(path), kind)
    if scheme not in _DEFAULT_PORTS:
        return _Wrong(f"{scheme}:// is not supported", "an address that starts with https:// or http://, or a path")
    if " " in text:
        return _Wrong("holds a space", masked(text.replace(" ", "%20")))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        return _Wrong(f"is no web address: {problem}", "an address like https://example.com/list.txt")
    if not host:
        return _Wrong("names no host", "an address like https://example.com/list.txt")
    where = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        where += f":{port}"
    login = parts.netloc.rpartition("@")[0]
    netloc = f"{login}@{where}" if login else where
    path = parts.path or "/"
    address = urlunsplit((scheme, netloc, path, parts.query, ""))
    title = where + (path if path != "/" else "")
    return Source(text, kind, Location.WEB, title, address, _key(title, address))


def _from_words(text: str, kind: Action, catalogue: dict[str, Entry], base: Path) -> Source | _Wrong:
    """A path, or a name that is misspelt."""
    try:
        path = base / Path(text).expanduser()
        exists = path.exists()
    except (RuntimeError, OSError) as problem:
        return _Wrong(f"is no path: {problem}", "an absolute path")
    if exists:
        return _from_path(text, path, kind)
    like_address = _HOST_AND_PATH.fullmatch(text)
    if like_address is not None and like_address[1]:
        return _Wrong("is no file, and a web address starts with https://", f"https://{text}")
    if "/" in text or text.startswith("~") or text.lower().endswith(_LIST_SUFFIXES):
        return _from_path(text, path, kind)
    near = nearest(text, catalogue)
    if near:
        return _Wrong("is neither in the catalogue nor a file", " or ".join(near))
    if like_address is not None:
        return _Wrong("is a host, not a list", f"the whole address of the list, such as https://{text}/list.txt")
    return _Wrong("is neither in the catalogue nor a file", "an address (https://…), a path (./my-list.txt) or starter")


def _from_path(text: str, path: Path, kind: Action) -> Source | _Wrong:
    address = str(path.absolute())
    if path.is_dir():
        return _Wrong("is a directory", "the path of one file in it")
    return Source(text, kind, Location.FILE, path.name or address, address, _key(path.name, address))


def _key(readable: str, address: str) -> str:
    slug = _NOT_SLUG.sub("-", readable.lower()).strip("-")[:40].strip("-")
    digest = hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()[:10]
    return f"{slug or 'list'}-{digest}"
