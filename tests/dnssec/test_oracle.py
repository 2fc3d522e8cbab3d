"""The same zones, judged by unbound: both must come to the same verdict, of good zones and of broken ones."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from mirage_hole.dnssec.outcome import Status
from tests.dnssec.judge import Court
from tests.dnssec.test_chain import EXAMPLE, NSEC3, a_world
from tests.dnssec.zones import DAY, NOW, Key, World, Zone
from tests.live.processes import PATIENCE, free_port, tool, wait_for

pytestmark = pytest.mark.live

QUESTIONS = [
    (name, kind)
    for kind in ("A", "AAAA", "TXT", "DS", "NS", "SOA", "DNSKEY", "CNAME")
    for name in (
        "www.example.", "alias.example.", "away.example.", "lost.example.", "x.wild.example.", "here.wild.example.",
        "y.here.wild.example.", "wild.example.", "c.example.", "b.c.example.", "x.c.example.", "below.old.example.",
        "old.example.", "below.www.example.", "x.star.example.", "nothing.example.", "sub.example.", "www.sub.example.",
        "no.sub.example.", "dark.example.", "www.dark.example.", "no.dark.example.", "unsigned.", "www.unsigned.",
        "example.", "nothing.", "*.wild.example.",
    )
]  # fmt: skip


QUESTIONS.remove(("below.old.example.", "CNAME"))
"""unbound wants a signature from the CNAME that a DNAME makes, when that is what was asked for; RFC 6672 5.3.1 has none there."""


class Server:
    """Answers from a world, over UDP, as a resolver without validation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.over = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.over:
            try:
                wire, client = self.socket.recvfrom(4096)
                query = dns.message.from_wire(wire)
            except (TimeoutError, dns.exception.DNSException):
                continue
            answer = self.world.answer(query.question[0].name, query.question[0].rdtype)
            answer.id, answer.question = query.id, query.question
            self.socket.sendto(answer.to_wire(max_size=65535), client)

    def close(self) -> None:
        self.over = True
        self.thread.join()
        self.socket.close()


@pytest.fixture
def unbound(tmp_path) -> Iterator:
    running: list = []
    program = tool("unbound")

    def start(world: World) -> int:
        server = Server(world)
        running.append(server.close)
        port = free_port()
        (tmp_path / "anchors").write_text(world.anchors() + "\n")
        now = time.strftime("%Y%m%d%H%M%S", time.gmtime(NOW))
        (tmp_path / "unbound.conf").write_text(
            f"""server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{tmp_path}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  outgoing-port-avoid: 1024-32767
  module-config: "validator iterator"
  trust-anchor-file: "{tmp_path}/anchors"
  val-override-date: "{now}"
  val-nsec3-keysize-iterations: "1024 100 2048 100 4096 100"
  edns-buffer-size: 4096
  num-threads: 1
  val-clean-additional: yes
  aggressive-nsec: no
  qname-minimisation: no
  local-zone: "test." transparent
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{server.port}
"""
        )
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen([program, "-d", "-c", str(tmp_path / "unbound.conf")], stderr=log, stdout=log)
        running.append(lambda: (process.terminate(), process.wait(PATIENCE)))

        def ready() -> bool:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                dns.query.udp(dns.message.make_query(".", "SOA"), "127.0.0.1", 0.5, port)
            except (OSError, dns.exception.Timeout):
                return False
            return True

        wait_for(ready, "unbound")
        return port

    yield start
    for close in reversed(running):
        close()


def says(port: int, name: str, kind: str) -> Status:
    reply = dns.query.udp(dns.message.make_query(name, kind, want_dnssec=True), "127.0.0.1", PATIENCE, port)
    if reply.rcode() == dns.rcode.SERVFAIL:
        return Status.BOGUS
    return Status.SECURE if reply.flags & dns.flags.AD else Status.INSECURE


def assert_same(world: World, port: int, questions=QUESTIONS) -> None:
    court = Court(world)
    different = {}
    for name, kind in questions:
        ours, theirs = court.judge(name, kind), says(port, name, kind)
        if ours.status != theirs:
            different[name, kind] = (ours.status.name, ours.text, theirs.name)
    assert not different


@pytest.mark.parametrize("style", list(NSEC3))
def test_good_zones(unbound, style):
    world = a_world(style)
    assert_same(world, unbound(world))


BROKEN = {
    "expired": {"inception": NOW - 9 * DAY, "expiration": NOW - 3 * DAY},
    "not yet valid": {"inception": NOW + DAY, "expiration": NOW + 9 * DAY},
    "iterations": {"nsec3": (101, b"", False)},
    "sha-1": {"digests": ("SHA1",)},
    "sha-384": {"digests": ("SHA384",)},
    "rsa": {"key": Key(8)},
    "ed448": {"key": Key(16)},
    "no zone bit": {"key": Key(13, 0, 1)},
}


@pytest.mark.parametrize("how", list(BROKEN))
def test_odd_and_broken_zones(unbound, how):
    world = World(Zone(".", []), Zone("example.", EXAMPLE, **BROKEN[how]), Zone("dark.example.", [], signed=False))
    names = ("www.example.", "nothing.example.", "x.wild.example.", "alias.example.", "www.dark.example.")
    assert_same(world, unbound(world), [(name, kind) for name in names for kind in ("A", "AAAA")])


def test_single_sets_without_signatures(unbound):
    world = a_world()
    world.zones[dns.name.from_text("example.")].unsigned |= {("www.example.", "A"), ("example.", "SOA")}
    assert_same(world, unbound(world), [(name, kind) for name, kind in QUESTIONS if kind in ("A", "AAAA")])


@pytest.mark.parametrize(("algorithm", "digest"), [(3, 2), (12, 2), (253, 2), (13, 3)])
def test_what_nobody_can_check(unbound, algorithm, digest):
    world = World(Zone(".", []), Zone("example.", ["www.example. 300 A 192.0.2.1"], signed=False))
    world.zones[dns.name.root].add(f"example. 600 DS 4711 {algorithm} {digest} {'ab' * 32}")
    assert_same(world, unbound(world), [("www.example.", "A"), ("no.example.", "A"), ("example.", "DS")])
