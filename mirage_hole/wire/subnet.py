"""The Client Subnet option (RFC 7871 section 6): a part of somebody's address, so that an answer can fit where they are."""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from mirage_hole.wire.codes import RRType
from mirage_hole.wire.options import SUBNET, each_option, option
from mirage_hole.wire.query import skip_name

NO_FAMILY: Final = 0
"""What some clients write with a prefix of no length."""
IPV4: Final = 1
IPV6: Final = 2

_WIDTHS: Final = {NO_FAMILY: 0, IPV4: 32, IPV6: 128}
_HEAD = Struct(">HBB")
_HEADER = Struct(">HHHHHH").unpack_from
_RECORD = Struct(">HHIH").unpack_from
_OPT: Final = int(RRType.OPT)


class Subnet(NamedTuple):
    """An address prefix."""

    family: int
    """:data:`IPV4` or :data:`IPV6`, or :data:`NO_FAMILY` when ``length`` is 0."""
    length: int
    """SOURCE PREFIX-LENGTH in bits; 0: nothing is to be told to anybody."""
    prefix: bytes
    """As many octets of the address as the length needs."""

    @property
    def address(self) -> bytes:
        """The first address in it: 4 or 16 octets."""
        return self.prefix.ljust(_WIDTHS[self.family] // 8, b"\0")

    def cut(self, ipv4: int, ipv6: int) -> Subnet:
        """The same with at most so many bits."""
        length = ipv4 if self.family == IPV4 else ipv6
        return self if self.length <= length else Subnet(self.family, length, _cut(self.prefix, length))

    def content(self, scope: int = 0) -> bytes:
        """The content of the option."""
        return _HEAD.pack(self.family, self.length, scope) + self.prefix


def _cut(prefix: bytes, length: int) -> bytes:
    octets = bytearray(prefix[: (length + 7) // 8])
    if length % 8:
        octets[-1] &= 0xFF00 >> length % 8
    return bytes(octets)


def read_subnet(content: bytes) -> Subnet | str:
    """The subnet of a query's option, or what is wrong with it; all that is wrong is a format error (RFC 7871 6)."""
    if len(content) < _HEAD.size:
        return "an EDNS client subnet that is cut off"
    family, length, scope = _HEAD.unpack_from(content)
    prefix = content[_HEAD.size :]
    if family not in _WIDTHS:
        return "an EDNS client subnet of a family that there is not"
    if scope:
        return "an EDNS client subnet with a scope in a query"
    if length > _WIDTHS[family]:
        return "an EDNS client subnet longer than an address"
    if len(prefix) != (length + 7) // 8:
        return "an EDNS client subnet with too many or too few octets"
    if prefix != _cut(prefix, length):
        return "an EDNS client subnet with bits beyond its length"
    return Subnet(family, length, prefix)


def scope_in(message: bytes, sent: bytes) -> int | None:
    """The scope of a response to a query with the option content ``sent``: bits of its prefix that the answer is for.

    0, everybody, when the response has no such option. None when its option is for another subnet, so that the response must
    not be used (RFC 7871 7.3). ``message``: well-formed.
    """
    content = _option_of(message, SUBNET)
    if content is None:
        return 0
    if len(content) != len(sent) or content[:3] != sent[:3] or content[4:] != sent[4:]:
        return None
    width = _WIDTHS[sent[0] << 8 | sent[1]]
    return content[3] if content[3] <= width else None


def _option_of(message: bytes, code: int) -> bytes | None:
    _, _, questions, *counts = _HEADER(message)
    at = 12
    for _ in range(questions):
        at = skip_name(message, at) + 4
    for _ in range(sum(counts)):
        at = skip_name(message, at)
        kind, _, _, length = _RECORD(message, at)
        at += 10 + length
        if kind == _OPT:
            return next((content for number, content in each_option(message[at - length : at]) if number == code), None)
    return None


def with_subnet(query: bytes, content: bytes) -> bytes:
    """A query that ends in an OPT record without options, with this one in it."""
    added = option(SUBNET, content)
    return query[:-2] + len(added).to_bytes(2, "big") + added
