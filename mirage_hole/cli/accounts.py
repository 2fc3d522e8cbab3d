"""Users and API tokens for the command line: through the running server, else in the database, by the same routes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote

from mirage_hole.cli.control import NoServer, Refused, call

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web


def ask(
    state_directory: Path, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[dict[str, Any], bool]:
    """(the answer, whether a server gave it).

    Args:
        state_directory: the server's.
        method: of HTTP.
        path: of a route about users or tokens, such as ``/api/v1/users``.
        body: its fields.

    Raises:
        Refused: it is not done; the message says why.
    """
    try:
        return call(state_directory, method, path, body), True
    except NoServer:
        return _without_server(state_directory, method, path, body), False


def segment(text: str) -> str:
    """A name as a part of a path."""
    return quote(text, safe="")


def _without_server(directory: Path, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    from mirage_hole.api.problems import Refusal
    from mirage_hole.store.state import StateStore

    if not directory.is_dir():
        message = f"{directory} is not there; start the server once, or name its own with --state DIRECTORY"
        raise Refused(message)
    store = StateStore(directory)
    try:
        return asyncio.run(_carried_out(store, method, path, body))
    except Refusal as refusal:
        raise Refused(refusal.detail) from None
    except PermissionError:
        message = f"{directory} is not accessible for this user; run it as the server's user, or with sudo"
        raise Refused(message) from None
    finally:
        store.close()


async def _carried_out(store: Any, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    import msgspec

    from mirage_hole.api.access.service import AccessService
    from mirage_hole.api.v1 import access_tokens, access_users
    from mirage_hole.api.v1.identity import LOCAL
    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.api.v1.reading import body_from
    from mirage_hole.api.v1.route import Call

    for route in (*access_users.ROUTES, *access_tokens.ROUTES):
        variables = _matched(route.path, path)
        if route.method != method or variables is None:
            continue
        given = None if route.body is None else body_from(msgspec.json.encode(body or {}), route.body)
        # These handlers look at nothing of the request itself: they are the ones that the control socket serves.
        request = cast("web.Request", None)
        parts = Parts(access=AccessService(store))
        answer = await route.handler(Call(request, parts, LOCAL, variables, None, given))
        plain: dict[str, Any] = msgspec.to_builtins(answer)
        return plain
    message = f"{method} {path}: there is no such route"
    raise Refused(message)


def _matched(template: str, path: str) -> dict[str, str] | None:
    """The variables of a path; None when it is another."""
    wanted, told = template.split("/"), path.split("/")
    if len(wanted) != len(told):
        return None
    found = {}
    for one, text in zip(wanted, told, strict=True):
        if one.startswith("{"):
            found[one.strip("{}")] = unquote(text)
        elif one != text:
            return None
    return found
