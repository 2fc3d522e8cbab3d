from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import threading

import pytest

LIST = """\
# Title: My list
0.0.0.0 ads.example tracker.example
0.0.0.0 ads.example
||sub.example^
@@||fine.example^
127.0.0.1 localhost
https://a.example/path
not a name!
"""


@pytest.fixture
def my_list(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(LIST)
    return str(path)


@contextlib.contextmanager
def a_web_server(status: int, body: bytes, kind: str = "text/plain"):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/list.txt"
        finally:
            server.shutdown()
            thread.join(10)


def test_a_list_is_reported_by_format_kind_duplicates_and_complaints(mirage_hole, my_list):
    found = json.loads(mirage_hole("lists", "check", my_list, "--json").out)
    assert found["title"] == "My list"
    assert found["format"] == "hosts"
    assert found["usable"] is True
    assert (found["lines"], found["rules"], found["duplicates"]) == (8, 5, 1)
    assert {(one["action"], one["what"]): one["rules"] for one in found["kinds"]} == {
        ("block", "exact"): 3,
        ("block", "subtree"): 1,
        ("allow", "subtree"): 1,
    }
    assert found["complaints"] == sum(found["reasons"].values()) == 2
    assert [one["line"] for one in found["first_complaints"]] == [7, 8]


def test_people_read_the_same(mirage_hole, my_list):
    ran = mirage_hole("lists", "check", my_list)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"My list ({my_list})\n  format      hosts: ")
    assert "             3  block the name alone" in ran.out
    assert "  the complaints:\n    line 7: " in ran.out
    assert "line 8: " in ran.out


def test_the_number_of_complaints_shown_is_for_the_reader_to_choose(mirage_hole, my_list):
    assert "line 7:" not in mirage_hole("lists", "check", my_list, "--show", "0").out
    one = mirage_hole("lists", "check", my_list, "--show", "1").out
    assert "  the first complaints:\n    line 7: " in one
    assert "line 8:" not in one


def test_an_allowlist_allows(mirage_hole, my_list):
    found = json.loads(mirage_hole("lists", "check", my_list, "--allow", "--json").out)
    assert {one["action"] for one in found["kinds"]} == {"allow"}


EVERY_KIND = """\
! Expires: 12 hours
||sub.example^
||sub.example^$important
|one.example^
||*.below.example^
||ads-*.example^
||ads-*.example^
/^ads[0-9]+[.]/
||tv.example^$dnstype=AAAA
||print.example^$dnsrewrite=192.0.2.7
||sub.example^$badfilter
192.0.2.128/25
"""


def test_every_kind_of_rule_is_counted(mirage_hole, tmp_path):
    path = tmp_path / "kinds.txt"
    path.write_text(EVERY_KIND)
    found = json.loads(mirage_hole("lists", "check", str(path), "--format", "adblock", "--json").out)
    assert found["usable"] is True
    assert (found["rules"], found["duplicates"], found["complaints"]) == (11, 1, 0)
    assert {one["what"]: one["rules"] for one in found["kinds"]} == {
        "exact": 1,
        "subtree": 2,
        "below": 1,
        "pattern": 2,
        "regex": 1,
        "conditional": 3,
        "address": 1,
    }
    assert (found["important"], found["badfilter"], found["dnsrewrite"]) == (1, 1, 1)
    assert found["expires"] == 12 * 3600
    text = mirage_hole("lists", "check", str(path), "--format", "adblock").out
    assert "  expires     12 hours after a download\n" in text
    assert "             1  of these with $dnsrewrite\n" in text


def test_what_a_list_says_never_moves_the_cursor(mirage_hole, tmp_path):
    path = tmp_path / "hostile.txt"
    path.write_text("! Title: \x9b2JGone\n||a.example^\nnot a\x9b31m name\n\u202ebad\u200b line\n")
    for arguments in ((), ("--json",)):
        ran = mirage_hole("lists", "check", str(path), *arguments)
        assert ran.code == 0
        assert all(one.isprintable() or one == "\n" for one in ran.out)


def test_every_format_can_be_said():
    from mirage_hole.cli.lists import FORMAT_NAMES
    from mirage_hole.lists.formats import FORMATS

    assert set(FORMAT_NAMES) == set(FORMATS)


def test_the_format_may_be_said(mirage_hole, tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("ads.example\n")
    kinds = [
        json.loads(mirage_hole("lists", "check", str(path), "--json", *form).out)["kinds"]
        for form in ((), ("--format", "adblock"))
    ]
    assert [one["what"] for one in kinds[0]] == ["exact"]
    assert mirage_hole("lists", "check", str(path), "--format", "csv").code == 2


def test_the_starter_list_has_nothing_to_complain_of(mirage_hole):
    ran = mirage_hole("lists", "check", "starter")
    assert ran.code == 0
    assert "  complaints  0\n" in ran.out


def test_a_list_from_the_web_is_fetched_and_read(mirage_hole):
    with a_web_server(200, LIST.encode()) as url:
        found = json.loads(mirage_hole("lists", "check", url, "--json").out)
    assert (found["source"], found["rules"]) == (url, 5)


def test_a_packed_file_is_unpacked(mirage_hole, tmp_path):
    path = tmp_path / "mine.txt.gz"
    path.write_bytes(gzip.compress(LIST.encode()))
    assert "  rules       5\n" in mirage_hole("lists", "check", str(path)).out


@pytest.mark.parametrize(
    ("status", "body", "kind", "why"),
    [
        (404, b"gone", "text/plain", "404"),
        (200, b"<!DOCTYPE html><html><body>Sign in</body></html>", "text/html", "web page"),
        (200, b"", "text/plain", "empty"),
    ],
)
def test_what_the_web_sends_instead_of_a_list_is_a_failure_with_the_reason(mirage_hole, status, body, kind, why):
    with a_web_server(status, body, kind) as url:
        ran = mirage_hole("lists", "check", url)
    assert ran.code == 1
    assert why in ran.err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"# only\n# comments\n", "holds nothing but comments"),
        (b"<html><body>", "is a web page"),
        (b"ads.example\n\0\1\2", "is binary data"),
        (b"https://a.example/\nnot a name!\n", "holds no rule that can be read"),
    ],
)
def test_a_file_with_nothing_to_use_is_a_failure_with_its_report(mirage_hole, tmp_path, content, why):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    ran = mirage_hole("lists", "check", str(path))
    assert ran.code == 1
    assert f"mirage-hole: {path}: the list {why}" in ran.err
    assert "  format      " in ran.out
    assert json.loads(mirage_hole("lists", "check", str(path), "--json").out)["usable"] is False


def test_a_file_that_is_not_there_is_a_failure(mirage_hole, tmp_path):
    ran = mirage_hole("lists", "check", str(tmp_path / "none.txt"))
    assert ran.code == 1
    assert f"there is no file {tmp_path}/none.txt" in ran.err


def test_a_misspelt_name_is_wrong_usage_and_gets_the_nearest(mirage_hole):
    ran = mirage_hole("lists", "check", "oisd-smal")
    assert ran.code == 2
    assert "write oisd-small" in ran.err


def test_the_catalogue_names_every_list_with_what_it_breaks(mirage_hole):
    from mirage_hole.sources.catalogue import load_catalogue

    entries = load_catalogue()
    out = mirage_hole("lists", "catalogue").out
    assert out.startswith("starter\n")
    for entry in entries.values():
        assert f"{entry.key}    (--" in out
        assert entry.breaks in out
    found = json.loads(mirage_hole("lists", "catalogue", "--json").out)
    assert [one["key"] for one in found] == list(entries)
    assert {one["kind"] for one in found} <= {"block", "allow"}


def test_a_list_without_a_rule_is_said_to_be_in_none_of_our_formats(mirage_hole, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("ipset=/ads.example/ads\n")
    ran = mirage_hole("lists", "check", str(path))
    assert "  format      none of ours\n" in ran.out
    assert "a dnsmasq line" in ran.out


def test_a_misspelt_command_gets_the_nearest(mirage_hole):
    ran = mirage_hole("lists", "serch", "x")
    assert ran.code == 2
    assert "no such command: 'serch'; write search" in ran.err
    assert "write one of add, catalogue, check, confirm, diff, " in mirage_hole("lists", "zzz").err
