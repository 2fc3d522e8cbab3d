"""One question is asked of this server or an upstream, and of nobody else; whatever comes back is told."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.lookup import Question
from mirage_hole.runtime import lookups
from mirage_hole.runtime.lookups import AT_ONCE, Lookups, query_of
from tests.cli.server import a_server, response_to
from tests.runtime.settings import a_settled

if TYPE_CHECKING:
    from pathlib import Path


async def test_this_server_is_asked_as_a_client_would(tmp_path: Path) -> None:
    with a_server(lambda query, _: response_to(query).to_wire()) as server:
        asker = Lookups(lambda: a_settled(tmp_path), lambda: [server.endpoint])
        found = await asker.look_up(Question(name="www.example.com"))
    assert (found.server, found.problem, found.transport, found.truncated) == (str(server.endpoint), "", "UDP", False)
    assert found.reply is not None
    assert [(one.name, one.type) for one in found.reply.question] == [("www.example.com.", "A")]
    assert "qr" in found.reply.flags
    assert found.size == len(bytes.fromhex(found.raw))


async def test_an_upstream_is_asked_by_its_address(tmp_path: Path) -> None:
    with a_server(lambda query, _: response_to(query).to_wire()) as server:
        asker = Lookups(lambda: a_settled(tmp_path, upstreams=(server.endpoint,)), list)
        found = await asker.look_up(Question(name="example.com", upstream=str(server.endpoint), transport="tcp"))
    assert (found.server, found.transport) == (str(server.endpoint), "TCP")


@pytest.mark.parametrize("other", ["8.8.8.8:53", "127.0.0.1", "localhost", "[::1]:53", "127.0.0.1:53 "])
async def test_nobody_else_is_asked(tmp_path: Path, other: str) -> None:
    with a_server(lambda query, _: response_to(query).to_wire()) as server:
        asker = Lookups(lambda: a_settled(tmp_path, upstreams=(server.endpoint,)), lambda: [server.endpoint])
        with pytest.raises(Refusal) as caught:
            await asker.look_up(Question(name="example.com", upstream=other))
    assert caught.value.status == 404


def test_a_question_has_the_flags_that_were_wished_for() -> None:
    plain = dns.message.from_wire(query_of(Question(name="example.com", recursion=False, payload=0, dnssec=True)))
    assert (plain.flags, plain.edns) == (0, -1)
    full = dns.message.from_wire(
        query_of(Question(name="Bücher.example", type="TYPE65", dnssec=True, unchecked=True, payload=4096))
    )
    assert full.flags == dns.flags.RD | dns.flags.CD
    assert (full.payload, bool(full.ednsflags & dns.flags.DO)) == (4096, True)
    assert str(full.question[0]) == "xn--bcher-kva.example. IN HTTPS"


async def test_an_error_is_told_with_its_reason(tmp_path: Path) -> None:
    def blocked(query: bytes, _transport: str) -> bytes:
        response = response_to(query)
        response.set_rcode(dns.rcode.NXDOMAIN)
        response.use_edns(0, options=[dns.edns.EDEOption(15, "on a list")])
        return response.to_wire()

    with a_server(blocked) as server:
        found = await Lookups(lambda: a_settled(tmp_path), lambda: [server.endpoint]).look_up(
            Question(name="ads.example")
        )
    assert found.reply is not None
    assert found.reply.rcode == "NXDOMAIN"
    assert found.reply.edns is not None
    assert [(one.code, one.title, one.text) for one in found.reply.edns.errors] == [(15, "Blocked", "on a list")]


async def test_no_answer_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "TIMEOUT", 0.2)
    with a_server(lambda *_: None) as server:
        found = await Lookups(lambda: a_settled(tmp_path), lambda: [server.endpoint]).look_up(
            Question(name="example.com")
        )
    assert "no answer" in found.problem
    assert (found.reply, found.transport, found.raw, found.milliseconds) == (None, "", "", None)
    assert dns.message.from_wire(bytes.fromhex(found.sent)).question


async def test_an_answer_that_can_not_be_read_is_shown_as_it_came(tmp_path: Path) -> None:
    def broken(query: bytes, _transport: str) -> bytes:
        wire = bytearray(response_to(query).to_wire())
        wire[7] = 9  # so many answers that are not there
        return bytes(wire)

    with a_server(broken) as server:
        found = await Lookups(lambda: a_settled(tmp_path), lambda: [server.endpoint]).look_up(
            Question(name="example.com")
        )
    assert "no readable message" in found.problem
    assert found.reply is None
    assert found.size == len(bytes.fromhex(found.raw)) > 0


async def test_more_than_a_few_at_once_are_told_to_wait(tmp_path: Path) -> None:
    go_on = threading.Event()

    def late(query: bytes, _transport: str) -> bytes:
        go_on.wait(10)
        return response_to(query).to_wire()

    with a_server(late) as server:
        asker = Lookups(lambda: a_settled(tmp_path), lambda: [server.endpoint])
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(asker.look_up(Question(name="example.com")))
            await asyncio.sleep(0)
            with pytest.raises(Refusal) as caught:
                await asker.look_up(Question(name="example.com"))
            go_on.set()
    assert caught.value.status == 503
