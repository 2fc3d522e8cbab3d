"""What goes to standard output: tables and JSON. Text out of lists is other people's, and must not move the cursor."""

from __future__ import annotations

import re
import sys
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_CELL = 200
"""Characters."""

_GAP = "  "
_RICH_GAP = 3
_NARROW = 24  # characters of a text that need not be broken
# orjson escapes the first 32 itself. A terminal may obey the others: C1 controls, and marks that turn the reading direction.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


class Column(NamedTuple):
    """A column of a table."""

    title: str
    number: bool = True
    """Numbers stand at the right, text at the left."""


def clean(text: str, limit: int = MAX_CELL) -> str:
    """At most ``limit`` characters, none of which can disturb a terminal."""
    from mirage_hole.lists.spelling import printable

    return printable(text, limit)


def duration(seconds: float) -> str:
    """``43200`` -> ``12 hours``: rounded down, in the largest unit that says enough."""
    whole = int(seconds)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if whole >= 2 * size or whole == size:
            count = whole // size
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{whole} second{'s' * (whole != 1)}"


def json_text(value: object, *, indent: bool = True) -> str:
    """JSON that a terminal can show: every character that could disturb it is escaped."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json_text(value))


def print_json_arrays(header: dict[str, object], arrays: dict[str, Iterator[dict[str, object]]]) -> None:
    """Print the header with arrays of any length as its last fields, an item at a time."""
    click.echo(json_text(header).removesuffix("\n}"), nl=False)
    for name, items in arrays.items():
        click.echo(f',\n  "{name}": [', nl=False)
        for number, item in enumerate(items):
            click.echo(f"{',' * (number > 0)}\n    {json_text(item, indent=False)}", nl=False)
        click.echo("]", nl=False)
    click.echo("\n}")


def moment(at: float) -> str:
    """Seconds since the epoch as this machine's date and time."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with lines and bold titles on a terminal, else as aligned text."""
    safe = [[clean(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, safe)
    else:
        click.echo("\n".join(aligned(columns, safe)))


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of text."""
    every = [[column.title for column in columns], *rows]
    widths = [max(_width(row[at]) for row in every) for at in range(len(columns))]
    return [_line(row, columns, widths) for row in every]


def _line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = []
    for cell, column, width in zip(row, columns, widths, strict=True):
        space = " " * (width - _width(cell))
        cells.append(space + cell if column.number else cell + space)
    return _GAP.join(cells).rstrip()


def _width(text: str) -> int:
    """Cells that a terminal needs for it."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else not unicodedata.combining(one) for one in text)


def _print_rich(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    widths = [
        max(_width(row[at]) for row in ([column.title for column in columns], *rows)) for at in range(len(columns))
    ]
    wraps = [not column.number and width > _NARROW for column, width in zip(columns, widths, strict=True)]
    least = sum(_NARROW if wrap else width for wrap, width in zip(wraps, widths, strict=True))
    if least + _RICH_GAP * len(columns) > console.width:
        for line in records(columns, rows, console.width):
            console.print(Text(line), soft_wrap=True)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column, wrap in zip(columns, wraps, strict=True):
        table.add_column(
            Text(column.title), justify="right" if column.number else "left", no_wrap=not wrap, overflow="fold"
        )
    for row in rows:
        table.add_row(*map(Text, row))  # as Text: a square bracket of a list's is no markup
    console.print(table)


def records(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A table for terminals that are too narrow for it: the first cell of a row, and below it the others by name."""
    lines = []
    for row in rows:
        lines.append(row[0])
        line = ""
        for cell, column in zip(row[1:], columns[1:], strict=True):
            if not cell:
                continue
            item = f"{_GAP}{column.title} {cell}"
            if line and len(line) + len(item) > width:
                lines.append(line)
                line = ""
            line += item
        lines += [line] if line else []
    return lines
