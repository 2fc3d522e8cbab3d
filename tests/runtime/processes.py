"""Workers as real processes, and what a supervisor holds for them."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from mirage_hole.lists.rule import Action, Rule, Scope
from mirage_hole.observe.record import FRAME_KIND, decode_frame, decode_subject
from mirage_hole.policy.build import Builder
from mirage_hole.policy.index import ListInfo
from mirage_hole.runtime.child import Child
from mirage_hole.runtime.generation import CHECKSUMS, LINES, MANIFEST, MORE, NAMES, SETS, checksums
from mirage_hole.runtime.worker_settings import WorkerSettings
from mirage_hole.wire.names import from_text
from tests.net.edge import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def a_generation(directory: Path, *blocks: str, number: int = 1) -> Path:
    """A directory as the compiler leaves it: one list that blocks these names and what is below them."""
    builder = Builder()
    builder.add_list([Rule(from_text(name), Action.BLOCK, Scope.SUBTREE, line) for line, name in enumerate(blocks, 1)])
    built = builder.build()
    info = ListInfo("test list", "test.txt", "block", "domains", len(blocks), 0)
    path = directory / f"{number:08d}"
    path.mkdir(parents=True)
    built.names.save(str(path / NAMES))
    for file, data in ((SETS, built.sets), (LINES, built.lines), (MORE, built.more)):
        (path / file).write_bytes(data)
    (path / MANIFEST).write_bytes(orjson.dumps(built.manifest(number, 0, [info._asdict()])))
    (path / CHECKSUMS).write_bytes(checksums(path))
    return path


class Sockets:
    """What a supervisor holds: sockets that outlive workers."""

    def __init__(self) -> None:
        self.udp: list[socket.socket] = []
        self.tcp: list[socket.socket] = []
        for host in ("127.0.0.1", "::1"):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            for kind, kept in ((socket.SOCK_DGRAM, self.udp), (socket.SOCK_STREAM, self.tcp)):
                sock = socket.socket(family, kind)
                sock.bind((host, 0))
                if kind is socket.SOCK_STREAM:
                    sock.listen(16)
                kept.append(sock)

    def close(self) -> None:
        for sock in (*self.udp, *self.tcp):
            sock.close()


class Worker:
    """One process, and everything it said."""

    def __init__(self, sockets: Sockets, settings: WorkerSettings) -> None:
        self.child = Child(settings, sockets.udp, sockets.tcp)
        self.sockets = sockets
        self.frames: list[bytes] = []
        self.messages: list[dict[str, Any]] = []
        self.hung_up = False

    def listen(self) -> None:
        for message in self.child.hear():
            if not message:
                self.hung_up = True
            elif message[0] == FRAME_KIND:
                self.frames.append(message)
            else:
                self.messages.append(orjson.loads(message))

    def said(self, kind: str) -> list[dict[str, Any]]:
        if not self.hung_up and self.child.channel.fileno() >= 0:
            self.listen()
        return [message for message in self.messages if message["is"] == kind]

    async def counters(self) -> dict[str, Any]:
        """The next that come."""
        return await self._next("counters", len(self.said("counters")))

    async def policy(self, path: Path | str) -> dict[str, Any]:
        """Tell it to use a generation; what it says to that."""
        known = len(self.said("policy"))
        self.child.tell({"do": "policy", "path": str(path)})
        return await self._next("policy", known)

    async def has_heard(self) -> None:
        """It has read everything it was told until now: it answers messages in order."""
        assert not (await self.policy("/nonexistent"))["ok"]

    async def _next(self, kind: str, known: int) -> dict[str, Any]:
        await until(lambda: len(self.said(kind)) > known)
        return self.said(kind)[known]

    async def ended(self) -> str:
        def over() -> bool:
            self.said("")
            return self.child.ending() is not None

        await until(over)
        self.said("")
        return self.child.ending() or ""

    def records(self) -> list[Any]:
        self.said("")
        return [decode_subject(record.subject) for frame in self.frames for record in decode_frame(frame)]

    @property
    def udp(self) -> tuple:
        return self.sockets.udp[0].getsockname()[:2]

    @property
    def tcp(self) -> tuple:
        return self.sockets.tcp[0].getsockname()[:2]


@contextlib.asynccontextmanager
async def a_worker(
    *upstreams: tuple[str, int], sockets: Sockets | None = None, wait: bool = True, **how: Any
) -> AsyncIterator[Worker]:
    """A worker that is ready, ended with the block if it has not ended before."""
    given = {"timeout": 30.0, "cache_bytes": 1 << 20, "block_mode": "null", "allow_from": ("127.0.0.0/8", "::1/128")}
    settings = WorkerSettings(number=0, udp_fds=(), tcp_fds=(), channel_fd=-1, upstreams=upstreams, **{**given, **how})
    own = sockets or Sockets()
    worker = Worker(own, settings)
    try:
        if wait:
            await until(lambda: worker.said("ready"))
        yield worker
    finally:
        worker.child.kill()
        await until(lambda: worker.child.ending() is not None)
        worker.child.channel.close()
        if sockets is None:
            own.close()
