"""The dashboard's files as a browser gets them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mirage_hole.api.pages import VIEWS, add_pages, load_pages, web_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

INDEX = b"<!doctype html><title>Mirage Hole</title>" + b"<p>shell</p>" * 50


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(INDEX)
    (tmp_path / "api.html").write_bytes(b"<p>the API</p>")
    (tmp_path / "assets" / "index-1a2b3c.js").write_bytes(b"console.log(1);" * 100)
    (tmp_path / "icon-192.png").write_bytes(b"\x89PNG" + bytes(range(256)))
    (tmp_path / ".source-hash").write_text("x")
    (tmp_path / "notes.txt").write_text("not for browsers")
    (tmp_path / "assets" / "huge.js").write_bytes(b" " * (1024 * 1024 + 1))
    return tmp_path


@pytest.fixture
async def url(built: Path) -> AsyncIterator[str]:
    app = web.Application()
    add_pages(app.router, load_pages(built))
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def get(address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(address, headers={"Accept-Encoding": "identity", **named}) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.read()


@pytest.mark.parametrize("view", ["", *VIEWS, "settings/users", "clients/fd7a%3A%3A1", "lists/a/b"])
async def test_every_view_is_the_one_page(url: str, view: str) -> None:
    status, headers, body = await get(f"{url}/{view}")
    assert (status, body) == (200, INDEX)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/nonsense", "/queriesx", "/lists/a/b/c", "/.source-hash", "/notes.txt", "/index.html", "/assets/", "/assets/huge.js"])  # fmt: skip
async def test_what_is_no_view_and_no_file_of_a_known_kind_is_not_there(url: str, path: str) -> None:
    assert (await get(url + path))[0] == 404


async def test_files_with_a_hash_in_their_name_are_kept_for_good(url: str) -> None:
    _, headers, _ = await get(f"{url}/assets/index-1a2b3c.js")
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"


async def test_who_takes_gzip_gets_the_same_with_gzip(url: str) -> None:
    _, plain_headers, plain = await get(f"{url}/assets/index-1a2b3c.js")
    _, headers, packed = await get(f"{url}/assets/index-1a2b3c.js", Accept_Encoding="br;q=1, gzip;q=0.8")
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Vary"] == plain_headers["Vary"] == "Accept-Encoding"
    assert len(packed) < len(plain) == len(gzip.decompress(packed))
    assert gzip.decompress(packed) == plain


async def test_pictures_are_not_packed_twice(url: str) -> None:
    _, headers, _ = await get(f"{url}/icon-192.png", Accept_Encoding="gzip")
    assert "Content-Encoding" not in headers


async def test_a_browser_that_has_it_is_told_so(url: str) -> None:
    _, headers, _ = await get(f"{url}/", Accept_Encoding="gzip")
    status, again, body = await get(f"{url}/", If_None_Match=headers["Etag"])
    assert (status, body) == (304, b"")
    assert again["Cache-Control"] == "no-cache"
    assert (await get(f"{url}/", If_None_Match='"other"'))[0] == 200


async def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    app = web.Application()
    add_pages(app.router, load_pages(tmp_path))
    async with TestServer(app) as server:
        status, _, body = await get(str(server.make_url("/queries")))
    assert status == 200
    assert b"hatch_build.py" in body
    assert load_pages(None) == {}


def test_the_dashboard_is_found_beside_the_sources_or_in_the_wheel() -> None:
    found = web_directory()
    assert found is not None
    assert found.name in {"dist", "_web"}
    assert "/" in load_pages(found)
