"""Queries to upstreams over TCP, for answers that did not fit a datagram: one connection a question, all of it timed."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from mirage_hole.net.upstream_udp import OURS
from mirage_hole.resolver.events import UpstreamReplied, UpstreamUnreachable
from mirage_hole.wire.framing import frame

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import AskUpstream

MOST_AT_ONCE: Final = 128
_BUFFER: Final = 1 << 17  # octets; twice this is held at most, and an answer has 65,535


async def exchange(address: str, port: int, ask: AskUpstream) -> UpstreamReplied | UpstreamUnreachable | None:
    """Ask one question over a fresh connection. None when time ran out: the engine keeps its own deadline."""
    try:
        async with asyncio.timeout(ask.patience):
            reader, writer = await asyncio.open_connection(address, port, limit=_BUFFER)
            try:
                writer.write(frame(ask.wire))
                length = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(length)
            finally:
                writer.transport.abort()
    except TimeoutError:
        return None
    except asyncio.IncompleteReadError:
        return UpstreamUnreachable(ask.upstream, ask.ident, "closed the connection without an answer")
    except OSError as problem:
        # asyncio words its own messages, with the address in them; the errno says it better.
        reason = os.strerror(problem.errno).lower() if problem.errno else "network error"
        return UpstreamUnreachable(ask.upstream, ask.ident, reason, ours=problem.errno in OURS)
    if wire[:2] != ask.wire[:2]:
        return UpstreamUnreachable(ask.upstream, ask.ident, "answered with another ID over TCP")
    return UpstreamReplied(wire, ask.upstream, True)
