from __future__ import annotations

import socket
import sys

import pytest

from mirage_hole.net.flood import MOST_V6, ONE_IN, Dam, program
from mirage_hole.net.meter import Meter
from mirage_hole.policy.limits import SAMPLED

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


def test_others_are_read_beside_a_flood():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        Dam(sock).stop((socket.inet_aton("127.0.0.66"),))
        assert arrived(sock, "127.0.0.66") < SENT / ONE_IN * 4
        assert arrived(sock, "127.0.0.67") == SENT


def test_every_jump_of_a_program_stays_within_it():
    for width, most in ((4, 200), (16, MOST_V6)):
        for number in (1, 2, most):
            code = program(tuple(bytes((one,)) * width for one in range(number)))
            assert len(code) <= 4096
            for at, (_, hit, miss, _) in enumerate(code):
                assert hit < 256
                assert at + 1 + max(hit, miss) < len(code) or code[at][0] == 0x06


def test_a_meter_counts_only_above_what_one_client_may_ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        meter = Meter(sock)
        meter.limit(100)
        assert meter.watch_above == 100
        for _ in range(2 * SAMPLED):
            meter.count([b"aaaa", b"bbbb", b"aaaa"])
        assert meter.turn() == {b"aaaa": 4 * SAMPLED, b"bbbb": 2 * SAMPLED}
        assert meter.turn() == {}
