"""Names as lists spell them, to wire form. Stricter than DNS itself: a list speaks of host names, not of any octets.

Letters, digits, hyphens and underscores (real trackers use them), in any case, with or without a final dot, and
internationalised names, which become A-labels (RFC 5891, UTS 46).
"""

from __future__ import annotations

import re

from mirage_hole.wire.names import BadName, from_text, to_text

MAX_TEXT = 1024
"""Characters; no name that fits 255 octets is spelled longer."""

_ALLOWED = re.compile(r"[A-Za-z0-9_.-]++")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what UTS 46 takes for a dot
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")

_ADDRESS = "an address where a name should be"
_LENGTHS = tuple(bytes((length,)) for length in range(64))

SINKHOLES = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1", "0:0:0:0:0:0:0:0", "::0"})  # noqa: S104 - answers
"""Addresses that lists write when they mean: block it."""

LOCAL_NAMES = frozenset(
    {
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost4.localdomain4",
        "localhost6",
        "localhost6.localdomain6",
        "local",
        "broadcasthost",
        "ip6-localhost",
        "ip6-loopback",
        "ip6-localnet",
        "ip6-mcastprefix",
        "ip6-allnodes",
        "ip6-allrouters",
        "ip6-allhosts",
        "lo0",
    }
)
"""Names of the machine itself that hosts files carry: no rule, and nothing to complain about (as Pi-hole has it)."""


def read_name(text: str) -> bytes:
    """``Ads.Example.com.`` -> folded wire form, root octet included.

    Raises:
        BadName: no host name; the message says why, in a few words.
    """
    if len(text) > MAX_TEXT:
        raise BadName("longer than any domain name")  # noqa: EM101
    bare = text.removesuffix(".")
    if not bare:
        raise BadName("no name")  # noqa: EM101
    if not bare.isascii():
        bare = _to_ascii(bare)
    if bare[0] == "." or bare[-1] == "." or ".." in bare:
        raise BadName("an empty label: a dot in front, or two dots in a row")  # noqa: EM101
    if _ALLOWED.fullmatch(bare) is None:
        if is_address(bare):
            raise BadName(_ADDRESS)
        odd = next(character for character in bare if _ALLOWED.fullmatch(character) is None)
        message = f"{printable(odd)!r} can't be in a domain name"
        raise BadName(message)
    if bare.rpartition(".")[2].isdigit():
        if is_address(bare):
            raise BadName(_ADDRESS)
        raise BadName("a name can't end in a number")  # noqa: EM101
    return from_text(bare)


def wire_of_simple(text: bytes) -> bytes:
    """What :func:`read_name` gives for a lower-case ASCII name that a simple pattern of a format has matched."""
    return b"".join([_LENGTHS[len(label)] + label for label in text.split(b".")]) + b"\0"


def is_address(text: str) -> bool:
    """``192.0.2.1``, ``2001:db8::1``, ``fe80::1%lo0`` and networks of them such as ``192.0.2.0/24``."""
    bare = text.partition("/")[0]
    if _IPV4.fullmatch(bare):
        return all(int(octet) < 256 for octet in bare.split("."))
    if ":" not in bare:
        return False
    import ipaddress  # here: only lines with a colon need it

    try:
        ipaddress.IPv6Address(bare.strip("[]"))
    except ValueError:
        return False
    return True


def printable(text: str, limit: int = 80) -> str:
    """At most ``limit`` characters, none of them able to disturb a terminal or a log line."""
    cut = text[:limit].replace("\t", " ")
    return cut if cut.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in cut)


def _to_ascii(text: str) -> str:
    # Label by label, since IDNA refuses the underscore, which is legal in the ASCII labels beside an IDN.
    labels = _DOTS.split(text)
    return ".".join(label if label.isascii() else to_text(from_text(label)) for label in labels)
