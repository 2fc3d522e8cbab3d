from __future__ import annotations

import socket

import pytest
from cli.server import a_server, response_to

from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime.ask import NoReply, ask, local_endpoint, question
from tests.ports import kept_port


def echo(query, transport):
    return response_to(query).to_wire()


def test_a_question_is_asked_over_udp_and_its_answer_returned():
    with a_server(echo) as server:
        query = question("example.com")
        reply = ask(server.endpoint, query, 5.0)
    assert reply.data[:2] == query[:2]
    assert (reply.transport, reply.truncated) == ("UDP", False)
    assert reply.seconds < 5.0


def test_ipv6_is_asked_likewise():
    with a_server(echo, "::1") as server:
        assert ask(server.endpoint, question("example.com"), 5.0).transport == "UDP"


def test_a_truncated_answer_is_asked_for_again_over_tcp():
    def answer(query, transport):
        reply = bytearray(echo(query, transport))
        if transport == "UDP":
            reply[2] |= 0x02
        return bytes(reply)

    with a_server(answer) as server:
        reply = ask(server.endpoint, question("example.com"), 5.0)
        assert [transport for transport, _ in server.queries] == ["UDP", "TCP"]
    assert (reply.transport, reply.truncated) == ("TCP", True)


def test_tcp_may_be_asked_at_once():
    with a_server(echo) as server:
        assert ask(server.endpoint, question("example.com"), 5.0, tcp=True).transport == "TCP"
        assert [transport for transport, _ in server.queries] == ["TCP"]


def test_a_lost_packet_is_sent_again():
    seen = []

    def answer(query, transport):
        seen.append(query)
        return echo(query, transport) if len(seen) > 1 else None

    with a_server(answer) as server:
        assert ask(server.endpoint, question("example.com"), 0.9).transport == "UDP"
    assert seen == [seen[0]] * 2


def test_answers_to_other_questions_are_passed_over():
    good = []

    def answer(query, transport):
        if not good:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
                good.append(query)
            return (
                b"\0\0" + echo(query, transport)[2:] if query[:2] != b"\0\0" else b"\1\1" + echo(query, transport)[2:]
            )
        return echo(query, transport)

    with a_server(answer) as server:
        query = question("example.com")
        assert ask(server.endpoint, query, 0.9).data[:2] == query[:2]


@pytest.mark.parametrize("reply", [b"", b"x", b"\0" * 11, b"\0" * 40])
def test_junk_is_no_answer(reply):
    with a_server(lambda query, _: query[:2] + reply) as server, pytest.raises(NoReply, match=r"within 0\.2 s"):
        ask(server.endpoint, question("example.com"), 0.2)


def test_an_error_without_the_question_is_an_answer():
    def formerr(query, _):
        return query[:2] + b"\x80\x01" + bytes(8)

    with a_server(formerr) as server:
        assert ask(server.endpoint, question("example.com"), 5.0).data[3] == 1


def test_a_silent_server_is_given_up_in_the_time_that_was_given():
    with (
        a_server(lambda *_: None) as server,
        pytest.raises(NoReply, match=r"no answer from 127\.0\.0\.1:\d+ within 0\.1 s"),
    ):
        ask(server.endpoint, question("example.com"), 0.1)


def test_nobody_there_is_said_at_once():
    port = kept_port()
    for tcp in (False, True):
        with pytest.raises(NoReply, match="is the server running"):
            ask(Endpoint("127.0.0.1", port), question("example.com"), 5.0, tcp=tcp)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda query, _: None, "closed the connection"),
        (lambda query, _: b"\0" * 20, "answered another question"),
    ],
)
def test_a_useless_answer_over_tcp_is_none(answer, why):
    with a_server(answer) as server, pytest.raises(NoReply, match=why):
        ask(server.endpoint, question("example.com"), 5.0, tcp=True)


def test_an_address_that_can_not_be_reached_is_said():
    with pytest.raises(NoReply, match="can't be asked"):
        ask(Endpoint("fe80::1%no-such-if", 53), question("example.com"), 1.0)


@pytest.mark.parametrize(
    ("listen", "local"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.168.1.2", "192.168.1.2"), ("fe80::1%eth0", "fe80::1%eth0")],
)
def test_the_local_server_is_reached_where_it_listens(listen, local):
    assert local_endpoint([Endpoint(listen, 5353), Endpoint("127.0.0.9", 1)]) == Endpoint(local, 5353)
