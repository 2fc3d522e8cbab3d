"""Texts that are on this machine already: the embedded list, the operator's own files, and drafts to be judged."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.line import split_lines
from mirage_hole.lists.parse import parse
from mirage_hole.sources import failures
from mirage_hole.sources.content import MAX_BYTES, BadContent, mebibytes
from mirage_hole.sources.failures import Failure
from mirage_hole.sources.shelf import Copy, Note
from mirage_hole.sources.source import SourceProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mirage_hole.lists.parse import ParsedList
    from mirage_hole.sources.source import Source

_CHUNK: Final = 64 * 1024
_SAMPLE: Final = 256 * 1024
"""Octets that are read to know how many rules a line has."""
_LINE: Final = re.compile(rb"\n[ \t]*[^\s#!;]")
"""The beginning of a line that is neither blank nor a comment."""
_LINE_HEAD: Final = 1024
_JUDGED: Final = 1024 * 1024
"""Octets in which at least one rule has to be."""


class Judgement(NamedTuple):
    """What a text looks like before it is compiled."""

    expires: int
    """After how many seconds its publisher wants it downloaded again; 0 when its head does not say so."""
    rules: int
    """About how many rules it has: those of its first part, and for the rest as many a line as there."""


def judge(path: Path, source: Source) -> Judgement:
    """Refuse a text of which nothing can be used: a message in plain text instead of a list, or a foreign format.

    Raises:
        BadContent: not one rule in the first MiB.
    """
    count = _LineCount()
    seen = 0
    parsed: ParsedList | None = None

    def sample() -> Iterator[bytes]:
        for number, chunk in enumerate(chunks):
            count.feed(chunk)
            yield chunk
            if (number + 1) * _CHUNK >= (_SAMPLE if seen or (parsed and parsed.rich) else _JUDGED):
                return

    with path.open("rb") as file:
        chunks = iter(lambda: file.read(_CHUNK), b"")
        parsed = parse(split_lines(sample()), source.kind, source.format or None)
        for _ in parsed:
            seen += 1
        sampled = count.lines
        for chunk in chunks:
            count.feed(chunk)
    rules = seen + len(parsed.rich)
    if rules:
        return Judgement(parsed.expires, max(1, round(rules * count.lines / max(1, sampled))))
    first = f" (line {parsed.complaints[0].line}: {parsed.complaints[0].reason})" if parsed.complaints else ""
    message = f"holds no rule that can be read{first}; use the list in one of these formats: {', '.join(FORMATS)}"
    raise BadContent(message)


class _LineCount:
    """Counts the lines that are neither blank nor comments."""

    def __init__(self) -> None:
        self.lines = 0
        self._rest = b"\n"

    def feed(self, chunk: bytes) -> None:
        text = self._rest + chunk
        end = text.rfind(b"\n")
        self.lines += len(_LINE.findall(text, 0, end))
        # Only the beginning of the last line is kept, whatever its length.
        if _LINE.match(text, end):
            self.lines += 1
            self._rest = b"x"
        else:
            self._rest = text[end : end + _LINE_HEAD] if end >= 0 else b"x"


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
    )
    return Copy(source.key, path, note)


def allowed(path: str, folders: Sequence[str | Path], max_bytes: int = MAX_BYTES) -> SourceProblem | None:
    """What speaks against making a list of a file that was named while the server runs; None when nothing does.

    Links are followed first, so none leads out of the folders. Reading checks it again: what is right now may be a link then.

    Args:
        path: absolute.
        folders: where it may lie, at any depth.
        max_bytes: octets.
    """
    inside = [str(folder) for folder in folders]
    if not Path(path).is_absolute():
        return SourceProblem("SOURCE", path, "is no absolute path", "one that starts with /")
    try:
        descriptor = _opened(path, inside)
    except Failure as failure:
        problem, _, instead = str(failure).partition("; write ")
        return SourceProblem("SOURCE", path, problem, instead or "the path of a text file that can be read")
    size = os.fstat(descriptor).st_size
    os.close(descriptor)
    if size > max_bytes:
        problem = f"is larger than {mebibytes(max_bytes)}, which is no list in public use"
        return SourceProblem("SOURCE", path, problem, "the path of a smaller list")
    return None


def _opened(path: str, folders: Sequence[str]) -> int:
    """A descriptor of an ordinary file that lies in one of the folders, if any are given.

    Raises:
        Failure: it is not there, not ordinary, not readable, or elsewhere.
    """
    real = _inside(path, folders) if folders else path
    # A link put in the place of the file meanwhile is not followed.
    link = os.O_NOFOLLOW if folders else 0
    try:
        # O_NONBLOCK: a pipe without a writer would wait for ever; it is refused one line below.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | link)
    except OSError as problem:
        raise failures.from_file(problem, path) from problem
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            sentence = f"{path} is no ordinary file; write the path of one"
            raise Failure(sentence)
        if folders and not os.path.samestat(status, os.stat(_inside(path, folders))):  # noqa: PTH116 - a str
            sentence = f"{path} is being exchanged; write the path of a file that stays"
            raise Failure(sentence)
    except OSError as problem:
        os.close(descriptor)
        raise failures.from_file(problem, path) from problem
    except Failure:
        os.close(descriptor)
        raise
    return descriptor


def _inside(path: str, folders: Sequence[str]) -> str:
    """Where the path leads, links followed.

    Raises:
        Failure: out of the folders.
    """
    real = os.path.realpath(path) if "\0" not in path else ""
    for folder in folders:
        root = os.path.realpath(folder).rstrip("/") + "/"
        if real.startswith(root):
            return real
    sentence = f"{path} is not in a folder for lists; write the path of a file in {' or '.join(folders)}, or see lists.file_folders"
    raise Failure(sentence)


def file_chunks(path: str, folders: Sequence[str] = ()) -> Iterator[bytes]:
    """An ordinary file, piece by piece.

    Args:
        path: of the file.
        folders: where it has to lie; none: anywhere.

    Raises:
        Failure: it is not there, not ordinary, not readable, or elsewhere.
    """
    descriptor = _opened(path, folders)
    with os.fdopen(descriptor, "rb") as file:
        while True:
            try:
                chunk = file.read(_CHUNK)
            except OSError as problem:
                raise failures.from_file(problem, path) from problem
            if not chunk:
                return
            yield chunk
