"""Local data as people write it, to wire form: a name with or without ``*.`` in front, a type, and data.

Types beyond those that rules of lists can give: CAA (RFC 8659 4.1), SSHFP (RFC 4255 3), TLSA (RFC 6698 2), NAPTR
(RFC 3403 4), and any other as ``\\# 4 0a000001`` (RFC 3597 5).
"""

from __future__ import annotations

import binascii
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from mirage_hole.lists.presentation import MAX_STRING, BadRecord, domain, number16, octets_of, words_of
from mirage_hole.lists.records import MAX_VALUE, RECORD_TYPES, read_record
from mirage_hole.lists.spelling import is_address
from mirage_hole.local.record import reverse_name
from mirage_hole.wire.codes import RRType, type_number
from mirage_hole.wire.names import BadName, from_text

if TYPE_CHECKING:
    from collections.abc import Callable

_ALL: Final = b"\1*"
# RFC 6895 3.1: types that are asked for or travel with a message, and are no data.
_META: Final = frozenset({0, int(RRType.OPT), *range(128, 256)})


def read_owner(text: str, rrtype: int) -> tuple[bytes, bool]:
    """``Nas.Lan`` -> its wire form; ``*.dev.lan`` -> that of ``dev.lan``, and True. Of PTR, an address does as well.

    Raises:
        BadRecord: no name that can have a record; the message says why, in a few words.
    """
    text = text.strip()
    if is_address(text) and "/" not in text:
        if rrtype != RRType.PTR:
            raise BadRecord("an address where a name should be; only PTR records are about addresses")  # noqa: EM101
        return reverse_name(ip_address(text.partition("%")[0].strip("[]")).packed), False
    try:
        name = from_text(text)
    except BadName as problem:
        raise BadRecord(str(problem)) from None
    wildcard = name.startswith(_ALL)
    if wildcard:
        name = name[len(_ALL) :]
    if name == b"\0":
        raise BadRecord("every name there is" if wildcard else "no name")
    if _ALL in name:
        raise BadRecord("a * that is not the first label alone")  # noqa: EM101
    return name, wildcard


def read_type(text: str) -> int:
    """``https`` -> 65.

    Raises:
        BadRecord: no type that a record can have.
    """
    try:
        number = type_number(text.strip())
    except ValueError:
        number = 0
    if number in _META:
        message = f"no record type; those are {', '.join((*RECORD_TYPES, *_FIELDS))} and TYPE followed by a number"
        raise BadRecord(message)
    return number


def read_data(rrtype: int, value: str) -> bytes:
    """Record data as zone files have it, to wire form.

    Raises:
        BadRecord: no data of that type; the message says why, in a few words.
    """
    value = value.strip()
    if len(value) > MAX_VALUE:
        message = f"record data of more than {MAX_VALUE} characters"
        raise BadRecord(message)
    name = RRType(rrtype).name if rrtype in RRType.__members__.values() else f"TYPE{rrtype}"
    if value.startswith("\\#"):
        if rrtype == RRType.CNAME:
            raise BadRecord("a CNAME is written as a name")  # noqa: EM101
        return _octets(value)
    if name in RECORD_TYPES:
        return read_record(name, value).rdata
    if name not in _FIELDS:
        message = f"the data of {name} is written as octets: \\# 4 0a000001"
        raise BadRecord(message)
    example, fields, rest = _FIELDS[name]
    words = words_of(value)
    if len(words) < len(fields) + bool(rest) or (rest is None and len(words) > len(fields)):
        message = f"the data of {name} looks so: {example}"
        raise BadRecord(message)
    rdata = b"".join(read(word) for read, word in zip(fields, words, strict=False))
    return rdata + rest("".join(words[len(fields) :])) if rest else rdata


def _octets(value: str) -> bytes:
    words = value.split()
    try:
        octets = binascii.a2b_hex("".join(words[2:]))
        size = int(words[1]) if words[1].isascii() else -1
    except (IndexError, ValueError):
        size, octets = -1, b""
    if words[0] != "\\#" or size != len(octets):
        raise BadRecord("octets look so: \\# 4 0a000001, the number of octets and as many in hexadecimal")  # noqa: EM101
    return octets


def _octet(what: str) -> Callable[[str], bytes]:
    def read(word: str) -> bytes:
        if not (word.isascii() and word.isdigit() and len(word) < 4 and int(word) < 256):
            message = f"a {what} is a number from 0 to 255"
            raise BadRecord(message)
        return bytes((int(word),))

    return read


def _string(word: str) -> bytes:
    octets = octets_of(word)
    if len(octets) > MAX_STRING:
        message = f"a string of more than {MAX_STRING} octets"
        raise BadRecord(message)
    return bytes((len(octets),)) + octets


def _tag(word: str) -> bytes:
    if not (word.isascii() and word.isalnum() and len(word) <= MAX_STRING):
        raise BadRecord("a CAA tag is made of letters and digits, such as issue")  # noqa: EM101
    return bytes((len(word),)) + word.lower().encode()


def _number(what: str) -> Callable[[str], bytes]:
    return lambda word: number16(word, what)


def _hexadecimal(text: str) -> bytes:
    try:
        return binascii.a2b_hex(text)
    except ValueError:
        raise BadRecord("the fingerprint is hexadecimal") from None  # noqa: EM101


_Fields = tuple[str, tuple["Callable[[str], bytes]", ...], "Callable[[str], bytes] | None"]
_FIELDS: Final[dict[str, _Fields]] = {
    "CAA": ('0 issue "ca.example"', (_octet("flag"), _tag), octets_of),
    "SSHFP": ("4 2 123456789abcdef…", (_octet("number of an algorithm"), _octet("number of a digest")), _hexadecimal),
    "TLSA": (
        "3 1 1 123456789abcdef…",
        (_octet("usage"), _octet("selector"), _octet("matching type")),
        _hexadecimal,
    ),
    "NAPTR": (
        '100 10 "u" "E2U+sip" "!^.*$!sip:info@example!" .',
        (_number("order"), _number("preference"), _string, _string, _string, domain),
        None,
    ),
}
"""What the data looks like, its fields word by word, and what takes the words that follow."""
