"""Who is asked for what, in numbers: upstreams, groups and routes as workers know them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.config.group_tables import DEFAULT, UNQUALIFIED
from mirage_hole.config.settled import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mirage_hole.config.settled import Server, Settled


class GroupPlan(NamedTuple):
    """One group of upstreams."""

    name: str
    upstreams: tuple[int, ...]
    """Numbers, in the order of preference."""
    strategy: str
    dnssec: bool
    fallback: int = -1
    """Number of a group; -1: none."""


class Forwarding(NamedTuple):
    """Everything that routes say."""

    upstreams: tuple[Endpoint, ...]
    groups: tuple[GroupPlan, ...]
    """The default group first."""
    routes: tuple[tuple[str, int], ...]
    """(domain, number of a group)."""
    unqualified: int = -1
    """The group for names of one label; -1: none in particular."""


def endpoints(servers: Iterable[Server]) -> tuple[Endpoint, ...]:
    """Those that have an address, each once: names by the one written beside them."""
    found = (one if isinstance(one, Endpoint) else Endpoint(one.address, one.port) for one in servers)
    return tuple(dict.fromkeys(one for one in found if one.address))


def with_addresses(settled: Settled, known: Mapping[str, tuple[str, ...]]) -> Settled:
    """The settings with the ``known`` addresses in place of names; other names stay as they are."""

    def replaced(servers: Iterable[Server]) -> tuple[Server, ...]:
        return tuple(
            end
            for one in servers
            for end in (
                (one,)
                if isinstance(one, Endpoint) or one.name not in known
                else (Endpoint(address, one.port) for address in known[one.name])
            )
        )

    return replace(
        settled,
        upstreams=replaced(settled.upstreams),
        groups=tuple(one._replace(servers=replaced(one.servers)) for one in settled.groups),
        routes=tuple(one._replace(servers=replaced(one.servers)) for one in settled.routes),
    )


def forwarding(settled: Settled) -> Forwarding:
    """Numbers for names. An upstream that is in several groups is one upstream, with one memory of its health."""
    groups = [(DEFAULT, settled.upstreams, settled.upstream_strategy, settled.dnssec, settled.upstream_fallback)]
    groups += [(one.name, one.servers, one.strategy, one.dnssec, one.fallback) for one in settled.groups]
    numbers = {name: number for number, (name, *_) in enumerate(groups)}
    routes: list[tuple[str, int]] = []
    unqualified = -1
    for route in settled.routes:
        if route.group:
            number = numbers[route.group]
        else:
            number = len(groups)
            groups.append(
                (", ".join(route.domains)[:64], route.servers, settled.upstream_strategy, False, route.fallback)
            )
        for domain in route.domains:
            if domain == UNQUALIFIED:
                unqualified = number
            else:
                routes.append((domain, number))
    everybody: dict[Endpoint, int] = {}
    for _, servers, *_ in groups:
        for server in endpoints(servers):
            everybody.setdefault(server, len(everybody))
    plans = tuple(
        GroupPlan(
            name, tuple(everybody[one] for one in endpoints(servers)), strategy, dnssec, numbers.get(fallback, -1)
        )
        for name, servers, strategy, dnssec, fallback in groups
    )
    return Forwarding(tuple(everybody), plans, tuple(routes), unqualified)
