from __future__ import annotations

import asyncio
from collections import Counter

import dns.message
import pytest

from mirage_hole.net.dataplane import make_dice
from mirage_hole.resolver.events import BlockingPaused, PolicyChanged
from tests.make import policy, query, texts
from tests.nameserver import a_nameserver, silence
from tests.net.edge import UdpClient, an_edge, connected, numbered, open_descriptors, until

BLOCKS = ["||ads.example^"]


def test_dice_are_even():
    dice = make_dice()
    thrown = Counter(dice() >> 12 for _ in range(16_000))
    assert set(thrown) == set(range(16))
    assert 700 < min(thrown.values()) <= max(thrown.values()) < 1300


def test_no_two_dice_are_alike():
    one, two = make_dice(), make_dice()
    assert [one() for _ in range(50)] != [two() for _ in range(50)]


async def test_a_question_is_given_up_by_the_clock():
    async with a_nameserver(silence) as upstream, an_edge(upstream.at, timeout=0.2) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            reply = await client.ask(query("www.example"))
            assert reply.rcode() == 2
        assert edge.told()[0].duration >= 0.2


async def test_the_clock_stops_when_nothing_waits():
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(2):
                client.send(numbered("www.example" if number else "other.example", number))
                await until(lambda number=number: len(held) == number + 1)
                assert edge.plane._timer is not None
                held[number].reply(f"{held[number].name} 60 A 192.0.2.7")
                await client.receive()
                await until(lambda: edge.plane._timer is None)


async def test_clients_of_both_transports_wait_for_one_answer():
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        async with connected(edge.accept()) as stream:
            with UdpClient(edge.bind("127.0.0.1")) as client, UdpClient(edge.bind("::1")) as other:
                client.send(numbered("www.example", 1))
                await stream.send(numbered("www.example", 2))
                other.send(numbered("www.example", 3))
                await until(lambda: sum(len(q.waiting) for q in edge.engine.questions.values()) == 3)
                (heard,) = held
                heard.reply("www.example 60 A 192.0.2.7")
                replies = [(await client.receive())[0], await stream.receive(), (await other.receive())[0]]
        assert [int.from_bytes(reply[:2], "big") for reply in replies] == [1, 2, 3]
        assert len(edge.told()) == 3


async def test_a_new_policy_counts_from_the_next_packet_on():
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for _ in range(3):  # replayed from now on
                await client.ask(query("x.ads.example"))
            for blocks, data in ((BLOCKS, "0.0.0.0"), ([], "192.0.2.7"), (BLOCKS, "0.0.0.0")):
                edge.plane.take([PolicyChanged(policy(blocks))], 0.0)
                for _ in range(3):
                    (text,) = texts((await client.ask(query("x.ads.example"))).answer)
                    assert text.endswith(f" A {data}")


async def test_a_pause_counts_from_the_next_packet_on():
    async with a_nameserver() as upstream, an_edge(upstream.at, blocks=BLOCKS) as edge:
        loop_time = asyncio.get_running_loop().time()
        with UdpClient(edge.bind("127.0.0.1")) as client:
            await client.ask(query("x.ads.example"))
            for until_when, data in ((loop_time + 3600, "192.0.2.7"), (None, "0.0.0.0")):
                edge.plane.take([BlockingPaused(until_when)], loop_time)
                for _ in range(3):
                    (text,) = texts((await client.ask(query("x.ads.example"))).answer)
                    assert text.endswith(f" A {data}")


async def test_a_pause_ends_by_itself_though_packets_are_replayed():
    async with a_nameserver() as upstream, an_edge(upstream.at, blocks=BLOCKS) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            now = asyncio.get_running_loop().time()
            edge.plane.take([BlockingPaused(now + 0.3)], now)
            seen = set()
            async with asyncio.timeout(20):
                while "0.0.0.0" not in seen:
                    reply = await client.ask(query("x.ads.example"))
                    seen |= {str(rdata) for rdata in reply.answer[0]}
            assert seen == {"192.0.2.7", "0.0.0.0"}
            assert asyncio.get_running_loop().time() >= now + 0.3


@pytest.mark.parametrize("count", [1, 3])
async def test_the_end_leaves_nothing_open(count):
    async with a_nameserver() as upstream:
        before = open_descriptors()
        async with an_edge(*[upstream.at] * count, blocks=BLOCKS) as edge:
            at = edge.accept()
            with UdpClient(edge.bind("127.0.0.1")) as client:
                for number in range(20):
                    assert (await client.ask(query(f"n{number}.example"))).answer
                async with connected(at) as stream:
                    await stream.send(query("x.ads.example"))
                    assert dns.message.from_wire(await stream.receive()).answer
        await until(lambda: not open_descriptors() - before)


async def test_nothing_happens_after_the_end():
    async with a_nameserver(silence) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            client.send(query("www.example"))
            await until(lambda: upstream.heard)
            timer = edge.plane._timer
            edge.close()
            assert timer.cancelled()
            await client.receive()
            heard = len(upstream.heard)
            for _ in range(20):
                await asyncio.sleep(0)
        assert len(upstream.heard) == heard
