"""Master files (RFC 1035 section 5), line by line and in bounded memory: which record stands where, not what it means.

Known are ``$ORIGIN`` and ``$TTL``, an owner left blank, ``@``, comments, quoted strings and parentheses over several lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_RECORD = 8192
"""Characters of a record that is spread over several lines."""

IGNORED = frozenset({
    "SOA", "NS", "RRSIG", "DNSKEY", "CDNSKEY", "CDS", "NSEC", "NSEC3", "NSEC3PARAM", "ZONEMD", "TYPE65534",
})  # fmt: skip
"""Types that are about the zone itself; no resolver takes them for data of a policy."""

_TYPES = IGNORED | {"A", "AAAA", "CNAME", "DNAME", "TXT", "MX", "SRV", "PTR", "HTTPS", "SVCB", "SPF", "CAA", "NAPTR", "TLSA", "DS", "LOC", "HINFO", "RP", "URI", "SSHFP"}  # fmt: skip
_NUMBERED = re.compile(r"TYPE[0-9]{1,5}")
_TTL = re.compile(r"(?:[0-9]{1,10}[smhdwSMHDW]?)+", re.ASCII)
_SPECIAL = frozenset(';()"\\')
_TARGETS = {"CNAME": 0, "PTR": 0, "DNAME": 0, "MX": 1, "SRV": 3, "HTTPS": 1, "SVCB": 1}
"""Which word of the data is a name."""
_TOKEN = re.compile(
    r"""
      \s+
    | (?P<comment> ;.* )
    | (?P<mark> [()] )
    | " (?P<quoted> (?: [^"\\] | \\. )* ) "
    | (?P<word> (?: [^\s;()"\\] | \\. ) (?: [^\s;()"\\] | \\. | " (?: [^"\\] | \\. )* " )* )
    | (?P<odd> . )
    """,
    re.VERBOSE | re.DOTALL,
)


class BadLine(ValueError):  # noqa: N818 - reads as what it is at the raise
    """No record; the message says why, in a few words."""


class Record(NamedTuple):
    """A record of a zone."""

    owner: str
    """Lower-case, below the zone's own name and without it; empty: the zone's own name. No final dot."""
    rrtype: str
    """Upper-case."""
    words: tuple[str, ...]
    """Its data; names in it are absolute, with a final dot, where the zone's name is known."""


class MasterFile:
    """Reads the lines of one zone, in order."""

    __slots__ = ("_held", "_held_size", "_origin", "_owner", "_zone", "open")

    def __init__(self) -> None:
        self.open = False
        """Whether a parenthesis is open, so that the next line belongs to the same record."""
        self._held: list[str] = []
        self._held_size = 0
        self._zone: str | None = None  # no final dot; None: nothing has said it
        self._origin: str | None = None  # no final dot; None: the zone's own name, whatever it is
        self._owner: str | None = None  # of the record before

    @property
    def at_apex(self) -> bool:
        """Whether relative names are names below the zone's own name, so that they can be read as they are."""
        return not self.open and (self._origin is None or self._origin == (self._zone or ""))

    def stood_before(self, owner: str) -> None:
        """The owner of a record that was read elsewhere: it is that of a line whose owner is blank."""
        self._owner = owner

    def give_up(self) -> None:
        """Forget a record whose parenthesis was never closed."""
        self.open = False
        self._held, self._held_size = [], 0

    def read(self, line: str) -> Record | None:
        """The record of a line with the space in front of it; None when it holds none, or not all of one yet.

        Raises:
            BadLine: it is neither a record nor a directive that is followed.
        """
        words = self._words(line)
        if words is None or not words:
            return None
        if words[0].startswith("$"):
            self._directive(words)
            return None
        return self._record(words)

    def _words(self, line: str) -> list[str] | None:
        """The words of a record, the first empty if the owner is blank; None until its parentheses are closed."""
        words = self._held
        if not self.open:
            words = self._held = []
            self._held_size = 0
            if line[:1].isspace():
                words.append("")
        self._held_size += len(line)
        if self._held_size > MAX_RECORD:
            self.give_up()
            message = f"a record of more than {MAX_RECORD} characters, or a parenthesis that is never closed"
            raise BadLine(message)
        if self.open or not _SPECIAL.isdisjoint(line):
            self._add_tokens(line, words)
        else:
            words += line.split()
        if self.open:
            return None
        self._held = []
        return [] if words == [""] else words

    def _add_tokens(self, line: str, words: list[str]) -> None:
        """The words of a line with quotation marks, parentheses, escapes or a comment."""
        for token in _TOKEN.finditer(line):
            kind = token.lastgroup
            if kind == "comment":
                break
            if kind == "word":
                words.append(token[0])
            elif kind == "quoted":
                words.append(f'"{token["quoted"]}"')
            elif kind == "mark":
                if (token[0] == "(") is self.open:
                    self.give_up()
                    raise BadLine("a parenthesis without its other half")  # noqa: EM101
                self.open = token[0] == "("
            elif kind == "odd":
                self.give_up()
                raise BadLine("a quotation mark or a backslash without its other half")  # noqa: EM101

    def _directive(self, words: list[str]) -> None:
        name = words[0].upper()
        if name == "$TTL":
            return
        if name == "$ORIGIN" and len(words) == 2:
            self._origin = self._absolute(words[1].lower()).removesuffix(".")
            self._zone = self._zone or self._origin or None
            return
        raise BadLine("a directive of a zone file; only $ORIGIN NAME and $TTL are followed")  # noqa: EM101

    def _record(self, words: list[str]) -> Record | None:
        rrtype, data = _type_and_data(words[1:])
        if rrtype == "SOA":
            self._is_zone(words[0].lower() or "@")
            self._owner = ""
            return None
        owner = self._owner if words[0] == "" else self._relative(words[0])
        if owner is None:
            raise BadLine("a record without an owner, and none before it")  # noqa: EM101
        self._owner = owner
        if rrtype in IGNORED:
            return None
        return Record(owner, rrtype, self._data(rrtype, data))

    def _is_zone(self, owner: str) -> None:
        """The owner of the SOA record is the zone's own name, if it can be known."""
        if self._origin is not None or owner.endswith("."):
            self._zone = self._absolute(owner).removesuffix(".") or None

    def _absolute(self, name: str) -> str:
        """With the origin behind it if it has no final dot."""
        origin = self._zone if self._origin is None else self._origin
        if name == "@":
            return f"{origin or ''}."
        if name.endswith(".") or not origin:
            return name
        return f"{name}.{origin}."

    def _relative(self, written: str) -> str:
        """The owner below the zone's own name."""
        name = written.lower()
        if name == "@":
            if self._origin is None or self._origin == self._zone:
                return ""
        elif self._origin is None and not name.endswith("."):
            return name
        full = self._absolute(name).removesuffix(".")
        if not self._zone:
            return full
        if full == self._zone:
            return ""
        below = full.removesuffix(f".{self._zone}")
        if below == full:
            raise BadLine("a name outside of the zone that the file is about")  # noqa: EM101
        return below

    def _data(self, rrtype: str, data: Sequence[str]) -> tuple[str, ...]:
        """The words of the data, ready for :func:`mirage_hole.lists.records.read_record`."""
        if rrtype == "TXT":
            return tuple(word if word[0] == '"' else f'"{word}"' for word in data)
        at = _TARGETS.get(rrtype)
        if at is None or at >= len(data) or data[at].endswith("."):
            return tuple(data)
        return (*data[:at], self._absolute(data[at]), *data[at + 1 :])


def _type_and_data(words: list[str]) -> tuple[str, list[str]]:
    """``[TTL] [IN] TYPE data`` in either order (RFC 1035 5.1)."""
    at = 0
    seen_ttl = seen_class = False
    while at < len(words):
        upper = words[at].upper()
        if upper in _TYPES or _NUMBERED.fullmatch(upper):
            if at + 1 == len(words):
                raise BadLine("a record without data")  # noqa: EM101
            return upper, words[at + 1 :]
        if upper == "IN" and not seen_class:
            seen_class = True
        elif _TTL.fullmatch(upper) and not seen_ttl:
            seen_ttl = True
        else:
            break
        at += 1
    raise BadLine("a zone file line without a record type that is known")  # noqa: EM101
