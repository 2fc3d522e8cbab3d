from __future__ import annotations

import random
import socket

import dns.flags
import dns.message
import dns.rcode
import pytest

from mirage_hole.net.udp import PortableUdpListener, UdpListener, make_listener, without_interface
from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from tests.make import address, ede, query, texts
from tests.nameserver import a_nameserver, silence
from tests.net.edge import UdpClient, an_edge, numbered, until

BLOCKS = ["||ads.example^"]
pytestmark = pytest.mark.usefixtures("system")


def another_address(family: socket.AddressFamily) -> str:
    """An address of this machine besides the usual one of loopback."""
    if family == socket.AF_INET:
        return "127.0.0.2"
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("2001:db8::1", 9))  # sends nothing, and asks the routing table
        except OSError:
            pytest.skip("this machine has no IPv6 address besides ::1")
        return sock.getsockname()[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_blocked_and_forwarded_names_are_answered(host):
    async with a_nameserver() as upstream, an_edge(upstream.at, blocks=BLOCKS) as edge:
        at = edge.bind(host)
        with UdpClient(at) as client:
            for _ in range(3):
                blocked = await client.ask(query("x.ads.example"))
                assert texts(blocked.answer) == ["x.ads.example. 10 A 0.0.0.0"]
                assert ede(blocked) == [(15, "||ads.example^ in list 0")]
                forwarded = await client.ask(query("www.example"))
                assert texts(forwarded.answer)[0].endswith(" A 192.0.2.7")
        told = edge.told()
        assert [record.subject.outcome for record in told] == [
            Outcome.BLOCKED, Outcome.FORWARDED, Outcome.BLOCKED, Outcome.CACHED, Outcome.BLOCKED, Outcome.CACHED,
        ]  # fmt: skip
        assert {(record.client, record.transport) for record in told} == {(address(host), UDP)}
        (listener,) = edge.plane.listeners
        assert (listener.datagrams, listener.replayed, listener.lost) == (6, 3, 0)
        assert len(upstream.heard) == 1


@pytest.mark.parametrize(("wildcard", "usual"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
async def test_a_wildcard_socket_answers_from_the_address_that_was_asked(wildcard, usual):
    """Whether the answer is replayed, made by policy or forwarded; a client drops what comes from elsewhere."""
    async with (
        a_nameserver() as upstream,
        an_edge(upstream.at, blocks=BLOCKS, allow_from=["0.0.0.0/0", "::/0"]) as edge,
    ):
        _, port = edge.bind(wildcard)
        with UdpClient((usual, port)) as client:
            hosts = [usual, another_address(client.socket.family)] * 4
            for name in ("x.ads.example", "www.example"):
                for ident, host in enumerate(hosts):
                    client.send(numbered(name, ident), (host, port))
                came = {}
                for _ in hosts:
                    reply, sender = await client.receive()
                    came[int.from_bytes(reply[:2], "big")] = sender[:2]
                assert came == {ident: (host, port) for ident, host in enumerate(hosts)}
            dice = random.Random(3)
            for turn in range(10):  # and when a batch holds both
                asked = {ident: dice.choice(hosts) for ident in range(40)}
                for ident, host in asked.items():
                    name = dice.choice(["x.ads.example", f"n{turn}-{ident}.example", f"n{turn}-{ident}.ads.example"])
                    client.send(numbered(name, ident), (host, port))
                for _ in range(40):
                    reply, sender = await client.receive()
                    assert sender[:2] == (asked.pop(int.from_bytes(reply[:2], "big")), port)


async def test_a_batch_of_known_unknown_and_useless_datagrams_is_answered_each_for_itself():
    noise = [b"", b"\0", b"x" * 11, b"\xff" * 40, query("www.example")[:2] + b"\x81\x80" + query("www.example")[4:]]
    async with a_nameserver() as upstream, an_edge(upstream.at, blocks=BLOCKS) as edge:
        at = edge.bind("127.0.0.1")
        with UdpClient(at) as client:
            for ident, name in enumerate(("known.ads.example", "known.example", "known.example")):
                await client.ask(numbered(name, ident))
            edge.told()
            edge.frames.clear()
            dice = random.Random(5)
            for turn in range(8):
                queries = {}
                for place in range(50):
                    ident = turn * 1000 + place
                    name = dice.choice(
                        ["known.ads.example", "known.example", f"n{ident}.example", f"n{ident}.ads.example"]
                    )
                    queries[ident] = name
                packets = [numbered(name, ident) for ident, name in queries.items()] + noise
                dice.shuffle(packets)
                for packet in packets:
                    client.send(packet)
                while queries:
                    reply = dns.message.from_wire((await client.receive())[0])
                    name = queries.pop(reply.id)
                    assert str(reply.question[0].name) == f"{name}."
                    data = "0.0.0.0" if "ads" in name else "192.0.2.7"
                    assert [str(rdata) for rrset in reply.answer for rdata in rrset] == [data]
        assert len(edge.told()) == 8 * 50
        assert edge.engine.not_queries == 8 * len(noise)
        (listener,) = edge.plane.listeners
        assert listener.datagrams == 3 + 8 * (50 + len(noise))


async def test_more_than_one_wake_up_takes_is_answered_all_the_same():
    async with an_edge(blocks=BLOCKS) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for ident in range(600):
                client.send(numbered("x.ads.example", ident))
            assert {int.from_bytes((await client.receive())[0][:2], "big") for _ in range(600)} == set(range(600))
        assert len(edge.told()) == 600


async def test_many_clients_in_one_batch_get_their_own_answers():
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.bind("127.0.0.1")
        clients = [UdpClient(at, f"127.0.1.{number}") for number in range(1, 31)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.send(numbered(f"n{number % 4}.ads.example", turn * 100 + number))
            for number, client in enumerate(clients):
                reply = dns.message.from_wire((await client.receive())[0])
                assert (reply.id, str(reply.question[0].name)) == (turn * 100 + number, f"n{number % 4}.ads.example.")
        for client in clients:
            client.socket.close()
        told = edge.told()
        assert {record.client for record in told} == {bytes((127, 0, 1, number)) for number in range(1, 31)}
        assert len(told) == 90


async def test_what_is_longer_than_any_query_is_a_malformed_one():
    async with an_edge() as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for size in (4097, 4104, 4105, 9000, 60_000):
                reply = await client.ask(query("www.example", edns=False) + bytes(size - 29))
                assert reply.rcode() == dns.rcode.FORMERR


async def test_a_stranger_gets_no_answer():
    async with an_edge(blocks=BLOCKS, allow_from=["127.0.0.1/32"]) as edge:
        at = edge.bind("127.0.0.1")
        with UdpClient(at, "127.0.0.9") as stranger, UdpClient(at) as client:
            for ident in range(5):
                stranger.send(numbered("x.ads.example", ident))
            await client.ask(query("x.ads.example"))
            await client.ask(query("x.ads.example"))
            stranger.send(numbered("x.ads.example", 99))
            await client.ask(query("x.ads.example"))
            with pytest.raises(BlockingIOError):
                stranger.socket.recv(512)
        outcomes = [record.subject.outcome for record in edge.told()]
        assert (outcomes.count(Outcome.DROPPED), outcomes.count(Outcome.BLOCKED)) == (6, 3)


async def test_a_truncated_answer_comes_with_tc():
    async with (
        a_nameserver(
            lambda heard: heard.reply(*(f"{heard.name} 300 A 192.0.2.{number}" for number in range(60)))
        ) as upstream,
        an_edge(upstream.at) as edge,
    ):
        with UdpClient(edge.bind("127.0.0.1")) as client:
            for _ in range(2):
                reply = await client.ask(query("www.example", payload=512))
                assert reply.flags & dns.flags.TC
                assert not reply.answer
            assert len((await client.ask(query("www.example"))).answer[0]) == 60


async def test_what_has_come_by_the_end_is_answered_and_no_more():
    async with an_edge(blocks=BLOCKS) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            client.send(numbered("x.ads.example", 1))
            edge.plane.stop_reading()
            client.send(numbered("x.ads.example", 2))
            assert (await client.receive())[0][:2] == b"\0\1"
        assert len(edge.told()) == 1


async def test_who_still_waits_at_the_end_is_told():
    async with a_nameserver(silence) as upstream, an_edge(upstream.at) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            client.send(query("www.example"))
            await until(lambda: upstream.heard)
            edge.close()
            reply = dns.message.from_wire((await client.receive())[0])
            assert ede(reply) == [(0, "the resolver is stopping")]


async def test_a_reply_that_the_kernel_refuses_is_counted_and_takes_nothing_along(system):
    async with an_edge(blocks=BLOCKS) as edge:
        at = edge.bind("127.0.0.1")
        (listener,) = edge.plane.listeners
        with UdpClient(at) as client:
            nowhere = ("127.0.0.1", 0)
            name = b"\2\0" + bytes(2) + address("127.0.0.1") + bytes(8)
            listener.reply(
                (listener, nowhere if system == "portable" else name, [] if system == "portable" else b""), b"x" * 12
            )
            client.send(query("x.ads.example", ident=7))
            assert (await client.receive())[0][:2] == b"\0\7"
        assert listener.lost == 1


async def test_the_fastest_listener_there_is_is_taken(system):
    async with an_edge() as edge:
        edge.bind("127.0.0.1")
        kind = {"fast": UdpListener, "portable": PortableUdpListener}[system]
        assert type(edge.plane.listeners[0]) is kind


async def test_the_portable_listener_can_be_asked_for():
    async with an_edge() as edge:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            assert type(make_listener(sock, edge.plane, portable=True)) is PortableUdpListener


def test_the_interface_of_arrival_is_left_out():
    """The route decides how the answer leaves."""
    v4 = (socket.IPPROTO_IP, 8, b"\7\0\0\0" + address("127.0.0.2") * 2)
    v6 = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address("::1") + b"\7\0\0\0")
    assert without_interface([v4, v6, (socket.SOL_SOCKET, 29, b"x" * 16)]) == [
        (socket.IPPROTO_IP, 8, bytes(4) + address("127.0.0.2") * 2),
        (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address("::1") + bytes(4)),
    ]
