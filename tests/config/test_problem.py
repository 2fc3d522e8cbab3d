from __future__ import annotations

from mirage_hole.config.problem import Origin, Problem, shown


def test_a_problem_is_one_line_with_setting_value_origin_and_what_to_write():
    problem = Problem("server.port", 70000, "not a port", "write a number", Origin("file", "/etc/c.toml:4"))
    assert str(problem) == "server.port = 70000 (/etc/c.toml:4): not a port; write a number"


def test_what_is_missing_is_left_out():
    assert str(Problem("x.toml:3", None, "not UTF-8", "", Origin("file", ""))) == "x.toml:3: not UTF-8"
    assert str(Problem("web.listen", "x", "bad", "write y")) == "web.listen = 'x' (default): bad; write y"
    assert str(Problem("VAR", None, "unknown", "write Y", Origin("environment", "VAR"))) == "VAR: unknown; write Y"


def test_a_value_is_shown_short_printable_and_on_one_line():
    assert shown("a\nb\x1b[31m") == r"'a\nb\x1b[31m'"
    assert len(shown("x" * 10_000)) == 120
    assert shown(("a", "b")) == "['a', 'b']"
    assert shown(True) == "true"


def test_an_origin_says_where_to_look():
    assert str(Origin("flag", "--port")) == "--port"
    assert str(Origin("default")) == "default"
    assert str(Origin("default", "/etc/resolv.conf")) == "default, /etc/resolv.conf"
