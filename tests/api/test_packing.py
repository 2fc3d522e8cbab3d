"""Answers and streams with gzip."""

from __future__ import annotations

import gzip
import zlib

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from mirage_hole.api.limits import Limits
from mirage_hole.api.packing import AT_ONCE, StreamPacker, packed, packed_tag, plain_tags, takes_gzip
from tests.api.serving import a_state, a_status, listening, serving

GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


async def get(address: str, headers: dict[str, str]) -> tuple[int, CIMultiDict[str], bytes]:
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(address, headers=headers) as answer:
        return answer.status, CIMultiDict(answer.headers), await answer.read()


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [("gzip", True), ("GZIP, deflate", True), ("br, gzip;q=0.1", True), ("gzip;q=0", False), ("gzip; q=0.000", False), ("", False), ("x-gzip2", False), ("identity", False)],
)  # fmt: skip
def test_gzip_is_for_those_who_take_it(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken


async def test_a_long_answer_is_packed_for_those_who_take_it() -> None:
    lists = [a_status(f"List {number}", f"https://lists.example/{number}") for number in range(50)]
    async with serving(a_state(lists=lambda: lists)) as url:
        _, plain_headers, plain = await get(f"{url}/api/v1/lists", PLAIN)
        _, headers, short = await get(f"{url}/api/v1/lists", GZIP)
    assert "Content-Encoding" not in plain_headers
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(short))
    assert headers["Vary"] == plain_headers["Vary"] == "Accept-Encoding"
    assert len(short) * 5 < len(plain)
    assert orjson.loads(gzip.decompress(short)) == orjson.loads(plain)


async def test_a_short_answer_is_left_alone() -> None:
    async with serving(a_state()) as url:
        _, headers, body = await get(f"{url}/healthz", GZIP)
    assert "Content-Encoding" not in headers
    assert orjson.loads(body)


async def test_each_of_the_two_has_a_tag_and_both_are_known_again() -> None:
    lists = [a_status(f"List {number}", f"https://lists.example/{number}") for number in range(50)]
    async with serving(a_state(lists=lambda: lists)) as url:
        tags = {(await get(f"{url}/api/v1/lists", how))[1]["ETag"] for how in (PLAIN, GZIP)}
        assert len(tags) == 2
        for tag in tags:
            for how in (PLAIN, GZIP):
                for known in (tag, f"W/{tag}"):
                    status, headers, _ = await get(f"{url}/api/v1/lists", {**how, "If-None-Match": known})
                    assert (status, headers["Vary"]) == (304, "Accept-Encoding")


@pytest.mark.parametrize("size", [0, 1, AT_ONCE, AT_ONCE + 1])
async def test_packing_loses_nothing(size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    assert gzip.decompress(await packed(body)) == body


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_each_part_of_a_packed_stream_can_be_read_at_once(parts: list[bytes]) -> None:
    packer, reader = StreamPacker(), zlib.decompressobj(zlib.MAX_WBITS | 16)
    for part in parts:
        assert reader.decompress(packer.pack(part)) == part


async def test_the_live_stream_is_packed_for_those_who_take_it() -> None:
    for how, coding in ((GZIP, "gzip"), (PLAIN, None)):
        async with serving(a_state(), Limits(tick=0.02)) as url, listening(url, headers=how) as listener:
            assert listener.response.headers.get("Content-Encoding") == coding
            assert (await listener.until("counts"))[0]["totals"]["queries"] == 5


def test_a_tag_with_gzip_is_taken_for_the_one_without() -> None:
    assert packed_tag('"1a2b"') == '"1a2b-gzip"'
    assert plain_tags('"1a2b-gzip", "3c",*') == ['"1a2b"', '"3c"', "*"]
