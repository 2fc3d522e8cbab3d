"""Frames for tests: records as the workers write them."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from mirage_hole.lists.rule import Scope
from mirage_hole.observe.record import (
    NO_LIST,
    NO_UPSTREAM,
    UDP,
    Subject,
    encode_frame,
    encode_replays,
    encode_singles,
    encode_subject,
)
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = 1_700_049_600.0  # a whole minute, hour and six hours


def subject(
    name: str, outcome: Outcome = Outcome.FORWARDED, *, qtype: int = 1, rcode: int = 0, upstream: int = NO_UPSTREAM
) -> bytes:
    """What no rule decided."""
    return encode_subject(Subject(outcome, rcode, qtype, NO_LIST, 0, b"", 0, upstream, from_text(name)))


def ruled(
    name: str, rule: str, *, list_id: int = 0, line: int = 7, outcome: Outcome = Outcome.BLOCKED, qtype: int = 1,
    text: str = "",
) -> bytes:  # fmt: skip
    """What a rule decided; ``text`` of one that is more than a name."""
    scope = Scope.EXACT if rule == name else Scope.SUBTREE
    return encode_subject(
        Subject(outcome, 0, qtype, list_id, line, from_text(rule), scope, NO_UPSTREAM, from_text(name), text)
    )


def socket_address(client: str, port: int = 40000) -> bytes:
    """``sockaddr_in`` or ``sockaddr_in6`` as the kernel fills it in."""
    if ":" in client:
        octets = socket.inet_pton(socket.AF_INET6, client)
        return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + octets + bytes(4)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(client) + bytes(8)


def octets(client: str) -> bytes:
    """Address octets."""
    return socket.inet_pton(socket.AF_INET6 if ":" in client else socket.AF_INET, client)


def replays(at: float, queries: Sequence[tuple[str, bytes]], transport: int = UDP) -> bytes:
    """A segment of replayed answers to clients of one family."""
    addresses = [socket_address(client) for client, _ in queries]
    return encode_replays(at, transport, len(addresses[0]), b"".join(addresses), [told for _, told in queries])


def single(at: float, client: str, told: bytes, duration: float = 0.02, transport: int = UDP) -> bytes:
    """A segment of one query."""
    return encode_singles(at, transport, [octets(client)], [duration], [told])


def singles(at: float, queries: Sequence[tuple[str, bytes, float]], transport: int = UDP) -> bytes:
    """A segment of queries (client, subject, duration) from clients of one family."""
    clients, told, durations = zip(*queries, strict=True)
    return encode_singles(at, transport, [octets(client) for client in clients], durations, told)


def frame(*segments: bytes, generation: int = 1) -> bytes:
    """A frame of segments."""
    return encode_frame(generation, list(segments))
