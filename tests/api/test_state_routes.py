"""Rules, clients, records, routes, settings and the audit log through their routes, over a real state and a real configuration."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mirage_hole.api.problems import Refusal, problem_response
from mirage_hole.api.v1 import audit, clients, records, routing, rules, settings
from mirage_hole.api.v1.dispatch import Everybody, mount
from mirage_hole.api.v1.identity import Identity, Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.read import read
from mirage_hole.config.stored import Stored
from mirage_hole.runtime.own_service import OwnRuleService
from mirage_hole.runtime.plan import CONCERNS, Part
from mirage_hole.runtime.rule_commands import RuleCommands
from mirage_hole.runtime.state_changes import StateChanges
from mirage_hole.store.state import StateStore
from mirage_hole.store.stored import read_stored
from tests.config.machine import a_host

ROUTES = (
    *rules.ROUTES,
    *clients.ROUTES,
    *records.ROUTES,
    *routing.ROUTES,
    *settings.ROUTES,
    *audit.ROUTES,
)
ADMIN = Identity("ann", Role.ADMIN, "session")
OPERATOR = Identity("ole", Role.OPERATOR, "session")


class Workers:
    """They take whatever they are told at once."""

    def use_own_rules(self, path: Path) -> int:
        return 1

    def own_rules_served(self, version: int) -> bool:
        return True


@dataclass
class Door:
    """A client, and what the server was told."""

    client: TestClient
    store: StateStore
    access: Everybody
    applied: list[Any] = field(default_factory=list)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.client.request(method, f"/api/v1{path}", json=body, headers=named)
        return answer.status, await answer.json() if answer.status != 204 else None

    async def tag(self, path: str) -> str:
        return (await self.client.get(f"/api/v1{path}")).headers["ETag"]

    def act_as(self, identity: Identity) -> None:
        self.access._identity = identity


@web.middleware
async def _problems(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return problem_response(refusal)


@pytest.fixture
async def door(tmp_path: Path):
    async with opened(tmp_path) as door:
        yield door


@asynccontextmanager
async def opened(tmp_path: Path, text: str = "", flags: dict[str, Any] | None = None):
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    config = tmp_path / "config.toml"
    config.write_text(f'[server]\nstate_directory = "{state}"\n{text}')
    host = a_host(tmp_path)

    def reading(stored: Stored | None) -> Any:
        given = (lambda found: Stored(*read_stored(found))) if stored is None else lambda _: stored
        return read(flags or {}, {}, host, str(config), stored=given, strict=stored is not None)

    store = StateStore(state)
    own = OwnRuleService(state, Workers(), store=store)
    applied: list[Any] = []
    changes = StateChanges(store, reading, settings=applied.append, lists=lambda: None, rules=own.catch_up)
    access = Everybody(ADMIN)
    app = web.Application(middlewares=[_problems])
    mount(app, Parts(changes=changes, rules=RuleCommands(own)), access, ROUTES)
    async with TestClient(TestServer(app)) as client:
        yield Door(client, store, access, applied)
    store.close()


async def test_rules_are_added_found_changed_and_removed(door: Door) -> None:
    status, said = await door.call("POST", "/rules", {"texts": ["a.example", "||b.example^"], "comment": "why"})
    assert (status, [one["number"] for one in said["rules"]], said["live"]) == (200, [1, 2], True)
    _, page = await door.call("GET", "/rules?text=B.EX")
    assert [one["text"] for one in page["rules"]] == ["||b.example^"]
    status, said = await door.call("PATCH", "/rules/1", {"enabled": False, "text": "c.example", "seconds": 60})
    assert status == 200
    assert (said["rules"][0]["text"], said["rules"][0]["enabled"]) == ("c.example", False)
    assert said["rules"][0]["until"] is not None
    assert (await door.call("GET", "/rules?enabled=false"))[1]["total"] == 1
    assert (await door.call("DELETE", "/rules/1"))[0] == 200
    assert (await door.call("DELETE", "/rules/1"))[0] == 404
    assert (await door.call("GET", "/rules/1"))[0] == 404
    assert (await door.call("PATCH", "/rules/1", {"enabled": True}))[0] == 404
    assert (await door.call("PUT", "/rules", {"texts": ["z.example"]}))[0] == 200
    assert [one["text"] for one in (await door.call("GET", "/rules"))[1]["rules"]] == ["z.example"]


async def test_rules_come_page_by_page(door: Door) -> None:
    await door.call("POST", "/rules", {"texts": [f"n{number}.example" for number in range(5)]})
    seen, after = [], 0
    while after is not None:
        _, page = await door.call("GET", f"/rules?limit=2&after={after}")
        seen += [one["number"] for one in page["rules"]]
        assert page["total"] == 5
        after = page["next"]
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "ads.example"}, "ads.example"),
        ({"name": "ads.example", "scope": "subtree"}, "||ads.example^"),
        ({"name": "ads.example", "action": "allow"}, "@@|ads.example^"),
        ({"name": "ads.example.", "action": "allow", "scope": "subtree"}, "@@||ads.example^"),
        ({"name": "ads.example", "client": "My Desk"}, "|ads.example^$client='My Desk'"),
        ({"name": "ads.example", "scope": "subtree", "client": "fd00::/8"}, "||ads.example^$client='fd00::/8'"),
    ],
)
async def test_a_rule_may_be_given_by_its_name(door: Door, body: dict[str, Any], text: str) -> None:
    status, said = await door.call("POST", "/rules", body)
    assert (status, said["rules"][0]["text"]) == (200, text)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "a.example", "name": "b.example"},
        {"text": "a.example", "scope": "subtree"},
        {"text": "two words"},
        {"name": "a.example^$important"},
        {"name": "a.example", "client": "x,y"},
        {"texts": ["a.example", "/(/"]},
        {"text": "a.example", "seconds": 0},
        {"text": "a.example", "comment": "x" * 501},
        {"text": "a" * 2000},
    ],
)
async def test_what_is_no_rule_is_refused_and_nothing_is_added(door: Door, body: dict[str, Any]) -> None:
    assert (await door.call("POST", "/rules", body))[0] == 400
    assert (await door.call("GET", "/rules"))[1]["total"] == 0


async def test_a_change_of_what_somebody_else_has_changed_is_refused(door: Door) -> None:
    await door.call("POST", "/rules", {"text": "a.example"})
    seen = await door.tag("/rules/1")
    assert (await door.call("PATCH", "/rules/1", {"comment": "x"}, If_Match=seen))[0] == 200
    assert (await door.call("PATCH", "/rules/1", {"comment": "y"}, If_Match=seen))[0] == 412
    assert (await door.call("DELETE", "/rules/1", If_Match=seen))[0] == 412
    assert (await door.call("GET", "/rules/1"))[1]["comment"] == "x"


async def test_clients_count_at_once_and_survive(door: Door, tmp_path: Path) -> None:
    body = {"name": "Desk", "addresses": ["192.0.2.7"], "tags": ["pc"]}
    status, said = await door.call("POST", "/clients", body)
    assert (status, said["counts"], said["origin"]) == (201, True, "stored")
    assert [one.name for one in door.applied[-1].clients] == ["Desk"]
    assert (await door.call("POST", "/clients", body))[0] == 409
    status, said = await door.call("PATCH", "/clients/Desk", {"name": "Table", "addresses": ["192.0.2.8"]})
    assert (status, said["name"]) == (200, "Table")
    async with opened(tmp_path) as again:
        assert [one["name"] for one in (await again.call("GET", "/clients"))[1]["clients"]] == ["Table"]
    assert (await door.call("DELETE", "/clients/Table"))[0] == 204
    assert door.applied[-1].clients == ()


async def test_all_that_is_wrong_with_a_client_is_told_at_its_field(door: Door) -> None:
    body = {"name": "10.0.0.1", "addresses": ["nonsense", "192.0.2.999"], "tags": ["Bad Tag"]}
    status, said = await door.call("POST", "/clients", body)
    assert status == 422
    assert [one["where"] for one in said["problems"]] == ["name", "addresses", "addresses", "tags"]
    assert (await door.call("GET", "/clients"))[1]["clients"] == []
    assert door.applied == []


async def test_what_the_file_has_is_shown_and_only_changed_there(tmp_path: Path) -> None:
    text = '[blocking]\nmode = "nodata"\n[[client]]\nname = "TV"\naddresses = "192.0.2.9"\n'
    async with opened(tmp_path, text) as door:
        [tv] = (await door.call("GET", "/clients"))[1]["clients"]
        assert (tv["name"], tv["addresses"], tv["changeable"]) == ("TV", ["192.0.2.9"], False)
        assert tv["origin"].endswith("config.toml:5")
        status, said = await door.call("POST", "/clients", {"name": "tv", "addresses": ["192.0.2.1"]})
        assert status == 409
        assert "config.toml:5" in said["detail"]
        status, said = await door.call("PATCH", "/settings", {"settings": {"blocking.mode": "nxdomain"}})
        assert status == 409
        assert "config.toml:4" in said["detail"]
        assert door.store.rows("clients") == door.store.rows("settings") == []


async def test_records_groups_and_routes_count(door: Door) -> None:
    status, nas = await door.call(
        "POST", "/records", {"name": "nas.lan", "type": "A", "value": "192.0.2.5", "ttl": "1h"}
    )
    assert (status, nas["number"]) == (201, 1)
    assert (await door.call("POST", "/records", {"name": "nas.lan", "type": "A", "value": "192.0.2.5"}))[0] == 409
    assert (await door.call("POST", "/records", {"name": "nas.lan", "type": "A", "value": "nonsense"}))[0] == 422
    assert (await door.call("PATCH", "/records/1", {"value": "192.0.2.6"}))[0] == 200
    assert [one.value for one in door.applied[-1].records] == ["192.0.2.6"]
    assert (await door.call("POST", "/groups", {"name": "office", "servers": ["10.0.0.1"]}))[0] == 201
    assert (await door.call("POST", "/routes", {"domains": ["corp.example"], "group": "office"}))[0] == 201
    assert door.applied[-1].routes[0].group == "office"
    status, said = await door.call("DELETE", "/groups/office")
    assert status == 422
    assert "no such group" in said["detail"]
    assert (await door.call("DELETE", "/routes/1"))[0] == 204
    assert (await door.call("DELETE", "/groups/office"))[0] == 204


async def test_settings_are_stored_taken_and_reset(door: Door) -> None:
    wanted = {"blocking.mode": "nxdomain", "upstream.timeout": "3s", "server.workers": 3}
    status, said = await door.call("PATCH", "/settings", {"settings": wanted})
    assert status == 200
    assert said["changed"] == list(wanted)
    assert said["needs_restart"] == ["server.workers"]
    assert (door.applied[-1].block_mode, door.applied[-1].timeout) == ("nxdomain", 3.0)
    _, shown = await door.call("GET", "/settings/blocking.mode")
    assert (shown["value"], shown["origin"], shown["default"], shown["stored"]) == (
        "nxdomain",
        "stored",
        "null",
        "nxdomain",
    )
    assert shown["choices"]
    assert (await door.call("DELETE", "/settings/blocking.mode"))[0] == 200
    assert door.applied[-1].block_mode == "null"
    _, every = await door.call("GET", "/settings")
    assert {one["path"]: one["origin"] for one in every["settings"]}["server.state_directory"] == "file"
    assert all(one["description"] and one["write"] for one in every["settings"])


async def test_one_wrong_setting_among_many_changes_nothing_and_all_wrong_ones_are_told(door: Door) -> None:
    wanted = {"blocking.mode": "nonsense", "upstream.timeout": "a while", "cache.keep": False}
    status, said = await door.call("PATCH", "/settings", {"settings": wanted})
    assert status == 422
    assert {one["where"] for one in said["problems"]} == {"blocking.mode", "upstream.timeout"}
    assert (await door.call("PATCH", "/settings", {"settings": {"no.such": 1}}))[0] == 422
    assert (await door.call("PATCH", "/settings", {"settings": {"server.user": "nobody"}}))[0] == 409
    assert (await door.call("PATCH", "/settings", {"settings": {}}))[0] == 400
    assert (await door.call("DELETE", "/settings/no.such"))[0] == 404
    assert door.store.rows("settings") == []
    assert door.applied == []


async def test_what_a_flag_says_is_not_changed(tmp_path: Path) -> None:
    async with opened(tmp_path, flags={"blocking.mode": "refused"}) as door:
        status, said = await door.call("PATCH", "/settings", {"settings": {"blocking.mode": "nxdomain"}})
        assert status == 409
        assert "--block-mode" in said["detail"]
        _, shown = await door.call("GET", "/settings/blocking.mode")
        assert (shown["changeable"], shown["value"]) == (False, "refused")


async def test_a_password_in_an_address_is_shown_to_nobody_and_kept_when_it_is_sent_back(door: Door) -> None:
    url = "https://me:secret@one.example/list.txt"
    await door.call("PATCH", "/settings", {"settings": {"lists.block": [url]}})
    _, shown = await door.call("GET", "/settings/lists.block")
    assert "me:secret" not in str(shown)
    await door.call("PATCH", "/settings", {"settings": {"lists.block": [*shown["value"], "starter"]}})
    assert door.store.row("settings", "lists.block") == {"path": "lists.block", "value": [url, "starter"]}


async def test_every_change_is_in_the_audit_log_and_can_be_undone(door: Door) -> None:
    await door.call("POST", "/rules", {"text": "a.example"})
    await door.call("PATCH", "/settings", {"settings": {"blocking.mode": "nxdomain"}})
    await door.call("POST", "/clients", {"name": "Desk", "addresses": ["192.0.2.7"]})
    _, page = await door.call("GET", "/audit")
    assert [(one["who"], one["what"], one["target"]) for one in page["changes"]] == [
        ("ann", "add client", "client Desk"),
        ("ann", "change settings", "blocking.mode"),
        ("ann", "add rules", "rule 1"),
    ]
    assert (await door.call("POST", "/audit/1/undo"))[1]["tables"] == ["rules"]
    assert (await door.call("GET", "/rules"))[1]["total"] == 0
    assert (await door.call("POST", "/audit/2/undo"))[0] == 200
    assert door.applied[-1].block_mode == "null"
    assert (await door.call("POST", "/audit/2/undo"))[0] == 409
    assert (await door.call("POST", "/audit/99/undo"))[0] == 404
    assert (await door.call("POST", "/audit/4/undo"))[0] == 200
    assert (await door.call("GET", "/rules/1"))[1]["text"] == "a.example"
    _, page = await door.call("GET", "/audit?who=ann&limit=2&what=undo")
    assert page["next"] is not None
    assert page["changes"][0]["undoes"] == 4


async def test_an_undo_that_the_configuration_refuses_changes_nothing(door: Door) -> None:
    await door.call("POST", "/groups", {"name": "office", "servers": ["10.0.0.1"]})
    await door.call("POST", "/routes", {"domains": ["corp.example"], "group": "office"})
    status, said = await door.call("POST", "/audit/1/undo")
    assert status == 422
    assert "no such group" in said["detail"]
    assert door.store.rows("groups")


async def test_an_operator_undoes_what_operators_change_and_nothing_else(door: Door) -> None:
    await door.call("POST", "/rules", {"text": "a.example"})
    await door.call("PATCH", "/settings", {"settings": {"blocking.mode": "nxdomain"}})
    door.act_as(OPERATOR)
    assert (await door.call("POST", "/audit/2/undo"))[0] == 403
    assert (await door.call("POST", "/audit/1/undo"))[0] == 200


async def test_on_a_disk_that_can_only_be_read_writes_are_refused_clearly_and_reads_go_on(door: Door) -> None:
    await door.call("POST", "/rules", {"text": "a.example"})
    door.store.read(lambda connection: connection.execute("PRAGMA query_only = ON"))
    for method, path, body in (
        ("POST", "/rules", {"text": "b.example"}),
        ("POST", "/clients", {"name": "Desk", "addresses": ["192.0.2.7"]}),
        ("PATCH", "/settings", {"settings": {"blocking.mode": "nxdomain"}}),
        ("POST", "/audit/1/undo", None),
    ):
        status, said = await door.call(method, path, body)
        assert status == 503
        assert "read-only" in said["detail"]
    assert (await door.call("GET", "/rules"))[1]["total"] == 1
    assert (await door.call("GET", "/audit"))[1]["changes"]
    assert (await door.call("GET", "/clients"))[0] == 200


def test_every_setting_that_needs_a_restart_says_so() -> None:
    fixed = {name for name, parts in CONCERNS.items() if Part.RESTART in parts}
    assert set(settings.NEEDS_RESTART.values()) == fixed


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/audit?who=%ff%fe", None),
        ("GET", "/audit?target=%00&below=9007199254740992&since=1e12", None),
        ("GET", "/rules?text=%ff", None),
        ("GET", "/clients/%ff", None),
        ("DELETE", "/clients/%25%27%3B--", None),
        ("GET", "/rules/999999999999999999", None),
        ("DELETE", "/records/999999999999999999", None),
        ("POST", "/rules", {"text": "\ud800"}),
        ("POST", "/rules", {"text": "a.example", "comment": "\x00'; DROP TABLE rules; --"}),
        ("POST", "/clients", {"name": "\x00", "addresses": ["192.0.2.1"]}),
        ("POST", "/clients", {"name": "'; DROP TABLE clients; --", "addresses": ["192.0.2.1"]}),
        ("POST", "/records", {"name": "a", "type": "TXT", "value": "\x00", "ttl": 1e308}),
        ("POST", "/records", {"name": "a", "type": "TXT", "value": "x", "ttl": "9" * 20}),
        ("PATCH", "/settings", {"settings": {"upstream.timeout": 1e308}}),
        ("PATCH", "/settings", {"settings": {"server.port": 2**70}}),
        ("PATCH", "/settings", {"settings": {"lists.block": ["\x00", "../../etc/passwd"]}}),
        ("PATCH", "/settings", {"settings": {"blocking.mode": True}}),
        ("POST", "/audit/999999999999999999/undo", None),
    ],
)
async def test_nothing_that_is_sent_breaks_anything(door: Door, method: str, path: str, body: Any) -> None:
    status, said = await door.call(method, path, body)
    assert status < 500, said
    assert (await door.call("GET", "/rules"))[0] == 200
    assert (await door.call("GET", "/clients"))[0] == 200
