"""When a worker is started again, and when it is given up."""

import pytest

from mirage_hole.runtime.lifeline import DELAYS, FORGIVEN_AFTER, READY_WITHIN, SILENT_FOR, Lifeline


def test_the_first_restart_is_at_once_and_a_crash_loop_backs_off():
    line = Lifeline()
    delays = []
    for now in range(7):
        line.started(now)
        delays.append(line.ended(now + 0.1))
    assert delays == [*DELAYS, DELAYS[-1], DELAYS[-1]]
    assert delays == [0.0, 0.1, 0.5, 1.0, 5.0, 5.0, 5.0]


def test_a_minute_of_service_forgives_everything():
    line = Lifeline()
    for now in range(4):
        line.started(now)
        line.ended(now)
    line.started(10.0)
    line.ready(10.1)
    assert line.ended(10.0 + FORGIVEN_AFTER) == 0.0


def test_a_minute_of_not_becoming_ready_forgives_nothing():
    line = Lifeline()
    line.started(0.0)
    line.ended(0.0)
    line.started(0.0)
    assert line.ended(100.0) == DELAYS[1]


def test_ends_before_readiness_are_counted_until_one_is_ready():
    line = Lifeline()
    for now in range(3):
        line.started(now)
        line.ended(now)
    assert line.early_ends == 3
    line.started(4.0)
    line.ready(4.0)
    line.ended(5.0)
    assert line.early_ends == 0


def test_a_process_that_could_not_be_started_says_nothing_of_the_lists():
    line = Lifeline()
    delays = []
    for now in range(4):
        line.started(now)
        delays.append(line.not_started(now))
    assert delays == [0.0, 0.1, 0.5, 1.0]
    assert line.early_ends == 0


@pytest.mark.parametrize(("now", "reason"), [(READY_WITHIN, ""), (READY_WITHIN + 0.1, "not ready within 10 s")])
def test_a_worker_must_become_ready(now, reason):
    line = Lifeline()
    line.started(0.0)
    line.heard(now)  # words alone are not readiness
    assert line.overdue(now) == reason


def test_a_silent_worker_is_overdue():
    line = Lifeline()
    line.started(0.0)
    line.ready(0.2)
    line.heard(5.0)
    assert line.overdue(5.0 + SILENT_FOR) == ""
    assert line.overdue(5.1 + SILENT_FOR) == "silent for 10 s"


def test_a_supervisor_that_was_stopped_itself_blames_nobody():
    line = Lifeline()
    line.started(0.0)
    line.excuse(1000.0)
    assert line.overdue(1000.0) == ""
    line.ready(1000.0)
    line.excuse(5000.0)
    assert line.overdue(5000.0) == ""
