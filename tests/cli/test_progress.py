"""The progress bar: only where a terminal is, and never more than it can show."""

from __future__ import annotations

import io
import sys

from rich.console import Console

from mirage_hole.cli.progress import MAX_BARS, Bars, progress_bar
from mirage_hole.sources.progress import Progress, Stage


def a_console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None, legacy_windows=False)


def shown(bars: Bars, console: Console) -> str:
    with console.capture() as captured:
        console.print(bars.shown.get_renderable())
    return captured.get()


def test_nothing_is_written_where_no_terminal_is(monkeypatch):
    quiet = io.StringIO()
    monkeypatch.setattr(sys, "stderr", quiet)
    with progress_bar(1) as take:
        take(Progress(Stage.RECEIVING, "a", "A", 10, 20))
    assert quiet.getvalue() == ""


def test_a_terminal_shows_what_comes_and_is_left_clean():
    console = a_console()
    with progress_bar(2, console) as take:
        take(Progress(Stage.RECEIVING, "a", "My list", 2 * 2**20, 4 * 2**20))
    written = console.file.getvalue()
    assert "My list" in written
    assert "2 MiB of 4 MiB" in written


def test_each_list_has_a_bar_until_it_is_there():
    console = a_console()
    bars = Bars(3, console)
    bars.take(Progress(Stage.STARTED, "a", "First"))
    bars.take(Progress(Stage.RECEIVING, "a", "First", 2**20, None))
    bars.take(Progress(Stage.RECEIVING, "b", "Second", 1, 2))
    text = shown(bars, console)
    assert "First" in text
    assert "1 MiB" in text
    assert "0/3" in text
    bars.take(Progress(Stage.UPDATED, "a", "First", 5, 5))
    bars.take(Progress(Stage.FAILED, "c", "Third", error="no"))
    text = shown(bars, console)
    assert "First" not in text
    assert "Second" in text
    assert "2/3" in text


def test_compiling_is_shown_even_for_one_list():
    console = a_console()
    bars = Bars(1, console)
    assert "lists" not in shown(bars, console)
    bars.take(Progress(Stage.COMPILING))
    assert "compiling" in shown(bars, console)
    bars.take(Progress(Stage.COMPILED))
    assert "compiling" not in shown(bars, console)


def test_a_hundred_lists_at_once_have_a_few_bars():
    console = a_console()
    bars = Bars(100, console)
    for number in range(100):
        bars.take(Progress(Stage.RECEIVING, f"key-{number}", f"Title {number}", 1, 2))
    assert shown(bars, console).count("Title") == MAX_BARS


def test_a_title_can_not_disturb_the_terminal():
    console = a_console()
    bars = Bars(1, console)
    bars.take(Progress(Stage.RECEIVING, "a", "[red]\x1b[2J\u202eabc" + "x" * 500, 1, 2))
    text = shown(bars, console)
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "[red]" in text
