from __future__ import annotations

import json

import dns.edns
import dns.message
import dns.rrset
import pytest

from cli.server import a_server, response_to
from tests.ports import kept_port


def blocked(query, transport):
    reply = response_to(query)
    name, kind = reply.question[0].name, reply.question[0].rdtype
    if kind == 1:
        reply.answer.append(dns.rrset.from_text(name, 10, "IN", "A", "0.0.0.0"))
    reply.flags |= 0x0080
    reply.use_edns(0, 0, 1232, options=[dns.edns.EDEOption(15, "starter: ||ads.example^")])
    return reply.to_wire()


def test_an_answer_is_printed_as_dig_does_with_its_extended_error(mirage_hole):
    with a_server(blocked) as server:
        ran = mirage_hole("query", "ads.example", "--server", str(server.endpoint))
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith(";; opcode: QUERY, status: NOERROR, id: ")
    assert lines[1] == ";; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1"
    assert "; EDNS: version: 0, flags:; udp: 1232" in lines
    assert "; EDE: 15 (Blocked): starter: ||ads.example^" in lines
    assert ";ads.example.\t\tIN\tA" in lines
    assert "ads.example.\t10\tIN\tA\t0.0.0.0" in lines
    assert f";; SERVER: {server.endpoint} (UDP)" in lines
    assert any(line.startswith(";; Query time: ") and line.endswith(" msec") for line in lines)
    assert any(line.startswith(";; MSG SIZE  rcvd: ") for line in lines)


def test_json_has_the_same(mirage_hole):
    with a_server(blocked) as server:
        ran = mirage_hole("query", "ads.example", "--server", str(server.endpoint), "--json", "--tcp")
    found = json.loads(ran.out)
    assert found["status"] == "NOERROR"
    assert found["transport"] == "tcp"
    assert found["server"] == str(server.endpoint)
    assert found["flags"] == ["qr", "rd", "ra"]
    assert found["question"] == [{"name": "ads.example.", "class": "IN", "type": "A"}]
    assert found["answer"] == [{"name": "ads.example.", "ttl": 10, "class": "IN", "type": "A", "data": "0.0.0.0"}]
    assert found["edns"]["errors"] == [{"code": 15, "title": "Blocked", "text": "starter: ||ads.example^"}]


@pytest.mark.parametrize(
    ("arguments", "name", "kind"),
    [
        (["example.com"], "example.com.", 1),
        (["example.com", "aaaa"], "example.com.", 28),
        (["example.com", "TYPE65"], "example.com.", 65),
        (["192.0.2.1"], "1.2.0.192.in-addr.arpa.", 12),
        (["2001:db8::1", "ptr"], "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", 12),
        (["192.0.2.1", "A"], "192.0.2.1.", 1),
        (["bücher.example"], "xn--bcher-kva.example.", 1),
        (["."], ".", 1),
    ],
)
def test_name_and_type_are_asked_as_written(mirage_hole, arguments, name, kind):
    with a_server(blocked) as server:
        assert mirage_hole("query", *arguments, "--server", str(server.endpoint)).code == 0
    question = dns.message.from_wire(server.queries[0][1]).question[0]
    assert (question.name.to_text(), question.rdtype) == (name, kind)


def test_dnssec_asks_for_signatures(mirage_hole):
    with a_server(blocked) as server:
        mirage_hole("query", "example.com", "--dnssec", "--server", str(server.endpoint))
        mirage_hole("query", "example.com", "--server", str(server.endpoint))
    flags = [dns.message.from_wire(query).ednsflags for _, query in server.queries]
    assert flags == [0x8000, 0]


def test_a_truncated_answer_is_said_to_be(mirage_hole):
    def answer(query, transport):
        reply = response_to(query)
        reply.flags |= 0x0200 if transport == "UDP" else 0
        return reply.to_wire()

    with a_server(answer) as server:
        ran = mirage_hole("query", "example.com", "--server", str(server.endpoint))
    assert ran.out.startswith(";; truncated over UDP, asked again over TCP\n")
    assert "(TCP)" in ran.out


def test_the_configured_server_of_this_machine_is_the_default(mirage_hole, tmp_path):
    with a_server(blocked) as server:
        config = tmp_path / "c.toml"
        config.write_text(f"[server]\nlisten = ['0.0.0.0:{server.endpoint.port}']\n")
        ran = mirage_hole("query", "ads.example", "--config", str(config))
        again = mirage_hole("--config", str(config), "query", "ads.example")
    assert (ran.code, again.code) == (0, 0)
    assert f"SERVER: {server.endpoint}" in ran.out


def test_a_wrong_configuration_matters_only_when_it_is_needed(mirage_hole, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("[server]\nport = 0\n")
    assert mirage_hole("query", "ads.example", "--config", str(config)).code == 78
    with a_server(blocked) as server:
        arguments = ("query", "ads.example", "--config", str(config), "--server", str(server.endpoint))
        assert mirage_hole(*arguments).code == 0


def test_no_answer_is_a_failure_and_says_where(mirage_hole):
    with a_server(lambda *_: None) as server:
        ran = mirage_hole("query", "example.com", "--server", str(server.endpoint), "--timeout", "50ms")
    assert ran == (1, "", f"mirage-hole: no answer from {server.endpoint} within 0.05 s\n")


def test_an_unreadable_answer_is_a_failure_and_says_why(mirage_hole):
    def broken(query, transport):
        wire = bytearray(response_to(query).to_wire())
        wire[7] = 9  # nine answers, and none there
        return bytes(wire)

    with a_server(broken) as server:
        ran = mirage_hole("query", "example.com", "--server", str(server.endpoint))
    assert ran.code == 1
    assert f"{server.endpoint} sent no readable message: it ends at octet" in ran.err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["a..b"], "NAME = 'a..b' is no domain name: "),
        (["example.com", "AAAAA"], "write A, AAAA, HTTPS"),
        (["example.com", "--server", "localhost"], "write 127.0.0.1 or [::1]"),
        (["example.com", "--timeout", "soon"], "write a number with ms, s, m"),
        (["example.com", "--timeout", "1h"], "not from 10ms to 60s"),
        (["@192.0.2.1", "a.example"], "write --server 192.0.2.1"),
        (["https://me@a..example:443/x?y"], "write a..example"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_wrong_usage_says_what_to_write(mirage_hole, arguments, advice):
    ran = mirage_hole("query", *arguments)
    assert ran.code == 2
    assert advice in ran.err


def test_every_wrong_argument_is_told_at_once(mirage_hole):
    ran = mirage_hole("query", "a..b", "AAAAA", "--server", "localhost", "--timeout", "soon")
    for wrong in ("NAME = 'a..b'", "TYPE = 'AAAAA'", "--server = 'localhost'", "--timeout = 'soon'"):
        assert wrong in ran.err


def test_a_url_is_asked_for_and_remarked_upon(mirage_hole):
    # Some clients do ask for such names, and one may want to know what they get.
    with a_server(blocked) as server:
        ran = mirage_hole("query", "https://ads.example:443/x", "--server", str(server.endpoint))
    assert ran.code == 0
    assert (
        ran.err == "mirage-hole: 'https://ads.example:443/x' looks like a URL; for the name in it, write ads.example\n"
    )


def test_who_let_the_configuration_choose_the_server_is_told_how_to_ask_another(mirage_hole, tmp_path):
    port = kept_port()
    ran = mirage_hole("--listen", f"127.0.0.1:{port}", "query", "a.example")
    assert ran.code == 1
    assert ran.err.endswith("is the server running? (--server ADDR:PORT asks another)\n")
    assert "--server" not in mirage_hole("query", "a.example", "--server", f"127.0.0.1:{port}").err
