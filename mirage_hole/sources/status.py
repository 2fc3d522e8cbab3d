"""What is known of each configured list, and what the schedule expects of the downloader and the compiler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mirage_hole.sources.guard import loss
from mirage_hole.sources.source import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mirage_hole.sources.download import FetchOutcome
    from mirage_hole.sources.shelf import Copy
    from mirage_hole.sources.source import Source


class ReadyList(NamedTuple):
    """A list whose text is there; the properties are what a compiler wants to know."""

    source: Source
    copy: Copy

    @property
    def path(self) -> Path:
        return self.copy.path

    @property
    def title(self) -> str:
        """Empty when the text's own title is to be used."""
        return self.source.title if self.source.named else ""

    @property
    def shown(self) -> str:
        """As it was configured, without password or token. Report and manifest have to name the list so."""
        return self.source.shown

    @property
    def kind(self) -> str:
        """``block`` or ``allow``."""
        return self.source.kind.name.lower()

    @property
    def format(self) -> str | None:
        """None when the text has to tell."""
        return self.source.format or None

    @property
    def embedded(self) -> bool:
        """The text is part of the program."""
        return self.source.location is Location.EMBEDDED

    @property
    def asked(self) -> str:
        """Format and title together, as the manifest has them: the settings may ask for others than those that serve."""
        return f"{self.format or ''}|{self.title}".strip("|")


class CompiledList(Protocol):
    """What the compiler reports of one list."""

    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def rules(self) -> int: ...
    @property
    def complaints(self) -> int: ...


class Compiled(Protocol):
    """What the compiler reports."""

    @property
    def ok(self) -> bool: ...
    @property
    def error(self) -> str:
        """One sentence, empty when ``ok``."""

    @property
    def path(self) -> Path | None:
        """The new generation's directory."""

    @property
    def lists(self) -> Sequence[CompiledList]: ...


class Fetcher(Protocol):
    """:class:`mirage_hole.sources.download.Downloader`, or what a test puts in its place."""

    async def fetch_all(
        self, sources: Sequence[Source], on_outcome: Callable[[FetchOutcome], object] | None = None
    ) -> list[FetchOutcome]: ...


class ListStatus(NamedTuple):
    """One configured list, for people. Times are seconds since the epoch; None: never, or none to come."""

    key: str
    title: str
    source: str
    """As it was configured, without password or token."""
    kind: str
    """``block`` or ``allow``."""
    state: str
    """``live``: the last try was good; ``held``: it was, but the new text lost too many rules, so an older copy serves until the
    new one is confirmed; ``old``: it was not, and an older copy serves; ``missing``: it was not, and there is no
    copy; ``loading``: there is no copy yet, and the first try is to come."""
    format: str
    """Empty until it was compiled."""
    rules: int
    complaints: int
    """Lines, or parts of them, that are no rule."""
    bytes: int
    """Octets of text."""
    last_success: float | None
    last_try: float | None
    next_try: float | None
    error: str
    """Why the last try failed, one sentence with what to do; empty when it did not."""
    held: str = ""
    """Why a newer text is not used, and what to do; empty when there is none."""
    refresh_every: float = 0.0
    """Seconds between two downloads, as the settings or the list itself wish; 0: never downloaded."""
    doing: str = ""
    """What is going on with it now: ``started``, ``receiving``, ``compiling``; empty: nothing."""
    received: int = 0
    """Octets of what is on its way, packed as it comes."""
    total: int | None = None
    """How many there will be; None when the server does not say."""
    last_change: float | None = None
    """When the text that serves was first seen."""


@dataclass(slots=True, eq=False)
class Entry:
    """What is known of a source while the program runs."""

    source: Source
    copy: Copy | None = None
    held: Copy | None = None
    """A newer text that has lost too many rules."""
    last_success: float | None = None
    last_try: float | None = None
    next_try: float | None = 0.0
    failures: int = 0
    """In a row."""
    network: bool = False
    """The last of them was on the way to the server."""
    began: float = 0.0
    """When the last try began."""
    holds: float = 0.0
    """Seconds between two downloads."""
    error: str = ""
    title: str = ""
    format: str = ""
    rules: int = 0
    complaints: int = 0

    def status(self) -> ListStatus:
        """For people."""
        return ListStatus(
            key=self.source.key,
            title=self.title or self.source.title,
            source=self.identity[0],
            kind=self.identity[1],
            state=self.state,
            format=self.format,
            rules=self.rules,
            complaints=self.complaints,
            bytes=self.copy.note.size if self.copy else 0,
            last_success=self.last_success,
            last_try=self.last_try,
            next_try=self.next_try or None,
            error=self.error,
            last_change=(self.copy.note.changed_at or None) if self.copy else None,
            held=self.why_held,
            refresh_every=self.holds,
        )

    @property
    def why_held(self) -> str:
        """Why a newer text is not used, and what to do; empty when there is none."""
        if self.held is None or self.copy is None:
            return ""
        lost = loss(self.copy.note, self.held.note) or "it was held back by stricter settings"
        advice = f"if the new one is right: mirage-hole lists confirm {self.identity[0]}"
        return f"{lost}; its last good version serves; {advice}"

    @property
    def identity(self) -> tuple[str, str]:
        """How manifests and compiler reports name it."""
        return self.source.shown, self.source.kind.name.lower()

    @property
    def state(self) -> str:
        if self.copy is not None:
            return "old" if self.error else "held" if self.held is not None else "live"
        return "missing" if self.error else "loading"
