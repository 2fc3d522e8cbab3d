from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.line import MAX_LINE, split_lines


@given(st.binary(max_size=300), st.integers(1, 40))
def test_however_the_text_is_chunked_its_lines_are_the_same(text, size):
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    expected = text.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert list(split_lines(chunks)) == expected


def test_a_long_line_is_cut_where_the_parser_still_sees_that_it_is_too_long():
    text = b"short\n" + b"x" * (3 * MAX_LINE) + b"\nlast"
    for size in (1000, MAX_LINE, 100_000):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert list(split_lines(chunks)) == [b"short", b"x" * (MAX_LINE + 1), b"last"]


def test_a_stream_without_a_line_feed_needs_no_memory():
    tracemalloc.start()
    try:
        lines = list(split_lines(b"x" * 65_536 for _ in range(500)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [len(line) for line in lines] == [MAX_LINE + 1]
    assert peak < 1_000_000
