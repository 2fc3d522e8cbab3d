from __future__ import annotations

import pytest

from mirage_hole.lists.rule import Action, Reply, Rewrite
from mirage_hole.policy.answers import answer_in_words, blocked_answer, record_text
from mirage_hole.wire.codes import Rcode
from mirage_hole.wire.names import from_text
from tests.policy.rules import decide, policy_of, rich

A1 = Rewrite(0, 1, bytes((192, 0, 2, 1)))
A2 = Rewrite(0, 1, bytes((192, 0, 2, 2)))


@pytest.mark.parametrize(
    ("mode", "ipv4", "text"),
    [
        ("null", "", "A 0.0.0.0, AAAA ::, NODATA for any other type, TTL 10 s"),
        ("ip", "192.0.2.1", "A 192.0.2.1, NODATA for any other type, TTL 10 s"),
        ("ip", "", "NODATA for every type, TTL 10 s"),
        ("nxdomain", "", "NXDOMAIN for every type, TTL 10 s"),
        ("nodata", "", "NODATA for every type, TTL 10 s"),
        ("refused", "", "REFUSED"),
    ],
)
def test_the_answer_to_a_blocked_name_is_told_in_words(mode, ipv4, text):
    assert blocked_answer(mode, 10, ipv4) == text


@pytest.mark.parametrize(
    ("rules", "qtype", "text"),
    [
        ([], 1, "what the upstream says"),
        ([rich("@@||a.example^", action=Action.ALLOW)], 1, "what the upstream says"),
        ([rich("||a.example^")], 1, "that of the mode"),
        ([rich("||a.example^", reply=Reply.NULL)], 1, "A 0.0.0.0, AAAA ::, NODATA for any other type"),
        ([rich("||a.example^", reply=Reply.NXDOMAIN)], 1, "NXDOMAIN for every type"),
        ([rich("||a.example^", reply=Reply.NODATA)], 1, "NODATA for every type"),
        ([rich("||a.example^", reply=Reply.REFUSED)], 1, "REFUSED"),
        ([rich("||a.example^", reply=Reply.DROP)], 1, "none at all"),
        ([rich("||a.example^", rewrite=A1), rich("||a.example^", rewrite=A2)], 1, "A 192.0.2.1, A 192.0.2.2"),
        ([rich("||a.example^", rewrite=A1)], 0, "A 192.0.2.1"),
        ([rich("||a.example^", rewrite=A1)], 28, "NODATA: no AAAA record is given"),
        ([rich("||a.example^", rewrite=Rewrite(0))], 0, "NODATA for every type"),
        ([rich("||a.example^", rewrite=Rewrite(Rcode.SERVFAIL))], 1, "SERVFAIL"),
        (
            [rich("||a.example^", rewrite=Rewrite(0, 5, from_text("b.example")))],
            1,
            "CNAME b.example., and what the upstream says of that name",
        ),
    ],
)
def test_the_answer_of_each_kind_of_rule_is_told_in_words(rules, qtype, text):
    assert answer_in_words(decide(policy_of(rules), "a.example"), qtype, "that of the mode") == text


@pytest.mark.parametrize(
    ("rewrite", "text"),
    [
        (Rewrite(0, 28, bytes(15) + b"\1"), "AAAA ::1"),
        (Rewrite(0, 15, b"\0\x0a" + from_text("mail.example")), "MX 10 mail.example."),
        (Rewrite(0, 16, b"\5hello"), 'TXT "hello"'),
        (Rewrite(0, 1, b"\1"), r"A \# 1 01"),
    ],
)
def test_a_record_is_told_as_in_a_zone_file(rewrite, text):
    assert record_text(rewrite) == text
