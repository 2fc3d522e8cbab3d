"""One request for a list: the redirections it may follow, the validators that spare a download, and what can go wrong."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from mirage_hole.sources.failures import Failure, reason
from mirage_hole.sources.masking import masked

if TYPE_CHECKING:
    from mirage_hole.sources.shelf import Note

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_VALIDATOR: Final = 1024
_MAX_SAID: Final = 100
"""Characters of what the HTTP parser says, which quotes the server."""
_SCHEMES: Final = frozenset({"http", "https"})


async def get(
    session: aiohttp.ClientSession, address: str, headers: dict[str, str], max_redirects: int
) -> aiohttp.ClientResponse:
    """The answer behind at most ``max_redirects`` redirections, its body not yet read.

    Raises:
        Failure: too many of them, or one that is not followed.
        aiohttp.ClientError, TimeoutError: the network.
    """
    try:
        url = URL(address)
    except ValueError as problem:
        sentence = f"the address is not valid ({problem}); write one like https://example.com/list.txt"
        raise Failure(sentence) from problem
    for _ in range(max_redirects + 1):
        response = await session.get(url, headers=headers, allow_redirects=False)
        if response.status not in _REDIRECTS:
            return response
        target = response.headers.get("Location", "")
        response.close()
        url = _redirected(url, target)
    sentence = (
        f"the server redirects more than {max_redirects} times; use the address at the end of it, if there is one"
    )
    raise Failure(sentence)


def conditions(note: Note) -> dict[str, str]:
    """Headers that ask for the list only if it is another one than the copy (RFC 9110 13.1)."""
    headers = {"If-None-Match": note.etag, "If-Modified-Since": note.last_modified}
    return {name: value for name, value in headers.items() if value}


def validators(response: aiohttp.ClientResponse) -> tuple[str, str]:
    """ETag and Last-Modified; empty where there is none, or one that is too long to be kept."""
    etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
    return (etag if len(etag) <= _MAX_VALIDATOR else "", modified if len(modified) <= _MAX_VALIDATOR else "")


def from_network(problem: Exception, *, connect: float, stall: float) -> Failure:
    """Something on the way failed. ``connect`` and ``stall``: the time limits in seconds, for the sentence."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        why = getattr(problem, "certificate_error", problem)
        said = getattr(why, "verify_message", "") or getattr(why, "reason", "") or str(why)
        return Failure(f"its certificate or TLS is not acceptable ({said}); check this machine's date and the address")
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return Failure(
            f"no address found for {problem.host} ({reason(problem)}); check the name, and the upstreams", network=True
        )
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return Failure(
            f"no connection within {connect:g} s; check the network, it is tried again", network=True, slow=True
        )
    if isinstance(problem, aiohttp.SocketTimeoutError):
        return Failure(f"the server sent nothing for {stall:g} s; it is tried again", network=True, slow=True)
    if isinstance(problem, aiohttp.ClientConnectorError):
        return Failure(
            f"can't connect to {problem.host}:{problem.port} ({reason(problem)}); check the network", network=True
        )
    if isinstance(problem, aiohttp.InvalidURL):
        return Failure(f"{masked(str(problem.url))} is no web address; write one like https://example.com/list.txt")
    if isinstance(problem, aiohttp.ClientPayloadError):
        return Failure("the answer was cut off; it is tried again", network=True)
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return Failure("the server closed the connection without an answer; it is tried again", network=True)
    if isinstance(problem, aiohttp.ClientResponseError):
        said = " ".join(problem.message.split())[:_MAX_SAID]
        return Failure(f"the server's answer is not valid HTTP ({said}); check the address", passing=True)
    return Failure(
        f"the download failed ({type(problem).__name__}: {reason(problem)}); it is tried again", network=True
    )


def _redirected(url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location)) if location else None
    except ValueError:
        target = None
    if target is None or (not target.host and target.scheme in _SCHEMES):
        sentence = (
            f"the server redirects to {masked(location[:200])!r}, which is no address; look for the list's new address"
        )
        raise Failure(sentence)
    if target.scheme not in _SCHEMES:
        sentence = f"the server redirects to {target.scheme}:, and only http and https are followed; look for the list's new address"
        raise Failure(sentence)
    if url.scheme == "https" and target.scheme == "http":
        sentence = f"the server redirects from https to {masked(str(target))}, where anybody on the way can change the list; write that address if you accept it"
        raise Failure(sentence)
    return target
