"""Kinds of text that many routes take: each checks itself, and says what to write instead.

They are annotations: ``name: DomainName`` in a struct is all that a route has to say.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Annotated, Final

from msgspec import Meta

from mirage_hole.wire.codes import type_number
from mirage_hole.wire.names import BadName, from_text

MAX_NAME_TEXT: Final = 1020
"""Characters: the longest name with each octet escaped."""


def check_domain(text: str) -> tuple[str, str] | None:
    """What is wrong with a domain name, and what to write instead."""
    try:
        from_text(text)
    except BadName as problem:
        return f"{_shown(text)} is no domain name: {problem}", "a name such as www.example.com"
    return None


def check_type(text: str) -> tuple[str, str] | None:
    """What is wrong with a record type."""
    try:
        type_number(text)
    except ValueError:
        return f"{_shown(text)} is no record type", "AAAA or TYPE65"
    return None


def check_address(text: str) -> tuple[str, str] | None:
    """What is wrong with an address."""
    try:
        ip_address(text)
    except ValueError:
        return f"{_shown(text)} is no address", "192.168.1.7 or 2001:db8::7"
    return None


def check_network(text: str) -> tuple[str, str] | None:
    """What is wrong with an address or network."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return f"{_shown(text)} is no address and no network", "192.168.1.7 or 192.168.1.0/24"
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")


DomainName = Annotated[
    str,
    Meta(
        max_length=MAX_NAME_TEXT,
        description="A domain name; octets that are no printable ASCII as in zone files.",
        examples=["www.example.com"],
        extra={"check": check_domain},
    ),
]
"""May be empty, where that means none: ``Annotated[DomainName, Meta(min_length=1)]`` where it is needed."""
RecordType = Annotated[
    str,
    Meta(max_length=16, description="A record type.", examples=["AAAA"], extra={"check": check_type}),
]
Address = Annotated[
    str,
    Meta(max_length=64, description="An IP address.", examples=["192.168.1.7"], extra={"check": check_address}),
]
Network = Annotated[
    str,
    Meta(
        max_length=64,
        description="An IP address or a network.",
        examples=["192.168.1.0/24"],
        extra={"check": check_network},
    ),
]
Limit = Annotated[int, Meta(ge=1, le=1000, description="At most so many.", examples=[100])]
"""Of one page."""
