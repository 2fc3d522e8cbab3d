"""The probes of ISC's EDNS compliance tester (draft-ietf-dnsop-no-response-issue 8), asked with dig as that does."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.live.clients import Dug, dig

from .conftest import Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("lab")]

FORWARDED, BLOCKED = "www.good.lab", "doubleclick.net"


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory, recursor: int) -> Iterator[Sinkhole]:
    one = Sinkhole(tmp_path_factory.mktemp("probed"), upstream=recursor).start()
    wait_for(lambda: one.blocks(BLOCKED), "the starter list")
    yield one
    one.stop()


def version(said: Dug) -> int | None:
    """Of the answer's OPT; None without one."""
    found = re.search(r"; EDNS: version: (\d+)", said.text)
    return int(found[1]) if found else None


def edns_flags(said: Dug) -> str:
    found = re.search(r"; EDNS: version: \d+, flags:([^;]*);", said.text)
    return found[1].strip() if found else ""


@pytest.fixture(params=[FORWARDED, BLOCKED], ids=["forwarded", "blocked"])
def name(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.fixture(params=["+notcp", "+tcp"], ids=["udp", "tcp"])
def over(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


PLAIN = ("+noad", "+nocookie", "+noednsneg")


def test_plain_dns_gets_no_opt(probed: Sinkhole, name: str, over: str) -> None:
    """RFC 6891 7: who sends no OPT gets none."""
    said = dig(probed.port, over, "+noedns", "+noad", name)
    assert (said.status, version(said)) == ("NOERROR", None)
    assert len(said.data("A")) == 1


def test_plain_edns_gets_version_0(probed: Sinkhole, name: str, over: str) -> None:
    """RFC 6891 6.1.1: an OPT for an OPT."""
    said = dig(probed.port, over, "+edns=0", *PLAIN, name)
    assert (said.status, version(said)) == ("NOERROR", 0)
    assert len(said.data("A")) == 1


@pytest.mark.parametrize(
    "more", [(), ("+ednsopt=100",), ("+dnssec",), ("+ednsflags=0x40",)], ids=["plain", "option", "do", "flag"]
)
def test_an_unknown_version_is_badvers_with_the_highest_known_and_no_answer(
    probed: Sinkhole, name: str, over: str, more: tuple[str, ...]
) -> None:
    """RFC 6891 6.1.3."""
    said = dig(probed.port, over, "+edns=1", *PLAIN, *more, name)
    assert (said.status, version(said)) == ("BADVERS", 0)
    assert said.records == []
    assert "OPT=100" not in said.text


def test_an_unknown_option_is_ignored_and_not_sent_back(probed: Sinkhole, name: str, over: str) -> None:
    """RFC 6891 6.1.2."""
    said = dig(probed.port, over, "+ednsopt=100:0badcafe", *PLAIN, name)
    assert (said.status, version(said)) == ("NOERROR", 0)
    assert len(said.data("A")) == 1
    assert "OPT=100" not in said.text
    assert "0badcafe" not in said.text.replace(" ", "")


def test_unknown_flags_are_ignored_and_not_sent_back(probed: Sinkhole, name: str, over: str) -> None:
    """RFC 6891 6.1.4: Z is zero in answers, and is not looked at in questions."""
    said = dig(probed.port, over, "+ednsflags=0x7fff", *PLAIN, name)
    assert (said.status, version(said), edns_flags(said)) == ("NOERROR", 0, "")
    assert "MBZ" not in said.text


def test_do_is_sent_back(probed: Sinkhole, name: str, over: str) -> None:
    """RFC 3225 3."""
    assert edns_flags(dig(probed.port, over, "+dnssec", *PLAIN, name)) == "do"
    assert edns_flags(dig(probed.port, over, *PLAIN, name)) == ""


def test_many_known_options_at_once_are_taken(probed: Sinkhole, name: str, over: str) -> None:
    """RFC 5001, 7871, 7314, 7873, 7828, 7830: whatever is supported of them, the question is answered."""
    options = ("+nsid", "+subnet=0.0.0.0/0", "+expire", "+cookie=0102030405060708", "+keepalive", "+padding=128")
    said = dig(probed.port, over, "+noad", *options, name)
    assert (said.status, version(said)) == ("NOERROR", 0)
    assert len(said.data("A")) == 1
    assert "EXPIRE" not in said.text


@pytest.mark.parametrize("size", [0, 1, 511, 512, 1232, 4096, 65535])
def test_every_size_is_kept_to_and_one_below_512_is_512(probed: Sinkhole, size: int) -> None:
    """RFC 6891 6.2.3 and 6.2.5."""
    said = dig(probed.port, f"+bufsize={size}", "+ignore", *PLAIN, "+dnssec", "big.good.lab", "TXT")
    assert (said.status, version(said)) == ("NOERROR", 0)
    assert "tc" in said.flags
    octets = int(re.search(r"MSG SIZE  rcvd: (\d+)", said.text)[1])  # type: ignore[index]
    assert octets <= max(512, size)
    small = dig(probed.port, f"+bufsize={size}", "+ignore", *PLAIN, FORWARDED)
    assert "tc" not in small.flags
    assert len(small.data("A")) == 1


# -- what dig can't say --


def exchange(port: int, wire: bytes) -> dns.message.Message:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect(("127.0.0.1", port))
        sock.send(wire)
        return dns.message.from_wire(sock.recv(4096))


def opt(owner: bytes = b"\0", data: bytes = b"", length: int | None = None) -> bytes:
    return owner + b"\0\x29\x04\xd0\0\0\0\0" + (len(data) if length is None else length).to_bytes(2, "big") + data


def asking(name: str, *opts: bytes) -> bytes:
    plain = dns.message.make_query(name, "A", use_edns=False).to_wire()
    return plain[:10] + len(opts).to_bytes(2, "big") + plain[12:] + b"".join(opts)


@pytest.mark.parametrize(
    "opts",
    [
        (opt(), opt()),
        (opt(owner=b"\1a\0"),),
        (opt(data=b"\0\x0a\0\xff\1"),),
        (opt(data=b"\0\x0a\0"),),
        (opt(length=9),),
    ],
    ids=["two OPTs", "owned by a name", "option overruns", "option cut", "record overruns"],
)
def test_an_opt_that_does_not_add_up_is_formerr(probed: Sinkhole, opts: tuple[bytes, ...], name: str) -> None:
    """RFC 6891 6.1.1, 7."""
    assert exchange(probed.port, asking(name, *opts)).rcode() == dns.rcode.FORMERR


def test_the_largest_option_that_fits_a_query_is_ignored_too(probed: Sinkhole, name: str) -> None:
    data = b"\xff\xee" + (300).to_bytes(2, "big") + bytes(300)
    reply = exchange(probed.port, asking(name, opt(data=data)))
    assert reply.rcode() == dns.rcode.NOERROR
    assert len(reply.answer) == 1
    assert not [option for option in reply.options if option.otype == 0xFFEE]
