"""Messages for tests: made with dnspython or by hand, never with the code that is tested."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from hypothesis import strategies as st

OPT = 41


def wire_name(*labels: bytes) -> bytes:
    """Labels to a wire-form name."""
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def text_name(text: str) -> bytes:
    """``a.example`` to wire form, by dnspython, in the spelling given."""
    return dns.name.from_text(text).to_wire()


def question(name: str | bytes, qtype: int = 1, qclass: int = 1) -> bytes:
    """A question section with one question."""
    return (text_name(name) if isinstance(name, str) else name) + struct.pack(">HH", qtype, qclass)


def packet(
    flags: int, asked: bytes, answers: Sequence[bytes] = (), authority: Sequence[bytes] = (),
    additional: Sequence[bytes] = (), *, ident: int = 0x1234, questions: int = 1, counts: tuple[int, int, int] | None = None,
) -> bytes:  # fmt: skip
    """A message from its parts; ``counts`` lies about how many records there are."""
    counted = counts or (len(answers), len(authority), len(additional))
    return (
        struct.pack(">HHHHHH", ident, flags, questions, *counted)
        + asked
        + b"".join([*answers, *authority, *additional])
    )


def raw_record(owner: bytes, kind: int, ttl: int, data: bytes, rclass: int = 1) -> bytes:
    """A record from its fields."""
    return owner + struct.pack(">HHIH", kind, rclass, ttl, len(data)) + data


def record(owner: str | bytes, ttl: int, kind: str, text: str) -> bytes:
    """A record of class IN, its data in zone file form."""
    number = dns.rdatatype.from_text(kind)
    data = dns.rdata.from_text(dns.rdataclass.IN, number, text).to_wire()
    assert data is not None
    return raw_record(text_name(owner) if isinstance(owner, str) else owner, number, ttl, data)


def option(code: int, data: bytes) -> bytes:
    """An EDNS option."""
    return struct.pack(">HH", code, len(data)) + data


def opt(
    payload: int = 1232,
    *options: bytes,
    version: int = 0,
    rcode: int = 0,
    dnssec_ok: bool = False,
    owner: bytes = b"\0",
) -> bytes:
    """An OPT record; ``rcode`` is the upper eight bits."""
    return raw_record(owner, OPT, rcode << 24 | version << 16 | dnssec_ok << 15, b"".join(options), payload)


def soa(owner: str, ttl: int, minimum: int) -> bytes:
    """An SOA record."""
    return record(owner, ttl, "SOA", f"ns.{owner}. hostmaster.{owner}. 1 7200 900 1209600 {minimum}")


def read(wire: bytes) -> Any:
    """dnspython's reading: every record by itself, nothing left over."""
    return dns.message.from_wire(wire, one_rr_per_rrset=True)


def records_of(section: list[dns.rrset.RRset]) -> list[tuple[dns.name.Name, int, int, int, bytes]]:
    """Owner, class, type, TTL and uncompressed data of each record."""
    return [(rrset.name, rrset.rdclass, rrset.rdtype, rrset.ttl, rrset[0].to_wire()) for rrset in section]


labels = st.binary(min_size=1, max_size=12) | st.binary(min_size=1, max_size=63)
names = st.lists(labels, max_size=9).map(lambda parts: wire_name(*parts)).filter(lambda wire: len(wire) <= 255)
"""Wire-form names, any octets, either case."""

host_names = st.from_regex(r"([a-zA-Z0-9_-]{1,20}\.){1,5}[a-z]{2,10}", fullmatch=True)
"""Names as people spell them."""

types = st.sampled_from([1, 2, 5, 6, 12, 15, 16, 28, 33, 65, 255, 257, 65280]) | st.integers(0, 65535).filter(
    lambda number: number != OPT
)

edns_options = st.one_of(
    st.builds(dns.edns.GenericOption, st.sampled_from([3, 12, 14, 65001]), st.binary(max_size=40)),
    st.builds(lambda data: dns.edns.GenericOption(10, data), st.binary(min_size=8, max_size=8)),
)


@st.composite
def queries(draw: st.DrawFn) -> dns.message.Message:
    """Well-formed queries with one question, as any client may send them."""
    message = dns.message.QueryMessage(id=draw(st.integers(0, 65535)))
    bits = draw(st.sets(st.sampled_from([dns.flags.RD, dns.flags.AD, dns.flags.CD, dns.flags.TC, dns.flags.AA, 0x40])))
    message.flags = dns.flags.Flag(sum(bits))
    message.question.append(
        dns.rrset.RRset(
            dns.name.from_wire(draw(names), 0)[0],
            dns.rdataclass.RdataClass.make(draw(st.sampled_from([1, 1, 3, 255]))),
            dns.rdatatype.RdataType.make(draw(types)),
        )
    )
    if draw(st.booleans()):
        message.use_edns(
            0,
            dns.flags.DO if draw(st.booleans()) else 0,
            payload=draw(st.integers(0, 65535)),
            options=draw(st.lists(edns_options, max_size=3)),
        )
    return message


@st.composite
def mutants(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Messages with octets changed, cut out or put in."""
    octets = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(octets)))
        match draw(st.sampled_from(["change", "change", "change", "cut", "insert", "count"])):
            case "change" if at < len(octets):
                octets[at] = draw(st.sampled_from([0, 1, 0x29, 0x3F, 0x40, 0xC0, 0xFF]) | st.integers(0, 255))
            case "cut":
                del octets[at:]
            case "insert":
                octets[at:at] = draw(st.binary(min_size=1, max_size=12))
            case "count" if len(octets) >= 12:
                octets[draw(st.sampled_from([5, 7, 9, 11]))] = draw(st.integers(0, 5))
    return bytes(octets)


class Counted(bytes):
    """Octets that count how often one of them is looked at."""

    looks: list[int]

    def __new__(cls, octets: bytes, looks: list[int] | None = None) -> Counted:
        self = super().__new__(cls, octets)
        self.looks = [] if looks is None else looks
        return self

    def __getitem__(self, index: Any) -> Any:
        got = super().__getitem__(index)
        if isinstance(got, bytes):
            return Counted(got, self.looks)
        self.looks.append(index)
        return got
