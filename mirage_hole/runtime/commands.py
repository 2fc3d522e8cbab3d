"""What the control socket serves: the commands of ``mirage-hole rules`` and ``mirage-hole lists``, carried out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any, Final

from mirage_hole import __version__
from mirage_hole.runtime.control_socket import NAME, listen
from mirage_hole.runtime.rule_commands import RuleCommands, refused
from mirage_hole.runtime.threads import to_the_end
from mirage_hole.wire.names import BadName

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from mirage_hole.api.problems import Refusal
    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.observe.workers import UpstreamView
    from mirage_hole.runtime.cache_service import CacheService
    from mirage_hole.runtime.list_commands import ListCommands
    from mirage_hole.runtime.own_service import OwnRuleService

log = logging.getLogger(__name__)

AGAIN: Final = 10.0
"""Seconds between two tries to make the socket."""


class CommandService:
    """Serves the control socket. :meth:`run` is its task."""

    def __init__(
        self,
        state_directory: Path,
        commands: Commands,
        listening: socket.socket | None = None,
        parts: Parts | None = None,
    ) -> None:
        """Serve these commands, and the API of ``parts``.

        ``listening``: the socket to serve first, made by :func:`mirage_hole.runtime.control_socket.listen`.
        """
        self._parts = parts
        self._directory = state_directory
        self._commands = commands
        self._listening = listening

    async def run(self) -> None:
        """Serve until cancelled."""
        from aiohttp import web

        from mirage_hole.api.commands import make_command_app

        sock = self._listening or await self._until_made()
        self._listening = None
        runner = web.AppRunner(make_command_app(self._commands, self._parts), access_log=None, shutdown_timeout=2.0)
        try:
            await runner.setup()
            await web.SockSite(runner, sock).start()
            await asyncio.Event().wait()
        finally:
            with contextlib.suppress(OSError):
                (self._directory / NAME).unlink()  # while it is surely ours
            await runner.cleanup()  # before the socket is closed: the loop still watches it
            sock.close()

    async def _until_made(self) -> socket.socket:
        told = ""
        while True:
            try:
                return await to_the_end(self._give_up, listen, self._directory)
            except OSError as problem:
                why = f"{problem.filename or self._directory / NAME}: {problem.strerror or problem}"
                if why != told:
                    log.error(
                        "mirage-hole rules and lists can't reach this server: %s; tried again until it works", why
                    )
                told = why
            await asyncio.sleep(AGAIN)

    def _give_up(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            (self._directory / NAME).unlink()  # while it is surely ours
        sock.close()


class Commands:
    """What the commands do: see :class:`mirage_hole.api.commands.CommandState`."""

    def __init__(
        self,
        own_rules: OwnRuleService,
        lists: ListCommands,
        cache: CacheService,
        upstreams: Callable[[], list[UpstreamView]] = list,
    ) -> None:
        """``upstreams``: as the workers see them at that moment."""
        self._rules = RuleCommands(own_rules)
        self._upstreams = upstreams
        self._lists = lists
        self._cache = cache

    async def health(self) -> dict[str, Any]:
        """What serves."""
        return {"version": __version__, "pid": os.getpid()}

    async def rules(self) -> dict[str, Any]:
        """The user's own rules."""
        return {"rules": await self._rules.all()}

    async def add_rules(self, texts: list[str], comment: str, seconds: float | None) -> dict[str, Any]:
        """Take rules; ``seconds`` until they end."""
        return await self._rules.add(texts, comment, seconds)

    async def replace_rules(self, texts: list[str]) -> dict[str, Any]:
        """Have these and no others."""
        return await self._rules.replace(texts)

    async def remove_rules(self, chosen: list[int | str]) -> dict[str, Any]:
        """Forget rules, by number or text."""
        return await self._rules.remove(chosen)

    async def switch_rules(self, chosen: list[int | str], *, enabled: bool) -> dict[str, Any]:
        """Switch rules on or off."""
        return await self._rules.switch(chosen, enabled=enabled)

    async def lists(self) -> dict[str, Any]:
        """Every list and how it is."""
        await self._lists.looked_at()
        return {"lists": self._lists.rows()}

    async def add_list(self, source: str, kind: str, form: str, title: str) -> dict[str, Any]:
        """Use one more list."""
        return await self._lists.add(source, kind, form, title)

    async def remove_list(self, source: str) -> dict[str, Any]:
        """Use it no longer."""
        return await self._lists.remove(source)

    async def switch_list(self, source: str, *, enabled: bool) -> dict[str, Any]:
        """Switch it off, or on again."""
        return await self._lists.switch(source, enabled=enabled)

    async def confirm_list(self, source: str) -> dict[str, Any]:
        """Use the text that was held back since the list had shrunk."""
        return await self._lists.confirm(source)

    def update_lists(self, sources: list[str], *, download: bool, force: bool) -> AsyncGenerator[dict[str, Any], None]:
        """Download these lists, or all when there are none; tells what happens."""
        return self._lists.update(sources, download=download, force=force)

    async def show_cache(self, name: str, limit: int, *, subtree: bool) -> dict[str, Any]:
        """What is remembered of a name, or of all."""
        try:
            return await self._cache.show(name, limit, subtree=subtree)
        except BadName as problem:
            raise _no_name(name, problem) from None

    async def flush_cache(self, name: str, *, subtree: bool) -> dict[str, Any]:
        """Forget it."""
        try:
            return await self._cache.flush(name, subtree=subtree)
        except BadName as problem:
            raise _no_name(name, problem) from None

    async def upstreams(self) -> dict[str, Any]:
        """Who is asked, and how they are."""
        return {"upstreams": [view._asdict() for view in self._upstreams()]}


def _no_name(name: str, problem: BadName) -> Refusal:
    return refused(400, f"{name[:80]!r} is no domain name: {problem}; write one such as www.example.com")
