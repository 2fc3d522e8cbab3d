"""Mirage Hole, started as a user starts it. Its query records are on; the worker processes are its data plane."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

import mirage_hole
from bench import interpreter, proc
from bench.processes import Running
from bench.servers.server import Server, Site, append_host

_OWN: Final = Path(sys.executable)
_OWN_PROGRAM: Final = _OWN.with_name("mirage-hole")
_MISSING: Final = f"{_OWN_PROGRAM} is missing (pip install -e . in this environment)"


class MirageHole(Server):
    """A supervisor, one worker, and now and then a compiler."""

    name = "mirage-hole"

    def unavailable(self) -> str:
        return "" if self._python() != _OWN or _OWN_PROGRAM.exists() else _MISSING

    def version(self) -> str:
        return f"{mirage_hole.__version__}, {interpreter.build_of(self._python())}"

    def configure(self, site: Site) -> None:
        self._program()
        site.write_hosts()
        (site.directory / "config.toml").write_text("")  # whatever this machine's own configuration says

    def command(self, site: Site) -> list[str]:
        return [
            os.fspath(self._program()),
            *("--config", os.fspath(site.directory / "config.toml")),
            *(("--user", "root") if os.getuid() == 0 else ()),  # nobody else may read our directory
            *("--listen", "127.0.0.1"),
            *("--port", str(site.port)),
            *("--web", f"127.0.0.1:{site.web_port}"),
            *("--web-open-for", "127.0.0.0/8"),
            *(text for port in site.upstream_ports for text in ("--upstream", f"127.0.0.1:{port}")),
            *(("--cache-size", "2MiB") if site.small_cache else ()),
            *("--blocklist", os.fspath(site.directory / "blocked.hosts")),
            *("--state", os.fspath(site.directory / "state")),
        ]

    def data_plane(self, tree: list[int]) -> list[int]:
        return [pid for pid in tree if "mirage_hole.runtime.worker" in proc.command_line(pid)]

    def add_and_reload(self, site: Site, running: Running, name: str) -> bool:
        append_host(site, name)
        running.tell(signal.SIGHUP)
        return True

    def index_mib(self, site: Site) -> float | None:
        generations = sorted((site.directory / "state").glob("**/names.marisa"))
        if not generations:
            return None
        return sum(path.stat().st_size for path in generations[-1].parent.iterdir()) / 1048576

    def _python(self) -> Path:
        return interpreter.distributions_python() or _OWN

    def _program(self) -> Path:
        python = self._python()
        return _OWN_PROGRAM if python == _OWN else interpreter.installed(python) / "mirage-hole"


class MirageHoleHere(MirageHole):
    """The same with the Python that runs the bench, where that is another one."""

    name = "mirage-hole, this Python"

    def unavailable(self) -> str:
        if interpreter.distributions_python() is None:
            return "the row mirage-hole is that one"
        return super().unavailable()

    def _python(self) -> Path:
        return _OWN
