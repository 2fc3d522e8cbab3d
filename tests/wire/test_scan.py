"""What is known of an upstream's reply, held against dnspython's reading of the same octets."""

from __future__ import annotations

import struct

import dns.edns
import dns.exception
import dns.message
import dns.rdatatype
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirage_hole.policy.inside import is_inside
from mirage_hole.wire.reply import age_ttls
from mirage_hole.wire.scan import INSIDE, MAX_EDE, MAX_EDES, MAX_RECORDS, MAX_TTL, Reply, scan_reply
from tests.wire.samples import (
    Counted,
    mutants,
    names,
    opt,
    option,
    packet,
    question,
    raw_record,
    read,
    record,
    records_of,
    soa,
    wire_name,
)

ASKED = question("www.example.com")
END = 12 + len(ASKED)
POINTER = b"\xc0\x0c"
HERE = record("www.example.com", 300, "A", "192.0.2.1")

ttls = st.integers(0, 2**31 - 1) | st.integers(0, 600)


@st.composite
def rdata(draw: st.DrawFn) -> tuple[str, str]:
    kind = draw(st.sampled_from(["A", "AAAA", "CNAME", "TXT", "MX", "NS", "SOA", "HTTPS", "SRV"]))
    number = draw(st.integers(0, 255))
    return kind, {
        "A": f"192.0.2.{number}",
        "AAAA": f"2001:db8::{number:x}",
        "CNAME": f"c{number}.example.com.",
        "TXT": f'"text {number}" "more"',
        "MX": f"{number} mail.example.com.",
        "NS": f"ns{number}.example.com.",
        "SOA": f"ns.example.com. root.example.com. 1 2 3 4 {number * 1000}",
        "HTTPS": f"1 . alpn=h2 ipv4hint=192.0.2.{number}",
        "SRV": f"0 {number} 443 s.example.com.",
    }[kind]


real_records = st.builds(
    lambda owner, ttl, kind_and_text: record(owner, ttl, *kind_and_text),
    st.sampled_from(["www.example.com", "example.com", "c1.example.com", "."]),
    ttls,
    rdata(),
)
sections = st.lists(real_records, max_size=5)
edes = st.lists(
    st.builds(
        lambda code, text: option(15, struct.pack(">H", code) + text.encode()), st.integers(0, 99), st.text(max_size=9)
    )
    | st.just(option(12, bytes(6))),
    max_size=4,
)


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """A reply with its OPT record first, last, in the middle or missing."""
    answers, authority, additional = draw(sections), draw(sections), draw(sections)
    rcode = draw(st.sampled_from([0, 0, 0, 2, 3, 5]))
    if draw(st.booleans()):
        oped = opt(1232, *draw(edes), rcode=draw(st.sampled_from([0, 0, 1, 255])), dnssec_ok=draw(st.booleans()))
        additional.insert(draw(st.integers(0, len(additional))), oped)
    flags = 0x8180 | draw(st.sampled_from([0, 0x20, 0x400])) | rcode
    return packet(flags, ASKED, answers, authority, additional)


def scanned(wire: bytes, end: int = END) -> Reply:
    got = scan_reply(wire, end)
    assert got is not None
    return got


def passed_on(got: Reply, asked: bytes = ASKED) -> dns.message.Message:
    """dnspython's reading of the records alone."""
    return read(struct.pack(">HHHHHH", 1, 0x8180, 1, *got.counts) + asked + got.records)


def ttls_in(got: Reply) -> list[int]:
    return [struct.unpack_from(">I", got.records, place)[0] for place in got.ttl_offsets]


@given(replies())
def test_a_reply_is_read_as_dnspython_reads_it(wire: bytes) -> None:
    theirs = read(wire)
    got = scanned(wire)
    assert (got.flags, got.rcode) == (theirs.flags, theirs.rcode())
    kept = passed_on(got)
    # TTLs beyond a week come down to one; nothing else changes, and what stands behind OPT goes with it.
    for ours, its in ((kept.answer, theirs.answer), (kept.authority, theirs.authority)):
        assert records_of(ours) == [(*one[:3], min(one[3], MAX_TTL), one[4]) for one in records_of(its)]
    extra = records_of(kept.additional)
    assert extra == [(*one[:3], min(one[3], MAX_TTL), one[4]) for one in records_of(theirs.additional)][: len(extra)]
    assert got.counts == (len(theirs.answer), len(theirs.authority), len(extra))
    every = kept.answer + kept.authority
    assert ttls_in(got) == [one.ttl for one in every + kept.additional]
    assert got.min_ttl == min((one.ttl for one in every), default=-1)


@given(replies())
def test_a_negative_answer_lives_as_its_soa_says(wire: bytes) -> None:
    theirs = read(wire)
    got = scanned(wire)
    said = [min(one.ttl, one[0].minimum, MAX_TTL) for one in theirs.authority if one.rdtype == dns.rdatatype.SOA]
    if said:
        assert got.negative_ttl == said[-1]
    elif theirs.answer and all(one.rdtype != dns.rdatatype.A for one in theirs.answer):
        assert got.negative_ttl == 0
    else:
        assert got.negative_ttl == -1


@given(replies())
def test_explanations_are_passed_on_as_they_came(wire: bytes) -> None:
    got = scanned(wire)
    theirs = [one for one in read(wire).options if one.otype == 15]
    back = read(packet(0x8180, ASKED, additional=[opt(1232, got.ede)])).options
    assert [one.to_wire() for one in back] == [one.to_wire() for one in theirs]


@given(mutants(replies()))
@example(packet(0x8180, ASKED, [HERE])[:-1])
@example(packet(0x8180, ASKED)[:14])
@example(b"")
def test_a_damaged_reply_is_refused_or_adds_up(wire: bytes) -> None:
    got = scan_reply(wire, END)
    if got is None:
        return
    if wire[12:END] == ASKED:  # which verify.answers has made sure of
        header = struct.pack(">HHHHHH", 1, 0x8180, 1, *got.counts)
        again = scan_reply(header + ASKED + got.records, END)
        assert again is not None
        assert again[2:6] == got[2:6]
    assert len(got.ttl_offsets) == sum(got.counts)
    assert all(ttl <= MAX_TTL for ttl in ttls_in(got))
    assert -1 <= got.min_ttl <= MAX_TTL
    assert -1 <= got.negative_ttl <= MAX_TTL
    age_ttls(got.records, got.ttl_offsets, 1)


@given(mutants(replies()))
def test_what_dnspython_can_read_of_a_damaged_reply_agrees(wire: bytes) -> None:
    got = scan_reply(wire, END)
    if got is None or wire[12:END] != ASKED or wire[4:6] != b"\0\1":
        return
    try:
        theirs = read(wire)
    except (dns.exception.DNSException, ValueError):
        return  # it reads the records' data, which is not ours to judge
    if theirs.opcode() == 0 and not theirs.had_tsig:
        assert got.counts[:2] == (len(theirs.answer), len(theirs.authority))
        assert got.rcode == theirs.rcode()


@given(st.binary(max_size=300), st.integers(0, 320))
def test_noise_is_refused_or_adds_up(noise: bytes, end: int) -> None:
    got = scan_reply(noise, end)
    assert got is None or len(got.records) <= len(noise)


# -- chains and negatives --


def test_a_chain_of_aliases_lives_as_long_as_its_shortest_link() -> None:
    chain = [
        raw_record(POINTER, 5, 3600, wire_name(b"b", b"example")),
        record("b.example", 20, "CNAME", "c.example."),
        record("c.example", 60, "A", "192.0.2.1"),
    ]
    got = scanned(packet(0x8180, ASKED, chain))
    assert (got.min_ttl, got.negative_ttl, got.counts) == (20, -1, (3, 0, 0))


def test_a_chain_that_ends_in_nothing_lives_by_its_soa() -> None:
    alias = record("www.example.com", 3600, "CNAME", "b.example.")
    got = scanned(packet(0x8180, ASKED, [alias], [soa("example", 900, 300)]))
    assert (got.min_ttl, got.negative_ttl) == (900, 300)


def test_aliases_that_lead_nowhere_and_have_no_soa_are_not_to_be_kept() -> None:
    alias = record("www.example.com", 3600, "CNAME", "b.example.")
    assert scanned(packet(0x8180, ASKED, [alias])).negative_ttl == 0
    assert scanned(packet(0x8180, question("www.example.com", 5), [alias])).negative_ttl == -1
    assert scanned(packet(0x8180, question("www.example.com", 255), [alias])).negative_ttl == -1


@pytest.mark.parametrize(("ttl", "minimum", "lifetime"), [(900, 60, 60), (60, 900, 60), (900, 2**32 - 1, 900)])
def test_the_lesser_of_the_soas_two_numbers_counts(ttl: int, minimum: int, lifetime: int) -> None:
    assert scanned(packet(0x8183, ASKED, authority=[soa("example.com", ttl, minimum)])).negative_ttl == lifetime


def test_a_referral_is_no_negative_answer() -> None:
    got = scanned(packet(0x8180, ASKED, authority=[record("com", 900, "NS", "ns.example.")]))
    assert (got.min_ttl, got.negative_ttl, got.counts) == (900, -1, (0, 1, 0))


def test_an_soa_too_short_to_be_one_says_nothing() -> None:
    for size, lifetime in ((21, -1), (22, 0)):
        got = scanned(packet(0x8183, ASKED, authority=[raw_record(POINTER, 6, 60, bytes(size))]))
        assert got.negative_ttl == lifetime


def test_an_soa_in_the_answer_is_an_answer() -> None:
    got = scanned(packet(0x8180, question("www.example.com", 6), [soa("www.example.com", 60, 5)]))
    assert (got.min_ttl, got.negative_ttl) == (60, -1)


def test_records_of_another_class_are_passed_on_and_decide_nothing() -> None:
    chaos = soa("www.example.com", 900, 60)
    chaos = chaos[:19] + b"\0\3" + chaos[21:]
    address = raw_record(POINTER, 1, 60, bytes(4), rclass=3)
    got = scanned(packet(0x8180, ASKED, [address], [chaos]))
    assert (got.counts, got.min_ttl, got.negative_ttl) == ((1, 1, 0), 60, 0)
    assert got.records == address + chaos


# -- TTLs --


@pytest.mark.parametrize("ttl", [MAX_TTL + 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_a_ttl_beyond_a_week_is_believed_and_told_for_a_week(ttl: int) -> None:
    assert MAX_TTL == 7 * 24 * 3600
    other = record("www.example.com", 5, "A", "192.0.2.9")
    long = raw_record(POINTER, 1, ttl, bytes(4))
    got = scanned(packet(0x8180, ASKED, [long, other, long], additional=[long]))
    assert ttls_in(got) == [MAX_TTL, 5, MAX_TTL, MAX_TTL]
    assert got.min_ttl == 5
    assert scanned(packet(0x8180, ASKED, [long])).min_ttl == MAX_TTL
    assert scanned(packet(0x8183, ASKED, authority=[soa("example.com", 60, 60)], additional=[long])).min_ttl == 60


def test_a_ttl_of_zero_is_zero() -> None:
    assert scanned(packet(0x8180, ASKED, [record("www.example.com", 0, "A", "192.0.2.1")])).min_ttl == 0


# -- OPT --


@pytest.mark.parametrize("place", [0, 1, 2])
def test_opt_is_taken_out_wherever_it_stands_and_what_follows_goes_with_it(place: int) -> None:
    extra = [record("ns.example.com", 60, "A", f"192.0.2.{number}") for number in range(2)]
    extra.insert(place, opt(4096, option(15, b"\0\x0fno")))
    got = scanned(packet(0x8180, ASKED, [HERE], additional=extra))
    assert got.counts == (1, 0, place)
    assert got.records == HERE + b"".join(extra[:place])
    assert len(got.ttl_offsets) == 1 + place
    assert got.ede == option(15, b"\0\x0fno")


def test_a_reply_need_not_have_opt() -> None:
    got = scanned(packet(0x8182, ASKED))
    assert got == Reply(0x8182, 2, b"", (0, 0, 0), (), -1, -1, b"")


@pytest.mark.parametrize(("upper", "lower", "rcode"), [(1, 0, 16), (1, 7, 23), (255, 15, 4095), (0, 3, 3)])
def test_the_rcode_has_twelve_bits(upper: int, lower: int, rcode: int) -> None:
    assert scanned(packet(0x8180 | lower, ASKED, additional=[opt(rcode=upper)])).rcode == rcode


def test_opt_stands_once_in_the_additional_section_and_belongs_to_the_root() -> None:
    for wire in (
        packet(0x8180, ASKED, [opt()]),
        packet(0x8180, ASKED, authority=[opt()]),
        packet(0x8180, ASKED, additional=[opt(), opt()]),
        packet(0x8180, ASKED, additional=[opt(owner=POINTER)]),
        packet(0x8180, ASKED, additional=[opt(owner=b"\x01a\0")]),
    ):
        assert scan_reply(wire, END) is None


@pytest.mark.parametrize("options", [b"\0", b"\0\x0f\0", b"\0\x0f\0\x05abcd", option(15, b"ab") + b"\0\x0f\0\x01"])
def test_options_that_overrun_their_record_are_refused(options: bytes) -> None:
    assert scan_reply(packet(0x8180, ASKED, additional=[opt(1232, options)]), END) is None


def test_an_option_may_be_empty_and_last() -> None:
    got = scanned(
        packet(0x8180, ASKED, additional=[opt(1232, option(12, b""), option(15, b"\0\x16"), option(12, b""))])
    )
    assert got.ede == option(15, b"\0\x16")


def test_only_so_many_explanations_of_only_such_a_length_are_passed_on() -> None:
    short, long = option(15, b"\0\x0f" + b"x" * (MAX_EDE - 2)), option(15, b"\0\x0f" + b"x" * (MAX_EDE - 1))
    got = scanned(packet(0x8180, ASKED, additional=[opt(1232, option(15, b"\0"), long, *[short] * 9)]))
    assert got.ede == short * MAX_EDES


# -- lies and bounds --


def test_a_query_is_no_reply() -> None:
    assert scan_reply(packet(0x0100, ASKED, [HERE]), END) is None


@pytest.mark.parametrize("counts", [(2, 0, 0), (0, 0, 0), (1, 1, 0), (1, 0, 1), (0, 65535, 0), (65535, 65535, 65535)])
def test_a_count_that_is_not_what_comes_is_refused(counts: tuple[int, int, int]) -> None:
    assert scan_reply(packet(0x8180, ASKED, [HERE], counts=counts), END) is None


@pytest.mark.parametrize("cut", range(1, len(HERE) + 1))
def test_a_record_that_is_cut_off_is_refused(cut: int) -> None:
    assert scan_reply(packet(0x8180, ASKED, [HERE])[:-cut], END) is None


@pytest.mark.parametrize("junk", [b"\0", HERE, bytes(40)])
def test_octets_after_the_last_record_are_refused(junk: bytes) -> None:
    assert scan_reply(packet(0x8180, ASKED, [HERE], additional=[opt()]) + junk, END) is None


def test_as_many_records_as_the_bound_are_taken_and_no_more() -> None:
    least = raw_record(b"\0", 65280, 9, b"")
    many = scanned(packet(0x8180, ASKED, [least] * MAX_RECORDS))
    assert (many.counts[0], many.min_ttl, len(many.ttl_offsets)) == (MAX_RECORDS, 9, MAX_RECORDS)
    assert scan_reply(packet(0x8180, ASKED, [least] * (MAX_RECORDS + 1)), END) is None
    third = [least] * (MAX_RECORDS // 3 + 1)
    assert scan_reply(packet(0x8180, ASKED, third, third, third), END) is None


@given(names, st.booleans())
def test_any_owner_is_stepped_over(owner: bytes, pointer: bool) -> None:
    one = raw_record(owner[:-1] + POINTER if pointer else owner, 1, 60, bytes(4))
    got = scanned(packet(0x8180, ASKED, [one, HERE]))
    assert (got.records, got.min_ttl) == (one + HERE, 60)


@pytest.mark.parametrize("owner", [b"\x40a", b"\x80\0", b"\xc0", b"\x01a" * 128 + b"\0", b"\x3f"])
def test_an_owner_that_is_no_name_is_refused(owner: bytes) -> None:
    assert scan_reply(packet(0x8180, ASKED, [owner], counts=(1, 0, 0)), END) is None


def test_pointers_to_pointers_cost_nothing_since_none_is_followed() -> None:
    looks: list[int] = []
    owners = [POINTER, *((0xC000 | END + 16 * number).to_bytes(2, "big") for number in range(900))]
    wire = packet(0x8180, ASKED, [raw_record(owner, 1, 60, bytes(4)) for owner in owners])
    assert scan_reply(Counted(wire, looks), END) is not None
    assert len(looks) <= 3 * len(owners)


@pytest.mark.parametrize("target", [0, 11, END, END + 1, 0x3FFF])
@pytest.mark.parametrize("labels", [b"", b"\1a", b"\3www\1b"])
def test_an_owner_that_points_into_the_header_at_itself_or_forward_is_refused(labels: bytes, target: int) -> None:
    """RFC 1035 4.1.4: to a prior occurrence of the name. A client could do nothing with it."""
    owner = labels + (0xC000 | target).to_bytes(2, "big")
    assert scan_reply(packet(0x8180, ASKED, [raw_record(owner, 1, 60, bytes(4))]), END) is None


@pytest.mark.parametrize(("kind", "octets"), [(1, 0), (1, 5), (1, 16), (28, 4), (28, 15), (28, 17)])
def test_an_address_of_the_wrong_size_is_refused(kind: int, octets: int) -> None:
    """RFC 1035 3.4.1, RFC 3596 2.2: clients refuse such an answer whole, so another upstream is asked in their place."""
    assert scan_reply(packet(0x8180, ASKED, [HERE, raw_record(POINTER, kind, 60, bytes(octets))]), END) is None


@given(st.integers(0, 127), st.integers(1, 200))
def test_no_octet_is_looked_at_more_than_twice(labels: int, records: int) -> None:
    owner = b"\x01a" * labels + b"\0"
    looks: list[int] = []
    wire = packet(0x8180, ASKED, [raw_record(owner, 1, 60, b"")] * records)[:65535]
    scan_reply(Counted(wire, looks), END)
    assert len(looks) <= 2 * len(wire)


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
@example(bytes((100, 64, 0, 1)))
@example(bytes((100, 127, 255, 255)))
@example(bytes((172, 31, 0, 1)))
@example(bytes((192, 168, 0, 1)))
@example(bytes((169, 254, 1, 1)))
@example(bytes(15) + b"\1")
@example(bytes(10) + b"\xff\xff\x0a\0\0\1")
@example(b"\0\x64\xff\x9b" + bytes(8) + b"\x0a\0\0\1")
@example(b"\x20\x02\x0a\0\0\1" + bytes(10))
@example(b"\xfe\xbf" + bytes(14))
def test_every_private_address_is_worth_a_look(address: bytes) -> None:
    """The look at two octets may say yes to more than :func:`is_inside` does, and never to less."""
    kind = 1 if len(address) == 4 else 28
    reply = scan_reply(packet(0x8180, ASKED, [raw_record(POINTER, kind, 60, address)]), END)
    assert reply is not None
    assert not is_inside(address) or reply.traits & INSIDE
