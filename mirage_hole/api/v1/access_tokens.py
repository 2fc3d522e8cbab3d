"""The routes about API tokens: for programs, with a name, a role, areas and perhaps an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mirage_hole.api.access.secrets import digest_of, new_token
from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.access import AREA, number_in, role_name, service_of
from mirage_hole.api.v1.access_shapes import TokenBody, TokenMade, TokenRow, Tokens
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.store import accounts, credentials

if TYPE_CHECKING:
    import sqlite3

    from mirage_hole.store.credentials import KnownToken

DAY = 86_400.0


async def list_tokens(call: Call[None, None]) -> Tokens:
    """One's own; an admin sees all. The secrets are not kept."""
    service, name = service_of(call), _bounded(call)
    rows = await service.accounts.read(lambda db: credentials.tokens(db, name))
    return Tokens(tokens=[_row(row, service.clock()) for row in rows])


async def add_token(call: Call[None, TokenBody]) -> TokenMade:
    """Shows the secret, this once. A token has never more rights than who made it has at that moment, goes with its maker, and makes no
    other tokens. A hundred at most of each user, and a thousand in all."""
    service, body, who = service_of(call), call.body, call.who
    if who.how not in {"session", "local"}:
        raise Refusal(403, "A token makes no tokens; log in with name and password, or use mirage-hole token add.")
    role = Role[body.role.upper()]
    if role > who.role:
        fault = Fault("role", f"{body.role} is more than you may", role_name(who.role))
        raise Refusal(403, "A token has no more rights than its maker.", [fault])
    _check_areas(body.areas)
    secret, now = new_token(), service.clock()
    expires = None if body.days is None else now + body.days * DAY

    def add(db: sqlite3.Connection) -> KnownToken:
        owner = accounts.existing(db, who.name).number if who.how == "session" else None
        return credentials.add_token(db, owner, body.name, role, body.areas, digest_of(secret), now, expires)

    after = {"role": body.role, "areas": sorted(set(body.areas)), "expires": expires}
    row = await service.accounts.change(who.name, "add token", body.name, add, after=after)
    return TokenMade(token=secret, row=_row(row, now))


async def revoke_token(call: Call[None, None]) -> Tokens:
    """It counts no longer from this moment on. One's own; an admin revokes any; a token may revoke itself."""
    service, who, number = service_of(call), call.who, number_in(call)
    name = "" if who.how == "token" and who.key == str(number) else _bounded(call)

    def revoke(db: sqlite3.Connection) -> KnownToken:
        return credentials.revoke_token(db, number, name)

    await service.accounts.change(who.name, "revoke token", str(number), revoke)
    if who.how == "token" and who.key == str(number):
        return Tokens(tokens=[])
    return await list_tokens(call)


def _bounded(call: Call[Any, Any]) -> str:
    """Whose tokens are seen: one's own, or everybody's (empty)."""
    if call.who.role >= Role.ADMIN:
        return ""
    if call.who.how != "session":
        raise Refusal(403, "Only users and admins look at tokens; log in with name and password.")
    return call.who.name


def _check_areas(areas: list[str]) -> None:
    from mirage_hole.api.v1.routes import ALL_ROUTES  # which has this module

    known = sorted({route.area for route in ALL_ROUTES})
    faults = [Fault("areas", f"{area!r} is no area", ", ".join(known)) for area in areas if area not in known]
    if faults:
        raise Refusal(400, f"areas: {faults[0].what}; write some of {faults[0].instead}.", faults)


def _row(known: KnownToken, now: float) -> TokenRow:
    return TokenRow(
        number=known.number,
        name=known.name,
        user=known.user,
        role=role_name(known.role),
        areas=sorted(known.areas),
        created=known.created,
        expires=known.expires,
        expired=known.expires is not None and known.expires <= now,
        last_used=known.last_used,
        last_address=known.last_address,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/tokens",
        area=AREA,
        role=Role.VIEWER,
        handler=list_tokens,
        summary="API tokens",
        answer=Tokens,
    ),
    Route(
        method="POST",
        path="/api/v1/tokens",
        area=AREA,
        role=Role.VIEWER,
        handler=add_token,
        summary="Make an API token",
        body=TokenBody,
        answer=TokenMade,
        status=201,
        problems=(400, 409),
    ),
    Route(
        method="DELETE",
        path="/api/v1/tokens/{number}",
        area=AREA,
        role=Role.VIEWER,
        handler=revoke_token,
        summary="Revoke an API token",
        answer=Tokens,
        problems=(404,),
    ),
)
