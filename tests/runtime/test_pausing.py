from __future__ import annotations

import pytest

from mirage_hole.runtime.pausing import Pause

WALL, NOW = 1_700_000_000.0, 500.0


@pytest.fixture
def pause() -> Pause:
    """Ten minutes."""
    found = Pause()
    assert found.begin(WALL + 600, WALL, NOW) == NOW + 600
    return found


def test_while_clocks_agree_nothing_changes(pause):
    for passed in (0, 1, 300, 599, 600, 700):
        assert pause.shortened(WALL + passed, NOW + passed) is None


@pytest.mark.parametrize("drift", [-1.5, 0.2, 1.5])
def test_a_clock_that_is_corrected_a_little_changes_nothing(pause, drift):
    assert pause.shortened(WALL + 60 + drift, NOW + 60) is None


def test_a_machine_that_slept_ends_it_at_its_time_of_day(pause):
    assert pause.shortened(WALL + 400, NOW + 10) == NOW + 210
    assert pause.shortened(WALL + 401, NOW + 11) is None


def test_a_clock_that_is_put_forward_for_years_ends_it_now(pause):
    """As on a machine without a battery clock, when it learns the time."""
    ends_at = pause.shortened(WALL + 3e7, NOW + 1)
    assert ends_at is not None
    assert ends_at < NOW + 1


def test_a_clock_that_is_put_back_makes_it_no_longer(pause):
    assert pause.shortened(WALL - 3e7, NOW + 1) is None
    assert pause.shortened(WALL - 3e7 + 599, NOW + 600) is None


def test_a_clock_that_is_put_back_and_corrected_is_as_it_was(pause):
    assert pause.shortened(WALL - 3600, NOW + 1) is None
    assert pause.shortened(WALL + 2, NOW + 2) is None


def test_without_a_pause_there_is_nothing_to_end():
    pause = Pause()
    assert pause.shortened(WALL + 9e9, NOW) is None
    assert pause.begin(None, WALL, NOW) is None
    assert pause.shortened(WALL + 9e9, NOW) is None
