"""``mirage-hole user``, with a running server and without one."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from mirage_hole.store import accounts
from mirage_hole.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOOD = "a fine long password"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory."""
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


@contextlib.contextmanager
def a_server(directory: Path) -> Iterator[None]:
    """The routes behind a control socket in that directory."""
    from aiohttp import web

    from mirage_hole.api.access.service import AccessService
    from mirage_hole.api.problems import Refusal, problem_response
    from mirage_hole.api.v1.dispatch import Everybody, mount
    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.runtime.control_socket import listen

    up, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    @web.middleware
    async def outermost(request: web.Request, handler: object) -> web.StreamResponse:
        try:
            return await handler(request)  # type: ignore[operator]
        except Refusal as refusal:
            return problem_response(refusal)

    async def serve() -> None:
        store = StateStore(directory)
        app = web.Application(middlewares=[outermost])
        mount(app, Parts(access=AccessService(store)), Everybody())
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listen(directory)).start()
        up.set()
        await stop.wait()
        await runner.cleanup()
        store.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert up.wait(30)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
        (directory / "control.sock").unlink(missing_ok=True)


@pytest.fixture(params=["server", "no server"])
def server(request: pytest.FixtureRequest, state: Path) -> Iterator[bool]:
    """Whether one runs."""
    with a_server(state) if request.param == "server" else contextlib.nullcontext():
        yield request.param == "server"


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Standard input is no terminal and has this."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.usefixtures("server")
def test_the_first_user_is_admin_and_the_next_is_viewer(
    mirage_hole: Callable, state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    typed(monkeypatch, GOOD + "\nanother line\n")
    assert mirage_hole("user", "add", "ada", "--state", str(state)).out == "ada is admin now\n"
    file = tmp_path / "password"
    file.write_text(GOOD + "\r\n")
    ran = mirage_hole("user", "add", "vic", "--password-file", str(file), "--state", str(state))
    assert ran.out == "vic is viewer now\n"
    rows = json.loads(mirage_hole("user", "list", "--json", "--state", str(state)).out)["users"]
    assert [(row["name"], row["role"]) for row in rows] == [("ada", "admin"), ("vic", "viewer")]
    shown = mirage_hole("user", "list", "--state", str(state)).out
    assert "ada" in shown
    assert "admin" in shown


@pytest.mark.usefixtures("server")
def test_roles_and_passwords_are_changed_and_users_removed(
    mirage_hole: Callable, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "vic"):
        typed(monkeypatch, GOOD)
        assert mirage_hole("user", "add", name, "--state", str(state)).code == 0
    assert mirage_hole("user", "role", "VIC", "operator", "--state", str(state)).out == "vic is operator now\n"
    ran = mirage_hole("user", "role", "ada", "viewer", "--state", str(state))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "mirage-hole: ada is the last admin; make another user admin first.\n"

    def kept() -> str:
        store = StateStore(state)
        try:
            return store.read(lambda db: accounts.existing(db, "vic")).password
        finally:
            store.close()

    before = kept()
    typed(monkeypatch, "another long password\n")
    assert mirage_hole("user", "password", "vic", "--no-second-factor", "--state", str(state)).code == 0
    assert kept() != before
    assert mirage_hole("user", "remove", "vic", "--state", str(state)).out == "vic is gone\n"
    assert "There is no user 'vic'" in mirage_hole("user", "remove", "vic", "--state", str(state)).err


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("name", "password", "told"),
    [("ada", "short", "at least 10"), ("a b", GOOD, "name"), ("local", GOOD, "name"), ("ada", "", "at least 10")],
)
def test_a_bad_name_or_password_is_refused_with_a_reason(
    mirage_hole: Callable, state: Path, monkeypatch: pytest.MonkeyPatch, name: str, password: str, told: str
) -> None:
    typed(monkeypatch, password)
    ran = mirage_hole("user", "add", name, "--state", str(state))
    assert ran.code == 1
    assert told in ran.err
    assert "no users" in mirage_hole("user", "list", "--state", str(state)).out


def test_a_password_is_never_an_argument(mirage_hole: Callable, state: Path) -> None:
    assert mirage_hole("user", "add", "ada", GOOD, "--state", str(state)).code == 2
    assert mirage_hole("user", "add", "ada", "--password", GOOD, "--state", str(state)).code == 2


def test_a_password_file_that_is_not_there_is_named(mirage_hole: Callable, state: Path) -> None:
    ran = mirage_hole("user", "add", "ada", "--password-file", str(state / "none"), "--state", str(state))
    assert ran.code == 1
    assert f"--password-file = {state / 'none'}: No such file" in ran.err


def test_the_password_is_asked_for_twice_on_a_terminal(
    mirage_hole: Callable, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict] = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("click.prompt", lambda *_, **how: asked.append(how) or GOOD)
    assert mirage_hole("user", "add", "ada", "--state", str(state)).code == 0
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]


def test_a_folder_that_is_not_there_is_told_so(mirage_hole: Callable, tmp_path: Path) -> None:
    ran = mirage_hole("user", "list", "--state", str(tmp_path / "nowhere"))
    assert ran.code == 1
    assert "is not there" in ran.err


def test_the_database_is_its_owners_alone(mirage_hole: Callable, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, GOOD)
    mirage_hole("user", "add", "ada", "--state", str(state))
    assert (state / "state.db").stat().st_mode & 0o777 == 0o600
    assert GOOD.encode() not in (state / "state.db").read_bytes()
