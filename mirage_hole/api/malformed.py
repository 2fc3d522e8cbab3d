"""Answers to what never becomes a request: problem documents with the same headers as all others."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp.web_protocol import RequestHandler

from mirage_hole.api.guard import HEADERS
from mirage_hole.api.problems import Refusal, problem_response

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from aiohttp import web

DETAILS = {
    400: "This is no HTTP request that can be read, or its head is too large.",
    500: "Something broke; the log says what.",
}


class ProblemHandler(RequestHandler):
    """aiohttp's protocol, whose own errors are problem documents."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what aiohttp itself could not read."""
        super().handle_error(request, status, exc, message)  # logs it
        return problem(status)


def make_handler(server: web.Server, loop: AbstractEventLoop) -> ProblemHandler:
    """A protocol for one connection, as ``server()`` makes them."""
    return ProblemHandler(server, loop=loop, **server._kwargs)  # aiohttp has no other way


def problem(status: int) -> web.Response:
    """A complete answer that ends the connection."""
    response = problem_response(Refusal(status, DETAILS.get(status, HTTPStatus(status).phrase)))
    response.headers.update(HEADERS)
    response.headers["Cache-Control"] = "no-store"
    response.force_close()
    return response


def raw_answer(refusal: Refusal) -> bytes:
    """The octets of an answer for a connection that never gets to aiohttp."""
    response = problem_response(refusal)
    body = response.body
    assert isinstance(body, bytes)
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Cache-Control": "no-store",
        **HEADERS,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n{head}\r\n".encode() + body
