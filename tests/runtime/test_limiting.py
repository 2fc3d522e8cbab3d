from __future__ import annotations

import pytest

from mirage_hole.config.settled import PRIVATE_NETWORKS
from mirage_hole.runtime.limiting import limiting, reaches_outside, use_limits
from mirage_hole.runtime.worker_settings import WorkerSettings
from tests.make import address
from tests.net.edge import an_edge

SETTINGS = {
    "number": 0, "udp_fds": (), "tcp_fds": (), "channel_fd": -1, "upstreams": (), "timeout": 1.0, "cache_bytes": 0,
    "block_mode": "null",
}  # fmt: skip


def some(**changes: object) -> WorkerSettings:
    return WorkerSettings(**(SETTINGS | {"queries_per_second": 10, "query_burst": 20} | changes))


@pytest.mark.parametrize("networks", [PRIVATE_NETWORKS, ("192.168.1.0/24",), ("fd00::/64", "::1/128"), ()])
def test_private_networks_are_not_outside(networks):
    assert not reaches_outside(networks)


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "::/0", "198.51.100.0/24", "10.0.0.0/7", "2001:db8::/32", "8.8.8.8/32"]
)
def test_what_others_own_is_outside(network):
    assert reaches_outside((*PRIVATE_NETWORKS, network))


async def test_without_a_rate_nothing_is_limited():
    async with an_edge() as edge:
        use_limits(some(queries_per_second=0), edge.plane, edge.tcp)
        assert edge.engine.limits is None
        assert edge.tcp.limits is None
        assert set(limiting(edge.plane, edge.tcp).values()) == {0}


async def test_the_same_answers_are_limited_only_where_strangers_are_answered():
    async with an_edge() as edge:
        use_limits(some(allow_from=PRIVATE_NETWORKS, answers_per_second=5), edge.plane, edge.tcp)
        assert edge.engine.limits.repeated is None
        use_limits(some(allow_from=("0.0.0.0/0",), answers_per_second=5), edge.plane, edge.tcp)
        assert edge.engine.limits.repeated.rate == 5
        use_limits(some(allow_from=("0.0.0.0/0",), answers_per_second=0), edge.plane, edge.tcp)
        assert edge.engine.limits.repeated is None


async def test_who_is_over_a_limit_is_counted_once_however_it_asks():
    async with an_edge() as edge:
        use_limits(some(), edge.plane, edge.tcp)
        hog = address("10.0.0.66")
        edge.engine.limits.turn({hog: 25}, 1.0)
        edge.tcp.limits.turn({hog: 1000, address("10.0.0.67"): 1000}, 1.0)
        said = limiting(edge.plane, edge.tcp)
        assert said["clients_over_limit"] == 2
        assert said["clients_stopped"] == 0


async def test_streams_are_slowed_and_never_stopped():
    async with an_edge() as edge:
        use_limits(some(), edge.plane, edge.tcp)
        hog = address("10.0.0.66")
        edge.tcp.limits.turn({hog: 10_000}, 1.0)
        assert edge.tcp.limits.flooding == ()
        assert edge.tcp.limits.take(hog, 100) == 10


async def test_this_machine_is_exempt_and_what_is_enforced_is_not():
    async with an_edge() as edge:
        use_limits(some(limit_enforce=("127.0.0.2/32",)), edge.plane, edge.tcp)
        for limits in (edge.engine.limits, edge.tcp.limits):
            assert limits.is_exempt(address("127.0.0.1"))
            assert limits.is_exempt(address("::1"))
            assert not limits.is_exempt(address("127.0.0.2"))
