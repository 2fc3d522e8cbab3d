"""What is judged while it streams: packed bodies within bounds, and everything that is no list."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.sources.content import MAX_RATIO, BadContent, Inspector

pack = partial(gzip.compress, mtime=0)  # the same octets in every test process

LIST = b"# A list\n" + b"".join(b"0.0.0.0 name%d.example\n" % number for number in range(2000))


def through(body: bytes, *, step: int = 1000, **settings) -> bytes:
    inspector = Inspector(**settings)
    text = bytearray()
    for at in range(0, len(body), step):
        for piece in inspector.feed(body[at : at + step]):
            text += piece
    for piece in inspector.finish():
        text += piece
    assert inspector.size == len(text)
    return bytes(text)


def refusal(body: bytes, **settings) -> str:
    with pytest.raises(BadContent) as caught:
        through(body, **settings)
    return str(caught.value)


@pytest.mark.parametrize("step", [1, 2, 3, 1000, 10**6])
def test_plain_text_passes_as_it_is(step):
    assert through(LIST, step=step) == LIST


@pytest.mark.parametrize("step", [1, 7, 10**6])
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", pack(LIST)),
        ("x-gzip", pack(LIST)),
        ("GZIP", pack(LIST)),
        ("deflate", zlib.compress(LIST)),
        ("identity", LIST),
        ("", pack(LIST)),
        ("gzip", pack(pack(LIST))),
        ("", pack(LIST[:500]) + pack(LIST[500:])),
        ("", pack(LIST) + b"\0" * 100),
    ],
)
def test_packed_bodies_are_unpacked(coding, body, step):
    assert through(body, coding=coding, step=step) == LIST


def test_bare_deflate_is_understood_too():
    packer = zlib.compressobj(wbits=-15)
    assert through(packer.compress(LIST) + packer.flush(), coding="deflate") == LIST


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20), st.booleans())
def test_however_the_pieces_are_cut_the_text_is_the_same(cuts, packed):
    body = pack(LIST) if packed else LIST
    inspector, text, at = Inspector(), b"", 0
    for cut in [*cuts, len(body)]:
        text += b"".join(inspector.feed(body[at : at + cut]))
        at += cut
    assert text + b"".join(inspector.finish()) == LIST


@pytest.mark.parametrize("body", [pack(LIST)[:-9], pack(LIST)[:100], pack(LIST)[:3]])
def test_a_packed_body_without_an_end_is_cut_off_and_worth_another_try(body):
    with pytest.raises(BadContent, match="cut off") as caught:
        through(body)
    assert caught.value.passing


def test_a_damaged_packed_body_is_worth_another_try():
    body = bytearray(pack(LIST))
    body[50] ^= 0xFF
    with pytest.raises(BadContent, match=r"damaged: it does not unpack") as caught:
        through(bytes(body))
    assert caught.value.passing


def test_a_coding_that_nobody_asked_for_is_refused():
    assert "packed as 'br'" in refusal(b"xxxx", coding="br")


def test_a_gzip_bomb_is_stopped_long_before_its_end():
    bomb = pack(b"0.0.0.0 a.example\n" * 600_000)
    inspector = Inspector("gzip")
    with pytest.raises(BadContent, match="gzip bomb"):
        for _ in inspector.feed(bomb):
            pass
    assert inspector.size <= max(MAX_RATIO * len(bomb), 5 * 1024 * 1024)
    assert "gzip bomb" in refusal(bomb)


def test_a_bomb_of_zeros_within_the_ratio_is_no_text():
    assert "binary" in refusal(pack(b"\0" * 1_000_000))


def test_the_size_limit_counts_unpacked_octets():
    assert "larger than 0.01 MiB" in refusal(pack(LIST), max_bytes=10486)
    assert through(LIST, max_bytes=len(LIST)) == LIST
    assert "larger than" in refusal(LIST, max_bytes=len(LIST) - 1)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Not here</body></html>",
        b"\n\n  <HTML>\n" + b"x" * 10000,
        b"\xef\xbb\xbf<!-- page -->",
        b"<?xml version='1.0'?><Error>",
    ],
)
def test_a_web_page_is_no_list(body):
    assert "a web page, not a list" in refusal(body)
    assert "a web page, not a list" in refusal(pack(body))


def test_a_page_that_begins_with_text_is_told_by_its_type():
    body = b"Notice: undefined index\n<html><body>"
    assert "web page" in refusal(body, content_type="text/html; charset=utf-8")
    assert through(LIST, content_type="text/html") == LIST  # some servers call every text that


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "API rate limit exceeded"}', "is JSON"),
        (b"PK\x03\x04" + b"a" * 100, "a ZIP archive"),
        (b"\xfd7zXZ\0" + b"a" * 100, "an xz archive"),
        ("a.example\n".encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "binary"),
        (b"\x01\x02\x03\x04" * 2000, "binary"),
        (LIST * 10 + b"\0" + LIST, "binary"),
        (b"", "is empty"),
        (b"\n \r\n\t\n", "nothing but comments"),
        (b"# only\n! comments\n; here\n[Adblock Plus 2.0]\n", "nothing but comments"),
        (b"#" * 100_000, "nothing but comments"),
        (pack(b"", mtime=0), "is empty"),
    ],
)
def test_what_is_no_list_is_named(body, words):
    assert words in refusal(body)
    assert words in refusal(body, step=1)


def test_ten_megabytes_without_a_line_feed_pass_in_bounded_pieces():
    inspector = Inspector("gzip")
    line = Random(1).randbytes(5_100_000).hex().encode()
    pieces = [len(piece) for piece in inspector.feed(pack(line, 1))]
    assert sum(pieces) == len(line) > 10_000_000
    assert max(pieces) <= 256 * 1024


def test_a_rule_behind_a_long_comment_is_heard():
    body = b"# " + b"x" * 5000 + b"\n\n   \n  a.example\n"
    assert through(body, step=700) == body


@given(st.binary(max_size=3000), st.sampled_from(["", "gzip", "deflate"]))
def test_whatever_arrives_is_text_or_a_refusal(body, coding):
    try:
        text = through(body, coding=coding, step=97)
    except BadContent as problem:
        assert str(problem)  # noqa: PT017 - either outcome is right, an empty reason is not
    else:
        assert b"\0" not in text
