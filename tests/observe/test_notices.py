from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.notices import MAX_CLOSED, MAX_OPEN, PASSING, Board, Condition


def condition(about="a", text="It is so.", kind="storage"):
    return Condition(kind, about, "warning", f"Title {about}", text, "Do this")


def test_what_begins_is_opened_once_and_what_ends_is_closed_once():
    board = Board()
    (begun,) = board.look([condition()], 100.0)
    assert not begun.recovered
    assert begun.notice.since == 100.0
    assert board.look([condition()], 110.0) == []
    (ended,) = board.look([], 120.0)
    assert ended.recovered
    assert ended.notice.closed == 120.0
    assert board.look([], 130.0) == []
    assert board.open() == []
    assert board.closed() == [ended.notice]


def test_a_notice_says_what_is_the_case_now_and_since_when_it_began():
    board = Board()
    board.look([condition(text="3 are lost.")], 100.0)
    assert board.look([condition(text="9 are lost.")], 200.0) == []
    (only,) = board.open()
    assert (only.condition.text, only.since) == ("9 are lost.", 100.0)


def test_an_event_is_told_once_and_closes_itself_after_a_day_without_a_word():
    board = Board()
    assert len(board.tell(condition(), 100.0)) == 1
    assert board.tell(condition(), 101.0) == []
    assert board.look([], 100.0 + PASSING - 1) == []
    assert len(board.open()) == 1
    assert board.look([], 100.0 + PASSING) == []
    assert board.open() == []
    assert len(board.closed()) == 1


def test_a_dismissed_condition_stays_marked_until_it_is_over_and_a_dismissed_event_is_gone():
    board = Board()
    (lasts,) = board.look([condition("a")], 100.0)
    (event,) = board.tell(condition("b"), 100.0)
    assert board.dismiss(event.notice.number, "eva", 110.0).closed == 110.0
    assert board.dismiss(lasts.notice.number, "eva", 110.0).dismissed == "eva"
    assert [one.dismissed for one in board.open()] == ["eva"]
    assert board.dismiss(event.notice.number, "eva", 120.0) is None
    assert board.look([condition("a")], 130.0) == []


def test_numbers_go_on_after_a_restart():
    before = Board()
    before.look([condition("a"), condition("b")], 1.0)
    before.look([condition("a")], 2.0)
    after = Board(before.open(), reversed(before.closed()))
    (new,) = after.look([condition("a"), condition("c")], 3.0)
    assert new.notice.number > max(one.number for one in (*before.open(), *before.closed()))
    assert after.closed() == before.closed()


def test_there_is_room_for_a_condition_while_events_can_make_it():
    board = Board()
    for number in range(MAX_OPEN):
        board.tell(condition(str(number)), float(number))
    assert len(board.look([condition("new")], 1000.0)) == 1
    assert len(board.open()) == MAX_OPEN
    assert "0" not in {one.condition.about for one in board.open()}


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_openings_and_ends_of_one_thing_alternate(steps):
    board, present, told = Board(), set(), {}
    for now, (about, on) in enumerate(steps):
        (present.add if on else present.discard)(about)
        for news in board.look([condition(one) for one in sorted(present)], float(now)):
            about = news.notice.condition.about
            assert news.recovered == (told.get(about) is False)
            told[about] = news.recovered
    assert {one.condition.about for one in board.open()} == present


def test_what_is_kept_is_bounded():
    board = Board()
    for number in range(3 * MAX_OPEN):
        board.look([condition(str(number * 1000 + one)) for one in range(5)], float(number))
    assert len(board.closed()) == MAX_CLOSED
    board.look([condition(str(one)) for one in range(MAX_OPEN + 7)], 1e6)
    assert len(board.open()) == MAX_OPEN
    assert board.refused == 7
