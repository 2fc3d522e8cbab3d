"""Showing and forgetting in one worker: by name, by subtree, and within the bounds of a message."""

from __future__ import annotations

import base64
import time

import dns.edns
import dns.message
import dns.rdataclass
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.resolver.subnets import subnets_of
from mirage_hole.runtime.cache_commands import MOST_SHOWN, CacheCommands
from mirage_hole.runtime.channel import MAX_MESSAGE
from mirage_hole.wire.names import BadName
from tests.make import Conversation

NAMES = ["example.com", "www.example.com", "a.www.example.com", "xexample.com", "example.org"]


class Known:
    """An engine that knows these names, and counts how often its packets are forgotten."""

    def __init__(self, *names: str) -> None:
        self.conversation = Conversation()
        self.conversation.now = time.monotonic()
        for name in names:
            self.conversation.learn(name, f"{name} 300 A 192.0.2.7")
        self.forgotten = 0
        self.cache = self.conversation.engine.cache
        self.commands = CacheCommands(self.conversation.engine, self._forget)

    def _forget(self) -> None:
        self.forgotten += 1

    async def names(self, name: str = "", *, subtree: bool = False) -> set[str]:
        told = await self.commands.show(name, 1000, subtree=subtree)
        assert told["found"] == len(told["entries"])
        return {entry["name"] for entry in told["entries"]}


@pytest.mark.parametrize(
    ("name", "subtree", "found"),
    [
        ("", False, set(NAMES)),
        (".", True, set(NAMES)),
        (".", False, set()),
        ("com", True, {"example.com", "www.example.com", "a.www.example.com", "xexample.com"}),
        ("example.com", True, {"example.com", "www.example.com", "a.www.example.com"}),
        ("example.com", False, {"example.com"}),
        ("EXAMPLE.com.", False, {"example.com"}),
        ("ample.com", True, set()),
    ],
)
async def test_what_is_shown_is_what_is_flushed(name: str, subtree: bool, found: set[str]) -> None:
    known = Known(*NAMES)
    assert await known.names(name, subtree=subtree) == found
    assert (await known.commands.flush(name, subtree=subtree))["flushed"] == len(found)
    assert known.forgotten == 1
    assert await known.names() == set(NAMES) - found


async def test_a_label_that_only_looks_like_the_end_of_a_name_is_not_below_it() -> None:
    """The octets of ``example.com`` in wire form may stand inside a longer label."""
    known = Known(r"evil\007example\003com.com")
    assert await known.names("example.com", subtree=True) == set()


async def test_failures_are_shown_and_flushed() -> None:
    known = Known()
    known.conversation.learn("bad.example", rcode="SERVFAIL")
    (entry,) = (await known.commands.show("example", 10, subtree=True))["entries"]
    assert (entry["kind"], entry["rcode"], entry["in_a_row"], entry["ttl"]) == ("failure", 2, 1, 5)
    assert (await known.commands.flush("bad.example", subtree=False))["flushed"] == 1
    assert known.conversation.ask("bad.example").asks


async def test_an_old_answer_is_shown_as_such() -> None:
    known = Known("example.com")
    known.cache.older(time.monotonic() + 1, 360.0)
    (entry,) = (await known.commands.show("", 10, subtree=False))["entries"]
    assert entry["stale"]
    assert -62 <= entry["ttl"] <= -59


async def test_the_kinds_of_a_question_are_told_apart() -> None:
    known = Known()
    for how in ({"dnssec": True}, {"flags": "RD CD"}):
        ask = known.conversation.ask("example.com", **how).ask
        known.conversation.answer(ask, "example.com 300 A 192.0.2.7")
    entries = (await known.commands.show("", 10, subtree=False))["entries"]
    assert sorted((entry["dnssec"], entry["unchecked"]) for entry in entries) == [(False, True), (True, False)]


async def test_a_large_cache_fits_into_one_message() -> None:
    known = Known()
    for number in range(1500):
        known.conversation.learn(f"n{number}.example", f'n{number}.example 300 TXT "{"x" * 250}"', qtype="TXT")
    told = await known.commands.show("", 5000, subtree=False)
    assert told["found"] == 1500
    assert 100 < len(told["entries"]) <= MOST_SHOWN
    assert len(orjson.dumps({"is": "cache", "ask": 1, **told})) < MAX_MESSAGE
    assert told["entries"][0]["name"] == "n1499.example"  # the newest


async def test_an_answer_as_long_as_a_message_is_named_without_its_records() -> None:
    known = Known()
    ask = known.conversation.ask("big.example", "TXT", transport="tcp").ask
    known.conversation.answer(ask, *(f'big.example 300 TXT "{number} {"x" * 240}"' for number in range(200)))
    told = await known.commands.show("", 10, subtree=False)
    (entry,) = told["entries"]
    assert entry["message"] == ""
    assert entry["size"] > 50_000


async def test_a_name_that_is_none_is_refused() -> None:
    known = Known("example.com")
    for command in (known.commands.show("a..b", 1, subtree=False), known.commands.flush("a..b", subtree=False)):
        with pytest.raises(BadName):
            await command
    assert len(known.cache) == 1


labels = st.sampled_from(["a", "b", "example", "com", r"x\003com", r"\007example"])


@given(st.lists(labels, min_size=2, max_size=5), st.lists(labels, max_size=3))
async def test_below_is_by_labels(name: list[str], ancestor: list[str]) -> None:
    known = Known(".".join(name) or ".")
    below = not ancestor or name[len(name) - len(ancestor) :] == ancestor if len(name) >= len(ancestor) else False
    assert bool(await known.names(".".join(ancestor) or ".", subtree=True)) == below


async def test_answers_for_one_subnet_are_shown_as_such_and_read_like_others() -> None:
    known = Known("www.example.com")
    talk = known.conversation
    talk.engine.tell_subnets(subnets_of("forward"))
    option = dns.edns.ECSOption("203.0.113.7", 32)
    talk.answer(talk.ask("www.example.com", options=[option]).ask, "www.example.com 300 A 192.0.2.8")
    entries = (await known.commands.show("www.example.com", 10, subtree=False))["entries"]
    assert {entry["subnet"] for entry in entries} == {"", "203.0.113.0/24"}
    for entry in entries:
        (question,) = dns.message.from_wire(base64.b64decode(entry["message"])).question
        assert question.rdclass == dns.rdataclass.IN
    assert (await known.commands.flush("www.example.com", subtree=False))["flushed"] == 2
