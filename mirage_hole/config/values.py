"""The small languages of the settings: sizes, durations, endpoints, networks. Each parser says what to write instead."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NoReturn

from mirage_hole.config.problem import BadValue
from mirage_hole.config.settled import PRIVATE_NETWORKS, Endpoint, HostName, Server
from mirage_hole.wire.names import BadName, from_text, to_text

MAX_TEXT = 100  # characters; longer than any address, size or time

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]?)(?:i?b)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)? ?(?:ms|[smhdw]) ?)+", re.IGNORECASE)
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|[smhdw])", re.IGNORECASE)
_DURATION_UNITS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_ZONE = re.compile(r"[A-Za-z0-9_.:@-]{1,15}")  # an interface's name or number; IFNAMSIZ is 16 with the final zero
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")


def parse_size(value: int | str) -> int:
    """``16M``, ``64MiB``, ``1.5 GB``, ``4096`` -> bytes. Units are powers of 1024, with or without ``iB``.

    Raises:
        BadValue: anything else.
    """
    if isinstance(value, int):
        if value < 0:
            refuse("a size can't be negative", "a size such as 16MiB")
        return value
    match = _SIZE.fullmatch(_text(value, "a size such as 16MiB"))
    if match is None:
        refuse("not a size", "a number with K, M or G behind it, such as 16MiB")
    number, unit = match.groups()
    whole, _, fraction = number.partition(".")
    factor = _SIZE_UNITS[unit.lower()]
    return int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)


def format_size(size: int) -> str:
    """Bytes -> the shortest text that :func:`parse_size` reads back as the same number."""
    for unit in "tgmk":
        if size and size % _SIZE_UNITS[unit] == 0:
            return f"{size // _SIZE_UNITS[unit]}{unit.upper()}iB"
    return f"{size}"


def parse_duration(value: float | str) -> float:
    """``5``, ``1.5s``, ``500ms``, ``24h``, ``1h30m`` -> seconds. A number without a unit is seconds.

    Raises:
        BadValue: anything else, also what is negative or not finite.
    """
    if isinstance(value, (int, float)):
        if not 0 <= value < 1e12:  # also refuses the nan and inf of TOML
            refuse("not a length of time", "a time such as 5s, 500ms or 24h")
        return float(value)
    text = _text(value, "a time such as 5s, 500ms or 24h")
    if _NUMBER.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        refuse("not a length of time", "a number with ms, s, m, h or d behind it, such as 5s or 24h")
    return sum(float(number) * _DURATION_UNITS[unit.lower()] for number, unit in _DURATION_PART.findall(text))


def format_duration(seconds: float) -> str:
    """Seconds -> text that :func:`parse_duration` reads back as the same number: ``24h``, ``90s``, ``500ms``."""
    if seconds and seconds == int(seconds):
        for unit in ("w", "d", "h", "m"):
            if seconds % _DURATION_UNITS[unit] == 0 and seconds > _DURATION_UNITS[unit]:
                return f"{int(seconds // _DURATION_UNITS[unit])}{unit}"
    millis = round(seconds * 1000)
    if 0 < millis < 1000 and parse_duration(f"{millis}ms") == seconds:
        return f"{millis}ms"
    return f"{seconds:.12f}".rstrip("0").rstrip(".") + "s"


def parse_endpoint(value: str, port: int) -> Endpoint:
    """``192.0.2.1``, ``192.0.2.1:53``, ``::1``, ``[::1]:53``, ``fe80::1%eth0`` -> an address and a port.

    An IPv6 address with a port needs brackets, since ``::1:53`` is an address of its own (RFC 5952 section 6).

    Args:
        port: for a text without one.

    Raises:
        BadValue: no such address or port; a host name, since looking it up would need the resolver we are.
    """
    text = _text(value, "an address such as 192.168.1.2 or [::1]:5353")
    address, port_text = _split_port(text)
    parsed = _parse_address(address, port_text)
    if port_text is None:
        return Endpoint(parsed, port)
    return Endpoint(parsed, _port(port_text, str(Endpoint(parsed, port or 53))))


def _port(text: str, instead: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        refuse("the port is no number from 1 to 65535", instead)
    return int(text)


def parse_server(value: str, port: int) -> Server:
    """An endpoint as in :func:`parse_endpoint`, or ``dns.example``, ``dns.example:5353``, ``dns.example@192.0.2.1:5353``.

    A name whose last label is a number is a mistyped address (RFC 3696 2).

    Raises:
        BadValue: neither.
    """
    text = _text(value, "an address such as 9.9.9.9, or a name such as dns.example")
    scheme, slashes, rest = text.partition("://")
    if slashes:
        host = rest.partition("/")[0].partition("@")[0]
        refuse(f"{scheme}:// is not spoken here: resolvers are asked over UDP and TCP", host or "9.9.9.9")
    name, at, behind = text.partition("@")
    if at:
        endpoint = parse_endpoint(behind, port)
        return HostName(_host_name(name), endpoint.port, endpoint.address)
    name, port_text = _split_port(text)
    last = name.rstrip(".").rpartition(".")[2]
    if not _HOST_NAME.fullmatch(name) or not any(map(str.isalpha, last)) or name.lower().rstrip(".") == "localhost":
        return parse_endpoint(text, port)
    if port_text is None:
        return HostName(_host_name(name), port)
    return HostName(_host_name(name), _port(port_text, f"{name}:{port or 53}"))


def _host_name(text: str) -> str:
    instead = "a name such as dns.example, or dns.example@192.0.2.1 with its address"
    if not _HOST_NAME.fullmatch(text):
        refuse(f"{text!r} is no host name", instead)
    try:
        return to_text(from_text(text)).rstrip(".")
    except BadName as problem:
        refuse(str(problem), instead)


def parse_network(value: str) -> tuple[str, ...]:
    """``192.168.0.0/16``, ``2001:db8::1`` or ``private`` -> networks in canonical CIDR notation.

    Raises:
        BadValue: no such network, or one with bits behind its prefix.
    """
    text = _text(value, "a network such as 192.168.0.0/16")
    if text.lower() == "private":
        return PRIVATE_NETWORKS
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        refuse("not a network", "a network such as 192.168.0.0/16 or 2001:db8::/32, or private")
    address = text.partition("/")[0]
    if ip_address(address) != network.network_address:
        refuse("the address has bits behind its prefix", f"{network} or {address}")
    return (str(network),)


def parse_ipv4(value: str) -> str:
    """An IPv4 address in canonical form; BadValue for anything else."""
    try:
        return str(IPv4Address(value.strip()))
    except ValueError:
        refuse("not an IPv4 address", "an IPv4 address such as 192.168.1.2")


def parse_ipv6(value: str) -> str:
    """An IPv6 address without a zone in canonical form; BadValue for anything else."""
    try:
        address = IPv6Address(value.strip())
    except ValueError:
        address = None
    if address is None or address.scope_id:
        refuse("not an IPv6 address", "an IPv6 address such as fd00::2")
    return str(address)


def refuse(problem: str, instead: str) -> NoReturn:
    """Raise :class:`BadValue`."""
    raise BadValue(problem, instead)


def _text(value: str, instead: str) -> str:
    text = value.strip()
    if not text:
        refuse("empty", instead)
    if len(text) > MAX_TEXT:
        refuse(f"{len(text)} characters are too many", instead)
    return text


def _split_port(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            refuse("the brackets don't fit", "[::1] or [::1]:5353")
        return address, rest[1:] if rest else None
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return address, port
    return text, None


def _parse_address(text: str, port: str | None) -> str:
    bare, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        refuse("the part behind % is no interface", f"the name of an interface, such as {bare}%eth0")
    try:
        parsed = ip_address(bare)
    except ValueError:
        _refuse_address(text, port)
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped and not zone else str(parsed) + percent + zone
    if percent:
        refuse("an IPv4 address has no zone", bare)
    return str(parsed)


def _refuse_address(text: str, port: str | None) -> NoReturn:
    tail = f":{port}" if port else ""
    if not text:
        refuse("the address is missing", f"0.0.0.0{tail} or [::]{tail}")  # noqa: S104 - in a message
    if "://" in f"{text}:{port}":
        refuse("a URL, not an address", "the plain address, such as 9.9.9.9 or [2620:fe::fe]:53")
    if "#" in text:
        refuse("the port is separated by #", f"a colon: {text.replace('#', ':', 1)}")
    if text.isascii() and text.isdigit():
        refuse("a port without an address", f"127.0.0.1:{text} or 0.0.0.0:{text}")
    if text.lower().rstrip(".") == "localhost":
        refuse("a host name, not an address", f"127.0.0.1{tail} or [::1]{tail}")
    if _HOST_NAME.fullmatch(text) and any(character.isalpha() for character in text):
        refuse(
            "a host name, not an address; finding its address would need this very resolver",
            f"its address; `getent hosts {text}` shows it",
        )
    refuse("not an IP address", "an address such as 192.168.1.2, 192.168.1.2:53 or [::1]:5353")
