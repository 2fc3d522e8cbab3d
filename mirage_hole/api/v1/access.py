"""The routes about sessions: the first user, login, logout, who I am, my password."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mirage_hole.api.access.cookie import answered, visit_of, with_session, without_session
from mirage_hole.api.access.csrf import csrf_token
from mirage_hole.api.access.logins import check_password
from mirage_hole.api.access.secrets import SESSION_COOKIE
from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.access_shapes import (
    LoginBody,
    PasswordBody,
    RoleName,
    SessionRow,
    Sessions,
    SessionView,
    SetupBody,
    SetupState,
)
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.store import accounts, credentials

if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from aiohttp import web

    from mirage_hole.api.access.logins import Opened
    from mirage_hole.api.access.service import AccessService
    from mirage_hole.store.accounts import User

AREA = "access"


def role_name(role: int) -> RoleName:
    """As people write it."""
    return cast("RoleName", Role(role).name.lower())


def service_of(call: Call[Any, Any]) -> AccessService:
    """What the routes act on.

    Raises:
        Refusal: 503: this server has none.
    """
    return needed(call.parts.access, "accounts")


async def own_user(call: Call[Any, Any]) -> User:
    """Whose session asks.

    Raises:
        Refusal: 403: it is no session.
    """
    if call.who.how != "session":
        raise Refusal(403, "This is about a user's own account; log in with name and password for it.")
    user = await service_of(call).accounts.user(call.who.name)
    if user is None:
        raise Refusal(401, "The account is gone.")
    return user


async def setup_state(call: Call[None, None]) -> SetupState:
    """Whether there is a user. Until then, the first is made with the token on the server's console, or with ``mirage-hole user add``."""
    return SetupState(needed=not await service_of(call).accounts.has_users())


async def setup(call: Call[None, SetupBody]) -> web.Response:
    """Makes an admin, who is logged in by this answer. The token counts once."""
    service, body = service_of(call), call.body
    opened = await service.logins.first(body.token, body.name, body.password, visit_of(call.request))
    return await logged_in(call, service, opened)


async def login(call: Call[None, LoginBody]) -> web.Response:
    """Gives a new session in the cookie ``mirage_session``. A user with a second factor is answered 401 without ``code``, with the problem
    type ``urn:mirage-hole:problem:second-factor``. 429 says when to try again."""
    service, body = service_of(call), call.body
    opened = await service.logins.by_password(body.name, body.password, body.code, visit_of(call.request))
    return await logged_in(call, service, opened)


async def logout(call: Call[None, None]) -> web.Response:
    """Ends the session that asks."""
    service, who = service_of(call), call.who
    if who.how == "session":
        number = int(who.key)
        await service.accounts.change(who.name, "logout", who.name, lambda db: credentials.end_session(db, number))
    return without_session(answered(SetupState(needed=False)), call.request)


async def who_am_i(call: Call[None, None]) -> SessionView:
    """The name, what it may do, and the token that changes by cookie repeat."""
    who, totp, left = call.who, False, 0
    if who.how == "session":
        user = await own_user(call)
        totp = user.totp_on
        if totp:
            left = await service_of(call).accounts.read(lambda db: accounts.recovery_codes_left(db, user.number))
    return SessionView(
        name=who.name,
        role=role_name(who.role),
        how=who.how,
        csrf=csrf_token(call.request.cookies.get(SESSION_COOKIE, "")) if who.how == "session" else "",
        areas=sorted(who.areas),
        totp=totp,
        recovery_codes=left,
    )


async def list_sessions(call: Call[None, None]) -> Sessions:
    """One's own; an admin sees those of all."""
    service, now, name = service_of(call), service_of(call).clock(), _bounded(call)
    rows = await service.accounts.read(lambda db: credentials.sessions(db, now, service.accounts.lasting, name))
    return Sessions(
        sessions=[
            SessionRow(
                number=row.number,
                user=row.user,
                created=row.created,
                last_seen=row.last_seen,
                address=row.address,
                agent=row.agent,
                current=call.who.how == "session" and str(row.number) == call.who.key,
            )
            for row in rows
        ]
    )


async def end_session(call: Call[None, None]) -> Sessions:
    """One's own; an admin ends any."""
    service, name, number = service_of(call), _bounded(call), number_in(call)
    await service.accounts.change(
        call.who.name, "end session", call.path["number"], lambda db: credentials.end_session(db, number, name)
    )
    return await list_sessions(call)


async def end_other_sessions(call: Call[None, None]) -> Sessions:
    """All of one's own but the one that asks."""
    service = service_of(call)
    user = await own_user(call)
    keep = int(call.who.key)
    await service.accounts.change(
        user.name, "end session", "all others", lambda db: credentials.end_sessions(db, user.name, keep)
    )
    return await list_sessions(call)


async def change_password(call: Call[None, PasswordBody]) -> web.Response:
    """Needs the present one. Every other session of the user ends, and this one gets a new cookie."""
    service, body, user = service_of(call), call.body, await own_user(call)
    check_password(body.new, user.name, "new")
    visit = visit_of(call.request)
    await service.logins.prove(user, body.old, visit, "old")
    encoded = await service.passwords.hash(body.new)

    def change(db: sqlite3.Connection) -> None:
        accounts.set_password(db, user.name, encoded, user.revision)
        credentials.end_sessions(db, user.name)

    await service.accounts.change(user.name, "change password", user.name, change)
    opened = await service.logins.open(user._replace(password=encoded), "new password", visit)
    return await logged_in(call, service, opened)


async def renewed(call: Call[Any, Any], user: User) -> Opened:
    """A new session in the place of this one: what it may do has changed (OWASP ASVS 3.2.1)."""
    return await service_of(call).logins.open(user, "renewed session", visit_of(call.request))


def number_in(call: Call[Any, Any]) -> int:
    """The path's ``number``."""
    return int(call.path["number"])  # the dispatcher has looked at it


def _bounded(call: Call[Any, Any]) -> str:
    """Whose things are seen: one's own, or everybody's (empty)."""
    if call.who.role >= Role.ADMIN:
        return ""
    if not call.who.name or call.who.how != "session":
        raise Refusal(403, "This is about a user's own account; log in with name and password for it.")
    return call.who.name


async def logged_in(call: Call[Any, Any], service: AccessService, opened: Opened) -> web.Response:
    """What every login is answered with: who it is now, and the cookie."""
    user = await service.accounts.user(opened.user)
    view = SessionView(
        name=opened.user,
        role=role_name(opened.role),
        how="session",
        csrf=csrf_token(opened.secret),
        totp=user is not None and user.totp_on,
    )
    return with_session(answered(view), call.request, opened, service.accounts.lasting.most)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/setup",
        area=AREA,
        role=Role.NOBODY,
        handler=setup_state,
        summary="Whether the first user is still to be made",
        answer=SetupState,
    ),
    Route(
        method="POST",
        path="/api/v1/setup",
        area=AREA,
        role=Role.NOBODY,
        handler=setup,
        summary="Make the first user",
        body=SetupBody,
        answer=SessionView,
        problems=(400, 401, 409, 429),
    ),
    Route(
        method="POST",
        path="/api/v1/login",
        area=AREA,
        role=Role.NOBODY,
        handler=login,
        summary="Log in with name and password",
        body=LoginBody,
        answer=SessionView,
        problems=(401, 429),
    ),
    Route(
        method="POST",
        path="/api/v1/logout",
        area=AREA,
        role=Role.NOBODY,
        handler=logout,
        summary="End this session",
        answer=SetupState,
    ),
    Route(
        method="GET",
        path="/api/v1/session",
        area=AREA,
        role=Role.VIEWER,
        handler=who_am_i,
        summary="Who I am, and what I may do",
        answer=SessionView,
    ),
    Route(
        method="PUT",
        path="/api/v1/password",
        area=AREA,
        role=Role.VIEWER,
        handler=change_password,
        summary="Change one's own password",
        body=PasswordBody,
        answer=SessionView,
        problems=(400,),
    ),
    Route(
        method="GET",
        path="/api/v1/sessions",
        area=AREA,
        role=Role.VIEWER,
        handler=list_sessions,
        summary="Open sessions",
        answer=Sessions,
    ),
    Route(
        method="DELETE",
        path="/api/v1/sessions",
        area=AREA,
        role=Role.VIEWER,
        handler=end_other_sessions,
        summary="End all one's other sessions",
        answer=Sessions,
    ),
    Route(
        method="DELETE",
        path="/api/v1/sessions/{number}",
        area=AREA,
        role=Role.VIEWER,
        handler=end_session,
        summary="End a session",
        answer=Sessions,
        problems=(404,),
    ),
)
