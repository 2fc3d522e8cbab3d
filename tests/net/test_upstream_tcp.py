from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from mirage_hole.net import upstream_tcp
from mirage_hole.wire.framing import frame
from tests.make import answer_to, ede, query, texts
from tests.nameserver import Heard, a_nameserver, too_large
from tests.net.edge import UdpClient, an_edge, connected, no_more_descriptors, open_descriptors, until


def only_over_tcp(answer):
    """TC over UDP, and over TCP what ``answer`` does."""

    def behave(heard: Heard) -> None:
        if heard.tcp:
            answer(heard)
        else:
            heard.reply(flags="QR RD RA TC")

    return behave


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_what_is_truncated_is_asked_for_over_tcp(host):
    async with a_nameserver(too_large(250), address=host) as upstream, an_edge(upstream.at) as edge:
        async with connected(edge.accept()) as client:
            await client.send(query("www.example", "TXT"))
            reply = dns.message.from_wire(await client.receive())
            assert len(texts(reply.answer)) == 250
        with UdpClient(edge.bind("127.0.0.1")) as client:
            reply = await client.ask(query("www.example", "TXT"))
            assert reply.flags & dns.flags.TC
            assert not reply.answer
        assert [heard.tcp for heard in upstream.heard] == [False, True]
        await until(lambda: not edge.plane._tcp_exchanges)


async def test_a_message_of_64_kib_is_taken():
    async with (
        a_nameserver(too_large(307)) as upstream,
        an_edge(upstream.at) as edge,
        connected(edge.accept()) as client,
    ):
        await client.send(query("www.example", "TXT"))
        assert len(await client.receive()) > 65_000


async def test_an_upstream_without_tcp_is_told_of():
    async with a_nameserver(only_over_tcp(None), tcp=False) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            reply = await client.ask(query("www.example"))
            assert ede(reply) == [(23, f"127.0.0.1:{upstream.port}: connection refused")]


async def test_another_upstream_is_asked_when_tcp_fails():
    async with (
        a_nameserver(only_over_tcp(None), tcp=False) as broken,
        a_nameserver() as good,
        an_edge(broken.at, good.at) as edge,
    ):
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(5):
                assert (await client.ask(query(f"n{number}.example"))).answer


BROKEN = {
    "nothing, and the end": (lambda _wire: b"", "closed the connection without an answer"),
    "half a length": (lambda _wire: b"\0", "closed the connection without an answer"),
    "64 KiB announced, 3 octets sent": (lambda _wire: b"\xff\xffabc", "closed the connection without an answer"),
    "an empty message": (lambda _wire: b"\0\0", "answered with another ID over TCP"),
    "another ID": (lambda wire: frame(bytes((wire[0] ^ 1,)) + wire[1:]), "answered with another ID over TCP"),
    "noise behind the ID": (lambda wire: frame(wire[:2] + b"\xa5" * 80), "answered another question"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_answer_is_told_of_at_once(what):
    octets_for, reason = BROKEN[what]

    def answer(heard: Heard) -> None:
        heard.send(octets_for(heard.wire))
        heard.end()

    async with a_nameserver(only_over_tcp(answer)) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            reply = await client.ask(query("www.example"))
            assert ede(reply) == [(23, f"127.0.0.1:{upstream.port}: {reason}")]


async def test_the_right_id_with_another_question_is_no_answer():
    behave = only_over_tcp(lambda heard: heard.reply(question="other.example"))
    async with a_nameserver(behave) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            reply = await client.ask(query("www.example"))
            assert ede(reply) == [(23, f"127.0.0.1:{upstream.port}: answered another question")]


async def test_a_silent_connection_is_given_up_within_the_timeout():
    async with a_nameserver(only_over_tcp(lambda _heard: None)) as upstream, an_edge(upstream.at, timeout=0.3) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            reply = await client.ask(query("www.example"))
            assert ede(reply) == [(22, f"127.0.0.1:{upstream.port}: did not answer")]
        await until(lambda: not edge.plane._tcp_exchanges)


async def test_octets_that_trickle_do_not_hold_a_connection_open():
    def trickle(heard: Heard) -> None:
        heard.send(frame(answer_to(heard.wire, "www.example 60 A 192.0.2.7"))[:-1])

    async with a_nameserver(only_over_tcp(trickle)) as upstream, an_edge(upstream.at, timeout=0.3) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            assert (await client.ask(query("www.example"))).rcode() == dns.rcode.SERVFAIL
        await until(lambda: not edge.plane._tcp_exchanges)


async def test_only_so_many_connections_are_open_at_once(monkeypatch):
    """And that is no fault of the upstream's."""
    monkeypatch.setattr(upstream_tcp, "MOST_AT_ONCE", 3)
    held = []
    async with a_nameserver(only_over_tcp(held.append)) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(3):
                client.send(query(f"n{number}.example"))
            await until(lambda: len(held) == 3)
            reply = await client.ask(query("one.more.example"))
            assert ede(reply) == [(0, f"127.0.0.1:{upstream.port}: too many questions over TCP at once")]
            assert edge.engine.upstreams[0].failures == 0
            for heard in held:
                heard.reply(f"{heard.name} 60 A 192.0.2.7")
                await client.receive()
            upstream.behave = only_over_tcp(lambda heard: heard.reply(f"{heard.name} 60 A 192.0.2.7"))
            await until(lambda: not edge.plane._tcp_exchanges)
            assert (await client.ask(query("one.more.example"))).answer


async def test_without_descriptors_the_reason_is_told():
    async with a_nameserver(too_large(10)) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(40):  # until every door is open
                await client.ask(query(f"n{number}.example", "TXT"))
            await until(lambda: not edge.plane._tcp_exchanges)
            with no_more_descriptors():
                reply = await client.ask(query("www.example", "TXT"))
            assert ede(reply) == [(0, f"127.0.0.1:{upstream.port}: too many open files")]
            assert edge.engine.upstreams[0].failures == 0


async def test_the_end_leaves_no_descriptor_open():
    held = []
    async with a_nameserver(only_over_tcp(held.append)) as upstream:
        before = open_descriptors()
        async with an_edge(upstream.at) as edge:
            with UdpClient(edge.bind("127.0.0.1")) as client:
                for number in range(20):
                    client.send(query(f"n{number}.example"))
                await until(lambda: len(held) == 20)
                assert len(edge.plane._tcp_exchanges) == 20
        await until(lambda: not open_descriptors() - before)  # the nameserver's ends included
