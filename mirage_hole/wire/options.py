"""EDNS options (RFC 6891 6.1.2) of a query, read once, and what they ask of every reply to it.

Options that are not known here are ignored, as RFC 6891 6.1.2 asks; one that is known and has an impossible length is a
format error.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NSID: Final = 3
SUBNET: Final = 8
COOKIE: Final = 10
KEEPALIVE: Final = 11
PADDING: Final = 12

CLIENT_COOKIE: Final = 8
"""Octets of a client cookie (RFC 7873 4.1); a server cookie has 8 to 32 more."""

_HEAD = Struct(">HH")


class Options(NamedTuple):
    """What a query's options say, as far as anybody here listens."""

    cookie: bytes = b""
    """A client cookie, perhaps with a server cookie behind it; empty for none."""
    nsid: bool = False
    """The name of this server is asked for (RFC 5001)."""
    keepalive: bool = False
    """How long a connection may be idle is asked for (RFC 7828)."""
    padded: bool = False
    """The reply is to be padded as the query is (RFC 7830)."""
    subnet: bytes | None = None
    """The content of a Client Subnet option (RFC 7871 section 6), not looked at; None for none."""


class Extra(NamedTuple):
    """What goes into every reply to a query, whatever it says; see :func:`mirage_hole.wire.reply.build_reply`."""

    options: bytes = b""
    """Whole options."""
    block: int = 0
    """The reply is padded to a multiple of so many octets; 0: it is not padded."""
    cookie: int = 0
    """:data:`NO_COOKIE`, :data:`UNPROVEN` or :data:`PROVEN`."""
    subnet: bytes = b""
    """What upstreams are told of the client: the content of a Client Subnet option. The client's own stands first in
    ``options`` then. Empty: nothing of its own."""


NO_COOKIE: Final = 0
UNPROVEN: Final = 1
"""A client that knows cookies, and has none of ours that is good."""
PROVEN: Final = 2
"""A cookie that only this client can have got from here: its address is not forged."""


def each_option(rdata: bytes) -> Iterator[tuple[int, bytes]]:
    """(code, content) of each option in an OPT record's data, which is known to be whole."""
    at = 0
    while at < len(rdata):
        code, length = _HEAD.unpack_from(rdata, at)
        at += 4 + length
        yield code, rdata[at - length : at]


def option(code: int, content: bytes) -> bytes:
    """An option as it stands in an OPT record."""
    return _HEAD.pack(code, len(content)) + content


def read_options(rdata: bytes) -> Options | str:
    """The options of a query, or what is wrong with one of them. Of two with one code, the first counts."""
    cookie, nsid, keepalive, padded, subnet = b"", False, False, False, None
    for code, content in each_option(rdata):
        if code == COOKIE and not cookie:
            # RFC 7873 5.2.2: 8 octets, or 16 to 40.
            if len(content) != CLIENT_COOKIE and not 2 * CLIENT_COOKIE <= len(content) <= 5 * CLIENT_COOKIE:
                return "an EDNS cookie of an impossible length"
            cookie = content
        elif code == NSID:
            nsid = True
        elif code == KEEPALIVE:
            keepalive = True
        elif code == PADDING:
            padded = True
        elif code == SUBNET and subnet is None:
            subnet = content
    return Options(cookie, nsid, keepalive, padded, subnet)
