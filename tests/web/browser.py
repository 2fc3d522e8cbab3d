"""A headless browser for tests: the system's chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Its path: ``MIRAGE_HOLE_BROWSER``, or the first of the usual names."""
    return os.environ.get("MIRAGE_HOLE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


@asynccontextmanager
async def browser() -> AsyncIterator[Any]:
    """A running browser."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=find_browser(), args=list(ARGUMENTS))
        try:
            yield running
        finally:
            await running.close()
