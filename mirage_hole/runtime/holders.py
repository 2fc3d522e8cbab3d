"""Who holds a port: reads ``/proc/self/net`` and, where permitted, ``/proc/PID/fd``. Linux; elsewhere nobody is found."""

from __future__ import annotations

import ipaddress
import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LISTEN = "0A"
_MAX_TABLE = 8 * 1024 * 1024


class Holder(NamedTuple):
    """A socket that is in the way."""

    process: str
    """The process's name; empty when this account may not see it."""
    pid: int
    """0 when unknown."""
    user: str

    def __str__(self) -> str:
        if self.process:
            return f"{self.process} (process {self.pid})"
        return f"a process of the user {self.user}, which only root can see"


def holders(address: str, port: int, transport: str, proc: Path = Path("/proc")) -> list[Holder]:
    """Whoever holds ``port`` on ``address`` or on an address that covers it. ``transport``: ``UDP`` or ``TCP``."""
    wanted = ipaddress.ip_address(address)
    tables = (proc / "self" / "net" / f"{transport.lower()}{suffix}" for suffix in ("", "6"))
    bound = (row for table in tables for row in _sockets(table, port, transport))
    owners = {inode: uid for at, inode, uid in bound if _in_the_way(wanted, at)}
    known = _processes(set(owners), proc)
    found = [Holder(*known.get(inode, ("", 0)), _user(uid)) for inode, uid in owners.items()]
    return sorted(set(found))


def _sockets(table: Path, port: int, transport: str) -> Iterator[tuple[IPAddress, str, int]]:
    """(local address, inode, uid) of every bound socket in a table of proc(5) that has the port."""
    try:
        with table.open() as file:
            lines = file.read(_MAX_TABLE).splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if len(fields) < 10 or (transport == "TCP" and fields[3] != _LISTEN):
            continue
        at, _, hex_port = fields[1].partition(":")
        if int(hex_port, 16) == port:
            yield _address(at), fields[9], int(fields[7])


def _address(text: str) -> IPAddress:
    """The address is printed as 32-bit words in the machine's byte order."""
    octets = b"".join(int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8))
    address = ipaddress.ip_address(octets)
    return getattr(address, "ipv4_mapped", None) or address


def _in_the_way(wanted: IPAddress, taken: IPAddress) -> bool:
    if wanted.version == taken.version:
        return wanted == taken or wanted.is_unspecified or taken.is_unspecified
    # A socket on [::] holds the port for IPv4 as well, unless it is IPv6-only, which /proc does not tell.
    return taken.version == 6 and taken.is_unspecified


def _processes(inodes: set[str], proc: Path) -> dict[str, tuple[str, int]]:
    """(name, pid) of the process that has each socket open, as far as this account may see."""
    found: dict[str, tuple[str, int]] = {}
    for directory in proc.glob("[0-9]*"):
        if len(found) == len(inodes):
            break
        try:
            for fd in (directory / "fd").iterdir():
                inode = str(fd.readlink()).removeprefix("socket:[").removesuffix("]")
                if inode in inodes and inode not in found:
                    found[inode] = ((directory / "comm").read_text().strip() or "?", int(directory.name))
        except OSError:  # another account's process, or one that just ended
            continue
    return found


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
