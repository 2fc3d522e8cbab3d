"""Logging in, out, and who is who meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mirage_hole.api.access.secrets import digest_of
from mirage_hole.store.credentials import MOST_SESSIONS
from mirage_hole.store.state import Unwritable
from tests.api.access.door import GOOD, OTHER, Cheap, Door, a_door

if TYPE_CHECKING:
    from pathlib import Path


async def test_nobody_may_anything_before_there_is_a_user(door: Door) -> None:
    visitor = door.visitor()
    assert await visitor.good("GET", "/api/v1/setup") == {"needed": True}
    assert "log in" in await visitor.refused(401, "GET", "/api/v1/try/lists")
    assert "wrong" in await visitor.refused(401, "POST", "/api/v1/login", {"name": "admin", "password": "admin"})


async def test_the_setup_token_makes_the_first_admin_who_is_logged_in_then(door: Door) -> None:
    token, visitor = await door.service.setup_token(), door.visitor()
    assert await door.service.setup_token() == token
    told = await visitor.good("POST", "/api/v1/setup", {"token": token, "name": "ada", "password": GOOD})
    assert told["name"] == "ada"
    assert told["role"] == "admin"
    assert (await visitor.good("GET", "/api/v1/session"))["csrf"] == told["csrf"]
    assert await visitor.good("GET", "/api/v1/setup") == {"needed": False}
    assert await door.service.setup_token() == ""


async def test_the_first_user_is_not_called_as_the_audit_log_calls_others(door: Door) -> None:
    token, visitor = await door.service.setup_token(), door.visitor()
    body = {"token": token, "name": "Local", "password": GOOD}
    assert "name" in await visitor.refused(400, "POST", "/api/v1/setup", body)
    await visitor.good("POST", "/api/v1/setup", {**body, "name": "ada"})


async def test_a_setup_token_counts_once_and_only_while_there_is_no_user(door: Door) -> None:
    token, visitor = await door.service.setup_token(), door.visitor()
    again = {"token": token, "name": "eve", "password": GOOD}
    assert "wrong" in await visitor.refused(401, "POST", "/api/v1/setup", {**again, "token": "x" * 32})
    assert "wrong" in await visitor.refused(401, "POST", "/api/v1/setup", {**again, "token": ""})
    await door.service.logins.add("ada", GOOD, 3, "local")
    assert "already" in await visitor.refused(409, "POST", "/api/v1/setup", again)
    assert not door.service.setup.matches(token)
    assert not door.service.setup.matches("")


async def test_of_two_who_have_the_setup_token_one_becomes_admin(door: Door) -> None:
    token = await door.service.setup_token()
    bodies = [{"token": token, "name": name, "password": GOOD} for name in ("ada", "eve")]
    answers = await asyncio.gather(*(door.visitor().ask("POST", "/api/v1/setup", body) for body in bodies))
    assert sorted(answer.status for answer in answers) in ([200, 409], [200, 401])
    assert len(door.store.read(lambda db: db.execute("SELECT 1 FROM users").fetchall())) == 1


async def test_a_bad_password_is_refused_at_the_setup_and_the_token_counts_on(door: Door) -> None:
    token, visitor = await door.service.setup_token(), door.visitor()
    for bad in ("short", "x" * 201, "Password1234", "administrator"):
        body = {"token": token, "name": "administrator", "password": bad}
        answer = await visitor.ask("POST", "/api/v1/setup", body)
        assert answer.status == 400
        assert answer.body["problems"][0]["where"] == "password"
    await visitor.good("POST", "/api/v1/setup", {"token": token, "name": "ada", "password": GOOD})


async def test_a_login_gives_a_cookie_that_scripts_and_other_sites_do_not_get(door: Door) -> None:
    await door.set_up()
    answer = await door.visitor().log_in("ada", GOOD)
    attributes = {part.strip() for part in answer.set_cookie.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= attributes
    assert "Secure" not in attributes
    over_tls = await door.visitor(**{"X-Test-Scheme": "https"}).ask(
        "POST", "/api/v1/login", {"name": "ADA", "password": GOOD}, Origin=door.url.replace("http", "https")
    )
    assert over_tls.status == 200
    assert "Secure" in over_tls.set_cookie


async def test_a_session_begins_anew_at_every_login_whatever_cookie_came_along(door: Door) -> None:
    await door.set_up()
    fixed = "A" * 43
    visitor = door.visitor()
    visitor.cookie = fixed
    answer = await visitor.log_in("ada", GOOD)
    assert answer.cookie not in {None, fixed}
    before = visitor.cookie
    await visitor.log_in("ada", GOOD)
    assert visitor.cookie != before
    thief = door.visitor()
    for cookie in (fixed, before):
        thief.cookie = cookie
        await thief.refused(401, "GET", "/api/v1/session")


async def test_only_the_digest_of_a_session_is_kept(door: Door) -> None:
    visitor = await door.set_up()
    kept = door.store.read(lambda db: db.execute("SELECT digest FROM sessions").fetchall())
    assert kept == [(digest_of(visitor.cookie),)]
    assert visitor.cookie.encode() not in door.store.path.read_bytes()


async def test_a_logout_ends_the_session_on_the_server(door: Door) -> None:
    visitor = await door.set_up()
    cookie, csrf = visitor.cookie, visitor.csrf
    answer = await visitor.ask("POST", "/api/v1/logout")
    assert answer.status == 200
    assert answer.cookie == ""
    visitor.cookie, visitor.csrf = cookie, csrf
    await visitor.refused(401, "GET", "/api/v1/session")


async def test_a_session_ends_when_it_is_not_used_and_when_it_is_old(door: Door) -> None:
    visitor = await door.set_up()
    lasting = door.service.accounts.lasting
    door.clock.now += lasting.idle - 1
    await visitor.good("GET", "/api/v1/session")
    door.clock.now += lasting.idle - 1
    await visitor.good("GET", "/api/v1/session")
    door.clock.now += lasting.idle + 1
    await visitor.refused(401, "GET", "/api/v1/session")
    await visitor.log_in("ada", GOOD)
    for _ in range(int(lasting.most // (lasting.idle / 2)) + 1):
        door.clock.now += lasting.idle / 2
        last = await visitor.ask("GET", "/api/v1/session")
    assert last.status == 401


async def test_a_user_sees_and_ends_own_sessions_and_an_admin_all(door: Door) -> None:
    admin, viewer = await door.set_up(), await door.with_user("viewer")
    mine = (await viewer.good("GET", "/api/v1/sessions"))["sessions"]
    assert [(one["user"], one["current"]) for one in mine] == [("viewer", True)]
    all_of_them = (await admin.good("GET", "/api/v1/sessions"))["sessions"]
    assert {one["user"] for one in all_of_them} == {"ada", "viewer"}
    admins = next(one["number"] for one in all_of_them if one["user"] == "ada")
    await viewer.refused(404, "DELETE", f"/api/v1/sessions/{admins}")
    await admin.good("DELETE", f"/api/v1/sessions/{mine[0]['number']}")
    await viewer.refused(401, "GET", "/api/v1/session")
    other = door.visitor()
    await other.log_in("ada", GOOD)
    left = (await other.good("DELETE", "/api/v1/sessions"))["sessions"]
    assert [one["current"] for one in left] == [True]
    await admin.refused(401, "GET", "/api/v1/session")


async def test_too_many_sessions_of_a_user_end_the_one_unused_for_longest(door: Door) -> None:
    first = await door.set_up()
    user = await door.service.accounts.user("ada")
    assert user is not None
    from mirage_hole.api.access.logins import Visit

    for _ in range(MOST_SESSIONS):
        door.clock.now += 1
        await door.service.logins.open(user, "password", Visit("127.0.0.1", "a test"))
    assert len(door.store.read(lambda db: db.execute("SELECT 1 FROM sessions").fetchall())) == MOST_SESSIONS
    await first.refused(401, "GET", "/api/v1/session")


async def test_ones_own_password_needs_the_old_one_and_ends_the_other_sessions(door: Door) -> None:
    visitor, other = await door.set_up(), door.visitor()
    await other.log_in("ada", GOOD)
    before = visitor.cookie
    assert "not your password" in await visitor.refused(403, "PUT", "/api/v1/password", {"old": "no", "new": OTHER})
    assert "at least 10" in await visitor.refused(400, "PUT", "/api/v1/password", {"old": GOOD, "new": "short"})
    await visitor.good("PUT", "/api/v1/password", {"old": GOOD, "new": OTHER})
    assert visitor.cookie != before
    await visitor.good("GET", "/api/v1/session")
    await other.refused(401, "GET", "/api/v1/session")
    await other.log_in("ada", GOOD, status=401)
    await other.log_in("ada", OTHER)


async def test_an_unknown_user_costs_what_a_wrong_password_costs(door: Door) -> None:
    await door.set_up()
    counts = []
    for name in ("ada", "nobody-of-that-name"):
        door.hasher.verified.clear()
        seen: list[str] = []
        door.service.accounts._store = Counting(door.store, seen)  # type: ignore[assignment]
        told = await door.visitor().refused(401, "POST", "/api/v1/login", {"name": name, "password": "wrong"})
        counts.append((told, list(door.hasher.verified), seen))
    assert counts[0] == counts[1]
    assert counts[0][1] == [False]


class Counting:
    """A store that says what is asked of it."""

    def __init__(self, store: object, seen: list[str]) -> None:
        self._store = store
        self._seen = seen

    def __getattr__(self, name: str) -> object:
        self._seen.append(name)
        return getattr(self._store, name)


async def test_a_login_with_old_parameters_is_hashed_anew(tmp_path: Path) -> None:
    async with a_door(tmp_path, hasher=Cheap()) as door:
        await door.set_up()
        before = await door.service.accounts.user("ada")
    async with a_door(tmp_path, hasher=Cheap(memory_cost=16)) as door:
        await door.visitor().log_in("ada", GOOD)
        after = await door.service.accounts.user("ada")
        assert before is not None
        assert after is not None
        assert "m=8," in before.password
        assert "m=16," in after.password
        await door.visitor().log_in("ada", GOOD)


async def test_logins_and_failures_are_in_the_audit_log_without_secrets(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = await door.set_up()
    await visitor.log_in("ada", "not the password", status=401)
    await visitor.log_in("my secret typed here", "x", status=401)
    await visitor.good("POST", "/api/v1/logout")
    rows = door.audit()
    assert [what for _, what, _, _ in rows] == ["add user", "login", "login failed", "login failed", "logout"]
    told = repr(rows) + caplog.text
    for secret in (GOOD, "not the password", "my secret typed here", visitor.cookie, "argon2"):
        assert not secret or secret not in told


async def test_the_visitors_of_open_networks_look_and_change_nothing(tmp_path: Path) -> None:
    async with a_door(tmp_path, open_for=["192.0.2.0/24", "2001:db8::/32"]) as door:
        for address in ("192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"):
            guest = door.visitor(address)
            await guest.good("GET", "/api/v1/try/lists")
            assert (await guest.good("GET", "/api/v1/session"))["how"] == "open"
            await guest.refused(401, "POST", "/api/v1/try/rules")
            await guest.refused(403, "GET", "/api/v1/sessions")
            await guest.refused(403, "GET", "/api/v1/tokens")
            await guest.refused(403, "POST", "/api/v1/tokens", {"name": "mine"})
        await door.visitor("198.51.100.7").refused(401, "GET", "/api/v1/try/lists")
        door.service.change(60.0, 60.0, [])
        await guest.refused(401, "GET", "/api/v1/try/lists")


async def test_a_state_that_can_not_be_read_is_no_reason_to_make_a_first_user(door: Door) -> None:
    visitor = await door.set_up()
    real = door.store.read

    class Troubled:
        trouble = "state.db: No space left on device"

        def read(self, work: object) -> object:
            return real(
                lambda db: (db.execute("CREATE TEMP TABLE users AS SELECT * FROM main.users WHERE 0"), work(db))[1]
            )  # type: ignore[operator]

    door.service.accounts._store = Troubled()  # type: ignore[assignment]
    other = door.visitor()
    told = await other.refused(503, "GET", "/api/v1/setup")
    assert "No space left" in told
    real(lambda db: db.execute("DROP TABLE temp.users"))
    await other.refused(503, "POST", "/api/v1/login", {"name": "ada", "password": GOOD})
    real(lambda db: db.execute("DROP TABLE temp.users"))
    door.service.accounts._store = door.store
    await visitor.good("GET", "/api/v1/session")


async def test_a_disk_that_is_full_keeps_no_session_out(door: Door) -> None:
    visitor = await door.set_up()
    door.clock.now += 600

    def full(*_: object, **__: object) -> None:
        raise Unwritable(28, "the disk is full", "state.db")

    real, door.store.change = door.store.change, full  # type: ignore[method-assign,assignment]
    await visitor.good("GET", "/api/v1/session")
    assert "disk is full" in await visitor.refused(503, "POST", "/api/v1/tokens", {"name": "robot"})
    assert "disk is full" in await visitor.refused(503, "POST", "/api/v1/login", {"name": "ada", "password": GOOD})
    await visitor.log_in("ada", "wrong", status=401)
    door.store.change = real  # type: ignore[method-assign]
