"""The settings of the query log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mirage_hole.config.settled import QueryLogSettings
from tests.config.machine import problems, settled

if TYPE_CHECKING:
    from pathlib import Path


def test_queries_are_logged_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    assert settled(tmp_path).query_log == QueryLogSettings()


def test_every_setting_arrives(tmp_path: Path) -> None:
    toml = """
[query_log]
enabled = false
keep = "7d"
keep_blocked = "14d"
size = "100MiB"
profile = "sd-card"
privacy = "hide-clients"
exclude = ["192.168.1.20", "fd00::/8"]
"""
    assert settled(tmp_path, toml=toml).query_log == QueryLogSettings(
        False, 7, 14, 100 * 1024**2, "sd-card", "hide-clients", ("192.168.1.20/32", "fd00::/8")
    )


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("query_log.keep", "36h", "no whole number of days"),
        ("query_log.keep", "0d", "not from"),
        ("query_log.keep_blocked", "4000d", "not from"),
        ("query_log.size", "1M", "less than 16MiB"),
        ("query_log.size", "2TiB", "more than 1TiB"),
        ("query_log.privacy", "some", "full"),
        ("query_log.profile", "fast", "sd-card"),
        ("query_log.exclude", "nobody", "not"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, path: str, value: str, said: str) -> None:
    found = problems(tmp_path, {path: (value,) if path.endswith("exclude") else value})
    assert len(found) == 1
    assert path in found[0]
    assert said in found[0]
