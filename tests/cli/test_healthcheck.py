from __future__ import annotations

import dns.message
import dns.rcode
import pytest

from cli.server import a_server, response_to


def answering(rcode):
    def answer(query, _):
        reply = response_to(query)
        reply.set_rcode(rcode)
        return reply.to_wire()

    return answer


def test_a_server_that_answers_is_healthy_whatever_it_says(mirage_hole):
    with a_server(answering(dns.rcode.REFUSED)) as server:
        for flags in ((), ("--tcp",)):
            ran = mirage_hole("healthcheck", "--server", str(server.endpoint), *flags)
            assert ran.code == 0
            assert f"{server.endpoint} answers" in ran.out
    assert [transport for transport, _ in server.queries] == ["UDP", "TCP"]


def test_the_question_never_leaves_the_server(mirage_hole):
    with a_server(answering(dns.rcode.REFUSED)) as server:
        mirage_hole("healthcheck", "--server", str(server.endpoint))
    question = dns.message.from_wire(server.queries[0][1]).question[0]
    assert question.to_text() == "id.server. CH TXT"


def test_the_server_of_this_machine_is_asked_by_default(mirage_hole, monkeypatch):
    with a_server(answering(dns.rcode.NOERROR)) as server:
        monkeypatch.setenv("MIRAGE_HOLE_LISTEN", f"0.0.0.0:{server.endpoint.port}")
        assert mirage_hole("healthcheck").code == 0
        monkeypatch.setenv("MIRAGE_HOLE_LISTEN", "0.0.0.0")
        assert mirage_hole("healthcheck", "--port", str(server.endpoint.port)).code == 0


def test_a_silent_server_is_not_healthy(mirage_hole):
    with a_server(lambda *_: None) as server:
        ran = mirage_hole("healthcheck", "--server", str(server.endpoint), "--timeout", "50ms")
    assert ran.code == 1
    assert "no answer" in ran.err


@pytest.mark.parametrize(
    ("rcode", "code"),
    [(dns.rcode.NOERROR, 0), (dns.rcode.NXDOMAIN, 0), (dns.rcode.SERVFAIL, 1), (dns.rcode.REFUSED, 1)],
)
def test_with_a_name_the_whole_way_has_to_work(mirage_hole, rcode, code):
    with a_server(answering(rcode)) as server:
        ran = mirage_hole("healthcheck", "--server", str(server.endpoint), "--name", "example.com")
    assert ran.code == code
    if code:
        assert f"answers {dns.rcode.to_text(rcode)} for example.com" in ran.err


def test_a_wrong_name_is_wrong_usage(mirage_hole):
    assert mirage_hole("healthcheck", "--name", "a..b", "--server", "127.0.0.1").code == 2
