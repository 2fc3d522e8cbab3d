"""What a measured server is: how it is configured and started, and which of its processes answer queries."""

from __future__ import annotations

import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.names import Names
from bench.processes import Running


@dataclass(frozen=True, slots=True)
class Site:
    """Where a server lives during a run."""

    directory: Path
    """Its own, empty at first."""
    names: Names
    port: int
    web_port: int
    """For servers with an HTTP interface."""
    upstream_port: int
    """On 127.0.0.1, UDP and TCP."""
    more_upstreams: tuple[int, ...] = ()
    """Ports of further ones."""
    small_cache: bool = False
    """Remember less than is asked for."""
    stale: bool = False
    """Answer from what is outdated when the upstream is gone."""

    @property
    def upstream_ports(self) -> tuple[int, ...]:
        return (self.upstream_port, *self.more_upstreams)

    def write_hosts(self) -> Path:
        """The blocked names as a hosts file."""
        path = self.directory / "blocked.hosts"
        path.write_text("".join(f"0.0.0.0 {name}\n" for name in self.names.blocked))
        return path


class Server(ABC):
    """One kind of server."""

    name: ClassVar[str]
    blocks: ClassVar[bool] = True
    """False for what only shows the limits of the machine."""

    @abstractmethod
    def unavailable(self) -> str:
        """Why it can't be measured here and what to do about it; empty when it can."""

    @abstractmethod
    def version(self) -> str:
        """Version and, where it matters, where it comes from."""

    @abstractmethod
    def configure(self, site: Site) -> None:
        """Write the configuration and the list in the server's own format. Its time is not measured."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """What starts it, in the foreground."""

    def data_plane(self, tree: list[int]) -> list[int]:
        """Those of its processes that answer queries."""
        return tree

    def add_and_reload(self, site: Site, running: Running, name: str) -> bool:
        """Block one more name without a restart; False when the server has no way to."""
        del site, running, name
        return False

    def index_mib(self, site: Site) -> float | None:
        """Size of the compiled lists on disk; None for a server that compiles none."""
        del site
        return None


def find_program(name: str) -> str | None:
    """A program on the path or where Debian keeps daemons, which is on no user's path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def version_in(command: list[str], pattern: str) -> str:
    """What the pattern's group finds in the output of a command."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    found = re.search(pattern, result.stdout + result.stderr)
    return found[1] if found else "unknown version"


def append_host(site: Site, name: str) -> None:
    """One more line in the hosts file that :meth:`Site.write_hosts` wrote."""
    with (site.directory / "blocked.hosts").open("a") as file:
        file.write(f"0.0.0.0 {name}\n")
