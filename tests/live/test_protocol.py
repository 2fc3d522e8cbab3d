"""CHAOS, ANY, queries without RD and client subnets, as dig sees them; unbound and a nameserver that is watched as upstreams."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import dns.edns
import dns.message
import pytest

from mirage_hole.wire.framing import frame
from tests.live.clients import Dug, dig
from tests.live.servers import Actor
from tests.make import answer_to
from tests.nameserver import Heard

from .conftest import FORWARDED, Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("lab")]

CONFIG = """
[server]
identity = "cellar"

[[record]]
name = "nas.lan"
type = "A"
value = "192.168.1.5"
"""


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory, upstream: int) -> Iterator[Sinkhole]:
    one = Sinkhole(tmp_path_factory.mktemp("protocol"), upstream=upstream, config=CONFIG).start()
    wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
    wait_for(lambda: dig(one.port, "nas.lan").data("A") == ["192.168.1.5"], "local data")
    yield one
    one.stop()


@pytest.fixture(params=["+notcp", "+tcp"], ids=["udp", "tcp"])
def over(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("version.bind", "Mirage Hole"),
        ("version.server", "Mirage Hole"),
        ("id.server", "cellar"),
        ("hostname.bind", "cellar"),
    ],
)
def test_the_server_says_of_itself_what_it_is_told_to(talking: Sinkhole, over: str, name: str, text: str) -> None:
    """RFC 4892 3.1."""
    said = dig(talking.port, over, name, "TXT", "CH")
    assert said.status == "NOERROR"
    assert re.search(rf'^{re.escape(name)}\.\s+0\s+CH\s+TXT\s+"{text}"$', said.text, re.MULTILINE)
    assert dig(talking.port, over, "authors.bind", "TXT", "CH").status == "REFUSED"


def test_any_is_one_record_that_says_nothing(talking: Sinkhole, over: str) -> None:
    """RFC 8482 4.2, 4.4."""
    said = dig(talking.port, over, FORWARDED, "ANY")
    assert (said.status, said.data("HINFO"), said.data("A")) == ("NOERROR", ['"RFC8482" ""'], [])
    assert dig(talking.port, over, "doubleclick.net", "ANY").data("A") == ["0.0.0.0"]
    assert dig(talking.port, over, "nas.lan", "ANY").data("A") == ["192.168.1.5"]


def test_without_rd_only_what_is_here_is_answered(talking: Sinkhole, over: str) -> None:
    """RFC 1034 4.3.1, RFC 8914 4.21."""
    assert dig(talking.port, over, FORWARDED).data("A") == ["192.0.2.80"]
    for _ in range(2):  # the second time from memory, if there were any
        said = dig(talking.port, over, "+norecurse", FORWARDED)
        assert (said.status, said.errors, said.records) == ("REFUSED", [20], [])
        assert dig(talking.port, over, "+norecurse", "doubleclick.net").data("A") == ["0.0.0.0"]
        assert dig(talking.port, over, "+norecurse", "nas.lan").data("A") == ["192.168.1.5"]


def subnet(said: Dug) -> str:
    found = re.search(r"; CLIENT-SUBNET: (\S+)", said.text)
    return found[1] if found else ""


def by_subnet(heard: Heard) -> None:
    """Another address for each /20, which it says; one for all who say nothing."""
    asked = dns.message.from_wire(heard.wire)
    told = [option for option in asked.options if isinstance(option, dns.edns.ECSOption)]
    last = int(told[0].address.split(".")[1]) if told else 0
    reply = dns.message.from_wire(answer_to(heard.wire, f"{heard.name} 300 A 192.0.2.{last}"))
    if told:
        reply.use_edns(
            0, options=[dns.edns.ECSOption(told[0].address, told[0].srclen, 20 if last else 0)], payload=1232
        )
    wire = reply.to_wire()
    heard.send(frame(wire) if heard.tcp else wire)


def told_to(server: Actor, name: str) -> list[str]:
    """The subnets that came with questions for the name."""
    found = []
    for heard in server.heard:
        if heard.name == name:
            options = dns.message.from_wire(heard.wire).options
            found += [f"{one.address}/{one.srclen}" for one in options if isinstance(one, dns.edns.ECSOption)] or ["-"]
    return found


def test_a_subnet_is_passed_on_cut_short_and_its_answer_is_its_own(
    sinkhole: Callable[..., Sinkhole], actor: Callable[..., Actor]
) -> None:
    """RFC 7871 7.1, 7.2.1, 7.3.1; twice each, so that it comes from memory once."""
    server = actor(by_subnet)
    one = sinkhole("--ecs", "forward", upstream=server.port)
    for _ in range(2):
        for sent, address, scope in (
            ("203.7.113.9/32", "7", 20),
            ("203.8.113.0/24", "8", 20),
            ("203.7.113.0/24", "7", 20),
        ):
            said = dig(one.port, f"+subnet={sent}", "www.near.example")
            assert (said.data("A"), subnet(said)) == ([f"192.0.2.{address}"], f"{sent}/{scope}")
        assert dig(one.port, "www.near.example").data("A") == ["192.0.2.0"]
        private = dig(one.port, "+subnet=192.168.1.7/32", "www.near.example")
        assert (private.data("A"), subnet(private)) == (["192.0.2.0"], "192.168.1.7/32/0")
        assert dig(one.port, "+subnet=0", "www.near.example").data("A") == ["192.0.2.0"]
    assert told_to(server, "www.near.example") == ["203.7.113.0/24", "203.8.113.0/24", "-", "0.0.0.0/0"]
    shown = one.run("cache", "show", "www.near.example").stdout
    assert "for 203.7.113.0/24" in shown
    assert dig(one.port, "+ednsopt=8:00011802cb0771", "www.near.example").status == "FORMERR"


def test_one_subnet_may_be_told_for_all(sinkhole: Callable[..., Sinkhole], actor: Callable[..., Actor]) -> None:
    """RFC 7871 11.1."""
    server = actor(by_subnet)
    one = sinkhole("--ecs", "203.9.113.0/24", upstream=server.port)
    assert dig(one.port, "www.near.example").data("A") == ["192.0.2.9"]
    said = dig(one.port, "+subnet=203.7.113.0/24", "www.near.example")
    assert (said.data("A"), subnet(said)) == (["192.0.2.9"], "203.7.113.0/24/0")
    assert told_to(server, "www.near.example") == ["203.9.113.0/24"]
