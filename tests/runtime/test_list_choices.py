"""Lists that are added and switched off beside the configuration."""

from __future__ import annotations

import stat
import threading

import orjson
import pytest

from mirage_hole.config.settled import ListSettings
from mirage_hole.runtime import list_choices
from mirage_hole.runtime.effective_lists import AddedList, choose
from mirage_hole.runtime.list_choices import ListChoices, RefusedList
from mirage_hole.sources.catalogue import load_catalogue
from mirage_hole.store.state import StateStore
from tests.runtime.settings import a_settled

CATALOGUE = load_catalogue()
ONE, TWO, THREE = (f"https://{name}.example/list.txt" for name in ("one", "two", "three"))


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


@pytest.fixture
def choices(state):
    return ListChoices(state)


def used(settled, choices):
    return [source.text for source in choose(settled, choices.said, CATALOGUE).used]


def add(choices, settled, source, **more):
    return choices.add(settled, CATALOGUE, AddedList(source, **more))


def test_an_added_list_is_used_besides_the_configured_and_survives_a_restart(choices, state):
    settled = a_settled(state, blocklists=(ONE,))
    found, changed = add(choices, settled, TWO, title="Mine", format="hosts")
    assert (found.text, changed) == (TWO, True)
    again = ListChoices(state)
    assert used(settled, again) == [ONE, TWO]
    added = choose(settled, again.said, CATALOGUE).lists[1]
    assert (added.added, added.source.title, added.source.format) == (True, "Mine", "hosts")


def test_an_added_list_may_be_an_allowlist(choices, state):
    settled = a_settled(state)
    add(choices, settled, ONE, kind="allow")
    assert [one.source.kind.name for one in choose(settled, choices.said, CATALOGUE).lists] == ["ALLOW"]


def test_adding_twice_changes_nothing_but_what_is_new(choices, state):
    settled = a_settled(state, blocklists=(ONE,))
    assert not add(choices, settled, ONE)[1]
    assert add(choices, settled, TWO)[1]
    assert not add(choices, settled, TWO)[1]
    assert add(choices, settled, TWO, title="Two")[1]
    assert not add(choices, settled, TWO)[1]
    assert choices.added[choose(settled, choices.said, CATALOGUE).lists[1].source.key].title == "Two"


def test_a_blocklist_is_not_made_an_allowlist_by_adding_it(choices, state):
    settled = a_settled(state, blocklists=(ONE,))
    with pytest.raises(RefusedList, match="is a blocklist here already"):
        add(choices, settled, ONE, kind="allow")


def test_a_list_that_was_added_is_removed(choices, state):
    settled = a_settled(state, blocklists=(ONE,))
    add(choices, settled, TWO)
    choices.switch(settled, CATALOGUE, TWO, enabled=False)
    choices.remove(settled, CATALOGUE, TWO)
    assert used(settled, ListChoices(state)) == [ONE]
    add(choices, settled, TWO)
    assert used(settled, choices) == [ONE, TWO]


def test_a_configured_list_is_removed_where_it_is_written(choices, state, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(f'[lists]\nblock = [\n  "{TWO}",\n  "{ONE}",\n]\n\n[[list]]\nurl = "{THREE}"\n')
    settled = a_settled(state, blocklists=(TWO, ONE), lists=(ListSettings(THREE),), config_file=file)
    with pytest.raises(RefusedList, match=r"config\.toml line 4, .*lists disable"):
        choices.remove(settled, CATALOGUE, ONE)
    with pytest.raises(RefusedList, match=r"config\.toml line 8"):
        choices.remove(settled, CATALOGUE, THREE)
    file.write_text("[lists]\n")
    with pytest.raises(RefusedList, match="flags or environment variables"):
        choices.remove(settled, CATALOGUE, ONE)


def test_a_configured_list_is_switched_off_and_on(choices, state):
    settled = a_settled(state, blocklists=(ONE, TWO))
    assert choices.switch(settled, CATALOGUE, ONE, enabled=False)[1]
    assert not choices.switch(settled, CATALOGUE, ONE, enabled=False)[1]
    again = ListChoices(state)
    assert used(settled, again) == [TWO]
    assert [one.enabled for one in choose(settled, again.said, CATALOGUE).lists] == [False, True]
    again.switch(settled, CATALOGUE, ONE, enabled=True)
    assert used(settled, again) == [ONE, TWO]
    assert again.switched == {}


def test_a_table_that_is_off_is_switched_on_and_off_again(choices, state):
    settled = a_settled(state, lists=(ListSettings(ONE, title="One", enabled=False), ListSettings(TWO)))
    (two, one) = choose(settled, choices.said, CATALOGUE).lists
    assert (two.enabled, one.enabled, one.source.title, one.added) == (True, False, "One", False)
    choices.switch(settled, CATALOGUE, ONE, enabled=True)
    assert used(settled, choices) == [ONE, TWO]
    choices.switch(settled, CATALOGUE, ONE, enabled=False)
    assert choices.switched == {}


def test_adding_a_configured_list_that_is_off_switches_it_on(choices, state):
    settled = a_settled(state, blocklists=(ONE,))
    choices.switch(settled, CATALOGUE, ONE, enabled=False)
    assert add(choices, settled, ONE)[1]
    assert used(settled, choices) == [ONE]
    assert choices.added == {}


def test_a_list_that_was_added_before_the_configuration_named_it_is_configured(choices, state):
    add(choices, a_settled(state), ONE)
    settled = a_settled(state, blocklists=(ONE,))
    (one,) = choose(settled, choices.said, CATALOGUE).lists
    assert not one.added


@pytest.mark.parametrize(
    ("source", "more", "told"),
    [
        ("no-such-list", {}, "catalogue"),
        ("ftp://x.example/list", {}, "not supported"),
        (ONE, {"format": "xml"}, "no format that is read"),
        (ONE, {"title": "x" * 101}, "title is longer"),
        (ONE, {"kind": "grey"}, "block or allow"),
        ("/etc/passwd", {}, "not in a folder for lists"),
    ],
)
def test_what_is_no_list_is_refused_with_what_to_write(choices, state, source, more, told):
    with pytest.raises(RefusedList, match=told):
        add(choices, a_settled(state), source, **more)
    assert choices.added == {}


def test_every_problem_is_told_at_once(choices, state):
    with pytest.raises(RefusedList) as refusal:
        add(choices, a_settled(state), "ftp://x", format="xml", title="\n")
    assert len(str(refusal.value).splitlines()) == 3


def test_a_file_is_added_from_the_folders_for_lists(choices, state, tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "mine.txt").write_text("ads.example\n")
    settled = a_settled(state, file_folders=(folder,))
    found, _ = add(choices, settled, str(folder / "mine.txt"))
    assert found.title == "mine.txt"
    assert choose(settled, choices.said, CATALOGUE).used[0].folders == (str(folder),)


def test_lists_are_bounded(choices, state, monkeypatch):
    monkeypatch.setattr(list_choices, "MAX_ADDED", 1)
    add(choices, a_settled(state), ONE)
    with pytest.raises(RefusedList, match="the limit"):
        add(choices, a_settled(state), TWO)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"version": 2}', '{"version": 1, "added": [{}], "switched": {}}', "\0"]
)
def test_a_damaged_file_of_an_earlier_version_is_kept_aside_and_the_configured_lists_count(state, content, caplog):
    (state / "lists.json").write_text(content)
    settled = a_settled(state, blocklists=(ONE,))
    assert used(settled, ListChoices(state)) == [ONE]
    assert (state / "lists.json.damaged").read_text() == content
    assert "is damaged" in caplog.text


def test_the_file_of_an_earlier_version_is_taken_over(state):
    added = {"key": "k", "source": TWO, "kind": "block", "title": "Mine", "format": "", "created": 1.0}
    document = {"version": 1, "added": [added], "switched": {}}
    (state / "lists.json").write_bytes(orjson.dumps(document))
    settled = a_settled(state, blocklists=(ONE,))
    assert used(settled, ListChoices(state)) == [ONE, TWO]
    assert (state / "lists.json.migrated").exists()


def test_two_processes_lose_none_of_each_others_lists(state):
    first, second = ListChoices(state), ListChoices(state)
    settled = a_settled(state)
    add(first, settled, ONE)
    add(second, settled, TWO)
    assert used(settled, ListChoices(state)) == [ONE, TWO]


def test_many_at_once_lose_none(state):
    settled = a_settled(state)
    threads = [
        threading.Thread(target=lambda number=number: add(ListChoices(state), settled, f"https://n{number}.example/x"))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(used(settled, ListChoices(state))) == 20


def test_addresses_may_hold_secrets_so_nobody_else_reads_the_file(choices, state):
    add(choices, a_settled(state), "https://me:secret@one.example/list.txt")
    assert stat.S_IMODE((state / "state.db").stat().st_mode) == 0o600


def test_the_lists_of_a_damaged_state_come_from_its_copy(state, caplog):
    store = StateStore(state)
    settled = a_settled(state, blocklists=(ONE,))
    add(ListChoices(state, store=store), settled, TWO)
    store.copy()
    store.close()
    (state / "state.db").write_bytes(b"{" * 5000)
    assert used(settled, ListChoices(state)) == [ONE, TWO]
    assert "was damaged" in caplog.text
    assert used(settled, ListChoices(state)) == [ONE, TWO]
    assert caplog.text.count("was damaged") == 1  # it is whole again


def test_an_added_list_gets_another_title_and_a_configured_one_says_where(choices, state):
    settled = a_settled(state, blocklists=(ONE,))
    add(choices, settled, TWO, title="Mine")
    found, changed = choices.edit(settled, CATALOGUE, TWO, "Yours", None)
    assert (found.source.title, changed) == ("Yours", True)
    assert choices.edit(settled, CATALOGUE, TWO, None, None)[1] is False
    with pytest.raises(RefusedList, match="configuration"):
        choices.edit(settled, CATALOGUE, ONE, "Other", None)
    with pytest.raises(RefusedList, match="no format"):
        choices.edit(settled, CATALOGUE, TWO, None, "nonsense")


def test_a_list_that_is_there_by_another_name_is_not_added_again(choices, state):
    url = CATALOGUE["oisd-small"].url
    settled = a_settled(state, blocklists=("oisd-small",))
    found, changed = add(choices, settled, url)
    assert (found.title, changed) == ("OISD small", False)
    assert choices.added == {}
    other = a_settled(state)
    add(choices, other, url)
    assert not add(choices, other, "oisd-small")[1]
    choices.remove(other, CATALOGUE, "oisd-small")
    assert choices.added == {}


def test_a_catalogue_list_is_the_same_when_its_address_changes(choices, state):
    moved = {**CATALOGUE, "oisd-small": CATALOGUE["oisd-small"]._replace(url="https://new.example/list")}
    settled = a_settled(state, blocklists=("oisd-small",))
    choices.switch(settled, CATALOGUE, "oisd-small", enabled=False)
    assert choose(settled, choices.said, moved).used == ()
    other = a_settled(state)
    add(choices, other, "hagezi-light")
    moved = {**CATALOGUE, "hagezi-light": CATALOGUE["hagezi-light"]._replace(url="https://new.example/list")}
    choices.remove(other, moved, "hagezi-light")
    assert choices.added == {}


def test_a_list_that_the_catalogue_has_no_longer_is_shown_and_can_be_removed(choices, state):
    settled = a_settled(state, blocklists=(ONE,))
    add(choices, settled, "oisd-small")
    poorer = {key: entry for key, entry in CATALOGUE.items() if key != "oisd-small"}
    found = choose(settled, choices.said, poorer)
    assert [source.text for source in found.used] == [ONE]
    assert "neither in the catalogue" in found.lists[1].problem
    assert "lists remove oisd-small" in found.lists[1].problem
    assert len(found.problems) == 1
    choices.remove(settled, poorer, "oisd-small")
    assert choices.added == {}


def test_what_the_configuration_says_beats_what_was_added(choices, state):
    add(choices, a_settled(state), ONE, title="Mine", format="hosts")
    settled = a_settled(state, allowlists=(ONE,))
    found = choose(settled, choices.said, CATALOGUE)
    assert [(one.source.kind.name, one.added) for one in found.lists] == [("ALLOW", False)]
    assert found.problems == ()
    assert "the configuration names it too" in found.notes[0]


def test_a_title_for_a_configured_list_belongs_into_the_configuration(choices, state):
    settled = a_settled(state, lists=(ListSettings(ONE, title="One"),))
    with pytest.raises(RefusedList, match=r"as 'One'; say its title and format there, in a \[\[list\]\] table"):
        add(choices, settled, ONE, title="Mine", format="hosts")
    assert not add(choices, settled, ONE, title="One")[1]


def test_a_configured_blocklist_is_made_an_allowlist_in_the_configuration(choices, state):
    with pytest.raises(RefusedList, match="is a blocklist here already; remove it from the flags"):
        add(choices, a_settled(state, blocklists=(ONE,)), ONE, kind="allow")


def test_passwords_in_addresses_reach_no_message(choices, state):
    settled = a_settled(state)
    add(choices, settled, "http://me:secret@one.example/list?token=hidden")
    add(choices, settled, "hagezi-light")
    found = choose(settled, choices.said, {})
    told = f"{found.notes} {found.problems} {[one.problem for one in found.lists]}"
    assert "without encryption" in told
    assert "secret" not in told
    assert "hidden" not in told


def test_block_lists_come_before_allow_lists_and_configured_before_added(choices, state):
    settled = a_settled(state, blocklists=(ONE,), allowlists=(TWO,))
    add(choices, settled, THREE)
    add(choices, settled, "https://four.example/list", kind="allow")
    assert used(settled, choices) == [ONE, THREE, TWO, "https://four.example/list"]
