"""The published lists beside the repository, compiled as the server would: fast, small, and with no complaint that is a surprise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXPLAINED = {
    # Parts of a rule that only a browser can follow; the rule would block more than its author meant.
    "the modifier $all is for browsers, DNS can't follow it",
    "the modifier $popup is for browsers, DNS can't follow it",
    # Rules about addresses of pages: DNS sees names only.
    "a rule about a URL, DNS sees only names; write |name^",
    "a rule about a path, DNS sees only names",
    "an expression about a URL, DNS sees only names",
    # Written as AdGuard Home refuses it, too: $denyallow takes names of domains, and nothing else.
    "$denyallow with a wildcard or an expression; it names whole names",
    # Mistakes of a list: `||name^.denyallow=…` for `||name^$denyallow=…`, and a switch that would be about every name.
    "a | or ^ where no name begins or ends",
    "a pattern too wide: every name would match",
    # An address with a port; answers carry none.
    "an address with something behind it; rules are about addresses and networks alone",
}


@pytest.fixture(scope="module")
def report(shared_lists, tmp_path_factory):
    """What `lists report` says of all of them."""
    from click.testing import CliRunner

    from mirage_hole.cli.program import program

    ran = CliRunner().invoke(program, ["lists", "report", "--json", str(shared_lists)], catch_exceptions=False)
    assert ran.stderr == ""
    return json.loads(ran.stdout)


pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


def test_no_complaint_about_a_published_list_is_unexplained(report):
    assert {one["reason"] for one in report["reasons"]} - EXPLAINED == set()


def test_complaints_are_few_and_each_reason_has_an_example(report):
    assert sum(one["complaints"] for one in report["reasons"]) < 100
    assert all(one["example"] for one in report["reasons"])


def test_every_published_list_is_read_and_nearly_every_line_is_a_rule(report, shared_lists):
    files = [path for path in shared_lists.rglob("*") if path.is_file() and path.suffix != ".md"]
    assert len(report["lists"]) == len(files)
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    assert sum(one["rules"] for one in report["lists"]) > 0.99 * lines


def test_formats_are_found_out(report):
    found = {one["title"]: one["format"] for one in report["lists"]}
    for title, form in found.items():
        folder = Path(title).parts[0]
        if folder in {"hosts", "domains", "wildcard", "rpz", "unbound", "dnsmasq"}:
            assert form == folder, title
    assert found["regex/mmotti.list"] == "regex"


def test_lists_below_a_folder_called_allow_are_allowlists(report):
    for one in report["lists"]:
        assert one["kind"] == ("allow" if one["title"].startswith("allow/") else "block")


def test_the_compiler_stays_within_its_memory(report):
    assert report["peak_kib"] < 300 * 1024
