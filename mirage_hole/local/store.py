"""What is local, as the resolver asks for it: records by name, wildcards, the domain that is answered here, own addresses.

Immutable: a change makes a new one. A record costs some 260 octets.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.local.special import CANARIES, TOPS
from mirage_hole.wire.names import labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mirage_hole.local.record import Record

_MAPPED: Final = bytes(10) + b"\xff\xff"  # RFC 4291 2.5.5.2
_LONG: Final = 16


class RR(NamedTuple):
    """One record of a name that is known."""

    rrtype: int
    ttl: int
    """Seconds."""
    rdata: bytes
    """Wire form, names in it whole."""


class Network(NamedTuple):
    """Addresses that begin alike."""

    size: int
    """Octets of an address."""
    prefix: int
    """Bits that they have in common."""
    number: int
    """Those bits."""

    def holds(self, client: bytes) -> bool:
        """Whether an address is in it."""
        return len(client) == self.size and int.from_bytes(client, "big") >> self.size * 8 - self.prefix == self.number


class Split:
    """The records of a name that depend on who asks."""

    __slots__ = ("otherwise", "views")

    def __init__(self, views: Mapping[str, tuple[RR, ...]], otherwise: tuple[RR, ...] | None) -> None:
        """``views``: records by network, in CIDR notation; ``otherwise``: for clients in none of them, None if there are none."""
        self.views = sorted(
            ((network_of(text), records) for text, records in views.items()), key=lambda view: -view[0].prefix
        )
        self.otherwise = otherwise

    def of(self, client: bytes) -> tuple[RR, ...] | None:
        """What the most specific network says that the client is in."""
        if len(client) == _LONG and client.startswith(_MAPPED):
            client = client[12:]
        for network, records in self.views:
            if network.holds(client):
                return records
        return self.otherwise


def network_of(text: str) -> Network:
    """An address or CIDR notation; host bits are ignored.

    Raises:
        ValueError: it is no network.
    """
    network = ip_network(text, strict=False)
    size = len(network.network_address.packed)
    return Network(size, network.prefixlen, int(network.network_address) >> size * 8 - network.prefixlen)


class Own(NamedTuple):
    """The server itself."""

    names: frozenset[bytes] = frozenset()
    """What it is called, folded wire form."""
    addresses: Split | None = None
    """Where it is, as A and AAAA records, by who asks. None: it does not know."""


class LocalData:
    """Everything local. ``names`` and ``tops`` are for the one cheap test that tells whether a name is of interest at all."""

    __slots__ = ("_above", "_wild", "domain", "names", "own", "size", "tells_apart", "tops")

    def __init__(self, records: Iterable[Record] = (), domain: bytes = b"", own: Own | None = None) -> None:
        """``domain``: its names exist here or nowhere, folded wire form; empty for none."""
        self.size = 0
        """Records."""
        self.tells_apart = False
        """Whether answers depend on who asks."""
        self.names: dict[bytes, tuple[RR, ...] | Split | None] = dict.fromkeys(CANARIES)
        """Names with records; None for names that are of interest for another reason."""
        self._wild: dict[bytes, tuple[RR, ...] | Split] = {}
        self._above: set[bytes] = set()
        for (name, wildcard), held in self._gathered(records):
            if wildcard:
                self._wild[name] = held
                self._above.add(name)
            else:
                self.names[name] = held
            for at in labels_of(name)[1:]:
                self._above.add(name[at:])
        self.own = own or Own()
        for name in self.own.names:
            self.names.setdefault(name, None)
        self.domain = domain
        self.tops = TOPS | {_top(name) for name in (*self._wild, *((domain,) if domain else ()))}
        """Last labels of names that may be of interest though they are not in ``names``."""

    def _gathered(self, records: Iterable[Record]) -> Iterator[tuple[tuple[bytes, bool], tuple[RR, ...] | Split]]:
        """Names, whether they are wildcards, and what is held of them."""
        # Nearly every name has one record, for everybody: no dictionary and no list for those, as there may be many.
        alone: dict[bytes, RR | list[RR]] = {}
        split: dict[tuple[bytes, bool], dict[str, list[RR]]] = {}
        for name, rrtype, rdata, ttl, networks, wildcard in records:
            self.size += 1
            record = RR(rrtype, ttl, rdata)
            if wildcard or networks:
                views = split.setdefault((name, wildcard), {})
                for network in networks or ("",):
                    views.setdefault(network, []).append(record)
                continue
            there = alone.setdefault(name, record)
            if there is record:
                continue
            if type(there) is list:
                there.append(record)
            else:
                alone[name] = [there, record]  # type: ignore[list-item]
        for (name, wildcard), views in split.items():
            common = None if wildcard else alone.pop(name, None)
            if common is not None:
                views[""] = common if type(common) is list else [common]  # type: ignore[list-item]
            yield (name, wildcard), self._held(views)
        for name, there in alone.items():
            yield (name, False), tuple(there) if type(there) is list else (there,)  # type: ignore[misc]

    def _held(self, views: dict[str, list[RR]]) -> tuple[RR, ...] | Split:
        by_network = {network: tuple(records) for network, records in views.items()}
        otherwise = by_network.pop("", None)
        if not by_network:
            return otherwise or ()
        self.tells_apart = True
        return Split(by_network, otherwise)

    def of(self, name: bytes, labels: tuple[int, ...], client: bytes) -> tuple[RR, ...] | None:
        """The records of a name for a client, of all types; none when there are only names below it. None: it is not local.

        A wildcard is for names that are not there themselves and have nobody between (RFC 4592 3.3.1). Where networks
        are named, the records of the most specific one that the client is in count, and no others of that name.
        """
        held = self.names.get(name)
        if held is not None:
            records = held.of(client) if type(held) is Split else held
            if records is not None:
                return records  # type: ignore[return-value]
        if name in self._above:
            return ()
        if self._wild:
            for at in labels[1:]:
                closest = name[at:]
                held = self._wild.get(closest)
                if held is not None:
                    return held.of(client) if type(held) is Split else held  # type: ignore[return-value]
                if closest in self._above or self.names.get(closest) is not None:
                    return None
        return None

    def is_at_home(self, name: bytes, labels: tuple[int, ...]) -> bool:
        """Whether a name is in the domain that is answered here."""
        domain = self.domain
        return bool(domain) and name.endswith(domain) and len(name) - len(domain) in (*labels, 0)

    def of_own(self, client: bytes) -> tuple[RR, ...]:
        """Where this server is for a client."""
        return (self.own.addresses.of(client) or ()) if self.own.addresses is not None else ()


def _top(name: bytes) -> bytes:
    return name[labels_of(name)[-1] :]


NOTHING: Final = LocalData()
