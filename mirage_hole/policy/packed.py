"""A list that has been read, packed: what the compiler keeps so that an unchanged list is not parsed again.

Blocks of simple rules (keys, bits, line numbers), then the rich rules and what the report tells as JSON, then a footer with
a checksum of all of it. Written and read as a stream: of millions of rules some thousands are in memory at a time.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections import Counter
from itertools import accumulate, islice, pairwise
from operator import sub
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import orjson

from mirage_hole.lists.rule import Complaint, Rule
from mirage_hole.lists.stored import decode_bits, decode_rich, encode_bits, encode_rich
from mirage_hole.policy.columns import little
from mirage_hole.policy.keys import key_of, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mirage_hole.lists.rule import RichRule

FORMAT_VERSION: Final = 2
"""Changes with the layout."""
BLOCK: Final = 4096
"""Rules a block."""
MAX_JSON: Final = 512 * 1024 * 1024
"""Octets of the rich rules, and of the facts; 20,000 rules that fill their lines stay below."""

_BEGIN: Final = b"MHLIST%02d" % FORMAT_VERSION
_END: Final = b"TSILHM%02d" % FORMAT_VERSION
_BLOCK: Final = struct.Struct("<IIIBB")
"""Octets of the keys, rules, first line, octets of a line number, flags."""
_PLACES: Final = struct.Struct("<QQQ")
_SEAL: Final = struct.Struct("<I8s")
_FOOTER: Final = struct.Struct("<QQQI8s")
"""Where the rich rules begin, where the facts begin, where the footer does, CRC-32 of all before this, ``_END``."""
_ONE_CODE, _WITH_LENGTHS = 1, 2
_CHUNK: Final = 1 << 18


class BadPacked(ValueError):  # noqa: N818 - reads as what it is at the raise
    """No packed list, or a damaged one."""


class Facts(NamedTuple):
    """What is known of a list that was read."""

    sha256: str
    """Of its text."""
    kind: str
    """``block`` or ``allow``: what its plain lines do."""
    format: str
    title: str
    """That the text gives itself; empty when it does not."""
    lines: int
    complaints: int
    reasons: dict[str, int]
    """How many complaints of each kind."""
    first_complaints: tuple[Complaint, ...]


class Block(NamedTuple):
    """Some simple rules, in the order of their lines."""

    keys: list[bytes]
    codes: bytes
    """See :func:`mirage_hole.lists.stored.encode_bits`."""
    lines: Sequence[int]


class Writer:
    """Writes one packed list. Errors of the file are the caller's."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = 0
        self._at = 0
        self._key_octets = 0
        self._codes: Counter[int] = Counter()
        self._write(_BEGIN)

    def add(self, rules: Iterable[Rule]) -> None:
        """Write simple rules."""
        rules = iter(rules)
        while some := list(islice(rules, BLOCK)):
            names, actions, scopes, lines, replies, importants = zip(*some, strict=True)
            codes = bytes(map(encode_bits, actions, scopes, replies, importants))
            self._block(list(map(key_of, names)), codes, array("I", lines))

    def finish(self, facts: Facts, rich: Sequence[RichRule] = ()) -> None:
        """Write the rest."""
        rich_at = self._at
        self._write(orjson.dumps([encode_rich(one) for one in rich]))
        facts_at = self._at
        about = facts._asdict() | {
            "first_complaints": list(map(list, facts.first_complaints)),
            "codes": sorted(self._codes.items()),
            "key_octets": self._key_octets,
            "rich": len(rich),
        }
        self._write(orjson.dumps(about))
        places = _PLACES.pack(rich_at, facts_at, self._at)
        self._file.write(places + _SEAL.pack(zlib.crc32(places, self._sum), _END))

    def _block(self, keys: list[bytes], codes: bytes, lines: array[int]) -> None:
        self._codes.update(codes)
        joined, flags = b"\0".join(keys), 0
        self._key_octets += len(joined) + 1 - len(keys)
        lengths = b""
        if joined.count(b"\0") != len(keys) - 1:  # a name with a null octet in it
            joined, flags, lengths = b"".join(keys), _WITH_LENGTHS, bytes(map(len, keys))
        first = lines[0]
        size = len(codes)
        if codes.count(codes[0]) == len(codes):
            codes, flags = codes[:1], flags | _ONE_CODE
        try:
            steps, width = bytes(map(sub, lines[1:], lines)), 1
        except ValueError:
            steps, width = little(lines), 4
        self._write(_BLOCK.pack(len(joined), size, first, width, flags))
        for part in (lengths, joined, codes, steps):
            self._write(part)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._sum = zlib.crc32(data, self._sum)
        self._at += len(data)


class Packed:
    """A packed list. Its file is opened to be read and closed at once, so there may be a thousand of them."""

    def __init__(self, opener: Callable[[], BinaryIO]) -> None:
        """Check the file that ``opener`` opens, here and whenever something is read from it.

        Raises:
            BadPacked: it is none, or is not as it was written.
            OSError: it can't be read.
        """
        self._open = opener
        with opener() as file:
            self._check(file)

    def _check(self, file: BinaryIO) -> None:
        size = file.seek(0, 2)
        file.seek(max(0, size - _FOOTER.size))
        footer = file.read(_FOOTER.size)
        if len(footer) < _FOOTER.size:
            raise BadPacked("too short")  # noqa: EM101
        self._rich_at, facts_at, end, expected, mark = _FOOTER.unpack(footer)
        if mark != _END or end != size - _FOOTER.size or not len(_BEGIN) <= self._rich_at <= facts_at <= end:
            raise BadPacked("not a packed list")  # noqa: EM101
        if max(end - facts_at, facts_at - self._rich_at) > MAX_JSON:
            raise BadPacked("more facts than any list has")  # noqa: EM101
        self._rich_end = facts_at
        if zlib.crc32(footer[: _PLACES.size], _checksum(file, end)) != expected:
            raise BadPacked("its checksum is another one")  # noqa: EM101
        file.seek(facts_at)
        try:
            raw = orjson.loads(file.read(end - facts_at))
            told = {name: raw[name] for name in Facts._fields}
            first = tuple(Complaint(*one) for one in told["first_complaints"])
            self.facts = Facts(**told | {"first_complaints": first})
            self.codes = Counter({int(code): int(count) for code, count in raw["codes"]})
            """How many simple rules have which bits."""
            self.key_octets, self.rich_count = int(raw["key_octets"]), int(raw["rich"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as problem:
            message = f"its facts are none: {problem}"
            raise BadPacked(message) from problem

    def __len__(self) -> int:
        """How many simple rules there are."""
        return self.codes.total()

    def blocks(self) -> Iterator[Block]:
        """The simple rules.

        Raises:
            OSError: the file can't be read.
        """
        with self._open() as file:
            yield from self._blocks(file)

    def _blocks(self, file: BinaryIO) -> Iterator[Block]:
        at = file.seek(len(_BEGIN))
        while at < self._rich_at:
            octets, count, first, width, flags = _BLOCK.unpack(file.read(_BLOCK.size))
            lengths = file.read(count) if flags & _WITH_LENGTHS else b""
            joined = file.read(octets)
            keys = joined.split(b"\0") if not lengths else _cut(joined, lengths)
            codes = file.read(1) * count if flags & _ONE_CODE else file.read(count)
            lines: Sequence[int]
            if width == 1:
                lines = list(accumulate(file.read(count - 1), initial=first))
            else:
                column = array("I", file.read(4 * count))
                if sys.byteorder == "big":
                    column.byteswap()
                lines = column
            at = file.tell()
            yield Block(keys, codes, lines)

    def rules(self) -> Iterator[Rule]:
        """The simple rules as they were read."""
        for keys, codes, lines in self.blocks():
            for key, code, line in zip(keys, codes, lines, strict=True):
                action, scope, reply, important = decode_bits(code)
                yield Rule(name_of(key), action, scope, line, reply, important)

    def stored_rich(self) -> list[list[Any]]:
        """The rich rules as :func:`mirage_hole.lists.stored.encode_rich` gives them."""
        with self._open() as file:
            file.seek(self._rich_at)
            found: list[list[Any]] = orjson.loads(file.read(self._rich_end - self._rich_at))
        return found

    def rich(self) -> list[RichRule]:
        """The rich rules."""
        return list(map(decode_rich, self.stored_rich()))


def _checksum(file: BinaryIO, size: int) -> int:
    file.seek(0)
    value = 0
    while size and (chunk := file.read(min(size, _CHUNK))):
        value = zlib.crc32(chunk, value)
        size -= len(chunk)
    return value


def _cut(joined: bytes, lengths: bytes) -> list[bytes]:
    ends = list(accumulate(lengths, initial=0))
    return [joined[start:end] for start, end in pairwise(ends)]
