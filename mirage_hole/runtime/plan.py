"""What settings mean for the running parts: what a worker is told, and which parts a changed setting concerns."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.forwarding import forwarding
from mirage_hole.runtime.worker_settings import WorkerSettings

if TYPE_CHECKING:
    from mirage_hole.config.settled import Settled


class Part(Enum):
    """Who has to know of a changed setting."""

    WORKERS = "workers"
    LISTS = "lists"
    WEB = "web"
    LOCAL = "local"
    LOG = "log"
    STATISTICS = "statistics"
    QUERY_LOG = "query log"
    INFLUX = "influx"
    NOTIFY = "notify"
    NAMES = "names"
    """Looks up upstreams that are written as names."""
    RESTART = "restart"
    """Nobody can take it while running: sockets, accounts and directories are settled before root is dropped."""
    NOBODY = "nobody"


CONCERNS: Final[dict[str, tuple[Part, ...]]] = {
    "listen": (Part.RESTART,),
    "workers": (Part.RESTART,),
    "user": (Part.RESTART,),
    "state_directory": (Part.RESTART,),
    "web": (Part.WEB, Part.NOTIFY),
    "web_anywhere": (Part.WEB,),
    "door": (Part.WEB,),
    "web_open_for": (Part.WEB,),
    "requests_per_second": (Part.WEB,),
    "session_idle": (Part.WEB,),
    "session_max": (Part.WEB,),
    "blocklists": (Part.LISTS,),
    "allowlists": (Part.LISTS,),
    "refresh_every": (Part.LISTS,),
    "lists": (Part.LISTS,),
    "shrink_guard": (Part.LISTS,),
    "file_folders": (Part.LISTS,),
    # List servers and those that are notified are found through the upstreams: the filter might block its own lists.
    "upstreams": (Part.WORKERS, Part.LISTS, Part.NOTIFY),
    "queries_per_second": (Part.WORKERS,),
    "query_burst": (Part.WORKERS,),
    "limit_exempt": (Part.WORKERS,),
    "limit_enforce": (Part.WORKERS,),
    "answers_per_second": (Part.WORKERS,),
    "tcp_connections": (Part.WORKERS,),
    "tcp_connections_per_client": (Part.WORKERS,),
    "special_names": (Part.WORKERS,),
    "canaries": (Part.WORKERS,),
    "private_relay": (Part.WORKERS,),
    "private_reverse": (Part.WORKERS,),
    "forward_unqualified": (Part.WORKERS,),
    "local": (Part.LOCAL, Part.NOTIFY),
    "records": (Part.LOCAL,),
    "rebinding": (Part.WORKERS,),
    "rebinding_allow": (Part.WORKERS,),
    "drop_ech": (Part.WORKERS,),
    "ecs": (Part.WORKERS,),
    "any_answer": (Part.WORKERS,),
    "version_text": (Part.WORKERS,),
    "identity": (Part.WORKERS,),
    "block_types": (Part.WORKERS,),
    "upstream_strategy": (Part.WORKERS,),
    "upstream_fallback": (Part.WORKERS,),
    "bootstrap": (Part.NAMES,),
    "random_case": (Part.WORKERS,),
    "groups": (Part.WORKERS,),
    "routes": (Part.WORKERS,),
    "timeout": (Part.WORKERS,),
    "cache_bytes": (Part.WORKERS,),
    "cache_lifetimes": (Part.WORKERS,),
    "cache_keep": (Part.WORKERS,),
    "statistics": (Part.STATISTICS,),
    "influx": (Part.INFLUX,),
    "query_log": (Part.QUERY_LOG, Part.STATISTICS),
    "dnssec": (Part.WORKERS,),
    "trust": (Part.WORKERS,),
    "edns": (Part.WORKERS,),
    "block_mode": (Part.WORKERS,),
    "block_ipv4": (Part.WORKERS,),
    "block_ipv6": (Part.WORKERS,),
    "block_ttl": (Part.WORKERS,),
    "wait_for_lists": (Part.WORKERS,),
    "allow_from": (Part.WORKERS,),
    "clients": (Part.WORKERS, Part.NOTIFY),
    "log_level": (Part.LOG, Part.WORKERS),
    "log_format": (Part.LOG, Part.WORKERS),
    "notify": (Part.NOTIFY,),
    "config_file": (Part.NOBODY,),
}
"""Every field of :class:`mirage_hole.config.settled.Settled`."""


def changed(old: Settled, new: Settled) -> dict[Part, list[str]]:
    """The names of the settings that differ, by the parts that they concern."""
    found: dict[Part, list[str]] = {}
    for name, parts in CONCERNS.items():
        if getattr(old, name) != getattr(new, name):
            for part in parts:
                found.setdefault(part, []).append(name)
    return found


def worker_settings(settled: Settled) -> WorkerSettings:
    """What every worker is told; number, descriptors and the generation are filled in later."""
    plan = forwarding(settled)
    return WorkerSettings(
        number=0,
        udp_fds=(),
        tcp_fds=(),
        channel_fd=-1,
        upstreams=tuple((end.address, end.port) for end in plan.upstreams),
        groups=plan.groups,
        random_case=settled.random_case,
        queries_per_second=settled.queries_per_second,
        query_burst=settled.query_burst,
        limit_exempt=settled.limit_exempt,
        limit_enforce=settled.limit_enforce,
        answers_per_second=settled.answers_per_second,
        tcp_connections=settled.tcp_connections,
        tcp_connections_per_client=settled.tcp_connections_per_client,
        special_names=settled.special_names,
        canaries=settled.canaries,
        private_relay=settled.private_relay,
        private_reverse=settled.private_reverse,
        forward_unqualified=settled.forward_unqualified,
        rebinding=settled.rebinding,
        rebinding_allow=settled.rebinding_allow,
        drop_ech=settled.drop_ech,
        ecs=settled.ecs,
        any_answer=settled.any_answer,
        version_text=settled.version_text,
        identity=settled.identity,
        block_types=settled.block_types,
        routes=plan.routes,
        unqualified=plan.unqualified,
        timeout=settled.timeout,
        cache_bytes=settled.cache_bytes,
        cache_lifetimes=settled.cache_lifetimes,
        cache_directory=str(settled.state_directory / "cache"),
        cache_keep=settled.cache_keep,
        dnssec=settled.dnssec,
        trust_anchors=settled.trust.anchors,
        unsigned=settled.trust.unsigned,
        cookies=settled.edns.cookies,
        nsid=settled.edns.nsid,
        padding=settled.edns.padding,
        block_mode=settled.block_mode,
        block_ipv4=settled.block_ipv4,
        block_ipv6=settled.block_ipv6,
        block_ttl=settled.block_ttl,
        wait_for_lists=settled.wait_for_lists,
        allow_from=settled.allow_from,
        clients=tuple((one.name, one.addresses, one.tags) for one in settled.clients),
        log_level=settled.log_level.upper(),
        log_format=settled.log_format,
    )
