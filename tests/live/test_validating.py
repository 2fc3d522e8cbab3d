"""Validation of our own, beside delv's and unbound's judgement of the same zones on knot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import servers, zones
from tests.live.clients import delv, dig
from tests.live.servers import Authority

from .conftest import Sinkhole

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("validating")]

BAD = {"bogus": {6}, "expired": {6, 7, 9}, "stripped": {6, 10}, "otherkey": {6, 9}}
"""Extended DNS Errors (RFC 8914 4.7 to 4.11) that tell what is wrong with a zone; 9 since no key of an expired set is valid."""
GOOD = [zone.split(".")[0] for zone in zones.SIGNED_BY_KNOT]


@pytest.fixture(scope="module", params=[False, True], ids=["plain upstream", "validating upstream"])
def validator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Sinkhole]:
    """It trusts the root of our own and asks an unbound that validates, or one that does not."""
    directory = tmp_path_factory.mktemp("validator")
    anchors = directory / "anchors"
    anchors.write_text(f". IN DS {authority.anchor}\n")
    with servers.unbound(tmp_path_factory.mktemp("recursor"), authority, validating=request.param) as port:
        config = f'[upstream]\nservers = ["127.0.0.1:{port}"]\ndnssec = true\n[dnssec]\nanchors = "{anchors}"\n'
        one = Sinkhole(directory, upstream=None, config=config).start()
        yield one
        one.stop()


@pytest.mark.parametrize("zone", GOOD)
def test_a_good_zone_is_authenticated(validator: Sinkhole, zone: str) -> None:
    """RFC 4035 5.3: positive answers, aliases, wildcards (5.3.4) and denials (5.4, RFC 5155 8)."""
    for name, address in (("www", "10"), ("chain", "10"), ("any.wild", "20"), ("known.wild", "21")):
        said = dig(validator.port, "+adflag", f"{name}.{zone}.lab")
        assert (said.status, said.data("A")) == ("NOERROR", [f"192.0.2.{address}"]), said.text
        assert "ad" in said.flags, said.text
    for name, kind, status in (
        ("nothing", "A", "NXDOMAIN"),
        ("www", "MX", "NOERROR"),
        ("non.terminal", "A", "NOERROR"),
    ):
        said = dig(validator.port, "+adflag", f"{name}.{zone}.lab", kind)
        assert said.status == status, said.text
        assert "ad" in said.flags, said.text


def test_large_keys_and_answers_are_had_over_tcp(validator: Sinkhole) -> None:
    """RFC 4035 4.1: what validation needs may not fit a datagram."""
    said = dig(validator.port, "+adflag", "+tcp", "big.nsec3.lab", "TXT")
    assert len(said.data("TXT")) == zones.BIG_TXT
    assert "ad" in said.flags


def test_an_unsigned_zone_is_answered_and_not_authenticated(validator: Sinkhole) -> None:
    """RFC 4035 5.2: the parent proves that there is no DS."""
    for name, status in (("www", "NOERROR"), ("nothing", "NXDOMAIN")):
        said = dig(validator.port, "+adflag", f"{name}.unsigned.lab")
        assert said.status == status, said.text
        assert "ad" not in said.flags


@pytest.mark.parametrize("zone", sorted(BAD))
def test_a_bad_zone_is_servfail_with_the_reason_and_is_had_with_cd(validator: Sinkhole, zone: str) -> None:
    """RFC 4035 5.5, RFC 8914 4.7, RFC 4035 3.2.2."""
    for _ in range(2):  # found out, and remembered
        said = dig(validator.port, f"www.{zone}.lab")
        assert said.status == "SERVFAIL", said.text
        assert set(said.errors) & BAD[zone], said.text
        assert said.data("A") == []
    unchecked = dig(validator.port, "+cd", f"www.{zone}.lab")
    assert unchecked.status == "NOERROR"
    assert unchecked.data("A")
    assert "ad" not in unchecked.flags


def test_what_is_signed_in_a_bad_zone_otherwise_is_still_good(validator: Sinkhole) -> None:
    said = dig(validator.port, "+adflag", "known.wild.bogus.lab")
    assert said.data("A") == ["192.0.2.21"]
    assert "ad" in said.flags


def test_delv_agrees(validator: Sinkhole, authority: Authority, tmp_path: Path) -> None:
    """Who validates behind us finds the same, since signatures and denials come through."""
    for zone in GOOD:
        assert "; fully validated" in delv(validator.port, authority.anchor, tmp_path, f"www.{zone}.lab")
        assert "fully validated" in delv(validator.port, authority.anchor, tmp_path, f"nothing.{zone}.lab")


def test_signatures_go_to_who_asks_for_them(validator: Sinkhole) -> None:
    """RFC 4035 3.2.1: validation asks with DO; clients without it see no RRSIG."""
    assert dig(validator.port, "+nodnssec", "www.good.lab").data("RRSIG") == []
    assert len(dig(validator.port, "+dnssec", "www.good.lab").data("RRSIG")) == 1
    denied = dig(validator.port, "+nodnssec", "nothing.nsec3.lab")
    assert [words[3] for words in denied.records] == ["SOA"]
