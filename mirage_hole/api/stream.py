"""The live stream (server-sent events, HTML Living Standard 9.2): a listener pulls what is new, tick by tick.

Nothing is queued for anybody: a listener that was slow finds the newest numbers at its next tick, and one that does not read
at all is let go. What all listeners get at one tick is encoded once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from mirage_hole.api import views
from mirage_hole.api.access.visitor import client_of
from mirage_hole.api.packing import StreamPacker, wants_gzip
from mirage_hole.api.problems import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from mirage_hole.api.limits import Limits
    from mirage_hole.api.state import ApiState

log = logging.getLogger(__name__)

RECONNECT_AFTER_MS = 2000
SERIES_MINUTES = 1440
NEWEST_MINUTES = 3
"""Sent again with every change, since late records still move them."""

_COUNTS_EVERY = 2  # ticks
_SLOW_EVERY = 10


async def _always() -> bool:
    return True


class Cursor:
    """How far one listener is."""

    __slots__ = ("after", "sent")

    def __init__(self, after: int) -> None:
        self.after = after
        """Number of the newest query that was sent."""
        self.sent: dict[str, bytes] = {}
        """What was sent last, by event."""


class Feed:
    """Makes the events of the live streams."""

    def __init__(self, state: ApiState, limits: Limits) -> None:
        self._state = state
        self._limits = limits
        self._encoded: dict[object, bytes] = {}
        self._tick = -1
        self._lists_moved = False
        """Whether a list was on its way at the last look."""
        self._moves: dict[int, bool] = {}
        """The answer of the newest tick."""

    def resume(self, last_event_id: str) -> Cursor:
        """Where a listener goes on that had got ``last_event_id``; a new one starts with the last queries.

        Raises:
            Refusal: with status 400 when the identifier is none of ours.
        """
        recent = self._state.statistics.recent
        fresh = max(0, recent.last - self._limits.opening_rows)
        if not last_event_id:
            return Cursor(fresh)
        boot, dash, number = last_event_id.partition("-")
        if not (dash and number.isascii() and number.isdigit() and len(number) <= 16):
            fault = Fault("Last-Event-ID", "is no identifier of this stream", "what an event's id said, or nothing")
            raise Refusal(400, "The event identifier can't be read.", [fault])
        if boot != views.boot(self._state):
            return Cursor(fresh)  # numbers of another run mean nothing here
        return Cursor(min(int(number), recent.last))

    def opening(self, cursor: Cursor) -> bytes:
        """What a listener gets first, whatever it had before."""
        now = self._state.clock()
        minutes = self._state.statistics.minutes(SERIES_MINUTES, now)
        return b"".join(
            (
                b"retry: %d\n\n" % RECONNECT_AFTER_MS,
                _event("hello", orjson.dumps(views.hello(self._state))),
                _event("series", orjson.dumps(views.series(minutes))),
                *self._news(cursor, now, -1, _SLOW_EVERY * _COUNTS_EVERY),
            )
        )

    def news(self, cursor: Cursor, tick: int) -> bytes:
        """What changed since the listener's last tick; empty when nothing did. ``tick`` counts up for all listeners alike."""
        if tick != self._tick:
            self._encoded.clear()
            self._tick = tick
        return b"".join(self._news(cursor, self._state.clock(), tick, tick))

    def ping(self) -> bytes:
        """What is said when there is no news. A page can't see a comment, so it is an event."""
        return _event("ping", orjson.dumps({"now": self._state.clock()}))

    def _news(self, cursor: Cursor, now: float, tick: int, turn: int) -> Iterator[bytes]:
        yield self._queries(cursor, tick)
        if self._state.pause is not None:
            yield self._changed(cursor, tick, "pause", self._state.pause)
        if turn % _COUNTS_EVERY == 0:
            yield self._changed(cursor, tick, "counts", lambda: views.counts(self._state, now))
            yield self._changed(cursor, tick, "minutes", lambda: self._minutes(now))
        if turn % _SLOW_EVERY == 0:
            yield self._changed(cursor, tick, "top", lambda: views.top(self._state, now))
        if turn % _SLOW_EVERY == 0 or (turn % _COUNTS_EVERY == 0 and self._lists_move(tick)):
            yield self._changed(cursor, tick, "lists", lambda: views.lists(self._state))

    def _lists_move(self, tick: int) -> bool:
        """Whether lists are fetched or compiled, or were a moment ago; asked once a tick, whatever the number of listeners."""
        known = self._moves.get(tick)
        if known is None:
            moving = any(status.doing for status in self._state.lists())
            known, self._lists_moved = moving or self._lists_moved, moving
            self._moves = {tick: known}
        return known

    def _queries(self, cursor: Cursor, tick: int) -> bytes:
        recent = self._state.statistics.recent
        after, last = cursor.after, recent.last
        if after == last:
            return b""
        key = (after, last)
        encoded = self._encoded.get(key)
        if encoded is None:
            found = recent.after(after, self._limits.stream_rows)
            body = {"queries": views.rows(self._state, found), "skipped": last - after - len(found)}
            encoded = _event("queries", orjson.dumps(body), f"{views.boot(self._state)}-{last}")
            if tick >= 0:
                self._encoded[key] = encoded
        cursor.after = last
        return encoded

    def _changed(self, cursor: Cursor, tick: int, name: str, make: Callable[[], Any]) -> bytes:
        encoded = self._encoded.get(name) if tick >= 0 else None
        if encoded is None:
            encoded = _event(name, orjson.dumps(make()))
            if tick >= 0:
                self._encoded[name] = encoded
        if cursor.sent.get(name) == encoded:
            return b""
        cursor.sent[name] = encoded
        return encoded

    def _minutes(self, now: float) -> dict[str, Any]:
        return views.series(self._state.statistics.minutes(NEWEST_MINUTES, now))


class Streams:
    """Serves the live stream to a bounded number of listeners, until :meth:`close`."""

    def __init__(self, state: ApiState, limits: Limits) -> None:
        self._feed = Feed(state, limits)
        self._limits = limits
        self._closing = asyncio.Event()
        self._by_client: Counter[str] = Counter()
        self.listeners = 0

    def close(self) -> None:
        """End every stream at once; new ones may begin."""
        self._closing.set()
        self._closing = asyncio.Event()

    async def serve(
        self, request: web.Request, last_event_id: str, still: Callable[[], Awaitable[bool]] = _always
    ) -> web.StreamResponse:
        """Stream until the listener leaves, is too slow, may not any more, or the server stops.

        Args:
            request: the listener's.
            last_event_id: where to go on; empty: at the beginning.
            still: whether it still may; asked every ``Limits.recheck`` seconds.

        Raises:
            Refusal: 400 for an identifier that is none, 503 when there are too many listeners, in all or from there.
        """
        client, closing = client_of(request), self._closing
        if self.listeners >= self._limits.listeners:
            detail = f"{self.listeners} live streams are open, and that is the limit; close a page and try again."
            raise Refusal(503, detail, headers={"Retry-After": "10"})
        if client and self._by_client[client] >= self._limits.listeners_per_client:
            detail = f"{self._by_client[client]} live streams are open from there, and that is the limit; close a page."
            raise Refusal(503, detail, headers={"Retry-After": "10"})
        cursor = self._feed.resume(last_event_id)
        packer = StreamPacker() if wants_gzip(request) else None
        headers = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Vary": "Accept-Encoding"}
        response = web.StreamResponse(headers=headers | ({"Content-Encoding": "gzip"} if packer else {}))

        async def write(octets: bytes) -> None:
            async with asyncio.timeout(self._limits.write_time):
                await response.write(packer.pack(octets) if packer else octets)

        self.listeners += 1
        self._by_client[client] += 1
        try:
            await response.prepare(request)
            await write(self._feed.opening(cursor))
            await self._follow(request, write, cursor, closing, still)
        except (TimeoutError, ConnectionError):
            log.debug("a listener of the live stream left, or does not read")
            _abort(request)
        except Exception:  # the answer has begun, so no other can take its place
            log.exception("the live stream failed")
            _abort(request)
        finally:
            self.listeners -= 1
            self._by_client[client] -= 1
            self._by_client += Counter()  # forgets who has none
        return response

    async def _follow(
        self,
        request: web.Request,
        write: Callable[[bytes], Awaitable[None]],
        cursor: Cursor,
        closing: asyncio.Event,
        still: Callable[[], Awaitable[bool]],
    ) -> None:
        loop = asyncio.get_running_loop()
        pace, spoke = self._limits.tick, loop.time()
        proven = spoke
        while not closing.is_set() and request.transport is not None and not request.transport.is_closing():
            tick = int(loop.time() / pace) + 1  # the same for all listeners
            try:
                async with asyncio.timeout_at(tick * pace):
                    await closing.wait()
            except TimeoutError:
                pass
            if loop.time() - proven >= self._limits.recheck:
                if not await still():
                    return
                proven = loop.time()
            news = self._feed.news(cursor, tick)
            if not news and loop.time() - spoke >= self._limits.heartbeat:
                news = self._feed.ping()
            if news:
                await write(news)
                spoke = loop.time()


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _event(name: str, data: bytes, identifier: str = "") -> bytes:
    """One event; ``data`` is JSON on one line."""
    head = f"event: {name}\n" + (f"id: {identifier}\n" if identifier else "")
    return head.encode() + b"data: " + data + b"\n\n"
