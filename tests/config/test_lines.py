from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.config.lines import line_of, lines_of

TEXT = '''# a comment with = and [brackets]
top = 1

[ server ] # the server
listen = [ # all of them
    "192.0.2.1",  # one, with a comma
    "a ] in = text", "second on the line",
    ["nested", 2],
]
port = 53
"quoted" = """
port = 99
[web]
"""
[lists]
block = ["one"]
server.inner = { a = 1, b = [2] }
literal = 'C:\\not = an [escape]'
[last]'''


def test_every_key_has_its_line():
    lines = lines_of(TEXT)
    assert lines["top"] == 2
    assert lines["server"] == 4
    assert lines["server.listen"] == 5
    assert lines["server.port"] == 10
    assert lines["server.quoted"] == 11
    assert lines["lists"] == 15
    assert lines["lists.server.inner"] == 17
    assert lines["lists.literal"] == 18
    assert lines["last"] == 19
    assert "web" not in lines


def test_every_item_of_a_list_has_its_line():
    lines = lines_of(TEXT)
    assert [lines[f"server.listen[{number}]"] for number in range(4)] == [6, 7, 7, 8]
    assert lines["lists.block[0]"] == 16
    assert "server.listen[4]" not in lines


def test_what_has_no_line_of_its_own_gets_that_of_what_is_around_it():
    lines = lines_of("[a]\nb = { c = 1 }\nd = [1]\n")
    assert line_of(lines, "a.b.c") == 2
    assert line_of(lines, "a.d[7]") == 3
    assert line_of(lines, "a.x") == 1
    assert line_of(lines, "unknown") == 1


@given(st.text())
def test_any_text_is_gone_through(text):
    assert all(1 <= line <= text.count("\n") + 1 for line in lines_of(text).values())


keys = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
values = st.sampled_from(
    ['"x"', "1", "true", '["a",\n  "b"]', '"""\nkey = 1\n"""', "{ q = 1 }", "[\n]", "'#'", '"a\\"b"']
)


@given(st.dictionaries(keys, st.dictionaries(keys, values, max_size=4), max_size=4), st.booleans())
def test_every_key_that_tomllib_sees_has_a_line_that_begins_with_it(document, blank):
    text = ""
    for section, content in document.items():
        text += f"[{section}]\n" + "\n" * blank
        text += "".join(f"{key} = {value} # {key}\n" for key, value in content.items())
    lines = lines_of(text)
    rows = text.split("\n")
    for section, content in tomllib.loads(text).items():
        assert rows[lines[section] - 1] == f"[{section}]"
        for key in content:
            assert rows[lines[f"{section}.{key}"] - 1].startswith(f"{key} = ")
