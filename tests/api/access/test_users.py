"""Users: who may make and change them, and what that means for those who are logged in."""

from __future__ import annotations

import pytest

from tests.api.access.door import GOOD, OTHER, Door


async def test_an_admin_makes_users_and_nobody_else_does(door: Door) -> None:
    admin = await door.set_up()
    body = {"name": "vic", "password": OTHER, "role": "viewer"}
    answer = await admin.ask("POST", "/api/v1/users", body)
    assert answer.status == 201
    assert answer.body["role"] == "viewer"
    viewer = door.visitor()
    await viewer.log_in("vic", OTHER)
    for method, path in (("GET", "/api/v1/users"), ("POST", "/api/v1/users"), ("GET", "/api/v1/users/ada")):
        await viewer.refused(403, method, path, body if method == "POST" else None)
    users = (await admin.good("GET", "/api/v1/users"))["users"]
    assert [(one["name"], one["role"]) for one in users] == [("ada", "admin"), ("vic", "viewer")]
    assert "argon2" not in repr(users)


@pytest.mark.parametrize("name", ["", " ", "a b", "local", "SETUP", "-x", "x" * 65, "a'--", "a\nb", "ada\n", "ä"])
async def test_a_bad_name_is_refused(door: Door, name: str) -> None:
    admin = await door.set_up()
    answer = await admin.ask("POST", "/api/v1/users", {"name": name, "password": GOOD, "role": "viewer"})
    assert answer.status == 400
    assert answer.body["problems"][0]["where"] == "name"


async def test_a_name_is_taken_once_in_whatever_letters(door: Door) -> None:
    admin = await door.set_up()
    await admin.refused(409, "POST", "/api/v1/users", {"name": "ADA", "password": GOOD, "role": "viewer"})


async def test_a_role_counts_at_once_and_ends_the_sessions(door: Door) -> None:
    admin, other = await door.set_up(), await door.with_user("operator")
    await other.good("POST", "/api/v1/try/rules")
    await admin.good("PATCH", "/api/v1/users/operator", {"role": "viewer"})
    await other.refused(401, "POST", "/api/v1/try/rules")
    await other.log_in("operator", GOOD)
    await other.refused(403, "POST", "/api/v1/try/rules")
    await other.good("GET", "/api/v1/try/lists")


async def test_a_role_that_was_changed_below_counts_from_the_next_request_on(door: Door) -> None:
    await door.set_up()
    other = await door.with_user("operator")
    door.store.change("test", "lower", "", lambda change: change.connection.execute("UPDATE users SET role = 1"))
    await other.refused(403, "POST", "/api/v1/try/rules")


async def test_the_last_admin_stays_and_stays_admin(door: Door) -> None:
    admin = await door.set_up()
    await admin.refused(409, "PATCH", "/api/v1/users/ada", {"role": "operator"})
    await admin.refused(409, "DELETE", "/api/v1/users/ada")
    await door.with_user("admin", "bob")
    await admin.good("PATCH", "/api/v1/users/ada", {"role": "operator"})
    await admin.log_in("ada", GOOD)
    await admin.refused(403, "DELETE", "/api/v1/users/bob")


async def test_a_removed_user_is_out_at_once(door: Door) -> None:
    admin, other = await door.set_up(), await door.with_user("operator")
    await admin.good("DELETE", "/api/v1/users/operator")
    await other.refused(401, "GET", "/api/v1/session")
    await other.log_in("operator", GOOD, status=401)
    await admin.refused(404, "DELETE", "/api/v1/users/operator")
    await admin.refused(404, "GET", "/api/v1/users/operator")


async def test_a_password_set_by_an_admin_ends_the_users_sessions(door: Door) -> None:
    admin, other = await door.set_up(), await door.with_user("operator")
    await admin.good("PATCH", "/api/v1/users/operator", {"password": OTHER})
    await other.refused(401, "GET", "/api/v1/session")
    await other.log_in("operator", OTHER)
    assert "PUT /api/v1/password" in await admin.refused(409, "PATCH", "/api/v1/users/ada", {"password": OTHER})


async def test_a_stale_tag_is_refused(door: Door) -> None:
    admin = await door.set_up()
    await door.with_user("operator")
    tag = (await admin.ask("GET", "/api/v1/users/operator")).headers["ETag"]
    await admin.good("PATCH", "/api/v1/users/operator", {"role": "viewer"}, If_Match=tag)
    await admin.refused(412, "PATCH", "/api/v1/users/operator", {"role": "admin"}, If_Match=tag)
    await admin.refused(412, "DELETE", "/api/v1/users/operator", If_Match=tag)
    assert (await admin.good("GET", "/api/v1/users/operator"))["role"] == "viewer"


async def test_changes_are_in_the_audit_log_without_the_password(door: Door) -> None:
    admin = await door.set_up()
    await door.with_user("operator")
    await admin.good("PATCH", "/api/v1/users/operator", {"role": "viewer", "password": OTHER})
    await admin.good("DELETE", "/api/v1/users/operator")
    rows = [row[:3] for row in door.audit()]
    assert rows[-2:] == [("ada", "change user", "operator"), ("ada", "remove user", "operator")]
    assert OTHER not in repr(door.audit())


async def test_a_change_that_changes_nothing_ends_no_session(door: Door) -> None:
    admin, other = await door.set_up(), await door.with_user("operator")
    await admin.good("PATCH", "/api/v1/users/operator", {"role": "operator"})
    await other.good("GET", "/api/v1/session")
