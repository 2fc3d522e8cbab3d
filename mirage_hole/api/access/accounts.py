"""Accounts as the API sees them: calls that wait in a thread, changes that are in the audit log, errors that are problem documents."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mirage_hole.api.problems import Refusal
from mirage_hole.store import accounts, credentials
from mirage_hole.store.accounts import AccountProblem, LastAdmin, Stale, Taken, Unknown
from mirage_hole.store.credentials import TooMany
from mirage_hole.store.database import StoreProblem
from mirage_hole.store.state import Unwritable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from mirage_hole.store.accounts import User
    from mirage_hole.store.changes import Change
    from mirage_hole.store.credentials import KnownSession, KnownToken, Lasting
    from mirage_hole.store.state import StateStore

log = logging.getLogger(__name__)

T = TypeVar("T")

FAILURES_A_MINUTE: Final = 30
"""Failed logins that are written into the audit log; a flood must not push everything else out of it. All are in the program's log."""
_STATUS: Final[dict[type[AccountProblem], int]] = {Taken: 409, LastAdmin: 409, TooMany: 409, Unknown: 404, Stale: 412}


class Accounts:
    """The tables of :mod:`mirage_hole.store.account_schema`, behind a store."""

    def __init__(self, store: StateStore, lasting: Lasting, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._minute = 0
        self._failures = 0
        self.lasting = lasting

    # -- from the event loop --

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` reads.

        Raises:
            Refusal: there is no such thing, or the store can't be read.
        """
        return await asyncio.to_thread(self._read, work)

    async def change(
        self,
        who: str,
        what: str,
        target: str,
        work: Callable[[sqlite3.Connection], T],
        before: Any = None,
        after: Any = None,
    ) -> T:
        """Do ``work`` and write down that it was done, both or nothing. ``before`` and ``after`` have no secrets.

        Raises:
            Refusal: it can't be done.
        """
        return await asyncio.to_thread(self._change, who, what, target, work, before, after)

    async def quiet(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work``, of which the audit log says nothing.

        Raises:
            Refusal: it can't be done.
        """
        return await asyncio.to_thread(self._quiet, work)

    async def note(self, who: str, what: str, target: str, about: Any) -> None:
        """Write down what changed nothing, such as a login that failed. A store that can't be written is no reason to fail."""
        await asyncio.to_thread(self._note, who, what, target, about)

    async def user(self, name: str) -> User | None:
        """By name."""
        return await self.read(lambda db: accounts.user_named(db, name))

    async def user_to_log_in(self, name: str) -> User | None:
        """By name.

        Raises:
            Refusal: 503: the accounts can't be read, so that nobody is told that a password is wrong.
        """
        return await self.read(lambda db: (self._is_there(db), accounts.user_named(db, name))[1])

    async def has_users(self) -> bool:
        """Whether there is any.

        Raises:
            Refusal: 503: that can't be found out.
        """
        return await self.read(self._is_there)

    def _is_there(self, db: sqlite3.Connection) -> bool:
        """Whether there is any user. In the place of a file that can't be opened there is an empty one."""
        found = accounts.has_users(db)
        if not found and self._store.trouble:
            raise Refusal(503, f"The accounts can't be read: {self._store.trouble}.", headers={"Retry-After": "30"})
        return found

    # -- from a thread --

    def session(self, digest: bytes, now: float) -> KnownSession | None:
        """The session with this digest that has not ended."""
        return self._read(lambda db: credentials.session(db, digest, now, self.lasting))

    def token(self, digest: bytes) -> KnownToken | None:
        """The token with this digest, whether it has expired or not."""
        return self._read(lambda db: credentials.token(db, digest))

    def touch_session(self, number: int, now: float) -> None:
        """It is used now."""
        self._try(lambda db: credentials.touch_session(db, number, now))

    def touch_token(self, number: int, now: float, address: str) -> None:
        """It is used now, from there."""
        self._try(lambda db: credentials.touch_token(db, number, now, address))

    def token_refused(self, name: str, address: str, why: str) -> None:
        """Somebody used a token that does not count."""
        log.warning("an API token was refused: it %s; from %s", why, address, extra={"token": name})
        self._note("", "token refused", name, {"from": address, "why": why})

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with told():
            return self._store.read(work)

    def _change(
        self, who: str, what: str, target: str, work: Callable[[sqlite3.Connection], T], before: Any, after: Any
    ) -> T:
        def noted(change: Change) -> T:
            result = work(change.connection)
            change.note(before, after)
            return result

        with told():
            return self._store.change(who, what, target, noted).result

    def _quiet(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with told():
            return self._store.change("", "", "", lambda change: work(change.connection)).result

    def _try(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """A full disk keeps nobody out who may come in."""
        with contextlib.suppress(OSError, StoreProblem):
            self._store.change("", "", "", lambda change: work(change.connection))

    def _note(self, who: str, what: str, target: str, about: Any) -> None:
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._failures = minute, 0
        self._failures += 1
        if self._failures > FAILURES_A_MINUTE:
            return
        with contextlib.suppress(OSError, StoreProblem):
            self._store.change(who, what, target, lambda change: change.note(None, about))


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turns what goes wrong below into problem documents."""
    try:
        yield
    except AccountProblem as problem:
        raise Refusal(_STATUS.get(type(problem), 409), f"{problem}.") from None
    except Unwritable as problem:
        detail = f"Nothing can be changed for now: {problem.strerror}."
        raise Refusal(503, detail, headers={"Retry-After": "30"}) from None
    except (StoreProblem, OSError) as problem:
        raise Refusal(503, f"The accounts can't be read: {problem}", headers={"Retry-After": "30"}) from None
