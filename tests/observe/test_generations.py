from __future__ import annotations

from mirage_hole.lists.rule import Scope
from mirage_hole.observe.generations import KEPT, UNKNOWN, Generations
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.names import from_text


def test_a_list_number_means_what_it_meant_in_its_own_generation() -> None:
    generations = Generations()
    generations.register(1, ["Ads", "Trackers"])
    generations.register(2, ["Trackers"])
    assert [generations.title(1, 1), generations.title(2, 0)] == ["Trackers", "Trackers"]


def test_an_unknown_generation_or_list_has_a_name_too() -> None:
    generations = Generations()
    generations.register(1, ["Ads"])
    assert [generations.title(9, 0), generations.title(1, 1)] == [UNKNOWN, UNKNOWN]


def test_the_own_rules_are_of_every_generation() -> None:
    assert Generations().title(9, OWN_LIST) == "your own rules"


def test_only_the_last_generations_are_kept() -> None:
    generations = Generations()
    for number in range(100):
        generations.register(number, [f"List {number}"])
    assert generations.title(99 - KEPT, 0) == UNKNOWN
    assert generations.title(100 - KEPT, 0) == f"List {100 - KEPT}"


def test_a_generation_told_again_is_among_the_newest() -> None:
    generations = Generations()
    for number in range(KEPT):
        generations.register(number, ["Ads"])
    generations.register(0, ["Ads again"])
    generations.register(KEPT, ["Ads"])
    assert generations.title(0, 0) == "Ads again"
    assert generations.title(1, 0) == UNKNOWN


def test_lines_are_asked_of_whoever_knows_them_and_only_for_rules_of_lists():
    generations = Generations()
    name = from_text("ads.example")
    assert generations.line(1, 0, name, Scope.EXACT) == 0
    generations.find_line = lambda number, list_id, rule, scope: 17 if (number, list_id, rule) == (1, 0, name) else 0
    assert generations.line(1, 0, name, Scope.SUBTREE) == 17
    assert generations.line(2, 0, name, Scope.SUBTREE) == 0
    assert generations.line(1, OWN_LIST, name, Scope.SUBTREE) == 0
    assert generations.line(1, 0, name, 9) == 0
