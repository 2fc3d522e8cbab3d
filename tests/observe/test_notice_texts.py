from __future__ import annotations

from email import message_from_bytes, policy

import orjson
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe import notice_texts
from mirage_hole.observe.notices import Condition, News, Notice

TEXTS = st.text(max_size=300)


def news(title="No upstream answers", text="It is so.", *, recovered=False, severity="critical", number=1):
    condition = Condition("upstream-down", "", severity, title, text, "Do this")
    return News(Notice(number, condition, 1_700_000_000.0, closed=1_700_000_100.0 if recovered else None), recovered)


def test_one_news_is_told_in_its_own_words():
    told = notice_texts.message([news()], "dns.lan", "http://192.168.1.2:8080")
    assert told.title == "No upstream answers"
    assert told.lines == ("It is so.", "Do this", "Since: 2023-11-14 22:13 UTC")
    assert (told.severity, told.recovered) == ("critical", False)


def test_an_end_says_what_is_over():
    told = notice_texts.message([news(recovered=True)], "dns.lan")
    assert told.title == "Over: No upstream answers"
    assert (told.severity, told.recovered) == ("info", True)


def test_many_are_a_digest_with_the_worst_severity():
    told = notice_texts.message([news("A", severity="warning"), news("B"), news("C", recovered=True)], "dns.lan")
    assert told.title == "dns.lan: 2 need attention, 1 are over"
    assert told.lines == ("A", "B", "Over: C")
    assert (told.severity, told.recovered, len(told.notices)) == ("critical", False, 3)


def test_a_webhook_gets_every_notice():
    told = notice_texts.webhook(notice_texts.message([news(), news("B")], "dns.lan"), "dns.lan", 5.0)
    assert orjson.loads(orjson.dumps(told)) == told
    assert [one["title"] for one in told["notices"]] == ["No upstream answers", "B"]
    assert (told["version"], told["sent"], told["server"]) == (1, 5.0, "dns.lan")


def test_ntfy_gets_what_is_not_ascii_as_an_encoded_word():
    headers, body = notice_texts.ntfy(notice_texts.message([news("Gerät für Ö")], "dns.lan", "http://dns.lan"))
    assert headers["Title"] == "=?UTF-8?B?R2Vyw6R0IGbDvHIgw5Y=?="
    assert headers["Priority"] == "5"
    assert headers["Click"] == "http://dns.lan"
    assert body.decode().startswith("It is so.")


@given(TEXTS, TEXTS, TEXTS)
def test_no_text_makes_a_header_of_its_own(title, text, server):
    told = notice_texts.message([news(title, text)], server, "http://dns.lan")
    headers, _ = notice_texts.ntfy(told)
    assert set(headers) <= {"Title", "Priority", "Tags", "Click"}
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    octets = notice_texts.mail(told, "dns@example.org", ["me@example.org"], 0.0, "1@example.org")
    parsed = message_from_bytes(octets, policy=policy.default)
    assert sorted(name.lower() for name in parsed) == sorted(
        ["subject", "from", "to", "date", "message-id", "auto-submitted", "content-type",
         "content-transfer-encoding", "mime-version"]
    )  # fmt: skip
    assert parsed["To"] == "me@example.org"
    assert octets.isascii()
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert b"\n" not in octets.replace(b"\r\n", b"")


@given(TEXTS)
def test_a_line_is_one_line_and_bounded(text):
    line = notice_texts.one_line(text, 50)
    assert len(line) <= 50
    assert len(line.splitlines()) <= 1
    line.encode()
