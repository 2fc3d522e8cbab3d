from __future__ import annotations

from pathlib import Path

import pytest

from config.machine import a_host, problems, reading, settled, warnings
from mirage_hole.config.read import read


class TestSources:
    def test_urls_and_catalogue_names_stay_as_they_are(self, tmp_path):
        written = ("https://example.org/a,b.txt?x=1", "HTTP://127.0.0.1:8000/l", "starter", "oisd-small")
        assert settled(tmp_path, {"lists.block": written}).blocklists == written

    def test_a_file_in_the_configuration_file_is_relative_to_it(self, tmp_path, monkeypatch):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        found = settled(tmp_path, toml="[lists]\nblock = ['mine.txt', './hosts', 'sub/x', '/abs/y']").blocklists
        assert [Path(source) for source in found] == [
            tmp_path / "mine.txt",
            tmp_path / "hosts",
            tmp_path / "sub/x",
            Path("/abs/y"),
        ]

    def test_the_configuration_file_itself_may_be_named_relatively(self, tmp_path, monkeypatch):
        (tmp_path / "c.toml").write_text("[lists]\nblock = 'mine.txt'")
        monkeypatch.chdir(tmp_path)
        result = read({}, {}, a_host(tmp_path), "c.toml")
        assert result.settled.blocklists == (str(tmp_path / "mine.txt"),)

    def test_a_file_in_a_flag_or_variable_is_relative_to_the_current_directory(self, tmp_path, monkeypatch):
        here = tmp_path / "here"
        here.mkdir()
        monkeypatch.chdir(here)
        toml = "[lists]\nblock = 'unused'"
        assert settled(tmp_path, {"lists.block": ("./mine",)}, {}, toml).blocklists == (str(here / "mine"),)
        assert settled(tmp_path, {}, {"MIRAGE_HOLE_ALLOWLIST": "a.txt"}, toml).allowlists == (str(here / "a.txt"),)

    def test_what_may_be_a_misspelt_name_or_a_url_without_its_scheme_stays_as_it_is(self, tmp_path):
        written = ("oisd.small", "example.org/hosts.txt", "example.org/list", "file:///etc/hosts")
        assert settled(tmp_path, {"lists.block": written}).blocklists == written

    def test_unless_there_is_such_a_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "oisd.small").touch()
        assert settled(tmp_path, {"lists.block": ("oisd.small",)}).blocklists == (str(tmp_path / "oisd.small"),)

    def test_a_home_directory_is_filled_in(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert settled(tmp_path, {"lists.block": ("~/x.txt",)}).blocklists == (str(tmp_path / "x.txt"),)

    def test_a_source_is_taken_once(self, tmp_path):
        assert settled(tmp_path, {"lists.block": ("starter", "starter")}).blocklists == ("starter",)

    def test_no_block_list_at_all_is_fine(self, tmp_path):
        assert settled(tmp_path, toml="[lists]\nblock = []").blocklists == ()

    @pytest.mark.parametrize(
        ("source", "advice"),
        [
            ("ftp://example.org/x", "write https://… or http://…"),
            ("https://", "write https://… or http://…"),
            ("https:///path", "write https://… or http://…"),
            ("https://exa mple/x", "write https://… or http://…"),
            ("", "write a URL, a file, or a name from the catalogue"),
            ("a\nb", "not printable"),
            ("x" * 2049, "too long"),
        ],
    )
    def test_what_can_be_no_source_is_refused(self, tmp_path, source, advice):
        (found,) = problems(tmp_path, {"lists.block": (source,)})
        assert advice in found

    def test_too_many_are_refused(self, tmp_path):
        (found,) = problems(tmp_path, {"lists.block": tuple(f"l{number}" for number in range(201))})
        assert "201 lists are too many" in found


class TestStateDirectory:
    @pytest.mark.parametrize(
        ("environ", "is_root", "directory", "origin"),
        [
            ({"STATE_DIRECTORY": "/s", "XDG_STATE_HOME": "/x"}, True, "/s", "default, $STATE_DIRECTORY"),
            ({"STATE_DIRECTORY": "/s:/t"}, False, "/s", "default, $STATE_DIRECTORY"),
            ({"XDG_STATE_HOME": "/x"}, True, "/x/mirage-hole", "default, $XDG_STATE_HOME"),
            ({"XDG_STATE_HOME": "x"}, True, "/var/lib/mirage-hole", "default"),
            ({}, True, "/var/lib/mirage-hole", "default"),
            ({}, False, "DIR/home/.local/state/mirage-hole", "default"),
        ],
    )
    def test_the_default_follows_systemd_then_xdg_then_custom(self, tmp_path, environ, is_root, directory, origin):
        result = reading(tmp_path, {}, environ, is_root=is_root)
        assert str(result.settled.state_directory).replace(str(tmp_path), "DIR") == directory
        assert str(result.loaded.origin("server.state_directory")) == origin

    def test_what_is_written_beats_it_and_is_made_absolute(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        found = settled(tmp_path, {"server.state_directory": "state"}, {"STATE_DIRECTORY": "/s"})
        assert found.state_directory == tmp_path / "state"

    def test_a_file_is_no_directory(self, tmp_path):
        (tmp_path / "file").touch()
        (found,) = problems(tmp_path, {"server.state_directory": str(tmp_path / "file")})
        assert "a file, not a directory" in found


class TestUser:
    @pytest.mark.parametrize("user", ["dns", "nobody", "root"])
    def test_root_may_become_anyone_there_is_or_stay(self, tmp_path, user):
        host = {"is_root": True, "user_name": "root", "user_exists": lambda name: name in {"dns", "nobody", "root"}}
        assert settled(tmp_path, {"server.user": user}, **host).user == user

    def test_nobody_else_may_and_is_told_so(self, tmp_path):
        (found,) = warnings(tmp_path, {"server.user": "dns"})
        assert "has no effect: only root can become another user; start as root" in found
        assert settled(tmp_path, {"server.user": "dns"}).user is None

    def test_without_the_setting_the_choice_is_left_open(self, tmp_path):
        assert settled(tmp_path, is_root=True).user is None

    def test_a_user_that_is_not_there_is_a_problem(self, tmp_path):
        (found,) = problems(tmp_path, {"server.user": "dsn"}, is_root=True)
        assert "no such user on this machine" in found
        assert "useradd --system dsn" in found
