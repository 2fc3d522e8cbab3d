"""Which upstream gets which question, with two of them that say who they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.clients import dig
from tests.live.servers import Actor
from tests.nameserver import Heard

from .conftest import Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("aging")]

Start = Callable[..., Sinkhole]
ServeDns = Callable[..., Actor]


def saying(address: str) -> Callable[[Heard], None]:
    def behave(heard: Heard) -> None:
        if heard.name.endswith("arpa"):
            heard.reply(f"{heard.name} 60 PTR host.corp.lab.")
        else:
            heard.reply(f"{heard.name} 60 A {address}")

    return behave


def test_names_of_a_zone_go_to_their_own_server_and_nothing_else_does(sinkhole: Start, actor: ServeDns) -> None:
    """RFC 6303 3: reverse zones, too. Its answers may be private: whoever routes a zone home means it."""
    world, home = actor(saying("192.0.2.7")), actor(saying("10.1.2.3"))
    route = f'[[route]]\ndomains = ["corp.lab", "2.1.10.in-addr.arpa"]\nservers = ["127.0.0.1:{home.port}"]\n'
    started = sinkhole(upstream=world.port, config=route)
    for name in ("corp.lab", "host.corp.lab", "deep.host.corp.lab"):
        assert dig(started.port, name).data("A") == ["10.1.2.3"]
    for name in ("www.example.org", "notcorp.lab", "corp.lab.example.org"):
        assert dig(started.port, name).data("A") == ["192.0.2.7"]
    assert dig(started.port, "-x", "10.1.2.3").data("PTR") == ["host.corp.lab."]
    assert {heard.name for heard in world.heard} & {"corp.lab", "host.corp.lab", "deep.host.corp.lab"} == set()
    assert not [
        heard.name for heard in home.heard if not heard.name.endswith(("corp.lab", "arpa", ".loopcheck.example"))
    ]


def test_a_route_whose_server_is_gone_is_not_asked_elsewhere(sinkhole: Start, actor: ServeDns) -> None:
    """A name of the house is nobody else's business, unless a fallback is wanted."""
    world, home = actor(saying("192.0.2.7")), actor(saying("10.1.2.3"))
    home.stop()
    route = f'[[route]]\ndomains = ["corp.lab"]\nservers = ["127.0.0.1:{home.port}"]\n'
    started = sinkhole("--timeout", "1", upstream=world.port, config=route)
    said = dig(started.port, "secret.corp.lab")
    assert (said.status, said.errors != []) == ("SERVFAIL", True)
    assert world.asked_for("secret.corp.lab") == 0
    home.start()
    wait_for(lambda: dig(started.port, "other.corp.lab").data("A") == ["10.1.2.3"], "the server that is back")


def test_a_name_from_outside_leads_nobody_inside(sinkhole: Start, actor: ServeDns) -> None:
    """Rebinding: a private address from the world's server is taken away, and told of (RFC 8914 4.16)."""
    started = sinkhole(upstream=actor(saying("10.1.2.3")).port)
    said = dig(started.port, "www.example.org")
    assert (said.status, said.data("A"), said.errors) == ("NOERROR", [], [15])
    wait_for(lambda: started.stats()["totals"]["rebind"] >= 1, "it in the counters")


def test_private_reverse_zones_and_special_names_never_leave(sinkhole: Start, actor: ServeDns) -> None:
    """RFC 6303 4, 6761 6, 6762 22.1, 7686 2, 8375 4, ICANN's .internal."""
    world = actor(saying("192.0.2.7"))
    started = sinkhole(upstream=world.port)
    kept = ["x.test", "x.invalid", "x.local", "x.onion", "x.home.arpa", "x.internal", "x.localhost"]
    for name in kept:
        assert dig(started.port, name).data("A") in ([], ["127.0.0.1"]), name
    for address in ("10.9.8.7", "192.168.1.1", "172.16.5.5", "fd00::1", "fe80::1"):
        said = dig(started.port, "-x", address)
        assert (said.status, said.data("PTR")) == ("NXDOMAIN", []), said.text
    assert [
        heard.name for heard in world.heard if heard.name.split(".")[-1] in {"arpa", *(k.split(".")[-1] for k in kept)}
    ] == []
