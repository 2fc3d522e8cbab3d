from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.notices import Condition, News, Notice
from mirage_hole.observe.outbox import AGAIN, AN_HOUR, HOUR, JOIN, MANY, MAX_QUEUE, TOO_OLD, Outbox


def news(about="a", *, recovered=False, at=0.0, number=1):
    condition = Condition("upstream-down", about, "warning", f"{about} is down", "It is.", "")
    return News(Notice(number, condition, at, closed=at if recovered else None), recovered)


def sent(outbox, now):
    """What goes out until nothing is due: a list of messages."""
    messages = []
    while found := outbox.due(now):
        messages.append(found)
        outbox.sent(now)
    return messages


def test_news_go_out_after_a_moment_in_which_others_may_join():
    outbox = Outbox(3600.0)
    outbox.put(news(), 100.0)
    assert outbox.due(100.0) == []
    assert outbox.next_at(100.0) == 100.0 + JOIN
    assert sent(outbox, 100.0 + JOIN) == [[news()]]
    assert outbox.next_at(200.0) is None


def test_what_was_told_to_begin_is_told_to_end():
    outbox = Outbox(3600.0)
    outbox.put(news(), 0.0)
    sent(outbox, 10.0)
    outbox.put(news(recovered=True), 20.0)
    ((ended,),) = sent(outbox, 30.0)
    assert ended.recovered


def test_what_is_over_before_it_was_told_is_not_told():
    outbox = Outbox(3600.0)
    outbox.put(news(), 0.0)
    outbox.put(news(recovered=True), 1.0)
    assert sent(outbox, 1000.0) == []


def test_the_same_thing_is_told_once_in_its_time_and_again_only_if_it_still_lasts():
    outbox = Outbox(3600.0)
    outbox.put(news(), 0.0)
    sent(outbox, 10.0)
    outbox.put(news(recovered=True), 20.0)
    sent(outbox, 30.0)
    for now in range(40, 3000, 100):  # it comes and goes
        outbox.put(news(), float(now))
        outbox.put(news(recovered=True), float(now + 50))
        assert sent(outbox, now + 60.0) == []
    outbox.put(news(), 3100.0)
    assert sent(outbox, 3200.0) == []
    assert outbox.next_at(3200.0) == 10.0 + 3600.0
    assert len(sent(outbox, 3610.0)) == 1


def test_many_at_once_are_one_message():
    outbox = Outbox(3600.0)
    for number in range(MANY):
        outbox.put(news(str(number)), 0.0)
    (message,) = sent(outbox, JOIN)
    assert len(message) == MANY


def test_a_target_gets_no_more_than_so_many_messages_an_hour_and_loses_none():
    outbox = Outbox(60.0)
    told = []
    for number in range(60):
        now = number * 10.0
        outbox.put(news(str(number)), now)
        told += sent(outbox, now + JOIN)
    assert len(told) == AN_HOUR
    assert outbox.next_at(600.0) == JOIN + HOUR
    told += sent(outbox, JOIN + HOUR + 1)
    assert {one.notice.condition.about for message in told for one in message} == set(map(str, range(60)))


def test_a_target_that_fails_is_tried_ever_more_slowly():
    outbox = Outbox(3600.0)
    outbox.put(news(), 0.0)
    now, pauses = JOIN, []
    for _ in range(len(AGAIN) + 2):
        assert len(outbox.due(now)) == 1
        pauses.append(outbox.failed(now))
        assert outbox.due(now + pauses[-1] - 0.1) == []
        now += pauses[-1]
    assert pauses == [*AGAIN, AGAIN[-1], AGAIN[-1]]
    assert len(sent(outbox, now)) == 1


def test_what_ends_while_its_beginning_is_on_its_way_is_told_if_that_arrives_and_else_not():
    for arrives in (True, False):
        outbox = Outbox(3600.0)
        outbox.put(news(), 0.0)
        assert len(outbox.due(JOIN)) == 1
        outbox.put(news(recovered=True), JOIN + 1)
        outbox.sent(JOIN + 2) if arrives else outbox.failed(JOIN + 2)
        found = sent(outbox, 1000.0)
        assert [[one.recovered for one in message] for message in found] == ([[True]] if arrives else [])


def test_what_waits_is_bounded_and_the_oldest_goes():
    outbox = Outbox(3600.0)
    for number in range(MAX_QUEUE + 5):
        outbox.put(news(str(number)), float(number) / 1000)
    assert len(outbox) == MAX_QUEUE
    assert outbox.dropped == 5
    (message,) = sent(outbox, 10.0)
    assert {one.notice.condition.about for one in message} == {str(number) for number in range(5, MAX_QUEUE + 5)}


def test_nobody_is_told_of_the_day_before_yesterday():
    outbox = Outbox(3600.0)
    outbox.put(news(), 0.0)
    assert outbox.due(TOO_OLD + 1) == []
    assert (outbox.dropped, len(outbox)) == (1, 0)


def test_what_was_told_before_a_restart_is_not_told_again_but_its_end_is():
    outbox = Outbox(3600.0)
    outbox.remember(news().notice, -100.0)
    outbox.put(news(), 0.0)
    assert sent(outbox, 1000.0) == []
    again = Outbox(3600.0)
    again.remember(news().notice, -100.0)
    again.put(news(recovered=True), 0.0)
    assert len(sent(again, 100.0)) == 1


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["on", "off", "send", "fail", "wait"]), st.sampled_from("ab"), st.floats(0.1, 2000.0)),
    max_size=80,
)


@given(ACTIONS)
def test_whatever_happens_beginnings_and_ends_alternate_and_come_seldom(actions):
    outbox, now, on = Outbox(600.0), 0.0, set()
    told: dict[str, list[tuple[bool, float]]] = {}
    messages: list[float] = []
    for action, about, seconds in actions:
        now += seconds
        if action == "on" and about not in on:
            on.add(about)
            outbox.put(news(about), now)
        elif action == "off" and about in on:
            on.discard(about)
            outbox.put(news(about, recovered=True), now)
        elif action in {"send", "fail"} and (found := outbox.due(now)):
            if action == "fail":
                outbox.failed(now)
                continue
            outbox.sent(now)
            messages.append(now)
            for one in found:
                told.setdefault(one.notice.condition.about, []).append((one.recovered, now))
    for history in told.values():
        assert [ended for ended, _ in history] == [number % 2 == 1 for number in range(len(history))]
        begun = [at for ended, at in history if not ended]
        assert all(later - earlier >= 600.0 for earlier, later in itertools.pairwise(begun))
    assert all(len([at for at in messages if end - HOUR < at <= end]) <= AN_HOUR for end in messages)
