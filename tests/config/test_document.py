"""The state as one document, written and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.config.document import (
    ENTRIES,
    BadDocument,
    ClientEntry,
    ListEntry,
    RuleEntry,
    read_document,
    write_json,
    write_toml,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.integers(0, 2**32).map(lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
VALUES = st.booleans() | st.integers(-(2**40), 2**40) | TEXTS | st.lists(TEXTS, max_size=3)
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "settings": st.dictionaries(st.builds("{}.{}".format, NAMES, NAMES), VALUES, max_size=4),
        "rule": st.lists(
            st.builds(RuleEntry, text=TEXTS, comment=TEXTS, until=st.none() | MOMENTS, enabled=st.booleans()),
            max_size=3,
        ),
        "list": st.lists(st.builds(ListEntry, source=TEXTS, kind=st.sampled_from(["block", "allow"])), max_size=3),
        "client": st.lists(st.builds(ClientEntry, name=TEXTS, addresses=st.lists(TEXTS, max_size=2)), max_size=3),
    },
)


@given(DOCUMENTS, TEXTS)
def test_what_was_written_as_toml_is_read_back(document: dict[str, object], heading: str) -> None:
    heading = "".join(one for one in heading if one.isprintable())
    assert read_document(write_toml(document, heading)) == document


@given(DOCUMENTS)
def test_what_was_written_as_json_is_read_back(document: dict[str, object]) -> None:
    assert read_document(write_json(document)) == document


def test_an_empty_part_is_told_from_one_that_is_not_mentioned() -> None:
    document = read_document(b"version = 1\nrule = []\n")
    assert document == {"rule": []}


def test_the_end_of_a_rule_is_a_moment() -> None:
    (rule,) = read_document(b'version = 1\n[[rule]]\ntext = "||a.example^"\nuntil = 2030-01-01T00:00:00Z\n')["rule"]
    assert rule.until == datetime(2030, 1, 1, tzinfo=UTC)


def test_every_problem_is_told_with_its_line() -> None:
    text = b'version = 2\nrules = []\n[[rule]]\ntext = 5\n[[client]]\nnamed = "x"\n[settings]\nblocking = 3\n'
    with pytest.raises(BadDocument) as caught:
        read_document(text, "state.toml")
    told = [str(one) for one in caught.value.problems]
    assert [one.partition("(")[2].partition(")")[0] for one in told] == [
        "state.toml:1",
        "state.toml:2",
        "state.toml:4",
        "state.toml:5",
        "state.toml:8",
    ]
    assert "write version = 1" in told[0]
    assert "write one of version, settings, list" in told[1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version = ", "is no TOML"),
        (b"{", "is no JSON"),
        (b"\xff", "is no UTF-8"),
        (b"[" * 100_000, "is no"),
        (b'{"a":' * 5000, "is no JSON"),
    ],
)
def test_what_is_no_document_says_what_it_should_be(data: bytes, said: str) -> None:
    with pytest.raises(BadDocument, match=said):
        read_document(data)


def test_a_document_beyond_the_bound_is_not_read() -> None:
    with pytest.raises(BadDocument, match="octets"):
        read_document(b"#" * (16 * 1024 * 1024 + 1))


@pytest.mark.parametrize("part", ENTRIES)
def test_no_part_takes_a_field_that_it_does_not_know(part: str) -> None:
    with pytest.raises(BadDocument, match="its fields are"):
        read_document(f"version = 1\n[[{part}]]\nnonsense = 1\n".encode())
