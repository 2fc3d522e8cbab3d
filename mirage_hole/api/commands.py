"""The commands of the control socket: what ``mirage-hole rules`` and ``mirage-hole lists`` ask of a running server.

The socket is a file that only the server's account and root may open, so there are no accounts here. JSON in, JSON out;
errors are problem documents (RFC 9457).
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

import orjson
from aiohttp import web

from mirage_hole.api.limits import Limits
from mirage_hole.api.problems import Fault, Refusal, problem_response
from mirage_hole.api.server import stream_events
from mirage_hole.api.v1.dispatch import Everybody, mount

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from mirage_hole.api.v1.parts import Parts

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)

MAX_BODY: Final = 16 * 1024 * 1024
"""Octets: ten thousand rules at their longest."""
LONGEST: Final = 315_360_000
"""Seconds, ten years: the longest a rule that ends by itself can be asked to count."""
_UCRED: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))


class CommandState(Protocol):
    """What the commands act on. Each method raises :class:`Refusal` for what it does not do."""

    async def health(self) -> dict[str, Any]:
        """What serves."""

    async def rules(self) -> dict[str, Any]:
        """The user's own rules."""

    async def add_rules(self, texts: list[str], comment: str, seconds: float | None) -> dict[str, Any]:
        """Take rules; ``seconds`` until they end."""

    async def replace_rules(self, texts: list[str]) -> dict[str, Any]:
        """Have these and no others."""

    async def remove_rules(self, chosen: list[int | str]) -> dict[str, Any]:
        """Forget rules, by number or text."""

    async def switch_rules(self, chosen: list[int | str], *, enabled: bool) -> dict[str, Any]:
        """Switch rules on or off."""

    async def lists(self) -> dict[str, Any]:
        """Every list and how it is."""

    async def add_list(self, source: str, kind: str, form: str, title: str) -> dict[str, Any]:
        """Use one more list."""

    async def remove_list(self, source: str) -> dict[str, Any]:
        """Use it no longer."""

    async def switch_list(self, source: str, *, enabled: bool) -> dict[str, Any]:
        """Switch it off, or on again."""

    async def confirm_list(self, source: str) -> dict[str, Any]:
        """Use the text that was held back since the list had shrunk."""

    def update_lists(self, sources: list[str], *, download: bool, force: bool) -> AsyncGenerator[dict[str, Any], None]:
        """Tell what happens to these lists, or to all when there are none, until all is done.

        ``download``: begin with downloading them; ``force``: use what comes, however many rules a list has lost.
        """

    async def show_cache(self, name: str, limit: int, *, subtree: bool) -> dict[str, Any]:
        """What is remembered of a name, of all below it too, or of all when it is empty."""

    async def flush_cache(self, name: str, *, subtree: bool) -> dict[str, Any]:
        """Forget it."""

    async def upstreams(self) -> dict[str, Any]:
        """Who is asked, and how they are."""


def make_command_app(state: CommandState, parts: Parts | None = None) -> web.Application:
    """The application behind the control socket: these commands, and every route of the API."""
    app = web.Application(middlewares=[_guard], client_max_size=MAX_BODY)
    if parts is not None:
        stream_events(app, parts, Limits())
        mount(app, parts, Everybody())
    commands = _Commands(state)
    app.router.add_get("/health", commands.health)
    app.router.add_get("/rules", commands.rules)
    app.router.add_post("/rules", commands.add_rules)
    app.router.add_put("/rules", commands.replace_rules)
    app.router.add_delete("/rules", commands.remove_rules)
    app.router.add_patch("/rules", commands.switch_rules)
    app.router.add_get("/lists", commands.lists)
    app.router.add_post("/lists", commands.add_list)
    app.router.add_delete("/lists", commands.remove_list)
    app.router.add_patch("/lists", commands.switch_list)
    app.router.add_post("/lists/confirm", commands.confirm_list)
    app.router.add_post("/lists/update", commands.update_lists)
    app.router.add_post("/cache/show", commands.show_cache)
    app.router.add_post("/cache/flush", commands.flush_cache)
    app.router.add_get("/upstreams", commands.upstreams)
    return app


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _check_peer(request)
        return await handler(request)
    except Refusal as refusal:
        return problem_response(refusal)
    except web.HTTPRequestEntityTooLarge:
        return problem_response(Refusal(413, f"the request is larger than {MAX_BODY} octets; send fewer rules at once"))
    except web.HTTPException as problem:
        return problem_response(Refusal(problem.status, f"{request.method} {request.path}: {problem.reason}"))
    except TimeoutError:
        return problem_response(Refusal(503, "The answer took too long.", headers={"Retry-After": "10"}))
    except Exception:  # a bug in one handler must not leave a command without an answer
        log.exception("%s %s failed", request.method, request.path)
        return problem_response(Refusal(500, "Something broke; the log says what."))


def _check_peer(request: web.Request) -> None:
    """The file's mode keeps strangers out already; a socket that was handed on does not."""
    sock = request.transport.get_extra_info("socket") if request.transport is not None else None
    if sock is None or not hasattr(socket, "SO_PEERCRED"):
        return
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    if uid not in {0, os.geteuid()}:
        raise Refusal(403, "this account may not command the server; use the server's own, or sudo")


class _Commands:
    """The handlers: bodies to values and back."""

    def __init__(self, state: CommandState) -> None:
        self._state = state

    async def health(self, _request: web.Request) -> web.Response:
        return _json(await self._state.health())

    async def rules(self, _request: web.Request) -> web.Response:
        return _json(await self._state.rules())

    async def add_rules(self, request: web.Request) -> web.Response:
        body = await _body(request)
        texts = [_text(body, "text")] if "text" in body else _texts(body, "rules")
        seconds = body.get("seconds")
        if seconds is not None and (
            not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST
        ):
            instead = f"write how long the rule counts, in seconds above 0 and up to {LONGEST}, or leave it out"
            _refuse("seconds", repr(seconds)[:80], instead)
        return _json(await self._state.add_rules(texts, _text(body, "comment", ""), seconds))

    async def replace_rules(self, request: web.Request) -> web.Response:
        return _json(await self._state.replace_rules(_texts(await _body(request), "rules")))

    async def remove_rules(self, request: web.Request) -> web.Response:
        return _json(await self._state.remove_rules(_chosen(await _body(request))))

    async def switch_rules(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return _json(await self._state.switch_rules(_chosen(body), enabled=_flag(body, "enabled")))

    async def lists(self, _request: web.Request) -> web.Response:
        return _json(await self._state.lists())

    async def add_list(self, request: web.Request) -> web.Response:
        body = await _body(request)
        kind = _text(body, "kind", "block")
        if kind not in {"block", "allow"}:
            _refuse("kind", repr(kind), "write block or allow")
        return _json(
            await self._state.add_list(_text(body, "source"), kind, _text(body, "format", ""), _text(body, "title", ""))
        )

    async def remove_list(self, request: web.Request) -> web.Response:
        return _json(await self._state.remove_list(_text(await _body(request), "source")))

    async def switch_list(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return _json(await self._state.switch_list(_text(body, "source"), enabled=_flag(body, "enabled")))

    async def confirm_list(self, request: web.Request) -> web.Response:
        return _json(await self._state.confirm_list(_text(await _body(request), "source")))

    async def update_lists(self, request: web.Request) -> web.StreamResponse:
        """One JSON object a line, until everything asked for has happened."""
        body = await _body(request)
        sources = _texts(body, "sources") if "sources" in body else []
        happening = self._state.update_lists(
            sources, download=_flag(body, "download", True), force=_flag(body, "force", False)
        )
        async with contextlib.aclosing(happening):
            first = await anext(happening)  # a refusal comes before the answer begins
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            await response.write(_line(first))
            async for event in happening:
                await response.write(_line(event))
        return response

    async def show_cache(self, request: web.Request) -> web.Response:
        body = await _body(request)
        limit = body.get("limit", 100)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 1000:
            _refuse("limit", repr(limit)[:80], "write a whole number from 1 to 1000")
        name, subtree = _text(body, "name", ""), _flag(body, "subtree", False)
        return _json(await self._state.show_cache(name, limit, subtree=subtree))

    async def flush_cache(self, request: web.Request) -> web.Response:
        body = await _body(request)
        name, subtree = _text(body, "name"), _flag(body, "subtree", False)
        return _json(await self._state.flush_cache(name, subtree=subtree))

    async def upstreams(self, _request: web.Request) -> web.Response:
        return _json(await self._state.upstreams())


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _json(value: object) -> web.Response:
    return web.Response(body=_line(value), content_type="application/json")


async def _body(request: web.Request) -> dict[str, Any]:
    data = await request.read()
    try:
        body = orjson.loads(data or b"{}")
    except orjson.JSONDecodeError as problem:
        raise Refusal(400, f"the body is no JSON: {problem}") from None
    if not isinstance(body, dict):
        raise Refusal(400, "the body is no JSON object")
    return body


def _text(body: dict[str, Any], name: str, usual: str | None = None) -> str:
    value = body.get(name, usual)
    if not isinstance(value, str):
        _refuse(name, "missing" if value is None else repr(value)[:80], "write a text")
    return value


def _texts(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        _refuse(name, "no list of texts", 'write ["...", "..."]')
    return value


def _chosen(body: dict[str, Any]) -> list[int | str]:
    value = body.get("rules")
    if not isinstance(value, list) or not all(
        isinstance(one, int | str) and not isinstance(one, bool) for one in value
    ):
        _refuse("rules", "no list of numbers and texts", 'write [7, "||ads.example^"]')
    return value


def _flag(body: dict[str, Any], name: str, usual: bool | None = None) -> bool:
    value = body.get(name, usual)
    if not isinstance(value, bool):
        _refuse(name, "missing" if value is None else repr(value)[:80], "write true or false")
    return value


def _refuse(where: str, what: str, instead: str) -> NoReturn:
    raise Refusal(400, f"{where}: {what}; {instead}", [Fault(where, what, instead)])
