"""The pieces of record data in presentation format (RFC 1035 5.1): words, character strings, names, numbers, addresses."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from mirage_hole.lists.spelling import read_name
from mirage_hole.wire.names import BadName, from_text

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_STRING = 255
"""Octets of a character string (RFC 1035 3.3)."""

_WORD = re.compile(
    r"""
      \s+
    | (?P<word> (?: [^\s"\\] | \\. | "(?: [^"\\] | \\. )*" )+ )
    | (?P<odd> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:([0-9]{3})|(.))", re.DOTALL)
_QUOTES = re.compile(r'"((?:[^"\\]|\\.)*)"|\\.', re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)


class BadRecord(ValueError):  # noqa: N818 - reads as what it is at the raise
    """No record data; the message says why, in a few words."""


def words_of(value: str) -> list[str]:
    r"""The words of record data, still with their quotation marks and escapes.

    Raises:
        BadRecord: a quotation mark or a backslash without its other half.
    """
    words = []
    for token in _WORD.finditer(value):
        if token["odd"]:
            raise BadRecord("record data with a quotation mark or a backslash without its other half")  # noqa: EM101
        if token["word"]:
            words.append(token["word"])
    return words


def octets_of(word: str) -> bytes:
    r"""A word without its quotation marks, ``\"`` and ``\DDD`` undone.

    Raises:
        BadRecord: a ``\DDD`` that is no octet.
    """
    bare = _QUOTES.sub(lambda quoted: quoted[0] if quoted[1] is None else quoted[1], word) if '"' in word else word
    raw = bare.encode("utf-8", "replace")
    return _ESCAPE.sub(_unescaped, raw) if b"\\" in raw else raw


def text_data(value: str) -> bytes:
    """Of a TXT record. Quoted: each word a character string. Otherwise: one string as it stands, in pieces if it is long.

    Raises:
        BadRecord: nothing there, or a quoted string of more than 255 octets.
    """
    if not value:
        raise BadRecord("a TXT record without text")  # noqa: EM101
    if not value.startswith('"'):
        raw = value.encode("utf-8", "replace")
        return _strings(raw[at : at + MAX_STRING] for at in range(0, len(raw), MAX_STRING))
    strings = [octets_of(word) for word in words_of(value)]
    if max(map(len, strings)) > MAX_STRING:
        message = f"a string of more than {MAX_STRING} octets; write it as several"
        raise BadRecord(message)
    return _strings(strings)


def domain(word: str) -> bytes:
    """A host name, or the root, in folded wire form.

    Raises:
        BadRecord: it is none.
    """
    try:
        if "\\" in word or word == ".":
            return from_text(word)
        return read_name(word)
    except BadName as problem:
        message = f"no target: {problem}"
        raise BadRecord(message) from None


def number16(word: str, what: str) -> bytes:
    """``10`` -> two octets.

    Raises:
        BadRecord: not within 0 to 65535.
    """
    if _NUMBER.fullmatch(word) is None or int(word) > 0xFFFF:
        message = f"a {what} is a number from 0 to 65535"
        raise BadRecord(message)
    return int(word).to_bytes(2, "big")


def ipv4(word: str) -> bytes:
    """``192.0.2.1`` -> four octets.

    Raises:
        BadRecord: no IPv4 address.
    """
    try:
        return IPv4Address(word).packed
    except AddressValueError:
        raise BadRecord("no IPv4 address such as 192.0.2.1") from None  # noqa: EM101


def ipv6(word: str) -> bytes:
    """``2001:db8::1`` -> sixteen octets.

    Raises:
        BadRecord: no IPv6 address.
    """
    try:
        address = IPv6Address(word)
    except AddressValueError:
        raise BadRecord("no IPv6 address such as 2001:db8::1") from None  # noqa: EM101
    if address.scope_id is not None:
        raise BadRecord("an IPv6 address with a zone (%…), which no record can hold")  # noqa: EM101
    return address.packed


def _strings(strings: Iterable[bytes]) -> bytes:
    return b"".join(bytes((len(one),)) + one for one in strings)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    if escape[2] is not None:
        if escape[2].isdigit():
            raise BadRecord("a backslash before a digit needs three of them: \\000 to \\255")  # noqa: EM101
        return escape[2]
    if int(escape[1]) > 255:
        raise BadRecord("a backslash before a number above 255; \\255 is the last octet")  # noqa: EM101
    return bytes((int(escape[1]),))
