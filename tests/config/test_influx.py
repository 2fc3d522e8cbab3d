"""Where metrics are pushed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mirage_hole.config.settled import InfluxSettings
from tests.config.machine import problems, settled

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://192.168.1.3:8086/api/v2/write?org=home&bucket=dns"


def test_nothing_is_pushed_unless_somebody_says_where(tmp_path: Path) -> None:
    assert settled(tmp_path).influx == InfluxSettings()


def test_every_setting_arrives(tmp_path: Path) -> None:
    toml = f'[influx]\nurl = "{URL}"\ntoken_file = "/etc/token"\nevery = "30s"\n'
    assert settled(tmp_path, toml=toml).influx == InfluxSettings(URL, "/etc/token", 30.0)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("influx.url", "192.168.1.3:8086", "no address"),
        ("influx.url", "http://192.168.1.3:8086", "does not say where to write"),
        ("influx.url", "http://me:secret@192.168.1.3/write", "a password in an address"),
        ("influx.url", "http://192.168.1.3/write?db=x&u=me&p=secret", "a password in an address"),
        ("influx.every", "0.1s", "not from 1s to 1d"),
        ("influx.every", "2d", "not from 1s to 1d"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, path: str, value: str, said: str) -> None:
    found = problems(tmp_path, {path: value})
    assert len(found) == 1
    assert said in found[0]
    assert "secret" not in found[0]
