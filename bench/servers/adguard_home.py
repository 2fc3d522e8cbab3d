"""AdGuard Home with the names in a hosts file; query log and statistics off, no rate limit, other settings as it ships."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Final

from bench.processes import Running
from bench.servers.golang import find_or_install
from bench.servers.server import Server, Site, append_host, version_in

MODULE: Final = "github.com/AdguardTeam/AdGuardHome@v0.107.79"
_CONFIGURATION: Final = """\
http:
  address: 127.0.0.1:{site.web_port}
users: []
dns:
  bind_hosts: [127.0.0.1]
  port: {site.port}
  upstream_dns: ["127.0.0.1:{site.upstream_port}"]
  bootstrap_dns: ["127.0.0.1:{site.upstream_port}"]
  ratelimit: 0
  cache_size: 67108864
  use_private_ptr_resolvers: false
querylog:
  enabled: false
statistics:
  enabled: false
filtering:
  safe_fs_patterns: ["{site.directory}/*"]
  protection_enabled: true
  filtering_enabled: true
  blocking_mode: "null_ip"
filters:
  - enabled: true
    url: {site.directory}/blocked.hosts
    name: bench
    id: 1
clients:
  runtime_sources: {{whois: false, arp: false, rdns: false, dhcp: false, hosts: false}}
schema_version: 29
"""


class AdGuardHome(Server):
    """Go; one process."""

    name = "AdGuard Home"

    def unavailable(self) -> str:
        return find_or_install("AdGuardHome", MODULE)[1]

    def version(self) -> str:
        return version_in([find_or_install("AdGuardHome", MODULE)[0], "--version"], r"version (\S+)")

    def configure(self, site: Site) -> None:
        site.write_hosts()
        (site.directory / "AdGuardHome.yaml").write_text(_CONFIGURATION.format(site=site))

    def command(self, site: Site) -> list[str]:
        program = find_or_install("AdGuardHome", MODULE)[0]
        return [program, "--no-check-update", "--no-permcheck", "--work-dir", os.fspath(site.directory)]

    def add_and_reload(self, site: Site, running: Running, name: str) -> bool:
        del running
        append_host(site, name)
        request = urllib.request.Request(
            f"http://127.0.0.1:{site.web_port}/control/filtering/refresh",
            data=json.dumps({"whitelist": False}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120):
            return True
