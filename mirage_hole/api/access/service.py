"""Everything about who may, put together: what the routes of the area ``access`` act on, and what the dispatcher asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from mirage_hole.api.access.accounts import Accounts
from mirage_hole.api.access.authenticate import Access
from mirage_hole.api.access.logins import Logins
from mirage_hole.api.access.passkeys import Ceremonies
from mirage_hole.api.access.passwords import Passwords
from mirage_hole.api.access.setup import SetupToken
from mirage_hole.api.access.throttle import Throttle
from mirage_hole.store.credentials import Lasting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from argon2 import PasswordHasher

    from mirage_hole.store.state import StateStore

IDLE: Final = 7 * 86400.0
MOST: Final = 30 * 86400.0


class AccessService:
    """One per server."""

    def __init__(
        self,
        store: StateStore,
        *,
        idle: float = IDLE,
        most: float = MOST,
        open_for: Iterable[str] = (),
        hasher: PasswordHasher | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            store: state.db.
            idle: seconds without a request after which a session ends.
            most: seconds after which every session ends.
            open_for: networks whose visitors look without a login.
            hasher: of passwords; another one in tests, where they may be cheap.
            clock: seconds since the epoch.
            monotonic: seconds that only grow.
        """
        self.clock = clock
        self.monotonic = monotonic
        self.accounts = Accounts(store, Lasting(idle, most), clock)
        self.passwords = Passwords(hasher)
        self.throttle = Throttle()
        self.setup = SetupToken()
        self.ceremonies = Ceremonies()
        self.access = Access(self.accounts, clock=clock, open_for=open_for)
        self.logins = Logins(
            self.accounts,
            self.passwords,
            self.throttle,
            self.setup,
            self.ceremonies,
            clock=clock,
            monotonic=monotonic,
        )

    def change(self, idle: float, most: float, open_for: Iterable[str]) -> None:
        """Take other settings; they count from the next request on."""
        self.accounts.lasting = Lasting(idle, most)
        self.access.open(open_for)

    async def setup_token(self) -> str:
        """What the console shows so that the first user can be made; empty when there is one.

        Raises:
            Refusal: the store can't be read.
        """
        if await self.accounts.has_users():
            self.setup.end()
            return ""
        return self.setup.value or self.setup.issue()
