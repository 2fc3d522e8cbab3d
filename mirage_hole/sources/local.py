"""Texts that are on this machine already: the embedded list, the operator's own files, and drafts to be judged."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.line import split_lines
from mirage_hole.lists.parse import parse
from mirage_hole.sources import failures
from mirage_hole.sources.content import BadContent
from mirage_hole.sources.failures import Failure
from mirage_hole.sources.shelf import Copy, Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirage_hole.sources.source import Source

_CHUNK: Final = 64 * 1024
_JUDGED: Final = 1024 * 1024
"""Octets in which at least one rule has to be."""


def check_rules(path: Path, source: Source) -> int:
    """Refuse a text of which nothing can be used: a message in plain text instead of a list, or a foreign format.

    Returns after how many seconds its publisher wants it downloaded again; 0 when the text does not say so before its first rule.

    Raises:
        BadContent: not one rule in the first MiB.
    """

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            for _ in range(_JUDGED // _CHUNK):
                if not (chunk := file.read(_CHUNK)):
                    return
                yield chunk

    parsed = parse(split_lines(chunks()), source.kind, source.format or None)
    if next(iter(parsed), None) is not None or parsed.rich:
        return parsed.expires
    first = f" (line {parsed.complaints[0].line}: {parsed.complaints[0].reason})" if parsed.complaints else ""
    message = f"holds no rule that can be read{first}; use the list in one of these formats: {', '.join(FORMATS)}"
    raise BadContent(message)


def embedded_copy(source: Source) -> Copy:
    """The list inside the package, used where it lies.

    Raises:
        Failure: the installation is damaged.
    """
    path = Path(source.address)
    try:
        data = path.read_bytes()
        status = path.stat()
    except OSError as problem:
        raise failures.from_file(problem, source.address) from problem
    digest = hashlib.sha256(data).hexdigest()
    note = Note(
        source.address,
        source.title,
        fetched_at=status.st_mtime,
        sha256=digest,
        size=len(data),
        mtime_ns=status.st_mtime_ns,
    )
    return Copy(source.key, path, note)


def file_chunks(path: str) -> Iterator[bytes]:
    """An ordinary file, piece by piece.

    Raises:
        Failure: it is not there, not ordinary or not readable.
    """
    try:
        # O_NONBLOCK: a pipe without a writer would wait for ever; it is refused one line below.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise failures.from_file(problem, path) from problem
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        sentence = f"{path} is no ordinary file; write the path of one"
        raise Failure(sentence)
    with os.fdopen(descriptor, "rb") as file:
        while True:
            try:
                chunk = file.read(_CHUNK)
            except OSError as problem:
                raise failures.from_file(problem, path) from problem
            if not chunk:
                return
            yield chunk
