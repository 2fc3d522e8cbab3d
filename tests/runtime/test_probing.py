"""Upstreams are asked directly for the API: only configured ones, and a few at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from mirage_hole.api.problems import Refusal
from mirage_hole.runtime.probing import AT_ONCE, Probing
from tests.cli.server import a_server, response_to
from tests.runtime.settings import a_settled

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_upstream_tells_what_it_can_do(tmp_path: Path) -> None:
    with a_server(lambda query, _: response_to(query).to_wire()) as server:
        probing = Probing(lambda: a_settled(tmp_path, upstreams=(server.endpoint,)))
        tested = await probing.test(0)
    assert (tested.server, tested.ok) == (str(server.endpoint), True)
    assert [step.what for step in tested.steps] == ["UDP", "TCP", "DNSSEC", "large", "spelling"]
    assert all(step.milliseconds is not None for step in tested.steps)


async def test_only_configured_upstreams_are_asked(tmp_path: Path) -> None:
    with a_server(lambda query, _: response_to(query).to_wire()) as server:
        probing = Probing(lambda: a_settled(tmp_path, upstreams=(server.endpoint,)))
        with pytest.raises(Refusal) as caught:
            await probing.test(1)
    assert caught.value.status == 404


async def test_more_than_a_few_at_once_are_told_to_wait(tmp_path: Path) -> None:
    go_on = threading.Event()

    def late(query: bytes, _transport: str) -> bytes:
        go_on.wait(10)
        return response_to(query).to_wire()

    with a_server(late) as server:
        probing = Probing(lambda: a_settled(tmp_path, upstreams=(server.endpoint,)))
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(probing.test(0))
            await asyncio.sleep(0)
            with pytest.raises(Refusal) as caught:
                await probing.test(0)
            go_on.set()
    assert caught.value.status == 503
