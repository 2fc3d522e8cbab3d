"""What settling needs to know of the machine: asked here, handed over as values, so that a test can invent a machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RESOLV_CONF = Path("/etc/resolv.conf")
RESOLVED_CONF = Path("/run/systemd/resolve/resolv.conf")
SYSTEM_CONFIG = Path("/etc/mirage-hole/config.toml")


@dataclass(frozen=True, slots=True)
class Host:
    """The machine and the account we run on."""

    home: Path
    is_root: bool
    has_ipv6: bool
    in_docker: bool
    """127.0.0.11 is then Docker's resolver: its rules redirect the port before any socket of ours sees the packet."""
    is_own: Callable[[str], bool]
    """Whether an IP address is one of this machine's, loopback left out."""
    user_exists: Callable[[str], bool]
    """By name or number."""
    user_name: str
    """Whose process this is; empty when the account has no name."""
    system_config: Path = SYSTEM_CONFIG
    resolv_conf: Path = RESOLV_CONF
    resolved_conf: Path = RESOLVED_CONF
    """What systemd-resolved itself asks; /etc/resolv.conf may name only its local stub."""


def this_host() -> Host:
    """The machine we run on."""
    return Host(
        home=_home(),
        is_root=os.geteuid() == 0,
        has_ipv6=Path("/proc/net/if_inet6").exists() or not Path("/proc/net").exists(),
        in_docker=Path("/.dockerenv").exists(),
        is_own=_is_own,
        user_exists=_user_exists,
        user_name=_user_name(),
    )


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # no $HOME and an account that has no entry, as in some containers
        return Path("/")


def _is_own(address: str) -> bool:
    """To reach its own address, a machine uses that very address as the source; nothing is sent to find that out.

    Binding to it would be the plain test, but succeeds for any address where net.ipv4.ip_nonlocal_bind is set.
    """
    import socket

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 53))
            return bool(probe.getsockname()[0] == address)
    except OSError:
        return False


def _user_exists(name: str) -> bool:
    import pwd

    try:
        pwd.getpwuid(int(name)) if name.isascii() and name.isdigit() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        return False
    return True


def _user_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
