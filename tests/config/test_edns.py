"""The settings of EDNS options."""

from __future__ import annotations

import pytest

from config.machine import problems, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.config.settled import EdnsSettings
from mirage_hole.runtime.plan import worker_settings
from mirage_hole.runtime.worker_settings import WorkerSettings


def test_without_a_word_there_are_cookies_and_padding_and_no_name(tmp_path):
    assert settled(tmp_path).edns == EdnsSettings(cookies=True, nsid="", padding=468)


def test_workers_are_told_what_is_written(tmp_path):
    toml = '[edns]\ncookies = false\nnsid = " dns1.lan "\npadding = 128\n'
    result = settled(tmp_path, toml=toml)
    assert settled(tmp_path, toml=as_toml(result)).edns == result.edns
    told = worker_settings(result)
    assert (told.cookies, told.nsid, told.padding) == (False, "dns1.lan", 128)
    assert WorkerSettings.from_json(told.to_json()) == told


def test_a_secret_is_not_shown_where_settings_are(tmp_path):
    told = WorkerSettings.from_json(worker_settings(settled(tmp_path)).to_json())
    assert "cookie_secrets" not in repr(told)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (f'nsid = "{"n" * 65}"', "65 characters are too many"),
        ('nsid = "küche"', "not all of it can be printed as ASCII"),
        ('nsid = "a\\u0007"', "not all of it can be printed as ASCII"),
        ("padding = -1", "out of range"),
        ("padding = 4097", "out of range"),
    ],
)
def test_what_can_not_be_sent_is_a_problem(tmp_path, written, what):
    (problem,) = problems(tmp_path, toml=f"[edns]\n{written}\n")
    assert what in problem
    assert "write" in problem
