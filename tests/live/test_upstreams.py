"""Upstreams of a real server: names that are looked up, loops that are found, and what the commands say of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from tests.cli.server import a_server, response_to

from .conftest import FORWARDED, Sinkhole, free_port, wait_for

pytestmark = pytest.mark.live


def resolver(query: bytes, _transport: str) -> bytes:
    """Knows one address for every name: this machine's, and nothing else."""
    response = response_to(query)
    (question,) = response.question
    if question.rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
    return response.to_wire()


def addresses(one: Sinkhole, name: str) -> list[str]:
    return [record.to_text() for rrset in one.ask(name).answer for record in rrset]


def upstreams(one: Sinkhole) -> list[dict[str, object]]:
    ran = one.run("upstreams", "list", "--json")
    assert ran.returncode == 0, ran.stderr
    found: list[dict[str, object]] = json.loads(ran.stdout)["upstreams"]
    return found


def test_an_upstream_written_as_a_name_is_asked_once_its_address_is_known(sinkhole: Callable[..., Sinkhole]) -> None:
    with a_server(resolver) as server:
        port = server.endpoint.port
        name = ("--upstream", f"dns.example:{port}", "--bootstrap", str(server.endpoint))
        one = sinkhole(*name, "--no-rebinding-protection", upstream=None)
        wait_for(lambda: addresses(one, f"www.{FORWARDED}"), "an answer from the upstream")
        assert [row["address"] for row in upstreams(one)] == [f"127.0.0.1:{port}"]
        assert one.stop() == 0
    with a_server(resolver) as another:  # the bootstrap server is gone, and last time's address is known
        one.arguments = (
            "--upstream",
            f"dns.example:{another.endpoint.port}",
            "--bootstrap",
            "127.0.0.1:9",
            "--no-rebinding-protection",
        )
        one.start()
        assert addresses(one, f"other.{FORWARDED}") == ["127.0.0.1"]


def test_two_servers_that_ask_each_other_notice(sinkhole: Callable[..., Sinkhole], tmp_path: Path) -> None:
    meeting = free_port()
    first = sinkhole(upstream=meeting)
    second = sinkhole(
        "--listen",
        f"127.0.0.1:{meeting}",
        upstream=first.port,
        environment={"MIRAGE_HOLE_STATE": str(tmp_path / "second")},
    )
    wait_for(lambda: "leads back here" in second.said(), "the loop to be noticed")
    (row,) = wait_for(lambda: [row for row in upstreams(second) if row["loops"]], "the command to tell of the loop")
    assert row["address"] == f"127.0.0.1:{first.port}"
    assert second.ask(f"www.{FORWARDED}").rcode() == dns.rcode.SERVFAIL
    assert first.ask(f"other.{FORWARDED}").rcode() == dns.rcode.SERVFAIL


def test_the_command_tells_what_upstreams_answered(sinkhole: Callable[..., Sinkhole]) -> None:
    with a_server(resolver) as server:
        one = sinkhole("--random-case", "--no-rebinding-protection", upstream=server.endpoint.port)
        for number in range(5):
            assert addresses(one, f"n{number}.{FORWARDED}") == ["127.0.0.1"]
        (row,) = wait_for(lambda: [row for row in upstreams(one) if row["answered"] and row["responses"]], "counters")
        assert row["healthy"]
        assert row["responses"].keys() <= {"NOERROR"}
        assert row["groups"] == ["default"]
        asked = [query for _, query in server.queries if FORWARDED.encode()[:-1].split(b".")[0] in query.lower()]
    assert any(query != query.lower() for query in asked)
