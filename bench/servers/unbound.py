"""unbound as a plain forwarder: one thread, no validation, no log, each blocked name a local zone.

Zone type and module configuration as in unbound.conf(5) of 1.17.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from bench.processes import Running
from bench.servers.server import Server, Site, find_program, version_in

_CONFIGURATION: Final = """\
server:
    interface: 127.0.0.1@{site.port}
    access-control: 127.0.0.0/8 allow
    username: ""
    chroot: ""
    directory: "{site.directory}"
    pidfile: ""
    do-daemonize: no
    use-syslog: no
    log-queries: no
    verbosity: 0
    statistics-interval: 0
    num-threads: 1
    module-config: "iterator"
    outgoing-range: 4096
    num-queries-per-thread: 2048
    msg-cache-size: {messages}
    rrset-cache-size: {records}
    serve-expired: {expired}
    do-not-query-localhost: no
    include: "{site.directory}/blocked.conf"
remote-control:
    control-enable: no
forward-zone:
    name: "."
{forwards}"""


class Unbound(Server):
    """The Debian package unbound."""

    name = "unbound"

    def unavailable(self) -> str:
        return "" if find_program("unbound") else "unbound is not installed (apt-get install unbound)"

    def version(self) -> str:
        return version_in([find_program("unbound") or "unbound", "-V"], r"Version (\S+)")

    def configure(self, site: Site) -> None:
        lines = "".join(f'local-zone: "{name}" always_null\n' for name in site.names.blocked)
        (site.directory / "blocked.conf").write_text(lines)
        (site.directory / "unbound.conf").write_text(
            _CONFIGURATION.format(
                site=site,
                messages="1m" if site.small_cache else "128m",
                records="1m" if site.small_cache else "256m",
                expired="yes" if site.stale else "no",
                forwards="".join(f"    forward-addr: 127.0.0.1@{port}\n" for port in site.upstream_ports),
            )
        )

    def command(self, site: Site) -> list[str]:
        return [find_program("unbound") or "unbound", "-d", "-p", "-c", os.fspath(site.directory / "unbound.conf")]

    def add_and_reload(self, site: Site, running: Running, name: str) -> bool:
        with (site.directory / "blocked.conf").open("a") as file:
            file.write(f'local-zone: "{name}" always_null\n')
        running.tell(signal.SIGHUP)
        return True
