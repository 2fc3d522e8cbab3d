"""One list of a job: the packed one when its text is known already, else read and packed. Part of the compiler process."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.line import split_lines
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action
from mirage_hole.policy.packed import BadPacked, Facts, Packed, Writer
from mirage_hole.runtime.parsed import name_of
from mirage_hole.runtime.report import telling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from mirage_hole.runtime.compile_job import ListJob
    from mirage_hole.runtime.parsed import ParsedLists

_CHUNK: Final = 1 << 16
_DIGEST_CHUNK: Final = 1 << 20


class CompileError(Exception):
    """No generation came of it; the message is one sentence for an operator."""


class TakenList(NamedTuple):
    """A list that is ready to be built in."""

    job: ListJob
    name: str
    """Of its packed file."""
    packed: Packed
    reused: bool
    """Whether it was not parsed."""
    seconds: float


def take_list(job: ListJob, parsed: ParsedLists) -> TakenList:
    """The packed list of a text.

    Raises:
        CompileError: the text can't be read, or the packed list not be written.
    """
    began = time.monotonic()
    with explained(f"can't read the list {job.source}"):
        file = job.path.open("rb")
    with file:
        with explained(f"can't read the list {job.source}"):
            known = _digest(file)
        if known is not None:
            name = name_of(known, job.kind, job.format)
            packed = parsed.open(name)
            if packed is not None and packed.facts.sha256 == known:
                return TakenList(job, name, packed, True, time.monotonic() - began)
        with explained(f"can't write to {parsed.directory}"):
            draft = parsed.draft()
        try:
            with explained(f"can't write to {parsed.directory}"):
                name = _pack(job, file, draft)
                packed = parsed.keep(draft, name)
        except BadPacked as problem:
            message = (
                f"what was written to {parsed.directory} is not what can be read there ({problem}): the disk fails"
            )
            raise CompileError(message) from problem
        finally:
            parsed.discard(draft)
    return TakenList(job, name, packed, False, time.monotonic() - began)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the system says into a :class:`CompileError`."""
    try:
        yield
    except OSError as problem:
        why = problem.strerror or str(problem)
        if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
            why = "the disk is full; free some space, the previous generation stays in use"
        message = f"{what}: {why}"
        raise CompileError(message) from problem
    except RuntimeError as problem:  # marisa's way of saying that writing failed
        message = f"{what}: {problem}; is the disk full? The previous generation stays in use"
        raise CompileError(message) from problem


def _digest(file: BufferedReader) -> str | None:
    """SHA-256 of a text, and the file at its beginning again; None of what can be read once only."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return None
    digest = hashlib.sha256()
    while chunk := file.read(_DIGEST_CHUNK):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _pack(job: ListJob, file: BufferedReader, draft: os.PathLike[str]) -> str:
    """Read a list into a packed one; return the name that it deserves."""
    digest = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        while chunk := _read(job, file):
            digest.update(chunk)
            yield chunk

    parsed = parse(split_lines(chunks()), Action[job.kind.upper()], job.format)
    with open(draft, "wb") as packed:  # noqa: PTH123 - a path
        writer = Writer(packed)
        writer.add(parsed)
        sha256 = digest.hexdigest()  # of what was parsed: the file may have changed since it was looked at
        facts = Facts(
            sha256,
            job.kind,
            parsed.format,
            parsed.title,
            parsed.lines,
            parsed.complaint_count,
            dict(parsed.reasons.most_common()),
            tuple(telling(parsed.complaints)),
        )
        writer.finish(facts, parsed.rich)
    return name_of(sha256, job.kind, job.format)


def _read(job: ListJob, file: BufferedReader) -> bytes:
    with explained(f"can't read the list {job.source}"):
        return file.read(_CHUNK)
