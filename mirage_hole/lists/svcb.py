"""Service parameters of HTTPS and SVCB records (RFC 9460 section 2 and appendix A), text to wire form."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from mirage_hole.lists.presentation import MAX_STRING, BadRecord, ipv4, ipv6, number16, octets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KEYS = {
    "mandatory": 0,
    "alpn": 1,
    "no-default-alpn": 2,
    "port": 3,
    "ipv4hint": 4,
    "ech": 5,
    "ipv6hint": 6,
    "dohpath": 7,  # RFC 9461
    "ohttp": 8,  # RFC 9540
}
_MANDATORY, _ALPN, _NO_DEFAULT_ALPN = 0, 1, 2
_WITHOUT_VALUE = frozenset({_NO_DEFAULT_ALPN, _KEYS["ohttp"]})
_NUMBERED = re.compile(r"key(0|[1-9][0-9]{0,4})", re.ASCII)
_ITEM = re.compile(rb"((?:[^,\\]|\\.)*)(,|\Z)", re.DOTALL)


def service_parameters(words: Sequence[str]) -> bytes:
    """``["alpn=h2,h3", "port=8443"]`` -> wire form, in the order of their numbers.

    Raises:
        BadRecord: an unknown or repeated key, a bad value, or parameters that RFC 9460 does not let stand together.
    """
    found: dict[int, bytes] = {}
    for word in words:
        name, equals, raw = word.partition("=")
        key = _key(name)
        if key in found:
            message = f"the parameter {name} twice"
            raise BadRecord(message)
        value = octets_of(raw)
        if key in _WITHOUT_VALUE:
            if value:
                message = f"the parameter {name} has no value"
                raise BadRecord(message)
        elif key in _VALUES and not (equals and value):
            message = f"the parameter {name} needs a value"
            raise BadRecord(message)
        found[key] = _VALUES.get(key, bytes)(value)
    if _NO_DEFAULT_ALPN in found and _ALPN not in found:
        raise BadRecord("no-default-alpn needs alpn beside it")  # noqa: EM101
    needed = found.get(_MANDATORY, b"")
    if any(int.from_bytes(needed[at : at + 2], "big") not in found for at in range(0, len(needed), 2)):
        raise BadRecord("mandatory names a parameter that is not there")  # noqa: EM101
    return b"".join(
        key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in sorted(found.items())
    )


def _key(name: str) -> int:
    known = _KEYS.get(name.lower())
    if known is not None:
        return known
    numbered = _NUMBERED.fullmatch(name.lower())
    if numbered is None or int(numbered[1]) >= 0xFFFF:
        message = f"no parameter of a service; those are {', '.join(_KEYS)} and key0 to key65534"
        raise BadRecord(message)
    number = int(numbered[1])
    if number < len(_KEYS):  # its value would have to be in wire form (RFC 9460 2.1)
        message = f"{list(_KEYS)[number]} is written by its name, not as key{number}"
        raise BadRecord(message)
    return number


def _mandatory(value: bytes) -> bytes:
    keys = sorted(_key(one.decode("ascii", "replace")) for one in value.split(b","))
    if len(set(keys)) < len(keys) or _MANDATORY in keys:
        raise BadRecord("mandatory names each parameter once, and not itself")  # noqa: EM101
    return b"".join(key.to_bytes(2, "big") for key in keys)


def _protocols(value: bytes) -> bytes:
    """The value is escaped twice: as a string, and within the list (RFC 9460 A.1), where ``\\,`` is no separator."""
    names = []
    at = 0
    while True:
        item = _ITEM.match(value, at)
        if item is None:
            raise BadRecord("alpn with a backslash at its end")  # noqa: EM101
        names.append(re.sub(rb"\\(.)", rb"\1", item[1], flags=re.DOTALL))
        if not item[2]:
            break
        at = item.end()
    if not all(names) or max(map(len, names)) > MAX_STRING:
        raise BadRecord("alpn with an empty name, or one of more than 255 octets")  # noqa: EM101
    return b"".join(bytes((len(name),)) + name for name in names)


def _port(value: bytes) -> bytes:
    return number16(_text(value), "port")


def _ipv4_addresses(value: bytes) -> bytes:
    return b"".join(ipv4(one) for one in _text(value).split(","))


def _ipv6_addresses(value: bytes) -> bytes:
    return b"".join(ipv6(one) for one in _text(value).split(","))


def _ech(value: bytes) -> bytes:
    """A list of configurations: two octets of length, then as many (RFC 9849 section 4)."""
    try:
        raw = binascii.a2b_base64(value, strict_mode=True)
    except binascii.Error:
        raise BadRecord("ech is base64") from None  # noqa: EM101
    if len(raw) < 6 or int.from_bytes(raw[:2], "big") != len(raw) - 2:
        raise BadRecord("ech is no list of configurations")  # noqa: EM101
    return raw


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


_VALUES: dict[int, Callable[[bytes], bytes]] = {
    _MANDATORY: _mandatory,
    _ALPN: _protocols,
    _KEYS["port"]: _port,
    _KEYS["ipv4hint"]: _ipv4_addresses,
    _KEYS["ech"]: _ech,
    _KEYS["ipv6hint"]: _ipv6_addresses,
    _KEYS["dohpath"]: bytes,
}
