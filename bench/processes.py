"""Processes that the bench starts, and ends again whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from bench import proc

_PR_SET_PDEATHSIG: Final = 1
_libc: Final = ctypes.CDLL(None)
END_WITHIN: Final = 15.0
"""Seconds from SIGTERM to SIGKILL."""


class BenchError(Exception):
    """A program that the bench needs did not do its part; the text says which and what it wrote."""


class Running:
    """A process, its descendants, and the file that holds what they write."""

    def __init__(self, command: list[str], log: Path, cpus: set[int] | None = None, cwd: Path | None = None) -> None:
        self.command = command
        self.log = log
        self.started = time.monotonic()

        def prepare() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if cpus:
                os.sched_setaffinity(0, cpus)

        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                start_new_session=True,  # Ctrl-C is for the bench, which ends the others in order
                preexec_fn=prepare,
            )
        self.pid = self._process.pid

    def tree(self) -> list[int]:
        """This process and all that descend from it."""
        return proc.tree(self.pid)

    def check(self) -> None:
        """Raise :class:`BenchError` when the process is gone."""
        if self._process.poll() is not None:
            tail = self.log.read_text(errors="replace").strip().splitlines()[-8:]
            raise BenchError(
                f"{self.command[0]} ended with {self._process.returncode}: " + " | ".join(tail or ["no output"])
            )

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process (not to its children)."""
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended by itself."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            msg = f"{self.command[0]} did not end within {seconds:g} s"
            raise BenchError(msg) from None

    def end(self, patience: float = END_WITHIN) -> None:
        """SIGTERM, patience, SIGKILL; also for descendants that outlive their parent."""
        if self._process.poll() is not None:
            return
        family = {pid: proc.born(pid) for pid in self.tree()}
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        del family[self.pid]
        for pid, born in family.items():
            # The time of birth tells a descendant from a stranger that got its number meanwhile.
            if born and proc.born(pid) == born:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue


def free_port() -> int:
    """A port that is free for UDP and TCP on 127.0.0.1."""
    for _ in range(64):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
                try:
                    datagram.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    msg = "found no port that is free for both UDP and TCP"
    raise BenchError(msg)
