"""dnsmasq with the names in a hosts file, as Pi-hole once did, and with one address= line a name. No log, a big cache."""

from __future__ import annotations

import os
import signal

from bench.processes import Running
from bench.servers.server import Server, Site, append_host, find_program, version_in


class Dnsmasq(Server):
    """The Debian package dnsmasq-base, with --addn-hosts."""

    name = "dnsmasq"

    def unavailable(self) -> str:
        return "" if find_program("dnsmasq") else "dnsmasq is not installed (apt-get install dnsmasq-base)"

    def version(self) -> str:
        return version_in([find_program("dnsmasq") or "dnsmasq", "--version"], r"Dnsmasq version (\S+)")

    def configure(self, site: Site) -> None:
        site.write_hosts()
        (site.directory / "dnsmasq.conf").write_text("")

    def command(self, site: Site) -> list[str]:
        return [*_common(site), f"--addn-hosts={site.directory / 'blocked.hosts'}"]

    def add_and_reload(self, site: Site, running: Running, name: str) -> bool:
        append_host(site, name)
        running.tell(signal.SIGHUP)
        return True


class DnsmasqAddress(Dnsmasq):
    """The same with address=/NAME/0.0.0.0, which dnsmasq reads only when it starts."""

    name = "dnsmasq address="

    def configure(self, site: Site) -> None:
        lines = "".join(f"address=/{name}/0.0.0.0\n" for name in site.names.blocked)
        (site.directory / "dnsmasq.conf").write_text(lines)

    def command(self, site: Site) -> list[str]:
        return _common(site)

    def add_and_reload(self, site: Site, running: Running, name: str) -> bool:
        del site, running, name
        return False


def _common(site: Site) -> list[str]:
    return [
        find_program("dnsmasq") or "dnsmasq",
        "--keep-in-foreground",
        f"--conf-file={site.directory / 'dnsmasq.conf'}",
        "--pid-file=",
        *(["--user=root"] if os.getuid() == 0 else []),  # else root becomes nobody, who can't read our directory
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        f"--port={site.port}",
        "--no-resolv",
        "--no-hosts",
        *(f"--server=127.0.0.1#{port}" for port in site.upstream_ports),
        f"--cache-size={2000 if site.small_cache else 10_000}",
        *(["--use-stale-cache=86400"] if site.stale else []),
        "--dns-forward-max=1000",
    ]
