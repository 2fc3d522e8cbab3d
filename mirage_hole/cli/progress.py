"""A progress bar for downloads, on a terminal; nothing where standard error is none."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mirage_hole.cli.terminal import clean
from mirage_hole.sources.content import mebibytes
from mirage_hole.sources.progress import FINAL, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import TaskID

    from mirage_hole.sources.progress import Progress

MAX_BARS: Final = 8
"""Lists with a bar of their own at the same time."""
_TITLE: Final = 40  # characters


@contextmanager
def progress_bar(lists: int, console: Console | None = None) -> Iterator[Callable[[Progress], object]]:
    """Show the events that the given function is called with, until the block ends; then the bars are gone.

    Args:
        lists: how many will be fetched.
        console: where to; standard error if None, and nothing when that is no terminal.
    """
    if console is None:
        if not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console

        console = Console(stderr=True)
    bars = Bars(lists, console)
    with bars.shown:
        yield bars.take


class Bars:
    """One bar for all lists, and one for each of those that are received."""

    def __init__(self, lists: int, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self.shown = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}", markup=False),
            console=console,
            transient=True,
        )
        self._lists = lists
        self._done = 0
        self._bars: dict[str, TaskID] = {}
        self._all = self.shown.add_task("lists", total=lists, count=f"0/{lists}", visible=lists > 1)

    def take(self, event: Progress) -> None:
        """Show an event."""
        if event.stage in {Stage.COMPILING, Stage.COMPILED}:
            what = "compiling" if event.stage is Stage.COMPILING else "lists"
            self.shown.update(self._all, description=what, visible=True)
        elif event.stage is Stage.RECEIVING:
            self._receive(event)
        elif event.stage in FINAL:
            self._done += 1
            if (bar := self._bars.pop(event.key, None)) is not None:
                self.shown.remove_task(bar)
            self.shown.update(self._all, completed=self._done, count=f"{self._done}/{self._lists}")

    def _receive(self, event: Progress) -> None:
        bar = self._bars.get(event.key)
        if bar is None:
            if len(self._bars) >= MAX_BARS:
                return
            bar = self._bars[event.key] = self.shown.add_task(clean(event.title, _TITLE), total=event.total, count="")
        count = mebibytes(event.received) + (f" of {mebibytes(event.total)}" if event.total else "")
        self.shown.update(bar, completed=event.received, total=event.total, count=count)
