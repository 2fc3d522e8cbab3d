"""The channel between the supervisor and one worker: a Unix SOCK_SEQPACKET pair, so a message arrives whole or not at all.

Neither side ever waits for the other. Record frames (:mod:`mirage_hole.observe.record`) and JSON messages go up, JSON
messages go down; the first octet tells a frame (``R``) from JSON (``{``).

Down (supervisor to worker), one JSON object with ``"do"``:
    {"do": "policy", "path": DIRECTORY}         map this generation and serve from it
    {"do": "own", "path": FILE, "version": N}   take the user's own rules from this file
    {"do": "local", "path": FILE, "version": N} take local data from this file
    {"do": "pause", "until": EPOCH | null}      let everything through until then
    {"do": "log", "level": "DEBUG"}             change the log level
    {"do": "log", "module": "net", "level": ""} change that of one module; "" is the level of the whole program
    {"do": "settings", "settings": {...}}       replace the settings that may change while running
    {"do": "cache", "ask": N, "what": "show", "name": TEXT, "subtree": BOOL, "limit": N}
    {"do": "cache", "ask": N, "what": "flush", "name": TEXT, "subtree": BOOL}
                                                tell or forget what is remembered of a name, or of all when it is ""
    {"do": "loop", "upstream": N}               this upstream leads back here: another worker got its probe
    {"do": "diagnose", "ask": N, "of": WORKER, "what": "tasks", ...}
                                                tell of memory, tasks or files (:mod:`mirage_hole.runtime.introspection`)
    {"do": "drain"}                             stop reading, finish what is in flight, exit 0

Up (worker to supervisor), one JSON object with ``"is"``:
    {"is": "ready", "pid": N}                   sockets are being read
    {"is": "policy", "generation": N, "ok": true, "error": "..."}
    {"is": "own", "version": N, "ok": true, "error": "..."}
    {"is": "local", "version": N, "ok": true, "error": "..."}
    {"is": "cache", "ask": N, ...}              what :mod:`mirage_hole.runtime.cache_commands` says to that
    {"is": "diagnose", "ask": N, "answer": {...} | "error": "..."}
    {"is": "loop", "upstream": N, "name": "..."} a probe came back: this upstream leads back here
    {"is": "counters", ...}                     every second: :class:`WorkerCounters` by field name
"""

from __future__ import annotations

import socket

import orjson

MAX_MESSAGE = 160 * 1024
SEND_BUFFER = 4 * 1024 * 1024


def pair() -> tuple[socket.socket, socket.socket]:
    """A connected, non-blocking channel: (supervisor's end, worker's end)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return ours, theirs


def send(channel: socket.socket, message: bytes) -> bool:
    """Send without waiting. False when the other side is slow or gone: the caller counts the loss and goes on."""
    try:
        return channel.send(message, socket.MSG_DONTWAIT) == len(message)
    except (BlockingIOError, ConnectionError):
        return False
    except OSError:  # ENOBUFS, EMSGSIZE: as lost as in a full queue
        return False


def send_json(channel: socket.socket, message: dict[str, object]) -> bool:
    """Send one JSON object without waiting; see :func:`send`."""
    return send(channel, orjson.dumps(message))


def receive(channel: socket.socket) -> bytes | None:
    """The next message; None when there is none yet; ``b""`` when the other side has closed."""
    try:
        return channel.recv(MAX_MESSAGE)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""
