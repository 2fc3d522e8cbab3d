"""The control socket: a file in the state directory through which the command line speaks with the running server."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mirage_hole import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mirage_hole.api.problems import Refusal
    from mirage_hole.runtime.list_service import ListService
    from mirage_hole.runtime.own_rules import OwnRule
    from mirage_hole.runtime.own_service import OwnRuleService, Taken

log = logging.getLogger(__name__)

NAME: Final = "control.sock"
_MODE: Final = 0o600
_CONNECTIONS: Final = 32  # that wait to be accepted
_LONGEST_PATH: Final = 100  # octets; sun_path holds 108 (unix(7)), other systems less


class CommandService:
    """Serves the control socket. :meth:`run` is its task."""

    def __init__(self, state_directory: Path, commands: Commands) -> None:
        self._directory = state_directory
        self._commands = commands

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            OSError: the socket can't be made; the part is tried again later.
        """
        from aiohttp import web

        from mirage_hole.api.commands import make_command_app

        sock = await asyncio.to_thread(listen, self._directory)
        runner = web.AppRunner(make_command_app(self._commands), access_log=None, shutdown_timeout=2.0)
        try:
            await runner.setup()
            await web.SockSite(runner, sock).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()  # before the socket is closed: the loop still watches it
            sock.close()
            with contextlib.suppress(OSError):
                (self._directory / NAME).unlink()


def listen(directory: Path) -> socket.socket:
    """The listening socket. One that a dead server left behind is replaced.

    Raises:
        OSError: the directory can't be written, or another server uses it.
    """
    with reachable(directory) as path:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            try:
                sock.bind(path)
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    raise
                if _is_served(path):
                    message = "another server uses this state directory; give each its own with --state DIRECTORY"
                    raise OSError(errno.EADDRINUSE, message, str(directory)) from None
                Path(path).unlink()
                sock.bind(path)
            Path(path).chmod(_MODE)
            sock.listen(_CONNECTIONS)
        except BaseException:
            sock.close()
            raise
    return sock


@contextlib.contextmanager
def reachable(directory: Path) -> Any:
    """A path to the directory's control socket that is short enough for a socket's address."""
    path = directory / NAME
    if len(os.fsencode(path)) <= _LONGEST_PATH or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.settimeout(1.0)
        try:
            other.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True


class Commands:
    """What the commands do: see :class:`mirage_hole.api.commands.CommandState`."""

    def __init__(self, own_rules: OwnRuleService, lists: ListService) -> None:
        self._own = own_rules
        self._lists = lists

    async def health(self) -> dict[str, Any]:
        """What serves."""
        return {"version": __version__, "pid": os.getpid()}

    async def rules(self) -> dict[str, Any]:
        """The user's own rules."""
        return {"rules": await self._own.read(lambda own: [rule_object(one) for one in own.all()])}

    async def add_rules(self, texts: list[str], comment: str, seconds: float | None) -> dict[str, Any]:
        """Take rules; ``seconds`` until they end."""
        until = None if seconds is None else time.time() + seconds
        return await self._change(lambda own: (taken := own.add(texts, comment, until), own.notes(taken)))

    async def replace_rules(self, texts: list[str]) -> dict[str, Any]:
        """Have these and no others."""
        return await self._change(lambda own: (own.replace_all(texts), []))

    async def remove_rules(self, chosen: list[int | str]) -> dict[str, Any]:
        """Forget rules, by number or text."""
        return await self._change(lambda own: (own.remove(chosen), []))

    async def switch_rules(self, chosen: list[int | str], *, enabled: bool) -> dict[str, Any]:
        """Switch rules on or off."""
        return await self._change(lambda own: (own.switch(chosen, enabled=enabled), []))

    async def _change(self, action: Any) -> dict[str, Any]:
        from mirage_hole.runtime.own_rules import RefusedRule

        try:
            (rules, notes), taken = await self._own.change(action)
        except RefusedRule as problem:
            raise _refused(400, str(problem)) from None
        except OSError as problem:
            why = f"your own rules can't be written: {problem.strerror or problem}; nothing was changed"
            raise _refused(507, why) from None
        return _changed(rules, notes, taken)

    async def lists(self) -> dict[str, Any]:
        """Every list and how it is."""
        return {"lists": [one._asdict() for one in self._lists.statuses()]}

    async def add_list(self, source: str, kind: str, form: str, title: str) -> dict[str, Any]:
        """Use one more list."""
        raise NotImplementedError

    async def remove_list(self, source: str) -> dict[str, Any]:
        """Use it no longer."""
        raise NotImplementedError

    async def switch_list(self, source: str, *, enabled: bool) -> dict[str, Any]:
        """Switch it off, or on again."""
        raise NotImplementedError

    async def confirm_list(self, source: str) -> dict[str, Any]:
        """Use the text that was held back since the list had shrunk."""
        raise NotImplementedError

    def update_lists(self, sources: list[str]) -> AsyncIterator[dict[str, Any]]:
        """Download these lists, or all when there are none; tells what happens."""
        raise NotImplementedError


def rule_object(one: OwnRule) -> dict[str, Any]:
    """A rule as JSON knows it."""
    return {
        "id": one.id,
        "text": one.text,
        "comment": one.comment,
        "created": one.created,
        "until": one.until,
        "enabled": one.enabled,
    }


def _changed(rules: list[OwnRule], notes: list[str], taken: Taken) -> dict[str, Any]:
    return {
        "rules": [rule_object(one) for one in rules],
        "notes": notes,
        "live": taken.served,
        "milliseconds": round(taken.seconds * 1000, 1),
    }


def _refused(status: int, detail: str) -> Refusal:
    from mirage_hole.api.problems import Refusal

    return Refusal(status, detail)
