"""Binds every listening socket, before privileges are dropped; or takes over those that the service manager bound.

UDP sockets use SO_REUSEPORT, one for each worker and address, so the kernel spreads the clients; TCP sockets are shared. The
supervisor keeps all of them open: while a worker is replaced its packets wait in the kernel.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime.refusals import BadZone, Refusal, explain, startup_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.runtime.activation import Inherited

log = logging.getLogger(__name__)

TCP_BACKLOG: Final = 512
WEB_BACKLOG: Final = 128
RECEIVE_BUFFER: Final = 4 * 1024 * 1024
"""Octets of queries that wait in the kernel, a socket: some 5,000, as the kernel charges 768 octets for a small one."""
_PORT_TRIES: Final = 50

# Linux numbers (asm-generic/socket.h, linux/in.h, linux/in6.h) that Python's socket module has no names for yet.
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_MEMINFO_DROPS: Final = slice(32, 36)  # linux/sock_diag.h: the ninth number
_IP_PKTINFO: Final = 8
_IP_MTU_DISCOVER: Final = 10
_IPV6_MTU_DISCOVER: Final = 23
_PMTUDISC_OMIT: Final = 5


@dataclass(frozen=True, slots=True)
class Listeners:
    """Every bound socket of the data plane."""

    udp: tuple[tuple[socket.socket, ...], ...]
    """One tuple a worker, in the order of ``endpoints``."""
    tcp: tuple[socket.socket, ...]
    endpoints: tuple[Endpoint, ...]
    """The addresses with their real ports."""
    activated: bool = False
    """The service manager bound them."""

    def lost(self) -> int:
        """Datagrams that the kernel dropped since nobody had read the ones before; 0 where it does not tell.

        Asked here and not in the workers: the sockets outlive them, and a worker that hangs tells nothing.
        """
        return sum(_dropped(sock) for sock in self._udp_once())

    def close(self) -> None:
        """Close every socket."""
        for sock in {*self.tcp, *self._udp_once()}:
            sock.close()

    def _udp_once(self) -> set[socket.socket]:
        return {sock for worker in self.udp for sock in worker}


def listen_on(listen: Sequence[Endpoint], workers: int) -> Listeners:
    """Bind UDP and TCP on every endpoint; port 0 lets the kernel choose one that is free for both.

    ``[::]`` beside ``0.0.0.0`` on the same port is what the defaults say; it is left out on a machine without IPv6.

    Raises:
        StartupError: at least one address was refused; the message names all of them.
    """
    refusals: list[Refusal] = []
    bound: list[_Bound] = []
    for endpoint in _without_covered(listen):
        one = _Bound(endpoint, [], [])
        refused = _bind(one, workers)
        if refused and endpoint.address == "::" and _no_ipv6(refused) and ("0.0.0.0", endpoint.port) in listen:  # noqa: S104
            log.info("this machine has no IPv6; listening on IPv4 only")
            refused = []
        else:
            bound.append(one)
        refusals += refused
    if refusals:
        for one in bound:
            one.close()
        raise startup_error(refusals)
    return Listeners(
        udp=tuple(tuple(one.udp[number] for one in bound) for number in range(workers)),
        tcp=tuple(sock for one in bound for sock in one.tcp),
        endpoints=tuple(one.endpoint for one in bound),
    )


def adopt(given: Inherited, workers: int) -> Listeners | None:
    """The service manager's sockets, or None when it gave none for DNS. Every worker reads every UDP socket."""
    if not given.udp and not given.tcp:
        return None
    for sock in given.udp:
        _tune_udp(sock, ip_address(sock.getsockname()[0].partition("%")[0]).is_unspecified)
    for sock in given.tcp:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ends = [Endpoint(*sock.getsockname()[:2]) for sock in (*given.udp, *given.tcp)]
    for missing, name in ((given.udp, "ListenDatagram"), (given.tcp, "ListenStream")):
        if not missing:
            log.warning("the service manager gave no socket of one kind; add %s= to mirage-hole.socket", name)
    return Listeners(
        udp=(tuple(given.udp),) * workers, tcp=tuple(given.tcp), endpoints=tuple(dict.fromkeys(ends)), activated=True
    )


def bind_web(endpoint: Endpoint) -> socket.socket:
    """A listening socket for the web server.

    Raises:
        OSError: the address was refused; :func:`mirage_hole.runtime.refusals.explain` says why.
    """
    return _stream(endpoint, WEB_BACKLOG)


@dataclass(slots=True)
class _Bound:
    endpoint: Endpoint
    udp: list[socket.socket]
    tcp: list[socket.socket]

    def close(self) -> None:
        for sock in (*self.udp, *self.tcp):
            sock.close()
        self.udp.clear()
        self.tcp.clear()


def _bind(one: _Bound, workers: int) -> list[Refusal]:
    """Bind an endpoint's sockets; what was refused is returned."""
    if one.endpoint.port != 0:
        return _bind_port(one, one.endpoint, workers)
    for attempt in range(_PORT_TRIES):
        with contextlib.suppress(OSError), _stream(one.endpoint, 1) as probe:
            one.endpoint = one.endpoint._replace(port=probe.getsockname()[1])
        refused = _bind_port(one, one.endpoint, workers)
        if not refused or one.endpoint.port == 0 or attempt == _PORT_TRIES - 1:
            return refused
        one.close()
        one.endpoint = one.endpoint._replace(port=0)
    return []


def _bind_port(one: _Bound, endpoint: Endpoint, workers: int) -> list[Refusal]:
    refused = []
    try:
        # SO_REUSEPORT would let a second instance of the same account share the port; a socket without it notices.
        _datagram(endpoint, reuse=False).close()
        for _ in range(workers):
            one.udp.append(_datagram(endpoint, reuse=True))
    except OSError as problem:
        refused.append(explain(endpoint, "UDP", problem))
    try:
        one.tcp.append(_stream(endpoint, TCP_BACKLOG))
    except OSError as problem:
        refused.append(explain(endpoint, "TCP", problem))
    return refused


def _datagram(endpoint: Endpoint, *, reuse: bool) -> socket.socket:
    sock, address = _new(endpoint, socket.SOCK_DGRAM)
    try:
        if reuse:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            _tune_udp(sock, _plain(endpoint.address).is_unspecified)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _stream(endpoint: Endpoint, backlog: int) -> socket.socket:
    sock, address = _new(endpoint, socket.SOCK_STREAM)
    try:
        # Not SO_REUSEPORT: a port that another program listens on is refused. Old connections in TIME_WAIT don't matter.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
        sock.bind(address)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _new(endpoint: Endpoint, kind: socket.SocketKind) -> tuple[socket.socket, tuple[str | int, ...]]:
    """A non-blocking socket that no child inherits unless it is passed, and the address to bind it to."""
    plain = _plain(endpoint.address)
    address: tuple[str | int, ...] = (str(plain), endpoint.port)
    if plain.version == 6:
        address += (0, _scope(endpoint.address, plain))
    sock = socket.socket(socket.AF_INET if plain.version == 4 else socket.AF_INET6, kind)
    sock.setblocking(False)
    if plain.version == 6:
        # An IPv4 client must not arrive as ::ffff:a.b.c.d: it has a socket of its own.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock, address


def _tune_udp(sock: socket.socket, wildcard: bool) -> None:
    """Room for bursts, the asked address with each query, and no trust in ICMP. All but the address is best effort."""
    if sys.platform == "linux":
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)  # beyond rmem_max: CAP_NET_ADMIN
        except OSError:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if sock.family == socket.AF_INET6:
        if wildcard:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        level, option = socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER
    else:
        if wildcard:
            sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_PKTINFO", _IP_PKTINFO), 1)
        level, option = socket.IPPROTO_IP, _IP_MTU_DISCOVER
    if sys.platform == "linux":
        # A forged "fragmentation needed" must not make us send fragments (RFC 9715; unbound and BIND do the same).
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, _PMTUDISC_OMIT)


def _dropped(sock: socket.socket) -> int:
    if sys.platform != "linux":
        return 0
    try:
        told = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    except OSError:
        return 0
    return int.from_bytes(told[_MEMINFO_DROPS], sys.byteorder)


def _plain(address: str) -> IPv4Address | IPv6Address:
    return ip_address(address.partition("%")[0])


def _scope(address: str, plain: IPv4Address | IPv6Address) -> int:
    """The interface's number for a link-local address (RFC 4007); 0 for the others."""
    if not plain.is_link_local:
        return 0
    zone = address.partition("%")[2]
    if not zone:
        message = "a link-local address needs a zone, as it exists on every interface"
        raise BadZone(message)
    try:
        return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError:
        message = f"this machine has no interface {zone}"
        raise BadZone(message) from None


def _without_covered(listen: Sequence[Endpoint]) -> list[Endpoint]:
    """Each endpoint once, and none that a wildcard with its port and family covers."""
    wildcards = {(end.port, _plain(end.address).version) for end in listen if _plain(end.address).is_unspecified}
    kept = []
    for end in dict.fromkeys(listen):
        plain = _plain(end.address)
        if not plain.is_unspecified and end.port != 0 and (end.port, plain.version) in wildcards:
            log.info("%s is part of %s already", end, "[::]" if plain.version == 6 else "0.0.0.0")  # noqa: S104
        else:
            kept.append(end)
    return kept


def _no_ipv6(refused: Sequence[Refusal]) -> bool:
    return all(refusal.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) for refusal in refused)
