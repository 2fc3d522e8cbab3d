"""What nobody is to know is gone from the records themselves; how many there were stays."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.privacy import LEVELS, Privacy, is_hidden
from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, Subject, decode_subject, encode_subject
from mirage_hole.observe.segments import read_frame
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.names import from_text
from tests.store.querylogs import Asked, frames_of

SECRET = "very.secret.example"
QUERIES = st.lists(
    st.builds(
        Asked,
        name=st.sampled_from([SECRET, "www.example.com"]),
        client=st.ip_addresses().map(str),
        qtype=st.sampled_from([1, 28]),
        outcome=st.sampled_from(list(Outcome)),
        list_id=st.none() | st.integers(0, 1),
        transport=st.integers(0, 1),
    ),
    max_size=10,
)


@given(QUERIES, st.sampled_from(LEVELS))
def test_counts_by_type_outcome_and_transport_stay_at_every_level(queries: list[Asked], level: str) -> None:
    privacy = Privacy(level)
    for (frame, _), asked in zip(frames_of(queries), queries, strict=True):
        (segment,) = read_frame(privacy.redact(frame)).segments
        subject = decode_subject(segment.subjects[0])
        assert (subject.outcome, subject.qtype, segment.transport) == (asked.outcome, asked.qtype, asked.transport)
        assert segment.at == asked.at
        assert (subject.list_id == NO_LIST) == (asked.list_id is None)


@given(QUERIES, st.sampled_from(["hide-names", "statistics"]))
def test_no_name_is_left_where_names_are_hidden(queries: list[Asked], level: str) -> None:
    privacy = Privacy(level)
    for frame, _ in frames_of(queries):
        assert b"secret" not in privacy.redact(frame)


@given(QUERIES, st.sampled_from(["hide-clients", "statistics"]))
def test_no_client_is_left_where_clients_are_hidden(queries: list[Asked], level: str) -> None:
    privacy = Privacy(level)
    for frame, _ in frames_of(queries):
        assert all(is_hidden(client) for client in read_frame(privacy.redact(frame)).clients)


def test_an_excluded_client_is_hidden_with_its_names_and_the_others_are_not() -> None:
    privacy = Privacy("full", ["192.168.1.20/32", "fd00::/8"])
    asked = [Asked(name=SECRET, client=client) for client in ("192.168.1.20", "fd00::1", "192.168.1.21")]
    redacted = [privacy.redact(frame) for frame, _ in frames_of(asked)]
    assert [b"secret" in frame for frame in redacted] == [False, False, True]
    assert [is_hidden(read_frame(frame).clients[0]) for frame in redacted] == [True, True, False]


def test_nothing_is_touched_where_everything_may_be_known() -> None:
    privacy = Privacy()
    (frame, _) = frames_of([Asked()])[0]
    assert not privacy.changes
    assert privacy.redact(frame) is frame


def test_a_frame_that_is_none_stays_for_whoever_counts_those() -> None:
    assert Privacy("statistics").redact(b"nonsense") == b"nonsense"


def test_the_text_of_a_rule_goes_with_the_name() -> None:
    wire = from_text(SECRET)
    rich = Subject(Outcome.BLOCKED, 0, 1, 0, 3, wire, 1, NO_UPSTREAM, wire, "/secret/")
    from mirage_hole.observe.record import encode_frame, encode_singles

    frame = encode_frame(1, [encode_singles(1.0, 0, [ip_address("10.0.0.1").packed], [0.0], [encode_subject(rich)])])
    assert b"secret" not in Privacy("hide-names").redact(frame)


@pytest.mark.parametrize("level", LEVELS)
def test_only_the_level_of_figures_alone_keeps_no_log(level: str) -> None:
    assert Privacy(level).logs is (level != "statistics")
