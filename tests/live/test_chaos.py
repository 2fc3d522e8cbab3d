"""Three upstreams that lie, delay, cut, refuse, die and return, while questions go on and on. See ``tests/live/hostile.py``.

``MIRAGE_HOLE_CHAOS_SECONDS`` is how long (300), ``MIRAGE_HOLE_CHAOS_SEED`` what the dice show (1). All tests look at one run.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from mirage_hole.net.upstream_udp import DOORS, LINGER
from mirage_hole.wire.framing import frame

from . import hostile
from .conftest import Sinkhole
from .processes import free_port, wait_for
from .servers import ended_afterwards

SECONDS: Final = int(os.environ.get("MIRAGE_HOLE_CHAOS_SECONDS", "300"))
SEED: Final = int(os.environ.get("MIRAGE_HOLE_CHAOS_SEED", "1"))
RATE: Final = 200
UPSTREAMS: Final = 3
POPULAR: Final = 200
"""Names that are asked again and again."""
PATIENCE: Final = 60.0
"""Seconds until a client counts a question as unanswered: twelve times the server's own patience, as the machine may be busy."""
AT_ONCE: Final = 20
"""Questions at most before answers have their turn, however late they are: on a busy machine there are fewer in all."""
SLOPE_FROM: Final = 120
"""A run shorter than this many seconds says nothing about memory: the caches are not full."""
MOST_GROWTH: Final = 0.03
"""Of the resident memory, from the third quarter of the run to the last, as medians: allocators breathe, leaks add up. A leak of
100 octets a query would be 1.5 MB, or 4 %, in 75 seconds at this rate."""

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(SECONDS + 180),
    # A stream that the server has ended is not closed once more by its client here.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@dataclass
class Story:
    """What happened."""

    sent: int = 0
    unanswered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    rcodes: Counter[str] = field(default_factory=Counter)
    without_reason: list[str] = field(default_factory=list)
    resident: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the start, octets."""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    descriptors: tuple[int, int] = (0, 0)
    workers: tuple[list[int], list[int]] = ([], [])
    log: str = ""


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def worker_counters(one: Sinkhole) -> dict[str, Any]:
    stats = one.stats()
    return {**stats["workers"][0], "totals": stats["totals"], "upstreams": stats["upstreams"]}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Run it all once."""
    directory = tmp_path_factory.mktemp("chaos")
    told = Story()
    with ExitStack() as stack:
        ports = [free_port() for _ in range(UPSTREAMS)]
        for number, port in enumerate(ports):
            command = [sys.executable, "-m", "tests.live.hostile", str(port), str(SEED * 100 + number)]
            stack.enter_context(ended_afterwards(command, directory / f"hostile{number}.log"))
        more = [text for port in ports for text in ("--upstream", f"127.0.0.1:{port}")]
        one = Sinkhole(directory, *more, "--cache-size", "2MiB", upstream=None).start()
        stack.callback(one.stop)
        wait_for(one.web_is_up, "the web server")
        wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
        asyncio.run(_live(one, told))
        told.log = one.said()
        for number in range(UPSTREAMS):
            assert (directory / f"hostile{number}.log").read_text() == ""
    return told


async def _live(one: Sinkhole, told: Story) -> None:
    pid = one.workers()[0]
    dice = random.Random(SEED)
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(_settled, one)
    told.before = worker_counters(one)
    at_first = descriptors(pid)
    client = Client(one.port, told, dice)
    await client.open()
    began = loop.time()
    next_sample = began
    async with asyncio.TaskGroup() as streams:
        while (now := loop.time()) < began + SECONDS:
            for _ in range(min(int((now - began) * RATE) - told.sent, AT_ONCE)):
                client.ask_something(streams)
            if now >= next_sample:
                told.resident.append((now - began, resident(pid)))
                next_sample += 0.5
            await asyncio.sleep(0.02)
        await client.finish()
    client.close()
    await asyncio.to_thread(_settled, one)
    told.after = worker_counters(one)
    end = loop.time() + LINGER + 5
    most = at_first + UPSTREAMS * DOORS
    while (open_now := descriptors(pid)) > most and loop.time() < end:  # noqa: ASYNC110 - late answers are waited for
        await asyncio.sleep(0.2)
    told.descriptors = (at_first, open_now)
    told.workers = ([pid], one.workers())


def _settled(one: Sinkhole) -> None:
    """Nothing is on its way, and no counter moves any more."""

    def still() -> bool:
        first = worker_counters(one)
        time.sleep(1.2)  # a report a second
        second = worker_counters(one)
        return first == second and not second["in_flight"] and not second["tcp_connections"]

    wait_for(still, "a server at rest", patience=60)


class Client:
    """Many sockets, each question with its number; what comes back is checked at once."""

    def __init__(self, port: int, told: Story, dice: random.Random) -> None:
        self._port = port
        self._told = told
        self._dice = dice
        self._doors: list[_Door] = []
        self._unique = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(4):
            _, door = await loop.create_datagram_endpoint(
                lambda: _Door(self._judge), remote_addr=("127.0.0.1", self._port)
            )
            self._doors.append(door)

    def ask_something(self, streams: asyncio.TaskGroup) -> None:
        """One question: popular, unique, blocked, missing; over UDP, or now and then TCP."""
        dice, told = self._dice, self._told
        what = dice.random()
        if what < 0.4:
            name = f"p{dice.randrange(POPULAR)}.popular.example"
        elif what < 0.8:
            self._unique += 1
            name = f"u{self._unique}.unique{self._unique % 50}.example"
        elif what < 0.9:
            name = f"nx{dice.randrange(2000)}.example"
        else:
            name = "doubleclick.net"
        query = dns.message.make_query(
            name,
            dice.choice(("A", "A", "A", "AAAA", "TXT")),
            use_edns=0 if dice.random() < 0.8 else None,
            want_dnssec=dice.random() < 0.1,
            id=told.sent & 0xFFFF,
        )
        told.sent += 1
        if dice.random() < 0.05:
            streams.create_task(self._over_tcp(query))
        else:
            dice.choice(self._doors).ask(query)

    async def finish(self) -> None:
        """Wait for the last answers, each as long as its question may wait."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while any(door.waiting for door in self._doors) and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for door in self._doors:
            self._told.unanswered += [str(query.question[0]) for query in door.waiting.values()]

    def close(self) -> None:
        for door in self._doors:
            door.transport.close()

    async def _over_tcp(self, query: dns.message.Message) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(frame(query.to_wire()))
                wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                writer.close()
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as problem:
            self._told.unanswered.append(f"{query.question[0]} over TCP: {problem!r}")
            return
        self._judge(query, wire)

    def _judge(self, query: dns.message.Message, wire: bytes) -> None:
        told = self._told
        try:
            reply = dns.message.from_wire(wire)
        except dns.exception.DNSException as problem:
            told.wrong.append(f"{query.question[0]}: {problem!r}: {wire.hex()}")
            return
        if not query.is_response(reply):
            told.wrong.append(f"{query.question[0]}: {reply}")
            return
        rcode = dns.rcode.to_text(reply.rcode())
        told.rcodes[rcode] += 1
        name = str(query.question[0].name)
        if rcode == "SERVFAIL":
            if query.edns == 0 and not any(isinstance(option, dns.edns.EDEOption) for option in reply.options):
                told.without_reason.append(str(query.question[0]))
        elif rcode != "NOERROR" and not (rcode == "NXDOMAIN" and name.startswith("nx")):
            told.wrong.append(
                f"{query.question[0]}: {rcode}"
            )  # NOERROR for what is not there: an upstream has lied well
        for rrset in reply.answer:
            if rrset.name != query.question[0].name:
                told.wrong.append(f"{query.question[0]}: an answer about {rrset.name}")


class _Door(asyncio.DatagramProtocol):
    """One socket. Numbers come round after 65,536 questions, long after the last one with the same is answered."""

    def __init__(self, judge: Any) -> None:
        self.waiting: dict[int, dns.message.Message] = {}
        self._judge = judge
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def ask(self, query: dns.message.Message) -> None:
        assert query.id not in self.waiting
        self.waiting[query.id] = query
        self.transport.sendto(query.to_wire())

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = self.waiting.pop(int.from_bytes(data[:2], "big"), None)
        if query is None:
            query = dns.message.make_query("second-answer.example", "A")  # never a right answer to it
        self._judge(query, data)


def refused(story: Story) -> int:
    """Connections over the cap of one client, which are counted: on a busy machine, streams wait for slow upstreams."""
    return int(story.after["tcp_refused"] - story.before["tcp_refused"])


def test_every_question_gets_one_answer_that_fits_it(story: Story) -> None:
    """RFC 5452 9.1: nothing that was forged, cut or meant for another question comes through."""
    assert len(story.unanswered) == refused(story)
    assert story.wrong == []
    assert story.rcodes.total() == story.sent - refused(story)
    assert story.sent > SECONDS  # else this says nothing


def test_every_failure_comes_with_its_reason(story: Story) -> None:
    """RFC 8914: SERVFAIL has an Extended DNS Error, for all who speak EDNS."""
    assert story.without_reason == []


def test_the_upstreams_were_bad_and_most_questions_had_answers_all_the_same(story: Story) -> None:
    """Else this test says nothing; and with three upstreams of which some are well at any time, few questions fail."""
    assert sum(one["timeouts"] for one in story.after["upstreams"]) > story.sent / RATE
    assert sum(one["failures"] for one in story.after["upstreams"]) > story.sent / RATE
    assert story.after["upstream_mismatched"] > 0
    assert story.rcodes["SERVFAIL"] < story.sent * 0.2


def test_every_question_is_one_record(story: Story) -> None:
    """The counters add up: what was asked, what was counted, and what was handed over are one number."""
    counted = story.after["totals"]["queries"] - story.before["totals"]["queries"]
    assert counted == story.sent - refused(story)
    by_outcome = {name: count for name, count in story.after["totals"].items() if name != "queries"}
    assert sum(by_outcome.values()) == story.after["totals"]["queries"]
    assert story.after["records_dropped"] == story.after["replies_lost"] == story.after["not_queries"] == 0


def test_the_worker_lives_through_it_all_and_complains_of_nothing_unforeseen(story: Story) -> None:
    before, after = story.workers
    assert before == after
    assert story.after["restarts"] == 0
    assert "Traceback" not in story.log
    assert "never retrieved" not in story.log


def test_nothing_is_left_open_and_no_coroutine_stays(story: Story) -> None:
    before, after = story.descriptors
    assert after <= before + UPSTREAMS * DOORS
    assert story.after["tasks"] <= story.before["tasks"]
    assert story.after["in_flight"] == story.after["tcp_connections"] == 0


@pytest.mark.skipif(SECONDS < SLOPE_FROM, reason=f"memory is looked at in runs of {SLOPE_FROM} s and more")
def test_memory_stays_flat(story: Story) -> None:
    third = [octets for when, octets in story.resident if SECONDS * 0.5 <= when < SECONDS * 0.75]
    last = [octets for when, octets in story.resident if when >= SECONDS * 0.75]
    assert median(last) <= median(third) * (1 + MOST_GROWTH), story.resident[:: max(1, len(story.resident) // 40)]


def test_the_hostile_upstream_does_the_same_for_the_same_dice() -> None:
    """A run that failed can be repeated, and what it calls right is right."""
    query = dns.message.make_query("name.example", "A", use_edns=0)
    asked = hostile.read(query.to_wire())
    assert asked is not None
    assert query.is_response(dns.message.from_wire(hostile.right(asked, random.Random(7))))
    lies = [[hostile.wrong(asked, dice) for _ in range(200)] for dice in (random.Random(7), random.Random(7))]
    assert lies[0] == lies[1]
    assert len(set(lies[0])) > 100
