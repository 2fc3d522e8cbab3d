"""What a SOURCE means, and what the error tells to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action
from mirage_hole.sources.catalogue import load_catalogue
from mirage_hole.sources.source import Location, Source, SourceProblem, Wish, parse_source, resolve_sources

CATALOGUE = load_catalogue()
BLOCK, ALLOW = Action.BLOCK, Action.ALLOW


def meaning(text: str, kind: Action = BLOCK, base: Path | None = None) -> Source:
    found = parse_source(text, kind, CATALOGUE, base=base)
    assert isinstance(found, Source), str(found)
    return found


def trouble(text: str, kind: Action = BLOCK, base: Path | None = None) -> SourceProblem:
    found = parse_source(text, kind, CATALOGUE, setting="blocklists[3]", base=base)
    assert isinstance(found, SourceProblem), found
    return found


def test_a_web_address_is_normalised_and_keeps_its_query():
    one = meaning("HTTPS://Example.COM:443/Lists/a.txt?x=1&y=2#top")
    assert one.location is Location.WEB
    assert one.address == "https://example.com/Lists/a.txt?x=1&y=2"
    assert one.title == "example.com/Lists/a.txt"
    assert one.key.startswith("example-com-lists-a-txt-")


def test_a_port_and_an_ipv6_host_stay():
    assert meaning("http://[2001:DB8::1]:8080").address == "http://[2001:db8::1]:8080/"


def test_a_password_is_used_but_never_shown():
    one = meaning("https://me:secret@example.com/list.txt")
    assert one.address == "https://me:secret@example.com/list.txt"
    assert "secret" not in one.shown + one.title + one.key
    assert "secret" not in str(trouble("https://me:secret@"))


def test_a_catalogue_name_brings_its_address_title_and_format():
    one = meaning("oisd-small")
    entry = CATALOGUE["oisd-small"]
    assert (one.address, one.title, one.format, one.location) == (entry.url, entry.title, "adblock", Location.WEB)
    assert meaning("OISD-Small").address == entry.url


def test_starter_is_the_embedded_list():
    one = meaning("starter")
    assert one.location is Location.EMBEDDED
    assert Path(one.address).is_file()


@pytest.mark.parametrize(
    "text", ["./mine.txt", "mine.txt", "sub/../mine.txt", "{base}/mine.txt", "file://{base}/mine.txt"]
)
def test_paths_are_made_absolute_from_the_base(tmp_path, text):
    (tmp_path / "sub").mkdir()
    (tmp_path / "mine.txt").write_text("a.example\n")
    one = meaning(text.format(base=tmp_path), base=tmp_path)
    assert one.location is Location.FILE
    assert Path(one.address).samefile(tmp_path / "mine.txt")
    assert Path(one.address).is_absolute()


def test_a_file_need_not_exist_yet(tmp_path):
    assert meaning("later/list.txt", base=tmp_path).address == str(tmp_path / "later/list.txt")
    assert meaning("~/list.txt").address == str(Path.home() / "list.txt")


def test_a_file_address_may_be_percent_encoded(tmp_path):
    assert meaning(f"file://localhost{tmp_path}/my%20list.txt").address == f"{tmp_path}/my list.txt"


def test_an_existing_file_without_a_suffix_is_a_path(tmp_path):
    (tmp_path / "blocked").write_text("a.example\n")
    assert meaning("blocked", base=tmp_path).location is Location.FILE


@pytest.mark.parametrize(
    ("text", "problem", "instead"),
    [
        ("", "is empty", "oisd-small"),
        ("   ", "is empty", "oisd-small"),
        ("oisd-smal", "neither in the catalogue nor a file", "oisd-small"),
        ("hagezi_pro++", "neither in the catalogue nor a file", "hagezi-pro-plus"),
        ("stevenblak", "neither in the catalogue nor a file", "stevenblack"),
        ("startr", "neither in the catalogue nor a file", "starter"),
        ("qqqqqqq", "neither in the catalogue nor a file", "https://…"),
        ("example.com/list.txt", "starts with https://", "https://example.com/list.txt"),
        ("example.com", "is a host", "https://example.com/list.txt"),
        ("ftp://example.com/list.txt", "ftp:// is not supported", "https://"),
        ("https://", "names no host", "https://example.com/list.txt"),
        ("https:/example.com/x", "names no host", "https://example.com/list.txt"),
        ("http://[::1/x", "is no web address", "https://example.com/list.txt"),
        ("http://example.com:port/x", "is no web address", "https://example.com/list.txt"),
        ("https://example.com/my list.txt", "holds a space", "https://example.com/my%20list.txt"),
        ("file://list.txt", "names no absolute path", "the path alone"),
        ("file:///a%00b", "control characters", "the path alone"),
        ("https://example.com/\x1b[31m", "control characters", "one address"),
        ("https://example.com/" + "x" * 3000, "longer than 2048", "one address"),
        ("/", "is a directory", "one file in it"),
    ],
)
def test_nonsense_says_what_to_write_instead(tmp_path, text, problem, instead):
    found = trouble(text, base=tmp_path)
    assert problem in found.problem
    assert instead in found.instead
    assert str(found).startswith("blocklists[3] = ")
    assert "; write " in str(found)


def test_an_allow_list_among_the_block_lists_is_sent_where_it_belongs():
    assert "--allowlist anudeepnd-allow" in trouble("anudeepnd-allow").instead
    assert "--blocklist oisd-big" in trouble("oisd-big", ALLOW).instead
    assert "--blocklist starter" in trouble("starter", ALLOW).instead
    assert meaning("anudeepnd-allow", ALLOW).kind is ALLOW


def test_all_problems_are_told_at_once():
    found = resolve_sources(["oisd-smal", "starter", "ftp://x/"], ["example.com"], CATALOGUE)
    assert [problem.setting for problem in found.problems] == ["blocklists[0]", "blocklists[2]", "allowlists[0]"]
    assert [source.text for source in found.sources] == ["starter"]


def test_the_same_list_twice_is_used_once_and_said():
    url = CATALOGUE["oisd-small"].url
    found = resolve_sources(["oisd-small", "starter", url, "HTTPS://small.oisd.nl"], [], CATALOGUE)
    assert [source.text for source in found.sources] == ["oisd-small", "starter"]
    assert not found.problems
    assert found.notes[0] == (
        "blocklists[2] = 'https://small.oisd.nl/' is the same list as blocklists[0] = 'oisd-small'; it is used once"
    )
    assert len(found.notes) == 2


def test_the_same_list_can_not_block_and_allow():
    found = resolve_sources(["./a.txt"], ["./a.txt"], CATALOGUE)
    (problem,) = found.problems
    assert problem.setting == "allowlists[0]"
    assert "blocklists[0]" in problem.problem


def test_no_list_at_all_means_none():
    assert resolve_sources([], [], CATALOGUE).sources == ()


def test_a_list_without_encryption_is_worth_a_note():
    assert "without encryption" in resolve_sources(["http://example.com/a"], [], CATALOGUE).notes[0]
    assert not resolve_sources(["https://example.com/a"], [], CATALOGUE).notes


@given(st.text(max_size=200))
def test_any_text_is_a_source_or_a_problem_and_its_key_is_a_safe_file_name(text):
    found = parse_source(text, BLOCK, CATALOGUE, base=Path("/nonexistent"))
    if isinstance(found, SourceProblem):
        assert found.problem
        assert found.instead
    else:
        assert found.key.replace("-", "").isalnum()
        assert found.key.isascii()
        assert len(found.key) <= 60


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=60))
def test_different_addresses_have_different_keys(path):
    one, other = (parse_source(f"https://example.com/{end}", BLOCK, CATALOGUE) for end in (path, path + "x"))
    if isinstance(one, Source) and isinstance(other, Source) and one.address != other.address:
        assert one.key != other.key


def wish(text: str, kind: Action = BLOCK, **more) -> Wish:
    return Wish(text, kind, "list[0].url", **more)


def test_a_wish_is_a_list_with_all_that_is_said_of_it():
    url = "https://example.com/a.txt"
    (one,) = resolve_sources([], [], CATALOGUE, wishes=[
        wish(url, title="Mine", format="hosts", refresh_every=60.0, sha256="ab", folders=("/x",)),
    ]).sources  # fmt: skip
    assert (one.title, one.named, one.format) == ("Mine", True, "hosts")
    assert (one.refresh_every, one.sha256, one.folders) == (60.0, "ab", ("/x",))
    assert one.key == meaning(url).key


def test_what_a_wish_leaves_open_is_as_the_catalogue_says():
    (one,) = resolve_sources([], [], CATALOGUE, wishes=[wish("oisd-small", refresh_every=60.0)]).sources
    assert one == meaning("oisd-small")._replace(refresh_every=60.0)


def test_a_wish_takes_the_place_of_the_same_list_elsewhere():
    found = resolve_sources(
        ["oisd-small", "starter"], [], CATALOGUE, wishes=[wish("starter", title="Mine"), wish("hagezi-pro")]
    )
    assert not found.problems
    assert not found.notes
    assert [one.title for one in found.sources][1] == "Mine"
    assert len(found.sources) == 3


def test_block_lists_stay_before_allow_lists():
    wishes = [wish("./d.txt", ALLOW), wish("./b.txt")]
    found = resolve_sources(["./a.txt"], ["./c.txt"], CATALOGUE, Path("/nonexistent"), wishes)
    assert [one.title for one in found.sources] == ["a.txt", "b.txt", "c.txt", "d.txt"]


def test_a_wish_may_leave_a_list_out_wherever_it_is_named():
    found = resolve_sources(["starter", "oisd-small"], [], CATALOGUE, wishes=[wish("starter", enabled=False)])
    assert [one.text for one in found.sources] == ["oisd-small"]
    assert not found.problems


def test_a_wish_that_means_nothing_says_where_it_is_written():
    (problem,) = resolve_sources([], [], CATALOGUE, wishes=[wish("oisd-smal", enabled=False)]).problems
    assert problem.setting == "list[0].url"
    assert "oisd-small" in problem.instead


def test_a_wish_can_not_allow_what_is_blocked_elsewhere():
    (problem,) = resolve_sources(["./a.txt"], [], CATALOGUE, wishes=[wish("./a.txt", ALLOW)]).problems
    assert problem.setting == "list[0].url"
