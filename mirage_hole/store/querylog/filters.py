"""What somebody looks for in the query log, and the subjects and clients of a day that it means."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

Network = IPv4Network | IPv6Network
_MAPPED = bytes(10) + b"\xff\xff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Every field narrows the search; an empty one does not. Of several values one is enough."""

    name: str = ""
    """A part of the name, lower-case; ``=www.example`` is the whole name, ``.example.com`` that name and all below it."""
    clients: tuple[Network, ...] = ()
    types: frozenset[int] = frozenset()
    outcomes: frozenset[int] = frozenset()
    rcodes: frozenset[int] = frozenset()
    transports: frozenset[int] = frozenset()
    lists: frozenset[str] = frozenset()
    """Titles."""
    rule: str = ""
    """A part of the rule."""
    upstreams: frozenset[str] = frozenset()
    """Addresses."""
    since: float = 0.0
    """Seconds since the epoch; 0: no bound."""
    until: float = 0.0
    """The first moment that is too late; 0: no bound."""


def subject_tests(wanted: Filter) -> tuple[str, list[object]]:
    """(what SQL asks of a row of ``subjects``, its values); an empty text: nothing."""
    tests: list[str] = []
    values: list[object] = []
    if wanted.name.startswith("="):
        tests.append("subjects.name = ?")
        values.append(wanted.name[1:])
    elif wanted.name.startswith("."):
        tests.append("(subjects.name = ? OR substr(subjects.name, ?) = ?)")
        values += [wanted.name[1:], -len(wanted.name), wanted.name]
    elif wanted.name:
        tests.append("instr(subjects.name, ?) > 0")  # not LIKE: nothing in the text means anything there
        values.append(wanted.name)
    for column, numbers in (
        ("type", wanted.types),
        ("outcome", wanted.outcomes),
        ("rcode", wanted.rcodes),
        ("transport", wanted.transports),
    ):
        if numbers:
            tests.append(f"subjects.{column} IN ({_marks(numbers)})")
            values += sorted(numbers)
    for column, texts in (("list", wanted.lists), ("upstream", wanted.upstreams)):
        if texts:
            tests.append(f"subjects.{column} IN (SELECT number FROM texts WHERE text IN ({_marks(texts)}))")
            values += sorted(texts)
    if wanted.rule:
        tests.append("subjects.rule IN (SELECT number FROM texts WHERE instr(text, ?) > 0)")
        values.append(wanted.rule)
    return " AND ".join(tests), values


def clients_of(connection: sqlite3.Connection, wanted: Filter) -> list[int] | None:
    """The numbers of a day's clients that it means; None: all."""
    if not wanted.clients:
        return None
    single = {
        network.network_address.packed for network in wanted.clients if network.prefixlen == network.max_prefixlen
    }
    found = []
    if single:
        rows = connection.execute(f"SELECT number FROM clients WHERE address IN ({_marks(single)})", sorted(single))
        found += [number for (number,) in rows]
    wide = [network for network in wanted.clients if network.prefixlen != network.max_prefixlen]
    if wide:
        ranges = [(network.network_address.packed, network.broadcast_address.packed) for network in wide]
        for number, address in connection.execute("SELECT number, address FROM clients"):
            if any(len(low) == len(address) and low <= address <= high for low, high in ranges):
                found.append(number)
    return sorted(set(found))


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
