from __future__ import annotations

import dns.rdata
import dns.rdataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import adblock
from mirage_hole.lists.line import Problem
from mirage_hole.lists.presentation import BadRecord
from mirage_hole.lists.records import RECORD_TYPES
from mirage_hole.lists.rewrite import read_rewrite
from mirage_hole.lists.rule import Action, Rewrite
from mirage_hole.wire.codes import Rcode, RRType

# The value as a rule has it, and the type and data that dnspython is asked for.
RECORDS = [
    ("192.0.2.1", "A", "192.0.2.1"),
    ("2001:db8::1", "AAAA", "2001:db8::1"),
    ("other.example", "CNAME", "other.example"),
    ("Other.Example.", "CNAME", "other.example"),
    ("NOERROR;A;192.0.2.1", "A", "192.0.2.1"),
    ("noerror;a;192.0.2.1", "A", "192.0.2.1"),
    ("NOERROR;AAAA;2001:db8::1", "AAAA", "2001:db8::1"),
    ("NOERROR;CNAME;other.example", "CNAME", "other.example"),
    ("NOERROR;MX;32 mail.example", "MX", "32 mail.example"),
    ("NOERROR;PTR;host.example.", "PTR", "host.example."),
    ("NOERROR;PTR;host.example", "PTR", "host.example"),
    ("NOERROR;TXT;hello_world", "TXT", '"hello_world"'),
    ("NOERROR;TXT;v=spf1; -all", "TXT", '"v=spf1\\; -all"'),
    ('NOERROR;TXT;"one" "two"', "TXT", '"one" "two"'),
    ("NOERROR;TXT;a\\,b costs \\$5", "TXT", '"a,b costs $5"'),
    ("NOERROR;SRV;10 60 8080 server.example", "SRV", "10 60 8080 server.example"),
    ("NOERROR;HTTPS;32 svc.example alpn=h3", "HTTPS", "32 svc.example alpn=h3"),
    ("NOERROR;HTTPS;1 . alpn=h2\\,h3 ipv4hint=192.0.2.1\\,192.0.2.2", "HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1,192.0.2.2"),
    ("NOERROR;SVCB;0 svc.example", "SVCB", "0 svc.example"),
]  # fmt: skip


@pytest.mark.parametrize("sign", ["", "@@"])
@pytest.mark.parametrize(("value", "rrtype", "data"), RECORDS)
def test_every_type_is_the_record_that_dnspython_makes_of_it(value, rrtype, data, sign):
    (rule,) = adblock.read(f"{sign}||x.example^$dnsrewrite={value}", Action.BLOCK)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rrtype, data).to_wire(origin=dns.name.root)
    assert rule.rewrite == Rewrite(Rcode.NOERROR, RRType[rrtype], rdata)
    assert rule.action is (Action.ALLOW if sign else Action.BLOCK)


def test_every_type_is_tried():
    assert {rrtype for _, rrtype, _ in RECORDS} == set(RECORD_TYPES)


@pytest.mark.parametrize("sign", ["", "@@"])
@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_an_rcode_alone_is_the_answer(rcode, sign):
    for value in (rcode, f"{rcode};;", f"{rcode.lower()};;"):
        (rule,) = adblock.read(f"{sign}||x.example^$dnsrewrite={value}", Action.BLOCK)
        assert rule.rewrite == Rewrite(Rcode[rcode])


def test_conditions_stand_beside_a_rewrite():
    (rule,) = adblock.read("||x.example^$dnsrewrite=192.0.2.1,dnstype=A,client=laptop,important", Action.BLOCK)
    assert (rule.rewrite.rrtype, rule.types, rule.clients, rule.important) == (RRType.A, (RRType.A,), ("laptop",), True)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "without a value"),
        ("FORMERR", "none of"),
        ("NOTHING", "none of"),
        ("NOERROR;A", "three parts"),
        ("NOERROR;A;", "looks so"),
        ("NOERROR;;192.0.2.1", "no record type"),
        ("NOERROR;NS;ns.example", "no record type"),
        ("NOERROR;TYPE1;192.0.2.1", "no record type"),
        ("NOERROR;A;2001:db8::1", "no IPv4"),
        ("NOERROR;AAAA;192.0.2.1", "no IPv6"),
        ("NOERROR;CNAME;", "looks so"),
        ("NOERROR;CNAME;a..b", "empty label"),
        ("NOERROR;MX;mail.example", "looks so"),
        ("NOERROR;PTR;a b", "looks so"),
        ("NOERROR;SRV;1 2 server.example", "looks so"),
        ("NOERROR;TXT;", "without text"),
        ("NOERROR;HTTPS;x .", "priority"),
        ("NOERROR;SVCB;1 . alpn", "needs a value"),
        ("REFUSED;A;192.0.2.1", "only NOERROR"),
        ("NXDOMAIN;A;", "only NOERROR"),
        ("BADVERS;;", "RCODE"),
        (";;", "RCODE"),
        ("192.0.2.0/24", "no IPv4"),
        ("192.0.2.256", "number"),
        ("a/b", "'/'"),
        ("two words", "looks so"),
    ],
)
def test_a_bad_value_drops_the_rule(value, words):
    (problem,) = adblock.read(f"||x.example^$dnsrewrite={value}", Action.BLOCK)
    assert isinstance(problem, Problem)
    assert words in problem.reason


@given(st.text(max_size=80) | st.text('NOERORXDMAI;.: 0129abcAT"\\,=', max_size=40))
def test_any_value_is_an_answer_or_refused(value):
    try:
        rewrite = read_rewrite(value)
    except BadRecord:
        return
    assert 0 <= rewrite.rcode < 16
