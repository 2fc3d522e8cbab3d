"""``mirage-hole upstreams``: what is printed of the running server's upstreams, and the test of any resolver."""

from __future__ import annotations

import json
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from mirage_hole.cli import upstreams
from mirage_hole.cli.control import NoServer, Refused
from tests.cli.server import a_server, response_to

WELL: dict[str, Any] = {
    "address": "9.9.9.9:53", "sent": 1204, "answered": 1203, "timeouts": 1, "failures": 0, "rtt_ms": 12.34, "healthy": True,
    "deviation_ms": 3.06, "loops": False, "responses": {"NOERROR": 1100, "NXDOMAIN": 103}, "groups": ["default", "far"],
}  # fmt: skip
SILENT = WELL | {
    "address": "[fd00::1]:53", "rtt_ms": None, "deviation_ms": None, "healthy": False, "responses": {}, "groups": ["x\x1b[2J"],
}  # fmt: skip
LOOPS = WELL | {"address": "10.0.0.1:53", "loops": True, "healthy": False}

SIGNATURE = ". 60 IN RRSIG DNSKEY 8 0 60 20300101000000 20200101000000 20326 . AAAA"
KEY = ". 60 IN DNSKEY 257 3 8 AwEAAQ=="


@pytest.fixture
def server(monkeypatch):
    """Says what the control socket would say."""
    said: dict[str, Any] = {"upstreams": []}

    def call(_state: object, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/upstreams")
        if isinstance(said.get("raise"), Exception):
            raise said["raise"]
        return said

    monkeypatch.setattr(upstreams, "call", call)
    return said


@pytest.mark.parametrize("words", [("upstreams",), ("upstreams", "list")])
def test_the_list_says_how_each_upstream_is(mirage_hole, server, words):
    server["upstreams"] = [WELL, SILENT, LOOPS]
    ran = mirage_hole(*words)
    assert ran.code == 0
    head, well, silent, loops = ran.out.splitlines()
    assert head.split() == [
        "upstream",
        "group",
        "state",
        "time",
        "asked",
        "answered",
        "timeouts",
        "failures",
        "responses",
    ]
    assert well.split("  ")[0] == "9.9.9.9:53"
    for part in ("default, far", "answers", "12.3 ± 3.1 ms", "1,204", "1,203", "NOERROR 1,100, NXDOMAIN 103"):
        assert part in well
    assert "rests after failures" in silent
    assert "±" not in silent
    assert "\x1b" not in silent
    assert "leads back here" in loops


def test_as_json_everything_is_told(mirage_hole, server):
    server["upstreams"] = [WELL]
    assert json.loads(mirage_hole("upstreams", "list", "--json").out) == {"upstreams": [WELL]}


def test_a_server_without_upstreams_says_what_that_means(mirage_hole, server):
    assert "SERVFAIL" in mirage_hole("upstreams").out


@pytest.mark.parametrize(
    ("problem", "advice"), [(NoServer("no server runs"), "needs no server"), (Refused("not for you"), "not for you")]
)
def test_without_a_server_there_is_no_list(mirage_hole, server, problem, advice):
    server["raise"] = problem
    ran = mirage_hole("upstreams", "list")
    assert ran.code == 1
    assert advice in ran.err


def answers(
    query: bytes,
    transport: str,
    *,
    signs: bool = True,
    large: bool = False,
    folds: bool = False,
    validates: bool = True,
) -> bytes:
    """A resolver that can do all of it, or not."""
    response = response_to(query)
    if response.question[0].rdtype == dns.rdatatype.DNSKEY:
        response.answer.append(dns.rrset.from_text(*KEY.split(" ", 4)[:1], 60, "IN", "DNSKEY", KEY.split(" ", 4)[4]))
        if signs:
            response.answer.append(dns.rrset.from_text(".", 60, "IN", "RRSIG", SIGNATURE.split(" ", 4)[4]))
        if validates:
            response.flags |= dns.flags.AD
        if large and transport == "UDP":
            response.flags |= dns.flags.TC
            response.answer.clear()
    wire = response.to_wire()
    if folds:
        end = 12 + query[12:].index(0) + 1
        wire = wire[:12] + wire[12:end].lower() + wire[end:]
    return wire


def told(ran: Any) -> dict[str, str]:
    """The lines of one resolver by their first word."""
    return {line.split()[0]: line for line in ran.out.splitlines()[1:]}


def test_a_resolver_that_can_everything(mirage_hole):
    with a_server(answers) as resolver:
        ran = mirage_hole("upstreams", "test", str(resolver.endpoint))
    assert ran.code == 0
    assert ran.out.splitlines()[0] == str(resolver.endpoint)
    lines = told(ran)
    assert list(lines) == ["UDP", "TCP", "DNSSEC", "large", "spelling"]
    assert "NOERROR, EDNS with" in lines["UDP"]
    assert " ms " in lines["TCP"]
    assert "signatures are passed on; it validates them itself" in lines["DNSSEC"]
    assert "octets, whole over UDP" in lines["large"]
    assert "names come back as they are spelt" in lines["spelling"]


def test_what_a_resolver_can_not_is_said_and_is_no_failure(mirage_hole):
    with a_server(lambda *asked: answers(*asked, signs=False, large=True, folds=True)) as resolver:
        ran = mirage_hole("upstreams", "test", str(resolver.endpoint), "--timeout", "300ms")
    assert ran.code == 0
    lines = told(ran)
    assert "dnssec = true can't work with it" in lines["DNSSEC"]
    assert "truncated over UDP, whole over TCP" in lines["large"]
    assert "random_case can't be used with it" in lines["spelling"]


@pytest.mark.parametrize(("silent", "other"), [("UDP", "TCP"), ("TCP", "UDP")])
def test_a_resolver_must_answer_over_both_transports(mirage_hole, silent, other):
    with a_server(lambda query, transport: None if transport == silent else answers(query, transport)) as resolver:
        ran = mirage_hole("upstreams", "test", str(resolver.endpoint), "--timeout", "300ms", "--json")
    assert ran.code == 1
    (tested,) = json.loads(ran.out)["servers"]
    ok = {step["what"]: step["ok"] for step in tested["steps"]}
    assert (tested["ok"], ok[silent], ok[other]) == (False, False, True)


def test_refused_is_an_answer_and_says_nothing_of_signatures(mirage_hole):
    def refuse(query: bytes, _transport: str) -> bytes:
        response = response_to(query)
        response.set_rcode(dns.rcode.REFUSED)
        return response.to_wire()

    with a_server(refuse) as resolver:
        ran = mirage_hole("upstreams", "test", str(resolver.endpoint))
    assert ran.code == 0
    assert "REFUSED" in told(ran)["UDP"]
    assert "nothing is known of signatures" in told(ran)["DNSSEC"]


def test_another_name_is_asked_for_if_one_is_given(mirage_hole):
    with a_server(answers) as resolver:
        mirage_hole("upstreams", "test", str(resolver.endpoint), "--name", "nas.home.arpa")
    first = dns.message.from_wire(resolver.queries[0][1]).question[0]
    assert (first.name.to_text(), first.rdtype) == ("nas.home.arpa.", dns.rdatatype.A)


def test_without_a_server_named_those_of_the_configuration_are_asked_groups_included(mirage_hole, tmp_path):
    with a_server(answers) as usual, a_server(answers) as office:
        file = tmp_path / "config.toml"
        file.write_text(
            f'[upstream]\nservers = ["{usual.endpoint}"]\n[[route]]\ndomains = "corp.example"\nservers = "{office.endpoint}"\n'
        )
        ran = mirage_hole("upstreams", "test", "--config", str(file))
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if not line.startswith(" ")] == [
        str(usual.endpoint),
        str(office.endpoint),
    ]


def test_every_wrong_argument_is_named_at_once(mirage_hole):
    ran = mirage_hole("upstreams", "test", "nowhere", "1.2.3.4:99999", "--timeout", "soon")
    assert ran.code == 2
    for part in ("'nowhere'", "99999", "--timeout"):
        assert part in ran.err
