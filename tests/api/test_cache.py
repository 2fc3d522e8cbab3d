"""``/api/v1/cache``: what the workers remember, and what becomes of bad parameters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from mirage_hole.runtime.cache_commands import CacheCommands
from mirage_hole.runtime.cache_service import CacheService
from mirage_hole.runtime.gathering import Gathered
from tests.api.serving import a_state, get, get_json, serving
from tests.api.test_document import fields, section
from tests.make import Conversation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class OneWorker:
    """A worker that has an answer and a failure, asked in this process; and one that says nothing."""

    def __init__(self) -> None:
        conversation = Conversation()
        conversation.now = time.monotonic()
        conversation.learn("www.example.com", "www.example.com 300 A 192.0.2.7")
        conversation.learn("bad.example.org", rcode="SERVFAIL", ede=(9, "no key"))
        self.commands = CacheCommands(conversation.engine, lambda: None)

    async def gather(self, message: dict[str, Any]) -> Gathered:
        said = await self.commands.show(message["name"], message["limit"], subtree=message["subtree"])
        return Gathered({0: orjson.loads(orjson.dumps(said))}, (3,))


def a_cache() -> Callable[[str, int, bool], Awaitable[dict[str, Any]]]:
    service = CacheService(OneWorker())
    return lambda name, limit, subtree: service.show(name, limit, subtree=subtree)


async def test_it_tells_what_is_remembered_and_who_said_nothing() -> None:
    async with serving(a_state(cache=a_cache())) as url:
        told = await get_json(f"{url}/api/v1/cache")
    assert (told["found"], told["workers"], told["silent"]) == (2, 1, [3])
    answer, failure = told["entries"]
    assert (answer["name"], answer["type"], answer["kind"], answer["rcode"]) == (
        "www.example.com", "A", "answer", "NOERROR",
    )  # fmt: skip
    assert answer["records"][0].startswith("www.example.com. ")
    assert answer["records"][0].endswith(" IN A 192.0.2.7")
    assert 290 < answer["ttl"] <= 300
    assert (failure["name"], failure["kind"], failure["rcode"]) == ("bad.example.org", "failure", "SERVFAIL")
    assert failure["errors"] == [{"code": 9, "text": "no key"}]


async def test_it_can_be_asked_for_a_name_and_for_less() -> None:
    async with serving(a_state(cache=a_cache())) as url:
        for query, names in (
            ("name=example.com", []),
            ("name=example.com&subtree=1", ["www.example.com"]),
            ("name=WWW.Example.com.", ["www.example.com"]),
            ("limit=1", ["bad.example.org"]),
        ):
            told = await get_json(f"{url}/api/v1/cache?{query}")
            assert [entry["name"] for entry in told["entries"]] == names, query


async def test_every_field_is_described() -> None:
    async with serving(a_state(cache=a_cache())) as url:
        told = await get_json(f"{url}/api/v1/cache")
    assert not set(fields(told)) - section("/api/v1/cache")


async def test_bad_parameters_are_refused_all_at_once() -> None:
    async with serving(a_state(cache=a_cache())) as url:
        status, _, body = await get(f"{url}/api/v1/cache?name=a..b&subtree=yes&limit=0")
    assert status == 400
    assert {fault["where"] for fault in orjson.loads(body)["problems"]} == {"name", "subtree", "limit"}


async def test_before_there_are_workers_it_says_so() -> None:
    async with serving(a_state()) as url:
        status, headers, _ = await get(f"{url}/api/v1/cache")
    assert (status, headers["Retry-After"]) == (503, "5")
