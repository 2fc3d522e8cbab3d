"""The names that are blocked and asked."""

from __future__ import annotations

import pytest

from bench import names
from mirage_hole.wire.names import from_text


@pytest.fixture
def no_lists(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRAGE_HOLE_SHARED", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("no_lists")
def test_without_published_lists_every_name_is_generated_and_the_same_each_time():
    first, second = names.gather(500), names.gather(500)
    assert first == second
    assert len(set(first.blocked)) == 500
    assert first.real == 0
    assert all(from_text(name) for name in first.blocked)


def test_names_of_all_three_formats_are_taken_and_the_rest_is_filled_up(no_lists):
    for folder, text in {
        "hosts": "# 0.0.0.0 comment.example.com\n0.0.0.0 One.example.com two.example.com\n127.0.0.1 localhost\n",
        "domains": "three.example.com\n-bad-.example.com\n1.2.3.4\n",
        "adblock": "||four.example.com^\n||five.example.com^$third-party\n! ||six.example.com^\n",
    }.items():
        (no_lists / "lists" / folder).mkdir(parents=True)
        (no_lists / "lists" / folder / "list.txt").write_text(text)
    found = names.gather(10)
    assert found.real == 4
    assert {f"{number}.example.com" for number in ("one", "two", "three", "four")} < set(found.blocked)
    assert len(found.blocked) == 10


@pytest.mark.usefixtures("no_lists")
def test_the_shares_of_all_rounds_are_the_whole_list_once():
    blocked = names.gather(100)
    shares = [name for part in range(3) for name in blocked.fresh(part, 3)]
    assert sorted(shares) == list(blocked.blocked)


@pytest.mark.usefixtures("no_lists")
def test_questions_that_are_forwarded_are_never_blocked_and_never_repeat_between_rounds():
    blocked = set(names.gather(1000).blocked)
    first, second = set(names.never_seen("r0", 100)), set(names.never_seen("r1", 100))
    assert not first & second
    assert not blocked & (first | second | set(names.cached_names()))
