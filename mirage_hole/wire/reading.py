"""Any message in full, as text for people: what ``mirage-hole query`` prints.

The structure is read here, in bounded time; dnslib is shown single records only, cut out of the message, and only of the
types whose text form (DNSKEY, HTTPS, …) is not worth a second implementation.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final, NamedTuple

import dnslib

from mirage_hole.wire.codes import AA, AD, CD, EDNS_DO, QR, RA, RD, TC, RRClass, RRType, type_text
from mirage_hole.wire.message import BadMessage
from mirage_hole.wire.names import MAX_NAME, to_text

MAX_SIZE: Final = 65_535
MAX_JUMPS: Final = 20_000
"""Compression pointers followed in one message; real ones have at most a few a record, and 6,000 records fit."""

_HEADER = Struct(">HHHHHH")
_FIXED = Struct(">HHIH")
_U16 = Struct(">H")
_SOA_NUMBERS = Struct(">IIIII")
_SRV_NUMBERS = Struct(">HHH")

_FLAGS = ((QR, "qr"), (AA, "aa"), (TC, "tc"), (RD, "rd"), (RA, "ra"), (AD, "ad"), (CD, "cd"))
_BY_DNSLIB: Final = frozenset({29, 35, 43, 44, 46, 47, 48, 52, 64, 65})
_ONE_NAME: Final = frozenset({RRType.NS, RRType.CNAME, RRType.PTR, RRType.DNAME})
_OPTION_NAMES: Final = {3: "NSID", 8: "CLIENT-SUBNET", 9: "EXPIRE", 10: "COOKIE", 11: "KEEPALIVE", 12: "PADDING"}
_EDE: Final = 15
_EDE_NAMES: Final = {
    0: "Other",
    1: "Unsupported DNSKEY Algorithm",
    2: "Unsupported DS Digest Type",
    3: "Stale Answer",
    4: "Forged Answer",
    5: "DNSSEC Indeterminate",
    6: "DNSSEC Bogus",
    7: "Signature Expired",
    8: "Signature Not Yet Valid",
    9: "DNSKEY Missing",
    10: "RRSIGs Missing",
    11: "No Zone Key Bit Set",
    12: "NSEC Missing",
    13: "Cached Error",
    14: "Not Ready",
    15: "Blocked",
    16: "Censored",
    17: "Filtered",
    18: "Prohibited",
    19: "Stale NXDOMAIN Answer",
    20: "Not Authoritative",
    21: "Not Supported",
    22: "No Reachable Authority",
    23: "Network Error",
    24: "Invalid Data",
    25: "Signature Expired before Valid",
    26: "Too Early",
    27: "Unsupported NSEC3 Iterations Value",
    28: "Unable to conform to policy",
    29: "Synthesized",
}
"""RFC 8914 section 5.2 and the IANA registry that continues it."""


class Question(NamedTuple):
    """A question, as text."""

    name: str
    """With the final dot."""
    rclass: str
    type: str


class Record(NamedTuple):
    """A resource record, as text."""

    name: str
    ttl: int
    rclass: str
    type: str
    data: str
    """Presentation form; ``\\# LENGTH HEX`` (RFC 3597) where there is none."""


class ExtendedError(NamedTuple):
    """An Extended DNS Error (RFC 8914)."""

    code: int
    title: str
    text: str
    """Printable; what the server adds."""


class Edns(NamedTuple):
    """The OPT record (RFC 6891)."""

    version: int
    dnssec_ok: bool
    payload: int
    errors: tuple[ExtendedError, ...]
    options: tuple[tuple[str, str], ...]
    """(name, hex) of the other options."""


class Message(NamedTuple):
    """A whole message, as text."""

    id: int
    opcode: int
    rcode: int
    """With the extended bits of OPT."""
    flags: tuple[str, ...]
    """``qr``, ``aa``, ``tc``, ``rd``, ``ra``, ``ad``, ``cd``, as far as set."""
    question: tuple[Question, ...]
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]
    """Without OPT."""
    edns: Edns | None
    size: int
    """Octets."""
    trailing: int
    """Octets behind the message's end."""


def read_in_full(data: bytes) -> Message:
    """Read a message of any origin. Time is linear in its size, and no exception but BadMessage comes out.

    Raises:
        BadMessage: over 65535 octets, or it does not add up; the message says where.
    """
    if len(data) > MAX_SIZE:
        message = f"{len(data)} octets; {MAX_SIZE} is the limit"
        raise BadMessage(message)
    return _Reader(data).message()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.jumps = 0
        self.edns: Edns | None = None
        self.extended_rcode = 0

    def message(self) -> Message:
        ident, flags, questions, answers, authority, additional = _HEADER.unpack(self.take(_HEADER.size, "the header"))
        question = tuple(self.question() for _ in range(questions))
        sections = [self.section(count) for count in (answers, authority, additional)]
        return Message(
            ident,
            flags >> 11 & 0x0F,
            self.extended_rcode << 4 | flags & 0x0F,
            tuple(name for bit, name in _FLAGS if flags & bit),
            question,
            sections[0],
            sections[1],
            sections[2],
            self.edns,
            len(self.data),
            len(self.data) - self.at,
        )

    def take(self, count: int, what: str) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) != count:
            message = f"it ends at octet {len(self.data)}, within {what}"
            raise BadMessage(message)
        self.at += count
        return piece

    def question(self) -> Question:
        name = self.name()
        kind, rclass = Struct(">HH").unpack(self.take(4, "a question"))
        return Question(name, _class_text(rclass), type_text(kind))

    def section(self, count: int) -> tuple[Record, ...]:
        records = []
        for _ in range(count):
            name = self.name()
            kind, rclass, ttl, length = _FIXED.unpack(self.take(_FIXED.size, "a record"))
            start = self.at
            rdata = self.take(length, f"a record of type {type_text(kind)}")
            if kind == RRType.OPT and self.edns is None:
                self.extended_rcode = ttl >> 24
                self.edns = _read_edns(rclass, ttl, rdata)
                continue
            text = self.rdata(kind, start, rdata)
            self.at = start + length
            records.append(Record(name, ttl, _class_text(rclass), type_text(kind), text))
        return tuple(records)

    def rdata(self, kind: int, start: int, rdata: bytes) -> str:
        """A record's data as text; what does not fit its type is shown as octets."""
        self.at = start
        try:
            text = self.known_rdata(kind, rdata)
        except (BadMessage, ValueError, IndexError):
            text = None
        else:
            # A name that runs over the record's end, or leaves octets behind: not what it claims to be.
            if text is not None and kind not in _BY_DNSLIB and self.at != start + len(rdata):
                text = None
        return f"\\# {len(rdata)} {rdata.hex().upper()}".rstrip() if text is None else text

    def known_rdata(self, kind: int, rdata: bytes) -> str | None:
        end = self.at + len(rdata)
        text: str | None = None
        if kind == RRType.A:
            self.at, text = end, str(IPv4Address(rdata))
        elif kind == RRType.AAAA:
            self.at, text = end, str(IPv6Address(rdata))
        elif kind in _ONE_NAME:
            text = self.name()
        elif kind == RRType.MX:
            text = f"{_U16.unpack(self.take(2, 'MX'))[0]} {self.name()}"
        elif kind == RRType.SOA:
            names = f"{self.name()} {self.name()}"
            text = " ".join([names, *map(str, _SOA_NUMBERS.unpack(self.take(_SOA_NUMBERS.size, "SOA")))])
        elif kind == RRType.SRV:
            numbers = _SRV_NUMBERS.unpack(self.take(_SRV_NUMBERS.size, "SRV"))
            text = " ".join([*map(str, numbers), self.name()])
        elif kind in {RRType.TXT, RRType.HINFO}:
            texts = []
            while self.at < end:
                texts.append(_quoted(self.take(self.take(1, "TXT")[0], "TXT")))
            text = " ".join(texts)
        elif kind == RRType.CAA:
            size = rdata[1]
            self.at, text = end, f"{rdata[0]} {_printable(rdata[2 : 2 + size])} {_quoted(rdata[2 + size :])}"
        elif kind in _BY_DNSLIB:
            text = _text_by_dnslib(kind, rdata)
        return text

    def name(self) -> str:
        """The name at the current place, pointers followed, with its final dot."""
        data, at = self.data, self.at
        labels = bytearray()
        behind = 0
        lowest = at
        while True:
            if at >= len(data):
                message = f"it ends at octet {len(data)}, within a name"
                raise BadMessage(message)
            length = data[at]
            if length >= 0xC0:
                self.jumps += 1
                target = (length & 0x3F) << 8 | data[at + 1] if at + 1 < len(data) else MAX_SIZE
                behind = behind or at + 2
                # RFC 1035 4.1.4: a pointer points to a prior occurrence; so every chain comes to an end.
                if target >= lowest or self.jumps > MAX_JUMPS:
                    message = f"the compression pointer at octet {at} leads nowhere"
                    raise BadMessage(message)
                at = lowest = target
                continue
            if length > 63:
                message = f"octet {at} begins no label"
                raise BadMessage(message)
            labels += data[at : at + 1 + length]
            at += 1 + length
            if len(labels) > MAX_NAME:
                message = f"a name of more than {MAX_NAME} octets at octet {self.at}"
                raise BadMessage(message)
            if not length:
                break
        self.at = behind or at
        text = to_text(bytes(labels))
        return text if text == "." else f"{text}."


def _read_edns(payload: int, ttl: int, rdata: bytes) -> Edns:
    errors = []
    options = []
    at = 0
    while at + 4 <= len(rdata):
        code, length = Struct(">HH").unpack_from(rdata, at)
        value = rdata[at + 4 : at + 4 + length]
        at += 4 + length
        if code == _EDE and len(value) >= 2:
            number = _U16.unpack_from(value)[0]
            text = value[2:].decode("utf-8", "replace").rstrip("\0")
            printable = "".join(character if character.isprintable() else "\ufffd" for character in text)
            errors.append(ExtendedError(number, _EDE_NAMES.get(number, f"EDE {number}"), printable))
        else:
            options.append((_OPTION_NAMES.get(code, f"OPT{code}"), value.hex()))
    return Edns(ttl >> 16 & 0xFF, bool(ttl & EDNS_DO), payload, tuple(errors), tuple(options))


def _text_by_dnslib(kind: int, rdata: bytes) -> str | None:
    if not rdata:
        return None
    # SVCB has HTTPS's format (RFC 9460 section 2.1), and dnslib knows only the one name.
    parser = dnslib.RDMAP.get("HTTPS" if kind == RRType.SVCB else dnslib.QTYPE.get(kind))
    if parser is None:
        return None
    try:
        text = repr(parser.parse(dnslib.DNSBuffer(rdata), len(rdata)))
    except Exception:  # noqa: BLE001 - it raises whatever its parts raise, RecursionError and UnicodeDecodeError among them
        return None
    return _printable(text.encode("latin-1", "replace"))


def _class_text(number: int) -> str:
    try:
        return RRClass(number).name
    except ValueError:
        return f"CLASS{number}"


def _quoted(octets: bytes) -> str:
    return '"' + "".join("\\" + chr(one) if one in b'"\\' else _printable(bytes((one,))) for one in octets) + '"'


def _printable(octets: bytes) -> str:
    """ASCII, other octets as ``\\DDD`` (RFC 1035 5.1)."""
    return "".join(chr(one) if 32 <= one <= 126 else f"\\{one:03d}" for one in octets)
