from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.machine import a_host, problems, reading, settled, warnings
from mirage_hole.config.load import find_file, load
from mirage_hole.config.raw import settings
from mirage_hole.config.read import read, report

FLAG, VARIABLE, OTHER_VARIABLE, FILE = "7001", "7002", "7003", "7004"


@pytest.mark.parametrize(
    ("flag", "variable", "other", "file", "port", "origin"),
    [
        (True, True, False, True, FLAG, "--port"),
        (True, False, False, False, FLAG, "--port"),
        (True, False, True, False, FLAG, "--port"),
        (True, False, False, True, FLAG, "--port"),
        (False, True, False, True, VARIABLE, "MIRAGE_HOLE_PORT"),
        (False, False, True, True, OTHER_VARIABLE, "MIRAGE_HOLE_SERVER__PORT"),
        (False, False, False, True, FILE, "DIR/config.toml:3"),
        (False, False, False, False, "53", "default"),
    ],
)
def test_flags_beat_variables_and_variables_beat_the_file(tmp_path, flag, variable, other, file, port, origin):
    environ = {}
    if variable:
        environ["MIRAGE_HOLE_PORT"] = VARIABLE
    if other:
        environ["MIRAGE_HOLE_SERVER__PORT"] = OTHER_VARIABLE
    toml = f"\n[server]\nport = {FILE}\n" if file else None
    result = reading(tmp_path, {"server.port": FLAG} if flag else {}, environ, toml)
    assert result.settled is not None
    assert {endpoint.port for endpoint in result.settled.listen} == {int(port)}
    assert str(result.loaded.origin("server.port")).replace(str(tmp_path), "DIR") == origin


def test_a_list_replaces_the_list_below_it(tmp_path):
    toml = '[lists]\nblock = ["one", "two"]\n'
    assert settled(tmp_path, toml=toml).blocklists == ("one", "two")
    assert settled(tmp_path, {"lists.block": ("three",)}, toml=toml).blocklists == ("three",)
    assert settled(tmp_path, {}, {"MIRAGE_HOLE_BLOCKLIST": "four"}, toml).blocklists == ("four",)


def test_a_list_may_be_written_as_a_single_text_in_the_file(tmp_path):
    assert settled(tmp_path, toml='[lists]\nblock = "one"\n').blocklists == ("one",)


@pytest.mark.parametrize("text", ["a b", "a,b", "a, b", " a\tb\n", "a,,b,"])
def test_items_of_a_list_in_a_variable_are_separated_by_spaces_or_commas(tmp_path, text):
    assert settled(tmp_path, {}, {"MIRAGE_HOLE_BLOCKLIST": text}).blocklists == ("a", "b")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)])
def test_a_variable_says_yes_or_no_in_every_usual_way(tmp_path, text, value):
    assert settled(tmp_path, {}, {"MIRAGE_HOLE_WEB_ANYWHERE": text}).web_anywhere is value


def test_choices_are_read_in_any_case(tmp_path):
    assert settled(tmp_path, {"log.level": "DEBUG"}, toml='[blocking]\nmode = "NXDOMAIN"').block_mode == "nxdomain"


def test_an_empty_variable_counts_as_not_set(tmp_path):
    environ = {"MIRAGE_HOLE_PORT": "", "MIRAGE_HOLE_BLOCKLIST": " ", "MIRAGE_HOLE_NONSENSE": ""}
    assert settled(tmp_path, {}, environ).listen[0].port == 53
    assert warnings(tmp_path, {}, environ) == []


def test_two_variables_for_one_setting_must_agree(tmp_path):
    both = {"MIRAGE_HOLE_PORT": "5353", "MIRAGE_HOLE_SERVER__PORT": "5353"}
    assert settled(tmp_path, {}, both).listen[0].port == 5353
    assert problems(tmp_path, {}, both | {"MIRAGE_HOLE_PORT": "53"}) == [
        "server.port = '5353' (MIRAGE_HOLE_SERVER__PORT): MIRAGE_HOLE_PORT sets the same setting to '53'; "
        "set only one of MIRAGE_HOLE_PORT and MIRAGE_HOLE_SERVER__PORT"
    ]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("MIRAGE_HOLE_UPSTREAMS", "MIRAGE_HOLE_UPSTREAM"),
        ("MIRAGE_HOLE_SERVER_PORT", "MIRAGE_HOLE_SERVER__PORT"),
        ("MIRAGE_HOLE_LISTS__BLOK", "MIRAGE_HOLE_LISTS__BLOCK"),
    ],
)
def test_an_unknown_variable_is_a_warning_that_names_the_nearest(tmp_path, name, near):
    assert warnings(tmp_path, {}, {name: "1"}) == [f"{name}: no such variable; write {near}"]


def test_an_unknown_variable_that_resembles_none_is_still_a_warning(tmp_path):
    assert "no such variable" in warnings(tmp_path, {}, {"MIRAGE_HOLE_Q": "1"})[0]


def test_other_peoples_variables_are_left_alone(tmp_path):
    assert warnings(tmp_path, {}, {"PORT": "x", "MIRAGE": "y", "_MIRAGE_HOLE_COMPLETE": "z"}) == []


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[server]\nprot = 53", "server.prot (DIR/config.toml:2): no such setting; write server.port"),
        ("[web]\nport = 53", "web.port (DIR/config.toml:2): no such setting; write server.port"),
        ("port = 53", "port (DIR/config.toml:1): no such section; write server.port"),
        ("\n[servr]\nport = 53", "servr (DIR/config.toml:2): no such section; write [server]"),
        ("[[server]]\nport = 53", "write [server] on a line of its own"),
        (
            "server = 53",
            "server = 53 (DIR/config.toml:1): a section, not a setting; write [server] on a line of its own",
        ),
        (
            "[server]\nworkers = '2'",
            "server.workers = '2' (DIR/config.toml:2): expected a whole number, got text; write a number from 1 to 64",
        ),
        (
            "[server]\nworkers = true",
            "server.workers = true (DIR/config.toml:2): expected a whole number, got true or false",
        ),
        ("[server]\nlisten = [\n'::',\n53]", "expected text, got a whole number"),
        ("[server]\nlisten = 1979-05-27", "server.listen = datetime.date(1979, 5, 27)"),
        ("[web]\nanywhere = 'yes'", "web.anywhere = 'yes' (DIR/config.toml:2): expected true or false, got text"),
        ("[blocking]\nmode = 'drop'", "no such choice; write null, nxdomain, nodata, refused or ip"),
        (
            "[cache.size]\nx = 1",
            "cache.size = {'x': 1} (DIR/config.toml:1): expected a whole number or text, got a table",
        ),
    ],
)
def test_what_does_not_belong_in_the_file_is_named_with_its_line_and_what_to_write(tmp_path, toml, problem):
    found = problems(tmp_path, toml=toml)
    assert len(found) == 1
    assert problem in found[0]


def test_a_key_that_resembles_nothing_still_gets_advice(tmp_path):
    (found,) = problems(tmp_path, toml="[server]\nqqqqqq = 1")
    assert "write one of server, web, lists" in found


def test_text_for_a_number_is_taken_from_flags_and_variables(tmp_path):
    assert settled(tmp_path, {"server.workers": "2"}).workers == 2
    assert problems(tmp_path, {"server.workers": "two"}) == [
        "server.workers = 'two' (--workers): expected a whole number, got text; write a number from 1 to 64"
    ]


def test_too_long_a_list_is_refused(tmp_path):
    (found,) = problems(tmp_path, {}, {"MIRAGE_HOLE_BLOCKLIST": "x " * 1001})
    assert "1001 items are too many" in found


def test_broken_toml_is_reported_with_its_line(tmp_path):
    (found,) = problems(tmp_path, toml="[server]\nport = 53\nlisten = [\n'x'\n")
    assert found.startswith("DIR/config.toml:")
    assert "not valid TOML" in found
    assert problems(tmp_path, toml="[server]\nport = \n")[0].startswith(
        "DIR/config.toml:2: not valid TOML: invalid value"
    )


def test_a_table_written_twice_is_named_as_it_was_written(tmp_path):
    twice = "[server]\nport = 53\n[server]\nport = 54\n"
    assert problems(tmp_path, toml=twice) == [
        "DIR/config.toml:3: not valid TOML: cannot declare server twice; correct the line"
    ]
    (found,) = problems(tmp_path, toml="[a.b]\n[a.b]\n")
    assert "cannot declare a.b twice" in found


def test_toml_that_nests_without_end_is_refused(tmp_path):
    (found,) = problems(tmp_path, toml="a = " + "[" * 100_000)
    assert "DIR/config.toml" in found


def test_a_file_that_is_not_utf8_is_reported_with_the_line(tmp_path):
    (found,) = problems(tmp_path, toml=b"[server]\n# caf\xe9\nport = 53\n")
    assert found == "DIR/config.toml:2 (--config): not UTF-8; save the file in the encoding UTF-8"


def test_a_byte_order_mark_does_no_harm(tmp_path):
    assert settled(tmp_path, toml=b"\xef\xbb\xbf[server]\nport = 5353\n").listen[0].port == 5353


def test_a_file_of_more_than_1_mib_is_no_configuration(tmp_path):
    (found,) = problems(tmp_path, toml="#" * (1024 * 1024 + 1))
    assert "larger than 1 MiB" in found


def test_a_named_file_that_is_not_there_is_a_problem(tmp_path):
    host = a_host(tmp_path)
    (by_flag,) = load({}, {}, host, str(tmp_path / "none.toml")).problems
    assert "no such file; give the path of a file that exists with --config" in str(by_flag)
    (by_variable,) = load({}, {"MIRAGE_HOLE_CONFIG": str(tmp_path / "none.toml")}, host).problems
    assert "(MIRAGE_HOLE_CONFIG): no such file" in str(by_variable)


def test_a_directory_is_no_file(tmp_path):
    (found,) = load({}, {}, a_host(tmp_path), str(tmp_path)).problems
    assert f"a directory, not a file; write {tmp_path}/config.toml" in str(found)


def test_an_unreadable_file_is_a_problem_and_not_passed_over(tmp_path, monkeypatch):
    host = a_host(tmp_path)
    host.system_config.parent.mkdir(parents=True)
    host.system_config.write_text("[server]\nport = 5353\n")
    # Root reads everything, and tests may run as root, so the refusal is made here.
    original = Path.open

    def refuse(self, *args, **kwargs):
        if self == host.system_config:
            raise PermissionError(13, os.strerror(13), str(self))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    (found,) = load({}, {}, host).problems
    assert f"not readable for this user; let it be read: chmod a+r {host.system_config}" in str(found)


def test_other_failures_to_read_are_told_in_the_systems_words(tmp_path, monkeypatch):
    def fail(self, *args, **kwargs):
        raise OSError(5, "Input/output error")

    host = a_host(tmp_path)
    monkeypatch.setattr(Path, "open", fail)
    (found,) = load({}, {}, host, str(tmp_path / "c.toml")).problems
    assert "can't be read: Input/output error" in str(found)


class TestWhichFile:
    def test_the_flag_beats_the_variable(self, tmp_path):
        path, origin = find_file({"MIRAGE_HOLE_CONFIG": "/b"}, a_host(tmp_path), "/a")
        assert (str(path), str(origin)) == ("/a", "--config")

    def test_the_variable_beats_the_usual_places(self, tmp_path):
        host = a_host(tmp_path)
        _make(host.system_config)
        path, origin = find_file({"MIRAGE_HOLE_CONFIG": "/b"}, host, None)
        assert (str(path), str(origin)) == ("/b", "MIRAGE_HOLE_CONFIG")

    def test_the_users_file_beats_the_systems(self, tmp_path):
        host = a_host(tmp_path)
        _make(host.system_config)
        assert find_file({}, host, None)[0] == host.system_config
        of_user = _make(host.home / ".config/mirage-hole/config.toml")
        assert find_file({}, host, None)[0] == of_user
        of_xdg = _make(tmp_path / "xdg/mirage-hole/config.toml")
        assert find_file({"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, host, None)[0] == of_xdg

    def test_a_relative_xdg_directory_is_ignored_as_its_specification_says(self, tmp_path):
        host = a_host(tmp_path)
        of_user = _make(host.home / ".config/mirage-hole/config.toml")
        assert find_file({"XDG_CONFIG_HOME": "xdg"}, host, None)[0] == of_user

    def test_without_any_file_there_is_none(self, tmp_path):
        assert find_file({}, a_host(tmp_path), None)[0] is None
        assert reading(tmp_path).settled.config_file is None


def _make(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


toml_values = st.recursive(
    st.one_of(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.text(max_size=20), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@given(
    section=st.sampled_from(["server", "web", "lists", "upstream", "cache", "blocking", "log"]),
    key=st.sampled_from(
        ["listen", "port", "user", "anywhere", "block", "servers", "timeout", "size", "mode", "ttl", "level"]
    ),
    value=toml_values,
    text=st.text(max_size=30),
)
def test_any_value_settles_or_is_a_problem(tmp_path_factory, section, key, value, text):
    folder = tmp_path_factory.mktemp("any")
    path = folder / "config.toml"
    # A JSON value is a TOML value but for objects and a few characters; what is no TOML is a fine test as well.
    path.write_text(f"[{section}]\n{key} = {json.dumps(value)}\n", "utf-8", "replace")
    environ = {"MIRAGE_HOLE_UPSTREAM": text.replace("\0", ""), "MIRAGE_HOLE_LISTEN": text.replace("\0", "")}
    result = reading(folder, {f"{section}.{key}": text} if f"{section}.{key}" in settings() else {}, environ)
    assert (result.settled is None) == bool(result.loaded.problems)
    second = read({}, {}, a_host(folder), str(path))
    assert (second.settled is None) == bool(second.loaded.problems)
    assert report(second.loaded).count("\n") == len(second.loaded.problems)
