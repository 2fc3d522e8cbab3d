"""One name more, while the server runs: from the command to the first blocked answer."""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from bench import machine, names, probe
from bench.measure import Bench, Plan
from bench.processes import BenchError
from bench.servers.dnsmasq import Dnsmasq
from bench.servers.mirage_hole import MirageHole
from bench.servers.server import Server, Site, find_program
from bench.servers.unbound import Unbound

TIMES: Final = 20
BEFORE: Final = 1000
"""Own rules that are there already."""
_EVERY: Final = 0.001
_WITHIN: Final = 60.0


Way = Callable[[Server, Site, str], None]


class Delay(NamedTuple):
    """Milliseconds."""

    server: str
    how: str
    median: float
    longest: float


class ControlledUnbound(Unbound):
    """unbound that takes commands on a Unix socket, as unbound.conf(5) describes."""

    def configure(self, site: Site) -> None:
        super().configure(site)
        path = site.directory / "unbound.conf"
        enabled = f"control-enable: yes\n    control-use-cert: no\n    control-interface: {site.directory}/control"
        path.write_text(path.read_text().replace("control-enable: no", enabled))


def measured(blocked: names.Names, directory: Path, remarks: list[str]) -> list[Delay]:
    """Every server that can take a name while it runs; our own first."""
    found: list[Delay] = []
    servers: list[tuple[Server, dict[str, Way | None]]] = [
        (MirageHole(), {"a request to the control socket": _by_socket, "mirage-hole rules add": _by_command}),
        (ControlledUnbound(), {"unbound-control local_zone": _by_unbound_control}),
        (Dnsmasq(), {"a line in the hosts file, SIGHUP": None}),
    ]
    for server, ways in servers:
        if why := server.unavailable():
            remarks.append(f"left out: {server.name}: {why}")
            continue
        work = directory / server.name
        work.mkdir()
        try:
            found += _of(server, ways, blocked, work)
        except (BenchError, OSError) as problem:
            remarks.append(f"left out: {server.name}: {problem}")
    return found


def _of(server: Server, ways: dict[str, Way | None], blocked: names.Names, directory: Path) -> list[Delay]:
    plan = Plan(rounds=0, seconds=1, starts=0, latencies=False, calm_within=0.0)
    found = []
    with Bench(plan, blocked, machine.placement(), directory) as bench:
        bench.start(server)
        site, running = bench.running(server.name)
        if isinstance(server, MirageHole):
            _fill(site)
        for number, (how, way) in enumerate(ways.items()):
            took = []
            for turn in range(TIMES if way is not None else 3):
                name = f"own-{number}-{turn}.example-tracker.net"
                began = time.monotonic()
                if way is None:
                    server.add_and_reload(site, running, name)
                else:
                    way(server, site, name)
                live = probe.until_blocked(site.port, name, patience=_WITHIN, meanwhile=running.check, every=_EVERY)
                took.append((live - began) * 1000)
            found.append(Delay(server.name, how, statistics.median(took), max(took)))
    return found


def _fill(site: Site) -> None:
    rules = "".join(f"own-rule-{number}.example-tracker.net\n" for number in range(BEFORE))
    command = [*_ours(site, "rules", "import", "-")]
    ended = subprocess.run(command, input=rules, capture_output=True, text=True, timeout=_WITHIN, check=False)
    if ended.returncode:
        msg = f"{' '.join(command)}: {ended.stderr.strip()[-300:]}"
        raise BenchError(msg)


def _by_socket(_server: Server, site: Site, name: str) -> None:
    connection = http.client.HTTPConnection("localhost", timeout=_WITHIN)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(os.fspath(site.directory / "state" / "control.sock"))
    body = json.dumps({"text": name})
    connection.request("POST", "/rules", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status >= 300:
        msg = f"the control socket said {response.status}: {response.read()[:300]!r}"
        raise BenchError(msg)
    connection.close()


def _by_command(_server: Server, site: Site, name: str) -> None:
    _call(_ours(site, "rules", "add", name))


def _by_unbound_control(_server: Server, site: Site, name: str) -> None:
    program = find_program("unbound-control") or "unbound-control"
    _call([program, "-c", os.fspath(site.directory / "unbound.conf"), "local_zone", name, "always_null"])


def _ours(site: Site, *words: str) -> list[str]:
    program, *_ = MirageHole().command(site)
    return [program, *words, "--state", os.fspath(site.directory / "state")]


def _call(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN, check=False)
    if ended.returncode:
        msg = f"{' '.join(command)}: {ended.stderr.strip()[-300:]}"
        raise BenchError(msg)
