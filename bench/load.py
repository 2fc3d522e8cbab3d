"""Who asks: dnsperf for throughput, our own client for latencies. The same command lines for every server."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from bench.cc import built
from bench.processes import BenchError, Running

DNSPERF: Final = ("-m", "udp", "-c", "4", "-T", "1", "-q", "100", "-t", "2")
"""Four sockets, at most 100 questions unanswered, two seconds until one counts as lost."""
NO_ANSWER: Final = float("inf")


class Load(NamedTuple):
    """What dnsperf reports."""

    sent: int
    answered: int
    noerror: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Answers."""
        return self.answered / self.seconds if self.seconds else 0.0


def dnsperf(port: int, questions: Path, *, seconds: int | None, once: bool, cpus: set[int], log: Path) -> Load:
    """Ask the questions; ``once`` ends with the last one, ``seconds`` with the clock, whichever comes first."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(questions), *DNSPERF]
    if once:
        command += ["-n", "1"]
    if seconds is not None:
        command += ["-l", str(seconds)]
    log.write_bytes(b"")
    running = Running(command, log, cpus)
    try:
        running.wait(seconds + 30 if seconds is not None else 600)
    finally:
        running.end()
    text = log.read_text(errors="replace")
    noerror = re.search(r"NOERROR (\d+)", text)
    return Load(
        figure(r"Queries sent:\s+(\d+)", text),
        figure(r"Queries completed:\s+(\d+)", text),
        int(noerror[1]) if noerror else 0,
        float(_match(r"Run time \(s\):\s+([\d.]+)", text)),
    )


def dnsperf_version() -> str:
    """Such as 2.10.0."""
    result = subprocess.run(["dnsperf", "-h"], capture_output=True, text=True, timeout=10, check=False)
    found = re.search(r"Version (\S+)", result.stdout + result.stderr)
    return found[1] if found else "unknown"


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds of the questions of one window; a question without an answer counts as the longest."""

    values: tuple[float, ...]
    """Sorted."""

    def percentile(self, share: float) -> float:
        """Infinite when so many questions had no answer; not a number for an empty window."""
        if not self.values:
            return float("nan")
        return self.values[min(len(self.values) - 1, int(share / 100 * len(self.values)))]

    @property
    def unanswered(self) -> int:
        return sum(value == NO_ANSWER for value in self.values)


class LatencyClient:
    """A steady stream of questions in the background."""

    def __init__(self, running: Running, samples: Path) -> None:
        self._running = running
        self._samples = samples

    def finish(self) -> list[tuple[int, float]]:
        """Stop asking; (time sent in ns since the epoch, milliseconds) of every question."""
        self._running.tell(signal.SIGTERM)
        if self._running.wait(10):
            msg = f"the latency client failed: {self._samples.read_text()[:200]}"
            raise BenchError(msg)
        return [
            (int(sent), int(took) / 1e6 if took != "-1" else NO_ANSWER)
            for sent, took in (line.split() for line in self._samples.read_text().splitlines())
        ]


@contextmanager
def latency_client(port: int, packets: Path, *, rate: int, most_seconds: int, samples: Path) -> Iterator[LatencyClient]:
    """Ask ``rate`` questions a second until told to finish."""
    samples.write_bytes(b"")
    running = Running([str(built("latency")), str(port), str(rate), str(most_seconds), str(packets)], samples)
    try:
        yield LatencyClient(running, samples)
    finally:
        running.end()


def window(samples: list[tuple[int, float]], start: int, end: int) -> Latencies:
    """The questions sent from ``start`` to ``end``, in ns since the epoch."""
    return Latencies(tuple(sorted(took for sent, took in samples if start <= sent < end)))


def figure(pattern: str, text: str) -> int:
    """A number in what dnsperf says."""
    return int(_match(pattern, text))


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if not found:
        msg = f"dnsperf did not report {pattern!r}: {text.strip()[-300:]}"
        raise BenchError(msg)
    return found[1]
