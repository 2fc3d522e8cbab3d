"""Takes the pictures of docs/images: ``python -m tests.web.take_pictures [PAGE…]``, of every page when none is named.

A real server with the history of a made-up house (:mod:`tests.web.household`), which goes on living meanwhile. All of it runs in a
network of its own, where the house may have the addresses that it wants, and from where nobody else is asked.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dns.exception

from tests.live.conftest import ListServer
from tests.live.processes import tool, wait_for
from tests.web.browser import browser
from tests.web.conftest import Visit, visiting
from tests.web.history import write
from tests.web.household import DEVICES, Asked, Household, Lists
from tests.web.pages import PAGES, settled
from tests.web.server import ADS, TRACKERS, Server, everything_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
IMAGES: Final = ROOT / "docs" / "images"
SHARED: Final = Path(os.environ.get("MIRAGE_HOLE_SHARED", ROOT.parent / "shared")) / "lists"
INSIDE: Final = "MIRAGE_HOLE_PICTURES_INSIDE"
ADDRESS: Final = "192.168.1.2"
"""The server's."""
SIZES: Final = {"desktop": (1280, 860), "phone": (390, 844)}
WANTED: Final = {
    **{name: PAGES[name] for name in (
        "overview", "queries", "changes", "lists", "lists-overlap", "rules", "clients", "records", "upstreams",
        "tools-lookup", "tools-cache", "settings", "settings-account", "guide", "welcome-lists",
    )},
    "queries-drawer": "/queries?outcome=blocked&client=192.168.1.31",
    "client": f"/clients/{DEVICES[1].address}",
    "tools": "/tools?name=samsungads.com&type=A",
    "login": "/",
}  # fmt: skip
RULES: Final = (
    {"texts": ["@@||graph.facebook.com^"], "comment": "Grace's school group is there"},
    {"texts": ["||ott.io.mi.com^"], "comment": "The vacuum need not tell"},
    {"texts": ["||youtube.com^$client='Grace\\'s tablet'"], "comment": "Homework first", "seconds": 7200},
    {"texts": ["/^ads?[0-9]*\\./"], "comment": "ad1.example, ads23.example"},
)
RECORDS: Final = (
    ("nas.home.arpa", "A", "192.168.1.3"), ("mqtt.home.arpa", "CNAME", "nas.home.arpa"),
    ("printer.home.arpa", "A", "192.168.1.60"), ("router.home.arpa", "A", "192.168.1.1"),
)  # fmt: skip


def zone() -> int:
    """Hours ahead of UTC where it is evening now: then there is something to see."""
    return (21 - int(time.time() // 3600) + 12) % 24 - 12


@contextmanager
def house(directory: Path) -> Iterator[Server]:
    """A server with a past, that goes on being asked."""
    folder = directory / "lists"
    folder.mkdir()
    (folder / "ads.txt").write_text(ADS)
    (folder / "trackers.txt").write_text(TRACKERS)
    for path in (SHARED / "adblock" / "oisd-small.txt", SHARED / "hosts" / "blocklistproject-basic.txt"):
        if path.is_file():
            shutil.copy(path, folder)
    paths = tuple(sorted(folder.iterdir(), key=lambda path: -path.stat().st_size))[:2]
    source, other = ListServer(folder).start(), directory / "other"
    other.mkdir()
    with everything_answers(directory) as first, everything_answers(other) as second:
        upstreams = tuple(f"127.0.0.1:{port}" for port in (first, second))
        living = Household(time.time(), Lists(paths), upstreams, zone())
        write(directory / "state", living)
        flags = [text for path in paths for text in ("--blocklist", source.url(path.name))]
        one = Server(directory, source, first, "--upstream", upstreams[1], "--listen", ADDRESS, *flags)
        one.port, one.web = 53, 8080  # as at home
        one.start()
        try:
            wait_for(one.web_is_up, "the web server")
            one.add_admin()
            wait_for(lambda: all(row["rules"] for row in one.api("GET", "/api/v1/lists")["lists"]), "the lists")
            furnish(one)
            with lived_in(one, living):
                yield one
        finally:
            one.stop()
            source.stop()


def furnish(server: Server) -> None:
    """Names for devices, own rules, own records."""
    server.api("POST", "/api/v1/clients", {"name": "This server", "addresses": ["127.0.0.1", ADDRESS]})
    for device in DEVICES:
        if device.name:
            body = {"name": device.name, "addresses": [device.address], "tags": list(device.tags)}
            server.api("POST", "/api/v1/clients", body)
    for rule in RULES:
        server.api("POST", "/api/v1/rules", rule)
    for name, kind, value in RECORDS:
        server.api("POST", "/api/v1/records", {"name": name, "type": kind, "value": value})


@contextmanager
def lived_in(server: Server, house: Household) -> Iterator[None]:
    """Its devices ask now and then, until the end."""
    ended, asked = threading.Event(), list[Asked]()

    def live() -> None:
        while not ended.is_set():
            for one in house.asks(house.now, 3600):
                with suppress(dns.exception.DNSException, OSError):
                    server.asks(one.name, {28: "AAAA", 65: "HTTPS"}.get(one.qtype, "A"), one.device.address)
                asked.append(one)
                if ended.wait(0.02 if len(asked) < 60 else 1.4):
                    return

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    try:
        wait_for(lambda: len(asked) >= 60, "a first minute of life")
        yield
    finally:
        ended.set()
        thread.join()


async def take(server: Server, wanted: dict[str, str]) -> None:
    """Every page, in both sizes and themes."""
    async with browser() as chromium:
        for size, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                options = {"viewport": {"width": width, "height": height}, "color_scheme": theme, "has_touch": size == "phone", "timezone_id": f"Etc/GMT{-zone():+d}"}  # fmt: skip
                visit = await visiting(chromium, server.url, reduced_motion="reduce", device_scale_factor=1, **options)
                for name in sorted(wanted, key="login".__ne__):  # before there is a session
                    await show(visit, name, wanted[name])
                    path = IMAGES / f"{name}-{size}-{theme}.png"
                    await visit.page.screenshot(path=path)
                    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)  # noqa: T201
                for complaint in visit.complaints:
                    print(f"{size} {theme}: {complaint}", file=sys.stderr)  # noqa: T201
                await visit.context.close()


async def show(visit: Visit, name: str, address: str) -> None:
    """One page as it is to be seen."""
    page = visit.page
    if name != "login" and not await visit.context.cookies():
        await visit.login()
    await page.goto(f"{visit.url}{address}")
    await settled(page)
    if name == "queries-drawer":
        await page.locator("[data-index]").nth(3).click()
        await page.get_by_role("dialog").wait_for()
        await page.wait_for_timeout(800)
    elif name == "tools-lookup":
        await looked_up(page)
    await page.wait_for_timeout(900)


async def looked_up(page: Any) -> None:
    """An answer to look at."""
    await page.get_by_label("Name", exact=True).fill("en.wikipedia.org")
    await page.keyboard.press("Enter")
    await page.wait_for_timeout(600)


def inside() -> None:
    """Begin again in a network of its own."""
    here = [sys.executable, "-m", "tests.web.take_pictures", *sys.argv[1:]]
    os.execve(tool("unshare"), ["unshare", "--net", "--map-root-user", *here], {**os.environ, INSIDE: "1"})


def main() -> None:
    """Entry point."""
    if INSIDE not in os.environ:
        inside()
    unknown = set(sys.argv[1:]) - WANTED.keys()
    if unknown:
        sys.exit(f"no such page: {', '.join(sorted(unknown))}; there are {', '.join(sorted(WANTED))}")
    subprocess.run([tool("ip"), "link", "set", "lo", "up"], check=True)
    for address in (ADDRESS, *(device.address for device in DEVICES)):
        subprocess.run([tool("ip"), "address", "add", f"{address}/32", "dev", "lo"], check=True)
    subprocess.run([sys.executable, str(ROOT / "hatch_build.py")], check=True)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, house(Path(directory)) as server:
        asyncio.run(take(server, {name: WANTED[name] for name in sys.argv[1:]} or WANTED))


if __name__ == "__main__":
    main()
