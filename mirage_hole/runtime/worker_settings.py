"""What a worker is told when it starts: plain values, and no secret but that of cookies."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Final

import orjson

from mirage_hole.cache.lifetimes import DEFAULT, Lifetimes

_LISTS: Final = (
    "udp_fds", "tcp_fds", "allow_from", "unsigned", "rebinding_allow", "limit_exempt", "limit_enforce", "block_types", "loop_tokens",
    "cookie_secrets",
)  # fmt: skip
"""Fields that are a list of plain values."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Everything a worker needs; sent as JSON on its standard input."""

    number: int
    """0 for the first worker."""
    udp_fds: tuple[int, ...]
    """Bound UDP sockets, this worker's own (SO_REUSEPORT)."""
    tcp_fds: tuple[int, ...]
    """Bound and listening TCP sockets, shared by all workers."""
    channel_fd: int
    upstreams: tuple[tuple[str, int], ...]
    """(address, port), in the order of preference."""
    timeout: float
    """Seconds from a query's arrival to SERVFAIL."""
    cache_bytes: int
    block_mode: str
    """``null``, ``nxdomain``, ``nodata``, ``refused`` or ``ip``."""
    block_ipv4: str = ""
    """The sinkhole's address in mode ``ip``; empty for none."""
    block_ipv6: str = ""
    block_ttl: int = 10
    """Seconds."""
    allow_from: tuple[str, ...] = ()
    """Networks that are answered, in CIDR notation."""
    clients: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    """(name, networks in CIDR notation, tags), for rules about clients."""
    wait_for_lists: bool = False
    """Nothing is forwarded while there is no generation."""
    policy_path: str = ""
    """Directory of the generation to start with; empty for none."""
    own_rules_path: str = ""
    """File with the user's own rules, compiled; empty for none."""
    own_rules_version: int = 0
    """Which state of them that is; the worker says it back."""
    tcp_idle: float = 10.0
    """Seconds without a byte after which a TCP connection is closed."""
    tcp_connections: int = 1000
    tcp_connections_per_client: int = 50
    max_in_flight: int = 10_000
    """Questions waiting for an upstream; more are answered SERVFAIL."""
    log_level: str = "INFO"
    log_format: str = "text"
    """``text``, ``logfmt`` or ``json``."""
    paused_until: float | None = None
    cache_lifetimes: Lifetimes = DEFAULT
    cache_directory: str = ""
    """Where the workers keep answers while they do not run, each in a folder of its own; empty: nowhere."""
    cache_keep: bool = True
    """False: what is kept there is removed."""
    dnssec: bool = False
    """The answers of ``upstreams`` are validated."""
    trust_anchors: tuple[tuple[str, int, int, int, str], ...] = ()
    """(zone, key tag, algorithm, digest type, digest in hexadecimal) for DNSSEC validation; none: the root's own."""
    groups: tuple[tuple[str, tuple[int, ...], str, bool, int], ...] = ()
    """(name, numbers of upstreams, strategy, whether answers are validated, number of the fallback or -1), the default
    group first; none: all upstreams are one group."""
    routes: tuple[tuple[str, int], ...] = ()
    """(domain, number of a group)."""
    queries_per_second: int = 0
    """That one client may ask; 0: as many as it likes."""
    query_burst: int = 3000
    limit_exempt: tuple[str, ...] = ()
    """Networks without a limit besides loopback, in CIDR notation."""
    limit_enforce: tuple[str, ...] = ()
    """Networks within those that have a limit all the same."""
    answers_per_second: int = 0
    """The same answer to one network that is not private; 0: as often as it is asked for."""
    special_names: bool = True
    canaries: bool = True
    private_relay: bool = False
    private_reverse: bool = True
    forward_unqualified: bool = False
    local_path: str = ""
    """File with local data, compiled; empty for none."""
    local_version: int = 0
    """Which state of it that is."""
    rebinding: bool = True
    """Answers that lead from outside to a private address are taken away."""
    rebinding_allow: tuple[str, ...] = ()
    """Domains whose answers may."""
    drop_ech: bool = False
    ecs: str = "strip"
    """What upstreams are told of clients: ``strip``, ``forward``, or a network in CIDR notation."""
    any_answer: str = "hinfo"
    """What queries for ANY get: ``hinfo``, ``refuse`` or ``forward``."""
    version_text: str = ""
    """What is told of the software in class CHAOS; empty: nothing."""
    identity: str = ""
    """What is told of the server there; empty: nothing."""
    block_types: tuple[int, ...] = ()
    """Query types that are answered with no data."""
    random_case: bool = False
    """Names are spelt at random in questions to upstreams."""
    loop_tokens: tuple[str, ...] = ()
    """Sixteen hexadecimal digits for each upstream, by which all workers know a question of theirs that comes back; none:
    loops are not looked for."""
    unqualified: int = -1
    """The group for names of one label; -1: none in particular."""
    cookies: bool = False
    """Clients get DNS cookies."""
    cookie_secrets: tuple[str, ...] = field(default=(), repr=False)
    """In hexadecimal; the first makes cookies, the others are still believed. None: there are no cookies."""
    nsid: str = ""
    """This server's name for whoever asks; empty: none is told."""
    padding: int = 0
    """Octets to a multiple of which replies over TCP are padded; 0: none is."""
    unsigned: tuple[str, ...] = ()
    """Names that validation counts as unsigned with all below them."""

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self), default=tuple)  # named tuples, which JSON has no word for

    @classmethod
    def from_json(cls, data: bytes) -> WorkerSettings:
        raw = orjson.loads(data)
        raw["upstreams"] = tuple((host, port) for host, port in raw["upstreams"])
        for name in _LISTS:
            raw[name] = tuple(raw[name])
        raw["clients"] = tuple((name, tuple(networks), tuple(tags)) for name, networks, tags in raw["clients"])
        raw["groups"] = tuple((group[0], tuple(group[1]), *group[2:]) for group in raw["groups"])
        raw["routes"] = tuple((domain, number) for domain, number in raw["routes"])
        raw["trust_anchors"] = tuple(tuple(anchor) for anchor in raw["trust_anchors"])
        raw["cache_lifetimes"] = Lifetimes(**raw["cache_lifetimes"])
        return cls(**raw)
