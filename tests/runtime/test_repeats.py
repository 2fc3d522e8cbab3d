"""Which log lines are held back."""

from mirage_hole.runtime.repeats import MAX_KEPT, SAME_TEMPLATE, SAME_TEXT, WINDOW, Repeats


def line(text):
    return ("sources", 20, text)


def test_the_same_text_appears_three_times_and_is_then_counted():
    repeats = Repeats()
    assert [repeats.admits("t", line("down"), 0.1 * n) for n in range(6)] == [True] * SAME_TEXT + [False] * 3
    assert repeats.ended(WINDOW - 0.1) == []
    assert repeats.ended(WINDOW) == [(line("down"), 3)]
    assert repeats.ended(WINDOW) == []


def test_texts_that_differ_in_their_arguments_appear_up_to_fifty_times():
    repeats = Repeats()
    admitted = [repeats.admits("list %s failed", line(f"list {n} failed"), 0.0) for n in range(SAME_TEMPLATE + 5)]
    assert admitted == [True] * SAME_TEMPLATE + [False] * 5


def test_a_text_may_appear_again_when_its_time_is_over():
    repeats = Repeats()
    for _ in range(10):
        repeats.admits("t", line("down"), 0.0)
    assert repeats.admits("t", line("down"), WINDOW)


def test_a_flood_of_different_texts_stays_bounded():
    repeats = Repeats()
    for number in range(5 * MAX_KEPT):
        repeats.admits(f"t{number}", line(f"text {number}"), 0.0)
    assert len(repeats._texts) <= MAX_KEPT + 1
    assert len(repeats._templates) <= MAX_KEPT + 1
