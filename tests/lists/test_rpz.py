from __future__ import annotations

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import rpz
from mirage_hole.lists.formats import FORMATS, RPZ
from mirage_hole.lists.line import Found, Problem, split_lines
from mirage_hole.lists.parse import ParsedList, parse
from mirage_hole.lists.rule import Action, Reply, RichRule, Scope
from mirage_hole.wire.names import to_text
from tests.lists.reading import SHARED, needs_real_lists, read, slowly, told

TRIGGERS = {
    "ads.example": "EXACT ads.example",
    "*.ads.example": "BELOW ads.example",
    "32.7.2.0.192.rpz-ip": "ADDRESS 192.0.2.7/32",
    "24.0.2.0.192.rpz-ip": "ADDRESS 192.0.2.0/24",
    "128.1.zz.db8.2001.rpz-ip": "ADDRESS 2001:db8::1/128",
    "48.zz.db8.2001.rpz-ip": "ADDRESS 2001:db8::/48",
    "64.zz.2.1.0.db8.2001.rpz-ip": None,  # host bits
    "8.0.0.0.10.rpz-ip": "ADDRESS 10.0.0.0/8",
}
ACTIONS = {
    "CNAME .": ("BLOCK", " NXDOMAIN"),
    "CNAME *.": ("BLOCK", " NODATA"),
    "CNAME rpz-drop.": ("BLOCK", " DROP"),
    "CNAME rpz-passthru.": ("ALLOW", ""),
    "CNAME RPZ-PASSTHRU.": ("ALLOW", ""),
}


@pytest.mark.parametrize(("action", "told_so"), ACTIONS.items(), ids=ACTIONS)
@pytest.mark.parametrize(("trigger", "subject"), TRIGGERS.items(), ids=TRIGGERS)
def test_each_trigger_with_each_action(trigger, subject, action, told_so):
    rules = told(f"{trigger} {action}", form="rpz")
    if subject is None:
        assert rules == ["complaint: a name below rpz-ip that spells no network; 24.0.2.0.192.rpz-ip is 192.0.2.0/24"]
    else:
        assert rules == [f"{told_so[0]} {subject}{told_so[1]}"]
    assert told(f"{trigger}.rpz.test. 60 IN {action}", form="rpz") == told(f"{trigger}.rpz.test. {action}", form="rpz")
    zone = f"$ORIGIN rpz.test.\n@ SOA a. b. 1 2 3 4 5\n{trigger}.rpz.test. 60 IN {action}"
    assert told(zone) == rules


@pytest.mark.parametrize("trigger", ["32.7.2.0.192.rpz-client-ip", "ns.example.rpz-nsdname", "32.7.2.0.192.rpz-nsip"])
@pytest.mark.parametrize("action", ["CNAME .", "CNAME rpz-passthru.", "A 192.0.2.1"])
def test_other_triggers_are_complaints_that_name_them(trigger, action):
    result = read(f"{trigger} {action}", form="rpz")
    assert (result.rules, result.parsed.rich) == ([], [])
    assert trigger.rpartition(".")[2] in result.reason


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("A 192.0.2.7", "A 192.0.2.7"),
        ("AAAA 2001:db8::7", "AAAA 2001:db8::7"),
        ("CNAME garden.example.", "CNAME garden.example."),
        ("CNAME *.garden.example.", "CNAME *.garden.example."),
        ("MX 10 mail.example.", "MX 10 mail.example."),
        ("PTR garden.example.", "PTR garden.example."),
        ("SRV 1 2 3 garden.example.", "SRV 1 2 3 garden.example."),
        ('TXT "a; b" c', 'TXT "a; b" "c"'),
        ('HTTPS 1 . alpn="h2,h3"', 'HTTPS 1 . alpn="h2,h3"'),
        ("SVCB 0 garden.example.", "SVCB 0 garden.example."),
    ],
)
@pytest.mark.parametrize(("owner", "subject"), [("a.example", "EXACT a.example"), ("*.a.example", "BELOW a.example")])
def test_any_other_data_is_the_answer(owner, subject, data, answer):
    assert told(f"{owner} {data}", form="rpz") == [f"BLOCK {subject} -> {answer}"]
    assert told(f"{owner} {data}", Action.ALLOW, "rpz") == [f"ALLOW {subject}"]


def test_the_records_of_one_name_are_rules_that_count_together():
    assert told("a.example A 192.0.2.7\n\tA 192.0.2.8\n IN AAAA 2001:db8::7", form="rpz") == [
        "BLOCK EXACT a.example -> A 192.0.2.7",
        "BLOCK EXACT a.example -> A 192.0.2.8",
        "BLOCK EXACT a.example -> AAAA 2001:db8::7",
    ]


def test_an_address_that_only_blocks_is_the_null_answer():
    assert told("a.example A 0.0.0.0\na.example AAAA ::\n*.a.example A 127.0.0.1", form="rpz") == [
        "BLOCK EXACT a.example NULL",
        "BLOCK EXACT a.example NULL",
        "BLOCK BELOW a.example NULL",
    ]


def test_a_name_that_is_its_own_alias_is_let_through_as_zones_before_2011_say_it():
    assert told("a.example CNAME a.example.", form="rpz") == ["ALLOW EXACT a.example"]


def test_in_an_allowlist_every_rule_lets_through():
    text = "a.example CNAME .\n*.a.example CNAME .\nb.example CNAME *.\nc.example CNAME rpz-drop."
    assert told(text, Action.ALLOW, "rpz") == [
        "ALLOW EXACT a.example",
        "ALLOW BELOW a.example",
        "ALLOW EXACT b.example",
        "ALLOW EXACT c.example",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a.example CNAME rpz-tcp-only.", "rpz-tcp-only"),
        ("a.example CNAME rpz-passthru", "final dot"),
        ("a.example CNAME rpz-skipzone.", "not known"),
        ("a.example CNAME b.example. c.example.", "several targets"),
        ("a.example CNAME *.b..example.", "no target"),
        ("a.example DNAME b.example.", "no record type"),
        ("a.example A nonsense", "no IPv4 address"),
        ("* CNAME .", "every name"),
        ("a.*.example CNAME .", "'*' can't be"),
        ("0.0.0.0.0.rpz-ip CNAME .", "every address"),
        ("32.7.2.0.192.rpz-ip A 192.0.2.1", "answer of its own"),
        ("33.7.2.0.192.rpz-ip CNAME .", "spells no network"),
        ("24.7.2.0.192.rpz-ip CNAME .", "spells no network"),
        ("32.zz.zz.rpz-ip CNAME .", "spells no network"),
        ("rpz-ip CNAME .", "spells no network"),
        ("x.rpz-ip CNAME .", "spells no network"),
        ("32.7.2.0.192.rpz-ip CNAME rpz-tcp-only.", "rpz-tcp-only"),
        ("$INCLUDE other.zone", "directive"),
    ],
)
def test_what_is_not_done_is_a_complaint(line, words):
    result = read(line, form="rpz")
    assert (result.rules, result.parsed.rich) == ([], [])
    assert words in result.reason


@pytest.mark.parametrize(
    ("spelled", "network"),
    [
        ("128.1.zz", "::1/128"),
        ("128.zz.1", "1::/128"),
        ("16.zz.2001", "2001::/16"),
        ("128.8.7.6.5.4.3.2.1", "1:2:3:4:5:6:7:8/128"),
        ("112.0.zz.1.2001", "2001:1::/112"),
    ],
)
def test_networks_of_ipv6_are_spelled_backwards_with_zz(spelled, network):
    assert told(f"{spelled}.rpz-ip CNAME .", form="rpz") == [f"BLOCK ADDRESS {network} NXDOMAIN"]


REAL = """\
$TTL 2h;
$ORIGIN rpz.test.
@ IN SOA ns.test. hostmaster.test. (
        2026010101 ; serial
        12h 15m ; (refresh, retry)
        3w 2h )
  NS ns.test.
; Title: A zone
nxdomain.example CNAME .
*.nxdomain.example CNAME .
  TXT "why; because"
mail.nxdomain.example CNAME rpz-passthru.
$ORIGIN com.rpz.test.
ads CNAME .
 A 192.0.2.7
$ORIGIN rpz.test.
localhost CNAME .
last.example.rpz.test. IN CNAME .
"""


def test_a_whole_zone_is_read():
    result = read(REAL)
    assert (result.parsed.format, result.parsed.title, result.complaints) == ("rpz", "A zone", [])
    assert told(REAL) == [
        "BLOCK EXACT nxdomain.example NXDOMAIN",
        "BLOCK BELOW nxdomain.example NXDOMAIN",
        "ALLOW EXACT mail.nxdomain.example",
        "BLOCK EXACT ads.com NXDOMAIN",
        "BLOCK EXACT last.example NXDOMAIN",
        'BLOCK BELOW nxdomain.example -> TXT "why; because"',
        "BLOCK EXACT ads.com -> A 192.0.2.7",
    ]


def test_lines_are_counted_over_parentheses():
    assert [line for _, line in read("@ SOA a b (\n1 2\n3 4 5 )\na.example CNAME .", form="rpz").rules] == [4]


def test_a_parenthesis_that_is_never_closed_is_a_complaint_at_the_end():
    result = read("a.example CNAME .\n@ SOA a b (\n1 2\n||b.example^", form="rpz")
    assert result.texts == ["a.example"]
    assert result.complaints == [(4, "a parenthesis that is never closed")]


def test_a_list_of_names_may_hold_lines_of_a_zone():
    assert told("a.example\nb.example\nc.example CNAME .\n*.d.example IN CNAME *.") == [
        "BLOCK EXACT a.example",
        "BLOCK EXACT b.example",
        "BLOCK EXACT c.example NXDOMAIN",
        "BLOCK BELOW d.example NODATA",
    ]


@pytest.mark.parametrize("line", [b"a.example CNAME .", b"*.a-b.example\tIN CNAME . ; x", b"a.example 60 IN CNAME .\r"])
def test_the_commonest_lines_take_the_fast_path(line):
    assert RPZ.simple.fullmatch(line)


@pytest.mark.parametrize("line", [b"32.7.2.0.192.rpz-ip CNAME .", b"a.rpz-nsdname CNAME .", b"a.example. CNAME ."])
def test_what_is_more_than_a_name_does_not(line):
    assert RPZ.simple.fullmatch(line) is None


pieces = st.sampled_from([
    "a.example", "*.b.example", "CNAME", ".", "*.", " ", "\n", "\n ", "\t", "IN", "60", "A", "192.0.2.1", "(", ")", ";", '"',
    "$ORIGIN", "$TTL", "com.", "@", "SOA", "rpz-ip", "32.1.2.0.192.rpz-ip", "rpz-passthru.", "\\", "TXT", "||x^", "a.example CNAME .\n",
    "*.c.example CNAME .\n", "rpz-drop.", "\u3000",
])  # fmt: skip
texts = st.lists(pieces, max_size=30).map(" ".join) | st.lists(pieces, max_size=30).map("".join)


@given(texts, st.sampled_from(Action))
def test_the_fast_path_changes_nothing_whatever_stands_before(text, kind):
    lines = text.encode().split(b"\n")
    fast, slow = parse(lines, kind, "rpz"), ParsedList(iter(lines), kind, slowly("rpz"))
    assert list(fast) == list(slow)
    assert (fast.rules, fast.rich, fast.complaints) == (slow.rules, slow.rich, slow.complaints)


@given(st.text(max_size=60) | texts)
def test_any_line_gives_rules_or_problems(text):
    assert all(isinstance(one, Found | RichRule | Problem) for one in rpz.read(text, Action.BLOCK))


@needs_real_lists
def test_the_real_zone_holds_what_dnspython_finds_in_it():
    with (SHARED / "rpz/oisd-small.rpz").open("rb") as file:
        head = b"".join(line for line, _ in zip(file, range(4000), strict=False))
    zone = dns.zone.from_text(head.decode(), origin="rpz.test.", relativize=True, check_origin=False)
    parsed = parse(split_lines([head]), Action.BLOCK)
    names = {("*." if rule.scope is Scope.BELOW else "") + to_text(rule.name) for rule in parsed}
    expected = {name.to_text() for name, data in zone.iterate_rdatasets(dns.rdatatype.CNAME)}
    assert {data[0].target for _, data in zone.iterate_rdatasets(dns.rdatatype.CNAME)} == {dns.name.root}
    assert names == expected
    assert len(names) > 3900


@needs_real_lists
def test_the_whole_real_zone_is_nxdomain_for_names_and_what_is_below_them():
    with (SHARED / "rpz/oisd-small.rpz").open("rb") as file:
        parsed = parse(split_lines(iter(lambda: file.read(65_536), b"")), Action.BLOCK)
        rules = [(rule.scope, rule.reply) for rule in parsed]
    assert (parsed.format, parsed.complaint_count, parsed.rich) == ("rpz", 0, [])
    assert rules.count((Scope.EXACT, Reply.NXDOMAIN)) == rules.count((Scope.BELOW, Reply.NXDOMAIN)) == 57_170
    assert FORMATS["rpz"] is RPZ
