"""The control socket as a file, and whoever speaks through it: right, wrong, and far too much."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import stat
import threading

import aiohttp
import pytest

from mirage_hole.api.commands import MAX_BODY
from mirage_hole.runtime import commands, control_socket, list_commands
from mirage_hole.runtime.cache_service import CacheService
from mirage_hole.runtime.commands import Commands, CommandService
from mirage_hole.runtime.control_socket import NAME, listen, reachable
from mirage_hole.runtime.gathering import Gathered
from mirage_hole.runtime.list_commands import ListCommands
from mirage_hole.runtime.list_service import ListService
from mirage_hole.runtime.own_service import OwnRuleService
from mirage_hole.runtime.serving import ServingPolicy
from tests.net.edge import PATIENCE, until
from tests.runtime.settings import a_settled

MANY = 100
NOBODY = 65534


class Workers:
    """They serve whatever they are told at once."""

    def use_own_rules(self, path) -> int:
        return 1

    def own_rules_served(self, version: int) -> bool:
        return True

    async def gather(self, message) -> Gathered:
        """Worker 1 has nothing to show and forgets three entries; worker 2 says nothing."""
        return Gathered({1: {"found": 0, "entries": [], "flushed": 3}}, (2,))


class Client:
    """Speaks HTTP with a control socket."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, method: str, path: str, **how):
        async with self._session.request(method, f"http://localhost{path}", **how) as response:
            return response.status, await response.json(content_type=None)


@contextlib.asynccontextmanager
async def a_server(state):
    """A control socket with own rules and no list."""
    settled = a_settled(state)
    lists = ListService(settled, ServingPolicy(), lambda _: None)
    carried_out = Commands(OwnRuleService(state, Workers()), ListCommands(lists, list), CacheService(Workers()))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(CommandService(state, carried_out).run())
        await until((state / NAME).exists)
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(state / NAME), limit=0)) as session:
            yield Client(session)
        task.cancel()


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


def test_only_the_owner_may_open_the_socket(state):
    with listen(state):
        mode = (state / NAME).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_a_socket_that_a_dead_server_left_is_replaced(state):
    listen(state).close()
    assert (state / NAME).exists()
    with listen(state), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(state / NAME))


def test_a_second_server_in_the_same_directory_is_refused_with_a_reason(state):
    with listen(state), pytest.raises(OSError, match="another server uses this state directory"):
        listen(state)
    listen(state).close()


def test_a_path_that_is_too_long_for_a_socket_is_reached_all_the_same(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    with listen(deep), reachable(deep) as path, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    assert (deep / NAME).exists()


async def test_the_socket_of_another_server_is_taken_over_once_that_has_ended(state, monkeypatch, caplog):
    monkeypatch.setattr(commands, "AGAIN", 0.01)
    other = listen(state)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(CommandService(state, None)._until_made())
        await until(lambda: "another server uses this state directory" in caplog.text)
        other.close()
        (await waiting).close()
    assert caplog.text.count("another server") == 1


def test_its_name_appears_once_it_can_be_connected_to(state, monkeypatch):
    """Else commands are refused at a start, and a second server thinks that this one is dead."""
    seen = []

    class Watched(socket.socket):
        def listen(self, backlog):
            seen.append((state / NAME).exists())
            super().listen(backlog)

    monkeypatch.setattr(control_socket.socket, "socket", Watched)
    listen(state).close()
    assert seen == [False]
    assert [file.name for file in state.iterdir()] == [NAME]


async def test_who_ends_while_the_socket_is_made_leaves_nothing(state, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    made = []

    def slowly(directory):
        begun.set()
        assert go_on.wait(PATIENCE)
        made.append(listen(directory))
        return made[0]

    monkeypatch.setattr(commands, "listen", slowly)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(CommandService(state, None).run())
        await until(begun.is_set)
        task.cancel()
        go_on.set()
    assert made[0].fileno() == -1
    assert not (state / NAME).exists()


async def test_the_socket_is_gone_when_the_server_has_ended(state):
    async with a_server(state) as client:
        assert (await client.ask("GET", "/health"))[1]["pid"] == os.getpid()
    assert not (state / NAME).exists()


async def test_a_rule_is_added_listed_changed_and_removed(state):
    async with a_server(state) as client:
        status, said = await client.ask("POST", "/rules", json={"text": "ads.example", "comment": "why", "seconds": 60})
        assert (status, said["live"], said["notes"]) == (200, True, [])
        (rule,) = said["rules"]
        assert rule["until"] - rule["created"] == pytest.approx(60, abs=5)
        _, said = await client.ask("POST", "/rules", json={"rules": ["@@ads.example"]})
        assert "contradicts your rule 1" in said["notes"][0]
        _, said = await client.ask("PATCH", "/rules", json={"rules": [1], "enabled": False})
        assert [one["enabled"] for one in said["rules"]] == [False]
        _, said = await client.ask("DELETE", "/rules", json={"rules": ["ads.example", 99]})
        assert [one["id"] for one in said["rules"]] == [1]
        await client.ask("PUT", "/rules", json={"rules": ["b.example"]})
        _, said = await client.ask("GET", "/rules")
        assert [one["text"] for one in said["rules"]] == ["b.example"]


async def test_a_flush_says_what_was_forgotten_and_who_said_nothing(state):
    async with a_server(state) as client:
        _, said = await client.ask("POST", "/cache/flush", json={"name": "ads.example", "subtree": True})
        assert said == {"flushed": 3, "workers": 1, "silent": [2]}
        _, said = await client.ask("POST", "/cache/show", json={})
        assert said == {"found": 0, "entries": [], "workers": 1, "silent": [2]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "/rules", b"{", 400, "no JSON"),
        ("POST", "/rules", b"\xff\xfe", 400, "no JSON"),
        ("POST", "/rules", b"[]", 400, "no JSON object"),
        ("POST", "/rules", b"{}", 400, "rules"),
        ("POST", "/rules", b'{"text": 7}', 400, "text"),
        ("POST", "/rules", b'{"text": "a.example", "seconds": -1}', 400, "seconds"),
        ("POST", "/rules", b'{"text": "a.example", "seconds": true}', 400, "seconds"),
        ("POST", "/rules", b'{"text": "a.example", "seconds": 1e300}', 400, "seconds"),
        ("POST", "/rules", b'{"rules": ["two words", "/(/"]}', 400, "/(/"),
        ("DELETE", "/rules", b'{"rules": [true]}', 400, "numbers and texts"),
        ("PATCH", "/rules", b'{"rules": [1]}', 400, "true or false"),
        ("POST", "/lists", b'{"source": "x", "kind": "grey"}', 400, "block or allow"),
        ("POST", "/lists", b'{"source": "no-such-list"}', 400, "catalogue"),
        ("POST", "/lists", b'{"source": "https://x.example/l", "format": "xml"}', 400, "no format"),
        ("DELETE", "/lists", b'{"source": "nothing"}', 400, "no list here"),
        ("POST", "/lists/update", b'{"sources": "all"}', 400, "no list of texts"),
        ("POST", "/lists/update", b'{"sources": ["nothing"]}', 503, "not looked at yet"),
        ("POST", "/cache/show", b'{"limit": 0}', 400, "1 to 1000"),
        ("POST", "/cache/show", b'{"name": "a..b"}', 400, "no domain name"),
        ("POST", "/cache/flush", b"{}", 400, "name"),
        ("POST", "/cache/flush", b'{"name": "a.example", "subtree": 1}', 400, "true or false"),
        ("GET", "/nowhere", b"", 404, "GET /nowhere"),
        ("POST", "/health", b"", 405, "POST /health"),
    ],
)
async def test_a_wrong_request_is_refused_with_what_to_do(state, monkeypatch, method, path, body, status, told):
    monkeypatch.setattr(list_commands, "LOOKED_AT_WITHIN", 0.0)
    async with a_server(state) as client:
        found, problem = await client.ask(method, path, data=body)
        assert (found, problem["status"]) == (status, status)
        assert told in problem["detail"]
        assert (await client.ask("GET", "/rules"))[1] == {"rules": []}


async def test_a_body_that_is_too_large_is_refused(state):
    async with a_server(state) as client:
        with contextlib.suppress(aiohttp.ClientConnectionError):  # it may hang up before it has read everything
            status, problem = await client.ask("POST", "/rules", data=io.BytesIO(b" " * (MAX_BODY + 1)))
            assert status == 413
            assert "send fewer rules" in problem["detail"]
        assert (await client.ask("GET", "/health"))[0] == 200


async def test_a_hundred_clients_at_once_lose_no_rule(state):
    async with a_server(state) as client:
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(client.ask("POST", "/rules", json={"text": f"n{number}.example"}))
                for number in range(MANY)
            ]
        assert {one.result()[0] for one in asked} == {200}
        _, said = await client.ask("GET", "/rules")
    assert len({one["id"] for one in said["rules"]}) == MANY


async def test_idle_connections_hold_nobody_up(state):
    async with a_server(state) as client:
        with contextlib.ExitStack() as stack:
            for _ in range(MANY):
                idle = stack.enter_context(socket.socket(socket.AF_UNIX))
                idle.setblocking(False)
                await asyncio.get_running_loop().sock_connect(idle, str(state / NAME))
            assert (await client.ask("GET", "/health"))[0] == 200


async def test_somebody_else_is_refused_even_with_the_socket_in_his_hand(state, monkeypatch):
    async with a_server(state):
        with socket.socket(socket.AF_UNIX) as stranger:
            if os.geteuid() == 0:
                (state / NAME).chmod(0o666)
                state.chmod(0o755)
                monkeypatch.chdir(state)  # the folders above are closed for others
                os.seteuid(NOBODY)
                try:
                    stranger.connect(NAME)
                finally:
                    os.seteuid(0)
            else:
                monkeypatch.setattr("mirage_hole.api.commands.os.geteuid", lambda: os.getuid() + 1)
                stranger.connect(str(state / NAME))
            stranger.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(stranger, b"GET /rules HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await loop.sock_recv(stranger, 4096)
            assert answer.startswith(b"HTTP/1.1 403 ")


async def test_whoever_goes_away_during_an_update_is_forgotten(state, monkeypatch):
    monkeypatch.setattr(list_commands, "ALIVE_EVERY", 0.01)
    lists = ListService(a_settled(state), ServingPolicy(), lambda _: None)
    # The workers never say that they serve, so an update takes long.
    slow = ListCommands(lists, list, lambda: False)
    carried_out = Commands(OwnRuleService(state, Workers()), slow, CacheService(Workers()))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part.run()) for part in (CommandService(state, carried_out), lists)]
        await until((state / NAME).exists)
        reader, writer = await asyncio.open_unix_connection(state / NAME)
        writer.write(b"POST /lists/update HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readuntil(b'{"event":"working"}\n')
        assert len(lists.progress._listeners) == 1
        writer.close()
        await until(lambda: not lists.progress._listeners)
        for task in tasks:
            task.cancel()
