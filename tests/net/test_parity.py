"""Two listeners, one behaviour."""

from __future__ import annotations

import random

import pytest

from mirage_hole.net import mmsg
from tests.make import query
from tests.nameserver import a_nameserver
from tests.net.edge import UdpClient, an_edge


@pytest.mark.skipif(not mmsg.supported(), reason="this system has only one listener")
async def test_both_listeners_do_the_same(monkeypatch):
    """The same datagrams, the same replies to the octet, the same records."""
    dice = random.Random(11)
    names = ["x.ads.example", "y.ads.example", "www.example", "WWW.example", "other.example"]
    packets = [
        query(dice.choice(names), dice.choice(["A", "AAAA"]), ident=ident, edns=dice.random() < 0.7)
        for ident in range(200)
    ]
    packets += [b"", b"\1\2\3", bytes(12), packets[0][:20], packets[1] + b"x"]
    seen = []
    for supported in (True, False):
        with monkeypatch.context() as patch:
            if not supported:
                patch.setattr(mmsg, "supported", lambda: False)
            async with a_nameserver() as upstream, an_edge(upstream.at, blocks=["||ads.example^"]) as edge:
                replies = []
                with UdpClient(edge.bind("127.0.0.1")) as client:
                    for packet in packets:
                        client.send(packet)
                        if len(packet) >= 12:
                            replies.append((await client.receive())[0])
                records = [(told.client, told.transport, told.subject) for told in edge.told()]
                (listener,) = edge.plane.listeners
                seen.append((replies, records, listener.datagrams, listener.replayed, edge.engine.not_queries))
    assert seen[0] == seen[1]
    assert seen[0][3] > 100
