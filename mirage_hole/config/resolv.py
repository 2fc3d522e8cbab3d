"""Whom the system asks for names: the ``nameserver`` lines of resolv.conf(5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.config.problem import BadValue
from mirage_hole.config.values import parse_endpoint

if TYPE_CHECKING:
    from pathlib import Path

    from mirage_hole.config.settled import Endpoint

MAX_FILE = 64 * 1024
MAX_SERVERS = 8
# systemd-resolved's listeners on the machine itself (systemd-resolved.service(8)); it has its own file for what it asks.
RESOLVED_STUBS = ("127.0.0.53", "127.0.0.54")


def system_resolvers(resolv_conf: Path, resolved_conf: Path) -> tuple[tuple[Endpoint, ...], Path]:
    """The system's resolvers and the file that names them; none when there is no such file.

    A stub of systemd-resolved is replaced by the resolvers it asks itself: a second cache and forwarder in between would
    only hide their answers' Extended DNS Errors, and once the system points at us the stub asks us.
    """
    servers = _nameservers(resolv_conf)
    if any(server.address in RESOLVED_STUBS for server in servers):
        behind = _nameservers(resolved_conf)
        if behind:
            return behind, resolved_conf
    return servers, resolv_conf


def _nameservers(path: Path) -> tuple[Endpoint, ...]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE).decode("utf-8", "replace")
    except OSError:
        return ()
    found: dict[Endpoint, None] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                found[parse_endpoint(words[1], 53)] = None
            except BadValue:
                continue  # as the system's own resolver does
    return tuple(found)[:MAX_SERVERS]
