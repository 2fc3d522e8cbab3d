"""What is taken out of an answer, held against dnspython."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest

from mirage_hole.wire.scan import SIGNED, scan_reply
from mirage_hole.wire.strip import without_additional, without_signatures

RRSIG = "A 13 3 300 20300101000000 20200101000000 1 example.com. c2lnbmF0dXJl"
ANSWER = f"""id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
;QUESTION
www.example.com. IN A
;ANSWER
www.example.com. 300 IN CNAME host.example.com.
www.example.com. 300 IN RRSIG CNAME 13 3 300 20300101000000 20200101000000 1 example.com. c2lnbmF0dXJl
host.example.com. 60 IN RRSIG {RRSIG}
host.example.com. 60 IN A 192.0.2.7
;AUTHORITY
example.com. 900 IN NSEC www.example.com. NS SOA RRSIG NSEC
example.com. 900 IN MX 10 mail.host.example.com.
;ADDITIONAL
mail.host.example.com. 60 IN AAAA 2001:db8::7
"""


def stripped(text: str) -> tuple[dns.message.Message, dns.message.Message]:
    """The message before and after."""
    message = dns.message.from_text(text)
    wire = message.to_wire()
    end = 12 + len(message.question[0].name.to_wire()) + 4
    reply = scan_reply(wire, end)
    assert reply is not None
    kept = without_signatures(wire[12:end].lower(), reply)
    head = wire[:4] + b"\0\1" + b"".join(count.to_bytes(2, "big") for count in kept.counts)
    for offset in kept.ttl_offsets:  # each is where a TTL stands
        assert int.from_bytes(kept.records[offset : offset + 4], "big") in {60, 300, 900}
    return message, dns.message.from_wire(head + wire[12:end] + kept.records)


def test_signatures_and_denials_are_taken_out_and_all_else_stays_as_it_was():
    """RFC 4035 3.2.1."""
    before, after = stripped(ANSWER)
    signed = {dns.rdatatype.RRSIG, dns.rdatatype.NSEC}
    for section in range(1, 4):
        expected = [rrset for rrset in before.sections[section] if rrset.rdtype not in signed]
        assert after.sections[section] == expected
        assert [rrset.ttl for rrset in after.sections[section]] == [rrset.ttl for rrset in expected]


@pytest.mark.parametrize("qtype", ["RRSIG", "NSEC", "ANY"])
def test_what_was_asked_for_stays(qtype):
    """RFC 4035 3.2.1: unless it was explicitly requested."""
    before, after = stripped(ANSWER.replace("www.example.com. IN A", f"www.example.com. IN {qtype}"))
    wanted = {"RRSIG": "RRSIG", "NSEC": "NSEC", "ANY": "RRSIG"}[qtype]
    kind = dns.rdatatype.from_text(wanted)

    def count(message: dns.message.Message) -> int:
        return sum(rrset.rdtype == kind for section in message.sections[1:] for rrset in section)

    assert count(after) == count(before) > 0


def test_a_reply_says_whether_there_is_anything_to_take_out():
    unsigned = dns.message.from_text(PLAIN)
    wire = unsigned.to_wire()
    reply = scan_reply(wire, 12 + 17 + 4)
    assert reply is not None
    assert not reply.traits & SIGNED


PLAIN = """id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
;QUESTION
www.example.com. IN A
;ANSWER
www.example.com. 300 IN A 192.0.2.7
"""


def test_what_stands_beside_an_answer_can_be_left_out():
    """RFC 2181 5.4.1: no client may need it."""
    message = dns.message.make_query("www.example", "MX")
    message.flags |= dns.flags.QR
    message.answer.append(dns.rrset.from_text("www.example.", 60, "IN", "MX", "10 mail.example.", "20 mx.example."))
    message.authority.append(dns.rrset.from_text("example.", 90, "IN", "NS", "ns.example."))
    message.additional.append(dns.rrset.from_text("mail.example.", 60, "IN", "A", "10.0.0.1", "10.0.0.2"))
    wire = message.to_wire()
    end = 12 + len(message.question[0].name.to_wire()) + 4
    reply = scan_reply(wire, end)
    bare = without_additional(reply)
    assert bare.counts == (2, 1, 0)
    assert len(bare.ttl_offsets) == 3
    assert all(int.from_bytes(bare.records[at : at + 4], "big") in (60, 90) for at in bare.ttl_offsets)
    counts = b"".join(count.to_bytes(2, "big") for count in bare.counts)
    left = dns.message.from_wire(wire[:4] + b"\0\1" + counts + wire[12:end] + bare.records)
    assert (left.answer, left.authority, left.additional) == (message.answer, message.authority, [])
    assert without_additional(bare) is bare


def test_the_same_answer_is_not_written_anew_each_time():
    """Hostile ones take milliseconds; a client that asks over TCP, where no packets are remembered, would have us do it each time."""
    wire = dns.message.from_text(ANSWER).to_wire()
    end = 12 + len(dns.name.from_text("www.example.com").to_wire()) + 4
    reply = scan_reply(wire, end)
    assert reply is not None
    assert without_signatures(wire[12:end], reply) is without_signatures(wire[12:end], reply)
