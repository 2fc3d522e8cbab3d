from __future__ import annotations

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mirage_hole.lists.masterfile import IGNORED, MAX_RECORD, BadLine, MasterFile, Record


def records(text: str) -> list[tuple[str, str, str]]:
    file = MasterFile()
    found = [file.read(line) for line in text.split("\n") if line.strip()]
    return [(one.owner, one.rrtype, " ".join(one.words)) for one in found if one is not None]


def reason(text: str) -> str:
    with pytest.raises(BadLine) as caught:
        records(text)
    return str(caught.value)


SOA = "@ SOA ns.x. h.x. 1 2 3 4 5\n"


@pytest.mark.parametrize(
    "line",
    [
        "a.example CNAME .",
        "A.Example IN CNAME .",
        "a.example 300 CNAME . ; why",
        "a.example 1h30m IN CNAME .",
        "a.example IN 300 CNAME .",
        "a.example\tcname\t.;why",
        "a.example CNAME ( . )",
        "a.example ( 300\n IN\n ; why\n CNAME ) .",
    ],
)
def test_a_record_is_read_however_it_is_spelled(line):
    assert records(line) == [("a.example", "CNAME", ".")]


@pytest.mark.parametrize("rrtype", sorted(IGNORED))
def test_records_about_the_zone_itself_are_none(rrtype):
    assert records(f"@ 60 IN {rrtype} anything ( 1\n 2 3 ; four\n )") == []


def test_a_blank_owner_is_the_one_before():
    assert records("a.example A 192.0.2.1\n\tA 192.0.2.2\n  IN AAAA 2001:db8::1\n  ; nothing") == [
        ("a.example", "A", "192.0.2.1"),
        ("a.example", "A", "192.0.2.2"),
        ("a.example", "AAAA", "2001:db8::1"),
    ]


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("a.b CNAME .", "a.b"),
        ("a.b. CNAME .", "a.b"),
        (SOA + "a.b CNAME .", "a.b"),
        ("$ORIGIN rpz.\na.b CNAME .", "a.b"),
        ("$ORIGIN RPZ.\n" + SOA + "a.b.rpz. CNAME .", "a.b"),
        ("rpz. SOA ns. h. 1 2 3 4 5\na.b CNAME .", "a.b"),
        ("rpz. SOA ns. h. 1 2 3 4 5\na.b.RPZ. CNAME .", "a.b"),
        ("$ORIGIN .\nrpz SOA ns. h. 1 2 3 4 5\n$ORIGIN b.rpz.\na CNAME .", "a.b"),
        ("$ORIGIN .\nrpz SOA ns. h. 1 2 3 4 5\na.b.rpz CNAME .", "a.b"),
        ("$ORIGIN rpz.\n" + SOA + "$ORIGIN b\na CNAME .", "a.b"),
        ("$ORIGIN rpz.\n" + SOA + "$ORIGIN b\n$ORIGIN a\n@ CNAME .", "a.b"),
        ("$ORIGIN rpz.\n" + SOA + "@ CNAME .", ""),
        ("$ORIGIN .\na.b CNAME .", "a.b"),
    ],
)
def test_an_owner_is_read_below_the_zone_s_own_name(text, owner):
    assert [one[0] for one in records(text)] == [owner]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("CNAME b", "b.rpz."),
        ("CNAME b.", "b."),
        ("CNAME @", "rpz."),
        ("MX 10 mail", "10 mail.rpz."),
        ("SRV 1 2 3 host", "1 2 3 host.rpz."),
        ("HTTPS 1 . alpn=h2", "1 . alpn=h2"),
        ('SVCB 1 b alpn="h2,h3"', '1 b.rpz. alpn="h2,h3"'),
        ("A 192.0.2.1", "192.0.2.1"),
        ('TXT one "two; (three)" "\\"four\\""', '"one" "two; (three)" "\\"four\\""'),
    ],
)
def test_names_in_data_are_made_absolute(data, words):
    assert records(f"$ORIGIN rpz.\na {data}") == [("a", data.split()[0], words)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.example", "record type"),
        ("a.example FOO bar", "record type"),
        ("a.example CH A 192.0.2.1", "record type"),
        ("a.example 1 2 A 192.0.2.1", "record type"),
        ("a.example A", "without data"),
        ("  A 192.0.2.1", "without an owner"),
        ('a.example TXT "one', "quotation mark"),
        ("a.example TXT one\\", "backslash"),
        ("a.example A ) 192.0.2.1", "parenthesis"),
        ("a.example A ((192.0.2.1", "parenthesis"),
        ("$INCLUDE other", "directive"),
        ("$GENERATE 1-9 a$ CNAME .", "directive"),
        ("$ORIGIN", "directive"),
        ("$ORIGIN rpz.\n" + SOA + "a.example. CNAME .", "outside"),
        ("a.example TXT (" + "\nx" * MAX_RECORD, "more than 8192"),
    ],
)
def test_what_is_no_record_says_why(text, words):
    assert words in reason(text)


def test_after_a_bad_line_the_next_one_is_read():
    file = MasterFile()
    for bad in ("a TXT (" + "x" * MAX_RECORD, "a A ((", 'a TXT ( "'):
        with pytest.raises(BadLine):
            file.read(bad)
        assert not file.open
        assert file.read("b CNAME .") == Record("b", "CNAME", (".",))


def test_simple_lines_may_be_read_elsewhere_only_where_names_stand_below_the_zone():
    file = MasterFile()
    assert file.at_apex
    for line, plain in [
        ("$ORIGIN rpz.", True),
        (SOA.strip(), True),
        ("$ORIGIN b", False),
        ("$ORIGIN rpz.", True),
        ("a TXT (", False),
        ("x )", True),
        ("$ORIGIN .", False),
    ]:
        file.read(line)
        assert file.at_apex is plain, line


labels = st.sampled_from(["a", "b", "ads", "x-1", "_t", "com", "example"])
relative = st.lists(labels, min_size=1, max_size=3).map(".".join)
origins = st.sampled_from(["rpz.test.", "b.rpz.test.", "com.a.rpz.test."])
owners = st.one_of(
    relative, relative.map(lambda name: f"*.{name}"), relative.map(lambda name: f"{name}.rpz.test."), st.just("")
)
datas = st.one_of(
    st.sampled_from(
        ["CNAME .", "CNAME *.", "CNAME rpz-drop.", "A 192.0.2.1", "AAAA 2001:db8::1", 'TXT "a;b" c ("(d)")']
    ),
    relative.map(lambda name: f"MX 10 {name}"),
    relative.map(lambda name: f"PTR {name}."),
    relative.map(lambda name: f"SRV 1 2 (\n3 ; port\n {name} )"),
)
ttls = st.sampled_from(["", "60 ", "IN ", "60 IN ", "IN 1h ", "1H30M "])
lines = st.one_of(
    st.builds(lambda owner, ttl, data: f"{owner} {ttl}{data}", owners, ttls, datas),
    origins.map(lambda origin: f"$ORIGIN {origin}"),
    st.sampled_from(["; comment", "$TTL 1h"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(lines, max_size=8))
def test_zones_hold_what_dnspython_finds_in_them(body):
    text = (
        "$ORIGIN rpz.test.\n$TTL 60\n@ SOA ns.x. h.x. (1 2\n 3 4 5)\n@ NS ns.x.\nfirst A 192.0.2.9\n"
        + "\n".join(body)
        + "\n"
    )
    try:
        zone = dns.zone.from_text(text, relativize=False, check_origin=False)
    except dns.zonefile.CNAMEAndOtherData:  # it refuses what no zone may hold
        assume(False)
    expected = set()
    for name, rdataset in zone.iterate_rdatasets():
        if rdataset.rdtype not in {dns.rdatatype.SOA, dns.rdatatype.NS}:
            owner = name.relativize(dns.name.from_text("rpz.test."))
            below = "" if owner == dns.name.empty else owner.to_text().lower()
            expected |= {(below, dns.rdatatype.to_text(rdataset.rdtype), data.to_text()) for data in rdataset}
    found = {(owner, rrtype) for owner, rrtype, _ in records(text) if rrtype == "CNAME"}
    last = {(owner, data) for owner, rrtype, data in records(text) if rrtype == "CNAME"}
    assert {one for one in records(text) if one[1] != "CNAME"} == {one for one in expected if one[1] != "CNAME"}
    # Of several CNAMEs of a name it keeps the last; none of them is lost here.
    assert {(owner, "CNAME") for owner, rrtype, _ in expected if rrtype == "CNAME"} == found
    assert {(owner, data) for owner, rrtype, data in expected if rrtype == "CNAME"} <= last


@given(st.lists(st.text(max_size=40) | lines, max_size=10))
def test_any_lines_are_records_or_say_why(texts):
    file = MasterFile()
    for text in texts:
        try:
            record = file.read(text)
        except BadLine as problem:
            assert str(problem)  # noqa: PT017
        else:
            assert record is None or (record.rrtype == record.rrtype.upper() and record.words)
