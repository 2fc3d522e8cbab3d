"""The dashboard's files: read once at the start, from the wheel or from the checkout, and served from memory.

The dashboard is one page that shows many: each of ``VIEWS`` is an address of its own, and all of them are ``index.html``.
"""

from __future__ import annotations

import gzip
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from aiohttp import web

from mirage_hole.api.packing import wants_gzip

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
PACKED: Final = frozenset({".html", ".js", ".css", ".svg", ".webmanifest"})
MAX_FILE: Final = 1024 * 1024
INDEX: Final = "index.html"
ADDRESSES: Final = {INDEX: "/", "api.html": "/api/docs"}
"""Of the files that are served elsewhere than under their name."""
VIEWS: Final = (
    "queries", "lists", "rules", "clients", "records", "upstreams", "tools", "settings", "guide", "welcome", "changes",
)  # fmt: skip
"""First parts of the addresses that the page itself makes sense of; web/src/app/routes.ts has the same."""
ASSETS: Final = "/assets/"
"""Files whose names have the hash of what is in them, so they never change."""


class Page(NamedTuple):
    """One file."""

    body: bytes
    packed: bytes | None
    """With gzip; None when that saves nothing."""
    content_type: str
    etag: str
    """An entity tag (RFC 9110 8.8.3), with its quotes."""
    lasting: bool
    """Whether a browser may keep it without ever asking again."""


def web_directory() -> Path | None:
    """Where the built dashboard lies: in the wheel, else in the checkout; None when in neither."""
    package = Path(__file__).parents[1]
    candidates = (package / "_web", package.parent / "web" / "dist")
    return next((path for path in candidates if (path / INDEX).is_file()), None)


def load_pages(directory: Path | None) -> dict[str, Page]:
    """The files by the path they are served at; ``/`` is ``index.html``. Other kinds and oversized files are left out."""
    pages = {}
    for path in sorted(directory.rglob("*")) if directory else ():
        kind = KINDS.get(path.suffix)
        if kind is None or not path.is_file() or path.stat().st_size > MAX_FILE:
            continue
        name = path.relative_to(directory or path).as_posix()
        served_at = ADDRESSES.get(name, f"/{name}")
        pages[served_at] = _page(path.read_bytes(), path.suffix, lasting=served_at.startswith(ASSETS))
    return pages


def _page(body: bytes, suffix: str, *, lasting: bool) -> Page:
    packed = gzip.compress(body, 6, mtime=0) if suffix in PACKED else None
    if packed is not None and len(packed) >= len(body):
        packed = None
    return Page(body, packed, KINDS[suffix], f'"{sha256(body).hexdigest()[:20]}"', lasting)


def missing_page() -> Page:
    """What stands in for a dashboard that was not built."""
    body = (
        b"<!doctype html><html lang=en><meta charset=utf-8><title>Mirage Hole</title>"
        b"<h1>The dashboard was not built</h1><p>DNS and the API work. <code>python hatch_build.py</code> in the sources "
        b"builds it; it needs Node 20.19 or newer.<p><a href=/api/v1/openapi.json>The API</a>"
    )
    return _page(body, ".html", lasting=False)


def add_pages(router: web.UrlDispatcher, pages: dict[str, Page]) -> None:
    """Serve the files, and ``index.html`` at the address of every view."""
    for path, page in pages.items():
        router.add_get(path, page_handler(page), allow_head=False)
    shell = page_handler(pages["/"] if "/" in pages else missing_page())
    if "/" not in pages:
        router.add_get("/", shell, allow_head=False)
    for view in VIEWS:
        router.add_get(f"/{view}", shell, allow_head=False)
        router.add_get(f"/{view}/{{rest:[^/]{{1,300}}(/[^/]{{1,300}})?}}", shell, allow_head=False)


def page_handler(page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Serves one file; a browser that has it is told so."""
    keep = "public, max-age=31536000, immutable" if page.lasting else "no-cache"
    headers = {"ETag": page.etag, "Cache-Control": keep, "Vary": "Accept-Encoding"}

    async def serve(request: web.Request) -> web.StreamResponse:
        known = request.headers.get("If-None-Match", "")
        if page.etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
            return web.Response(status=304, headers=headers)
        if page.packed is not None and wants_gzip(request):
            packed = {
                **headers,
                "ETag": f"W/{page.etag}",
                "Content-Encoding": "gzip",
                "Content-Type": page.content_type,
            }
            return web.Response(body=page.packed, headers=packed)
        return web.Response(body=page.body, headers={**headers, "Content-Type": page.content_type})

    return serve
