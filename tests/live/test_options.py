"""Cookies, NSID, keepalive and padding, as dig and kdig see them."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import pytest

from tests.live.clients import dig, kdig

from .conftest import Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("lab")]

NAMES = pytest.mark.parametrize("name", ["www.good.lab", "doubleclick.net"])


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory, recursor: int) -> Iterator[Sinkhole]:
    one = Sinkhole(tmp_path_factory.mktemp("options"), upstream=recursor, config='[edns]\nnsid = "attic"\n').start()
    wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
    yield one
    one.stop()


@NAMES
def test_a_client_cookie_gets_a_server_cookie_that_is_good_the_next_time(speaking: Sinkhole, name: str) -> None:
    """RFC 7873 5.2, RFC 9018 4: eight octets of the client's, sixteen of the server's."""
    first = dig(speaking.port, "+cookie=0102030405060708", name)
    assert first.status == "NOERROR"
    cookie = first.cookie().lower()
    assert re.fullmatch(r"0102030405060708" r"01000000[0-9a-f]{24}", cookie), first.text
    again = dig(speaking.port, f"+cookie={cookie}", name)
    assert again.status == "NOERROR"
    assert again.cookie().lower()[:24] == cookie[:24]
    assert "(good)" in again.text
    assert len(again.data("A")) == 1


@NAMES
@pytest.mark.parametrize(
    "cookie", ["01020304050607080100000000000000ffffffffffffffff", "0102030405060708ffffffffffffffff"]
)
def test_a_wrong_cookie_costs_nobody_his_answer(speaking: Sinkhole, name: str, cookie: str) -> None:
    """RFC 7873 5.2.3, 5.2.4: while nothing is wrong it is answered, with a good cookie for the next time."""
    said = dig(speaking.port, f"+cookie={cookie}", name)
    assert (said.status, len(said.data("A"))) == ("NOERROR", 1)
    assert said.cookie().lower() not in {"", cookie}


@NAMES
def test_a_cookie_of_a_length_that_none_has_is_formerr(speaking: Sinkhole, name: str) -> None:
    """RFC 7873 5.2.2."""
    assert dig(speaking.port, "+ednsopt=10:01020304", "+nocookie", name).status == "FORMERR"


@NAMES
@pytest.mark.parametrize("over", ["+notcp", "+tcp"])
def test_who_asks_for_the_name_of_the_server_gets_it(speaking: Sinkhole, name: str, over: str) -> None:
    """RFC 5001 2.1, 2.3: only who asks; and the upstream's is not passed on."""
    said = dig(speaking.port, "+nsid", over, name)
    assert '("attic")' in said.text.replace(" ", ""), said.text
    assert "NSID" not in dig(speaking.port, "+nonsid", over, name).text


@NAMES
def test_kdig_sees_cookie_and_nsid_too(speaking: Sinkhole, name: str) -> None:
    said = kdig(speaking.port, "+cookie=0102030405060708", "+nsid", name)
    assert "attic" in said.text
    assert said.cookie().startswith("0102030405060708")


@NAMES
def test_keepalive_is_told_over_tcp_and_only_there(speaking: Sinkhole, name: str) -> None:
    """RFC 7828 3.2, 3.3.2."""
    assert re.search(r"KEEPALIVE: ?\d", dig(speaking.port, "+tcp", "+keepalive", name).text)
    assert "KEEPALIVE" not in dig(speaking.port, "+notcp", "+keepalive", name).text


@NAMES
def test_a_padded_query_over_tcp_gets_a_padded_reply(speaking: Sinkhole, name: str) -> None:
    """RFC 7830 4, RFC 8467 4.1; not over UDP, where padding would help those who forge addresses."""
    padded = kdig(speaking.port, "+tcp", "+padding=128", name)
    assert re.search(r";; PADDING: \d+ B", padded.text), padded.text
    assert re.search(r";; Received 468 B", padded.text), padded.text
    assert "PADDING" not in kdig(speaking.port, "+padding=128", name).text
    assert "PADDING" not in kdig(speaking.port, "+tcp", name).text


def test_a_cookie_is_good_after_a_restart(tmp_path: Path, recursor: int) -> None:
    """RFC 9018 5: the secret lasts longer than a process does."""
    one = Sinkhole(tmp_path, upstream=recursor).start()
    try:
        cookie = dig(one.port, "+cookie=0102030405060708", "localhost").cookie().lower()
        one.stop()
        one.start()
        assert dig(one.port, f"+cookie={cookie}", "localhost").cookie().lower() == cookie
    finally:
        one.stop()


def test_a_client_over_its_limit_goes_on_with_a_cookie_and_without_tcp(tmp_path: Path, recursor: int) -> None:
    """RFC 7873 5.2.4: dig asks once more by itself when it is told BADCOOKIE."""
    limits = f'[limits]\nqueries_per_second = {LIMIT}\nburst = {LIMIT}\nenforce = ["127.0.0.0/8"]\n'
    one = Sinkhole(tmp_path, upstream=recursor, config=limits).start()
    try:
        with asking_on(one.port):
            for arguments, seen in (
                (("+cookie", "+nobadcookie"), "status: BADCOOKIE"),
                (("+nocookie",), "flags:.* tc"),
            ):
                wait_for(lambda a=arguments, s=seen: re.search(s, dig_some(one.port, *a)), seen, patience=50)  # type: ignore[misc]
            assert not re.search("flags:.* tc", said := dig_some(one.port, "+cookie"))
            assert "(good)" in said
    finally:
        one.stop()


LIMIT = 40


@contextlib.contextmanager
def asking_on(port: int) -> Iterator[None]:
    """Somebody else on this machine asks: more than is allowed, and less than a flood, which begins at four times that."""
    over = threading.Event()
    wire = dns.message.make_query("localhost", "A").to_wire()

    def ask() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not over.wait(0.5 / LIMIT):
                sock.sendto(wire, ("127.0.0.1", port))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def dig_some(port: int, *arguments: str) -> str:
    """What the answers to a few queries say, over UDP alone; not more than ten times a second."""
    time.sleep(0.1)
    return dig(port, "+ignore", *arguments, *(word for _ in range(4) for word in ("localhost", "A"))).text
