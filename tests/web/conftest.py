"""A browser, a server and a page for every test of the dashboard."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.web.browser import browser, find_browser
from tests.web.server import PASSWORD, USER, Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BROWSED = {"page", "visit", "chromium", "phone"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a browser share it, and so its loop; where there is none they are skipped."""
    for item in items:
        if item.path.parent == HERE and BROWSED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.live)
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)
            if find_browser() is None:
                item.add_marker(pytest.mark.skip(reason="no chromium here; set MIRAGE_HOLE_BROWSER to one"))


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The dashboard is built of the sources that are here; nothing happens when it is already."""
    with FileLock(ROOT / "web" / ".dist.lock"):  # several workers begin at once
        subprocess.run([sys.executable, str(ROOT / "hatch_build.py")], check=True, timeout=900)


@pytest.fixture(scope="module")
def real_lists() -> tuple[Path, ...]:
    """Files of real lists; none where there are none."""
    shared = Path(os.environ.get("MIRAGE_HOLE_SHARED", ROOT.parent / "shared")) / "lists"
    names = ("adblock/oisd-small.txt", "hosts/blocklistproject-basic.txt")
    return tuple(shared / name for name in names if (shared / name).is_file())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, real_lists: tuple[Path, ...]) -> Iterator[Server]:
    """A server with real lists where there are any, an admin, and some queries of some devices."""
    with serving(tmp_path_factory.mktemp("server"), lists=real_lists) as one:
        one.live_a_little()
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Any]:
    """The browser. Playwright waits longer than usual for what is expected, as the machine may be busy."""
    from playwright.async_api import expect

    expect.set_options(timeout=20_000)
    async with browser() as running:
        yield running


class FileLock:
    """One process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Visit:
    """A page in a context of its own, and everything it complained about."""

    def __init__(self, context: Any, page: Any, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda problem: self.complaints.append(str(problem)))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def expects(self, *parts: str) -> None:
        """Take out complaints that a test meant to cause."""
        self.complaints = [one for one in self.complaints if not any(part in one for part in parts)]

    async def login(self, name: str = USER, password: str = PASSWORD) -> None:
        """As a person does it."""
        await self.page.goto(self.url)
        await self.page.get_by_label("Name", exact=True).fill(name)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.page.get_by_role("button", name="Log in", exact=True).click()
        await self.page.get_by_role("heading", level=1, name="Overview").wait_for()
        self.expects("401")  # the first look found nobody logged in


async def visiting(running: Any, url: str, **options: Any) -> Visit:
    """A new context with one page. ``options``: of Playwright's ``new_context``."""
    defaults = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "viewport": {"width": 1360, "height": 900}}
    context = await running.new_context(**{**defaults, **options})
    return Visit(context, await context.new_page(), url)


@pytest_asyncio.fixture(loop_scope="module")
async def visit(chromium: Any, server: Server) -> AsyncIterator[Visit]:
    """Somebody who has logged in; complaints of the page fail the test."""
    one = await visiting(chromium, server.url)
    await one.login()
    yield one
    await one.context.close()
    assert one.complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(visit: Visit) -> Any:
    """The page of ``visit``."""
    return visit.page
