"""The settings that are addresses: where we listen, whom we answer, whom we ask; and that we never ask ourselves."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from mirage_hole.config.problem import BadValue
from mirage_hole.config.resolv import system_resolvers
from mirage_hole.config.settled import PRIVATE_NETWORKS, Endpoint, HostName
from mirage_hole.config.values import parse_endpoint, parse_network, parse_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.config.host import Host
    from mirage_hole.config.resolving import Upstream
    from mirage_hole.config.serving import Server, Web
    from mirage_hole.config.settle import Findings
    from mirage_hole.config.settled import GroupSettings, RouteSettings
    from mirage_hole.config.settled import Server as Resolver

DNS_PORT = 53
WEB_PORT = 8080
MAX_LISTEN = 64
MAX_UPSTREAMS = 32
MAX_ALL = 250  # resolvers of all groups; a record has one octet for who answered
ADDRESSES_A_NAME = 4
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
_BROADCAST = ip_address("255.255.255.255")
DOCKER_RESOLVER = Endpoint("127.0.0.11", DNS_PORT)
# A network with fewer prefix bits than this is so large that it holds strangers.
OPEN_PREFIX = {4: 8, 6: 16}


def settle_listen(server: Server, found: Findings, host: Host) -> tuple[Endpoint, ...]:
    """Where to answer: no address twice, and none that a wildcard covers already (binding both fails)."""
    path = "server.listen"
    if not 1 <= server.port <= 65535:
        found.problem("server.port", server.port, "not a port", "write a number from 1 to 65535")
    written = tuple(server.listen)
    if path not in found.loaded.places and not host.has_ipv6:
        written = WILDCARDS[:1]
    endpoints = _endpoints(path, written, server.port, found)
    if not written:
        found.problem(path, written, "nowhere to listen", "write an address such as 0.0.0.0, or leave it out")
    elif len(endpoints) > MAX_LISTEN:
        found.problem(path, None, f"{len(endpoints)} addresses are too many", f"write at most {MAX_LISTEN}")
    kept = []
    for endpoint in endpoints:
        wildcard = Endpoint(WILDCARDS[":" in endpoint.address], endpoint.port)
        if endpoint != wildcard and wildcard in endpoints:
            found.warning(path, str(endpoint), f"{wildcard} covers it already", f"leave out {endpoint} or {wildcard}")
        else:
            kept.append(endpoint)
    return tuple(kept)


def settle_upstreams(
    upstream: Upstream, listen: tuple[Endpoint, ...], found: Findings, host: Host
) -> tuple[Resolver, ...]:
    """Whom to ask: what was written, or else the system's resolvers; in both cases never ourselves."""
    path = "upstream.servers"
    if upstream.servers or path in found.loaded.broken:
        return settle_servers(path, upstream.servers, listen, found, host)
    system, file = system_resolvers(host.resolv_conf, host.resolved_conf)
    others = tuple(server for server in system if not asks_itself(server, listen, host))
    # Without a usable place to listen, what is ourselves is not known either: one problem is enough.
    if not others and "server.listen" not in found.bad:
        what = f"{file} names only this server" if system else f"{file} names no resolver"
        found.problem(path, None, f"{what}, so there is nobody to ask", "write one, for example --upstream 9.9.9.9")
    found.derived(path, str(file))
    return others


def settle_bootstrap(
    upstream: Upstream,
    upstreams: tuple[Resolver, ...],
    groups: tuple[GroupSettings, ...],
    routes: tuple[RouteSettings, ...],
    listen: tuple[Endpoint, ...],
    found: Findings,
    host: Host,
) -> tuple[Endpoint, ...]:
    """Who is asked for the addresses of resolvers with names: what was written, or else resolvers with addresses.

    Also checks how many resolvers there are in all.
    """
    path = "upstream.bootstrap"
    several = [upstreams, *(group.servers for group in groups), *(route.servers for route in routes)]
    everybody = dict.fromkeys(one for servers in several for one in servers)
    names = {one for one in everybody if isinstance(one, HostName)}
    if len(everybody) + (ADDRESSES_A_NAME - 1) * len(names) > MAX_ALL:
        what = f"{len(everybody)} resolvers in all are too many, {len(names)} names among them"
        found.problem("upstream.servers", None, what, f"write at most {MAX_ALL}; a name counts as {ADDRESSES_A_NAME}")
    if upstream.bootstrap or path in found.loaded.broken:
        written = _endpoints(path, _several(upstream.bootstrap), DNS_PORT, found)
        _check_servers(path, written, listen, found, host)
        return written
    if not names:
        return ()
    system, file = system_resolvers(host.resolv_conf, host.resolved_conf)
    servers = tuple(one for one in upstreams if isinstance(one, Endpoint)) or tuple(
        server for server in system if not asks_itself(server, listen, host)
    )
    name = next((one.name for one in everybody if isinstance(one, HostName) and not one.address), "")
    if name and not servers and "server.listen" not in found.bad:
        what = f"nobody can be asked for the address of {name}, since {file} names no other resolver"
        found.problem(path, None, what, f"write one, such as 9.9.9.9, or the address: {name}@192.0.2.1")
    return servers


def settle_servers(
    path: str, written: tuple[str, ...] | str, listen: tuple[Endpoint, ...], found: Findings, host: Host
) -> tuple[Resolver, ...]:
    """Resolvers to ask: never ourselves."""
    servers = _read(path, _several(written), parse_server, DNS_PORT, found)
    _check_servers(path, servers, listen, found, host)
    return servers


def _check_servers(
    path: str, servers: tuple[Resolver, ...], listen: tuple[Endpoint, ...], found: Findings, host: Host
) -> None:
    for server in servers:
        if isinstance(server, HostName) and not server.address:
            continue
        endpoint = Endpoint(server.address, server.port)
        if _is_nobodys(endpoint.address):
            found.problem(path, str(endpoint), "no resolver has this address", "write one such as 9.9.9.9")
        elif asks_itself(endpoint, listen, host):
            what = "this server itself: it would ask itself without end"
            found.problem(path, str(endpoint), what, "write the address of another resolver, such as 9.9.9.9")
    if len(servers) > MAX_UPSTREAMS:
        found.problem(path, None, f"{len(servers)} resolvers are too many", f"write at most {MAX_UPSTREAMS}")


def _is_nobodys(address: str) -> bool:
    """Whether no single machine can have it: a wildcard, multicast, broadcast."""
    plain = ip_address(address.partition("%")[0])
    return plain.is_unspecified or plain.is_multicast or plain == _BROADCAST


def settle_web(web: Web, listen: tuple[Endpoint, ...], found: Findings) -> Endpoint | None:
    """Where the web server listens: anywhere, as whoever comes has to log in. Where some need no login (``web.open_for``), on
    loopback, unless its owner says that they may see it."""
    path = "web.listen"
    if web.listen.strip().lower() in {"off", "none"}:
        return None
    endpoint = found.parsed(path, web.listen, lambda: parse_endpoint(web.listen, WEB_PORT), None)
    if endpoint is None:
        return None
    if (
        not ip_address(endpoint.address.partition("%")[0]).is_loopback
        and _is_open_beyond_loopback(web)
        and not (web.anywhere or "web.anywhere" in found.bad)
    ):
        what = "not a loopback address, and web.open_for lets visitors see every query without a login"
        instead = (
            f"write 127.0.0.1:{endpoint.port}, leave out web.open_for, or write web.anywhere = true (--web-anywhere) if "
            "everyone there may see them"
        )
        found.problem(path, web.listen, what, instead)
    for other in listen:
        same_family = (":" in other.address) == (":" in endpoint.address)
        overlap = other.address == endpoint.address or other.address in WILDCARDS or endpoint.address in WILDCARDS
        if other.port == endpoint.port and same_family and overlap:
            found.problem(path, web.listen, f"DNS is answered on {other} already", "write another port, or off")
            break
    return endpoint


def _is_open_beyond_loopback(web: Web) -> bool:
    for text in _several(web.open_for):
        try:
            networks = parse_network(text)
        except BadValue:  # has a problem of its own
            continue
        if not all(ip_network(one).is_loopback for one in networks):
            return True
    return False


def settle_limited(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    """Networks whose clients have no limit, or have one all the same."""
    networks: dict[str, None] = {}
    for item, text in enumerate((written,) if isinstance(written, str) else tuple(written)):
        parsed = found.parsed(path, text, lambda text=text: parse_network(text), (), item=item)  # type: ignore[misc]
        networks.update(dict.fromkeys(parsed))
    return tuple(networks)


def settle_allow_from(server: Server, listen: tuple[Endpoint, ...], found: Findings) -> tuple[str, ...]:
    """Who is answered. An open resolver is used against others, so being one is said aloud."""
    path = "server.allow_from"
    networks: dict[str, None] = {}
    for item, text in enumerate(server.allow_from):
        parsed = found.parsed(path, text, lambda text=text: parse_network(text), (), item=item)  # type: ignore[misc]
        networks.update(dict.fromkeys(parsed))
    if not server.allow_from:
        found.problem(path, (), "nobody would be answered", "write private, or a network such as 192.168.0.0/16")
    reachable = any(not ip_address(endpoint.address.partition("%")[0]).is_loopback for endpoint in listen)
    for network in networks:
        parsed_network = ip_network(network)
        if (
            reachable
            and network not in PRIVATE_NETWORKS
            and parsed_network.prefixlen < OPEN_PREFIX[parsed_network.version]
        ):
            what = "an open resolver: strangers will use it to attack others, unless a firewall keeps them out"
            found.warning(path, network, what, "write only your own networks")
    return tuple(networks)


def asks_itself(upstream: Endpoint, listen: tuple[Endpoint, ...], host: Host) -> bool:
    """Whether a question to this resolver would arrive at one of our own sockets."""
    if host.in_docker and upstream == DOCKER_RESOLVER:
        return False
    bare = upstream.address.partition("%")[0]
    for endpoint in listen:
        if endpoint.port != upstream.port:
            continue
        if endpoint.address.partition("%")[0] == bare:
            return True
        if endpoint.address == WILDCARDS[":" in bare] and (
            ip_address(bare).is_loopback or host.is_own(upstream.address)
        ):
            return True
    return False


def _endpoints(path: str, written: tuple[str, ...], port: int, found: Findings) -> tuple[Endpoint, ...]:
    """The endpoints that could be read, each once, in order."""
    return _read(path, written, parse_endpoint, port, found)


def _several(written: tuple[str, ...] | str) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)


def _read(
    path: str, written: tuple[str, ...], parse: Callable[[str, int], Any], port: int, found: Findings
) -> tuple[Any, ...]:
    endpoints: dict[Resolver, None] = {}
    for item, text in enumerate(written):
        endpoint = found.parsed(path, text, lambda text=text: parse(text, port), None, item=item)  # type: ignore[misc]
        if endpoint is None:
            continue
        if "%" not in endpoint.address and endpoint.address.startswith("fe80:"):
            instead = f"write it, such as {Endpoint(endpoint.address + '%eth0', endpoint.port)}"
            found.problem(path, text, "a link-local address needs its interface", instead, item=item)
            continue
        endpoints[endpoint] = None
    return tuple(endpoints)
