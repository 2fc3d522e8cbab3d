"""blocky with the names in a hosts file; its query log off, other settings as it ships (docs/config.yml of blocky)."""

from __future__ import annotations

import os
import urllib.request
from typing import Final

from bench.processes import Running
from bench.servers.golang import find_or_install
from bench.servers.server import Server, Site, append_host, version_in

MODULE: Final = "github.com/0xERR0R/blocky@v0.34.0"
_CONFIGURATION: Final = """\
upstreams:
  init:
    strategy: fast
  groups:
    default:
      - 127.0.0.1:{site.upstream_port}
blocking:
  denylists:
    bench:
      - {site.directory}/blocked.hosts
  clientGroupsBlock:
    default:
      - bench
  blockType: zeroIp
  loading:
    refreshPeriod: 0
caching:
  maxItemsCount: 500000
queryLog:
  type: none
ports:
  dns: 127.0.0.1:{site.port}
  http: 127.0.0.1:{site.web_port}
log:
  level: warn
"""


class Blocky(Server):
    """Go; one process."""

    name = "blocky"

    def unavailable(self) -> str:
        return find_or_install("blocky", MODULE)[1]

    def version(self) -> str:
        return version_in([find_or_install("blocky", MODULE)[0], "version"], r"Version: (\S+)")

    def configure(self, site: Site) -> None:
        site.write_hosts()
        (site.directory / "blocky.yml").write_text(_CONFIGURATION.format(site=site))

    def command(self, site: Site) -> list[str]:
        program = find_or_install("blocky", MODULE)[0]
        return [program, "serve", "--config", os.fspath(site.directory / "blocky.yml")]

    def add_and_reload(self, site: Site, running: Running, name: str) -> bool:
        del running
        append_host(site, name)
        url = f"http://127.0.0.1:{site.web_port}/api/lists/refresh"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=120):
            return True
