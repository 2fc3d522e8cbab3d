"""upstream.ecs: what is told of clients is strip, forward or a network that is not too exact."""

from __future__ import annotations

import pytest

from config.machine import problems, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.runtime.plan import worker_settings
from mirage_hole.runtime.worker_settings import WorkerSettings


def test_without_a_word_nothing_is_told(tmp_path):
    assert settled(tmp_path).ecs == "strip"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Forward", "forward"),
        (" strip ", "strip"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("198.51.0.0/16", "198.51.0.0/16"),
        ("2001:DB8:0::/48", "2001:db8::/48"),
        ("2001:db8:0:ff00::/56", "2001:db8:0:ff00::/56"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_it_is_read_written_back_and_told_to_workers(tmp_path, written, meant):
    result = settled(tmp_path, toml=f'[upstream]\necs = "{written}"\n')
    assert result.ecs == meant
    assert settled(tmp_path, toml=as_toml(result)).ecs == meant
    assert WorkerSettings.from_json(worker_settings(result).to_json()).ecs == meant


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "neither strip, forward nor a network"),
        ("yes", "neither strip, forward nor a network"),
        ("203.0.113.0/33", "neither strip, forward nor a network"),
        ("203.0.113.7", "write 203.0.113.0/24"),
        ("203.0.113.128/25", "write 203.0.113.0/24"),
        ("2001:db8::/57", "write 2001:db8::/56"),
        ("203.0.113.7/24", "write 203.0.113.0/24"),
        ("192.168.1.0/24", "a private network"),
        ("fd00::/48", "a private network"),
    ],
)
def test_what_makes_no_sense_is_told_with_what_to_write(tmp_path, written, told):
    text = str(problems(tmp_path, toml=f'[upstream]\necs = "{written}"\n'))
    assert "upstream.ecs" in text
    assert told in text
