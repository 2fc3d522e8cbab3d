"""What is changed through the API serves at once, survives kill -9, and can be taken back, on a real server."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from mirage_hole.cli.control import Refused, call
from tests.live.conftest import ListServer, Sinkhole, wait_for


def api(one: Sinkhole, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return call(one.directory / "state", method, f"/api/v1{path}", body)


def test_rules_and_settings_count_at_once_survive_kill_9_and_are_undone(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    said = api(one, "POST", "/rules", {"name": "ads.example", "scope": "subtree"})
    assert said["live"]
    assert one.blocks("x.ads.example")
    said = api(one, "PATCH", "/settings", {"settings": {"blocking.mode": "nxdomain", "cache.keep": False}})
    assert said["needs_restart"] == []
    wait_for(lambda: not one.blocks("x.ads.example"), "another kind of answer")
    with pytest.raises(Refused, match="--"):
        api(one, "PATCH", "/settings", {"settings": {"server.listen": ["127.0.0.1"]}})
    one.signal(signal.SIGKILL)
    one.stop()
    one.start()
    assert [row["text"] for row in api(one, "GET", "/rules")["rules"]] == ["||ads.example^"]
    assert api(one, "GET", "/settings/blocking.mode")["value"] == "nxdomain"
    changes = {row["what"]: row["number"] for row in api(one, "GET", "/audit")["changes"]}
    api(one, "POST", f"/audit/{changes['change settings']}/undo")
    wait_for(lambda: one.blocks("x.ads.example"), "the kind of answer from before")
    api(one, "POST", f"/audit/{changes['add rules']}/undo")
    assert not one.blocks("x.ads.example")


def test_a_local_record_and_a_client_count_at_once(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    record = api(one, "POST", "/records", {"name": "nas.lan", "type": "A", "value": "192.0.2.5"})
    wait_for(lambda: "192.0.2.5" in str(one.ask("nas.lan")), "the record")
    api(one, "PATCH", f"/records/{record['number']}", {"value": "192.0.2.6"})
    wait_for(lambda: "192.0.2.6" in str(one.ask("nas.lan")), "the other address")
    api(one, "POST", "/clients", {"name": "Me", "addresses": ["127.0.0.0/8"]})
    api(one, "POST", "/rules", {"name": "mine.example", "client": "Me"})
    wait_for(lambda: one.blocks("mine.example"), "the rule for the client")


def test_what_was_written_by_a_version_before_the_database_counts(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    one.stop()
    for path in (one.directory / "state").glob("state.*db*"):
        path.unlink()
    (one.directory / "state/own-rules.json").write_text('{"version": 1, "rules": [{"id": 5, "text": "old.example"}]}')
    one.start()
    wait_for(lambda: one.blocks("old.example"), "the rule of the older version")
    assert api(one, "GET", "/rules")["rules"][0]["number"] == 5
    assert (one.directory / "state/own-rules.json.migrated").exists()


def test_a_list_is_added_seen_switched_off_and_removed(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    (list_server.directory / "list.txt").write_text("listed.example\nno rule at all\n")
    one = sinkhole()
    added = api(one, "POST", "/lists", {"source": list_server.url("list.txt"), "title": "Mine"})
    assert added["changed"]
    wait_for(lambda: one.blocks("listed.example"), "the list")
    path = f"/lists/{added['key']}"
    wait_for(lambda: api(one, "GET", path)["complaints"], "the report")
    shown = api(one, "GET", path)
    assert (shown["title"], shown["added"], shown["complaints"][0]["line"]) == ("Mine", True, 2)
    report = api(one, "GET", "/lists/report?overlap=true&complaints=5")
    assert "Mine" in [row["title"] for row in report["lists"]]
    assert [row[number] for number, row in enumerate(report["overlap"])][-1] == 1
    assert api(one, "PATCH", path, {"enabled": False})["changed"]
    wait_for(lambda: not one.blocks("listed.example"), "the list to be off")
    assert added["key"] not in [row["key"] for row in api(one, "GET", "/lists")["lists"]]
    assert {row["key"]: row["state"] for row in api(one, "GET", "/lists?all=true")["lists"]}[added["key"]] == "off"
    with pytest.raises(Refused, match="switched off"):
        api(one, "POST", "/lists/update", {"lists": [added["key"]]})
    assert api(one, "PATCH", path, {"enabled": True, "title": "Yours"})["title"] == "Yours"
    assert added["key"] in api(one, "POST", "/lists/update", {})["lists"]
    with pytest.raises(Refused, match="held back"):
        api(one, "POST", f"{path}/confirm")
    api(one, "DELETE", path)
    with pytest.raises(Refused, match="no list here"):
        api(one, "GET", path)
    assert any(known["name"] == "oisd-small" for known in api(one, "GET", "/lists/catalogue")["lists"])
    what = [row["what"] for row in api(one, "GET", "/audit?target=list")["changes"]]
    assert what == ["remove list", "switch list on", "change list", "switch list off", "add list"]
