"""The names an answer leads through, held against a model over dnspython's reading."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.chain import MOST_ALIASES, aliases, targets
from mirage_hole.wire.names import to_text
from mirage_hole.wire.scan import scan_reply

NAMES = ("a.example", "b.example", "c.example", "d.other", "E.example")


def scanned(question: str, qtype: str, records: list[str]):
    message = dns.message.make_query(question, qtype)
    message.flags |= dns.flags.QR
    for text in records:
        name, ttl, kind, data = text.split(" ", 3)
        message.answer.append(dns.rrset.from_text(name + ".", int(ttl), "IN", kind, data))
    wire = message.to_wire()
    end = 12 + len(message.question[0].name.to_wire()) + 4
    reply = scan_reply(wire, end)
    assert reply is not None
    return wire[12:end], reply


@given(st.sampled_from(NAMES), st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=8))
def test_a_chain_is_followed_as_anybody_would(first, pairs):
    """RFC 1034 3.6.2, 4.3.2."""
    question, reply = scanned(first, "A", [f"{owner} 60 CNAME {target}." for owner, target in pairs])
    leads: dict[str, str] = {}
    for owner, target in pairs:
        leads.setdefault(owner.lower(), target.lower())
    expected: list[str] | None = []
    seen = name = first.lower()
    visited = {seen}
    while name in leads:
        name = leads[name]
        if name in visited:
            expected = None
            break
        visited.add(name)
        expected.append(name)
    found = aliases(question, reply)
    assert (None if found is None else [to_text(one) for one in found]) == expected


def test_a_chain_without_end_is_none():
    records = [f"n{number}.example 60 CNAME n{number + 1}.example." for number in range(MOST_ALIASES + 2)]
    assert aliases(*scanned("n0.example", "A", records)) is None
    assert len(aliases(*scanned("n0.example", "A", records[:MOST_ALIASES])) or []) == MOST_ALIASES


def test_targets_of_bindings_are_names_and_not_the_owner_itself():
    """RFC 9460 2.5.2."""
    question, reply = scanned(
        "www.example", "HTTPS", ["www.example 60 HTTPS 1 . alpn=h2", "www.example 60 HTTPS 2 CDN.other. alpn=h3"]
    )
    assert [to_text(name) for name in targets(question, reply)] == ["cdn.other"]
