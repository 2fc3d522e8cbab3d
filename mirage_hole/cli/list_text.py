"""The text of a list that is not in use: from a file or the web, checked as the server would check it."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mirage_hole.cli.progress import progress_bar
from mirage_hole.sources.content import BadContent, Inspector
from mirage_hole.sources.local import file_chunks
from mirage_hole.sources.source import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mirage_hole.sources.source import Source


class CantRead(Exception):  # noqa: N818 - reads as what it is at the raise
    """The text of the list could not be had; the message says why and what to do."""


@contextmanager
def text_of(source: Source, timeout: float) -> Iterator[Callable[[], Iterator[bytes]]]:
    """Fetch a list; what is given starts reading its octets, packed or not, as often as it is called.

    Args:
        source: what to fetch.
        timeout: seconds for a download.

    Raises:
        CantRead: the download failed. A file that can't be read is a ``Failure`` where it is read.
    """
    if source.location is not Location.WEB:
        yield lambda: file_chunks(source.address)
        return
    with tempfile.TemporaryDirectory(prefix="mirage-hole-") as directory:
        path = asyncio.run(_download(source, Path(directory), timeout))
        yield lambda: file_chunks(str(path))


class Inspected:
    """The text, as far as it is one; why it ended early is kept."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.refusal = ""
        """Completes "the list …"; empty as long as nothing is wrong."""

    def __iter__(self) -> Iterator[bytes]:
        inspector = Inspector()
        try:
            for chunk in self._chunks:
                yield from inspector.feed(chunk)
            yield from inspector.finish()
        except BadContent as bad:
            self.refusal = str(bad)


async def _download(source: Source, directory: Path, timeout: float) -> Path:  # noqa: ASYNC109 - handed on
    from mirage_hole.sources.download import Downloader, Limits
    from mirage_hole.sources.shelf import Shelf

    with progress_bar(1) as on_progress:
        limits = Limits(total=timeout, attempts=1)
        (outcome,) = await Downloader(Shelf(directory), limits=limits, on_progress=on_progress).fetch_all([source])
    if outcome.copy is None:
        raise CantRead(outcome.error)
    return outcome.copy.path
