from __future__ import annotations

import contextlib
import itertools
import socket
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import pytest

from mirage_hole.net import upstream_udp
from mirage_hole.net.upstream_udp import DOORS, MOST_LINGERING
from mirage_hole.policy.verdict import Outcome
from tests.make import answer_to, ede, query, texts
from tests.nameserver import a_nameserver, silence
from tests.net.edge import UdpClient, an_edge, no_more_descriptors, numbered, open_descriptors, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("system")


@contextlib.contextmanager
def a_closed_port() -> Iterator[tuple[str, int]]:
    """One where nobody listens, and nobody can begin to: it is taken by a socket that hears somebody else only."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", 1))
        yield sock.getsockname()


async def ask_many(client: UdpClient, names: list[str]) -> list[dns.message.Message]:
    """All at once; the answers in the order of the names."""
    for ident, name in enumerate(names):
        client.send(numbered(name, ident))
    return await replies_to(client, names)


async def replies_to(client: UdpClient, names: list[str]) -> list[dns.message.Message]:
    """One to each, in the order in which they were asked."""
    replies = [dns.message.from_wire((await client.receive())[0]) for _ in names]
    return sorted(replies, key=lambda reply: reply.id)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_upstreams_of_both_families_are_asked(host):
    async with a_nameserver(address=host) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            assert texts((await client.ask(query("www.example"))).answer) == ["www.example. 300 A 192.0.2.7"]


async def test_a_batch_of_questions_is_asked_and_answered():
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            names = [f"n{number}.example" for number in range(200)]
            for ident, name in enumerate(names):
                client.send(numbered(name, ident))
            await until(lambda: len(held) == 200)
            # All of them wait: only then no two may have the same ID.
            assert len({heard.wire[:2] for heard in held}) == 200
            for heard in held:
                heard.reply(f"{heard.name} 300 A 192.0.2.7")
            replies = await replies_to(client, names)
        assert [str(reply.question[0].name) for reply in replies] == [f"{name}." for name in names]
        assert all(reply.answer for reply in replies)
        assert sorted(heard.name for heard in upstream.heard) == sorted(names)
        assert edge.engine.upstreams[0].answered == 200


async def test_questions_leave_by_ports_drawn_at_random():
    """RFC 5452 4.5: who can't see the traffic must guess the port as well as the ID."""
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(150):
                await client.ask(query(f"n{number}.example"))
        ports = [heard.peer[1] for heard in upstream.heard]
        assert DOORS * 0.7 < len(set(ports)) <= DOORS
        assert len(set(itertools.pairwise(ports))) > 60  # and in no order


async def test_ports_change_with_use(monkeypatch):
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 2)
    before = open_descriptors()
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(120):
                await client.ask(query(f"n{number}.example"))
        assert len({heard.peer[1] for heard in upstream.heard}) > 40
        assert edge.plane.upstreams[0]._lingering
    await until(lambda: not open_descriptors() - before)


async def test_ports_change_with_time(monkeypatch):
    monkeypatch.setattr(upstream_udp, "SECONDS_A_DOOR", 0.0)
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(100):
                await client.ask(query(f"n{number}.example"))
        assert len({heard.peer[1] for heard in upstream.heard}) > 90


async def test_a_replaced_door_still_takes_answers(monkeypatch):
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 1)
    monkeypatch.setattr(upstream_udp, "DOORS", 1)
    monkeypatch.setattr(upstream_udp, "LINGER", 600.0)
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(5):
                client.send(numbered(f"n{number}.example", number))
                await until(lambda number=number: len(held) == number + 1)
            assert len({heard.peer[1] for heard in held}) == 5
            held[0].reply("n0.example 60 A 192.0.2.7")
            assert (await client.receive())[0][:2] == b"\0\0"


async def test_a_replaced_door_closes_in_the_end_and_the_newest_serves_on(monkeypatch):
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 1)
    monkeypatch.setattr(upstream_udp, "DOORS", 1)
    monkeypatch.setattr(upstream_udp, "LINGER", 0.05)
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(5):
                client.send(numbered(f"n{number}.example", number))
                await until(lambda number=number: len(held) == number + 1)
            await until(lambda: not edge.plane.upstreams[0]._lingering)
            held[4].reply("n4.example 60 A 192.0.2.7")
            assert (await client.receive())[0][:2] == b"\0\4"


async def test_replaced_doors_are_bounded_however_many_questions(monkeypatch):
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 1)
    monkeypatch.setattr(upstream_udp, "MOST_LINGERING", 20)
    assert MOST_LINGERING < 1000
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(80):
                await client.ask(query(f"n{number}.example"))
                assert len(edge.plane.upstreams[0]._lingering) <= 20
        assert len({heard.peer[1] for heard in upstream.heard}) > 40


async def test_doors_that_close_early_take_no_other_along(monkeypatch):
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 1)
    monkeypatch.setattr(upstream_udp, "MOST_LINGERING", 3)
    monkeypatch.setattr(upstream_udp, "LINGER", 0.05)
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(60):
                await client.ask(query(f"n{number}.example"))
            await until(lambda: not edge.plane.upstreams[0]._lingering)
            assert (await client.ask(query("last.example"))).answer


async def test_the_end_leaves_no_descriptor_open(monkeypatch):
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 1)
    async with a_nameserver(silence) as upstream:
        before = open_descriptors()
        async with an_edge(upstream.at, upstream.at) as edge:
            with UdpClient(edge.bind("127.0.0.1")) as client:
                for number in range(30):
                    client.send(numbered(f"n{number}.example", number))
                    await until(lambda number=number: len(upstream.heard) == number + 1)
            assert len(open_descriptors() - before) > 5
        assert not open_descriptors() - before


# -- lies --


async def test_a_reply_by_another_door_is_dropped(monkeypatch):
    """Whoever sees one port must not be able to answer what left by another."""
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 1)
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(2):
                client.send(numbered(f"n{number}.example", number))
                await until(lambda number=number: len(held) == number + 1)
            one, two = held
            assert one.peer != two.peer
            two.send(answer_to(one.wire, "n0.example 60 A 203.0.113.66"))
            await until(lambda: edge.plane.upstreams[0].mismatched == 1)
            assert edge.engine.in_flight == 2
            one.reply("n0.example 60 A 192.0.2.7")
            reply = dns.message.from_wire((await client.receive())[0])
            assert texts(reply.answer) == ["n0.example. 60 A 192.0.2.7"]


async def test_a_reply_from_another_port_never_arrives():
    """The doors are connected, so the kernel drops it."""
    held = []
    async with a_nameserver(held.append) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client, UdpClient(upstream.at) as liar:
            client.send(numbered("www.example", 1))
            await until(lambda: held)
            liar.send(answer_to(held[0].wire, "www.example 60 A 203.0.113.66"), held[0].peer)
            held[0].reply("www.example 60 A 192.0.2.7")
            reply = dns.message.from_wire((await client.receive())[0])
            assert texts(reply.answer) == ["www.example. 60 A 192.0.2.7"]
        assert edge.plane.upstreams[0].mismatched == edge.engine.mismatched == 0


async def test_noise_twice_told_answers_and_wrong_ids_are_dropped_and_counted():
    def lie(heard):
        for octets in (b"", b"\0", b"x" * 11, b"\xff" * 100, bytes(60_000)):
            heard.send(octets)
        heard.send(answer_to(heard.wire, ident=int.from_bytes(heard.wire[:2], "big") ^ 1))
        heard.reply(f"{heard.name} 60 A 192.0.2.7")
        heard.reply(f"{heard.name} 60 A 203.0.113.66")

    async with a_nameserver(lie) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for number in range(20):
                reply = await client.ask(query(f"n{number}.example"))
                assert texts(reply.answer) == [f"n{number}.example. 60 A 192.0.2.7"]
            assert edge.plane.upstreams[0].mismatched + edge.engine.mismatched >= 20 * 6
        assert len(edge.told()) == 20


# -- gone --


async def test_an_upstream_that_is_gone_is_told_of_at_once():
    with a_closed_port() as gone:
        async with an_edge(gone) as edge:
            with UdpClient(edge.bind("127.0.0.1")) as client:
                reply = await client.ask(query("www.example"))
                assert reply.rcode() == dns.rcode.SERVFAIL
                assert ede(reply) == [(23, f"127.0.0.1:{gone[1]}: connection refused")]


async def test_a_storm_of_refusals_answers_everyone_once():
    with a_closed_port() as gone, a_closed_port() as gone_too:
        async with an_edge(gone, gone_too) as edge:
            with UdpClient(edge.bind("127.0.0.1")) as client:
                for turn in range(3):
                    replies = await ask_many(client, [f"n{turn}-{number}.example" for number in range(150)])
                    assert {reply.rcode() for reply in replies} == {dns.rcode.SERVFAIL}
                    assert {ede(reply)[0][0] for reply in replies} == {23}
            told = edge.told()
            assert len(told) == 450
            assert {record.subject.outcome for record in told} == {Outcome.FAILED}
            assert edge.engine.in_flight == 0


async def test_the_other_upstream_answers_when_one_is_gone():
    with a_closed_port() as gone:
        async with a_nameserver() as upstream, an_edge(gone, upstream.at) as edge:
            with UdpClient(edge.bind("127.0.0.1")) as client:
                replies = await ask_many(client, [f"n{number}.example" for number in range(150)])
                assert all(reply.answer for reply in replies)
            assert len(edge.told()) == 150


async def test_an_upstream_that_comes_back_is_asked_again():
    async with contextlib.AsyncExitStack() as stack:
        with a_closed_port() as gone:
            edge = await stack.enter_async_context(an_edge(gone))
            client = stack.enter_context(UdpClient(edge.bind("127.0.0.1")))
            for number in range(10):
                assert (await client.ask(query(f"n{number}.example"))).rcode() == dns.rcode.SERVFAIL
        async with a_nameserver(port=gone[1], tcp=False):
            assert (
                await client.ask(query("another.example"))
            ).answer  # what failed is remembered for a while (RFC 9520)


async def test_a_family_without_a_route_is_told_of_at_once():
    async with an_edge(("ff02::1", 53)) as edge:  # needs an interface, and has none
        with UdpClient(edge.bind("127.0.0.1")) as client:
            assert ede(await client.ask(query("www.example")))[0][0] in {0, 23}


# -- descriptors --


async def test_without_descriptors_the_doors_that_are_open_serve_on(monkeypatch):
    monkeypatch.setattr(upstream_udp, "QUERIES_A_DOOR", 2)
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            await client.ask(query("first.example"))
            with no_more_descriptors():
                replies = await ask_many(client, [f"n{number}.example" for number in range(100)])
                for number in range(20):
                    replies.append(await client.ask(query(f"m{number}.example")))
            assert all(reply.answer for reply in replies)
        assert len({heard.peer[1] for heard in upstream.heard}) == 1


async def test_without_any_door_the_reason_is_told_and_not_held_against_the_upstream():
    async with a_nameserver() as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            with no_more_descriptors():
                reply = await client.ask(query("www.example"))
            assert ede(reply) == [(0, f"127.0.0.1:{upstream.port}: too many open files")]
            assert edge.engine.upstreams[0].failures == 0
            assert (await client.ask(query("www.example"))).answer
