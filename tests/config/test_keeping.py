"""How long statistics are kept: what is taken, and what is refused."""

from __future__ import annotations

import pytest

from config.machine import problems, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.config.settled import StatisticsSettings
from mirage_hole.runtime.plan import Part, changed

DAY = 86400.0


def test_without_a_word_minutes_are_kept_two_days_hours_ninety_and_days_five_years(tmp_path):
    assert settled(tmp_path).statistics == StatisticsSettings(True, 2 * DAY, 90 * DAY, 1826 * DAY)


def test_what_is_written_is_kept_and_concerns_the_statistics(tmp_path):
    toml = '[statistics]\nenabled = false\nkeep_minutes = "3d"\nkeep_hours = "30d"\nkeep_days = "365d"\n'
    result = settled(tmp_path, toml=toml)
    assert result.statistics == StatisticsSettings(False, 3 * DAY, 30 * DAY, 365 * DAY)
    assert settled(tmp_path, toml=as_toml(result)).statistics == result.statistics
    assert changed(settled(tmp_path), result)[Part.STATISTICS] == ["statistics"]


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ('keep_minutes = "1h"', "less than 24h"),
        ('keep_minutes = "90d"', "more than 31d"),
        ('keep_hours = "1d"', "less than 2d"),
        ('keep_days = "100000d"', "more than 7320d"),
        ('keep_days = "forever"', "keep_days"),
        ('keep_minutes = "20d"\nkeep_hours = "10d"', "less than statistics.keep_minutes"),
        ('keep_days = "80d"', "less than statistics.keep_hours"),
    ],
)
def test_a_time_that_can_not_be_is_a_problem(tmp_path, written, what):
    (problem,) = problems(tmp_path, toml=f"[statistics]\n{written}\n")
    assert what in problem
    assert "write" in problem
