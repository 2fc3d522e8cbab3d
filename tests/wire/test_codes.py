"""Numbers and their names, both ways."""

from __future__ import annotations

import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.codes import Rcode, RRType, rcode_text, type_number, type_text


@given(st.integers(0, 65535))
def test_every_type_has_a_text_that_means_it(number: int) -> None:
    assert type_number(type_text(number)) == type_number(type_text(number).lower()) == number


@pytest.mark.parametrize("kind", RRType)
def test_types_are_named_as_everywhere(kind: RRType) -> None:
    assert dns.rdatatype.to_text(dns.rdatatype.RdataType.make(int(kind))) == kind.name


@pytest.mark.parametrize("code", Rcode)
def test_rcodes_are_named_as_everywhere(code: Rcode) -> None:
    assert dns.rcode.to_text(dns.rcode.Rcode.make(int(code)), tsig=False) == rcode_text(code)


def test_a_number_without_a_name_keeps_its_number() -> None:
    assert (type_text(65280), rcode_text(11)) == ("TYPE65280", "RCODE11")


@pytest.mark.parametrize(
    "text", ["", "B", "TYPE", "TYPE65536", "TYPE-1", "TYPE+1", "TYPE\u0661", "12", "TYPE" + "9" * 5000]
)
def test_what_is_no_type_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is no record type; write A, AAAA"):
        type_number(text)
