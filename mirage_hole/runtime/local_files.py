"""Files with local data: looked at again and again, read when they have come to rest, kept as they were while broken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.state_files import Stamp, read_at_most, stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.local.hosts import Parsed
    from mirage_hole.local.record import Record

log = logging.getLogger(__name__)

MAX_FILE: Final = 16 * 1024 * 1024
MOST_TOLD: Final = 5
"""Lines that the log tells of, of one reading of one file."""


class LocalFile:
    """One file. Not for several threads at once."""

    def __init__(self, path: Path, parse: Callable[[str, float], Parsed]) -> None:
        """``parse``: the text and the time, seconds since the epoch, to what the file says."""
        self.path = path
        self.records: tuple[Record, ...] = ()
        """What it said when it last made sense."""
        self.ends_at: float | None = None
        """When that is no longer all true: seconds since the epoch."""
        self._parse = parse
        self._read: Stamp | str = "never"
        self._seen: Stamp | str = "never"
        self._text = ""
        self._trouble = ""

    def look(self, now: float) -> bool:
        """Read it if it has changed and rests again, or if its time is over; whether it says something else now."""
        if self._read == "never":
            return self._take(now)
        try:
            found = stamp(self.path)
        except OSError as problem:
            return self._refuse(f"can't be read: {problem.strerror or problem}")
        if found != self._read:
            rests, self._seen = found == self._seen, found
            return self._take(now) if rests else False
        self._seen = found
        if self.ends_at is not None and now >= self.ends_at:
            return self._use(self._text, now)
        return False

    @property
    def is_moving(self) -> bool:
        """It was changed a moment ago, and is read when it rests."""
        return self._seen != self._read

    def forget(self) -> None:
        """Read it at the next look, changed or not."""
        self._read = "never"

    def _take(self, now: float) -> bool:
        try:
            self._read = self._seen = stamp(self.path)
            data = read_at_most(self.path, MAX_FILE)
        except FileNotFoundError:
            self._read = self._seen = None
            return self._refuse("is not there")
        except ValueError as problem:
            return self._refuse(str(problem))
        except OSError as problem:
            return self._refuse(f"can't be read: {problem.strerror or problem}; let this account read it: chmod a+r")
        return self._use(data.decode("utf-8-sig", "replace"), now)

    def _use(self, text: str, now: float) -> bool:
        parsed = self._parse(text, now)
        if parsed.is_broken:
            line, reason = parsed.complaints[0]
            return self._refuse(f"makes no sense: line {line}: {reason}")
        self._trouble = ""
        if text != self._text:
            for line, reason in parsed.complaints[:MOST_TOLD]:
                log.warning("%s line %d: %s", self.path, line, reason)
            more = len(parsed.complaints) + parsed.more - MOST_TOLD
            if more > 0:
                log.warning("%s has %d more lines that say nothing", self.path, more)
        changed = parsed.records != self.records
        self._text, self.records, self.ends_at = text, parsed.records, parsed.ends_at
        return changed

    def _refuse(self, why: str) -> bool:
        """Keep what it said before, and say so once."""
        if why != self._trouble:
            kept = f"; its {len(self.records)} records of before stay" if self.records else ""
            log.error("%s %s%s", self.path, why, kept)
        self._trouble = why
        return False
