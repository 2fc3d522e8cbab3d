"""From what was written (``Loaded``) to what it means (``Settled``), with every problem found on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mirage_hole.config.answers import settle_domains, settle_text, settle_types
from mirage_hole.config.cache_lifetimes import settle_lifetimes
from mirage_hole.config.client_tables import settle_clients
from mirage_hole.config.dnssec import settle_trust
from mirage_hole.config.ecs import settle_ecs
from mirage_hole.config.edns import settle_edns
from mirage_hole.config.group_tables import settle_groups, settle_routes
from mirage_hole.config.influx import settle_influx
from mirage_hole.config.keeping import settle_statistics
from mirage_hole.config.list_tables import MAX_REFRESH, MIN_REFRESH, settle_folders, settle_lists
from mirage_hole.config.local_data import settle_local, settle_records
from mirage_hole.config.networks import (
    settle_allow_from,
    settle_bootstrap,
    settle_limited,
    settle_listen,
    settle_upstreams,
    settle_web,
)
from mirage_hole.config.notify_tables import settle_notify
from mirage_hole.config.places import settle_sources, settle_state, settle_user
from mirage_hole.config.problem import BadValue, Origin, Problem
from mirage_hole.config.query_log import settle_query_log
from mirage_hole.config.raw import settings
from mirage_hole.config.settled import Settled
from mirage_hole.config.values import format_duration, format_size, parse_duration, parse_ipv4, parse_ipv6, parse_size
from mirage_hole.config.web_door import settle_door

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirage_hole.config.host import Host
    from mirage_hole.config.load import Loaded

T = TypeVar("T")
U = TypeVar("U")
SESSIONS = (60.0, 365 * 86_400.0)
"""Seconds that a login may last."""

MIN_CACHE, MAX_CACHE = 64 * 1024, 64 * 2**30  # bytes
MIN_TIMEOUT, MAX_TIMEOUT = 0.1, 60.0  # seconds
MAX_TTL = 86400.0
MAX_WORKERS = 64


class Findings:
    """Collects what is wrong while settings are settled; each message gets the setting's origin."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.bad: set[str] = set(loaded.broken)

    def problem(self, path: str, value: object, problem: str, instead: str, *, item: int | None = None) -> None:
        """Something that keeps the server from starting. A setting whose type is wrong already has its problem."""
        if path not in self.loaded.broken:
            self.loaded.problems.append(Problem(path, value, problem, instead, self.loaded.origin(path, item)))
        self.bad.add(path)

    def warning(self, path: str, value: object, problem: str, instead: str, *, item: int | None = None) -> None:
        """Something the server can live with."""
        self.loaded.warnings.append(Problem(path, value, problem, instead, self.loaded.origin(path, item)))

    def parsed(
        self, path: str, value: object, parse: Callable[[], T], otherwise: U, *, item: int | None = None
    ) -> T | U:
        """What ``parse`` makes of a value, or ``otherwise`` and a problem."""
        try:
            return parse()
        except BadValue as bad:
            self.problem(path, value, bad.problem, f"write {bad.instead}", item=item)
            return otherwise

    def derived(self, path: str, where: str) -> None:
        """A default that was found at run time, for ``config show --origin``."""
        self.loaded.places.setdefault(path, Origin("default", where))


def settle(loaded: Loaded, environ: Mapping[str, str], host: Host) -> Settled | None:
    """What the configuration means; None when ``loaded.problems`` is not empty. Adds to its problems and warnings."""
    found = Findings(loaded)
    raw = loaded.raw
    listen = settle_listen(raw.server, found, host)
    ipv4, ipv6 = _sinkhole_addresses(found)
    records = settle_records(found)
    groups = settle_groups(listen, found, host)
    state = settle_state(raw.server.state_directory, environ, found, host)
    settled = Settled(
        listen=listen,
        web=(web := settle_web(raw.web, listen, found)),
        door=settle_door(raw.web, web, listen, found),
        web_anywhere=raw.web.anywhere,
        web_open_for=settle_limited("web.open_for", raw.web.open_for, found),
        requests_per_second=_limit("web.requests_per_second", raw.web.requests_per_second, 0, 100_000, found),
        session_idle=_duration("web.session_idle", raw.web.session_idle, *SESSIONS, found),
        session_max=_duration("web.session_max", raw.web.session_max, *SESSIONS, found),
        blocklists=settle_sources("lists.block", raw.lists.block, found),
        allowlists=settle_sources("lists.allow", raw.lists.allow, found),
        upstreams=(upstreams := settle_upstreams(raw.upstream, listen, found, host)),
        timeout=_duration("upstream.timeout", raw.upstream.timeout, MIN_TIMEOUT, MAX_TIMEOUT, found),
        cache_bytes=_cache_bytes(raw.cache.size, found),
        cache_lifetimes=settle_lifetimes(raw.cache, found),
        cache_keep=raw.cache.keep,
        statistics=settle_statistics(raw.statistics, found),
        query_log=settle_query_log(raw.query_log, found),
        influx=settle_influx(raw.influx, found),
        dnssec=raw.upstream.dnssec,
        trust=settle_trust(raw.dnssec, found),
        edns=settle_edns(raw.edns, found),
        block_mode=raw.blocking.mode,
        block_ipv4=ipv4,
        block_ipv6=ipv6,
        block_ttl=_ttl(raw.blocking.ttl, found),
        wait_for_lists=raw.blocking.until_loaded == "closed",
        workers=_workers(raw.server.workers, found),
        allow_from=settle_allow_from(raw.server, listen, found),
        refresh_every=_duration("lists.refresh_every", raw.lists.refresh_every, MIN_REFRESH, MAX_REFRESH, found),
        state_directory=state,
        user=settle_user(raw.server.user, found, host),
        log_level=raw.log.level.upper(),
        log_format=raw.log.format,
        config_file=loaded.file,
        lists=settle_lists(found),
        clients=settle_clients(found),
        shrink_guard=_shrink_guard(raw.lists.shrink_guard, found),
        file_folders=settle_folders(raw.lists.file_folders, state, found),
        queries_per_second=_limit("limits.queries_per_second", raw.limits.queries_per_second, 0, 1_000_000, found),
        query_burst=_limit("limits.burst", raw.limits.burst, max(raw.limits.queries_per_second, 1), 10_000_000, found),
        limit_exempt=settle_limited("limits.exempt", raw.limits.exempt, found),
        limit_enforce=settle_limited("limits.enforce", raw.limits.enforce, found),
        answers_per_second=_limit("limits.answers_per_second", raw.limits.answers_per_second, 0, 1_000_000, found),
        tcp_connections=_limit("limits.tcp_connections", raw.limits.tcp_connections, 1, 30_000, found),
        tcp_connections_per_client=_limit(
            "limits.tcp_connections_per_client", raw.limits.tcp_connections_per_client, 1, 30_000, found
        ),
        special_names=raw.answers.special_names,
        canaries=raw.answers.canaries,
        private_relay=raw.answers.private_relay,
        private_reverse=raw.answers.private_reverse,
        forward_unqualified=raw.local.forward_unqualified,
        local=settle_local(records, found),
        records=records,
        rebinding=raw.answers.rebinding,
        rebinding_allow=settle_domains("answers.rebinding_allow", raw.answers.rebinding_allow, found),
        drop_ech=raw.answers.ech == "drop",
        any_answer=raw.answers.any,
        version_text=settle_text("server.version_text", raw.server.version_text, found),
        identity=settle_text("server.identity", raw.server.identity, found),
        block_types=settle_types("answers.block_types", raw.answers.block_types, found),
        upstream_strategy=raw.upstream.strategy,
        random_case=raw.upstream.random_case,
        ecs=settle_ecs(raw.upstream.ecs, found),
        upstream_fallback=raw.upstream.fallback.strip(),
        groups=groups,
        routes=(routes := settle_routes(groups, listen, found, host)),
        notify=settle_notify(found),
        bootstrap=settle_bootstrap(raw.upstream, upstreams, groups, routes, listen, found, host),
    )
    return None if loaded.problems else settled


def _duration(path: str, value: float | str, least: float, most: float, found: Findings) -> float:
    seconds = found.parsed(path, value, lambda: parse_duration(value), least)
    if not least <= seconds <= most:
        limit = f"less than {format_duration(least)}" if seconds < least else f"more than {format_duration(most)}"
        found.problem(path, value, limit, f"write {settings()[path].write}")
    return seconds


def _ttl(value: float | str, found: Findings) -> int:
    seconds = _duration("blocking.ttl", value, 0.0, MAX_TTL, found)
    if seconds != int(seconds):
        found.problem("blocking.ttl", value, "a TTL is whole seconds", f"write {settings()['blocking.ttl'].write}")
    return int(seconds)


def _cache_bytes(value: int | str, found: Findings) -> int:
    size = found.parsed("cache.size", value, lambda: parse_size(value), MIN_CACHE)
    if not MIN_CACHE <= size <= MAX_CACHE:
        limit = f"less than {format_size(MIN_CACHE)}" if size < MIN_CACHE else f"more than {format_size(MAX_CACHE)}"
        found.problem("cache.size", value, limit, f"write {settings()['cache.size'].write}")
    return size


def _workers(value: int, found: Findings) -> int:
    if not 1 <= value <= MAX_WORKERS:
        what = f"not from 1 to {MAX_WORKERS}"
        found.problem("server.workers", value, what, f"write {settings()['server.workers'].write}")
    return value


def _limit(path: str, value: int, least: int, most: int, found: Findings) -> int:
    if not least <= value <= most:
        found.problem(path, value, f"not from {least} to {most}", f"write {settings()[path].write}")
    return value


def _shrink_guard(percent: int, found: Findings) -> float:
    if not 0 <= percent <= 100:
        write = settings()["lists.shrink_guard"].write
        found.problem("lists.shrink_guard", percent, "not from 0 to 100", f"write {write}")
    return percent / 100


def _sinkhole_addresses(found: Findings) -> tuple[str, str]:
    blocking = found.loaded.raw.blocking
    ipv4 = found.parsed("blocking.ipv4", blocking.ipv4, lambda: parse_ipv4(blocking.ipv4), "") if blocking.ipv4 else ""
    ipv6 = found.parsed("blocking.ipv6", blocking.ipv6, lambda: parse_ipv6(blocking.ipv6), "") if blocking.ipv6 else ""
    if blocking.mode == "ip" and not found.bad & {"blocking.ipv4", "blocking.ipv6"} and not (ipv4 or ipv6):
        instead = "write blocking.ipv4 or blocking.ipv6 as well (--block-ipv4, --block-ipv6)"
        found.problem("blocking.mode", "ip", "no address to answer with", instead)
    if blocking.mode != "ip" and "blocking.mode" not in found.bad:
        for path, address in (("blocking.ipv4", ipv4), ("blocking.ipv6", ipv6)):
            if address:
                instead = 'write blocking.mode = "ip" (--block-mode ip)'
                found.warning(path, address, f"has no effect in mode {blocking.mode}", instead)
    return ipv4, ipv6
