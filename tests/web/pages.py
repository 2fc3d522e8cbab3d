"""Every address of the dashboard, and what each page has to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

PAGES: Final = {
    "overview": "/",
    "queries": "/queries",
    "changes": "/changes",
    "lists": "/lists",
    "lists-overlap": "/lists/overlap",
    "lists-catalogue": "/lists?add=catalogue",
    "rules": "/rules",
    "clients": "/clients",
    "clients-broken": "/clients?broken=1",
    "client": "/clients/127.0.0.20",
    "records": "/records",
    "upstreams": "/upstreams",
    "tools": "/tools?name=ad.doubleclick.net&type=A",
    "tools-lookup": "/tools/lookup",
    "tools-cache": "/tools/cache",
    "settings": "/settings",
    "settings-account": "/settings/account",
    "settings-users": "/settings/users",
    "settings-tokens": "/settings/tokens",
    "settings-history": "/settings/history",
    "settings-backup": "/settings/backup",
    "settings-logs": "/settings/logs",
    "settings-notifications": "/settings/notifications",
    "settings-diagnosis": "/settings/diagnosis",
    "guide": "/guide",
    "welcome": "/welcome",
    "welcome-lists": "/welcome/lists",
    "welcome-upstream": "/welcome/upstream",
    "welcome-test": "/welcome/test",
    "welcome-device": "/welcome/device",
}
AXE: Final = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


async def settled(page: Any) -> None:
    """Its heading is there, and what it asked for has come."""
    await page.locator("main h1, .gate h1").first.wait_for()
    await page.locator("main [aria-busy=true]").first.wait_for(state="detached")
    await page.wait_for_timeout(250)  # fonts, charts and panels find their size


async def violations(page: Any) -> list[str]:
    """What axe has against the page as it is (WCAG 2.2 A and AA, and its best practices)."""
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations)")
    return [f"{one['id']}: {one['nodes'][0]['target']} {one['nodes'][0]['html'][:160]}" for one in found]
