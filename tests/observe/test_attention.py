from __future__ import annotations

import pytest

from mirage_hole.observe.attention import (
    ALL_DOWN,
    CALM,
    DROPS_FOR,
    ENDS,
    ENDS_WITHIN,
    FAILED,
    ONE_DOWN,
    ListSeen,
    Seen,
    Watch,
)
from mirage_hole.observe.workers import UpstreamView


def upstream(address, healthy):
    return UpstreamView(address, 0, 0, 0, 0, None, healthy, None, False, {}, ())


def a_list(**changes):
    values = {
        "key": "k",
        "title": "Ads",
        "state": "old",
        "error": "",
        "held": "",
        "last_try": 1.0,
        "last_change": None,
    }
    return ListSeen(**(values | changes))


def keys(conditions):
    return [one.key for one in conditions]


def test_where_nothing_is_wrong_nothing_needs_attention():
    assert Watch().look(Seen(lists=[a_list()], upstreams=[upstream("a", healthy=True)]), 0.0) == []


def test_a_list_is_told_of_when_it_fails_again_and_again_and_not_when_it_is_looked_at_again():
    watch = Watch()
    for number in range(1, FAILED):
        for _ in range(5):
            assert watch.look(Seen(lists=[a_list(error="gone", last_try=float(number))]), 0.0) == []
    (found,) = watch.look(Seen(lists=[a_list(error="gone", last_try=99.0)]), 0.0)
    assert (found.key, found.severity) == (("list-failing", "k"), "warning")
    assert "gone" in found.text
    assert watch.look(Seen(lists=[a_list(last_try=100.0)]), 0.0) == []
    assert watch.look(Seen(lists=[a_list(error="gone", last_try=101.0)]), 0.0) == []


def test_a_list_without_a_copy_is_critical():
    watch = Watch()
    for number in range(FAILED):
        found = watch.look(Seen(lists=[a_list(error="gone", state="missing", last_try=float(number))]), 0.0)
    assert found[0].severity == "critical"


def test_a_held_list_and_a_broken_compilation_are_told_at_once():
    found = Watch().look(Seen(lists=[a_list(held="it has lost 90% of its rules")], compile_error="no memory"), 0.0)
    assert keys(found) == [("list-held", "k"), ("list-failing", "")]


def test_a_new_version_of_a_list_is_an_event_and_the_first_one_seen_is_none():
    watch = Watch()
    for changed, wanted in ((None, 0), (10.0, 0), (10.0, 0), (20.0, 1), (20.0, 0)):
        watch.look(Seen(lists=[a_list(last_change=changed)]), 0.0)
        assert len(watch.updated) == wanted


def test_all_upstreams_down_is_told_after_seconds_and_one_of_several_after_a_minute():
    watch = Watch()
    both = Seen(upstreams=[upstream("a", healthy=False), upstream("b", healthy=False)])
    one = Seen(upstreams=[upstream("a", healthy=False), upstream("b", healthy=True)])
    assert watch.look(both, 0.0) == []
    assert keys(watch.look(both, ALL_DOWN)) == [("upstream-down", "")]
    assert watch.look(one, ALL_DOWN + 1) == []
    assert keys(watch.look(one, ONE_DOWN)) == [("upstream-down", "a")]
    assert watch.look(Seen(upstreams=[upstream("a", healthy=True), upstream("b", healthy=True)]), 100.0) == []


def test_while_all_are_down_one_notice_says_it_and_what_was_told_before_stays():
    watch = Watch()
    watch.look(Seen(upstreams=[upstream("a", healthy=False), upstream("b", healthy=True)]), 0.0)
    watch.look(Seen(upstreams=[upstream("a", healthy=False), upstream("b", healthy=True)]), 60.0)
    both = Seen(upstreams=[upstream("a", healthy=False), upstream("b", healthy=False)])
    watch.look(both, 61.0)
    assert keys(watch.look(both, 500.0)) == [("upstream-down", ""), ("upstream-down", "a")]


def test_while_no_worker_lives_what_was_the_case_counts():
    watch = Watch()
    down = Seen(upstreams=[upstream("a", healthy=False)])
    watch.look(down, 0.0)
    assert keys(watch.look(down, 10.0)) == [("upstream-down", "")]
    assert keys(watch.look(Seen(), 11.0)) == [("upstream-down", "")]


def test_a_flood_names_the_client_and_is_over_when_it_is_calm():
    watch = Watch()
    (found,) = watch.look(Seen(stopped=["192.168.1.9"], stopped_count=1), 0.0)
    assert found.key == ("flood", "")
    assert "192.168.1.9" in found.text
    (still,) = watch.look(Seen(), CALM - 1)
    assert still.text == found.text
    assert watch.look(Seen(), CALM) == []
    assert keys(watch.look(Seen(flood_dropped=5), CALM + 1)) == [("flood", "")]


def test_workers_that_end_again_and_again_are_told_and_one_end_is_not():
    watch = Watch()
    for number in range(1, ENDS):
        assert watch.look(Seen(worker_ends=number), float(number)) == []
    assert keys(watch.look(Seen(worker_ends=ENDS), 10.0)) == [("worker", "")]
    assert watch.look(Seen(worker_ends=ENDS), 10.0 + ENDS_WITHIN) == []


@pytest.mark.parametrize(
    ("days", "severity", "says"),
    [(15, None, ""), (13, "warning", "13 days"), (2, "critical", "2 days"), (-1, "critical", "has expired")],
)
def test_a_certificate_is_told_of_before_it_ends(days, severity, says):
    found = Watch().look(Seen(certificate_left=days * 86400.0), 0.0)
    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all(says in one.text for one in found)


def test_a_certificate_that_can_not_be_loaded_is_told():
    (found,) = Watch().look(Seen(certificate_trouble="key.pem is not there"), 0.0)
    assert (found.key, found.severity) == (("certificate", "files"), "critical")
    assert "key.pem is not there" in found.text


def test_lost_queries_are_counted_until_no_more_are_lost():
    watch = Watch()
    assert watch.look(Seen(rows_dropped=0), 0.0) == []
    watch.look(Seen(rows_dropped=100), 10.0)
    (found,) = watch.look(Seen(rows_dropped=150), 20.0)
    assert found.text.startswith("150 queries")
    assert watch.look(Seen(rows_dropped=150), 20.0 + DROPS_FOR) == []
    (again,) = watch.look(Seen(rows_dropped=151), 30.0 + DROPS_FOR)
    assert again.text.startswith("1 queries")


def test_a_full_disk_is_told():
    assert keys(Watch().look(Seen(storage="the disk is full"), 0.0)) == [("storage", "")]
