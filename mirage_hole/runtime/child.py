"""One worker process, seen from the supervisor: how it is started, told, heard, and ended. Nothing here ever waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from mirage_hole.runtime import channel

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from mirage_hole.runtime.worker_settings import WorkerSettings

# -P: the directory somebody starts the server in must not be searched for modules.
COMMAND: Final = ("-P", "-m", "mirage_hole.runtime.worker_process")
MESSAGES_A_WAKE: Final = 64

# What an interpreter needs of the environment. Everything else stays here, so that no worker sees a secret.
_PASSED: Final = frozenset(
    {"PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "HOME", "VIRTUAL_ENV", "JOURNAL_STREAM", "LD_LIBRARY_PATH"}
)
_PASSED_PREFIXES: Final = ("LC_", "PYTHON", "MALLOC_", "COVERAGE_")


class Child:
    """A running worker, or one that has ended."""

    def __init__(
        self,
        settings: WorkerSettings,
        udp: Sequence[socket.socket],
        tcp: Sequence[socket.socket],
        command: Sequence[str] | None = None,
        *,
        now: float = 0.0,
    ) -> None:
        """Start it. ``command`` replaces the interpreter and its arguments, for tests; ``now`` becomes ``started_at``.

        Raises:
            OSError: no process could be started.
        """
        self.number = settings.number
        self.started_at = now
        self.ready = False
        self.leaving = False
        """It was told to end."""
        self.own_rules_version = 0
        """Which state of the user's own rules it serves."""
        self.generation = 0
        """Which compiled lists it serves; 0: none, or not known yet."""
        self.channel, theirs = channel.pair()
        self._unsent: dict[str, dict[str, Any]] = {}
        settings = replace(
            settings,
            udp_fds=tuple(sock.fileno() for sock in udp),
            tcp_fds=tuple(sock.fileno() for sock in tcp),
            channel_fd=theirs.fileno(),
        )
        try:
            with _file_with(settings.to_json()) as stdin:
                self._process = subprocess.Popen(  # noqa: S603 - our own module, or a test's
                    [sys.executable, *COMMAND] if command is None else list(command),
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(*settings.udp_fds, *settings.tcp_fds, theirs.fileno()),
                    env=environment(),
                    process_group=0,  # an interrupt from the terminal is the supervisor's to handle
                )
        except BaseException:
            self.channel.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message; if it can't be taken now it is kept, and :meth:`retell` sends the latest of its kind."""
        if not channel.send_json(self.channel, message):
            self._unsent[message["do"]] = message

    def retell(self) -> None:
        """Send what could not be sent before."""
        unsent, self._unsent = self._unsent, {}
        for message in unsent.values():
            self.tell(message)

    def hear(self) -> list[bytes]:
        """What it said, at most ``MESSAGES_A_WAKE`` messages; ``b""`` is the last and means that it has hung up."""
        said = []
        for _ in range(MESSAGES_A_WAKE):
            message = channel.receive(self.channel)
            if message is None:
                break
            said.append(message)
            if not message:
                break
        return said

    def drain(self) -> None:
        """Ask it to finish what it has in work and end."""
        self.leaving = True
        if not channel.send_json(self.channel, {"do": "drain"}):
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now."""
        self._signal(signal.SIGKILL)

    def ending(self) -> str | None:
        """How it ended, for people; None while it lives."""
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            try:
                return f"killed by {signal.Signals(-code).name}"
            except ValueError:
                return f"killed by signal {-code}"
        return f"exit code {code}"

    def failed(self) -> bool:
        """Whether it has ended otherwise than by finishing its work."""
        return self._process.poll() not in (None, 0)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)


def _file_with(data: bytes) -> IO[bytes]:
    """A file, as writing long settings into a pipe waits until the worker reads them; in memory, as the disk may be full."""
    file = os.fdopen(os.memfd_create("settings"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(data)
    file.seek(0)
    return file


def environment() -> dict[str, str]:
    """The environment of a worker: this interpreter's search path and little more, whatever way it was installed."""
    kept = {name: value for name, value in os.environ.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}
    # An editable install, a zipped application, a checkout: what is importable here is importable there.
    kept["PYTHONPATH"] = os.pathsep.join(str(Path(entry or ".").absolute()) for entry in sys.path if _exists(entry))
    return kept


def _exists(entry: str) -> bool:
    return os.pathsep not in entry and Path(entry or ".").exists()
