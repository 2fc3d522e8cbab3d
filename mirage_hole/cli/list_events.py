"""Shows what a server tells while it updates lists: bars on a terminal, else a line for each list that is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mirage_hole.cli.progress import progress_bar
from mirage_hole.cli.terminal import clean
from mirage_hole.sources.progress import FINAL, Progress, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

_STAGES = {stage.value: stage for stage in Stage}


class Outcome(NamedTuple):
    """How an update ended."""

    lists: list[dict[str, Any]]
    """How they are now; see :class:`mirage_hole.sources.status.ListStatus`."""
    ends: dict[str, str]
    """Key of a list to ``updated``, ``unchanged``, ``held`` or ``failed``."""
    error: str
    """Why the lists could not be compiled, or why the end was not waited for; else empty."""

    @property
    def ok(self) -> bool:
        """Everything that came is used."""
        return not self.error and not {"failed", "held"} & set(self.ends.values())


def follow(events: Iterable[dict[str, Any]], lists: int, *, quiet: bool) -> Outcome:
    """Show the events until the last one.

    Args:
        events: from the control socket.
        lists: how many will be fetched.
        quiet: print no line.
    """
    ends: dict[str, str] = {}
    lines: list[str] = []
    last: dict[str, Any] = {}
    bars = sys.stderr.isatty()
    with progress_bar(lists) as show:
        for said in events:
            stage = _STAGES.get(said["event"])
            if stage is None:
                last = said if said["event"] == "done" else last
                continue
            event = Progress(stage, said["key"], said["title"], said["received"], said["total"], said["error"])
            show(event)
            if stage in FINAL:
                ends[event.key] = stage.value
                line = f"{clean(event.title)}: {stage.value}" + (f": {clean(event.error, 1000)}" if event.error else "")
                lines.append(line)
                if not bars and not quiet:
                    click.echo(line)
    if bars and not quiet:
        for line in lines:
            click.echo(line)
    error = last.get("error", "the server broke off; what was asked may still happen")
    if last and not last["in_time"]:
        error = error or "the server has not come to an end in time; it goes on"
    elif last and not last.get("served", True):
        error = error or "compiled; the workers take longer than usual to answer by it"
    return Outcome(last.get("lists", []), ends, error)
