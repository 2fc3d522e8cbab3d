"""Local data as plain values, which travel as JSON from the control plane to the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mirage_hole.local.record import OWN_TTL, Record
from mirage_hole.local.store import RR, LocalData, Own, Split
from mirage_hole.wire.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

VERSION: Final = 1


class BadStored(ValueError):  # noqa: N818 - reads as what it is at the raise
    """It is not what :func:`encode` gives; the message says why."""


def encode(
    records: Iterable[Record],
    domain: bytes,
    own_names: Sequence[bytes] = (),
    own_addresses: Mapping[str, Sequence[bytes]] | None = None,
) -> dict[str, Any]:
    """What :func:`decode` reads.

    Args:
        records: what counts.
        domain: that is answered here, or empty.
        own_names: of the server, folded wire form.
        own_addresses: octets of the server's addresses by the network of who asks; ``""`` for everybody else.
    """
    return {
        "version": VERSION,
        "domain": domain.hex(),
        "own": [name.hex() for name in own_names],
        "addresses": {text: [one.hex() for one in octets] for text, octets in (own_addresses or {}).items()},
        "records": [
            [name.hex(), rrtype, rdata.hex(), ttl, list(networks), wildcard]
            for name, rrtype, rdata, ttl, networks, wildcard in records
        ],
    }


def decode(stored: object) -> LocalData:
    """What is local.

    Raises:
        BadStored: it is not what :func:`encode` gives, or another version's.
    """
    if not isinstance(stored, dict) or stored.get("version") != VERSION:
        message = f"no local data of version {VERSION}"
        raise BadStored(message)
    try:
        hexed = bytes.fromhex
        records = (
            Record(hexed(name), int(rrtype), hexed(rdata), int(ttl), tuple(networks), bool(wildcard))
            for name, rrtype, rdata, ttl, networks, wildcard in stored["records"]
        )
        views = {text: _addresses(octets) for text, octets in stored["addresses"].items()}
        otherwise = views.pop("", None)
        addresses = Split(views, otherwise) if views or otherwise else None
        own = Own(frozenset(map(hexed, stored["own"])), addresses)
        return LocalData(records, hexed(stored["domain"]), own)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
        message = f"damaged local data: {problem!r}"
        raise BadStored(message) from problem


def _addresses(octets: Sequence[str]) -> tuple[RR, ...]:
    found = (bytes.fromhex(one) for one in octets)
    return tuple(RR(RRType.A if len(one) == 4 else RRType.AAAA, OWN_TTL, one) for one in found)
