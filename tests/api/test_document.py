from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage_hole.api.v1.routes import ALL_ROUTES
from tests.api.serving import a_state, get_json, listening, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def section(path: str) -> set[str]:
    """Everything in code type below a resource's heading."""
    body = DOCUMENT.split(f"\n## `{path}`\n")[1].split("\n## ")[0]
    return set(re.findall(r"`([\w.]+)`", body))


def fields(value: Any, *, above: str = "") -> Iterator[str]:
    """Every field name; what is below types, codes and transports is data."""
    if isinstance(value, dict) and above not in {"types", "rcodes", "transports"}:
        for name, inner in value.items():
            yield name
            yield from fields(inner, above=name)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, above=above)


async def test_every_field_of_every_answer_is_described() -> None:
    async with serving(a_state()) as url:
        for path in ("/api/v1/stats", "/api/v1/queries", "/api/v1/lists", "/api/v1/explain"):
            query = "?name=ads.example" if path.endswith("explain") else ""
            missing = set(fields(await get_json(url + path + query))) - section(path)
            assert not missing, path
        assert set(await get_json(f"{url}/healthz")) <= set(re.findall(r'"(\w+)":', DOCUMENT.split("## `/healthz`")[1]))


async def test_every_event_of_the_stream_is_described() -> None:
    async with serving(a_state(pause=lambda: {"paused": False})) as url, listening(url) as listener:
        seen = set()
        while "lists" not in seen:
            event, data, _ = await listener.event()
            seen.add(event)
            if event == "hello":
                assert set(data) <= section("/api/v1/events")
    assert seen | {"ping"} == set(re.findall(r"^\| `(\w+)` \|", DOCUMENT.split("## `/api/v1/events`")[1], re.M)[:9])


def test_every_route_is_described() -> None:
    """With or without what is before it, and with any word in the place of a variable."""
    missing = []
    for route in ALL_ROUTES:
        path = re.sub(r"\\{\w+\\}", r"[^\\s/`]+", re.escape(route.path.removeprefix("/api/v1")))
        if not re.search(rf"[`1 ]{path}[`?]", DOCUMENT):
            missing.append(route.path)
    assert not missing
