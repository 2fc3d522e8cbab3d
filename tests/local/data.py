"""Local data for tests, written as zone files have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.local.assembly import assemble
from mirage_hole.local.record import Record
from mirage_hole.local.records import read_data, read_owner, read_type
from mirage_hole.local.store import LocalData, Own
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Iterable


def a_record(text: str) -> Record:
    """``nas.lan 60 A 192.168.1.5``, with ``@10.8.0.0/16,fd00::/8`` behind it for some clients only."""
    name, ttl, kind, value = text.split(" ", 3)
    value, _, networks = value.partition(" @")
    rrtype = read_type(kind)
    owner, wildcard = read_owner(name, rrtype)
    return Record(
        owner, rrtype, read_data(rrtype, value), int(ttl), tuple(networks.split(",")) if networks else (), wildcard
    )


def local_data(records: Iterable[str], domain: str = "", own: Own | None = None) -> LocalData:
    """What counts of these records."""
    zone = from_text(domain) if domain else b""
    return LocalData(assemble([[a_record(text) for text in records]], zone).records, zone, own)
