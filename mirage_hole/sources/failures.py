"""Why a list could not be fetched, as a sentence for an operator: what happened, and what to do about it."""

from __future__ import annotations

import errno
import ssl
from http import HTTPStatus
from typing import Final

import aiohttp

_PASSING_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_MAX_WAIT: Final = 60.0
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Failure(Exception):  # noqa: N818 - reads as what it is at the raise
    """A fetch failed.

    Attributes:
        passing: trying again soon may help.
        wait: seconds the server asked us to wait at least.
    """

    def __init__(self, sentence: str, *, passing: bool = False, wait: float = 0.0) -> None:
        super().__init__(sentence)
        self.passing = passing
        self.wait = wait


def from_status(status: int, retry_after: str = "") -> Failure:
    """The server answered, but not with a list."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "unknown status"
    answer = f"the server answered {status} ({phrase})"
    wait = min(float(retry_after), _MAX_WAIT) if retry_after.isascii() and retry_after.isdigit() else 0.0
    if status in {404, 410}:
        return Failure(f"{answer}; the list has moved or is gone: look for its new address")
    if status in {401, 403, 407, 451}:
        return Failure(f"{answer}; open the address in a browser to see what it wants")
    if status in _PASSING_STATUS:
        return Failure(f"{answer}; nothing to do, it is tried again", passing=True, wait=wait)
    return Failure(f"{answer} instead of 200; check the address in a browser")


def from_network(problem: Exception, *, connect: float, stall: float) -> Failure:
    """Something on the way failed. ``connect`` and ``stall``: the time limits in seconds, for the sentence."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        why = getattr(problem, "certificate_error", problem)
        reason = getattr(why, "verify_message", "") or getattr(why, "reason", "") or str(why)
        return Failure(
            f"its certificate or TLS is not acceptable ({reason}); check this machine's date and the address"
        )
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return Failure(
            f"no address found for {problem.host} ({_reason(problem)}); check the name, and the upstreams", passing=True
        )
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return Failure(f"no connection within {connect:g} s; check the network, it is tried again", passing=True)
    if isinstance(problem, aiohttp.SocketTimeoutError):
        return Failure(f"the server sent nothing for {stall:g} s; it is tried again", passing=True)
    if isinstance(problem, aiohttp.ClientConnectorError):
        return Failure(
            f"can't connect to {problem.host}:{problem.port} ({_reason(problem)}); check the network", passing=True
        )
    if isinstance(problem, aiohttp.InvalidURL):
        return Failure(f"{problem.url} is no web address; write one like https://example.com/list.txt")
    if isinstance(problem, aiohttp.ClientPayloadError):
        return Failure("the answer was cut off; it is tried again", passing=True)
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return Failure("the server closed the connection without an answer; it is tried again", passing=True)
    if isinstance(problem, aiohttp.ClientResponseError):
        return Failure(f"the server's answer is not valid HTTP ({problem.message}); check the address", passing=True)
    return Failure(
        f"the download failed ({type(problem).__name__}: {_reason(problem)}); it is tried again", passing=True
    )


def from_disk(problem: OSError, directory: object) -> Failure:
    """The copy could not be written."""
    if problem.errno in _FULL:
        return Failure(f"no copy could be kept in {directory}: the disk is full; free some space")
    return Failure(f"no copy could be kept in {directory}: {_reason(problem)}; make the directory writable")


def from_file(problem: OSError, path: str) -> Failure:
    """The operator's own file could not be read."""
    if isinstance(problem, FileNotFoundError | NotADirectoryError):
        return Failure(f"there is no file {path}; create it, or correct the path")
    if isinstance(problem, PermissionError):
        return Failure(f"{path} may not be read by this account; run chmod a+r on it, and a+x on its directories")
    if isinstance(problem, IsADirectoryError):
        return Failure(f"{path} is a directory; write the path of one file in it")
    return Failure(f"{path} can't be read ({_reason(problem)})", passing=True)


def _reason(problem: BaseException) -> str:
    inner = getattr(problem, "os_error", problem)
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return " ".join(str(text).split())[:200]
