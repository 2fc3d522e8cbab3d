"""A real server for tests of the dashboard: real lists, a resolver that answers everything, devices that ask, and an admin."""

from __future__ import annotations

import http.cookiejar
import subprocess
import urllib.error
import urllib.request
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.message
import dns.query
import orjson

from tests.live.conftest import ListServer, Sinkhole
from tests.live.processes import PATIENCE, free_port, wait_for
from tests.live.servers import running_unbound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = "admin"
PASSWORD = "correct horse battery"
DEVICES = tuple(f"127.0.0.{number}" for number in range(20, 28))
BLOCKED = ("stats.g.doubleclick.net", "ad.doubleclick.net", "www.googleadservices.com", "google-analytics.com")
ALLOWED = ("en.wikipedia.org", "github.com", "deb.debian.org", "www.zeit.de", "pypi.org", "nas.home.example")
ADS = "# Title: Small list of ads\n" + "".join(f"||{name}^\n" for name in ("doubleclick.net", "googleadservices.com"))
TRACKERS = "# Title: Small list of trackers\n" + "".join(
    f"0.0.0.0 {name}\n" for name in ("google-analytics.com", "www.google-analytics.com", "tracker.example", "ad.doubleclick.net")
)  # fmt: skip


@contextmanager
def everything_answers(directory: Path) -> Iterator[int]:
    """The port of an unbound that has an address for every name."""
    port = free_port()
    config = directory / "everything.conf"
    config.write_text(
        f"""
server:
    interface: 127.0.0.1@{port}
    do-daemonize: no
    use-syslog: no
    logfile: "{directory}/everything.log"
    chroot: ""
    username: ""
    directory: "{directory}"
    module-config: "iterator"
    access-control: 127.0.0.0/8 allow
    local-zone: "." redirect
    local-data: ". 300 IN A 192.0.2.10"
    local-data: ". 300 IN AAAA 2001:db8::10"
    local-zone: "missing.example." static
remote-control:
    control-enable: no
"""
    )
    with running_unbound(config, directory / "everything.log", port, "a.example"):
        yield port


class Server(Sinkhole):
    """A running server and its admin."""

    OPEN_FOR = "192.0.2.0/24"
    """Nobody here looks without a login."""

    def __init__(self, directory: Path, lists: ListServer, upstream: int, *arguments: str, **more: Any) -> None:
        super().__init__(directory, *arguments, upstream=upstream, **more)
        self.lists = lists
        """Where its lists come from; a test may add files to its directory."""
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self.csrf = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web}"

    @property
    def dns_port(self) -> int:
        return self.port

    def add_admin(self) -> Server:
        """The first user, by the command line."""
        command = [*self._command(), "user", "add", USER]
        subprocess.run(command, env=self.environ, input=f"{PASSWORD}\n", text=True, capture_output=True, check=True)
        return self

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """What the API answers to the admin; raises AssertionError with what it said against it."""
        if not self.csrf and path != "/api/v1/login":
            self.csrf = self.api("POST", "/api/v1/login", {"name": USER, "password": PASSWORD})["csrf"]
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json", "X-CSRF-Token": self.csrf, "Origin": self.url}
        if data is None:
            del headers["Content-Type"]
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                said = answer.read()
        except urllib.error.HTTPError as problem:
            complaint = f"{method} {path}: {problem.code} {problem.read().decode()}"
            raise AssertionError(complaint) from None
        return orjson.loads(said) if said[:1] in {b"{", b"["} else said.decode()

    def asks(self, name: str, qtype: str = "A", source: str = "127.0.0.1") -> list[str]:
        """One question of a device; the addresses, or the response code in a list when there are none."""
        query = dns.message.make_query(name, qtype, use_edns=0)
        answer = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=PATIENCE, source=source)
        found = [record.to_text() for rrset in answer.answer for record in rrset]
        return found or [dns.rcode.to_text(answer.rcode())]

    def live_a_little(self, rounds: int = 4) -> None:
        """Devices ask for this and that."""
        for number in range(rounds):
            for device in DEVICES:
                for name in (*ALLOWED, *BLOCKED):
                    if (zlib.crc32(f"{name} {device}".encode()) + number) % 3:
                        self.asks(name, "AAAA" if number % 4 == 3 else "A", device)
        wait_for(lambda: self.logged() > rounds, "the query log")

    def logged(self) -> int:
        """Queries that the log gives."""
        return len(self.api("GET", "/api/v1/queries?limit=500")["queries"])

    def _command(self) -> list[str]:
        import sys

        return [sys.executable, "-m", "mirage_hole"]


@contextmanager
def serving(directory: Path, *arguments: str, lists: tuple[Path, ...] = (), admin: bool = True) -> Iterator[Server]:
    """A server with its lists loaded; with an admin, unless a test wants to make the first user.

    Args:
        directory: for everything that it writes.
        arguments: further ones of the command line.
        lists: files; without any, two small lists over HTTP.
        admin: whether there is one.
    """
    folder = directory / "lists"
    folder.mkdir()
    (folder / "ads.txt").write_text(ADS)
    (folder / "trackers.txt").write_text(TRACKERS)
    source = ListServer(folder).start()
    with everything_answers(directory) as upstream:
        chosen = [str(path) for path in lists] or [source.url("ads.txt"), source.url("trackers.txt")]
        flags = [text for one in chosen for text in ("--blocklist", one)]
        one = Server(directory, source, upstream, *flags, *arguments)
        one.start()
        try:
            wait_for(one.web_is_up, "the web server")
            wait_for(lambda: one.blocks("ad.doubleclick.net"), "the lists")
            yield one.add_admin() if admin else one
        finally:
            one.stop()
            source.stop()
