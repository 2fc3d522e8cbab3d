"""What a running server knows of its lists: hits, times, errors. Asked over its control socket, else over the web API."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.cli.control import NoServer, Refused, call

if TYPE_CHECKING:
    from mirage_hole.config.settled import Endpoint, Settled

_TIMEOUT: Final = 2.0
_MAX_ANSWER: Final = 16 * 1024 * 1024


def running_lists(settled: Settled) -> list[dict[str, Any]] | None:
    """An object for each list, with the fields of ``/api/v1/lists``; None when no server of this configuration answers."""
    try:
        return _objects(call(settled.state_directory, "GET", "/lists", timeout=_TIMEOUT))
    except (NoServer, Refused):  # the socket is not everybody's; the page may be
        return _from_web(settled.web) if settled.web is not None else None


def _from_web(web: Endpoint) -> list[dict[str, Any]] | None:
    import orjson

    connection = HTTPConnection(web.address, web.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/api/v1/lists")
        response = connection.getresponse()
        return _objects(orjson.loads(response.read(_MAX_ANSWER))) if response.status == 200 else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _objects(answer: Any) -> list[dict[str, Any]] | None:
    lists = answer.get("lists") if isinstance(answer, dict) else None
    return [one for one in lists if isinstance(one, dict)] if isinstance(lists, list) else None
