"""Takes the pictures of the dashboard: ``python -m tests.web.take_pictures DIRECTORY``; ``dashboard.png`` is the README's."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.api.serving import serving
from tests.web.browser import browser
from tests.web.scene import House

EVENING = 1_700_084_460.0  # 21:41 UTC
SIZES = {"desktop": (1280, 900), "tablet": (820, 1000), "phone": (380, 800)}


async def take(directory: Path, names: set[str]) -> None:
    house = House(EVENING)
    house.live_a_day()
    async with serving(house.state()) as url, browser() as chromium:
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                name = "dashboard" if (size, scheme) == ("desktop", "dark") else f"{size}-{scheme}"
                if names and name not in names:
                    continue
                page = await chromium.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id="UTC", locale="en-GB",
                    reduced_motion="reduce",
                )  # fmt: skip
                # The scene's clock stands, so the page's stands too.
                await page.clock.set_fixed_time(EVENING * 1000)
                await page.goto(url)
                await page.wait_for_selector("#rows tr")
                await page.wait_for_selector("#lists li")
                whole = await page.evaluate("document.documentElement.scrollHeight")
                await page.screenshot(
                    path=directory / f"{name}.png",
                    clip={"x": 0, "y": 0, "width": width, "height": min(whole, 1240 if size == "desktop" else 2900)},
                    full_page=True,
                )
                await page.close()


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]), set(sys.argv[2:])))
