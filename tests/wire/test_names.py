"""Names: text and wire form are two spellings of one thing, and nothing else is a name."""

from __future__ import annotations

import dns.exception
import dns.name
import idna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirage_hole.wire.names import MAX_IDN, BadName, fold, from_text, labels_of, to_text
from tests.wire.samples import host_names, names, wire_name


@given(names)
def test_any_name_survives_becoming_text_and_back(wire: bytes) -> None:
    assert from_text(to_text(wire)) == fold(wire)


@given(names)
def test_text_is_what_dnspython_writes(wire: bytes) -> None:
    theirs = dns.name.from_wire(wire, 0)[0]
    assert to_text(wire) == (theirs.to_text(omit_final_dot=True) if len(theirs) > 1 else ".")


@pytest.mark.parametrize("octet", range(256))
def test_every_octet_is_escaped_where_dnspython_escapes_it(octet: int) -> None:
    wire = wire_name(b"a", bytes((octet,)))
    assert to_text(wire) == dns.name.from_wire(wire, 0)[0].to_text(omit_final_dot=True)


@given(host_names)
def test_a_host_name_is_read_as_dnspython_reads_it(text: str) -> None:
    assert from_text(text) == fold(dns.name.from_text(text).to_wire()) == from_text(text + ".")


@given(st.text(st.sampled_from(r"aZ09-_.\ "), max_size=16))
@example(r"a\.b.c")
@example(r"\065\..")
@example(r"a\\.b")
@example(r"\.")
@example("..")
@example(".a")
@example(r"\256.a")
@example(r"\25a")
@example(r"\25")
@example("a\\")
def test_any_text_is_read_as_dnspython_reads_it_and_refused_where_that_refuses(text: str) -> None:
    try:
        theirs = dns.name.from_text(text).to_wire()
    except (dns.exception.DNSException, ValueError):
        with pytest.raises(BadName):
            from_text(text)
    else:
        assert from_text(text) == fold(theirs)


@given(st.text(max_size=70))
@example("\ud800")
@example("\u3002")
@example("\u00ad")
@example("ﬀ" * 60 + ".example")
def test_whatever_the_text_the_outcome_is_a_name_or_a_reason(text: str) -> None:
    try:
        wire = from_text(text)
    except BadName as refused:
        assert str(refused)  # noqa: PT017 - either outcome is right, an empty reason is not
    else:
        assert len(wire) <= 255
        assert dns.name.from_wire(wire, 0)[0].to_wire() == wire == fold(wire)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("", b"\0"),
        (".", b"\0"),
        ("Ads.Example.COM", b"\x03ads\x07example\x03com\0"),
        ("a.example.", b"\x01a\x07example\0"),
        (r"a\.b.example", b"\x03a.b\x07example\0"),
        (r"\000\255.example", b"\x02\x00\xff\x07example\0"),
        (r"\065.example", b"\x01a\x07example\0"),
        ("_dmarc.example", b"\x06_dmarc\x07example\0"),
    ],
)
def test_text_means_this_wire_form(text: str, wire: bytes) -> None:
    assert from_text(text) == wire


@pytest.mark.parametrize("text", ["bücher.example", "BÜCHER.example", "bücher。example", "bücher.example."])
def test_an_internationalised_name_becomes_its_a_labels(text: str) -> None:
    assert from_text(text) == wire_name(b"xn--bcher-kva", b"example")


def test_labels_beside_an_internationalised_one_stay_as_they_are() -> None:
    assert from_text("_dmarc.r3---sn.bücher.XN--bcher-KVA") == wire_name(
        b"_dmarc", b"r3---sn", b"xn--bcher-kva", b"xn--bcher-kva"
    )


@given(st.lists(st.text(st.characters(codec="utf-8", categories=["Ll", "Lo"]), min_size=1, max_size=6), min_size=1))
def test_an_internationalised_name_becomes_what_idna_says(parts: list[str]) -> None:
    text = ".".join(parts)[:60].strip(".")
    try:
        theirs = idna.encode(text, uts46=True)
    except idna.IDNAError:
        return
    assert to_text(from_text(text)) == theirs.decode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("two..dots", "two in a row"),
        (".start", "a dot at the start"),
        ("x" * 64 + ".example", "label of 64 octets; 63 is the limit"),
        (".".join(["x" * 63] * 4), "name of 257 octets; 255 is the limit"),
        ("odd\\", "escapes nothing"),
        (r"\256.example", r"\\256 is no octet"),
        (r"\9z.example", r"\\9z\. is no octet"),
        ("\u00ad", "two in a row"),
        ("ü\u200d.example", "not a valid internationalised name"),
        ("bücher\\.example", "a backslash in an internationalised name"),
        ("bücher\uff3c.example", "a backslash in an internationalised name"),
        ("\udcff.example", "not a valid internationalised name"),
        ("ü" * (MAX_IDN + 1), "1025 characters"),
        ("ü" * MAX_IDN, "not a valid internationalised name"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadName, match=reason):
        from_text(text)


@pytest.mark.parametrize("size", [61, 62])
def test_a_name_may_be_255_octets_long_and_no_more(size: int) -> None:
    text = ".".join(["x" * 63] * 3 + ["y" * size])
    if size == 61:
        assert len(from_text(text)) == 255
    else:
        with pytest.raises(BadName):
            from_text(text)


@given(names)
def test_label_offsets_are_where_the_lengths_stand(wire: bytes) -> None:
    at = labels_of(wire)
    assert [wire[place + 1 : place + 1 + wire[place]] for place in at] == list(dns.name.from_wire(wire, 0)[0])[:-1]


@given(names)
def test_folding_changes_ascii_letters_and_nothing_else(wire: bytes) -> None:
    folded = fold(wire)
    assert folded == wire.lower()
    assert fold(folded) == folded
    assert labels_of(folded) == labels_of(wire)


@given(st.binary(max_size=300))
def test_octets_that_are_no_name_can_still_be_shown(octets: bytes) -> None:
    assert to_text(octets).isascii()
    assert all(place < len(octets) for place in labels_of(octets))


def test_no_octets_at_all_are_shown_as_the_root() -> None:
    assert to_text(b"") == to_text(b"\0") == "."
