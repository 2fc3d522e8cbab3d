"""AdGuard Home's semantics, each rule as it is written in lists."""

from __future__ import annotations

import pytest

from mirage_hole.lists.rule import Rewrite
from mirage_hole.policy.answers import answer_in_words
from mirage_hole.wire.codes import type_number
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.written import DESK, KID, decided, outcome, policy

HOSTS = ("example.org", "a.example.org", "badexample.org")


@pytest.mark.parametrize(
    ("rule", "hits"),
    [
        ("example.org", "Y--"),
        ("0.0.0.0 example.org a.b", "Y--"),
        ("||example.org^", "YY-"),
        ("||example.org^|", "YY-"),
        ("||example.org", "YY-"),
        ("|example.org^", "Y--"),
        ("example.org^", "YYY"),
        (".example.org^", "-Y-"),
        ("||*.example.org^", "-Y-"),
        ("example", "---"),
        ("/^a\\.ex/", "-Y-"),
        ("/example/", "YYY"),
        ("||exa*.org^", "YY-"),
        ("ample*org^", "YYY"),
        ("|exam", "Y--"),
        ("ample.org|", "YYY"),
        ("|a.example.org", "-Y-"),
        ("*ample*", "YYY"),
        ("^example.org^", "Y--"),
    ],
)
def test_a_pattern_applies_to_the_hosts_that_adguard_home_applies_it_to(rule, hits):
    rules = policy(rule, form="adblock" if rule[0] != "0" else None)
    assert "".join("Y" if decided(rules, host) else "-" for host in HOSTS) == hits


def test_without_a_separator_a_name_may_go_on():
    rules = policy("||example.org")
    assert outcome(rules, "example.organic") == "block"
    assert outcome(policy("||example.org^"), "example.organic") == ""


@pytest.mark.parametrize(
    ("rule", "host", "name"),
    [
        ("ample.org^", "a.badexample.org", "badexample.org"),
        (".example.org^", "a.example.org", "example.org"),
        ("||exa*.org^", "b.example.org", "example.org"),
        ("||exam", "b.example.org", "b.example.org"),
        ("/exam/", "b.example.org", "b.example.org"),
        ("|b.exa*.org^", "b.example.org", "b.example.org"),
    ],
)
def test_a_match_stands_for_what_the_pattern_touches_to_the_end_or_for_the_whole_name(rule, host, name):
    match = decided(policy(rule), host)
    assert match is not None
    assert match.name == from_text(name)


PAIRS = [  # the weaker, the stronger, and who wins
    ("||a.example^", "@@||a.example^", "allow"),
    ("@@||a.example^", "||a.example^$important", "block"),
    ("||a.example^$important", "@@||a.example^$important", "allow"),
    ("||a.example^", "||a.example^$important", "block"),
]


@pytest.mark.parametrize(("weak", "strong", "wins"), PAIRS)
def test_the_stronger_of_two_rules_decides_in_one_list_whatever_their_order(weak, strong, wins):
    for lines in ((weak, strong), (strong, weak)):
        assert outcome(policy("\n".join(lines)), "x.a.example") == wins
        assert outcome(policy(*lines), "x.a.example") == wins
        match = decided(policy("\n".join(lines)), "x.a.example")
        assert match is not None
        assert match.important is ("important" in strong)


@pytest.mark.parametrize(("weak", "strong", "wins"), PAIRS)
def test_any_rule_of_an_allowlist_beats_all_of_blocklists(weak, strong, wins):
    for allowing in ("||a.example^", "a.example", "@@||a.example^$important", "||a*.example^", "/^a/"):
        assert outcome(policy(f"{weak}\n{strong}", allow=[allowing]), "a.example") == "allow"


@pytest.mark.parametrize(
    ("rule", "qtype", "hit"),
    [
        ("||a.example^$dnstype=A", "A", True),
        ("||a.example^$dnstype=A", "AAAA", False),
        ("||a.example^$dnstype=A|AAAA", "AAAA", True),
        ("||a.example^$dnstype=~A", "A", False),
        ("||a.example^$dnstype=~A", "AAAA", True),
        ("||a.example^$dnstype=~A|~AAAA", "AAAA", False),
        ("||a.example^$dnstype=A|~A", "A", False),
    ],
)
def test_dnstype(rule, qtype, hit):
    assert bool(decided(policy(rule), "a.example", type_number(qtype))) is hit


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ("||a.example^$client=192.168.1.20", [KID]),
        ("||a.example^$client=192.168.1.0/28", [DESK]),
        ("||a.example^$client=192.168.1.0/24", [KID, DESK]),
        ("||a.example^$client=Kid", [KID]),
        ("||a.example^$client='kid'|192.168.1.9", [KID, DESK]),
        ("||a.example^$client=~Kid", [DESK, b""]),
        ("||a.example^$client=~192.168.1.0/24", [b""]),
        ("||a.example^$client=::ffff:192.168.1.20", [KID]),
        ("||a.example^$client=2001:db8::/32", []),
        ("||a.example^$ctag=user_child", [KID]),
        ("||a.example^$ctag=user_child|user_admin", [KID, DESK]),
        ("||a.example^$ctag=~user_child", [DESK, b""]),
        ("||a.example^$ctag=user_child,client=192.168.1.9", []),
        ("@@||a.example^$client=Kid", [KID]),
        ("/a\\.ex/$client=Kid", [KID]),
        ("||a*.example^$ctag=user_admin", [DESK]),
    ],
)
def test_client_and_ctag(rule, who):
    rules = policy(rule)
    assert [one for one in (KID, DESK, b"") if decided(rules, "a.example", 1, one)] == who
    mapped = [one for one in (KID, DESK) if decided(rules, "a.example", 1, bytes(10) + b"\xff\xff" + one)]
    assert mapped == [one for one in who if one]


def test_denyallow_spares_names_and_what_is_below_them():
    rules = policy("||example^$denyallow=good.example|fine.example")
    names = ["example", "bad.example", "good.example", "x.good.example", "ood.example", "xgood.example", "fine.example"]
    assert [outcome(rules, name) for name in names] == ["block", "block", "", "", "block", "block", ""]


def address(rules, text, qtype=1, client=DESK):
    from ipaddress import ip_address

    name = from_text("www.example")
    octets = ip_address(text).packed
    match = rules.decide_address(octets, name, labels_of(name), qtype, client)
    assert match == next(iter(rules.matches_address(octets, name, labels_of(name), qtype, client)), None)
    return match


def test_a_rule_about_an_address_is_about_answers_and_names_its_narrowest_network():
    rules = policy("||192.0.2.1^\n||192.0.2.0/24^", form=None)
    assert rules.judges_answers
    found = address(rules, "192.0.2.1")
    assert found is not None
    assert found.rich is not None
    assert (found.rich.subject, found.name) == ("192.0.2.1/32", from_text("www.example"))
    wide = address(rules, "192.0.2.9")
    assert wide is not None
    assert wide.line == 2
    assert address(rules, "192.0.3.1") is None
    assert address(rules, "::ffff:192.0.2.1", 28) is not None
    assert outcome(rules, "192.0.2.1") == ""
    assert not policy("||a.example^").judges_answers
    assert address(policy("||a.example^"), "192.0.2.1") is None


def test_exceptions_own_rules_and_allowlists_count_for_addresses_as_for_names():
    assert address(policy("||192.0.2.1^\n@@||192.0.2.0/24^"), "192.0.2.1").action.name == "ALLOW"
    assert address(policy("||192.0.2.1^", allow=["192.0.2.0/24"]), "192.0.2.1").action.name == "ALLOW"
    assert address(policy("||192.0.2.1^", own=["@@||192.0.2.1^"]), "192.0.2.1").list_id == 0xFFFE
    assert address(policy("||192.0.2.1^$client=Kid"), "192.0.2.1", client=DESK) is None
    assert address(policy("||192.0.2.1^$client=Kid"), "192.0.2.1", client=KID) is not None
    assert address(policy("||192.0.2.1^$dnstype=HTTPS"), "192.0.2.1", 1) is None
    assert address(policy("||192.0.2.1^$dnstype=HTTPS"), "192.0.2.1", 65) is not None
    assert address(policy("||192.0.2.1^\n||192.0.2.1^$badfilter"), "192.0.2.1") is None


@pytest.mark.parametrize(
    "rule",
    [
        "||a.example^",
        "|a.example^",
        "@@||a.example^",
        "||a.example^$important",
        "||a.example^$dnstype=A",
        "||a.example^$dnstype=A|AAAA",
        "||a.example^$dnstype=~AAAA",
        "||a.example^$client=192.168.1.9",
        "||a.example^$client=~Kid",
        "||a.example^$ctag=user_admin|user_child",
        "||a.example^$ctag=~user_child",
        "||example^$denyallow=b.example|c.example",
        "||a.example^$dnsrewrite=192.0.2.1",
        "||a.example^$dnsrewrite=NXDOMAIN",
        "||a.example^$important,dnstype=A,client=Desk,ctag=user_admin,denyallow=b.a.example",
        "||a*.example^",
        "/^a\\.exa/",
        "/^a\\.exa/$dnstype=A",
    ],
)
def test_badfilter_switches_off_the_rule_that_is_written_like_it_and_no_other(rule):
    off = f"{rule},badfilter" if "$" in rule else f"{rule}$badfilter"
    assert decided(policy(rule), "a.example") is not None
    assert decided(policy(f"{rule}\n{off}"), "a.example") is None
    assert decided(policy(f"{off}\n{rule}"), "a.example") is None
    assert decided(policy(rule, off), "a.example") is None
    assert decided(policy(rule, own=[off]), "a.example") is None
    assert decided(policy("||z.example^", own=[rule, off]), "a.example") is None
    # Without the condition, or with another one, it is another rule.
    other = "||a.example^$dnstype=A|MX,badfilter"
    assert decided(policy(f"{rule}\n{other}"), "a.example") is not None
    # Badfilters of allowlists stay among allowlists, and reach those.
    assert decided(policy(rule, allow=[off, "||zz.example^"]), "a.example") is not None


@pytest.mark.parametrize(
    ("rule", "off"),
    [
        ("||a.example^$dnstype=A|AAAA", "||a.example^$dnstype=AAAA|A,badfilter"),
        ("||a.example^$important,dnstype=A", "||a.example^$badfilter,dnstype=A,important"),
        ("||A.example^$client='Kid'|Desk", "||a.EXAMPLE^$client=desk|kid,badfilter"),
        ("||a.example^|", "||a.example^$badfilter"),
    ],
)
def test_badfilter_compares_what_rules_mean_and_not_how_they_are_spelled(rule, off):
    assert decided(policy(rule), "a.example") is not None
    assert decided(policy(f"{rule}\n{off}"), "a.example") is None


def test_two_badfilters_do_not_cancel_each_other():
    rules = "||a.example^$dnstype=A\n||a.example^\n||a.example^$badfilter\n||a.example^$dnstype=A,badfilter"
    assert decided(policy(rules), "a.example") is None


def test_what_a_badfilter_uncovers_decides():
    rules = policy("||x.a.example^\n@@||a.example^\n@@||a.example^$badfilter\n||a.example^", "a.example")
    match = decided(rules, "x.a.example")
    assert match is not None
    assert match.line == 1
    assert outcome(rules, "a.example") == "block"


def test_a_badfilter_of_an_allowlist_switches_off_the_rule_of_another():
    rules = policy("||a.example^", allow=["@@||a.example^", "@@||a.example^$badfilter"])
    assert outcome(rules, "a.example") == "block"


def rewrites(rules, name="a.example", qtype=1):
    match = decided(rules, name, qtype)
    return answer_in_words(match) if match is not None and match.rewrites else None


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["=192.0.2.1"], "A 192.0.2.1"),
        (["=192.0.2.1", "=192.0.2.2"], "A 192.0.2.1, A 192.0.2.2"),
        (["=192.0.2.1", "=192.0.2.1"], "A 192.0.2.1"),
        (["=192.0.2.1", "=2001:db8::1"], "A 192.0.2.1, AAAA 2001:db8::1"),
        (["=NOERROR;MX;10 mail.example", "=NOERROR;TXT;hello"], 'MX 10 mail.example., TXT "hello"'),
        (["=NOERROR", "=192.0.2.1"], "A 192.0.2.1"),
        (["=NOERROR"], "NODATA for every type"),
        (["=192.0.2.1", "=NXDOMAIN"], "NXDOMAIN"),
        (["=192.0.2.1", "=REFUSED", "=NXDOMAIN"], "REFUSED"),
        (["=NXDOMAIN", "=192.0.2.1", "=b.example"], "CNAME b.example., and what the upstream says of that name"),
    ],
)
def test_a_cname_wins_over_a_code_and_a_code_over_records_which_count_together(lines, answer):
    texts = [f"||a.example^$dnsrewrite{line}" for line in lines]
    assert rewrites(policy("\n".join(texts))) == answer
    assert rewrites(policy(*texts)) == answer
    assert rewrites(policy("||z.example^", own=list(dict.fromkeys(texts)))) == answer


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["||=192.0.2.1", "@@=192.0.2.1"], None),
        (["||=192.0.2.1", "||=192.0.2.2", "@@=192.0.2.1"], "A 192.0.2.2"),
        (["||=192.0.2.1", "||=192.0.2.2", "@@=192.0.2.1", "@@=192.0.2.2"], None),
        (["@@=192.0.2.1", "@@=192.0.2.2", "||=192.0.2.1", "||=192.0.2.2", "||=192.0.2.3"], "A 192.0.2.3"),
        (["||=192.0.2.1", "@@"], None),
        (["||=192.0.2.1", "||=192.0.2.2,important", "@@"], "A 192.0.2.2"),
        (["||=192.0.2.2,important", "@@=192.0.2.2"], "A 192.0.2.2"),
        (["||=192.0.2.2,important", "@@,important"], None),
        (["||=b.example", "||=192.0.2.1", "@@=b.example"], "A 192.0.2.1"),
        (["||=NXDOMAIN", "||=192.0.2.1", "@@=NXDOMAIN"], "A 192.0.2.1"),
        (["||=192.0.2.1", "@@=NXDOMAIN"], "A 192.0.2.1"),
    ],
)
def test_each_exception_lifts_what_equals_it_also_when_two_stand_side_by_side(lines, answer):
    texts = [f"{'@@' if one[:2] == '@@' else ''}||a.example^$dnsrewrite{one[2:]}" for one in lines]
    assert rewrites(policy("\n".join(texts))) == answer
    assert rewrites(policy(*texts)) == answer


def test_an_exception_from_rewrites_lets_nothing_else_through():
    rules = policy("||a.example^\n||a.example^$dnsrewrite=192.0.2.1\n@@||a.example^$dnsrewrite")
    assert outcome(rules, "a.example") == "block"
    assert outcome(policy("||a.example^\n@@||a.example^$dnsrewrite"), "a.example") == "block"
    assert outcome(policy("@@||a.example^$dnsrewrite"), "a.example") == ""


def test_a_list_lifts_no_answer_that_you_gave_and_you_lift_those_of_lists():
    given, lift = "||a.example^$dnsrewrite=192.0.2.1", "@@||a.example^$dnsrewrite"
    assert rewrites(policy(lift, own=[given])) == "A 192.0.2.1"
    assert rewrites(policy(given, own=[lift])) is None


def test_any_rule_of_an_allowlist_ends_rewrites_of_blocklists():
    assert outcome(policy("||a.example^$dnsrewrite=192.0.2.1", allow=["a.example"]), "a.example") == "allow"


def test_the_rule_that_gives_the_answer_is_the_one_that_is_named():
    match = decided(policy("||a.example^$dnsrewrite=192.0.2.1\n||a.example^$dnsrewrite=b.example"), "a.example")
    assert match is not None
    assert (match.line, match.rewrites) == (2, (Rewrite(0, 5, from_text("b.example")),))


def test_local_data_is_a_block_that_exceptions_lift_and_its_lines_count_together():
    zone = "a.example. A 192.0.2.1\na.example. A 192.0.2.2\n*.a.example. A 192.0.2.3\n*.a.example. A 192.0.2.4"
    rules = policy(zone, form="rpz")
    assert rewrites(rules) == "A 192.0.2.1, A 192.0.2.2"
    assert rewrites(rules, "x.a.example") == "A 192.0.2.3, A 192.0.2.4"
    passing = policy(f"{zone}\nok.a.example. CNAME rpz-passthru.", form="rpz")
    assert outcome(passing, "ok.a.example") == "allow"
