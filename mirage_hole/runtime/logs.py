"""Logging to stderr: ``text`` for people, ``logfmt`` and ``json`` for machines, ``<N>`` priorities for the journal.

A log line never makes the program wait: when nobody reads stderr, lines are dropped and counted. Repeated lines are held
back (:mod:`mirage_hole.runtime.repeats`), passwords in URLs are masked, control characters are escaped.
"""

from __future__ import annotations

import logging
import os
import re
import select
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from mirage_hole.runtime.repeats import Repeats
from mirage_hole.sources.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMATS: Final = ("text", "logfmt", "json")
MAX_MESSAGE: Final = 2000
"""Characters of one message; the rest is cut."""
MAX_TRACEBACK: Final = 16_000
BLOCK: Final = "block"
"""``extra={BLOCK: True}`` marks a message of several lines, written for people by the program itself."""

RECENT: Final = 1000
"""Lines that are kept in memory."""

_ROOT: Final = "mirage_hole"
# sd-daemon(3): syslog priorities. DEBUG 7, INFO 6, WARNING 4, ERROR 3, CRITICAL 2.
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN: Final = re.compile(r"[^\s\"=\\]+")
_NOT_EXTRA: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", BLOCK}
_WRITE: Final = 4096
"""Octets a pipe takes whole once poll(2) says that it is writable (PIPE_BUF)."""


def configure(level: str, style: str, *, worker: int | None = None) -> LogHandler:
    """Send this process's log to stderr.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``, in any case.
        style: one of ``FORMATS``.
        worker: the number of the worker that logs; None for the supervisor.

    Raises:
        ValueError: an unknown level or style.
    """
    handler = LogHandler(sys.stderr.fileno(), formatter(style, journal=_is_journal(2, os.environ), worker=worker))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        if isinstance(old, LogHandler):
            handler.recent.extend(old.recent)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # What a library says about each of its steps is of no use to an operator, and can hold a URL with its query.
    for noisy in ("asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handler


def set_level(module: str, level: str) -> None:
    """Give a module, such as ``runtime.control``, a level; empty: the whole program, or for the level the program's own."""
    logging.getLogger(f"{_ROOT}.{module}" if module else None).setLevel(level or logging.NOTSET)


def formatter(style: str, *, journal: bool = False, worker: int | None = None) -> LogFormatter:
    """The formatter of a style; ``journal`` puts ``<N>`` before each line and leaves the time to the journal."""
    render = {"text": _text, "logfmt": _logfmt, "json": _json}.get(style)
    if render is None:
        message = f"log format {style!r} is unknown; write one of {', '.join(FORMATS)}"
        raise ValueError(message)
    return LogFormatter(render, journal=journal, worker=worker)


class Line(NamedTuple):
    """One line of the log, as it is kept for people who look by the API."""

    at: float
    """Seconds since the epoch."""
    level: str
    source: str
    """The module."""
    message: str


class LogHandler(logging.Handler):
    """Writes to a file descriptor without ever waiting for whoever reads it."""

    def __init__(self, fd: int, style: logging.Formatter, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.dropped = 0
        """Lines that nobody was ready to read, since the last line that went out."""
        self._fd = fd
        self._clock = clock
        self.recent: deque[Line] = deque(maxlen=RECENT)
        """The last lines, whether anybody read them or not."""
        self._repeats = Repeats()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self.setFormatter(style)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, unless it repeats what was just said. What can't be written is counted: nobody fails by logging."""
        try:
            self._emit(record)
        except (OSError, MemoryError, TypeError, ValueError):
            self.dropped += 1

    def _emit(self, record: logging.LogRecord) -> None:
        self.tell_held_back()
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a call with the wrong arguments still tells something
            text, record.args = str(record.msg), None
        template = (record.name, str(record.msg))
        # Whoever asks for DEBUG wants every line.
        if record.levelno < logging.INFO or self._repeats.admits(
            template, (record.name, record.levelno, text), self._clock()
        ):
            self._write(record)

    def tell_held_back(self) -> None:
        """Say how often a held-back line was meant to be written, once its time is over."""
        for (name, level, text), count in self._repeats.ended(self._clock()):
            self._write(logging.LogRecord(name, level, "", 0, "%s (%d more like this)", (text, count), None))

    def _write(self, record: logging.LogRecord) -> None:
        lines = self.format(record)
        source = record.name.removeprefix(f"{_ROOT}.")
        self.recent.append(Line(record.created, record.levelname, source, masked(record.getMessage())[:MAX_MESSAGE]))
        if self.dropped:
            lost = logging.LogRecord(_ROOT, logging.WARNING, "", 0, "%d log lines were lost", (self.dropped,), None)
            lines = f"{self.format(lost)}\n{lines}"
        data = lines.encode("utf-8", "backslashreplace") + b"\n"
        for start in range(0, len(data), _WRITE):
            if not self._writable() or not self._put(data[start : start + _WRITE]):
                self.dropped += 1
                return
        self.dropped = 0

    def _writable(self) -> bool:
        return any(events & select.POLLOUT for _, events in self._poll.poll(0))

    def _put(self, data: bytes) -> bool:
        try:
            return os.write(self._fd, data) == len(data)
        except OSError:  # the terminal is gone, the disk behind the file is full
            return False


class LogFormatter(logging.Formatter):
    """Turns a record into one line, or into more for a traceback."""

    def __init__(self, render: Callable[[Fields], str], *, journal: bool = False, worker: int | None = None) -> None:
        super().__init__()
        self._render = render
        self._journal = journal
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without a final newline."""
        message = masked(record.getMessage())[:MAX_MESSAGE]
        if not getattr(record, BLOCK, False):
            message = on_one_line(message)
        trace = masked(self.formatException(record.exc_info))[-MAX_TRACEBACK:] if record.exc_info else ""
        extra = {name: masked(str(value)) for name, value in vars(record).items() if name not in _NOT_EXTRA}
        if self._worker is not None:
            extra = {"worker": str(self._worker), **extra}
        source = record.name.removeprefix(f"{_ROOT}.").removesuffix(".__main__")
        at = None if self._journal else record.created
        text = self._render(Fields(at, record.levelname, source, message, extra, trace))
        if not self._journal:
            return text
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in text.split("\n"))


class Fields:
    """What a line is made of."""

    __slots__ = ("at", "extra", "level", "message", "source", "trace")

    def __init__(
        self, at: float | None, level: str, source: str, message: str, extra: Mapping[str, str], trace: str
    ) -> None:
        self.at = at
        """Seconds since the epoch; None when the reader of the log knows the time."""
        self.level = level
        self.source = source
        self.message = message
        self.extra = extra
        self.trace = trace


def on_one_line(text: str) -> str:
    """Control characters escaped: what a client or a list sends can't forge a line, nor steer a terminal."""
    # Not by a codec: its module would be loaded at the first use, which fails just when there are no descriptors left.
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def _text(fields: Fields) -> str:
    at = "" if fields.at is None else time.strftime("%H:%M:%S ", time.localtime(fields.at))
    level = "" if fields.level == "INFO" else f"{fields.level}: "
    extra = "".join(f" {name}={on_one_line(value)}" for name, value in fields.extra.items())
    trace = "".join(f"\n    {on_one_line(line)}" for line in fields.trace.splitlines())
    source = "" if fields.source == _ROOT else f"{fields.source.rpartition('.')[2]}: "
    return f"{at}{level}{source}{fields.message}{extra}{trace}"


def _pairs(fields: Fields) -> dict[str, str]:
    pairs = {} if fields.at is None else {"time": _iso(fields.at)}
    pairs |= {"level": fields.level.lower(), "source": fields.source, "message": fields.message, **fields.extra}
    if fields.trace:
        pairs["trace"] = fields.trace
    return pairs


def _logfmt(fields: Fields) -> str:
    return " ".join(f"{name}={_quoted(value)}" for name, value in _pairs(fields).items())


def _json(fields: Fields) -> str:
    cleaned = {name: value.encode("utf-8", "replace").decode() for name, value in _pairs(fields).items()}
    return orjson.dumps(cleaned).decode()


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.isprintable():
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{on_one_line(escaped)}"'


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"


def _is_journal(fd: int, environ: Mapping[str, str]) -> bool:
    """Whether the descriptor leads to the journal: ``JOURNAL_STREAM`` is its device and inode (systemd.exec(5))."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
