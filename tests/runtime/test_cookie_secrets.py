"""The secrets of cookies: kept over a restart, rolled in time, and no reason to stop."""

from __future__ import annotations

import os
import stat

import pytest

from mirage_hole.runtime.cookie_secrets import NAME, ROLLED_EVERY, CookieSecrets


class Workers:
    def __init__(self) -> None:
        self.told: list[list[bytes]] = []

    def use_cookie_secrets(self, secrets) -> None:
        self.told.append(list(secrets))


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def workers():
    return Workers()


@pytest.fixture
def clock():
    return Clock()


def start(tmp_path, workers, clock) -> CookieSecrets:
    found = CookieSecrets(tmp_path, workers, clock)
    found.start()
    if (tmp_path / NAME).exists():
        os.utime(tmp_path / NAME, (clock.now, clock.now))
    return found


def test_the_first_start_makes_one_that_only_the_owner_may_read(tmp_path, workers, clock):
    start(tmp_path, workers, clock)
    ((secret,),) = workers.told
    assert len(secret) == 16
    assert (tmp_path / NAME).read_text() == f"{secret.hex()}\n"
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_a_restart_goes_on_with_it(tmp_path, workers, clock):
    start(tmp_path, workers, clock)
    start(tmp_path, workers, clock)
    first, second = workers.told
    assert first == second


def test_after_a_day_there_is_a_new_one_and_the_old_is_still_believed(tmp_path, workers, clock):
    """RFC 9018 section 5."""
    kept = start(tmp_path, workers, clock)
    for _ in range(3):
        clock.now += ROLLED_EVERY - 1
        assert not kept.roll_when_due()
        clock.now += 1
        assert kept.roll_when_due()
    assert [len(told) for told in workers.told] == [1, 2, 2, 2]
    assert all(after[1] == before[0] != after[0] for before, after in zip(workers.told, workers.told[1:], strict=False))
    assert (tmp_path / NAME).read_text().split() == [secret.hex() for secret in workers.told[-1]]


def test_a_restart_after_a_day_rolls_too(tmp_path, workers, clock):
    start(tmp_path, workers, clock)
    clock.now += 2 * ROLLED_EVERY
    start(tmp_path, workers, clock)
    assert workers.told[1][1:] == workers.told[0]


def test_a_clock_that_was_put_back_rolls_them(tmp_path, workers, clock):
    kept = start(tmp_path, workers, clock)
    clock.now -= 1000
    assert kept.roll_when_due()


@pytest.mark.parametrize("content", [b"", b"not hexadecimal\n", b"abcd\n", b"\xff" * 16, b"00" * 2000])
def test_a_file_that_can_not_be_used_is_made_anew_and_said(tmp_path, workers, clock, caplog, content):
    (tmp_path / NAME).write_bytes(content)
    start(tmp_path, workers, clock)
    assert len(workers.told[0]) == 1
    assert "can't be used" in caplog.text
    assert (tmp_path / NAME).read_text() == f"{workers.told[0][0].hex()}\n"


def test_without_a_place_to_write_cookies_are_made_all_the_same(tmp_path, workers, clock, caplog):
    start(tmp_path / "gone", workers, clock)
    assert len(workers.told[0]) == 1
    assert "cookies are made all the same" in caplog.text
    assert workers.told[0][0].hex() not in caplog.text
