from __future__ import annotations

import contextlib

import pytest

from mirage_hole.api.server import start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.identity import Identity, Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import Endpoint
from mirage_hole.observe.attention import new_device
from mirage_hole.observe.devices import Device
from mirage_hole.observe.notices import Board, Condition
from mirage_hole.observe.outbox import Outbox
from tests.api.serving import a_state, get, get_json
from tests.observe.frames import NOON

SETTINGS = {
    "name": "hook", "kind": "webhook", "url": "https://hooks.example/***", "server": "", "to": (), "events": ("storage",),
    "every": "1h", "secret": "***", "secret_file": "", "password": "", "password_file": "",
}  # fmt: skip


class Target:
    def __init__(self):
        self.outbox = Outbox(3600.0)
        self.error = "the server answered 500"
        self.delivered_at = None


class Service:
    """What the routes act on."""

    def __init__(self):
        self.board = Board()
        self.board.look([Condition("storage", "", "critical", "The disk is full", "It is.", "Free some")], NOON)
        self.board.tell(new_device("192.168.1.9", ""), NOON + 1)
        self.tested = []

    def notices(self):
        return self.board.open(), self.board.closed()

    def dismiss(self, number, who):
        return self.board.dismiss(number, who, NOON + 5)

    def targets(self):
        return [(SETTINGS, Target())]

    async def test(self, name):
        self.tested.append(name)
        return (False, "the server answered 403") if name == "hook" else None

    def devices(self):
        return [
            (Device("192.168.1.20", "192.168.1.20", NOON - 9, NOON), "desk.lan"),
            (Device("2001:db8::/64", "2001:db8::7", NOON - 8, NOON - 1), ""),
        ]

    def name_of(self, address):
        return ""


@contextlib.asynccontextmanager
async def serving(service, role):
    parts = Parts(state=a_state(), notifications=service)
    server = await start_web(Endpoint("127.0.0.1", 0), parts, Everybody(Identity("eva", role, "session")))
    try:
        yield server.url
    finally:
        await server.cleanup()


async def test_what_needs_attention_is_told_newest_first():
    async with serving(Service(), Role.VIEWER) as url:
        told = await get_json(f"{url}/api/v1/notices")
    assert [(one["kind"], one["passing"], one["closed"]) for one in told["open"]] == [
        ("new-device", True, None),
        ("storage", False, None),
    ]
    assert told["open"][1]["advice"] == "Free some"
    assert told["closed"] == []


async def test_an_operator_dismisses_a_notice_and_a_viewer_does_not():
    service = Service()
    async with serving(service, Role.VIEWER) as url:
        status, _, _ = await get(f"{url}/api/v1/notices/1/dismiss", method="POST")
        assert status == 403
    async with serving(service, Role.OPERATOR) as url:
        told = await get_json(f"{url}/api/v1/notices/1/dismiss", method="POST")
        assert told["dismissed"] == "eva"
        await get_json(f"{url}/api/v1/notices/2/dismiss", method="POST")
        told = await get_json(f"{url}/api/v1/notices/99/dismiss", 404, method="POST")
        assert "99" in told["detail"]
        told = await get_json(f"{url}/api/v1/notices")
    assert [one["number"] for one in told["open"]] == [1]
    assert [one["number"] for one in told["closed"]] == [2]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_targets_are_for_admins(role):
    service = Service()
    async with serving(service, role) as url:
        await get_json(f"{url}/api/v1/notifications/targets", 403)
        await get_json(f"{url}/api/v1/notifications/test", 403, method="POST", json={"target": "hook"})
    assert service.tested == []


async def test_an_admin_sees_targets_without_secrets_and_tests_them():
    service = Service()
    async with serving(service, Role.ADMIN) as url:
        told = await get_json(f"{url}/api/v1/notifications/targets")
        (one,) = told["targets"]
        assert (one["url"], one["signed"], one["password"]) == ("https://hooks.example/***", True, False)
        assert one["error"] == "the server answered 500"
        assert "secret" not in one
        told = await get_json(f"{url}/api/v1/notifications/test", method="POST", json={"target": "hook"})
        assert told == {"delivered": False, "said": "the server answered 403"}
        told = await get_json(f"{url}/api/v1/notifications/test", 404, method="POST", json={"target": "phone"})
        assert told["problems"][0]["instead"] == "one of hook"
        await get_json(f"{url}/api/v1/notifications/test", 400, method="POST", json={"target": "hook", "url": "x"})


async def test_devices_have_names_times_and_what_they_asked():
    async with serving(Service(), Role.VIEWER) as url:
        told = await get_json(f"{url}/api/v1/devices")
        assert told["total"] == 2
        assert [one["device"] for one in told["devices"]] == ["192.168.1.20", "2001:db8::/64"]
        assert [one["name"] for one in told["devices"]] == ["desk.lan", ""]
        assert [(one["queries"], one["blocked"]) for one in told["devices"]] == [(3, 3), (1, 0)]
        for search, number in (("DESK", 1), ("2001:", 1), ("192.168.", 1), ("nobody", 0)):
            told = await get_json(f"{url}/api/v1/devices?search={search}")
            assert (told["total"], len(told["devices"])) == (number, number)
        told = await get_json(f"{url}/api/v1/devices?limit=1")
        assert (told["total"], len(told["devices"])) == (2, 1)
        await get_json(f"{url}/api/v1/devices?limit=0", 400)


async def test_a_server_without_notifications_says_so():
    async with serving(None, Role.ADMIN) as url:
        for path in ("notices", "notifications/targets", "devices"):
            await get_json(f"{url}/api/v1/{path}", 503)


@pytest.fixture
def naming(monkeypatch):
    """Has the door of the state's routes serve devices, too."""
    from mirage_hole.api.v1 import clients, devices
    from tests.api import test_state_routes

    monkeypatch.setattr(test_state_routes, "ROUTES", (*devices.ROUTES, *clients.ROUTES))
    monkeypatch.setattr(test_state_routes, "Parts", lambda **parts: Parts(notifications=Service(), **parts))
    return test_state_routes.opened


async def test_a_device_gets_a_name_another_name_and_company(tmp_path, naming):
    async with naming(tmp_path) as door:
        assert (await door.call("PATCH", "/devices/192.168.1.20", {"name": "Desk"}))[1] == {
            "name": "Desk",
            "addresses": ["192.168.1.20/32"],
        }
        await door.call("PATCH", "/clients/Desk", {"tags": ["adult"]})
        assert (await door.call("PATCH", "/devices/192.168.1.20", {"name": "Table"}))[0] == 200
        assert (await door.call("PATCH", "/devices/192.168.1.20", {"name": "table"}))[1]["name"] == "Table"
        status, said = await door.call("PATCH", "/devices/2001:db8::7", {"name": "Table"})
        assert (status, said["addresses"]) == (200, ["192.168.1.20/32", "2001:db8::/64"])
        (only,) = (await door.call("GET", "/clients"))[1]["clients"]
        assert (only["name"], only["tags"], only["counts"]) == ("Table", ["adult"], True)
        assert (await door.call("PATCH", "/devices/192.168.1.20", {"name": "Own"}))[0] == 200
        names = {one["name"]: one["addresses"] for one in (await door.call("GET", "/clients"))[1]["clients"]}
        assert names == {"Table": ["2001:db8::/64"], "Own": ["192.168.1.20/32"]}


async def test_what_can_not_be_named_is_refused_and_nothing_changes(tmp_path, naming):
    text = '[[client]]\nname = "Fixed"\naddresses = ["192.168.1.20"]\n'
    async with naming(tmp_path, text) as door:
        status, said = await door.call("PATCH", "/devices/192.168.1.20", {"name": "Desk"})
        assert status == 409
        assert "config.toml" in said["problems"][0]["what"]
        assert (await door.call("PATCH", "/devices/192.168.1.99", {"name": "Desk"}))[0] == 404
        assert (await door.call("PATCH", "/devices/2001:db8::7", {"name": "192.168.1.1"}))[0] == 422
        assert (await door.call("PATCH", "/devices/2001:db8::7", {"name": ""}))[0] == 400
        assert (await door.call("PATCH", "/devices/2001:db8::7", {"name": "Fixed"}))[0] in {409, 422}
        assert [one["name"] for one in (await door.call("GET", "/clients"))[1]["clients"]] == ["Fixed"]
