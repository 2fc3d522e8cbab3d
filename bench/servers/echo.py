"""The physical limit: recvmmsg and sendmmsg in C, no parsing (native/echo.c)."""

from __future__ import annotations

from bench.cc import built
from bench.servers.server import Server, Site


class Echo(Server):
    """Turns every query into an empty answer."""

    name = "C echo (limit)"
    blocks = False

    def unavailable(self) -> str:
        return ""

    def version(self) -> str:
        return "bench/native/echo.c"

    def configure(self, site: Site) -> None:
        del site

    def command(self, site: Site) -> list[str]:
        return [str(built("echo")), str(site.port)]
