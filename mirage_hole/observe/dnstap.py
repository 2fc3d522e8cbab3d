"""Logged queries as dnstap: protocol buffers in a Frame Streams file, which ``dnstap-read`` and collectors take.

Each query is one ``CLIENT_RESPONSE``. The log keeps no answers, so a message has the header and the question only; the rule that
decided is its ``policy`` (https://github.com/dnstap/dnstap.pb, dnstap.proto).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.codes import RRClass, RRType, rcode_number, type_number
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from mirage_hole.observe.tables import Subject

CONTENT_TYPE: Final = b"protobuf:dnstap.Dnstap"
MEDIA: Final = "application/x-dnstap"

# Frame Streams: a data frame is its length and its octets; length 0 announces a control frame.
_ESCAPE: Final = bytes(4)
_START: Final = struct.pack(">III", 2, 1, len(CONTENT_TYPE)) + CONTENT_TYPE
_STOP: Final = struct.pack(">I", 3)
_LENGTH: Final = struct.Struct(">I")

_RESPONSE: Final = 0x8180  # QR, RD, RA (RFC 1035 4.1.1)
_QUESTION: Final = struct.Struct(">HH")
_HEADER: Final = struct.Struct(">HHHHHH")
_CLIENT_RESPONSE: Final = b"\x08\x06"
_TRANSPORTS: Final = {"udp": 1, "tcp": 2}
_NXDOMAIN, _PASS, _DROP, _LOCAL_DATA = 1, 3, 4, 6
_BY_NAME: Final = b"\x20\x01"
_REST: Final = struct.Struct("<I").pack


def begin() -> bytes:
    """What such a file begins with."""
    return _ESCAPE + _LENGTH.pack(len(_START)) + _START


def end() -> bytes:
    """What it ends with."""
    return _ESCAPE + _LENGTH.pack(len(_STOP)) + _STOP


def frame(at: float, client: str, duration: float, subject: bytes) -> bytes:
    """A query as a data frame; ``subject``: as :func:`subject` has put it."""
    micros = round(at * 1e6)  # a float of this century has microseconds, and no more
    seconds, rest = divmod(micros, 1_000_000)
    answered = _REST(rest * 1000)
    asked_at, asked = seconds, answered
    if duration:
        asked_at, rest = divmod(max(0, micros - round(duration * 1e6)), 1_000_000)
        asked = _REST(rest * 1000)
    who, began, ended = _client(client), _second(8, asked_at), _second(12, seconds)
    octets = len(who) + len(began) + len(ended) + len(subject) + 8
    # Behind the message stands field 15, the kind of payload: a message.
    return b"".join((_head(octets), who, began, asked, ended, answered, subject, b"\x78\x01"))


@lru_cache(4096)
def _head(octets: int) -> bytes:
    """What stands before a message of this length: the length of the frame, and field 14."""
    field = b"\x72" + _varint(octets)
    return _LENGTH.pack(len(field) + octets + 2) + field


@lru_cache(4096)
def _client(client: str) -> bytes:
    address = ip_address(client).packed
    family = 1 if len(address) == 4 else 2
    return _CLIENT_RESPONSE + _number(2, family) + _octets(4, address)


@lru_cache(4096)
def _second(field: int, seconds: int) -> bytes:
    """The seconds of a moment, and the key of the nanoseconds that follow in the next field."""
    return _number(field, seconds) + bytes((field + 1 << 3 | 5,))


def subject(words: Subject) -> bytes:
    """The transport, the message and the policy, which are the same whoever asks."""
    transport, name, kind, outcome, rcode, title, rule = words[:7]
    asked = from_text(str(name)) if name else b"\0"
    begin, end = _around(str(transport), str(kind), str(rcode))
    # Field 14, whose length takes two octets from 128 on, in front of a header of twelve.
    said = begin + b"\x72" + _varint(12 + len(asked) + len(end)) + _header(str(rcode)) + asked + end
    if not title:
        return said
    policy = _policy(str(title), str(rule or ""), str(outcome), str(rcode)) + b"\x2a" + _varint(len(asked)) + asked
    return said + b"\x7a" + _varint(len(policy)) + policy


@lru_cache(1024)
def _around(transport: str, kind: str, rcode: str) -> tuple[bytes, bytes]:
    """What stands before the message, and what stands in it behind the name."""
    extended = rcode_number(rcode) >> 4
    # RFC 6891 6.1.3: the upper bits of a long response code stand in an OPT record.
    option = struct.pack(">BHHBBHH", 0, RRType.OPT, 1232, extended, 0, 0, 0) if extended else b""
    return _number(3, _TRANSPORTS[transport]), _QUESTION.pack(type_number(kind), RRClass.IN) + option


@lru_cache(1024)
def _header(rcode: str) -> bytes:
    code = rcode_number(rcode)
    return _HEADER.pack(0, _RESPONSE | code & 15, 1, 0, 0, 1 if code >> 4 else 0)


@lru_cache(16_384)
def _policy(title: str, rule: str, outcome: str, rcode: str) -> bytes:
    """All of it but the name that matched."""
    if outcome == "dropped":
        action = _DROP
    elif outcome == "blocked":
        action = _NXDOMAIN if rcode == "NXDOMAIN" else _LOCAL_DATA
    else:
        action = _LOCAL_DATA if outcome == "local" else _PASS
    return _octets(1, title.encode()) + _octets(2, rule.encode()) + _number(3, action) + _BY_NAME


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _octets(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits an octet, the lowest first."""
    if value < 0x80:
        return bytes((value,))
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
