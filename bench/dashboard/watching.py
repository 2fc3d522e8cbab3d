"""What a browser notices: octets, times, gaps between frames, memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, Final, NamedTuple

from bench.dashboard.site import PASSWORD, USER

VIEWPORT: Final = {"width": 1280, "height": 860}
WHEEL: Final = 1200
"""Pixels of one turn of the wheel, some 37 rows."""
_SHOWN: Final = "main .u-over"
"""The chart, the last that the overview draws by itself."""

# It is clicked, from the moment that it is there, until the page has done what a click on it does: put it into the address.
FIRST_CLICK: Final = """
window.firstClick = new Promise((done) => addEventListener('DOMContentLoaded', () => {
  const timer = setInterval(() => {
    if (location.search.includes('compare=1')) {
      clearInterval(timer);
      requestAnimationFrame(() => done(performance.now()));
      return;
    }
    const box = document.querySelector('main input[type=checkbox]');
    if (box && !box.checked) box.click();
  }, 5);
}));
"""
FRAMES: Final = """
(milliseconds) => new Promise((done) => {
  const at = [];
  const from = performance.now();
  const frame = () => {
    const now = performance.now(); // the moment of the call: the argument is when it was due
    at.push(now);
    if (now - from < milliseconds) requestAnimationFrame(frame); else done(at);
  };
  requestAnimationFrame(frame);
})
"""


class Octets(NamedTuple):
    """What came over the wire, by kind, with headers except of the stream."""

    requests: int
    files: int
    answers: int
    stream: int


class First(NamedTuple):
    """Milliseconds of one first visit, the browser's cache empty."""

    painted: float
    clicked: float


class Frames(NamedTuple):
    """Milliseconds between frames."""

    gaps: list[float]

    @property
    def a_second(self) -> float:
        """Frames."""
        return 1000 * len(self.gaps) / sum(self.gaps)

    def percentile(self, share: float) -> float:
        """Of the gaps."""
        ordered = sorted(self.gaps)
        return ordered[min(len(ordered) - 1, int(share / 100 * len(ordered)))]


@asynccontextmanager
async def visiting(chromium: Any, cookies: list[Any]) -> AsyncIterator[Any]:
    """A page in a context of its own, logged in, that has never been anywhere."""
    context = await chromium.new_context(viewport=VIEWPORT, locale="en-GB", device_scale_factor=1)
    await context.add_cookies(cookies)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def logged_in(chromium: Any, url: str) -> list[Any]:
    """The cookies of a session."""
    context = await chromium.new_context()
    answer = await context.request.post(
        f"{url}/api/v1/login", data={"name": USER, "password": PASSWORD}, headers={"Origin": url}
    )
    assert answer.ok, await answer.text()
    cookies: list[Any] = await context.cookies()
    await context.close()
    return cookies


async def octets(page: Any, url: str) -> Octets:
    """What the overview loads until it stands."""
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    paths: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session.on("Network.requestWillBeSent", lambda told: paths.update({told["requestId"]: told["request"]["url"]}))
    # A stream never finishes: of it counts what came by then.
    session.on(
        "Network.dataReceived",
        lambda told: sizes.update({told["requestId"]: sizes.get(told["requestId"], 0) + told["encodedDataLength"]}),
    )
    session.on("Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]}))
    await page.goto(url)
    await page.locator(_SHOWN).first.wait_for()
    await page.wait_for_timeout(1000)
    kinds = {"files": 0, "answers": 0, "stream": 0}
    for request, path in paths.items():
        kind = "stream" if "/api/v1/events" in path else "answers" if "/api/" in path else "files"
        kinds[kind] += sizes.get(request, 0)
    return Octets(len(paths), **kinds)


async def first_visit(page: Any, url: str) -> First:
    """Until the first paint with something in it, and until the first click that was handled."""
    await page.add_init_script(FIRST_CLICK)
    await page.goto(url)
    clicked = await page.evaluate("window.firstClick")
    painted = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return First(painted, clicked)


async def frames(page: Any, seconds: float) -> Frames:
    """The gaps of so many seconds."""
    at = await page.evaluate(FRAMES, seconds * 1000)
    return Frames([after - before for before, after in pairwise(at)])


async def scrolled(page: Any, url: str, seconds: float) -> tuple[Frames, int]:
    """(gaps while the wheel turns without end, rows that were passed)."""
    await page.goto(f"{url}/queries")
    await page.locator("[data-index]").first.wait_for()
    found = await _wheeled(page, seconds, WHEEL)
    return found, await _last(page)


async def leapt(page: Any, rows: int, within: float) -> int:
    """The row that is reached by going to the end of what is there again and again, until there are so many."""
    await page.locator("[role=grid]").focus()
    end = time.monotonic() + within
    last = 0
    while last < rows and time.monotonic() < end:
        await page.keyboard.press("End")
        await asyncio.sleep(0.02)
        last = await _last(page)
    return last


async def scrolled_back(page: Any, seconds: float) -> Frames:
    """The gaps while the wheel turns back, over rows that had to be forgotten and are loaded once more."""
    return await _wheeled(page, seconds, -WHEEL)


async def _wheeled(page: Any, seconds: float, pixels: int) -> Frames:
    box = await page.locator("[role=grid]").bounding_box()
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    end = time.monotonic() + seconds

    async def turn() -> None:
        while time.monotonic() < end:
            await page.mouse.wheel(0, pixels)
            await asyncio.sleep(0.016)

    found, _ = await asyncio.gather(frames(page, seconds), turn())
    return found


async def _last(page: Any) -> int:
    shown = await page.evaluate(
        "Math.max(0, ...[...document.querySelectorAll('[data-index]')].map((one) => +one.dataset.index))"
    )
    return int(shown)


async def heard(page: Any, seconds: float) -> tuple[float, float]:
    """(queries, skipped ones among them) that the stream tells a second."""
    told = await page.evaluate(
        """(milliseconds) => new Promise((done) => {
          let queries = 0, skipped = 0, first = true;
          const source = new EventSource('/api/v1/events');
          source.addEventListener('queries', (event) => {
            const burst = JSON.parse(event.data);
            if (first) { first = false; return; }
            queries += burst.queries.length + burst.skipped;
            skipped += burst.skipped;
          });
          setTimeout(() => { source.close(); done([queries, skipped]); }, milliseconds);
        })""",
        seconds * 1000,
    )
    return told[0] / seconds, told[1] / seconds


async def heap(page: Any, times: int, every: float) -> list[float]:
    """MiB of JavaScript's heap after everything unused was thrown away, so many times."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.enable")
    found = []
    for number in range(times):
        if number:
            await asyncio.sleep(every)
        await session.send("HeapProfiler.collectGarbage")
        found.append((await session.send("Runtime.getHeapUsage"))["usedSize"] / 1048576)
    return found
