"""Line numbers of the keys of a TOML text, which tomllib does not keep. Only messages need them, so only they pay for them.

The text has been read by tomllib before: this reads structure, it checks nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|\n|[\[\]{},=]|[^\s\[\]{},="\'#]+',
    re.DOTALL,
)
Piece = tuple[str, int]
"""A piece of the text, and its line."""


def lines_of(text: str) -> dict[str, int]:
    """``{"server": 1, "server.listen": 2, "server.listen[0]": 3, …}``, lines counted from 1; ``list[0].url`` for ``[[list]]``.

    An inline table counts as one value: ``server = { port = 53 }`` gives the line of ``server``.
    """
    lines: dict[str, int] = {}
    table: tuple[str, ...] = ()
    repeated: Counter[str] = Counter()
    for statement in _statements(text):
        pieces = [piece for piece, _ in statement]
        line = statement[0][1]
        if "=" not in pieces:
            table = _parts([piece for piece in pieces if piece not in "[]"])
            lines.setdefault(".".join(table), line)
            if pieces[:2] == ["[", "["] and table:
                number = repeated[".".join(table)]
                repeated[".".join(table)] += 1
                table = (*table[:-1], f"{table[-1]}[{number}]")
                lines.setdefault(".".join(table), line)
            continue
        equals = pieces.index("=")
        path = ".".join((*table, *_parts(pieces[:equals])))
        lines.setdefault(path, line)
        for number, item_line in enumerate(_items(statement[equals + 1 :])):
            lines.setdefault(f"{path}[{number}]", item_line)
    return lines


def line_of(lines: dict[str, int], path: str) -> int:
    """The line of a key, or of the nearest thing around it that has one; 1 when nothing has."""
    while path:
        if path in lines:
            return lines[path]
        path = path.rpartition("[")[0] if path.endswith("]") else path.rpartition(".")[0]
    return 1


def _statements(text: str) -> Iterator[list[Piece]]:
    """Table headers and ``key = value``, without comments; a value may go on over lines inside its brackets."""
    statement: list[Piece] = []
    depth = 0
    line = 1
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece == "\n" and depth == 0:
            if statement:
                yield statement
            statement = []
        elif piece != "\n" and not piece.startswith("#"):
            statement.append((piece, line))
            depth += (piece in "[{") - (piece in "]}")
        line += piece.count("\n")
    if statement:
        yield statement


def _items(value: list[Piece]) -> Iterator[int]:
    """The line on which each item of an array begins; nothing for other values."""
    if value and value[0][0] != "[":
        return
    depth = 0
    fresh = True
    for piece, line in value:
        if fresh and depth == 1 and piece not in "],":
            yield line
            fresh = False
        depth += (piece in "[{") - (piece in "]}")
        fresh = fresh or (depth == 1 and piece == ",")


def _parts(pieces: list[str]) -> tuple[str, ...]:
    """``server . "port"`` or ``server.port`` -> ``("server", "port")``."""
    parts: list[str] = []
    for piece in pieces:
        if piece[0] in "\"'":
            parts.append(piece[1:-1])
        else:
            parts += [part for part in piece.split(".") if part]
    return tuple(parts)
