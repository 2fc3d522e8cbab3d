"""Why a list could not be fetched, as a sentence for an operator: what happened, and what to do about it."""

from __future__ import annotations

import errno
import os
from http import HTTPStatus
from typing import Final

_PASSING_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_MAX_WAIT: Final = 60.0
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Failure(Exception):  # noqa: N818 - reads as what it is at the raise
    """A fetch failed.

    Attributes:
        passing: trying again soon may help.
        network: the way to the server failed, so a change of the network may help.
        slow: it took all the time there was, so the next try belongs to a later round.
        wait: seconds the server asked us to wait at least.
    """

    def __init__(
        self, sentence: str, *, passing: bool = False, network: bool = False, slow: bool = False, wait: float = 0.0
    ) -> None:
        super().__init__(sentence)
        self.passing = passing or network
        self.network = network
        self.slow = slow
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


def from_disk(problem: OSError, directory: object) -> Failure:
    """The copy could not be written."""
    if problem.errno in _FULL:
        return Failure(f"no copy could be kept in {directory}: the disk is full; free some space")
    return Failure(f"no copy could be kept in {directory}: {reason(problem)}; make the directory writable")


def from_file(problem: OSError, path: str) -> Failure:
    """The operator's own file could not be read."""
    if isinstance(problem, FileNotFoundError | NotADirectoryError):
        return Failure(f"there is no file {path}; create it, or correct the path")
    if isinstance(problem, PermissionError):
        return Failure(f"{path} may not be read by this account; run chmod a+r on it, and a+x on its directories")
    if isinstance(problem, IsADirectoryError):
        return Failure(f"{path} is a directory; write the path of one file in it")
    return Failure(f"{path} can't be read ({reason(problem)})", passing=True)


def reason(problem: BaseException) -> str:
    """The shortest useful words of an exception, on one line."""
    inner = getattr(problem, "os_error", problem)
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    if isinstance(inner, OSError) and inner.errno and text.startswith("Connect call failed"):
        # asyncio's words, which do not say why.
        text = os.strerror(inner.errno)
    return " ".join(str(text).split())[:200]
