"""A hosts file (hosts(5)) as local data: every name on a line has the line's address.

Lines about the machine itself (``localhost``, ``ip6-allnodes``, Debian's ``127.0.1.1``) are for itself alone and skipped.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.spelling import LOCAL_NAMES, printable, read_name
from mirage_hole.local.record import Record
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import BadName

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LINE: Final = 4096  # characters
MAX_COMPLAINTS: Final = 100
MAX_RECORDS: Final = 100_000
_ITSELF: Final = "127.0.1.1"


class Complaint(NamedTuple):
    """A line, or a part of one, that says nothing."""

    line: int
    """Counted from 1."""
    reason: str


class Parsed(NamedTuple):
    """What a file says."""

    records: tuple[Record, ...]
    complaints: tuple[Complaint, ...]
    """At most ``MAX_COMPLAINTS``."""
    more: int = 0
    """Complaints beyond those."""
    ends_at: float | None = None
    """When this is no longer all true: seconds since the epoch; None: as long as the file stays as it is."""

    @property
    def is_broken(self) -> bool:
        """Nothing in it makes sense, though something is there."""
        return not self.records and bool(self.complaints)


class Complaints:
    """Collects what is wrong, as much as anybody reads."""

    def __init__(self) -> None:
        self.kept: list[Complaint] = []
        self.more = 0

    def add(self, line: int, reason: str) -> None:
        """Note what is wrong with a line."""
        if len(self.kept) < MAX_COMPLAINTS:
            self.kept.append(Complaint(line, reason))
        else:
            self.more += 1


def parse_hosts(text: str, ttl: int) -> Parsed:
    """Read a hosts file. ``ttl``: of its records, in seconds."""
    records: dict[Record, None] = {}
    complaints = Complaints()
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_LINE:
            complaints.add(number, f"longer than {MAX_LINE} characters")
            continue
        words = line.partition("#")[0].split()
        if not words or words[0] == _ITSELF:
            continue
        if len(records) >= MAX_RECORDS:
            complaints.add(number, f"more than {MAX_RECORDS} records; the rest is not read")
            break
        address = _address(words[0])
        if address is None:
            complaints.add(
                number, f"{printable(words[0], 60)!r} is no address; write 192.168.1.5 nas, one address a line"
            )
            continue
        if len(words) == 1:
            complaints.add(number, f"{words[0]} without a name; write the name behind it")
        records.update(dict.fromkeys(_records(number, address, words[1:], ttl, complaints)))
    return Parsed(tuple(records), tuple(complaints.kept), complaints.more)


def _address(word: str) -> bytes | None:
    try:
        return ip_address(word).packed if "%" not in word else None
    except ValueError:
        return None


def _records(number: int, address: bytes, names: list[str], ttl: int, complaints: Complaints) -> Iterable[Record]:
    kind = int(RRType.A if len(address) == 4 else RRType.AAAA)
    for name in names:
        if name.removesuffix(".").lower() in LOCAL_NAMES:
            continue
        try:
            yield Record(read_name(name), kind, address, ttl)
        except BadName as problem:
            complaints.add(number, f"{printable(name, 60)!r} is no host name: {problem}")
