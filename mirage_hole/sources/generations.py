"""From the texts at hand to a generation: whether one is needed, whether the texts are sound, and what became of it.

Whatever fails, the generation that serves goes on serving.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from mirage_hole.sources.failures import reason
from mirage_hole.sources.pauses import back_off
from mirage_hole.sources.progress import Progress, Stage
from mirage_hole.sources.status import ReadyList

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from mirage_hole.sources.shelf import Shelf
    from mirage_hole.sources.status import Compiled, Entry

_Text = tuple[str, str, str, str]
"""Source, kind, SHA-256, format and title that were asked for."""
_Texts = list[_Text]


def _text(one: ReadyList) -> _Text:
    return one.shown, one.kind, one.copy.note.sha256, one.asked


class Generations:
    """Makes a generation when the texts are others than those that serve."""

    def __init__(
        self,
        shelf: Shelf,
        compile_lists: Callable[[Sequence[ReadyList]], Awaitable[Compiled]],
        on_generation: Callable[[Path], object],
        *,
        standing: Mapping[str, Any] | None,
        longest_pause: float,
        clock: Callable[[], float],
        dice: Callable[[], float],
        say: Callable[[int, str], object],
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        """See :class:`mirage_hole.sources.refresh.Refresher`; ``longest_pause``: seconds between two tries."""
        self._shelf = shelf
        self._compile_lists = compile_lists
        self._on_generation = on_generation
        self._longest_pause = longest_pause
        self._clock = clock
        self._dice = dice
        self._say = say
        self._on_progress = on_progress
        self.again_at = 0.0
        """When to look again, though nothing may have arrived."""
        self.error = ""
        """Why the last compilation failed; empty when it did not."""
        self._failures = 0
        self._refused: _Texts | None = None
        """What the last compilation failed on."""
        self._lost_before = ""
        self._standing: _Texts | None = None
        """What the generation that serves is made of."""
        self._reports: dict[tuple[str, str], tuple[str, str, int, int]] = {}
        if standing is not None:
            self._learn(standing)

    def report(self, entry: Entry) -> None:
        """Note at a list what the newest generation says of it."""
        entry.title, entry.format, entry.rules, entry.complaints = self._reports.get(entry.identity, ("", "", 0, 0))

    async def make(self, entries: Sequence[Entry], on_its_way: set[str]) -> bool:
        """Make a generation if one is needed.

        Args:
            entries: every configured list.
            on_its_way: keys of those whose files a download may be about to replace.

        Returns:
            False when a copy turned out to be damaged: it is due now.
        """
        ready = [ReadyList(entry.source, entry.copy) for entry in entries if entry.copy is not None]
        wanted = [_text(one) for one in ready]
        if wanted == self._refused and self._clock() < self.again_at:
            return True
        self.again_at = float("inf")
        if wanted == self._standing or (not ready and self._is_none_better(entries)) or self._is_one_lost(entries):
            return True
        still = [entry for entry in entries if entry.source.key not in on_its_way]
        if await asyncio.to_thread(self._forget_damaged, still):
            return False
        result = await self._compile(ready)
        if not result.ok or result.path is None:
            self._failed(wanted, result.error or "the compiler gave no generation")
            return True
        self._failures, self._refused, self.error = 0, None, ""
        self._standing = wanted
        for one in result.lists:
            self._reports[one.source, one.kind] = (one.title, one.format, one.rules, one.complaints)
        for entry in entries:
            if entry.identity in self._reports:
                self.report(entry)
        self._on_generation(result.path)
        return True

    def serves(self, chosen: Sequence[Entry], entries: Sequence[Entry]) -> bool:
        """Whether these lists serve as they are now, and none but ``entries``; or else could not be compiled."""
        texts = [_text(ReadyList(one.source, one.copy)) for one in chosen if one.copy is not None]
        if self._refused is not None:
            return all(text in self._refused for text in texts)
        standing = self._standing or ()
        known = {entry.identity for entry in entries}
        return all(text in standing for text in texts) and all((one[0], one[1]) in known for one in standing)

    async def _compile(self, ready: Sequence[ReadyList]) -> Compiled:
        self._tell(Stage.COMPILING)
        error = "it was stopped"
        try:
            result = await self._compile_lists(ready)
            error = result.error
        finally:
            self._tell(Stage.COMPILED, error)
        return result

    def _failed(self, wanted: _Texts, error: str) -> None:
        wait = back_off(self._failures, self._longest_pause, self._dice())
        self._failures += 1
        self._refused = wanted
        self.again_at = self._clock() + wait
        # The same words at every try would bury the rest of the log.
        level = logging.ERROR if error != self.error else logging.DEBUG
        self.error = error
        self._say(level, f"{error}; the lists serve as they were, next try in {wait:.0f} s")

    def _tell(self, stage: Stage, error: str = "") -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(stage, error=error))

    def _is_none_better(self, entries: Sequence[Entry]) -> bool:
        """Whether to leave what serves as it is, though there is no text at all: the first may be about to come."""
        if any(entry.last_try is None for entry in entries):
            return True
        known = {entry.identity for entry in entries}
        return bool(entries) and all((one[0], one[1]) in known for one in self._standing or ())

    def _is_one_lost(self, entries: Sequence[Entry]) -> bool:
        """Whether a list serves although its text is gone: a generation without it would lose its rules."""
        serving = {(source, kind) for source, kind, _, _ in self._standing or ()}
        lost = next((one.identity[0] for one in entries if one.copy is None and one.identity in serving), "")
        if lost and lost != self._lost_before:
            waits = "its text is lost, its rules still serve; no new generation until it is back"
            self._say(logging.WARNING, f"{lost}: {waits}")
        self._lost_before = lost
        return bool(lost)

    def _forget_damaged(self, entries: Sequence[Entry]) -> bool:
        """Read the copies once more before they are used; what is not as it was is fetched again. True: there was one."""
        found = False
        for entry in entries:
            if entry.copy is None or ReadyList(entry.source, entry.copy).embedded:
                continue
            try:
                self._shelf.verify(entry.copy)
            except OSError as problem:
                found = True
                entry.copy, entry.next_try = None, self._clock()
                entry.error = f"{entry.identity[0]}: {reason(problem)}"
                self._say(logging.WARNING, entry.error)
        return found

    def _learn(self, manifest: Mapping[str, Any]) -> None:
        """What a generation says of its lists; a manifest that makes no sense counts as none."""
        try:
            lists = [dict(one) for one in manifest["lists"]]
            self._standing = [
                (str(one["source"]), str(one["kind"]), str(one["sha256"]), str(one.get("asked", ""))) for one in lists
            ]
            for one in lists:
                report = (str(one["title"]), str(one["format"]), int(one["rules"]), int(one["complaints"]))
                self._reports[str(one["source"]), str(one["kind"])] = report
        except (KeyError, TypeError, ValueError):
            self._standing = None
