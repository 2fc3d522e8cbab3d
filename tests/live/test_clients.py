"""Real clients and real servers: sizes, streams, and DNSSEC that is passed through as it is."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import pytest

from mirage_hole.wire.framing import frame
from tests.live import zones
from tests.live.clients import delv, dig, kdig
from tests.live.servers import Actor, Authority
from tests.nameserver import Heard, addresses, too_large

from .conftest import Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("lab")]

Start = Callable[..., Sinkhole]


@pytest.fixture(scope="module")
def forwarder(tmp_path_factory: pytest.TempPathFactory, recursor: int) -> Iterator[Sinkhole]:
    """One that forwards to the recursor; no test changes it."""
    one = Sinkhole(tmp_path_factory.mktemp("forwarder"), upstream=recursor).start()
    wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
    yield one
    one.stop()


# -- sizes (RFC 1035 4.2, RFC 6891 6.2.3, RFC 7766) --


@pytest.mark.parametrize("client", [dig, kdig], ids=["dig", "kdig"])
def test_what_is_too_large_for_the_client_is_cut_and_comes_whole_over_tcp(
    forwarder: Sinkhole, client: Callable[..., object]
) -> None:
    """RFC 1035 4.2.1, RFC 2181 9: TC and nothing that could be taken for a whole answer; RFC 7766 5: then TCP."""
    cut = client(forwarder.port, "+ignore", "+bufsize=512", "big.good.lab", "TXT")
    assert "tc" in cut.flags
    assert cut.data("TXT") == []
    whole = client(forwarder.port, "+bufsize=512", "big.good.lab", "TXT")
    assert "tc" not in whole.flags
    assert len(whole.data("TXT")) == zones.BIG_TXT


def test_a_client_without_edns_gets_512_octets_at_the_most(forwarder: Sinkhole) -> None:
    """RFC 6891 6.2.5, RFC 1035 2.3.4."""
    cut = dig(forwarder.port, "+noedns", "+ignore", "big.good.lab", "TXT")
    assert "tc" in cut.flags
    assert "OPT PSEUDOSECTION" not in cut.text
    assert "OPT PSEUDOSECTION" not in dig(forwarder.port, "+noedns", "www.good.lab").text


def test_a_client_that_promises_65535_octets_gets_no_fragments(forwarder: Sinkhole) -> None:
    """RFC 9715 3.2: a responder keeps below what a path may fragment, whatever the client says."""
    assert "tc" in dig(forwarder.port, "+ignore", "+bufsize=65535", "big.good.lab", "TXT").flags


def test_what_the_upstream_cuts_is_asked_for_again_over_tcp(sinkhole: Start, actor: Callable[..., Actor]) -> None:
    """RFC 7766 5, RFC 2181 9: a cut answer is none; whoever takes datagrams only is told to come by TCP."""
    upstream = actor(too_large(20))
    started = sinkhole(upstream=upstream.port)
    cut = dig(started.port, "+ignore", "long.lab.example", "TXT")
    assert ("tc" in cut.flags, cut.data("TXT")) == (True, [])
    assert len(dig(started.port, "+tcp", "long.lab.example", "TXT").data("TXT")) == 20
    assert [heard.tcp for heard in upstream.heard if heard.name == "long.lab.example"] == [False, True]


# -- streams (RFC 7766) --


def read_frame(stream: socket.socket) -> dns.message.Message:
    def exactly(count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            more = stream.recv(count - len(taken))
            assert more, "the stream has ended"
            taken += more
        return taken

    return dns.message.from_wire(exactly(int.from_bytes(exactly(2), "big")))


def test_answers_on_one_stream_come_as_they_are_ready(sinkhole: Start, actor: Callable[..., Actor]) -> None:
    """RFC 7766 6.2.1.1, 7: a slow name holds up no other of the same connection."""
    held: list[Heard] = []

    def behave(heard: Heard) -> None:
        if heard.name == "slow.lab.example":
            held.append(heard)
            return
        addresses(heard)
        if heard.name == "last.lab.example":
            for one in held:
                addresses(one)

    started = sinkhole(upstream=actor(behave).port)
    with socket.create_connection(("127.0.0.1", started.port), timeout=10) as stream:
        asked = [dns.message.make_query(f"{name}.lab.example", "A") for name in ("slow", "quick", "last")]
        stream.sendall(b"".join(frame(query.to_wire()) for query in asked[:2]))
        assert read_frame(stream).id == asked[1].id  # while the slow one waits
        stream.sendall(frame(asked[2].to_wire()))
        assert {read_frame(stream).id, read_frame(stream).id} == {asked[0].id, asked[2].id}


def test_many_questions_of_one_kdig_share_a_connection(forwarder: Sinkhole) -> None:
    """RFC 7766 6.2.1: the connection stays for the next question."""
    said = kdig(forwarder.port, "+tcp", "+keepopen", "www.good.lab", "known.wild.good.lab", "nx.good.lab")
    assert set(said.data("A")) == {"192.0.2.10", "192.0.2.21"}
    assert said.text.count("status: NXDOMAIN") == 1


# -- DNSSEC, passed through (RFC 4035 3.2) --


@pytest.mark.parametrize("zone", zones.SIGNED_BY_KNOT)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("www", "fully validated"),
        ("chain", "fully validated"),
        ("any.wild", "fully validated"),
        ("nothing.here", "negative response, fully validated"),
    ],
)
def test_who_validates_himself_is_given_all_he_needs(
    forwarder: Sinkhole, authority: Authority, tmp_path: Path, zone: str, name: str, said: str
) -> None:
    """RFC 4035 3.2.1, 4.9: signatures, keys, DS and denials come through, so that a stub can validate."""
    assert f"; {said}" in delv(forwarder.port, authority.anchor, tmp_path, f"{name}.{zone}")


@pytest.mark.parametrize("zone", ["bogus.lab.", "stripped.lab."])
def test_who_validates_himself_finds_what_is_spoilt(
    forwarder: Sinkhole, authority: Authority, tmp_path: Path, zone: str
) -> None:
    said = delv(forwarder.port, authority.anchor, tmp_path, f"www.{zone}")
    assert "fully validated" not in said
    assert "192.0.2." not in said


def test_signatures_come_when_they_are_asked_for_and_only_then(forwarder: Sinkhole) -> None:
    """RFC 4035 3.2.1: no RRSIG for who did not say DO, also from the same cache."""
    for _ in range(2):
        assert len(dig(forwarder.port, "+dnssec", "www.good.lab").data("RRSIG")) == 1
        assert dig(forwarder.port, "+nodnssec", "www.good.lab").data("RRSIG") == []


def test_ad_comes_from_a_validating_upstream_for_who_wants_it(forwarder: Sinkhole) -> None:
    """RFC 6840 5.7, 5.8."""
    assert "ad" in dig(forwarder.port, "+adflag", "www.good.lab").flags
    assert "ad" in dig(forwarder.port, "+noadflag", "+dnssec", "www.good.lab").flags
    assert "ad" not in dig(forwarder.port, "+noadflag", "www.good.lab").flags
    assert "ad" not in dig(forwarder.port, "+adflag", "www.unsigned.lab").flags


def test_what_the_upstream_finds_bogus_is_servfail_with_its_reason_and_is_had_with_cd(forwarder: Sinkhole) -> None:
    """RFC 4035 3.2.2, RFC 8914 4.7."""
    refused = dig(forwarder.port, "www.bogus.lab")
    assert refused.status == "SERVFAIL"
    assert refused.errors
    assert dig(forwarder.port, "+cd", "www.bogus.lab").data("A") == ["192.0.2.66"]
    assert dig(forwarder.port, "www.bogus.lab").status == "SERVFAIL"
