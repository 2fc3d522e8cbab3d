"""Takes away what nobody is to know, from the records themselves: so log, live view, top lists and figures agree by construction."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import (
    NO_LIST,
    decode_subject,
    encode_frame,
    encode_singles,
    encode_subject,
)
from mirage_hole.observe.segments import BadFrame, read_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

LEVELS: Final = ("full", "hide-names", "hide-clients", "statistics")
HIDDEN: Final = {4: bytes(4), 16: bytes(16)}
"""What stands for a client, by the length of the address."""
ROOT: Final = b"\0"


class Privacy:
    """A level, and the clients about whom nothing is known."""

    def __init__(self, level: str = "full", exclude: Sequence[str] = ()) -> None:
        """``level``: one of ``LEVELS``; ``exclude``: networks in CIDR notation."""
        self.hides_names = level in {"hide-names", "statistics"}
        self.hides_clients = level in {"hide-clients", "statistics"}
        self.logs = level != "statistics"
        networks = [ip_network(text) for text in exclude]
        self._excluded = networks
        self.changes = self.hides_names or self.hides_clients or bool(networks)
        self._is_excluded = lru_cache(4096)(lambda client: _within(client, networks))

    def excludes(self, client: bytes) -> bool:
        """Whether nothing is to be known of this client (address octets)."""
        return bool(self._excluded) and self._is_excluded(client)

    def redact(self, octets: bytes) -> bytes:
        """A frame of records without what is hidden; one that can't be read stays as it is, for whoever counts those."""
        if not self.changes:
            return octets
        try:
            frame = read_frame(octets)
        except BadFrame:
            return octets
        segments = []
        for segment in frame.segments:
            durations = segment.durations or (0.0,) * len(segment.subjects)
            by_length: dict[int, tuple[list[bytes], list[float], list[bytes]]] = {}
            for client, duration, subject in zip(segment.clients, durations, segment.subjects, strict=True):
                excluded = self.excludes(client)
                clients, times, subjects = by_length.setdefault(len(client), ([], [], []))
                clients.append(HIDDEN[len(client)] if excluded or self.hides_clients else client)
                times.append(duration)
                subjects.append(_nameless(subject) if excluded or self.hides_names else subject)
            segments += [
                encode_singles(segment.at, segment.transport, clients, times, subjects)
                for clients, times, subjects in by_length.values()
            ]
        return encode_frame(frame.generation, segments)


def is_hidden(client: bytes) -> bool:
    """Whether these octets stand for somebody who is hidden."""
    return client == HIDDEN.get(len(client))


@lru_cache(8192)
def _nameless(encoded: bytes) -> bytes:
    """A subject without the name, and without the rule, which would tell it."""
    subject = decode_subject(encoded)
    rule = ROOT if subject.list_id != NO_LIST else b""
    return encode_subject(subject._replace(name=ROOT, rule=rule, line=0, text=""))


def _within(client: bytes, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    address = ip_address(client)
    return any(address in network for network in networks)
