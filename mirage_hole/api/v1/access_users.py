"""The routes about users, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.api.access.logins import check_password
from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.access import AREA, role_name, service_of
from mirage_hole.api.v1.access_shapes import UserBody, UserPatch, UserRow, Users
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.store import accounts, credentials

if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from mirage_hole.store.accounts import User

MOST = 1000


async def list_users(call: Call[Any, Any]) -> Users:
    """All, by name. Passwords and secrets are nowhere in it."""
    return await service_of(call).accounts.read(lambda db: Users(users=[_row(db, user) for user in accounts.users(db)]))


async def add_user(call: Call[None, UserBody]) -> UserRow:
    """The name can't be changed later."""
    service, body = service_of(call), call.body
    if len((await list_users(call)).users) >= MOST:
        raise Refusal(409, f"There are {MOST} users already; remove some.")
    user = await service.logins.add(body.name, body.password, Role[body.role.upper()], call.who.name)
    return await _shown(call, user.name)


async def get_user(call: Call[None, None]) -> UserRow:
    """Small and capital letters of the name are the same."""
    return await _shown(call, call.path["name"])


async def change_user(call: Call[None, UserPatch]) -> UserRow:
    """Ends the user's sessions; the role counts at once, for tokens as well. The last admin stays one. One's own password is changed at ``/api/v1/password``."""
    service, body, name = service_of(call), call.body, call.path["name"]
    user = await service.accounts.read(lambda db: accounts.existing(db, name))
    encoded = ""
    if body.password is not None:
        if call.who.how == "session" and user.name == call.who.name:
            raise Refusal(409, "Change your own password with PUT /api/v1/password, which asks for the present one.")
        check_password(body.password, user.name)
        encoded = await service.passwords.hash(body.password)
    role = None if body.role is None else Role[body.role.upper()]
    keep = int(call.who.key) if call.who.how == "session" and role == user.role else 0

    def change(db: sqlite3.Connection) -> None:
        if encoded:
            accounts.set_password(db, name, encoded)
        if role is not None and role != user.role:
            accounts.set_role(db, name, role)
        if body.totp is False:
            accounts.remove_totp(db, user.number)
        credentials.end_sessions(db, user.name, keep)

    after = {
        "role": role_name(user.role if role is None else role),
        "password": "changed" if encoded else "as it was",
        "totp": user.totp_on and body.totp is not False,
    }
    before = {"role": role_name(user.role), "password": "as it was", "totp": user.totp_on}
    if after != before:
        await service.accounts.change(call.who.name, "change user", user.name, change, before, after)
    return await _shown(call, name)


async def remove_user(call: Call[None, None]) -> Users:
    """With sessions, tokens and passkeys. Not the last admin."""
    service, name = service_of(call), call.path["name"]
    user = await service.accounts.read(lambda db: accounts.existing(db, name))
    before = {"role": role_name(user.role)}
    await service.accounts.change(
        call.who.name, "remove user", user.name, lambda db: accounts.remove_user(db, name), before
    )
    return await list_users(call)


async def _shown(call: Call[Any, Any], name: str) -> UserRow:
    return await service_of(call).accounts.read(lambda db: _row(db, accounts.existing(db, name)))


def _row(db: sqlite3.Connection, user: User) -> UserRow:
    return UserRow(
        name=user.name,
        role=role_name(user.role),
        created=user.created,
        totp=user.totp_on,
        passkeys=len(accounts.passkeys(db, user.number)),
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/users",
        area=AREA,
        role=Role.ADMIN,
        handler=list_users,
        summary="Users",
        answer=Users,
    ),
    Route(
        method="POST",
        path="/api/v1/users",
        area=AREA,
        role=Role.ADMIN,
        handler=add_user,
        summary="Add a user",
        body=UserBody,
        answer=UserRow,
        status=201,
        problems=(400, 409),
    ),
    Route(
        method="GET",
        path="/api/v1/users/{name}",
        area=AREA,
        role=Role.ADMIN,
        handler=get_user,
        summary="One user",
        answer=UserRow,
        problems=(404,),
    ),
    Route(
        method="PATCH",
        path="/api/v1/users/{name}",
        area=AREA,
        role=Role.ADMIN,
        handler=change_user,
        summary="Change a user's role or password",
        body=UserPatch,
        answer=UserRow,
        problems=(400, 404, 409, 412),
    ),
    Route(
        method="DELETE",
        path="/api/v1/users/{name}",
        area=AREA,
        role=Role.ADMIN,
        handler=remove_user,
        summary="Remove a user",
        answer=Users,
        problems=(404, 409, 412),
    ),
)
