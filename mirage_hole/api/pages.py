"""The dashboard's files: read once at the start, from the checkout or from the wheel, and served from memory."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
MAX_FILE = 256 * 1024
INDEX = "index.html"
ADDRESSES = {INDEX: "/", "api.html": "/api/docs"}
"""Of the files that are served elsewhere than under their name."""


class Page(NamedTuple):
    """One file."""

    body: bytes
    content_type: str
    etag: str
    """An entity tag (RFC 9110 8.8.3), with its quotes."""


def web_directory() -> Path | None:
    """Where the dashboard lies: in the wheel, else at the root of the checkout; None when in neither."""
    package = Path(__file__).parents[1]
    candidates = (package / "_web", package.parent / "web")
    return next((path for path in candidates if (path / INDEX).is_file()), None)


def load_pages(directory: Path | None) -> dict[str, Page]:
    """The files by the path they are served at; ``/`` is ``index.html``. Other kinds and oversized files are left out."""
    pages = {}
    for path in sorted(directory.iterdir()) if directory else ():
        kind = KINDS.get(path.suffix)
        if kind is None or not path.is_file() or path.stat().st_size > MAX_FILE:
            continue
        body = path.read_bytes()
        served_at = ADDRESSES.get(path.name, f"/{path.name}")
        pages[served_at] = Page(body, kind, f'"{sha256(body).hexdigest()[:20]}"')
    return pages


def page_handler(page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Serves one file; a browser that has it is told so."""
    headers = {"Content-Type": page.content_type, "ETag": page.etag, "Cache-Control": "no-cache"}

    async def serve(request: web.Request) -> web.StreamResponse:
        known = request.headers.get("If-None-Match", "")
        if page.etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
            return web.Response(status=304, headers={"ETag": page.etag, "Cache-Control": "no-cache"})
        return web.Response(body=page.body, headers=headers)

    return serve
