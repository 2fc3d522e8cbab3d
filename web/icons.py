"""Makes the icons of the installed page from public/icon.svg: opaque, with the room that a mask may cut away.

python web/icons.py
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.web.browser import browser

PUBLIC = Path(__file__).parent / "public"
GROUND = "#0e111d"
SAFE = 0.8
"""Of the side; a mask leaves the circle of this diameter (W3C Web App Manifest, maskable icons)."""


async def main() -> None:
    async with browser() as running:
        for size in (192, 512):
            page = await running.new_page(viewport={"width": size, "height": size})
            picture = (PUBLIC / "icon.svg").read_text()
            await page.set_content(
                f"<body style='margin:0;display:grid;place-items:center;height:100vh;background:{GROUND}'>"
                f"<div style='width:{SAFE * 100}%'>{picture}</div><style>svg{{width:100%;height:auto;display:block}}</style>"
            )
            await page.screenshot(path=str(PUBLIC / f"icon-{size}.png"))
            await page.close()


if __name__ == "__main__":
    asyncio.run(main())
