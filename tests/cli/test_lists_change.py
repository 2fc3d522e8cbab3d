"""Which lists are used: in the files while no server runs. With one: tests/live/test_control.py."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from mirage_hole.cli.list_events import follow

ONE, TWO = "https://one.example/list.txt", "https://two.example/list.txt"


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


@pytest.fixture
def lists(mirage_hole, state, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(f'[lists]\nblock = ["{ONE}"]\nfile_folders = ["{tmp_path}"]\n')

    def run(command, *arguments):
        return mirage_hole("lists", command, *arguments, "--state", str(state), "--config", str(config))

    return run


def rows(lists):
    return {one["title"]: one for one in json.loads(lists("list", "--json").out)["lists"]}


def test_a_list_that_is_added_counts_from_the_next_start(lists):
    ran = lists("add", TWO, "--title", "Two", "--format", "hosts")
    assert (ran.code, ran.out) == (0, "Two: added\n")
    assert "next start" in ran.err
    assert rows(lists)["Two"]["added"]
    assert not rows(lists)["one.example/list.txt"]["added"]
    assert "already" in lists("add", TWO).out


def test_a_path_is_kept_whole_wherever_the_command_was_given(lists, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("ads.example\n")
    monkeypatch.chdir(tmp_path)
    assert lists("add", "mine.txt", "--allow").code == 0
    mine = rows(lists)["mine.txt"]
    assert (mine["source"], mine["kind"], mine["state"]) == (str(tmp_path / "mine.txt"), "allow", "stored")


def test_lists_go_by_any_part_that_only_they_have(lists):
    lists("add", TWO, "--title", "Second")
    assert lists("disable", "second", "ONE.example").code == 0
    assert [one["state"] for one in rows(lists).values()] == ["off", "off"]
    assert lists("enable", "two.ex").code == 0
    assert rows(lists)["Second"]["enabled"]
    ran = lists("disable", "list.txt")
    assert ran.code == 2
    assert "may be" in ran.err


def test_lists_that_are_called_the_same_are_told_apart_by_their_sources(lists):
    lists("add", TWO, "--title", "Same")
    lists("add", "https://three.example/list.txt", "--title", "Same")
    ran = lists("disable", "same")
    assert ran.code == 2
    assert f"may be '{TWO}', 'https://three.example/list.txt'; write one of these" in ran.err
    assert lists("disable", TWO).code == 0


def test_a_list_that_means_nothing_any_more_is_shown_and_removed(lists, state):
    lists("add", "oisd-small")
    with closing(sqlite3.connect(state / "state.db")) as connection, connection:
        for column in ("source", "name"):
            connection.execute(f"UPDATE lists SET {column} = replace({column}, 'oisd-small', 'oisd-tiny')")
    ran = lists("list")
    assert "missing" in ran.out
    assert "mirage-hole lists remove oisd-tiny" in ran.out
    assert lists("remove", "oisd-tiny").code == 0
    assert "oisd" not in lists("list").out


def test_a_configured_list_is_not_called_otherwise_by_adding_it(lists):
    ran = lists("add", ONE, "--title", "Mine")
    assert ran.code == 1
    assert "[[list]] table" in ran.err
    ran = lists("add", ONE)
    assert (ran.code, "already" in ran.out) == (0, True)


def test_what_means_no_list_is_told_all_at_once(lists):
    ran = lists("disable", "nothing", "one.exmaple/list.txt")
    assert ran.code == 2
    assert "'nothing'" in ran.err
    assert "write 'one.example/list.txt'" in ran.err


def test_what_was_added_is_removed_and_what_is_configured_is_not(lists, tmp_path):
    lists("add", TWO)
    assert lists("remove", "two").code == 0
    assert list(rows(lists)) == ["one.example/list.txt"]
    ran = lists("remove", "one")
    assert ran.code == 1
    assert f"{tmp_path / 'config.toml'} line 2" in ran.err
    assert "lists disable" in ran.err


@pytest.mark.parametrize(
    ("source", "told"),
    [("no-such-list", "catalogue"), ("/etc/passwd", "lists.file_folders"), ("ftp://x.example/a", "not supported")],
)
def test_what_can_be_no_list_is_refused(lists, source, told):
    ran = lists("add", source)
    assert ran.code != 0
    assert told in ran.err
    assert len(rows(lists)) == 1


def test_a_list_of_the_catalogue_is_what_it_is_made_for(lists):
    assert lists("add", "oisd-small", "--allow").code == 0
    assert [one["kind"] for one in rows(lists).values()] == ["block", "block"]


def test_a_state_directory_that_is_not_there_is_told(mirage_hole, tmp_path):
    ran = mirage_hole("lists", "add", TWO, "--state", str(tmp_path / "nowhere"))
    assert ran.code == 1
    assert "start the server once" in ran.err


@pytest.mark.parametrize("command", [("update",), ("update", "one"), ("confirm", "one")])
def test_without_a_server_nothing_is_downloaded(lists, command):
    ran = lists(*command)
    assert ran.code == 1
    assert "no server runs" in ran.err


def test_the_table_says_where_lists_come_from(lists):
    lists("add", TWO)
    lists("disable", "one")
    out = lists("list").out
    assert "configuration" in out
    assert "added" in out
    assert "off" in out
    assert "new" in out


def test_the_answer_is_json_on_request(lists):
    said = json.loads(lists("add", TWO, "--json").out)
    assert said["lists"][0] | {"key": "", "status": None} == {
        "title": "two.example/list.txt",
        "source": TWO,
        "key": "",
        "changed": True,
        "server": False,
        "status": None,
    }


def test_secrets_in_addresses_are_not_shown(lists):
    lists("add", "https://me:secret@three.example/list.txt?token=abc")
    ran = lists("list")
    assert "secret" not in ran.out
    assert "abc" not in ran.out


def test_misspelt_commands_are_told(mirage_hole):
    assert "write remove" in mirage_hole("lists", "remvoe", "x").err


def event(kind, key="k", **more):
    return {"event": kind, "key": key, "title": "Ads", "received": 0, "total": None, "error": "", **more}


DONE = {"event": "done", "in_time": True, "error": "", "lists": []}


def test_each_list_ends_in_a_line(capsys):
    events = [
        event("started"),
        event("receiving"),
        {"event": "working"},
        event("updated"),
        event("failed", "j", title="More\x1b[2J", error="no way"),
    ]
    outcome = follow([*events, event("compiling", ""), event("compiled", ""), DONE], 2, quiet=False)
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "Ads: updated"
    assert "failed: no way" in out
    assert "\x1b" not in out
    assert outcome.ends == {"k": "updated", "j": "failed"}
    assert not outcome.ok


@pytest.mark.parametrize(
    ("events", "ok"),
    [
        ([event("unchanged"), DONE], True),
        ([event("held"), DONE], False),
        ([event("updated"), {**DONE, "error": "the disk is full"}], False),
        ([event("updated"), {**DONE, "in_time": False}], False),
        ([event("updated"), {**DONE, "served": False}], False),
        ([event("updated")], False),
    ],
)
def test_an_update_is_good_when_everything_that_came_is_used(events, ok):
    assert follow(events, 1, quiet=True).ok is ok
