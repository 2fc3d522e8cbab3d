"""What a running server knows of its lists: hits, times, errors. Asked over its control socket, else over the web API."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    from mirage_hole.config.settled import Settled

SOCKET: Final = "control.sock"
"""In the state directory."""

_TIMEOUT: Final = 2.0
_MAX_ANSWER: Final = 16 * 1024 * 1024


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(str(self._path))


def running_lists(settled: Settled) -> list[dict[str, Any]] | None:
    """An object for each list, with the fields of ``/api/v1/lists``; None when no server of this configuration runs."""
    asked: list[tuple[HTTPConnection, str]] = [(_UnixConnection(settled.state_directory / SOCKET), "/lists")]
    if settled.web is not None:
        asked.append((HTTPConnection(settled.web.address, settled.web.port, timeout=_TIMEOUT), "/api/v1/lists"))
    for connection, path in asked:
        lists = _ask(connection, path)
        if lists is not None:
            return lists
    return None


def _ask(connection: HTTPConnection, path: str) -> list[dict[str, Any]] | None:
    import orjson

    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            return None
        answer = orjson.loads(response.read(_MAX_ANSWER))
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    lists = answer.get("lists") if isinstance(answer, dict) else answer
    return [one for one in lists if isinstance(one, dict)] if isinstance(lists, list) else None
