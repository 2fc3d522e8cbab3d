"""Logging in: by password and code, by passkey, by the setup token. Every login gives a new session, every failure is written down."""

from __future__ import annotations

import logging
import math
import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mirage_hole.api.access.codes import step_of
from mirage_hole.api.access.passkeys import octets_of
from mirage_hole.api.access.passwords import faults_of
from mirage_hole.api.access.secrets import digest_of, digest_of_code, is_session, new_session
from mirage_hole.api.access.throttle import Wait, network_of
from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.store import accounts, credentials
from mirage_hole.store.accounts import Taken

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from mirage_hole.api.access.accounts import Accounts
    from mirage_hole.api.access.passkeys import Ceremonies, Site
    from mirage_hole.api.access.passwords import Passwords
    from mirage_hole.api.access.setup import SetupToken
    from mirage_hole.api.access.throttle import Attempt, Throttle
    from mirage_hole.store.accounts import User

log = logging.getLogger(__name__)

SECOND_FACTOR: Final = "urn:mirage-hole:problem:second-factor"
"""The type of the problem that a code is needed as well."""
ADMIN: Final = accounts.ADMIN


class Visit(NamedTuple):
    """Who tries, as far as it is known."""

    address: str
    agent: str
    cookie: str = ""
    """Of a session that ends by the login."""


class Opened(NamedTuple):
    """A session that has begun."""

    user: str
    role: int
    number: int
    secret: str
    """For the cookie, and for nothing else."""


class Logins:
    """One per server: it knows who has failed."""

    def __init__(
        self,
        known: Accounts,
        passwords: Passwords,
        throttle: Throttle,
        setup: SetupToken,
        ceremonies: Ceremonies,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """``clock``: seconds since the epoch; ``monotonic``: seconds that only grow."""
        self._accounts = known
        self._passwords = passwords
        self._throttle = throttle
        self._setup = setup
        self._ceremonies = ceremonies
        self._clock = clock
        self._monotonic = monotonic

    async def by_password(self, name: str, password: str, code: str, visit: Visit) -> Opened:
        """With the code of the second factor, or a recovery code, where there is one.

        Raises:
            Refusal: 401: something is wrong, or the code is missing (of the type SECOND_FACTOR); 429: later.
        """
        attempt = await self._begin(visit, name)
        user = await self._accounts.user_to_log_in(name)
        try:
            good = await self._passwords.verify(user.password if user is not None else None, password)
        except Refusal:
            self._throttle.withdraw(attempt)
            raise
        if user is None or not good:
            await self._failed(name, visit, "wrong name or password")
            raise Refusal(401, "The name or the password is wrong.")
        if user.totp_on:
            await self._second(user, code, attempt, visit)
        self._throttle.succeeded(attempt)
        if self._passwords.outdated(user.password):
            user = await self._rehashed(user, password)
        return await self.open(user, "password and code" if user.totp_on else "password", visit)

    async def by_passkey(self, site: Site, credential: dict[str, Any], visit: Visit) -> Opened:
        """A passkey is both factors: the authenticator has verified who holds it.

        Raises:
            Refusal: 400, 429.
        """
        attempt = await self._begin(visit, "")
        identifier = _identifier(credential)
        known = await self._accounts.read(lambda db: accounts.passkey(db, identifier))
        user = None if known is None else await self._accounts.read(lambda db: accounts.user_numbered(db, known.user))
        try:
            count = self._ceremonies.finish_login(site, credential, known, self._monotonic())
            if known is None or user is None:
                message = "no user has it"
                raise _not_taken(message)
            now, number = self._clock(), known.number
            if not await self._accounts.quiet(lambda db: accounts.use_passkey(db, number, count, now)):
                message = "its counter did not grow, so there may be a copy of it"
                raise _not_taken(message)
        except Refusal as refusal:
            await self._failed(user.name if user is not None else "", visit, refusal.detail)
            raise
        self._throttle.succeeded(attempt)
        return await self.open(user, "passkey", visit)

    async def first(self, token: str, name: str, password: str, visit: Visit) -> Opened:
        """Make the first user, an admin, who is logged in then.

        Raises:
            Refusal: 401: the token is wrong; 409: there is a user already; 400: the password; 429.
        """
        if await self._accounts.has_users():
            raise Refusal(409, "There is a user already; log in, or let an admin make an account.")
        attempt = await self._begin(visit, "")
        if not self._setup.matches(token):
            await self._failed("", visit, "wrong setup token")
            detail = "The setup token is wrong. The server shows it on its console or in its log when it starts, each time another."
            raise Refusal(401, detail)
        self._throttle.succeeded(attempt)
        user = await self.add(name, password, ADMIN, "setup", only_first=True)
        return await self.open(user, "setup", visit)

    async def add(self, name: str, password: str, role: int, who: str, *, only_first: bool = False) -> User:
        """Make a user.

        Raises:
            Refusal: 409: there is one of that name; 400: the name, the password; 429.
        """
        if name.casefold() in accounts.RESERVED:
            fault = Fault("name", f"{name!r} means something else in the audit log", "another name")
            raise Refusal(400, "That name can't be taken.", [fault])
        check_password(password, name)
        encoded = await self._passwords.hash(password)
        now = self._clock()

        def add(db: sqlite3.Connection) -> User:
            if only_first and accounts.has_users(db):
                message = "There is a user already; log in"
                raise Taken(message)
            return accounts.add_user(db, name, role, encoded, secrets.token_bytes(32), now)

        user = await self._accounts.change(who, "add user", name, add, after={"role": role})
        self._setup.end()
        return user

    async def prove(self, user: User, password: str, visit: Visit, where: str = "password") -> None:
        """Refuse, unless it is the password: a session that somebody left open is not enough for everything.

        Raises:
            Refusal: 403, 429.
        """
        attempt = await self._begin(visit, user.name)
        try:
            good = await self._passwords.verify(user.password, password)
        except Refusal:
            self._throttle.withdraw(attempt)
            raise
        if not good:
            await self._failed(user.name, visit, "wrong password, in a session")
            raise Refusal(403, "That is not your password.", [Fault(where, "is wrong", "your present password")])
        self._throttle.succeeded(attempt)

    async def open(self, user: User, how: str, visit: Visit) -> Opened:
        """A new session; the one that the visitor had ends.

        Raises:
            Refusal: 401: the account was changed meanwhile; 503.
        """
        secret, now = new_session(), self._clock()
        old = digest_of(visit.cookie) if is_session(visit.cookie) else None

        def open_(db: sqlite3.Connection) -> int:
            found = accounts.user_numbered(db, user.number)
            if found is None or found.password != user.password:
                raise Refusal(401, "The account was changed a moment ago; log in again.")
            if old is not None:
                db.execute("DELETE FROM sessions WHERE digest = ?", (old,))
            lasting = self._accounts.lasting
            return credentials.add_session(db, user.number, digest_of(secret), visit.address, visit.agent, now, lasting)

        number = await self._accounts.change(
            user.name, "login", user.name, open_, after={"how": how, "from": visit.address}
        )
        log.info("%s has logged in by %s from %s", user.name, how, visit.address)
        return Opened(user.name, user.role, number, secret)

    async def _second(self, user: User, code: str, attempt: Attempt, visit: Visit) -> None:
        if not code:
            self._throttle.withdraw(attempt)
            fault = Fault("code", "is missing", "the six digits that your app shows, or a recovery code")
            raise Refusal(401, "A code of the second factor is needed as well.", [fault], kind=SECOND_FACTOR)
        why = await self.take_code(user, code)
        if why:
            await self._failed(user.name, visit, why)
            fault = Fault("code", why, "the six digits that your app shows now, or a recovery code that was not used")
            raise Refusal(401, "The code is wrong, or was used before.", [fault], kind=SECOND_FACTOR)

    async def take_code(self, user: User, code: str) -> str:
        """Use a code up; why not, or nothing."""
        code = code.replace(" ", "")
        if len(code) == 6 and code.isascii() and code.isdigit():
            step = step_of(user.totp_secret, code, self._clock())
            if step is None:
                return "is wrong"
            if not await self._accounts.quiet(lambda db: accounts.take_totp_step(db, user.number, step)):
                return "was used before"
            return ""
        digest = digest_of_code(code)
        if not await self._accounts.quiet(lambda db: accounts.take_recovery_code(db, user.number, digest)):
            return "is no recovery code that is left"
        await self._accounts.note(user.name, "recovery code used", user.name, None)
        return ""

    async def _rehashed(self, user: User, password: str) -> User:
        encoded = await self._passwords.hash(password)
        await self._accounts.quiet(lambda db: accounts.replace_password(db, user.number, user.password, encoded))
        return user._replace(password=encoded)

    async def _begin(self, visit: Visit, account: str) -> Attempt:
        attempt = self._throttle.begin(visit.address, account, self._monotonic())
        if isinstance(attempt, Wait) and account and await self._is_known(visit.address, account):
            attempt = self._throttle.begin(visit.address, account, self._monotonic())
        if isinstance(attempt, Wait):
            seconds = max(1, math.ceil(attempt.seconds))
            log.warning("a login from %s has to wait %d s: too many have failed", visit.address, seconds)
            detail = f"Too many logins have failed; wait {seconds} s."
            raise Refusal(429, detail, headers={"Retry-After": str(seconds)})
        return attempt

    async def _is_known(self, address: str, account: str) -> bool:
        """Whether the account has a session from there: the throttle's memory does not survive a restart, sessions do."""
        now, network = self._clock(), network_of(address)
        there = await self._accounts.read(lambda db: credentials.sessions(db, now, self._accounts.lasting, account))
        if all(network_of(one.address) != network for one in there):
            return False
        self._throttle.remember(network, account)
        return True

    async def _failed(self, name: str, visit: Visit, why: str) -> None:
        log.warning("a login from %s failed: %s", visit.address, why)
        known = name if name and await self._accounts.user(name) is not None else ""
        # A password typed into the field of the name must not end up in the audit log.
        await self._accounts.note(known, "login failed", known, {"from": visit.address, "why": why})


def check_password(password: str, name: str, where: str = "password") -> None:
    """Refuse a bad one.

    Raises:
        Refusal: 400.
    """
    faults = faults_of(password, name, where)
    if faults:
        raise Refusal(400, f"The password {faults[0].what}; use {faults[0].instead}.", faults)


def _identifier(credential: dict[str, Any]) -> bytes:
    try:
        return octets_of(str(credential["rawId"]))
    except (KeyError, ValueError):
        message = "its id can't be read"
        raise _not_taken(message) from None


def _not_taken(why: str) -> Refusal:
    return Refusal(400, f"The passkey was not taken: {why}.")
