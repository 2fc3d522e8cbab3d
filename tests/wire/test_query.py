"""What a client may send, what is answered with an error, and what gets no answer."""

from __future__ import annotations

import struct
from typing import Any

import dns.edns
import dns.exception
import dns.flags
import dns.message
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirage_hole.wire.codes import Rcode
from mirage_hole.wire.names import fold, labels_of
from mirage_hole.wire.query import (
    MAX_ADDITIONAL,
    MAX_QUERY,
    NO_OPT,
    Malformed,
    Nonrecursive,
    Query,
    opt_of,
    parse_query,
    skip_name,
)
from tests.wire.samples import Counted, mutants, names, opt, option, packet, queries, question, raw_record, wire_name

RD = 0x0100
ASKED = question("Ads.Example.com")
TSIG, SIG = 250, 24
LONGEST = wire_name(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61)


def query(additional: list[bytes] | None = None, *, flags: int = RD, asked: bytes = ASKED, **more: Any) -> bytes:
    return packet(flags, asked, additional=additional or [], **more)


def parsed(wire: bytes) -> Query:
    got = parse_query(wire)
    assert isinstance(got, Query), got
    return got


def refused(wire: bytes) -> Malformed:
    got = parse_query(wire)
    assert isinstance(got, Malformed), got
    return got


def agrees(ours: Query, theirs: dns.message.Message) -> None:
    asked = theirs.question[0]
    assert (ours.id, ours.flags) == (theirs.id, theirs.flags)
    assert (ours.name, ours.qtype, ours.qclass) == (fold(asked.name.to_wire()), asked.rdtype, asked.rdclass)
    assert ours.question == asked.name.to_wire() + struct.pack(">HH", asked.rdtype, asked.rdclass)
    assert ours.labels == labels_of(ours.name)
    assert ours.edns is (theirs.edns >= 0)
    assert ours.payload == (max(theirs.payload, 512) if ours.edns else 512)
    assert ours.dnssec_ok is bool(theirs.ednsflags & dns.flags.DO)


@given(queries())
def test_every_well_formed_query_is_read_as_dnspython_reads_it(message: dns.message.Message) -> None:
    ours = parsed(message.to_wire())
    agrees(ours, dns.message.from_wire(message.to_wire()))
    assert ours.replayable is all(option.otype != dns.edns.OptionType.COOKIE for option in message.options)


@given(mutants(queries().map(lambda message: message.to_wire())))
def test_a_damaged_query_is_refused_or_read_as_dnspython_reads_it(wire: bytes) -> None:
    ours = parse_query(wire)
    if not isinstance(ours, Query):
        return
    try:
        theirs = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        # It looks into the data of additional records and options, which mean nothing to us. Else it must agree.
        assert wire[11]
    else:
        agrees(ours, theirs)


@given(st.binary(max_size=600) | st.binary(max_size=60).map(lambda octets: query()[:12] + octets))
@example(b"")
@example(bytes(12))
@example(query()[:-1])
def test_any_octets_at_all_give_a_query_a_refusal_or_nothing(octets: bytes) -> None:
    got = parse_query(octets)
    if isinstance(got, Malformed):
        assert got.reason
        assert got.rcode in {Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS}
        assert got.question in {b"", octets[12 : 12 + len(got.question)]}
        assert (got.id, got.flags) == struct.unpack_from(">HH", octets)
    elif got is None:
        assert len(octets) < 12 or octets[2] & 0x80
    else:
        assert octets[12:].startswith(got.question)
        assert len(got.question) == len(got.name) + 4


# -- no query, so no answer --


@pytest.mark.parametrize("size", range(12))
def test_less_than_a_header_gets_no_answer(size: int) -> None:
    assert parse_query(query()[:size]) is None


@pytest.mark.parametrize("flags", [0x8000, 0x8180, 0x8583, 0xA800])
def test_a_response_sent_as_a_query_gets_no_answer_as_that_could_start_a_loop(flags: int) -> None:
    assert parse_query(query(flags=flags)) is None


# -- without recursion --


@given(queries())
def test_a_query_without_rd_is_of_a_kind_of_its_own_and_otherwise_the_same(message: dns.message.Message) -> None:
    message.flags |= dns.flags.RD
    desired = parse_query(message.to_wire())
    message.flags ^= dns.flags.RD
    undesired = parse_query(message.to_wire())
    assert type(desired) is Query
    assert type(undesired) is Nonrecursive
    assert undesired == desired._replace(flags=desired.flags ^ RD)


def test_an_error_in_a_query_without_rd_says_so() -> None:
    got = parse_query(query(flags=0) + b"x")
    assert isinstance(got, Malformed)
    assert (got.flags, got.rcode, got.reason) == (0, Rcode.FORMERR, "octets after the end")


# -- answered with an error --


@given(st.binary(min_size=12, max_size=300))
def test_looking_for_opt_in_anything_ends(octets: bytes) -> None:
    assert NO_OPT <= opt_of(octets) < 1 << 32


def test_opt_is_found_by_its_ttl_word() -> None:
    assert opt_of(query([opt(dnssec_ok=True)], flags=0x2800)) == 0x8000
    assert opt_of(query([opt(version=3)])) == 0x30000
    assert opt_of(query()) == NO_OPT


@pytest.mark.parametrize("opcode", range(1, 16))
def test_only_queries_are_implemented(opcode: int) -> None:
    got = refused(query(flags=opcode << 11 | RD))
    assert (got.id, got.rcode, got.flags >> 11, got.question) == (0x1234, Rcode.NOTIMP, opcode, b"")


@pytest.mark.parametrize("count", [0, 2, 3, 65535])
def test_exactly_one_question_is_taken(count: int) -> None:
    wire = packet(RD, ASKED * min(count, 3), questions=count)
    assert refused(wire).rcode == Rcode.FORMERR
    assert refused(wire).reason == "not exactly one question"


@pytest.mark.parametrize("counts", [(1, 0, 0), (0, 1, 0), (65535, 0, 0), (0, 65535, 0)])
def test_a_query_brings_no_answers(counts: tuple[int, int, int]) -> None:
    assert refused(query([raw_record(b"\0", 1, 0, bytes(4))], counts=counts)).rcode == Rcode.FORMERR


def test_a_query_may_be_as_long_as_the_limit_and_no_longer() -> None:
    room = MAX_QUERY - len(query([opt()])) - 4
    assert len(query([opt(1232, option(12, bytes(room)))])) == MAX_QUERY
    assert parsed(query([opt(1232, option(12, bytes(room)))])).edns
    assert refused(query([opt(1232, option(12, bytes(room + 1)))])).reason == "longer than any query"


def test_64_kib_of_anything_are_refused_unread() -> None:
    looks: list[int] = []
    assert isinstance(parse_query(Counted(query().ljust(65535, b"\x01"), looks)), Malformed)
    assert looks == []


@pytest.mark.parametrize(
    "name",
    [
        b"\xc0\x0c",  # itself
        b"\xc0\x00",  # the header
        b"\x03ads\xc0\x0c",  # a loop
        b"\x03ads\xc0\x10\xc0\x12\x00",  # a chain
        b"\xff\xff",
    ],
)
def test_a_pointer_in_a_question_is_never_followed(name: bytes) -> None:
    got = refused(query(asked=name + b"\0\1\0\1" + bytes(64)))
    assert (got.rcode, got.question) == (Rcode.FORMERR, b"")
    assert "compressed" in got.reason


@pytest.mark.parametrize("length", [64, 65, 127, 128, 191])
def test_label_lengths_that_mean_nothing_are_refused(length: int) -> None:
    assert refused(query(asked=bytes((length,)) + b"x" * length + b"\0\0\1\0\1")).rcode == Rcode.FORMERR


@pytest.mark.parametrize("cut", range(1, len(ASKED) + 1))
def test_a_question_that_is_cut_off_is_refused(cut: int) -> None:
    got = refused(query()[:-cut])
    assert (got.rcode, got.question) == (Rcode.FORMERR, b"")
    assert "cut off" in got.reason


def test_a_name_may_have_255_octets_and_no_more() -> None:
    assert parsed(query(asked=LONGEST + b"\0\1\0\1")).name == LONGEST
    assert len(LONGEST) == 255
    for longer in (wire_name(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 62), wire_name(*[b"x"] * 128)):
        got = refused(query(asked=longer + b"\0\1\0\1"))
        assert (got.rcode, got.reason) == (Rcode.FORMERR, "the question is cut off or its name is too long")


def test_opt_is_no_type_to_ask_for() -> None:
    assert refused(query(asked=question("example.com", 41))).reason == "OPT is no type to ask for"


@pytest.mark.parametrize("junk", [b"\0", bytes(500), ASKED])
@pytest.mark.parametrize("additional", [[], [opt()]])
def test_octets_after_the_end_are_refused(junk: bytes, additional: list[bytes]) -> None:
    got = refused(query(additional) + junk)
    assert (got.rcode, got.question, got.reason) == (Rcode.FORMERR, ASKED, "octets after the end")


def test_the_root_can_be_asked_for() -> None:
    got = parsed(query(asked=question(".", 2)))
    assert (got.name, got.labels, got.qtype) == (b"\0", (), 2)


def test_the_question_keeps_the_clients_spelling_and_the_name_does_not() -> None:
    got = parsed(query())
    assert got.question == ASKED
    assert got.name == b"\x03ads\x07example\x03com\0"
    assert got.labels == (0, 4, 12)


# -- EDNS --


@pytest.mark.parametrize(("offered", "taken"), [(0, 512), (511, 512), (512, 512), (1232, 1232), (65535, 65535)])
def test_a_payload_below_512_counts_as_512(offered: int, taken: int) -> None:
    assert parsed(query([opt(offered)])).payload == taken


@pytest.mark.parametrize("version", [1, 2, 255])
def test_another_edns_version_is_told_so_whatever_its_options_look_like(version: int) -> None:
    for options in ([], [b"\0"], [option(10, bytes(8))]):
        got = refused(query([opt(1232, *options, version=version)]))
        assert (got.rcode, got.question) == (Rcode.BADVERS, ASKED)


def test_two_opt_records_are_refused() -> None:
    assert refused(query([opt(), opt()])).reason == "two OPT records"
    assert refused(query([opt(), raw_record(b"\0", TSIG, 0, b""), opt()])).reason == "two OPT records"


def test_opt_belongs_to_the_root() -> None:
    assert refused(query([opt(owner=b"\xc0\x0c")])).reason == "OPT's owner is not the root"
    assert refused(query([opt(owner=b"\x01a\0")])).reason == "OPT's owner is not the root"


@pytest.mark.parametrize(
    "options",
    [
        b"\0",
        b"\0\x0c\0",
        b"\0\x0c\0\x01",
        b"\0\x0c\0\x05abcd",
        option(12, b"ab") + b"\0",
        option(12, b"") + b"\xff" * 4,
    ],
)
def test_an_option_that_overruns_its_record_is_refused(options: bytes) -> None:
    got = refused(query([opt(1232, options)]))
    assert (got.rcode, got.reason) == (Rcode.FORMERR, "an EDNS option is cut off")


@pytest.mark.parametrize("cut", range(1, len(opt(1232, option(12, b"four"))) + 1))
def test_an_additional_record_that_is_cut_off_is_refused(cut: int) -> None:
    got = refused(query([opt(1232, option(12, b"four"))])[:-cut])
    assert (got.rcode, got.question, got.reason) == (Rcode.FORMERR, ASKED, "an additional record is cut off")


@pytest.mark.parametrize("owner", [b"\x40", b"\x80abc", b"\xc0", b"\x01a", wire_name(*[b"x"] * 127) + b"\0" * 9])
def test_an_additional_record_with_a_broken_owner_is_refused(owner: bytes) -> None:
    assert refused(query([owner], counts=(0, 0, 1))).rcode == Rcode.FORMERR


@pytest.mark.parametrize("count", [MAX_ADDITIONAL + 1, 65535])
def test_too_many_additional_records_are_refused(count: int) -> None:
    assert refused(query([opt()], counts=(0, 0, count))).reason == "too many additional records"


def test_opt_may_stand_anywhere_among_the_additional_records() -> None:
    other = raw_record(b"\xc0\x0c", SIG, 0, b"signed")
    for additional in ([opt(), other], [other, opt()], [other, opt(), other, other]):
        assert parsed(query(additional)).edns


# -- what may be replayed --


def test_a_query_with_nothing_made_anew_in_it_comes_again_octet_for_octet() -> None:
    for additional in ([], [opt()], [opt(1232, option(12, bytes(16)), option(8, b"\0\1\x18\0\xc0\0\2"))]):
        assert parsed(query(additional)).replayable


def test_cookies_and_signatures_are_made_anew_for_each_query() -> None:
    tsig = raw_record(wire_name(b"key"), TSIG, 0, b"mac", 255)
    for additional in ([opt(1232, option(12, b""), option(10, bytes(8)))], [tsig], [opt(), tsig], [tsig, opt()]):
        assert not parsed(query(additional)).replayable


# -- bounds --


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """As much to look at as a packet can hold."""
    one_letter = b"\x01a"
    asked = draw(st.sampled_from([ASKED, one_letter * 2000, one_letter * 127 + b"\0\0\1\0\1", b"\0\0\1\0\1"]))
    owner = draw(st.sampled_from([one_letter * 127 + b"\0", one_letter * 900, b"\0"]))
    options = b"".join(option(code, b"") for code in range(draw(st.sampled_from([0, 1, 900]))))
    records = [owner + opt(1232, options)[1:] for _ in range(draw(st.integers(0, 6)))]
    return query(records, asked=asked)[: draw(st.sampled_from([4096, 4095, 1000]))]


@given(hostile() | st.binary(max_size=4096).map(lambda octets: query()[:12] + octets))
def test_no_octet_is_looked_at_more_than_twice(wire: bytes) -> None:
    looks: list[int] = []
    parse_query(Counted(wire, looks))
    assert len(looks) <= 2 * 128 * (1 + MAX_ADDITIONAL)
    assert len(looks) <= 2 * len(wire)


@given(names, st.binary(max_size=5), st.integers(0, 5000))
def test_a_name_is_skipped_to_its_end(wire: bytes, behind: bytes, before: int) -> None:
    assert skip_name(bytes(before) + wire + behind, before) == before + len(wire)
    assert skip_name(bytes(before) + wire[:-1] + b"\xc0\x0c" + behind, before) == before + len(wire) + 1


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x01", b"\x01a", b"\xc0", b"\x40" + bytes(70), b"\x80\0", b"\x3f" * 300, b"\x01a" * 127 + b"\x01a\0"],
)
def test_what_is_no_name_cant_be_skipped(octets: bytes) -> None:
    assert skip_name(octets, 0) == -1


def test_skipping_stops_at_the_longest_name() -> None:
    looks: list[int] = []
    assert skip_name(Counted(b"\x01a" * 30000, looks), 0) == -1
    assert len(looks) <= 128
    assert skip_name(LONGEST, 0) == 255
