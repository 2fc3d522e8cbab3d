"""Sentences for sockets that could not be bound: what is wrong, who is in the way, what to do."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.runtime.errors import BAD_CONFIG, NO_PERMISSION, UNAVAILABLE, StartupError
from mirage_hole.runtime.holders import holders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.config.settled import Endpoint

_PORT_START: Final = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EPFNOSUPPORT, errno.EPROTONOSUPPORT)


class BadZone(OSError):  # noqa: N818 - reads as what it is at the raise
    """A link-local address without a zone, or with one that this machine does not have."""


class Refusal(NamedTuple):
    """One address that could not be bound."""

    endpoint: Endpoint
    transport: str
    """``UDP`` or ``TCP``."""
    reason: str
    advice: str
    """What to do; told once for all refusals that share it."""
    exit_code: int
    errno: int | None = None


def explain(endpoint: Endpoint, transport: str, problem: OSError) -> Refusal:
    """Put a refused bind into words."""
    number = problem.errno
    if isinstance(problem, BadZone):
        reason, advice, code = (
            str(problem),
            _zones(endpoint.address),
            UNAVAILABLE if "%" in endpoint.address else BAD_CONFIG,
        )
    elif number in (errno.EACCES, errno.EPERM) and endpoint.port < unprivileged_from():
        reason, advice, code = "permission denied", _three_remedies(), NO_PERMISSION
    elif number in (errno.EACCES, errno.EPERM):
        advice = "A security policy (SELinux, AppArmor, seccomp) forbids it; its log says which rule."
        reason, code = "permission denied", NO_PERMISSION
    elif number == errno.EADDRINUSE:
        reason, advice = _in_use(endpoint, transport)
        code = UNAVAILABLE
    elif number == errno.EADDRNOTAVAIL:
        reason = "this machine has no such address"
        advice = 'Write an address that "ip address" shows, or 0.0.0.0 and [::] for all of them.'
        code = UNAVAILABLE
    elif number in _NO_IPV6:
        reason, advice, code = (
            "this machine has no IPv6",
            "Leave IPv6 addresses out of the listen setting.",
            UNAVAILABLE,
        )
    else:
        reason, advice, code = problem.strerror or str(problem), "", UNAVAILABLE
    return Refusal(endpoint, transport, reason, advice, code, number)


def startup_error(refusals: Sequence[Refusal]) -> StartupError:
    """One error that tells everything: each refused address, then each advice once."""
    lines: dict[tuple[Endpoint, str], list[str]] = {}
    for refusal in refusals:
        lines.setdefault((refusal.endpoint, refusal.reason), []).append(refusal.transport)
    told = [f"can't listen on {at} ({' and '.join(how)}): {reason}" for (at, reason), how in lines.items()]
    advice = dict.fromkeys(refusal.advice for refusal in refusals if refusal.advice)
    codes = {refusal.exit_code for refusal in refusals}
    # What only a person can change goes first, so that a service manager does not try in vain.
    code = next(code for code in (BAD_CONFIG, NO_PERMISSION, UNAVAILABLE) if code in codes)
    return StartupError("\n".join([*told, *advice]), code)


def unprivileged_from() -> int:
    """The first port that needs no privilege."""
    try:
        return int(_PORT_START.read_text())
    except (OSError, ValueError):
        return 1024


def _three_remedies() -> str:
    python = os.path.realpath(sys.executable)
    return (
        f"Ports below {unprivileged_from()} need a privilege. Do one of these:\n"
        f"  give it to Python    sudo setcap cap_net_bind_service=+ep {python}    (every Python program gets it)\n"
        "  leave it to systemd  install packaging/mirage-hole.service, then sudo systemctl enable --now mirage-hole\n"
        "  use another port     mirage-hole --port 5353"
    )


def _in_use(endpoint: Endpoint, transport: str) -> tuple[str, str]:
    found = holders(endpoint.address.partition("%")[0], endpoint.port, transport)
    reason = f"in use by {', '.join(map(str, found))}" if found else "in use by another program"
    names = {holder.process or holder.user for holder in found}
    if endpoint.port == 53 and (not names or any(name.startswith("systemd-resolve") for name in names)):
        return reason, (
            "On many systems systemd-resolved holds port 53 on 127.0.0.53. Either listen on one address only, such as "
            "--listen 192.168.1.2, or write DNSStubListener=no into /etc/systemd/resolved.conf and run "
            "sudo systemctl restart systemd-resolved."
        )
    return reason, f"Stop what holds the port, or choose another with --port {5353 if endpoint.port != 5353 else 5354}."


def _zones(address: str) -> str:
    names = [name for _, name in socket.if_nameindex()]
    example = next((name for name in names if name != "lo"), "eth0")
    return f"Write {address.partition('%')[0]}%{example}; the interfaces of this machine are {', '.join(names)}."
