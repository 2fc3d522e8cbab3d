from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import pytest

from mirage_hole.net.tcp import PIPELINED, READ, WRITE_BUFFER
from mirage_hole.observe.record import TCP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.framing import frame
from tests.make import ede, query, texts
from tests.nameserver import a_nameserver, silence, too_large
from tests.net.edge import TcpClient, UdpClient, an_edge, connected, long_after, no_more_descriptors, numbered, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.net.edge import Edge

BLOCKS = ["||ads.example^"]


def ident_of(wire: bytes) -> int:
    return int.from_bytes(wire[:2], "big")


@contextlib.asynccontextmanager
async def an_edge_that_knows(name: str, size: int) -> AsyncIterator[Edge]:
    """Its cache holds TXT records of about so many octets."""
    async with a_nameserver(too_large(size // 213)) as upstream, an_edge(upstream.at) as edge:
        async with connected(edge.accept()) as client:
            await client.send(query(name, "TXT"))
            assert len(await client.receive()) > size * 0.9
        await until(lambda: not edge.tcp.connections)
        yield edge


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_blocked_and_forwarded_names_are_answered(host):
    async with a_nameserver() as upstream, an_edge(upstream.at, blocks=BLOCKS) as edge:
        async with connected(edge.accept(host)) as client:
            for name, data in (
                ("x.ads.example", "0.0.0.0"),
                ("www.example", "192.0.2.7"),
                ("www.example", "192.0.2.7"),
            ):
                await client.send(query(name))
                reply = dns.message.from_wire(await client.receive())
                assert texts(reply.answer)[0].endswith(f" A {data}")
        told = edge.told()
        assert [record.subject.outcome for record in told] == [Outcome.BLOCKED, Outcome.FORWARDED, Outcome.CACHED]
        assert {(record.client, record.transport) for record in told} == {
            (socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host), TCP)
        }


async def test_octets_may_come_one_by_one():
    async with an_edge(blocks=BLOCKS) as edge, connected(edge.accept()) as client:
        for octet in frame(numbered("x.ads.example", 7)):
            await client.send_raw(bytes((octet,)))
            await asyncio.sleep(0)
        assert ident_of(await client.receive()) == 7


async def test_pipelined_queries_are_answered_in_the_order_in_which_they_are_ready():
    """RFC 7766 6.2.1.1: a slow one holds up no other."""
    held = []
    async with (
        a_nameserver(held.append) as upstream,
        an_edge(upstream.at, blocks=BLOCKS) as edge,
        connected(edge.accept()) as client,
    ):
        await client.send(numbered("slow.example", 1), numbered("x.ads.example", 2), numbered("slower.example", 3))
        assert ident_of(await client.receive()) == 2
        await until(lambda: len(held) == 2)
        for heard in sorted(held, key=lambda heard: heard.name, reverse=True):
            heard.reply()
            expected = {"slow.example": 1, "slower.example": 3}[heard.name]
            assert ident_of(await client.receive()) == expected


async def test_many_queries_in_one_write_are_all_answered():
    async with an_edge(blocks=BLOCKS) as edge, connected(edge.accept()) as client:
        await client.send(*(numbered("x.ads.example", ident) for ident in range(2000)))
        assert [ident_of(await client.receive()) for _ in range(2000)] == list(range(2000))
        assert len(edge.told()) == 2000


async def test_what_one_connection_may_keep_waiting_is_bounded():
    async with a_nameserver(silence) as upstream, an_edge(upstream.at) as edge, connected(edge.accept()) as client:
        messages = [numbered(f"n{ident}.example", ident, edns=False) for ident in range(20_000)]
        with contextlib.suppress(BlockingIOError):
            client.socket.send(b"".join(frame(message) for message in messages))
        await until(lambda: edge.engine.in_flight == PIPELINED)
        (connection,) = edge.tcp.connections
        assert sum(len(message) for message in connection._waiting) <= READ


async def test_only_so_many_of_one_connection_are_in_work_at_once():
    held = []
    async with (
        a_nameserver(held.append) as upstream,
        an_edge(upstream.at) as edge,
        connected(edge.accept()) as client,
        connected(edge.accept()) as other,
    ):
        for start in (0, 150):
            await client.send(*(numbered(f"n{ident}.example", ident) for ident in range(start, start + 150)))
        await until(lambda: len(held) == PIPELINED)
        await other.send(numbered("other.example", 999))  # which does not wait for the greedy one
        await until(lambda: len(held) == PIPELINED + 1)
        assert edge.engine.in_flight == PIPELINED + 1
        upstream.behave = lambda heard: heard.reply()
        for heard in held:
            heard.reply()
        assert ident_of(await other.receive()) == 999
        assert {ident_of(await client.receive()) for _ in range(300)} == set(range(300))
    assert len(edge.told()) == 301


# -- ends --


async def test_a_client_that_has_asked_may_close_its_side():
    """RFC 7766 6.2.4 has clients close first; what was asked is still answered."""
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        async with connected(edge.accept()) as client:
            await client.send(*(numbered(f"n{ident}.example", ident) for ident in range(100)))
            client.socket.shutdown(socket.SHUT_WR)
            await until(lambda: len(held) == PIPELINED)
            upstream.behave = lambda heard: heard.reply()
            for heard in held:
                heard.reply()
            assert {ident_of(await client.receive()) for _ in range(100)} == set(range(100))
            assert await client.ended()
        await until(lambda: not edge.tcp.connections)


@pytest.mark.parametrize(
    "octets", [b"", b"\0", frame(query("www.example"))[:-1]], ids=["nothing", "half a length", "all but one octet"]
)
async def test_a_client_that_closes_without_having_asked_is_let_go(octets):
    async with an_edge() as edge:
        async with connected(edge.accept()) as client:
            await client.send_raw(octets)
            client.socket.shutdown(socket.SHUT_WR)
            assert await client.ended()
        await until(lambda: not edge.tcp.connections)
        assert edge.tcp.by_client == {}


async def test_a_client_that_breaks_off_leaves_nothing_behind():
    """Its query is still resolved, has its record, and warms the cache."""
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        at = edge.accept()
        async with connected(at) as client:
            await client.send(*(numbered(f"n{ident}.example", ident) for ident in range(40)))
            await until(lambda: len(held) == 40)
            break_off(client)
        await until(lambda: not edge.tcp.connections)
        assert edge.tcp.by_client == {}
        for heard in held:
            heard.reply(f"{heard.name} 300 A 192.0.2.7")
        await until(lambda: edge.engine.in_flight == 0)
        assert len(edge.told()) == 40
        async with connected(at) as client:
            await client.send(numbered("n0.example", 5))
            assert texts(dns.message.from_wire(await client.receive()).answer) == ["n0.example. 300 A 192.0.2.7"]
        assert edge.told()[-1].subject.outcome == Outcome.CACHED


async def test_one_that_is_not_read_just_now_is_seen_to_be_gone_with_the_next_answers():
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        async with connected(edge.accept()) as client:
            await client.send(*(numbered(f"n{ident}.example", ident) for ident in range(PIPELINED + 30)))
            await until(lambda: len(held) == PIPELINED)
            break_off(client)
        upstream.behave = lambda heard: heard.reply()
        for heard in held:
            heard.reply()
        await until(lambda: not edge.tcp.connections and edge.engine.in_flight == 0)
        assert PIPELINED <= len(edge.told()) <= PIPELINED + 30


def break_off(client: TcpClient) -> None:
    """End with RST."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


@pytest.mark.parametrize(
    "octets",
    [b"\xff\xff" + bytes(100), b"\x10\x01" + bytes(100), b"\0\0", b"\0\x0bxxxxxxxxxxx", b"GET / HTTP/1.1\r\n\r\n"],
)
async def test_a_length_that_no_query_has_ends_the_connection_at_once(octets):
    """64 KiB announced and never sent would otherwise be held until the idle time is up."""
    async with an_edge(blocks=BLOCKS) as edge, connected(edge.accept()) as client:
        await client.send(numbered("x.ads.example", 1))
        assert ident_of(await client.receive()) == 1
        await client.send_raw(octets)
        assert await client.ended()
        await until(lambda: not edge.tcp.connections)
        assert (edge.tcp.closed_idle, edge.tcp.closed_broken) == (0, 1)


async def test_what_is_no_query_gets_no_answer_and_the_stream_goes_on():
    async with an_edge(blocks=BLOCKS) as edge, connected(edge.accept()) as client:
        wire = query("x.ads.example")
        await client.send(wire[:2] + b"\x81\x80" + wire[4:], numbered("x.ads.example", 2))
        assert ident_of(await client.receive()) == 2
        (connection,) = edge.tcp.connections
        assert connection.in_work == 0
        assert edge.engine.not_queries == 1


async def test_a_malformed_query_is_answered_and_the_stream_goes_on():
    async with an_edge(blocks=BLOCKS) as edge, connected(edge.accept()) as client:
        await client.send(query("x.ads.example") + b"x", numbered("x.ads.example", 2))
        assert dns.message.from_wire(await client.receive()).rcode() == dns.rcode.FORMERR
        assert ident_of(await client.receive()) == 2


async def test_a_stranger_is_told_so():
    async with an_edge(blocks=BLOCKS, allow_from=["10.0.0.0/8"]) as edge, connected(edge.accept()) as client:
        await client.send(query("x.ads.example"))
        reply = dns.message.from_wire(await client.receive())
        assert ede(reply)[0][0] == 18
        assert edge.told()[0].subject.outcome == Outcome.REFUSED


# -- time --


@pytest.mark.parametrize(
    "octets", [b"", b"\0", frame(query("www.example"))[:-1]], ids=["nothing", "half a length", "all but one octet"]
)
async def test_a_connection_that_stalls_is_closed(octets):
    """With nothing said, half a length, or all of a query but its last octet."""
    async with an_edge() as edge, connected(edge.accept()) as client:
        await client.send_raw(octets)
        await until(lambda: edge.tcp.connections)
        edge.tcp.sweep(time.monotonic() + 1)
        assert edge.tcp.connections
        edge.tcp.sweep(long_after())
        assert await client.ended()
        await until(lambda: not edge.tcp.connections)
        assert (edge.tcp.closed_idle, edge.tcp.by_client) == (1, {})


async def test_trickling_octets_buy_no_time():
    async with an_edge(blocks=BLOCKS) as edge, connected(edge.accept()) as client:
        await client.send(numbered("x.ads.example", 1))
        await client.receive()
        (connection,) = edge.tcp.connections
        before = connection.active_at
        for octet in frame(query("www.example"))[:20]:
            await client.send_raw(bytes((octet,)))
            await asyncio.sleep(0.001)
        assert connection.active_at == before


async def test_a_connection_that_waits_for_us_is_not_idle():
    held = []
    async with (
        a_nameserver(held.append) as upstream,
        an_edge(upstream.at) as edge,
        connected(edge.accept()) as client,
    ):
        await client.send(numbered("www.example", 1))
        await until(lambda: held)
        edge.tcp.sweep(long_after())
        (connection,) = edge.tcp.connections
        connection.active_at = 0.0
        held[0].reply()
        assert ident_of(await client.receive()) == 1
        edge.tcp.sweep(time.monotonic() + 1)  # an answer begins the idle time anew (RFC 7766 6.2.3)
        assert edge.tcp.connections
        edge.tcp.sweep(long_after())
        assert await client.ended()


# -- caps --


async def test_a_client_has_only_so_many_connections():
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.accept()
        edge.tcp.most_per_client = 3
        async with connected(at) as one, connected(at), connected(at):
            await until(lambda: len(edge.tcp.connections) == 3)
            async with connected(at) as fourth:
                assert await fourth.ended()
            assert edge.tcp.refused == 1
            await one.send(numbered("x.ads.example", 1))
            assert ident_of(await one.receive()) == 1
            one.socket.close()
            await until(lambda: len(edge.tcp.connections) == 2)
            async with connected(at) as another:
                await another.send(numbered("x.ads.example", 2))
                assert ident_of(await another.receive()) == 2
        await until(lambda: not edge.tcp.connections)
        assert edge.tcp.by_client == {}


async def test_all_clients_have_only_so_many_connections():
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.accept()
        edge.tcp.most = 2
        async with connected(at), connected(at):
            await until(lambda: len(edge.tcp.connections) == 2)
            async with connected(at) as third:
                assert await third.ended()
        assert edge.tcp.refused == 1


async def test_counts_do_not_drift():
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.accept()
        edge.tcp.most = 5
        for turn in range(60):
            async with connected(at) as client:
                if turn % 3 == 0:
                    await client.send_raw(b"\xff\xff")
                elif turn % 3 == 1:
                    await client.send(query("x.ads.example"))
                    await client.receive()
            await until(lambda: not edge.tcp.connections)
        assert (edge.tcp.by_client, edge.tcp.refused) == ({}, 0)


# -- clients that do not read --


async def test_a_client_that_never_reads_is_closed():
    async with (
        an_edge_that_knows("large.example", 30_000) as edge,
        connected(edge.accept(send_buffer=8192), receive_buffer=8192) as client,
    ):
        await client.send(*(numbered("large.example", ident, "TXT") for ident in range(60)))
        await until(lambda: len(edge.told()) == 61)
        await until(lambda: not edge.tcp.connections)
        assert edge.tcp.closed_broken == 1
        assert await lost(client)


async def lost(client: TcpClient) -> bool:
    """Whether the stream breaks off before all was received."""
    try:
        for _ in range(60):
            if not await client.receive():
                return True
    except (ConnectionError, AssertionError):
        return True
    return False


async def test_a_client_that_is_slow_to_read_gets_everything():
    async with (
        an_edge_that_knows("large.example", 1500) as edge,
        connected(edge.accept(send_buffer=4096), receive_buffer=4096) as client,
    ):
        count = 1000
        await client.send(*(numbered("large.example", ident, "TXT") for ident in range(count)))
        await until(lambda: len(edge.told()) > 1)
        (connection,) = edge.tcp.connections
        await until(lambda: connection._full)
        begun = len(edge.told())
        assert begun < count
        assert connection._transport.get_write_buffer_size() < WRITE_BUFFER
        assert {ident_of(await client.receive()) for _ in range(count)} == set(range(count))
        await client.send(numbered("large.example", 7, "TXT"))
        assert ident_of(await client.receive()) == 7


async def test_so_does_one_that_closes_its_side_while_the_listener_ends():
    async with (
        an_edge_that_knows("large.example", 1500) as edge,
        connected(edge.accept(send_buffer=4096), receive_buffer=4096) as client,
    ):
        await client.send(*(numbered("large.example", ident, "TXT") for ident in range(1000)))
        await until(lambda: any(connection._full for connection in edge.tcp.connections))
        edge.tcp.drain()
        client.socket.shutdown(socket.SHUT_WR)
        answered = []
        while message := await client.receive():
            answered.append(ident_of(message))
        assert answered == list(range(len(answered)))
        assert PIPELINED < len(answered) == len(edge.told()) - 1


async def test_a_client_that_stops_reading_is_closed_when_its_time_is_up():
    async with (
        an_edge_that_knows("large.example", 1500) as edge,
        connected(edge.accept(send_buffer=4096), receive_buffer=4096) as client,
    ):
        await client.send(*(numbered("large.example", ident, "TXT") for ident in range(1000)))
        await until(lambda: len(edge.told()) > 1)
        (connection,) = edge.tcp.connections
        await until(lambda: connection._full)
        edge.tcp.sweep(long_after())
        await until(lambda: not edge.tcp.connections)
        assert edge.tcp.closed_idle == 1


# -- the end of the listener --


async def test_draining_ends_what_is_idle_at_once_and_the_others_with_their_last_answer():
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        at = edge.accept()
        async with connected(at) as idle, connected(at) as busy:
            await busy.send(*(numbered(f"n{ident}.example", ident) for ident in range(100)))
            await until(lambda: len(held) == PIPELINED and len(edge.tcp.connections) == 2)
            edge.tcp.drain()
            assert await idle.ended()
            await busy.send(numbered("late.example", 999))
            upstream.behave = lambda heard: heard.reply()
            for heard in held:
                heard.reply()
            assert {ident_of(await busy.receive()) for _ in range(100)} == set(range(100))
            assert await busy.ended()
            with pytest.raises(ConnectionError):
                async with connected(at):
                    pass
        assert "late.example" not in {heard.name for heard in upstream.heard}


async def test_who_still_waits_at_the_end_is_told():
    async with (
        a_nameserver(silence) as upstream,
        an_edge(upstream.at) as edge,
        connected(edge.accept()) as client,
    ):
        await client.send(numbered("www.example", 1))
        await until(lambda: upstream.heard)
        edge.close()
        assert ede(dns.message.from_wire(await client.receive())) == [(0, "the resolver is stopping")]
        assert await client.ended()


# -- descriptors --


async def test_without_descriptors_new_connections_wait_and_everything_else_goes_on(caplog):
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.accept()
        with UdpClient(edge.bind("127.0.0.1")) as datagrams, socket.socket() as sock:
            sock.setblocking(False)
            with no_more_descriptors():
                await asyncio.get_running_loop().sock_connect(sock, at)
                await until(lambda: "can't accept connections now: Too many open files" in caplog.text)
                assert (await datagrams.ask(query("x.ads.example"))).answer
            client = TcpClient(sock)
            await client.send(numbered("x.ads.example", 3))
            assert ident_of(await client.receive()) == 3


async def test_the_end_may_come_while_descriptors_are_short(caplog):
    async with an_edge() as edge:
        at = edge.accept()
        with socket.socket() as sock:
            sock.setblocking(False)
            with no_more_descriptors():
                await asyncio.get_running_loop().sock_connect(sock, at)
                await until(lambda: "can't accept" in caplog.text)
                (rest,) = edge.tcp._rests.values()
                edge.close()
                assert rest.cancelled()


async def test_the_end_may_come_between_accepting_and_serving():
    for end in ("drain", "close_all"):
        async with an_edge() as edge, connected(edge.accept()) as client:
            edge.tcp._on_acceptable(edge.tcp._sockets[0])
            assert len(edge.tcp.connections) == 1
            getattr(edge.tcp, end)()
            assert await client.ended()
            await until(lambda edge=edge: not edge.tcp.connections)
