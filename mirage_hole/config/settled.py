"""What the configuration means, once everything is read and checked. Nothing inside the program knows this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.cache.lifetimes import DEFAULT, Lifetimes

if TYPE_CHECKING:
    from pathlib import Path

# Private, loopback and link-local networks: who is answered unless the configuration says otherwise.
PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)


class Endpoint(NamedTuple):
    """An address and a port."""

    address: str
    """IPv4 or IPv6 literal, without brackets; a link-local address keeps its ``%zone``."""
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class HostName(NamedTuple):
    """A resolver whose address must be looked up."""

    name: str
    """Lower-case, without the final dot."""
    port: int
    address: str = ""
    """IPv4 or IPv6 literal to ask until a look-up has succeeded; empty for none."""

    def __str__(self) -> str:
        return f"{self.name}@{Endpoint(self.address, self.port)}" if self.address else f"{self.name}:{self.port}"


Server = Endpoint | HostName
"""A resolver as the configuration names it."""


class EdnsSettings(NamedTuple):
    """What clients get that ask by an EDNS option."""

    cookies: bool = True
    nsid: str = ""
    """Printable ASCII; empty: nobody is told."""
    padding: int = 468
    """Octets to a multiple of which replies over TCP are padded; 0: none is."""


class TrustSettings(NamedTuple):
    """What DNSSEC validation trusts."""

    anchors: tuple[tuple[str, int, int, int, str], ...] = ()
    """(zone, key tag, algorithm, digest type, digest in hexadecimal); none: the root's own."""
    unsigned: tuple[str, ...] = ()
    """Names that count as unsigned with all below them."""
    file: str = ""
    """Where the anchors are from."""


ROOT_TRUST = TrustSettings()
PLAIN_EDNS = EdnsSettings()


class StatisticsSettings(NamedTuple):
    """How long statistics are kept, in seconds."""

    enabled: bool = True
    keep_minutes: float = 2 * 86400.0
    keep_hours: float = 90 * 86400.0
    keep_days: float = 1826 * 86400.0


USUAL_STATISTICS = StatisticsSettings()


class QueryLogSettings(NamedTuple):
    """What is kept of queries, and for how long."""

    enabled: bool = True
    keep: int = 30
    """Days of queries that were not blocked."""
    keep_blocked: int = 90
    """Days of blocked ones."""
    size: int = 2 * 1024**3
    """Octets of all files."""
    profile: str = "normal"
    """``normal`` or ``sd-card``."""
    privacy: str = "full"
    """``full``, ``hide-names``, ``hide-clients`` or ``statistics``."""
    exclude: tuple[str, ...] = ()
    """Networks of clients about whom nothing is known, in CIDR notation."""


USUAL_QUERY_LOG = QueryLogSettings()


class InfluxSettings(NamedTuple):
    """Where metrics are pushed to."""

    url: str = ""
    """Of the write itself; empty: nowhere."""
    token_file: str = ""
    """Absolute path; empty: no token."""
    every: float = 10.0
    """Seconds."""


NO_INFLUX = InfluxSettings()


class GroupSettings(NamedTuple):
    """Resolvers that stand for each other: one ``[[group]]`` of the file."""

    name: str
    servers: tuple[Server, ...]
    strategy: str = "fastest"
    dnssec: bool = False
    fallback: str = ""
    """Name of a group; empty for none."""


class RouteSettings(NamedTuple):
    """Who is asked for some names: one ``[[route]]`` of the file."""

    domains: tuple[str, ...]
    """Lower-case, or ``unqualified``."""
    group: str = ""
    """Name of a group; empty: ``servers``."""
    servers: tuple[Server, ...] = ()
    fallback: str = ""


class RecordSettings(NamedTuple):
    """A record of local data: one ``[[record]]`` of the file."""

    name: str
    """Lower-case; with ``*.`` in front for all names below."""
    type: str
    value: str
    """As zone files have it; it is known to be right."""
    ttl: int = -1
    """Seconds; -1: ``LocalSettings.ttl``."""
    networks: tuple[str, ...] = ()
    """The clients that get it, in CIDR notation; none: all."""


class LocalSettings(NamedTuple):
    """Names that are answered here, and where from."""

    name: str = "mirage.hole"
    """The server's own; empty for none."""
    addresses: tuple[str, ...] = ()
    """The server's; none: those that the machine has."""
    domain: str = "lan"
    """Stands behind names without a dot; empty for none."""
    serves_domain: bool = False
    """What is not known in ``domain`` does not exist."""
    ttl: int = 60
    """Seconds."""
    hosts: tuple[str, ...] = ()
    """Absolute paths of hosts files."""
    leases: tuple[str, ...] = ()
    """Absolute paths of DHCP servers' lease files."""


NO_FILES = LocalSettings()


class ListSettings(NamedTuple):
    """A list with wishes of its own: one ``[[list]]`` of the file."""

    source: str
    """URL, absolute path or catalogue name."""
    kind: str = "block"
    """``block`` or ``allow``."""
    title: str = ""
    """Empty: what the list calls itself."""
    format: str = ""
    """Empty: found out."""
    refresh_every: float = 0.0
    """Seconds between two downloads; 0: as the list's own ``Expires:`` says, else ``Settled.refresh_every``."""
    sha256: str = ""
    """Lower-case; empty: any."""
    enabled: bool = True
    """False: left out, also where ``blocklists`` or ``allowlists`` has it."""


class Secret(str):
    """A text that is not shown where values are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


class NotifySettings(NamedTuple):
    """Who is told when something needs attention: one ``[[notify]]`` of the file."""

    name: str
    kind: str
    """``webhook``, ``ntfy`` or ``smtp``."""
    url: str = ""
    server: str = ""
    port: int = 0
    tls: str = "starttls"
    user: str = ""
    password: Secret = Secret()
    password_file: str = ""
    """Absolute path; it is read when it is needed."""
    secret: Secret = Secret()
    secret_file: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    """Of :data:`mirage_hole.observe.notices.EVENTS`."""
    every: float = 3600.0
    """Seconds between two messages about the same thing."""
    link: str = ""
    """Of the web page, without the final slash; empty: found out."""


class ClientSettings(NamedTuple):
    """Who has which addresses: one ``[[client]]`` of the file."""

    name: str
    addresses: tuple[str, ...]
    """Canonical CIDR notation; each network belongs to one client."""
    tags: tuple[str, ...] = ()
    """Lower-case."""


SELF_SIGNED = "self-signed"
"""In the place of a certificate's file: one that this server makes."""


@dataclass(frozen=True, slots=True)
class WebDoor:
    """How the web server is entered, besides where it listens."""

    certificate: str = ""
    """PEM file, or ``SELF_SIGNED``; empty: HTTP."""
    key: str = ""
    redirect: Endpoint | None = None
    """Where HTTP leads to HTTPS."""
    trusted_proxies: tuple[str, ...] = ()
    """CIDR notation, as all networks here."""
    allow_from: tuple[str, ...] = PRIVATE_NETWORKS
    host_names: tuple[str, ...] = ()
    """Lower-case, without the final dot."""
    cors_origins: tuple[str, ...] = ()
    """Lower-case, ``scheme://host[:port]``."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Every setting, with its final value."""

    listen: tuple[Endpoint, ...]
    web: Endpoint | None
    """None: no web server."""
    web_anywhere: bool
    """The web server may listen on an address other than loopback."""
    blocklists: tuple[str, ...]
    """Sources: URL, file path or catalogue name."""
    allowlists: tuple[str, ...]
    upstreams: tuple[Server, ...]
    timeout: float
    """Seconds from a query's arrival to SERVFAIL."""
    cache_bytes: int
    block_mode: str
    block_ipv4: str
    block_ipv6: str
    block_ttl: int
    workers: int
    allow_from: tuple[str, ...]
    refresh_every: float
    """Seconds between two downloads of a list."""
    state_directory: Path
    user: str | None
    """Whom to become after binding; None: choose; ``root``: stay. See ``runtime/privileges.py``."""
    log_level: str
    log_format: str
    """``text``, ``logfmt`` or ``json``."""
    config_file: Path | None
    lists: tuple[ListSettings, ...] = ()
    """Lists with wishes of their own, besides ``blocklists`` and ``allowlists``; a source that is there too is used as it says here."""
    door: WebDoor = WebDoor()
    web_open_for: tuple[str, ...] = ()
    """CIDR notation; whose visitors look without a login."""
    requests_per_second: int = 50
    """Of each visitor of the web server; 0: any number."""
    session_idle: float = 7 * 86400.0
    """Seconds without a request after which a login ends."""
    session_max: float = 30 * 86400.0
    """Seconds after which every login ends."""
    shrink_guard: float = 0.5
    """A list that loses more than this share of its rules is held back; 0: none is."""
    file_folders: tuple[Path, ...] = ()
    """Where files must lie that are made lists while the server runs."""
    clients: tuple[ClientSettings, ...] = ()
    """Names and tags that rules may ask for."""
    cache_lifetimes: Lifetimes = DEFAULT
    cache_keep: bool = True
    """Answers are kept in the state directory while nobody runs."""
    statistics: StatisticsSettings = USUAL_STATISTICS
    query_log: QueryLogSettings = USUAL_QUERY_LOG
    influx: InfluxSettings = NO_INFLUX
    dnssec: bool = False
    """The answers of ``upstreams`` are validated."""
    trust: TrustSettings = ROOT_TRUST
    edns: EdnsSettings = PLAIN_EDNS
    queries_per_second: int = 300
    """That one client may ask; 0: as many as it likes."""
    query_burst: int = 3000
    limit_exempt: tuple[str, ...] = ()
    """Networks without a limit, in CIDR notation."""
    wait_for_lists: bool = False
    """Nothing is forwarded while there are no compiled lists."""
    limit_enforce: tuple[str, ...] = ()
    """Networks within those that have a limit all the same."""
    answers_per_second: int = 50
    """The same answer to one network that is not private; 0: as often as it is asked for."""
    tcp_connections: int = 1000
    tcp_connections_per_client: int = 50
    special_names: bool = True
    """Names of special use are answered here."""
    canaries: bool = True
    """Names are absent whose absence asks programs to use this resolver."""
    private_relay: bool = False
    """iCloud Private Relay's names exist all the same."""
    private_reverse: bool = True
    """Among the names of special use are reverse zones of private networks."""
    forward_unqualified: bool = False
    """Names without a dot are asked for like all others."""
    local: LocalSettings = NO_FILES
    records: tuple[RecordSettings, ...] = ()
    """Local data of the configuration itself."""
    rebinding: bool = True
    """Answers that lead from outside to a private address are taken away."""
    rebinding_allow: tuple[str, ...] = ()
    """Domains whose answers may."""
    drop_ech: bool = False
    ecs: str = "strip"
    """What upstreams are told of clients: ``strip``, ``forward``, or a network in CIDR notation."""
    any_answer: str = "hinfo"
    """What queries for ANY get: ``hinfo``, ``refuse`` or ``forward``."""
    version_text: str = "Mirage Hole"
    """What is told of the software in class CHAOS; empty: nothing."""
    identity: str = ""
    """What is told of the server there; empty: nothing."""
    block_types: tuple[int, ...] = ()
    """Query types that are answered with no data."""
    upstream_strategy: str = "fastest"
    upstream_fallback: str = ""
    """Name of a group; empty for none."""
    bootstrap: tuple[Endpoint, ...] = ()
    """Who is asked for the addresses of resolvers that are written as names."""
    random_case: bool = False
    """Names are spelt at random in questions to upstreams."""
    groups: tuple[GroupSettings, ...] = ()
    """Besides that of ``upstreams``, which is called ``default``."""
    routes: tuple[RouteSettings, ...] = ()
    notify: tuple[NotifySettings, ...] = ()
    """Who is told when something needs attention."""
