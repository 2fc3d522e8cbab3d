"""Names that get no answer at all: nothing is sent, and a stream ends with the answers that are due."""

from __future__ import annotations

import dns.message

from mirage_hole.lists.rule import Reply
from mirage_hole.policy.verdict import Outcome
from tests.flow.rich_rules import block, policy_of
from tests.make import query
from tests.nameserver import a_nameserver
from tests.net.edge import UdpClient, an_edge, connected, numbered, until

RULES = policy_of([block("drop.example", Reply.DROP), block("ads.example")])


async def test_over_udp_nothing_is_sent_for_a_dropped_name():
    async with an_edge(rules=RULES) as edge:
        with UdpClient(edge.bind("127.0.0.1")) as client:
            client.send(numbered("drop.example", 1))
            client.send(numbered("ads.example", 2))
            reply, _ = await client.receive()
            assert int.from_bytes(reply[:2], "big") == 2
        assert [told.subject.outcome for told in edge.told()] == [Outcome.BLOCKED] * 2


async def test_over_tcp_a_dropped_name_ends_the_stream():
    async with an_edge(rules=RULES) as edge, connected(edge.accept()) as client:
        await client.send(query("drop.example"))
        assert await client.ended()
        await until(lambda: not edge.tcp.connections)
        assert [told.subject.outcome for told in edge.told()] == [Outcome.BLOCKED]


async def test_what_was_asked_before_a_dropped_name_is_answered_and_what_comes_after_is_not():
    held = []
    async with (
        a_nameserver(held.append) as upstream,
        an_edge(upstream.at, rules=RULES) as edge,
        connected(edge.accept()) as client,
    ):
        await client.send(numbered("slow.example", 1))
        await until(lambda: held)
        await client.send(numbered("drop.example", 2))
        await until(lambda: len(edge.told()) == 1)
        await client.send(numbered("ads.example", 3))
        held[0].reply("slow.example 60 A 192.0.2.7")
        assert dns.message.from_wire(await client.receive()).id == 1
        assert await client.ended()
        await until(lambda: not edge.tcp.connections)
        assert [told.subject.outcome for told in edge.told()] == [Outcome.BLOCKED, Outcome.FORWARDED]
