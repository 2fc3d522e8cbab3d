"""The lease files of dnsmasq, ISC dhcpd (dhcpd.leases(5)) and Kea (memfile), line by line: leases, and what makes no sense."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.spelling import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOREVER: Final = float("inf")
_NEVER_ENDS: Final = 0xFFFFFFFF
_MAX_SECONDS: Final = 1 << 40
"""Since the epoch: no true time is later."""

_DNSMASQ_WORDS: Final = 4
_OPENED = re.compile(r'(?:lease|iaaddr)\s+"?([^\s"{]+)"?\s*\{')
_STATEMENT = re.compile(r"\s*([a-z-]+(?:\s+(?:state|[a-z-]+(?=\s*=)))?)\s*=?\s*(.*?);\s*(?:#.*)?")
_TIME = re.compile(r"(?:[0-6]\s+)?(\d{4})/(\d\d)/(\d\d)\s+(\d\d):(\d\d):(\d\d)", re.ASCII)
_EPOCH = re.compile(r"epoch\s+(\d{1,12})", re.ASCII)
_KEA_ACTIVE: Final = "0"
_KEA_ADDRESS: Final = "0"
_KEA_ESCAPE = re.compile(r"&#x([0-9a-fA-F]{2})")


class BadLease(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A line that makes no sense; the message says why."""


class Lease(NamedTuple):
    """Who has which address until when."""

    address: bytes
    """4 or 16 octets."""
    name: str
    """As the client calls itself; empty for none."""
    ends_at: float
    """Seconds since the epoch; below any time for a lease that was given back, infinite for one without end."""


def dnsmasq_leases(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, Lease | BadLease]]:
    """``1732360000 aa:bb:cc:dd:ee:ff 192.168.1.7 nas 01:aa…``: end (0: never), hardware or IAID, address, name or ``*``."""
    for number, line in lines:
        words = line.split()
        if words[0] == "duid":
            continue
        try:
            if len(words) < _DNSMASQ_WORDS:
                raise BadLease("no lease; those look so: 1732360000 aa:bb:cc:dd:ee:ff 192.168.1.7 nas *")  # noqa: EM101
            ends_at = _seconds(words[0])
            name = "" if words[3] == "*" else words[3]
            yield number, Lease(_address(words[2]), name, ends_at or FOREVER)
        except BadLease as problem:
            yield number, problem


def dhcpd_leases(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, Lease | BadLease]]:
    """``lease 192.168.1.7 { … client-hostname "nas"; }``, and ``iaaddr`` within ``ia-na``. Other blocks are passed over."""
    depth = 0
    begun = opened = 0
    address = b""
    told: dict[str, str] = {}
    for number, line in lines:
        bare = line.strip()
        if bare.endswith("{"):
            depth += 1
            found = _OPENED.fullmatch(bare)
            if found and not begun:
                try:
                    address, begun, opened, told = _address(found[1]), depth, number, {}
                except BadLease as problem:
                    yield number, problem
        elif bare.startswith("}"):
            if depth == begun and begun:
                begun = 0
                yield opened, _dhcpd_lease(address, told)
            depth = max(depth - 1, 0)
        elif begun == depth and begun:
            statement = _STATEMENT.fullmatch(bare)
            if statement:
                told[" ".join(statement[1].split())] = statement[2]
    if begun:
        yield opened, BadLease("a lease without its closing brace")


def _dhcpd_lease(address: bytes, told: dict[str, str]) -> Lease | BadLease:
    name = told.get("client-hostname") or told.get("set ddns-fwd-name") or ""
    if told.get("binding state", "active") != "active":
        return Lease(address, "", 0.0)
    try:
        return Lease(address, name.strip('"'), _dhcpd_time(told.get("ends", "never")))
    except BadLease as problem:
        return problem


def _dhcpd_time(text: str) -> float:
    if text == "never":
        return FOREVER
    if epoch := _EPOCH.fullmatch(text):
        return _seconds(epoch[1])
    found = _TIME.fullmatch(text)
    try:
        if found is not None:
            year, month, day, hour, minute, second = (int(one) for one in found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        pass
    message = f"{printable(text, 60)!r} is no time; those look so: 4 2026/11/19 10:00:00"
    raise BadLease(message)


def kea_leases(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, Lease | BadLease]]:
    """A table with commas; its first line names the columns. A file grows until it is cleaned, so headers may come again."""
    columns: dict[str, int] = {}
    for number, line in lines:
        values = line.strip().split(",")
        if values[0] == "address":
            columns = {name: place for place, name in enumerate(values)}
            continue
        try:
            yield number, _kea_lease(columns, values)
        except BadLease as problem:
            yield number, problem


def _kea_lease(columns: dict[str, int], values: list[str]) -> Lease:
    def value(name: str, otherwise: str = "") -> str:
        place = columns.get(name)
        if place is None:
            return otherwise
        if place >= len(values):
            message = f"{len(values)} values, while {name} is value {place + 1}"
            raise BadLease(message)
        return values[place]

    address = _address(value("address"))
    if value("state", _KEA_ACTIVE) != _KEA_ACTIVE or value("lease_type", _KEA_ADDRESS) != _KEA_ADDRESS:
        return Lease(address, "", 0.0)
    lifetime = _seconds(value("valid_lifetime"))
    ends_at = _seconds(value("expire"))
    name = _KEA_ESCAPE.sub(lambda octet: chr(int(octet[1], 16)), value("hostname"))
    # RFC 2131 3.3: a lifetime of all ones never ends. One of 0 is a lease that was given back.
    return Lease(address, name, FOREVER if lifetime == _NEVER_ENDS else ends_at if lifetime else 0.0)


def _seconds(text: str) -> float:
    if not (text.isascii() and text.isdigit()) or len(text) > 13 or int(text) > _MAX_SECONDS:
        message = f"{printable(text, 60)!r} is no time in seconds since 1970"
        raise BadLease(message)
    return float(int(text))


def _address(text: str) -> bytes:
    try:
        if "%" not in text:
            return ip_address(text).packed
    except ValueError:
        pass
    message = f"{printable(text, 60)!r} is no address"
    raise BadLease(message)
