"""A worker as a real process, started as the supervisor starts it, asked by real clients."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.message
import dns.rcode
import orjson
import pytest

from mirage_hole.observe.record import decode_frame, decode_subject, frame_generation
from mirage_hole.policy.verdict import Outcome
from mirage_hole.runtime import channel
from mirage_hole.runtime.generation import MANIFEST, NAMES, SETS
from mirage_hole.runtime.worker import DESCRIPTORS
from tests.make import ede, query, texts
from tests.nameserver import a_nameserver, silence, too_large
from tests.net.edge import UdpClient, connected, numbered, until
from tests.runtime.processes import Sockets, Worker, a_generation, a_worker

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.live


async def answer(worker: Worker, name: str, qtype: str = "A") -> str:
    """The first record's data, or the rcode."""
    with UdpClient(worker.udp) as client:
        reply = await client.ask(query(name, qtype))
    return str(reply.answer[0][0]) if reply.answer else dns.rcode.to_text(reply.rcode())


# -- serving --


async def test_it_answers_on_every_socket_and_each_query_has_one_record(tmp_path):
    path = a_generation(tmp_path, "ads.example")
    async with a_nameserver() as upstream, a_worker(upstream.at, policy_path=str(path)) as worker:
        assert worker.said("ready") == [{"is": "ready", "pid": worker.child.pid, "generation": 1}]
        for number, sock in enumerate(worker.sockets.udp):
            with UdpClient(sock.getsockname()[:2]) as client:
                for name in ("x.ads.example", "x.ads.example", f"n{number}.example", f"n{number}.example"):
                    assert (await client.ask(query(name))).answer
        for number, sock in enumerate(worker.sockets.tcp):
            async with connected(sock.getsockname()[:2]) as client:
                for name in ("x.ads.example", f"m{number}.example"):
                    await client.send(query(name))
                    assert dns.message.from_wire(await client.receive()).answer
        worker.child.drain()
        assert await worker.ended() == "exit code 0"
        outcomes = [subject.outcome for subject in worker.records()]
        assert [outcomes.count(kind) for kind in (Outcome.BLOCKED, Outcome.FORWARDED, Outcome.CACHED)] == [6, 4, 2]
        assert {frame_generation(frame) for frame in worker.frames} == {1}
        last = worker.said("counters")[-1]
        assert (last["records_sent"], last["records_dropped"], last["datagrams"]) == (12, 0, 8)


async def test_it_reports_counters():
    async with a_nameserver() as upstream, a_worker(upstream.at) as worker:
        await answer(worker, "www.example")
        await answer(worker, "www.example")
        counters = await worker.counters()
        while counters["datagrams"] < 2:
            counters = await worker.counters()
        assert (counters["worker"], counters["pid"], counters["in_flight"]) == (0, worker.child.pid, 0)
        assert counters["cache_entries"] == counters["packet_cache_entries"] == 1
        (one,) = counters["upstreams"]
        assert (one["address"], one["port"], one["sent"], one["answered"]) == (*upstream.at, 1, 1)
        assert one["healthy"]
        assert not one["loops"]
        assert one["responses"] == {"NOERROR": 1}
        assert one["groups"] == ["default"]
        assert 0 < one["rtt_ms"] < 20_000


async def test_it_serves_without_a_policy_and_without_upstreams():
    async with a_worker() as worker:
        assert worker.said("ready")[0]["generation"] == 0
        assert await answer(worker, "www.example") == "SERVFAIL"


async def test_it_allows_itself_the_descriptors_it_may_have():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        async with a_worker() as worker:
            limit = descriptors_of(worker.child.pid)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert limit == (DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS))


def descriptors_of(pid: int) -> int:
    """How many descriptors a process may have now."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(int(line.split()[3]) for line in lines if line.startswith("Max open files"))


async def test_a_reply_that_needs_tcp_upstream_works_without_openssl():
    async with (
        a_nameserver(too_large(50)) as upstream,
        a_worker(upstream.at) as worker,
        connected(worker.tcp) as client,
    ):
        await client.send(query("www.example", "TXT"))
        assert len(texts(dns.message.from_wire(await client.receive()).answer)) == 50


# -- policy --


async def test_it_changes_to_a_new_generation_and_says_so(tmp_path):
    async with a_nameserver() as upstream, a_worker(upstream.at, policy_path=str(a_generation(tmp_path))) as worker:
        for _ in range(3):
            assert await answer(worker, "x.ads.example") == "192.0.2.7"
        path = a_generation(tmp_path, "ads.example", number=2)
        assert await worker.policy(path) == {"is": "policy", "generation": 2, "ok": True}
        assert await answer(worker, "x.ads.example") == "0.0.0.0"
        worker.child.drain()
        await worker.ended()
        assert [
            (frame_generation(frame), decode_subject(record.subject).outcome)
            for frame in worker.frames
            for record in decode_frame(frame)
        ] == [(1, Outcome.FORWARDED), (1, Outcome.CACHED), (1, Outcome.CACHED), (2, Outcome.BLOCKED)]


async def test_the_files_of_a_generation_may_go_while_it_serves(tmp_path):
    path = a_generation(tmp_path, *(f"n{number}.example" for number in range(5000)))
    async with a_worker(policy_path=str(path)) as worker:
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
        for number in range(0, 5000, 500):
            assert await answer(worker, f"n{number}.example") == "0.0.0.0"


def damage(path: Path, what: str) -> Any:
    match what:
        case "nothing there":
            return path / "none"
        case "a file":
            return path / MANIFEST
        case "half a manifest":
            (path / MANIFEST).write_bytes((path / MANIFEST).read_bytes()[:-20])
        case "no names":
            (path / NAMES).unlink()
        case "half the names":
            (path / NAMES).write_bytes((path / NAMES).read_bytes()[: (path / NAMES).stat().st_size // 2])
        case "another column":
            (path / SETS).write_bytes(b"\5")
    return path


DAMAGES = ("nothing there", "a file", "half a manifest", "no names", "half the names", "another column")


@pytest.mark.parametrize("what", DAMAGES)
async def test_a_generation_that_is_no_good_leaves_the_old_one_in_place(tmp_path, what):
    async with a_worker(policy_path=str(a_generation(tmp_path, "ads.example"))) as worker:
        bad = damage(a_generation(tmp_path, "other.example", number=2), what)
        said = await worker.policy(bad)
        assert said["ok"] is False
        assert str(bad) in said["error"]
        assert await answer(worker, "x.ads.example") == "0.0.0.0"


@pytest.mark.parametrize("what", DAMAGES)
async def test_without_a_good_generation_it_starts_and_forwards(tmp_path, what):
    """A house without names is worse than one with advertisements."""
    bad = damage(a_generation(tmp_path, "ads.example"), what)
    async with a_nameserver() as upstream, a_worker(upstream.at, policy_path=str(bad)) as worker:
        assert worker.said("ready")[0]["generation"] == 0
        assert await answer(worker, "x.ads.example") == "192.0.2.7"


async def test_one_that_waits_for_lists_forwards_nothing_until_they_are_there(tmp_path):
    """RFC 8914 4.15; with ``blocking.until_loaded = "closed"``."""
    path = a_generation(tmp_path, "ads.example")
    async with a_nameserver() as upstream, a_worker(upstream.at, wait_for_lists=True) as worker:
        with UdpClient(worker.udp) as client:
            reply = await client.ask(query("www.example"))
        assert (reply.rcode(), ede(reply)[0][0]) == (2, 14)
        assert (await worker.policy(path))["ok"]
        assert await answer(worker, "x.ads.example") == "0.0.0.0"
        assert await answer(worker, "www.example") == "192.0.2.7"


async def test_one_that_waits_for_lists_has_them_when_they_are_on_disk(tmp_path):
    path = a_generation(tmp_path, "ads.example")
    async with (
        a_nameserver() as upstream,
        a_worker(upstream.at, policy_path=str(path), wait_for_lists=True) as worker,
    ):
        assert await answer(worker, "www.example") == "192.0.2.7"


# -- pauses, settings, nonsense --


async def test_it_pauses_and_goes_on(tmp_path):
    path = a_generation(tmp_path, "ads.example")
    async with a_nameserver() as upstream, a_worker(upstream.at, policy_path=str(path)) as worker:
        assert await answer(worker, "x.ads.example") == "0.0.0.0"
        for until_when, data in ((time.time() + 3600, "192.0.2.7"), (None, "0.0.0.0"), (time.time() - 1, "0.0.0.0")):
            worker.child.tell({"do": "pause", "until": until_when})
            await worker.has_heard()
            assert await answer(worker, "x.ads.example") == data
            assert await answer(worker, "x.ads.example") == data


async def test_a_pause_survives_a_restart(tmp_path):
    path = a_generation(tmp_path, "ads.example")
    async with (
        a_nameserver() as upstream,
        a_worker(upstream.at, policy_path=str(path), paused_until=time.time() + 3600) as worker,
    ):
        assert await answer(worker, "x.ads.example") == "192.0.2.7"
        assert (await worker.counters())["paused"] is True


async def test_it_takes_settings_while_it_runs(tmp_path):
    path = a_generation(tmp_path, "ads.example")
    async with a_worker(policy_path=str(path)) as worker:
        for _ in range(3):
            assert await answer(worker, "x.ads.example") == "0.0.0.0"
        worker.child.tell({"do": "settings", "settings": {"block_mode": "nxdomain", "cache_bytes": 0, "timeout": 1}})
        await worker.has_heard()
        for _ in range(3):
            assert await answer(worker, "x.ads.example") == "NXDOMAIN"
        worker.child.tell({"do": "settings", "settings": {"allow_from": ["10.0.0.0/8"]}})
        await worker.has_heard()
        async with connected(worker.tcp) as client:
            await client.send(query("x.ads.example"))
            assert dns.message.from_wire(await client.receive()).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(
    "nonsense",
    [
        {"do": "settings", "settings": {"block_mode": "nul"}},
        {"do": "settings", "settings": {"block_mode": "nxdomain", "allow_from": ["lan"]}},
        {"do": "settings", "settings": {"block_mode": "nxdomain", "allow_from": 7}},
        {"do": "settings", "settings": {"block_mode": "nxdomain", "timeout": 0}},
        {"do": "settings", "settings": {"block_mode": "nxdomain", "timeout": "long"}},
        {"do": "settings", "settings": {"block_mode": "nxdomain", "cache_bytes": -1}},
        {"do": "settings", "settings": {"block_mode": "nxdomain", "cache_bytes": None}},
        {"do": "settings", "settings": {"block_mode": "ip", "block_ipv4": "::1"}},
        {"do": "settings", "settings": {"block_mode": "nxdomain", "block_ttl": "long"}},
        {"do": "settings", "settings": ["block_mode"]},
        {"do": "settings", "settings": {"channel_fd": 0, "upstreams": [], "number": 9}},
        {"do": "settings"},
        {"do": "policy"},
        {"do": "policy", "path": 7},
        {"do": "policy", "path": None},
        {"do": "policy", "path": ""},
        {"do": "policy", "path": "a\0b"},
        {"do": "policy", "path": "x" * 10_000},
        {"do": "pause", "until": "noon"},
        {"do": "log", "level": "LOUD"},
        {"do": "log", "level": None},
        {"do": "sing"},
        {"do": ["drain"]},
        {},
        [],
        7,
        None,
    ],
    ids=lambda message: orjson.dumps(message).decode()[:90],
)
async def test_nonsense_changes_nothing(worker_for_nonsense, nonsense):
    worker = worker_for_nonsense
    channel.send(worker.child.channel, orjson.dumps(nonsense))
    channel.send(worker.child.channel, b"{" + orjson.dumps(nonsense))
    await worker.has_heard()
    assert await answer(worker, "x.ads.example") == "0.0.0.0"
    assert worker.child.ending() is None


@pytest.fixture
async def worker_for_nonsense(tmp_path):
    async with a_worker(policy_path=str(a_generation(tmp_path, "ads.example"))) as worker:
        yield worker


async def test_it_changes_its_log_level(tmp_path, capfd):
    async with a_worker() as worker:
        channel.send(worker.child.channel, b"nonsense")
        await worker.has_heard()
        worker.child.tell({"do": "log", "level": "CRITICAL"})
        channel.send(worker.child.channel, b"more nonsense")
        await worker.has_heard()
    assert capfd.readouterr().err.count("ignored a message") == 1


# -- ends --


@pytest.mark.parametrize("how", ["drain", "SIGTERM", "SIGINT"])
async def test_it_drains_answers_what_is_in_flight_and_exits_0(how):
    held = []
    async with a_nameserver(held.append) as upstream, a_worker(upstream.at) as worker:
        async with connected(worker.tcp) as stream, connected(worker.tcp) as idle:
            with UdpClient(worker.udp) as client:
                client.send(numbered("one.example", 1))
                await stream.send(numbered("two.example", 2))
                await until(lambda: len(held) == 2)
                if how == "drain":
                    worker.child.drain()
                else:
                    os.kill(worker.child.pid, signal.Signals[how])
                assert await idle.ended()
                for heard in held:
                    heard.reply(f"{heard.name} 60 A 192.0.2.7")
                assert (await client.receive())[0][:2] == b"\0\1"
                assert (await stream.receive())[:2] == b"\0\2"
                assert await stream.ended()
        assert await worker.ended() == "exit code 0"
        assert len(worker.records()) == 2


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
async def test_signals_that_are_the_supervisors_do_not_end_it(number):
    async with a_worker() as worker:
        os.kill(worker.child.pid, number)
        assert await answer(worker, "www.example") == "SERVFAIL"
        assert worker.child.ending() is None


async def test_left_alone_it_ends_soon_and_tells_who_waits():
    """A new supervisor binds the same port, and the kernel would give the orphan its share of the queries."""
    async with a_nameserver(silence) as upstream, a_worker(upstream.at) as worker:
        with UdpClient(worker.udp) as client:
            client.send(query("www.example"))
            await until(lambda: upstream.heard)
            worker.child.channel.close()
            reply = dns.message.from_wire((await client.receive())[0])
            assert ede(reply) == [(0, "the resolver is stopping")]
        await until(lambda: worker.child.ending() is not None)
        assert worker.child.ending() == "exit code 0"


async def test_left_alone_it_answers_to_the_last(tmp_path):
    """Nobody else reads its socket while it waits for what is in flight."""
    path = str(a_generation(tmp_path, "ads.example"))
    async with a_nameserver(silence) as upstream, a_worker(upstream.at, policy_path=path) as worker:
        with UdpClient(worker.udp) as client, UdpClient(worker.udp) as other:
            client.send(query("www.example"))
            await until(lambda: upstream.heard)
            worker.child.channel.close()
            assert (await other.ask(query("x.ads.example"))).answer
            await client.receive()


async def test_left_alone_it_still_answers_what_comes_in_time():
    held = []
    async with a_nameserver(held.append) as upstream, a_worker(upstream.at) as worker:
        with UdpClient(worker.udp) as client:
            client.send(query("www.example"))
            await until(lambda: held)
            worker.child.channel.close()
            held[0].reply("www.example 60 A 192.0.2.7")
            assert dns.message.from_wire((await client.receive())[0]).answer
        await until(lambda: worker.child.ending() is not None)
        assert worker.child.ending() == "exit code 0"


async def test_what_comes_while_no_worker_is_there_waits_for_the_next(tmp_path):
    path = str(a_generation(tmp_path, "ads.example"))
    sockets = Sockets()
    try:
        async with a_worker(sockets=sockets, policy_path=path) as worker:
            assert await answer(worker, "x.ads.example") == "0.0.0.0"
            os.kill(worker.child.pid, signal.SIGKILL)
            assert await worker.ended() == "killed by SIGKILL"
        with UdpClient(sockets.udp[0].getsockname()[:2]) as client:
            for ident in range(50):
                client.send(numbered("x.ads.example", ident))
            async with a_worker(sockets=sockets, policy_path=path):
                assert {int.from_bytes((await client.receive())[0][:2], "big") for _ in range(50)} == set(range(50))
    finally:
        sockets.close()


async def test_a_successor_takes_over_without_losing_a_query(tmp_path):
    path = str(a_generation(tmp_path, "ads.example"))
    sockets = Sockets()
    total = 600
    try:
        async with (
            a_nameserver() as upstream,
            a_worker(upstream.at, sockets=sockets, policy_path=path) as old,
            a_worker(upstream.at, sockets=sockets, policy_path=path) as new,
        ):
            with UdpClient(old.udp) as client:
                for ident in range(total):
                    client.send(numbered("x.ads.example" if ident % 2 else f"n{ident % 20}.example", ident))
                    if ident == total // 2:
                        old.child.drain()
                    await asyncio.sleep(0)
                assert {int.from_bytes((await client.receive())[0][:2], "big") for _ in range(total)} == set(
                    range(total)
                )
            assert await old.ended() == "exit code 0"
            new.child.drain()
            assert await new.ended() == "exit code 0"
            assert len(old.records()) + len(new.records()) == total
    finally:
        sockets.close()


# -- a supervisor that is slow --


async def test_nobody_who_reads_its_records_costs_records_and_never_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(channel, "SEND_BUFFER", 4096)
    path = str(a_generation(tmp_path, "ads.example"))
    total = 3000
    async with a_worker(policy_path=path) as worker:
        with UdpClient(worker.udp) as client:
            for start in range(0, total, 50):
                for ident in range(start, start + 50):
                    client.send(numbered(f"n{ident}.ads.example", ident))
                for _ in range(50):
                    await client.receive()
        counters = await worker.counters()  # from here on it is listened to
        while counters["datagrams"] < total:
            counters = await worker.counters()
        assert counters["datagrams"] == total
        assert counters["records_sent"] + counters["records_dropped"] == total
        assert counters["records_dropped"] > 0
        assert len(worker.records()) == counters["records_sent"]
