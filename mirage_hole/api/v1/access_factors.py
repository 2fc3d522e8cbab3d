"""The routes about one's own second factor and passkeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.api.access.codes import new_secret, step_of, uri_of
from mirage_hole.api.access.cookie import answered, visit_of, with_session
from mirage_hole.api.access.csrf import csrf_token
from mirage_hole.api.access.passkeys import site_of
from mirage_hole.api.access.secrets import digest_of_code, new_recovery_codes
from mirage_hole.api.access.visitor import client_of
from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.access import AREA, logged_in, number_in, own_user, renewed, service_of
from mirage_hole.api.v1.access_shapes import (
    Ceremony,
    CodeBody,
    PasskeyBody,
    PasskeyLogin,
    PasskeyRow,
    Passkeys,
    ProofBody,
    SessionView,
    TotpBegun,
    TotpOn,
)
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.store import accounts

if TYPE_CHECKING:
    import sqlite3

    from aiohttp import web

    from mirage_hole.store.accounts import User

MOST_PASSKEYS = 20
"""Of one user."""


async def begin_totp(call: Call[None, ProofBody]) -> TotpBegun:
    """A new secret, which counts once a code of it was confirmed. It is kept as it is, since codes are made of it, in ``state.db``, which
    only the server's account can read."""
    service, user = service_of(call), await own_user(call)
    await service.logins.prove(user, call.body.password, visit_of(call.request))
    secret = new_secret()
    if not await service.accounts.quiet(lambda db: accounts.begin_totp(db, user.number, secret)):
        raise Refusal(409, "There is a second factor already; remove it first.")
    return TotpBegun(secret=secret, uri=uri_of(secret, user.name))


async def confirm_totp(call: Call[None, CodeBody]) -> web.Response:
    """From now on a login needs a code. Gives ten recovery codes, and a new cookie."""
    service, user = service_of(call), await own_user(call)
    if user.totp_on or not user.totp_secret:
        raise Refusal(409, "No second factor was begun; POST /api/v1/totp begins one.")
    step = step_of(user.totp_secret, call.body.code.replace(" ", ""), service.clock())
    if step is None:
        fault = Fault("code", "is not what the secret gives now", "the six digits that the app shows; check the clocks")
        raise Refusal(400, "The code is wrong; the second factor is not on.", [fault])
    codes = new_recovery_codes()
    digests = [digest_of_code(code) for code in codes]

    def confirm(db: sqlite3.Connection) -> bool:
        found = accounts.user_numbered(db, user.number)
        if found is None or found.totp_secret != user.totp_secret:
            return False
        return accounts.confirm_totp(db, user.number, step, digests)

    if not await service.accounts.change(user.name, "second factor on", user.name, confirm):
        raise Refusal(409, "Another second factor was begun meanwhile; begin again.")
    opened = await renewed(call, user)
    body = TotpOn(recovery_codes=codes, csrf=csrf_token(opened.secret))
    return with_session(answered(body), call.request, opened, service.accounts.lasting.most)


async def remove_totp(call: Call[None, ProofBody]) -> web.Response:
    """The password alone is enough again. Gives a new cookie."""
    service, user = service_of(call), await own_user(call)
    await service.logins.prove(user, call.body.password, visit_of(call.request))
    await service.accounts.change(
        user.name, "second factor off", user.name, lambda db: accounts.remove_totp(db, user.number)
    )
    return await logged_in(call, service, await renewed(call, user))


async def list_passkeys(call: Call[None, None]) -> Passkeys:
    """One's own."""
    return await _shown(call, await own_user(call))


async def begin_passkey(call: Call[None, ProofBody]) -> Ceremony:
    """What ``navigator.credentials.create`` is given. Browsers want https and a name, or localhost."""
    service, user, site = service_of(call), await own_user(call), site_of(call.request)
    await service.logins.prove(user, call.body.password, visit_of(call.request))
    have = await service.accounts.read(lambda db: accounts.passkeys(db, user.number))
    if len(have) >= MOST_PASSKEYS:
        raise Refusal(409, f"You have {MOST_PASSKEYS} passkeys already; remove one first.")
    address = client_of(call.request)
    options = service.ceremonies.begin_making(
        site, user.number, user.name, user.handle, have, service.monotonic(), address
    )
    return Ceremony(public_key=options)


async def add_passkey(call: Call[None, PasskeyBody]) -> Passkeys:
    """Ends what ``/api/v1/passkeys/begin`` began, within five minutes."""
    service, user, site, body = service_of(call), await own_user(call), site_of(call.request), call.body
    credential = {
        "id": body.id,
        "rawId": body.id,
        "type": "public-key",
        "response": {"clientDataJSON": body.client_data, "attestationObject": body.attestation},
    }
    made = service.ceremonies.finish_making(site, user.number, credential, service.monotonic())
    now = service.clock()

    def add(db: sqlite3.Connection) -> None:
        accounts.add_passkey(
            db, user.number, body.name, site.host, made.credential, made.public_key, made.sign_count, now
        )

    await service.accounts.change(user.name, "add passkey", user.name, add, after={"name": body.name})
    return await _shown(call, user)


async def remove_passkey(call: Call[None, None]) -> Passkeys:
    """One's own."""
    service, user, number = service_of(call), await own_user(call), number_in(call)
    await service.accounts.change(
        user.name,
        "remove passkey",
        user.name,
        lambda db: accounts.remove_passkey(db, user.number, number),
        before={"number": number},
    )
    return await _shown(call, user)


async def begin_passkey_login(call: Call[None, None]) -> Ceremony:
    """What ``navigator.credentials.get`` is given. Counts for five minutes, once."""
    service = service_of(call)
    site, address = site_of(call.request), client_of(call.request)
    return Ceremony(public_key=service.ceremonies.begin_login(site, service.monotonic(), address))


async def passkey_login(call: Call[None, PasskeyLogin]) -> web.Response:
    """A whole login: the authenticator has verified its holder. Gives a new session, as ``/api/v1/login`` does."""
    service, body = service_of(call), call.body
    credential = {
        "id": body.id,
        "rawId": body.id,
        "type": "public-key",
        "response": {
            "clientDataJSON": body.client_data,
            "authenticatorData": body.authenticator_data,
            "signature": body.signature,
            "userHandle": body.user_handle or None,
        },
    }
    opened = await service.logins.by_passkey(site_of(call.request), credential, visit_of(call.request))
    return await logged_in(call, service, opened)


async def _shown(call: Call[None, None] | Call[None, PasskeyBody], user: User) -> Passkeys:
    rows = await service_of(call).accounts.read(lambda db: accounts.passkeys(db, user.number))
    return Passkeys(
        passkeys=[
            PasskeyRow(number=row.number, name=row.name, host=row.host, created=row.created, last_used=row.last_used)
            for row in rows
        ]
    )


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/totp",
        area=AREA,
        role=Role.VIEWER,
        handler=begin_totp,
        summary="Begin a second factor",
        body=ProofBody,
        answer=TotpBegun,
        problems=(409, 429),
    ),
    Route(
        method="POST",
        path="/api/v1/totp/confirm",
        area=AREA,
        role=Role.VIEWER,
        handler=confirm_totp,
        summary="Switch the second factor on",
        body=CodeBody,
        answer=TotpOn,
        problems=(400, 409),
    ),
    Route(
        method="POST",
        path="/api/v1/totp/remove",
        area=AREA,
        role=Role.VIEWER,
        handler=remove_totp,
        summary="Switch the second factor off",
        body=ProofBody,
        answer=SessionView,
        problems=(429,),
    ),
    Route(
        method="GET",
        path="/api/v1/passkeys",
        area=AREA,
        role=Role.VIEWER,
        handler=list_passkeys,
        summary="One's passkeys",
        answer=Passkeys,
    ),
    Route(
        method="POST",
        path="/api/v1/passkeys/begin",
        area=AREA,
        role=Role.VIEWER,
        handler=begin_passkey,
        summary="Begin a passkey",
        body=ProofBody,
        answer=Ceremony,
        problems=(400, 409, 429, 501),
    ),
    Route(
        method="POST",
        path="/api/v1/passkeys",
        area=AREA,
        role=Role.VIEWER,
        handler=add_passkey,
        summary="Add a passkey",
        body=PasskeyBody,
        answer=Passkeys,
        problems=(400, 409, 501),
    ),
    Route(
        method="DELETE",
        path="/api/v1/passkeys/{number}",
        area=AREA,
        role=Role.VIEWER,
        handler=remove_passkey,
        summary="Remove a passkey",
        answer=Passkeys,
        problems=(404,),
    ),
    Route(
        method="POST",
        path="/api/v1/login/passkey/begin",
        area=AREA,
        role=Role.NOBODY,
        handler=begin_passkey_login,
        summary="Begin a login by passkey",
        answer=Ceremony,
        problems=(400, 501),
    ),
    Route(
        method="POST",
        path="/api/v1/login/passkey",
        area=AREA,
        role=Role.NOBODY,
        handler=passkey_login,
        summary="Log in by passkey",
        body=PasskeyLogin,
        answer=SessionView,
        problems=(400, 429, 501),
    ),
)
