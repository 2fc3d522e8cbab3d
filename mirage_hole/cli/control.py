"""Speaks with the running server through the control socket of its state directory."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TIMEOUT: Final = 30.0
"""Seconds for an answer; a change of rules counts within milliseconds, a busy disk may take longer."""
_AGAIN: Final = 0.02
"""Seconds between two tries to get a place in the server's queue."""
MAX_LINE: Final = 1 << 20
"""Octets of one line of a stream."""


class NoServer(Exception):  # noqa: N818 - reads as what it is at the raise
    """No server runs with this state directory."""


class Refused(Exception):  # noqa: N818 - reads as what it is at the raise
    """The server runs and does not do what was asked; the message says why and what to do."""


def call(
    state_directory: Path, method: str, path: str, body: dict[str, Any] | None = None, timeout: float = TIMEOUT
) -> dict[str, Any]:
    """Ask once.

    Args:
        state_directory: the server's.
        method: of HTTP.
        path: such as ``/rules``; see :mod:`mirage_hole.api.commands`.
        body: becomes JSON.
        timeout: seconds until the server counts as stuck.

    Raises:
        NoServer: nobody listens.
        Refused: a problem document came back, or nothing in time.
    """
    connection = _Connection(state_directory, timeout)
    try:
        response = _ask(connection, method, path, body)
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _explained(problem, state_directory, timeout) from problem
    finally:
        connection.close()
    return answer


def stream(
    state_directory: Path, method: str, path: str, body: dict[str, Any] | None = None, timeout: float = TIMEOUT
) -> Iterator[dict[str, Any]]:
    """Ask once and read one JSON object a line until the server has said everything.

    ``timeout`` is the longest silence, in seconds. Raises as :func:`call`.
    """
    connection = _Connection(state_directory, timeout)
    try:
        response = _ask(connection, method, path, body)
        while line := response.readline(MAX_LINE):
            yield json.loads(line)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _explained(problem, state_directory, timeout) from problem
    finally:
        connection.close()


@contextmanager
def download(state_directory: Path, path: str, timeout: float = TIMEOUT) -> Iterator[IO[bytes]]:
    """A file that the server sends, to be read to its end. ``timeout`` is the longest silence, in seconds. Raises as :func:`call`."""
    connection = _Connection(state_directory, timeout)
    try:
        yield _ask(connection, "GET", path, None)
    except BrokenPipeError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _explained(problem, state_directory, timeout) from problem
    finally:
        connection.close()


def _ask(connection: _Connection, method: str, path: str, body: dict[str, Any] | None) -> http.client.HTTPResponse:
    data = None if body is None else json.dumps(body).encode()
    # A server that refuses a request does so before it has read all of it, and says why.
    with suppress(BrokenPipeError):
        connection.request(method, path, data, {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status >= 400:
        text = response.read(MAX_LINE)
        try:
            said = json.loads(text)
            detail = _with_problems(str(said["detail"]), said.get("problems") or ())
        except (ValueError, KeyError, TypeError):
            detail = f"the server answered {response.status} {response.reason}"
        raise Refused(detail)
    return response


def _with_problems(detail: str, problems: Iterable[dict[str, Any]]) -> str:
    """A line for each problem that the detail does not tell already."""
    lines = [f"{one['where']}: {one['what']}; write {one['instead']}" for one in problems if one["what"] not in detail]
    return "\n".join([detail, *lines])


class _Connection(http.client.HTTPConnection):
    """HTTP over the Unix socket of a state directory."""

    def __init__(self, state_directory: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._directory = state_directory

    def connect(self) -> None:
        from mirage_hole.runtime.control_socket import reachable

        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        deadline = time.monotonic() + (self.timeout or 0.0)
        with reachable(self._directory) as path:
            while True:
                try:
                    self.sock.connect(path)
                except BlockingIOError:  # connect(2): so many wait already that there is no room for one more
                    if time.monotonic() >= deadline:
                        raise TimeoutError from None
                    time.sleep(_AGAIN)
                else:
                    return


def _explained(problem: Exception, directory: Path, timeout: float) -> Exception:
    if isinstance(problem, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
        return NoServer(f"no server runs with the state directory {directory}; --state DIRECTORY names another")
    if isinstance(problem, PermissionError):
        return Refused(f"{directory} is not accessible for this user; run it as the server's user, or with sudo")
    if isinstance(problem, TimeoutError):
        return Refused(f"the server did not answer within {timeout:g} s; what was asked may still happen")
    return Refused(f"the server broke off: {problem}")
