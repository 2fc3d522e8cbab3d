"""What a visitor may take. Times are in seconds."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field
from typing import Final

MOST_CONNECTIONS: Final = 128


def affordable() -> int:
    """Connections that leave descriptors for the rest of the process, which must be able to start a worker at any time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 4)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the web server."""

    connections: int = field(default_factory=affordable)
    connections_per_client: int = 64
    """And of one address; of a proxy's clients, requests at the same time."""
    listeners: int = 32
    """Live streams at the same time."""
    listeners_per_client: int = 8
    """And from one address."""
    recheck: float = 2.0
    """So often it is looked whether a listener still may: its session or token may have ended."""
    request_time: float = 30.0
    """From the connection, or the last request on it, to the end of the answer."""
    keep_alive: float = 15.0
    """A connection without a request is closed."""
    line_octets: int = 4096
    """The request line, and each header."""
    headers: int = 64
    tick: float = 0.5
    """Between two looks for news for the live streams."""
    heartbeat: float = 15.0
    """A live stream without news says so this often."""
    write_time: float = 10.0
    """A listener that does not take what it was sent is let go."""
    stream_rows: int = 500
    """Queries an event of a live stream, so 1,000 a second; of more in one tick the oldest are skipped."""
    opening_rows: int = 100
    """Of those before a listener came, it is told as many."""
    rows: int = 1000
    """Queries an answer."""
