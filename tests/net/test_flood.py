from __future__ import annotations

import socket
import sys

import pytest

from mirage_hole.net import flood
from mirage_hole.net.flood import MOST_V4, MOST_V6, ONE_IN, Dam, program
from mirage_hole.net.meter import LEAST_ALARM, Meter
from mirage_hole.policy.limits import SAMPLED, ClientLimits, RepeatedAnswers
from mirage_hole.wire.names import from_text
from tests.make import query

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the packet filter is Linux's")
SENT = 1500


def arrived(receiver: socket.socket, source: str) -> int:
    """How many of ``SENT`` datagrams from this address are read."""
    with socket.socket(receiver.family, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        count = 0
        for _ in range(SENT):
            sender.sendto(b"x", receiver.getsockname())
            try:
                receiver.recv(16)
            except BlockingIOError:
                continue
            count += 1
    return count


@pytest.fixture(params=["127.0.0.1", "::1"])
def receiver(request):
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((request.param, 0))
        except OSError:
            pytest.skip(f"this machine has no {request.param}")
        sock.setblocking(False)
        yield sock


def test_next_to_nothing_of_a_flood_is_read_and_all_of_it_when_it_is_over(receiver):
    host = receiver.getsockname()[0]
    octets = socket.inet_pton(receiver.family, host)
    others = tuple(octets[:-1] + bytes((number,)) for number in range(100, 107))
    dam = Dam(receiver)
    dam.stop((octets, *others))
    assert arrived(receiver, host) < SENT / ONE_IN * 4
    dam.stop(others)
    assert arrived(receiver, host) == SENT
    dam.stop(())
    assert arrived(receiver, host) == SENT


def test_a_filter_of_a_reader_that_died_is_taken_away_by_the_next(receiver):
    """The supervisor holds the socket; nobody would ever take the filter away."""
    host = receiver.getsockname()[0]
    Dam(receiver).stop((socket.inet_pton(receiver.family, host),))
    assert arrived(receiver, host) < SENT
    Dam(receiver)
    assert arrived(receiver, host) == SENT


def test_others_are_read_beside_a_flood():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        Dam(sock).stop((socket.inet_aton("127.0.0.66"),))
        assert arrived(sock, "127.0.0.66") < SENT / ONE_IN * 4
        assert arrived(sock, "127.0.0.67") == SENT


def test_every_jump_of_a_program_stays_within_it():
    for width, most in ((4, MOST_V4), (16, MOST_V6)):
        for number in (1, 2, most):
            code = program(tuple(bytes((one,)) * width for one in range(number)))
            assert len(code) <= 4096
            for at, (_, hit, miss, _) in enumerate(code):
                assert hit < 256
                assert at + 1 + max(hit, miss) < len(code) or code[at][0] == 0x06


def a_meter(sock: socket.socket, limits: ClientLimits) -> Meter:
    meter = Meter(sock)
    meter.limit(limits)
    return meter


@pytest.fixture
def sock():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
        yield made


def test_a_meter_counts_only_above_what_one_client_may_ask(sock):
    meter = a_meter(sock, ClientLimits(100, 100))
    assert meter.watch_above == 100
    for _ in range(2):
        meter.count([b"aaaa", b"bbbb", b"aaaa"])
    assert meter.turn() == ({b"aaaa": 4 * SAMPLED, b"bbbb": 2 * SAMPLED}, {})
    assert meter.turn() == ({}, {})


def test_names_are_counted_where_the_same_answers_are_limited(sock):
    meter = a_meter(sock, ClientLimits(100, 100, repeated=RepeatedAnswers(5)))
    assert meter.watch_above == 5
    meter.count([b"aaaa", b"aaaa"], [query("www.example.com")[2:], query("WWW.example.com", "AAAA")[2:]])
    assert meter.turn()[1] == {(b"aaaa", from_text("www.example.com")): 2 * SAMPLED}


def test_so_much_at_once_that_nobody_should_wait_is_an_alarm(sock):
    alarms = []
    meter = Meter(sock, lambda: alarms.append(1))
    meter.limit(ClientLimits(100, 100))
    meter.datagrams = LEAST_ALARM
    meter.count([b"aaaa"])
    assert not alarms
    meter.datagrams += 1
    meter.count([b"aaaa"])
    assert alarms


def test_what_the_filter_lets_through_stands_for_all_of_it(sock):
    meter = a_meter(sock, ClientLimits(100, 100))
    loopback = socket.inet_aton("127.0.0.1")
    meter.stop((loopback,))
    meter.count([loopback])
    assert meter.turn()[0] == {loopback: ONE_IN}
    assert meter.every == 1
    assert not meter.shed


def test_what_the_filter_drops_is_counted(sock):
    meter = a_meter(sock, ClientLimits(100, 100))
    meter.stop((socket.inet_aton("127.0.0.1"),))
    got = arrived(sock, "127.0.0.1")
    assert meter.dropped == SENT - got
    meter.stop(())
    assert meter.dropped == SENT - got
    assert arrived(sock, "127.0.0.1") == SENT
    assert meter.dropped == SENT - got


def test_where_there_is_no_filter_floods_are_dropped_when_they_are_read(sock, monkeypatch, caplog):
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(flood, "_attach", refuse)
    meter = a_meter(sock, ClientLimits(100, 100))
    meter.stop((b"aaaa",))
    assert (meter.shed, meter.watch_above) == ({b"aaaa"}, 0)
    assert sum(meter.sheds(b"aaaa") for _ in range(ONE_IN * 10)) == meter.dropped == (ONE_IN - 1) * 10
    assert not meter.sheds(b"bbbb")
    meter.stop((b"aaaa", b"cccc"))
    assert caplog.text.count("can't be stopped in the kernel") == 1
    meter.stop(())
    assert not meter.sheds(b"aaaa")
