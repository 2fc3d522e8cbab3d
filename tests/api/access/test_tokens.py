"""API tokens: made once, seen never again, and never more than their maker."""

from __future__ import annotations

from typing import Any

import pytest

from mirage_hole.api.access.secrets import digest_of, new_token
from mirage_hole.store.credentials import MOST_TOKENS, MOST_TOKENS_OF_USER
from tests.api.access.door import Door, Visitor


async def a_token(visitor: Visitor, **settings: Any) -> tuple[str, int]:
    """(the token, its number)."""
    made = await visitor.good("POST", "/api/v1/tokens", {"name": "robot", **settings})
    return made["token"], made["row"]["number"]


def bearer(token: str) -> dict[str, str]:
    """What a program sends."""
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_acts_with_its_role_and_needs_no_cookie_and_no_csrf(door: Door) -> None:
    admin = await door.set_up()
    token, number = await a_token(admin, role="operator")
    robot = door.visitor(**bearer(token))
    assert await robot.good("POST", "/api/v1/try/rules", Origin=None, X_CSRF_Token=None) == {"who": "token robot"}
    assert "role admin" in await robot.refused(403, "GET", "/api/v1/users")
    row = (await admin.good("GET", "/api/v1/tokens"))["tokens"][0]
    assert (row["number"], row["role"], row["user"], row["last_address"]) == (number, "operator", "ada", "127.0.0.1")
    assert token not in repr(await admin.good("GET", "/api/v1/tokens"))


async def test_only_the_digest_of_a_token_is_kept(door: Door) -> None:
    token, _ = await a_token(await door.set_up())
    assert token.startswith("mh_")
    assert door.store.read(lambda db: db.execute("SELECT digest FROM tokens").fetchall()) == [(digest_of(token),)]
    assert token.encode() not in door.store.path.read_bytes()
    assert token not in repr(door.audit())


@pytest.mark.parametrize(
    "token", ["", "mh_", "mh_" + "x" * 43, "mh_" + "é" * 43, "x" * 43, "mh_" + "x" * 4000, "' OR 1=1 --"]
)
async def test_a_forged_token_is_refused_even_beside_a_good_cookie(door: Door, token: str) -> None:
    admin = await door.set_up()
    answer = await admin.ask("GET", "/api/v1/session", Authorization=f"Bearer {token}")
    assert answer.status in {400, 401}
    if answer.status == 401:
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_an_expired_token_is_told_so(door: Door) -> None:
    token, _ = await a_token(await door.set_up(), days=1)
    robot = door.visitor(**bearer(token))
    door.clock.now += 86_399
    await robot.good("GET", "/api/v1/try/lists")
    door.clock.now += 2
    assert "has expired, 2027-01-16" in await robot.refused(401, "GET", "/api/v1/try/lists")
    assert door.audit()[-1][1:3] == ("token refused", "robot")


async def test_a_revoked_token_counts_no_longer(door: Door) -> None:
    admin = await door.set_up()
    token, number = await a_token(admin)
    robot = door.visitor(**bearer(token))
    await robot.good("GET", "/api/v1/try/lists")
    await admin.good("DELETE", f"/api/v1/tokens/{number}")
    assert "revoked" in await robot.refused(401, "GET", "/api/v1/try/lists")
    await admin.refused(404, "DELETE", f"/api/v1/tokens/{number}")


async def test_a_token_is_for_its_areas_alone(door: Door) -> None:
    admin = await door.set_up()
    token, _ = await a_token(admin, role="admin", areas=["server", "server"])
    robot = door.visitor(**bearer(token))
    await robot.good("POST", "/api/v1/try/rules")
    assert "area lists" in await robot.refused(403, "GET", "/api/v1/try/lists")
    await robot.refused(403, "GET", "/api/v1/users")


async def test_an_area_that_there_is_not_is_refused(door: Door) -> None:
    admin = await door.set_up()
    told = await admin.refused(400, "POST", "/api/v1/tokens", {"name": "robot", "areas": ["access", "nonsense"]})
    assert "'nonsense' is no area" in told


async def test_a_token_has_no_more_rights_than_its_maker_ever(door: Door) -> None:
    admin, operator = await door.set_up(), await door.with_user("operator")
    await operator.refused(403, "POST", "/api/v1/tokens", {"name": "robot", "role": "admin"})
    token, _ = await a_token(operator, role="operator")
    robot = door.visitor(**bearer(token))
    await robot.good("POST", "/api/v1/try/rules")
    await admin.good("PATCH", "/api/v1/users/operator", {"role": "viewer"})
    assert "role operator" in await robot.refused(403, "POST", "/api/v1/try/rules")
    await admin.good("PATCH", "/api/v1/users/operator", {"role": "admin"})
    await robot.good("POST", "/api/v1/try/rules")
    await robot.refused(403, "GET", "/api/v1/users")
    await admin.good("DELETE", "/api/v1/users/operator")
    await robot.refused(401, "GET", "/api/v1/try/lists")


async def test_a_token_makes_no_tokens_and_sees_none_unless_it_is_an_admins(door: Door) -> None:
    admin = await door.set_up()
    token, number = await a_token(admin, role="operator")
    robot = door.visitor(**bearer(token))
    assert "no tokens" in await robot.refused(403, "POST", "/api/v1/tokens", {"name": "child"})
    await robot.refused(403, "GET", "/api/v1/tokens")
    await robot.refused(403, "PUT", "/api/v1/password", {"old": "x", "new": "y" * 12})
    await robot.good("DELETE", f"/api/v1/tokens/{number}")
    await robot.refused(401, "GET", "/api/v1/try/lists")


async def test_a_user_revokes_only_own_tokens(door: Door) -> None:
    admin, viewer = await door.set_up(), await door.with_user("viewer")
    _, number = await a_token(admin)
    await viewer.refused(404, "DELETE", f"/api/v1/tokens/{number}")
    assert (await viewer.good("GET", "/api/v1/tokens"))["tokens"] == []


async def test_when_a_token_was_used_is_written_once_a_minute(door: Door) -> None:
    token, _ = await a_token(await door.set_up())
    robot = door.visitor(**bearer(token))
    begin = door.clock.now

    def used() -> list[tuple[float]]:
        return door.store.read(lambda db: db.execute("SELECT last_used FROM tokens").fetchall())

    await robot.good("GET", "/api/v1/try/lists")
    door.clock.now += 59
    await robot.good("GET", "/api/v1/try/lists")
    assert used() == [(begin,)]
    door.clock.now += 1
    await robot.good("GET", "/api/v1/try/lists")
    assert used() == [(begin + 60,)]


async def test_names_of_tokens_are_different_and_there_are_a_thousand(door: Door) -> None:
    admin = await door.set_up()
    await a_token(admin)
    assert "already" in await admin.refused(409, "POST", "/api/v1/tokens", {"name": "Robot"})
    door.store.change(
        "test",
        "fill",
        "",
        lambda change: change.connection.executemany(
            "INSERT INTO tokens (name, role, areas, digest, created) VALUES (?, 1, '', ?, 0)",
            [(f"t{number}", digest_of(new_token())) for number in range(MOST_TOKENS - 1)],
        ),
    )
    assert "revoke some" in await admin.refused(409, "POST", "/api/v1/tokens", {"name": "one more"})


async def test_nobody_takes_the_tokens_of_all(door: Door) -> None:
    admin, vic = await door.set_up(), await door.with_user("viewer")
    for number in range(MOST_TOKENS_OF_USER):
        await a_token(vic, name=f"vic's {number}")
    assert "revoke some" in await vic.refused(409, "POST", "/api/v1/tokens", {"name": "one more"})
    await a_token(admin)


async def test_a_proxys_own_password_does_not_get_in_the_way(door: Door) -> None:
    admin = await door.set_up()
    await admin.good("GET", "/api/v1/session", Authorization="Basic YWRhOmFkYQ==")
    await door.visitor().refused(401, "GET", "/api/v1/session", Authorization="Basic YWRhOmFkYQ==")
