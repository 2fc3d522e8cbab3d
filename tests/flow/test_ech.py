"""Keys for encrypted hellos (ECH) can be taken out of HTTPS and SVCB records."""

from __future__ import annotations

from tests.make import Conversation, texts


def test_keys_for_encrypted_hellos_can_be_dropped():
    """RFC 9460 2.2; nobody has signed what is left, so AD goes."""
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    record = "www.example 60 HTTPS 1 . alpn=h2 ech=AAQAAAAA ipv4hint=192.0.2.7"
    for said in (
        conversation.learn("www.example", record, qtype="HTTPS", flags="QR RD RA AD"),
        conversation.ask("www.example", "HTTPS", flags="RD AD"),
    ):
        assert texts(said.reply.answer) == ['www.example. 60 HTTPS 1 . alpn="h2" ipv4hint="192.0.2.7"']
        assert not said.reply.flags & 0x20


def test_they_stay_where_they_are_otherwise():
    said = Conversation().learn("www.example", "www.example 60 HTTPS 1 . ech=AAQAAAAA", qtype="HTTPS")
    assert "ech" in texts(said.reply.answer)[0]


def test_a_record_that_can_not_do_without_a_dropped_key_goes_whole():
    """RFC 9460 8."""
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    records = ("www.example 60 HTTPS 1 . mandatory=ech ech=AAQAAAAA", "www.example 60 HTTPS 2 . alpn=h2")
    said = conversation.learn("www.example", *records, qtype="HTTPS")
    assert texts(said.reply.answer) == ['www.example. 60 HTTPS 2 . alpn="h2"']


def test_signatures_over_what_was_changed_go_with_it():
    """RFC 4035 2.2: they are over the whole set as it was."""
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    signature = "HTTPS 13 2 60 20361231000000 20261101000000 4711 example. AAAA"
    asked = conversation.ask("www.example", "HTTPS", dnssec=True).ask
    records = ("www.example 60 HTTPS 1 . alpn=h2 ech=AAQAAAAA", f"www.example 60 RRSIG {signature}")
    assert texts(conversation.answer(asked, *records).reply.answer) == ['www.example. 60 HTTPS 1 . alpn="h2"']


def test_signatures_over_what_was_not_changed_stay():
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    signature = "HTTPS 13 2 60 20361231000000 20261101000000 4711 example. AAAA"
    asked = conversation.ask("www.example", "HTTPS", dnssec=True).ask
    records = ("www.example 60 HTTPS 1 . alpn=h2", f"www.example 60 RRSIG {signature}")
    assert len(conversation.answer(asked, *records).reply.answer) == 2


def test_svcb_records_lose_them_too():
    """RFC 9461 and its like use them."""
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    said = conversation.learn("_dns.example", "_dns.example 60 SVCB 1 dns.example. alpn=dot ech=AAQAAAAA", qtype="SVCB")
    assert texts(said.reply.answer) == ['_dns.example. 60 SVCB 1 dns.example. alpn="dot"']


def test_nothing_is_left_of_an_answer_that_can_not_be_written_anew():
    """So many records that writing them anew is not done: it is no way for a key to get through."""
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    filler = (f"www.example 60 TXT {number}" for number in range(600))
    said = conversation.learn("www.example", "www.example 60 HTTPS 1 . ech=AAQAAAAA", *filler, qtype="HTTPS")
    assert not said.reply.answer
