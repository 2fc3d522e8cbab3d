from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.rule import Scope
from mirage_hole.observe.generations import Generations
from mirage_hole.observe.recent import RecentQueries
from mirage_hole.observe.record import NO_UPSTREAM, TCP, Subject, encode_subject
from mirage_hole.observe.segments import read_frame
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from mirage_hole.wire.names import from_text
from tests.observe.frames import NOON, frame, replays, ruled, single, subject


def kept(
    *segments: bytes, size: int = 1000, known: dict[tuple[int, int, bytes, Scope], int] | None = None
) -> RecentQueries:
    """``known``: lines of rules, by what they are asked for with."""
    generations = Generations()
    generations.find_line = lambda *rule: (known or {}).get(rule, 0)
    generations.register(1, ["Ads", "Trackers"])
    recent = RecentQueries(generations, size)
    read = read_frame(frame(*segments))
    for segment in read.segments:
        recent.add(read.generation, segment)
    return recent


def numbered(batches: list[int], size: int) -> RecentQueries:
    number = 0
    segments = []
    for count in batches:
        segments.append(replays(NOON, [("192.0.2.1", subject(f"n{number + at + 1}.example")) for at in range(count)]))
        number += count
    return kept(*segments, size=size)


BATCHES = st.lists(st.integers(1, 9), max_size=20)


@given(BATCHES, st.integers(1, 30), st.integers(0, 40), st.none() | st.integers(0, 200))
def test_any_batches_are_kept_like_a_plain_list_of_the_last_queries(
    batches: list[int], size: int, limit: int, before: int | None
) -> None:
    recent = numbered(batches, size)
    total = sum(batches)
    newest = list(range(total, max(0, total - size), -1))
    assert [row.number for row in recent.newest_first()] == newest
    assert [row.name for row in recent.newest_first()] == [f"n{number}.example" for number in newest]
    older = [number for number in newest if before is None or number < before]
    assert [row.number for row in recent.find(limit, before)] == older[:limit]
    assert recent.last == total
    assert recent.oldest == (newest[-1] if newest else 1)


@given(BATCHES, st.integers(1, 30), st.integers(0, 200), st.integers(0, 40))
def test_what_came_after_a_query_is_told_oldest_first_and_the_oldest_are_left_out(
    batches: list[int], size: int, after: int, limit: int
) -> None:
    recent = numbered(batches, size)
    expected = [number for number in range(recent.oldest, recent.last + 1) if number > after]
    assert [row.number for row in recent.after(after, limit)] == expected[len(expected) - min(limit, len(expected)) :]


def test_a_row_says_which_rule_of_which_list_on_which_line() -> None:
    row = next(
        kept(
            single(NOON, "192.0.2.9", ruled("ads.doubleclick.net", "doubleclick.net", list_id=1, line=42))
        ).newest_first()
    )
    assert (row.client, row.name, row.type, row.outcome, row.rcode) == (
        "192.0.2.9", "ads.doubleclick.net", "A", "blocked", "NOERROR",
    )  # fmt: skip
    assert (row.list, row.rule, row.scope, row.line) == ("Trackers", "doubleclick.net", "subtree", 42)
    assert (row.upstream, row.duration, row.transport) == (None, 0.02, "udp")


def test_a_row_without_a_rule_has_no_list() -> None:
    told = subject("example.com", Outcome.FAILED, qtype=28, rcode=2, upstream=3)
    row = next(kept(single(NOON, "2001:db8::1", told, transport=TCP)).newest_first())
    assert (row.client, row.type, row.outcome, row.rcode, row.transport) == (
        "2001:db8::1",
        "AAAA",
        "failed",
        "SERVFAIL",
        "tcp",
    )
    assert (row.list, row.rule, row.scope, row.line, row.upstream) == (None, None, None, None, 3)


def test_a_rule_that_is_more_than_a_name_is_told_as_its_line_says_it() -> None:
    told = ruled("ads.example", "ads.example", text="/^ads[0-9]*\\./$dnstype=A", list_id=OWN_LIST)
    row = next(kept(single(NOON, "::1", told)).newest_first())
    assert (row.name, row.list, row.rule, row.scope, row.line) == (
        "ads.example", "your own rules", "/^ads[0-9]*\\./$dnstype=A", None, 7,
    )  # fmt: skip


def test_a_rule_about_the_names_below_says_so() -> None:
    name = from_text("a.example")
    told = encode_subject(Subject(Outcome.BLOCKED, 0, 1, 0, 1, name, Scope.BELOW, NO_UPSTREAM, b"\1x" + name))
    assert next(kept(single(NOON, "::1", told)).newest_first()).scope == "below"


def test_a_plain_rule_that_an_alias_led_to_has_its_line() -> None:
    text = "||tracker.example^ (via shop.tracker.example)"
    known = {(1, 0, from_text("tracker.example"), Scope.SUBTREE): 17}
    recent = kept(single(NOON, "::1", ruled("www.shop.example", "shop.example", text=text, line=0)), known=known)
    (row,) = recent.newest_first()
    assert (row.name, row.rule, row.line) == ("www.shop.example", text, 17)


def test_a_rule_whose_line_is_not_known_has_none() -> None:
    row = next(kept(single(NOON, "::1", ruled("a.example", "a.example", line=0))).newest_first())
    assert (row.scope, row.line) == ("exact", None)


def test_octets_that_are_no_text_are_escaped() -> None:
    told = encode_subject(Subject(Outcome.FORWARDED, 0, 1, 0xFFFF, 0, b"", 0, NO_UPSTREAM, b"\x03a.\xff\x00"))
    assert next(kept(single(NOON, "::1", told)).newest_first()).name == "a\\.\\255"


def test_only_wanted_queries_are_found() -> None:
    recent = kept(replays(NOON, [("192.0.2.1", subject("a.example")), ("192.0.2.2", subject("b.example"))] * 5))
    found = recent.find(3, None, lambda row: row.client == "192.0.2.2")
    assert [row.name for row in found] == ["b.example"] * 3
