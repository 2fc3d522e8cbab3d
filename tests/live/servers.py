"""Real nameservers on loopback: knot with the zones of :mod:`tests.live.zones`, unbound in front of it, and our own actor."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from tests.live import zones
from tests.live.processes import PATIENCE, free_port, tool, wait_for
from tests.nameserver import Heard, Nameserver, a_nameserver

ALL_ZONES: Final = (".", "lab.", *zones.SIGNED_BY_KNOT, *zones.SPOILT, zones.UNSIGNED)


def answers(port: int, name: str, kind: str = "A") -> dns.message.Message | None:
    """An answer without error, or None."""
    query = dns.message.make_query(name, kind, want_dnssec=True)
    query.flags |= dns.flags.CD
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=0.5, ignore_trailing=True)
    except (dns.exception.DNSException, OSError):
        return None
    return reply if reply.rcode() == dns.rcode.NOERROR else None


@contextlib.contextmanager
def ended_afterwards(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the block lasts."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Authority:
    """A running knot."""

    def __init__(self, port: int, anchor: str) -> None:
        self.port = port
        self.anchor = anchor
        """The root's DS: ``TAG ALGORITHM DIGEST-TYPE DIGEST``."""


@contextlib.contextmanager
def knot(directory: Path) -> Iterator[Authority]:
    """Knot with all zones; it signs two of them itself, one with NSEC3 and RSA."""
    knotd, keymgr = tool("knotd"), tool("keymgr")
    port = free_port()
    config = directory / "knot.conf"
    served = "".join(
        f"  - domain: {zone}\n    file: {directory}/{zones.file_of(zone)}\n"
        + (
            f"    dnssec-signing: on\n    dnssec-policy: {zone.split('.')[0]}\n"
            if zone in zones.SIGNED_BY_KNOT
            else "    semantic-checks: off\n"
        )
        for zone in ALL_ZONES
    )
    config.write_text(
        f"""
server:
    rundir: {directory}
    listen: 127.0.0.1@{port}
    identity: authority
    nsid: authority-of-lab
    tcp-reuseport: off
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {directory}
log:
  - target: stderr
    any: info
policy:
  - id: good
    algorithm: ecdsap256sha256
    single-type-signing: on
    manual: on
  - id: nsec3
    algorithm: rsasha256
    nsec3: on
    nsec3-iterations: 0
    single-type-signing: on
    manual: on
template:
  - id: default
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
zone:
{served}"""
    )
    ds: dict[str, list[str]] = {}
    for zone, algorithm in zip(zones.SIGNED_BY_KNOT, ("ECDSAP256SHA256", "RSASHA256"), strict=True):
        manage = [keymgr, "-c", str(config), zone]
        made = [*manage, "generate", f"algorithm={algorithm}", "ksk=yes", "zsk=yes"]
        subprocess.run(made, check=True, capture_output=True, timeout=PATIENCE)
        said = subprocess.run([*manage, "ds"], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
        ds[zone] = [line.split(" DS ", 1)[1] for line in said.splitlines() if line.split()[-2] == "2"]
    anchor = zones.write(directory, ds)
    with ended_afterwards([knotd, "-c", str(config)], directory / "knot.log") as process:

        def ready() -> bool:
            assert process.poll() is None, (directory / "knot.log").read_text()
            return all(answers(port, zone, "SOA") for zone in ALL_ZONES)

        wait_for(ready, "knot")
        yield Authority(port, anchor)


@contextlib.contextmanager
def running_unbound(config: Path, log: Path, port: int, name: str) -> Iterator[None]:
    """An unbound with this configuration, from when it answers for ``name`` until the block ends."""
    with ended_afterwards([tool("unbound"), "-d", "-p", "-c", str(config)], log) as process:

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return answers(port, name) is not None

        wait_for(ready, "unbound")
        yield


@contextlib.contextmanager
def unbound(directory: Path, authority: Authority, *, validating: bool = True, more: str = "") -> Iterator[int]:
    """The port of an unbound that asks knot for everything. ``more`` are further lines of its ``server:`` section."""
    port = free_port()
    config, log = directory / "unbound.conf", directory / "unbound.log"
    stubs = "".join(
        f'stub-zone:\n    name: "{zone}"\n    stub-addr: 127.0.0.1@{authority.port}\n    stub-prime: no\n'
        for zone in ALL_ZONES
    )
    config.write_text(
        f"""
server:
    interface: 127.0.0.1@{port}
    do-daemonize: no
    use-syslog: no
    logfile: "{log}"
    chroot: ""
    username: ""
    directory: "{directory}"
    pidfile: ""
    do-not-query-localhost: no
    module-config: "{"validator " if validating else ""}iterator"
    trust-anchor: ". DS {authority.anchor}"
    access-control: 127.0.0.0/8 allow
    ede: yes
    nsid: ascii_recursor
    qname-minimisation: no
    outgoing-range: 1024
    outgoing-port-avoid: 1024-32767
{more}
remote-control:
    control-enable: no
{stubs}"""
    )
    with running_unbound(config, log, port, "www.good.lab."):
        yield port


class Actor:
    """A nameserver that does as it is told, in a thread of its own; what it heard may be read at any time."""

    def __init__(self, behave: Callable[[Heard], None]) -> None:
        self._behave = behave
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._there = threading.Event()
        self._server: Nameserver | None = None
        self._port = 0
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def heard(self) -> list[Heard]:
        assert self._server is not None
        return list(self._server.heard)

    def asked_for(self, name: str) -> int:
        """How many queries for the name came."""
        return sum(one.name == name for one in self.heard)

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Do it after a while, in the server's thread; to be called from its behaviour."""
        assert self._loop is not None
        self._loop.call_later(seconds, what)

    def start(self) -> Actor:
        """Serve, on the same port as before if there was one."""
        self._there.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._there.wait(PATIENCE)
        return self

    def stop(self) -> None:
        """Close the port: who asks now is told that nobody is there."""
        if self._thread is not None:
            assert self._loop is not None
            assert self._over is not None
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(PATIENCE)
            self._thread = None

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        async with a_nameserver(self._behave, port=self._port) as server:
            before = self._server.heard if self._server else []
            server.heard = before
            self._server = server
            self._port = server.port
            self._there.set()
            await self._over.wait()
