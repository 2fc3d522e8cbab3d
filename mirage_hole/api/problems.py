"""Errors as RFC 9457 problem documents: what is wrong, where, and what to write instead, all at once."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web


class Fault(NamedTuple):
    """One thing that is wrong with a request."""

    where: str
    """``limit`` for a parameter, ``Host`` for a header."""
    what: str
    instead: str


class Refusal(Exception):  # noqa: N818 - reads as what it is at the raise
    """A request that is not served; becomes a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        kind: str = "about:blank",
    ) -> None:
        """``kind``: the problem's type, for those that a program must tell apart."""
        super().__init__(detail)
        self.kind = kind
        self.status = status
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


def problem_response(refusal: Refusal) -> web.Response:
    """The problem document of a refusal (RFC 9457 section 3)."""
    from aiohttp import web  # late: whoever only refuses needs no web framework

    body: dict[str, object] = {
        "type": refusal.kind,
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    if refusal.faults:
        body["problems"] = [fault._asdict() for fault in refusal.faults]
    return web.Response(
        status=refusal.status,
        body=orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE),
        content_type="application/problem+json",
        headers=refusal.headers,
    )
