"""Limits at the edge: who is over one is not replayed to, streams wait, floods are dropped, new connections find room."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import AsyncExitStack

import dns.flags
import dns.message
import dns.rcode
import pytest

from mirage_hole.net.meter import LEAST_ALARM
from mirage_hole.policy.limits import SAMPLED, ClientLimits, RepeatedAnswers
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.framing import frame
from tests.make import address, query
from tests.net.edge import UdpClient, an_edge, connected, numbered, until

BLOCKS = ["||ads.example^"]
NAME = "x.ads.example"
HOME = "127.0.0.1"


def limits(rate: float = 5, burst: float = 5, **more: object) -> ClientLimits:
    """That hold on this machine, too."""
    return ClientLimits(rate, burst, exempt=(), **more)


async def test_who_is_over_a_limit_is_replayed_nothing_and_others_are(system):
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.bind(HOME)
        edge.plane.limit(limits())
        with UdpClient(at, "127.0.0.66") as hog, UdpClient(at, "127.0.0.7") as other:
            for client in (hog, hog, other, other):
                await client.ask(query(NAME))
            assert edge.plane.listeners[0].replayed == 2
            over = edge.engine.limits
            over.turn({address("127.0.0.66"): 10}, 1.0)
            edge.packets.turn_out(address("127.0.0.66"))
            said = [await hog.ask(query(NAME)) for _ in range(11)]
            assert [bool(one.flags & dns.flags.TC) for one in said] == [False] * 5 + [True] * 5 + [False]
            assert said[-1].rcode() == dns.rcode.REFUSED
            before = edge.plane.listeners[0].replayed
            assert (await other.ask(query(NAME))).rcode() == dns.rcode.NOERROR
            assert edge.plane.listeners[0].replayed == before + 1


async def test_the_end_of_a_second_finds_who_is_over(system):
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.bind(HOME)
        edge.plane.limit(limits())
        with UdpClient(at, "127.0.0.66") as hog:
            for _ in range(20 * SAMPLED):
                await hog.ask(query(NAME))
            edge.plane.turn(time.monotonic())
            assert address("127.0.0.66") in edge.engine.limits.over
            assert address("127.0.0.66") not in edge.packets.tables


async def test_a_flood_is_noticed_before_the_second_is_over_and_dropped(system):
    """Nobody calls turn here: the flood does. What the others ask meanwhile is answered."""
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.bind(HOME)
        edge.plane.limit(limits(5, 50))
        meter = edge.plane.listeners[0].meter
        flooder = address("127.0.0.66")
        with UdpClient(at, "127.0.0.66") as hog, UdpClient(at, "127.0.0.7") as other:
            for _ in range(4 * LEAST_ALARM // 50):
                for _ in range(50):
                    hog.send(query(NAME))
                await asyncio.sleep(0)
                if flooder in edge.engine.limits.flooding:
                    break
            assert flooder in edge.engine.limits.flooding
            await until(lambda: edge.plane.listeners[0].datagrams)
            for _ in range(200):
                hog.send(query(NAME))
            assert (await other.ask(query(NAME))).rcode() == dns.rcode.NOERROR
            assert meter.dropped > 100


async def test_the_same_answer_to_a_network_outside_is_replayed_to_nobody_while_it_is_over(system):
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.bind(HOME)
        repeated = RepeatedAnswers(2, exempt=())
        edge.plane.limit(limits(1000, 1000, repeated=repeated))
        with UdpClient(at) as client:
            for _ in range(3):
                await client.ask(query(NAME))
            victim = address("198.51.100.7")
            edge.plane.listeners[0].meter.count([victim] * 20, [query(NAME)[2:]] * 20)
            edge.plane.turn(time.monotonic())
            assert repeated.names
            before = edge.plane.listeners[0].replayed
            for _ in range(3):
                assert (await client.ask(query(NAME))).rcode() == dns.rcode.NOERROR
            assert edge.plane.listeners[0].replayed == before
            for _ in range(3):
                await client.ask(query("y.ads.example"))
            assert edge.plane.listeners[0].replayed > before


async def test_without_limits_nothing_is_counted(system):
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.bind(HOME)
        with UdpClient(at) as client:
            for _ in range(100):
                await client.ask(query(NAME))
        edge.plane.turn(time.monotonic())
        assert edge.plane.listeners[0].meter.turn() == ({}, {})


# -- streams --


async def test_a_stream_over_the_limit_waits_for_the_next_second_and_loses_nothing():
    """RFC 7766 6.2.1: a server may take its time; what was asked is answered, and nobody is sent away."""
    async with an_edge(blocks=BLOCKS) as edge:
        edge.tcp.limits = limits(5, 5, stops_floods=False)
        async with connected(edge.accept()) as client:
            edge.tcp.limits.turn({address(HOME): 100}, 1.0)
            await client.send(*(numbered(NAME, number) for number in range(12)))
            for number in range(5):
                assert (await client.receive())[:2] == number.to_bytes(2, "big")
            await until(lambda: edge.tcp.delayed)
            assert len(edge.told()) == 5
            edge.tcp.turn(2.0)
            for number in range(5, 10):
                assert (await client.receive())[:2] == number.to_bytes(2, "big")
            edge.tcp.turn(3.0)
            for number in range(10, 12):
                assert (await client.receive())[:2] == number.to_bytes(2, "big")
        assert {record.subject.outcome for record in edge.told()} == {Outcome.BLOCKED}


async def test_the_connections_of_one_client_share_its_limit_and_another_has_its_own():
    async with an_edge(blocks=BLOCKS) as edge, AsyncExitStack() as stack:
        edge.tcp.limits = limits(5, 5, stops_floods=False)
        at = edge.accept()
        edge.tcp.limits.turn({address(HOME): 100}, 1.0)
        first, second = [await stack.enter_async_context(connected(at)) for _ in range(2)]
        await first.send(*(numbered(NAME, number) for number in range(5)))
        for _ in range(5):
            await first.receive()
        await second.send(numbered(NAME, 7))
        await until(lambda: edge.tcp.delayed)
        edge.tcp.limits.over.clear()
        edge.tcp.turn(2.0)
        assert (await second.receive())[:2] == b"\0\7"


async def test_a_stream_that_asks_much_is_found_to_be_over():
    async with an_edge(blocks=BLOCKS) as edge:
        edge.tcp.limits = limits(5, 5, stops_floods=False)
        edge.tcp.turn(1.0)
        async with connected(edge.accept()) as client:
            await client.send(*(numbered(NAME, number) for number in range(20)))
            for _ in range(20):
                await client.receive()
            edge.tcp.turn(2.0)
            assert address(HOME) in edge.tcp.limits.over


async def test_who_waits_is_answered_when_the_worker_ends():
    async with an_edge(blocks=BLOCKS) as edge:
        edge.tcp.limits = limits(1, 1, stops_floods=False)
        async with connected(edge.accept()) as client:
            edge.tcp.limits.turn({address(HOME): 100}, 1.0)
            await client.send(*(numbered(NAME, number) for number in range(9)))
            await until(lambda: edge.tcp.delayed)
            edge.tcp.drain()
            for _ in range(9):
                assert await client.receive()
            assert await client.ended()


async def test_a_stream_that_waits_and_breaks_leaves_nothing_behind():
    async with an_edge(blocks=BLOCKS) as edge:
        edge.tcp.limits = limits(1, 1, stops_floods=False)
        async with connected(edge.accept()) as client:
            edge.tcp.limits.turn({address(HOME): 100}, 1.0)
            await client.send_raw(b"".join(frame(numbered(NAME, number)) for number in range(9)))
            await until(lambda: edge.tcp.delayed)
        seconds = itertools.count(2)

        def gone() -> bool:
            edge.tcp.turn(float(next(seconds)))
            return not edge.tcp.connections

        await until(gone)
        assert not edge.tcp._held


async def test_when_all_places_are_taken_the_longest_idle_of_who_has_more_gives_way():
    """RFC 7766 6.2.3: idle connections may be closed when resources are short."""
    async with an_edge(blocks=BLOCKS) as edge, AsyncExitStack() as stack:
        edge.tcp.most = 3
        at = edge.accept()
        streams = [await stack.enter_async_context(connected(at)) for _ in range(3)]
        for stream in streams:
            await stream.send(query(NAME))
            await stream.receive()
        hog = address("127.0.0.66")
        for connection in edge.tcp.connections:  # as if it were somebody else's
            connection.client = hog
        edge.tcp.by_client = {hog: 3}
        new = await stack.enter_async_context(connected(at))
        await new.send(query(NAME))
        assert dns.message.from_wire(await new.receive()).rcode() == dns.rcode.NOERROR
        assert await streams[0].ended()
        assert (edge.tcp.closed_for_others, edge.tcp.refused) == (1, 0)


async def test_a_client_does_not_push_itself_out():
    async with an_edge(blocks=BLOCKS) as edge, AsyncExitStack() as stack:
        edge.tcp.most = 2
        at = edge.accept()
        streams = [await stack.enter_async_context(connected(at)) for _ in range(2)]
        for stream in streams:
            await stream.send(query(NAME))
            await stream.receive()
        third = await stack.enter_async_context(connected(at))
        assert await third.ended()
        assert (edge.tcp.closed_for_others, edge.tcp.refused) == (0, 1)


@pytest.mark.parametrize(("where", "pushed"), [("2001:db8::{}", 1), ("2001:db8:{}::1", 0), ("10.0.0.{}", 0)])
async def test_many_addresses_of_one_network_hold_no_places_for_ever(where, pushed):
    """RFC 7766 6.2.3; RFC 4291 2.5.4: a /64 has an address for every connection that there may be."""
    async with an_edge(blocks=BLOCKS) as edge, AsyncExitStack() as stack:
        edge.tcp.most = 3
        at = edge.accept()
        streams = [await stack.enter_async_context(connected(at)) for _ in range(3)]
        for stream in streams:
            await stream.send(query(NAME))
            await stream.receive()
        for number, connection in enumerate(edge.tcp.connections):  # as if each were of another client
            connection.client = address(where.format(number + 1))
        edge.tcp.by_client = {connection.client: 1 for connection in edge.tcp.connections}
        new = await stack.enter_async_context(connected(at))
        if pushed:
            await new.send(query(NAME))
            assert dns.message.from_wire(await new.receive()).rcode() == dns.rcode.NOERROR
        else:
            assert await new.ended()
        assert (edge.tcp.closed_for_others, edge.tcp.refused) == (pushed, 1 - pushed)


@pytest.mark.parametrize("rate", [1, 7])
async def test_a_share_is_never_more_than_the_rate(rate):
    async with an_edge(blocks=BLOCKS) as edge:
        edge.tcp.limits = limits(rate, rate, stops_floods=False)
        async with connected(edge.accept()) as client:
            edge.tcp.limits.turn({address(HOME): 100}, 1.0)
            await client.send(*(numbered(NAME, number) for number in range(50)))
            for _ in range(rate):
                await client.receive()
            await until(lambda: edge.tcp.delayed)
            assert len(edge.told()) == rate
