"""What a page or a terminal learns of lists on their way."""

from __future__ import annotations

from mirage_hole.sources.progress import Board, Progress, Stage


def test_the_board_keeps_the_newest_event_of_each_list_and_forgets_it_at_the_end():
    board = Board()
    board.take(Progress(Stage.STARTED, "a"))
    board.take(Progress(Stage.STARTED, "b"))
    for octets in range(1000):
        board.take(Progress(Stage.RECEIVING, "a", received=octets, total=999))
    assert board.of("a") == Progress(Stage.RECEIVING, "a", received=999, total=999)
    assert board.busy
    board.take(Progress(Stage.UPDATED, "a"))
    assert board.of("a") is None
    board.take(Progress(Stage.FAILED, "b", error="no"))
    assert not board.busy


def test_while_the_compiler_works_every_list_is_compiled():
    board = Board()
    board.take(Progress(Stage.COMPILING))
    assert board.of("a").stage is Stage.COMPILING
    board.take(Progress(Stage.COMPILED))
    assert board.of("a") is None


def test_listeners_hear_everything_until_they_leave():
    board, heard = Board(), []
    leave = board.listen(heard.append)
    board.take(Progress(Stage.STARTED, "a"))
    leave()
    board.take(Progress(Stage.UPDATED, "a"))
    assert [event.stage for event in heard] == [Stage.STARTED]
