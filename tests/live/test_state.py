"""What is changed through the API serves at once, survives kill -9, and can be taken back, on a real server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from mirage_hole.cli.control import Refused, call
from tests.live.conftest import Sinkhole, wait_for


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
    for name in os.listdir(one.directory / "state"):
        if name.startswith(("state.db", "state.backup")):
            (one.directory / "state" / name).unlink()
    (one.directory / "state/own-rules.json").write_text('{"version": 1, "rules": [{"id": 5, "text": "old.example"}]}')
    one.start()
    wait_for(lambda: one.blocks("old.example"), "the rule of the older version")
    assert api(one, "GET", "/rules")["rules"][0]["number"] == 5
    assert (one.directory / "state/own-rules.json.migrated").exists()
