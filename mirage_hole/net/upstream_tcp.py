"""Queries to upstreams over TCP, for answers that did not fit a datagram: one connection a question, all of it timed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mirage_hole.resolver.events import UpstreamReplied, UpstreamUnreachable
from mirage_hole.wire.framing import frame

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import AskUpstream

MOST_AT_ONCE: Final = 128


async def exchange(address: str, port: int, ask: AskUpstream) -> UpstreamReplied | UpstreamUnreachable | None:
    """Ask one question over a fresh connection. None when time ran out: the engine keeps its own deadline."""
    try:
        async with asyncio.timeout(ask.patience):
            reader, writer = await asyncio.open_connection(address, port, limit=1 << 17)
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
        return UpstreamUnreachable(ask.upstream, ask.ident, (problem.strerror or "network error").lower())
    return UpstreamReplied(wire, ask.upstream, True)
