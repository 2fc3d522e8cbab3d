"""Real processes on loopback: the sinkhole as a user starts it, unbound as its upstream, a web server for lists."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dns.exception
import dns.message
import dns.query
import orjson
import pytest

from tests.live import servers
from tests.live.processes import PATIENCE, free_port, tool, wait_for
from tests.live.servers import Actor, Authority
from tests.nameserver import Heard

__all__ = ["PATIENCE", "FORWARDED", "ListServer", "Sinkhole", "free_port", "tool", "wait_for"]

FORWARDED = "forwarded.example."


class Sinkhole:
    """One running `mirage-hole`."""

    OPEN_FOR = "127.0.0.0/8"
    """Who looks without a login."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        upstream: int | None,
        environment: dict[str, str] | None = None,
        config: str = "",
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.web = free_port()
        self.upstream = upstream
        if config:
            (directory / "config.toml").write_text(config)
            arguments = ("--config", str(directory / "config.toml"), *arguments)
        if upstream is not None:
            arguments = ("--upstream", f"127.0.0.1:{upstream}", *arguments)
        self.arguments = arguments
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.log = directory / "sinkhole.log"

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MIRAGE_HOLE_")}
        return {**kept, "MIRAGE_HOLE_STATE": str(self.directory / "state"), **self.environment}

    def start(self) -> Sinkhole:
        """Start it; it answers when this returns."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mirage_hole"),
                    *("--listen", "127.0.0.1", "--listen", "::1", "--port", str(self.port)),
                    *("--web", f"127.0.0.1:{self.web}", "--web-open-for", self.OPEN_FOR),
                    *("--web-requests-per-second", "0"),
                    *self.arguments,
                ],
                env=self.environ,
                stdout=log,
                stderr=log,
            )
        wait_for(self.answers, f"an answer from the sinkhole; its log says: {self.said()}")
        return self

    def answers(self) -> bool:
        """Whether it answers anything at all."""
        assert self.process is not None
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said()}"
        try:
            self.ask("answers.example", timeout=0.3)
        except (dns.exception.DNSException, OSError):
            return False
        return True

    def ask(
        self, name: str, kind: str = "A", *, tcp: bool = False, address: str = "127.0.0.1", edns: bool = True,
        timeout: float = PATIENCE,
    ) -> dns.message.Message:  # fmt: skip
        """One question, by dnspython."""
        query = dns.message.make_query(name, kind, use_edns=0 if edns else None, payload=1232)
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(query, address, port=self.port, timeout=timeout)

    def blocks(self, name: str) -> bool:
        """Whether it answers 0.0.0.0."""
        return [record.to_text() for rrset in self.ask(name).answer for record in rrset] == ["0.0.0.0"]

    def get(self, path: str) -> bytes:
        """What the web server gives."""
        with urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=PATIENCE) as response:
            body: bytes = response.read()
            return body

    def stats(self) -> dict[str, Any]:
        """The web server comes later than the first answer, or again a while after it has died."""
        wait_for(self.web_is_up, "the web server")
        found: dict[str, Any] = orjson.loads(self.get("/api/v1/stats"))
        return found

    def web_is_up(self) -> bool:
        try:
            return bool(self.get("/healthz"))
        except OSError:
            return False

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command with the same state."""
        command = [sys.executable, "-m", "mirage_hole", *arguments]
        return subprocess.run(
            command, env=self.environ, capture_output=True, text=True, timeout=2 * PATIENCE, check=False
        )

    def workers(self) -> list[int]:
        """The processes of the data plane."""
        assert self.process is not None
        found = []
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends just now
                if b"mirage_hole.runtime.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
        return found

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """End it as a service manager would; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


class ListServer:
    """Lists over HTTP, from a directory; or whatever a test makes it say."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> ListServer:
        handler = functools.partial(_Quiet, directory=str(self.directory))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests need no access log."""


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an unbound that knows one zone and refuses to ask anyone else."""
    directory = tmp_path_factory.mktemp("unbound")
    port = free_port()
    config = directory / "unbound.conf"
    config.write_text(
        f"""
server:
    interface: 127.0.0.1@{port}
    do-daemonize: no
    use-syslog: no
    logfile: "{directory}/unbound.log"
    chroot: ""
    username: ""
    directory: "{directory}"
    module-config: "iterator"
    access-control: 127.0.0.0/8 allow
    local-zone: "." static
    local-data: "{FORWARDED} 300 IN A 192.0.2.80"
    local-data: "{FORWARDED} 300 IN AAAA 2001:db8::80"
    local-data: "not-blocked.{FORWARDED} 300 IN A 192.0.2.81"
"""
        + "".join(f'    local-data: "big.{FORWARDED} 300 IN TXT {"x" * 200}{number:03}"\n' for number in range(30))
        + "remote-control:\n    control-enable: no\n"
    )
    with servers.running_unbound(config, directory / "unbound.log", port, FORWARDED):
        yield port


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """Knot with the zones of :mod:`tests.live.zones`."""
    with servers.knot(tmp_path_factory.mktemp("knot")) as running:
        yield running


@pytest.fixture(scope="session")
def recursor(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[int]:
    """The port of an unbound that resolves and validates them."""
    with servers.unbound(tmp_path_factory.mktemp("recursor"), authority) as port:
        yield port


@pytest.fixture
def actor() -> Iterator[Callable[..., Actor]]:
    """Start nameservers that do as they are told; they are ended after the test."""
    running: list[Actor] = []

    def start(behave: Callable[[Heard], None]) -> Actor:
        running.append(Actor(behave).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def list_server(tmp_path: Path) -> Iterator[ListServer]:
    """A web server with an empty directory of lists."""
    directory = tmp_path / "lists"
    directory.mkdir()
    server = ListServer(directory).start()
    yield server
    server.stop()


@pytest.fixture
def sinkhole(tmp_path: Path, upstream: int) -> Iterator[Callable[..., Sinkhole]]:
    """Start sinkholes; they are ended after the test."""
    running: list[Sinkhole] = []

    def start(*arguments: str, **options: Any) -> Sinkhole:
        one = Sinkhole(tmp_path, *arguments, **{"upstream": upstream, **options})
        running.append(one)
        return one.start()

    yield start
    for one in running:
        one.stop()
