"""Exports as dnstap, read by BIND's own reader and by a reader of protocol buffers written here."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe import dnstap
from mirage_hole.observe.recent import QueryRow

if TYPE_CHECKING:
    from pathlib import Path


def row(**changed: object) -> QueryRow:
    usual = QueryRow(
        1, 1_700_000_000.25, "192.0.2.7", "udp", 0.0125, "ads.example.com", "AAAA", "blocked", "NXDOMAIN",
        "A list", "example.com", "subtree", 12, None,
    )  # fmt: skip
    return usual._replace(**changed)


def frames(rows: list[QueryRow]) -> bytes:
    return b"".join(
        dnstap.frame(one.at, one.client, one.duration, dnstap.subject((one.transport, *one[5:]))) for one in rows
    )


def fields(octets: bytes) -> dict[int, list[int | bytes]]:
    """Any message of protocol buffers, by field number (wire types 0, 2 and 5)."""
    found: dict[int, list[int | bytes]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            octet = octets[at]
            at += 1
            value |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return value

    while at < len(octets):
        key = varint()
        if key & 7 == 0:
            value: int | bytes = varint()
        elif key & 7 == 5:
            value = int.from_bytes(octets[at : at + 4], "little")
            at += 4
        else:
            assert key & 7 == 2
            length = varint()
            value = octets[at : at + length]
            at += length
        found.setdefault(key >> 3, []).append(value)
    return found


def only_frame(octets: bytes) -> dict[int, list[int | bytes]]:
    assert int.from_bytes(octets[:4], "big") == len(octets) - 4
    outer = fields(octets[4:])
    assert outer[15] == [1]
    message = outer[14][0]
    assert isinstance(message, bytes)
    return fields(message)


def test_a_query_says_who_asked_when_and_how_long_it_took() -> None:
    message = only_frame(frames([row()]))
    assert message[1] == [6]
    assert (message[2], message[3], message[4]) == ([1], [1], [bytes((192, 0, 2, 7))])
    assert (message[12], message[13]) == ([1_700_000_000], [250_000_000])
    assert (message[8], message[9]) == ([1_700_000_000], [237_500_000])


def test_the_message_is_the_question_and_its_response_code() -> None:
    message = only_frame(frames([row(client="2001:db8::1", transport="tcp", rcode="BADVERS")]))
    assert (message[2], message[3]) == ([2], [2])
    wire = message[14][0]
    assert isinstance(wire, bytes)
    said = dns.message.from_wire(wire)
    assert str(said.question[0]) == "ads.example.com. IN AAAA"
    assert said.rcode() == 16
    assert not said.answer


def test_the_rule_that_decided_is_the_policy() -> None:
    policy = only_frame(frames([row()]))[15][0]
    assert isinstance(policy, bytes)
    said = fields(policy)
    assert (said[1], said[2], said[3], said[4]) == ([b"A list"], [b"example.com"], [1], [1])
    assert said[5] == [b"\3ads\7example\3com\0"]


@pytest.mark.parametrize(
    ("outcome", "rcode", "action"),
    [("blocked", "NOERROR", 6), ("dropped", "NOERROR", 4), ("forwarded", "NOERROR", 3), ("local", "NOERROR", 6)],
)
def test_the_action_is_what_the_rule_did(outcome: str, rcode: str, action: int) -> None:
    policy = only_frame(frames([row(outcome=outcome, rcode=rcode)]))[15][0]
    assert isinstance(policy, bytes)
    assert fields(policy)[3] == [action]


def test_a_query_without_a_rule_has_no_policy() -> None:
    assert 15 not in only_frame(frames([row(list=None, rule=None, outcome="cached")]))


def test_a_hidden_name_is_the_root() -> None:
    wire = only_frame(frames([row(name="", list=None, rule=None)]))[14][0]
    assert isinstance(wire, bytes)
    assert str(dns.message.from_wire(wire).question[0]) == ". IN AAAA"


@given(
    st.floats(0, 2**33),
    st.floats(0, 4000),
    st.ip_addresses().map(str),
    st.sampled_from(["NOERROR", "RCODE11", "BADCOOKIE", "RCODE200"]),
    st.text("ab=.é\u202e\\", max_size=20),
)
def test_whatever_was_logged_can_be_read_back(at: float, took: float, client: str, rcode: str, rule: str) -> None:
    message = only_frame(frames([row(at=at, duration=took, client=client, rcode=rcode, rule=rule)]))
    assert message[12] == [round(at * 1e6) // 10**6]
    assert message[14]


@pytest.mark.skipif(shutil.which("dnstap-read") is None, reason="dnstap-read (bind9-dnsutils) is not installed")
def test_binds_own_reader_reads_a_whole_export(tmp_path: Path) -> None:
    path = tmp_path / "export.dnstap"
    rows = [row(), row(client="2001:db8::1", transport="tcp", name="other.example", type="TXT", outcome="cached")]
    path.write_bytes(dnstap.begin() + frames(rows) + dnstap.end())
    said = subprocess.run(["dnstap-read", "-y", path], capture_output=True, text=True, check=True, timeout=30).stdout
    assert said.count("CLIENT_RESPONSE") == 2
    assert "ads.example.com" in said
    assert "other.example" in said
    assert "2001:db8::1" in said
