"""Hosts files as local data."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.local.hosts import MAX_COMPLAINTS, MAX_LINE, parse_hosts
from mirage_hole.wire.names import to_text

FILE = """\
# The machines of this house
127.0.0.1   localhost localhost.localdomain
127.0.1.1   this-machine
::1         ip6-localhost ip6-loopback
192.168.1.5 nas nas.lan   # the files
fd00::5     NAS
"""


def said(text: str) -> list[str]:
    return [f"{to_text(one.name)} {one.rrtype} {one.rdata.hex()}" for one in parse_hosts(text, 60).records]


def test_every_name_has_its_lines_address():
    assert said(FILE) == ["nas 1 c0a80105", "nas.lan 1 c0a80105", f"nas 28 fd{'0' * 29}5"]
    assert parse_hosts(FILE, 60).complaints == ()


def test_what_makes_no_sense_is_told_with_its_line_and_the_rest_counts():
    parsed = parse_hosts("nas 192.168.1.5\n\n192.168.1.6\n192.168.1.7 a..b tv\nfe80::1%eth0 x\n" + "x" * 5000, 60)
    assert [complaint.line for complaint in parsed.complaints] == [1, 3, 4, 5, 6]
    assert [to_text(one.name) for one in parsed.records] == ["tv"]
    assert not parsed.is_broken


def test_a_file_without_a_single_sense_is_broken_and_an_empty_one_is_not():
    assert parse_hosts("<html>\n<p>login</p>", 60).is_broken
    assert not parse_hosts("", 60).is_broken
    assert not parse_hosts("# nothing\n", 60).is_broken


def test_complaints_have_an_end():
    parsed = parse_hosts("x\n" * (MAX_COMPLAINTS + 7), 60)
    assert (len(parsed.complaints), parsed.more) == (MAX_COMPLAINTS, 7)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_does_harm(text):
    parsed = parse_hosts(text, 60)
    assert all(1 <= complaint.line <= len(text.splitlines()) for complaint in parsed.complaints)
    assert all(len(one.rdata) in (4, 16) and len(one.name) <= 255 for one in parsed.records)


@given(st.lists(st.tuples(st.ip_addresses(), st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?", fullmatch=True)), max_size=20))
def test_what_is_written_is_found(lines):
    text = "\n".join(f"{address}\t{name}.x" for address, name in lines if str(address) != "127.0.1.1")
    found = {(to_text(one.name), one.rdata) for one in parse_hosts(text, 60).records}
    assert found == {(f"{name}.x", address.packed) for address, name in lines if str(address) != "127.0.1.1"}
    assert len(text) < MAX_LINE * 20
