from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from mirage_hole.api.parameters import Parameters, no_parameters
from mirage_hole.api.problems import Refusal


def test_every_problem_is_told_at_once_with_what_to_write_instead() -> None:
    query = MultiDict(
        [
            ("limit", "many"),
            ("client", "nobody"),
            ("outcome", "blocked,eaten"),
            ("colour", "red"),
            ("name", "a"),
            ("name", "b"),
        ]
    )
    parameters = Parameters(query)
    parameters.number("limit", 100, 1, 1000)
    parameters.network("client")
    parameters.outcomes("outcome")
    parameters.text("name", 10)
    with pytest.raises(Refusal) as raised:
        parameters.done()
    assert raised.value.status == 400
    assert [fault.where for fault in raised.value.faults] == ["limit", "client", "outcome", "name", "colour"]
    assert all(fault.what and fault.instead for fault in raised.value.faults)
    assert "'many' is no whole number from 1 to 1000; write limit=1" in raised.value.detail


@pytest.mark.parametrize("text", ["0", "1001", "-1", "1.5", "", " 5", "٣", "1" * 5000, "1_0"])
def test_a_number_is_digits_within_its_bounds(text: str) -> None:
    parameters = Parameters(MultiDict(limit=text))
    assert parameters.number("limit", 100, 1, 1000) == 100
    with pytest.raises(Refusal):
        parameters.done()


def test_what_is_absent_has_its_default() -> None:
    parameters = Parameters(MultiDict())
    assert parameters.number("limit", 7, 1, 9) == 7
    assert parameters.text("name", 10) == ""
    assert parameters.network("client") is None
    assert parameters.outcomes("outcome") == frozenset()
    parameters.done()


def test_a_network_may_be_one_address() -> None:
    parameters = Parameters(MultiDict(client="192.168.1.7/24"))
    assert str(parameters.network("client")) == "192.168.1.0/24"
    assert str(Parameters(MultiDict(client="2001:db8::1")).network("client")) == "2001:db8::1/128"


def test_a_domain_is_required_and_checked_once() -> None:
    for query, reason in (
        (MultiDict(), "is missing"),
        (MultiDict(name="a..b"), "is no domain name"),
        (MultiDict(name="x" * 2000), "too many"),
    ):
        parameters = Parameters(query)
        parameters.domain("name")
        with pytest.raises(Refusal, match=reason) as raised:
            parameters.done()
        assert len(raised.value.faults) == 1


def test_a_resource_without_parameters_refuses_any() -> None:
    no_parameters(MultiDict())
    with pytest.raises(Refusal, match="x: is no parameter of this resource; write no parameters"):
        no_parameters(MultiDict(x="1"))


@given(st.dictionaries(st.sampled_from(["limit", "name", "client", "outcome", "other"]), st.text(max_size=20)))
def test_any_query_string_is_read_or_refused(query: dict[str, str]) -> None:
    parameters = Parameters(MultiDict(query))
    limit = parameters.number("limit", 1, 1, 9)
    parameters.network("client")
    parameters.outcomes("outcome")
    parameters.domain("name")
    assert limit in range(1, 10)
    if "other" in query or "name" not in query:
        with pytest.raises(Refusal):
            parameters.done()
    else:
        with suppress(Refusal):
            parameters.done()
