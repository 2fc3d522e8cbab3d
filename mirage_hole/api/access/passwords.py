"""Passwords: what may be one, and how they are kept (argon2id, RFC 9106) without stopping anything else.

Hashing takes 19 MiB and tens of milliseconds. So it happens in threads, two at once at most, and whoever comes when many wait is told to come
again: a flood of logins costs a bounded share of the machine.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from mirage_hole.api.problems import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

SHORTEST: Final = 10
LONGEST: Final = 200
AT_ONCE: Final = 2
WAITING: Final = 16
"""How many may wait for a turn."""
COMMON: Final = frozenset(
    """
    0000000000 0123456789 0987654321 1029384756 1111111111 11111111111 111111111111 1122334455 123123123123 1231231231
    1234512345 123456123456 1234567890 12345678900 123456789000 12345678901 123456789012 1234567891 12345678910
    123456789123 123456789a 123456789q 123456qwerty 1234qwerasdf 123qweasdzxc 1472583690 1q2w3e4r5t 1q2w3e4r5t6y
    1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc 2222222222 3333333333 5555555555 6666666666 7777777777
    8888888888 9876543210 9999999999 987654321a a123456789 aa12345678 aaaaaaaaaa abc123456789 abcd123456 abcd12345678
    abcdefghij abcdefghijk abcdefghijkl adguardhome admin12345 admin123456 administrator adminadmin adminadmin1
    asdfasdfasdf asdfghjkl1 asdfghjkl123 asdfghjkl; basketball blink182blink changeme123 changeme1234 changemenow
    charlie123 chocolate1 computer123 correcthorsebatterystaple defaultpassword dragon12345 football123 football1234
    helloworld helloworld1 iloveyou12 iloveyou123 iloveyou1234 jordan12345 letmein123 letmein1234 letmeinnow liverpool1
    manchester master12345 michael123 miragehole mirage-hole mirage_hole mirage-hole1 mirage-hole123 miragehole1
    miragehole123 monkey12345 motherfucker mypassword mypassword1 pa$$word123 p@ssw0rd123 p@ssw0rd1234 p@ssword123
    passpasspass passw0rd12 passw0rd123 passw0rd1234 password00 password01 password10 password11 password12 password123
    password1234 password12345 password123456 password2024 password2025 password2026 password99 passwordpassword
    passwort123 pihole1234 pihole12345 princess12 princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv qqqqqqqqqq
    qwer1234qwer qwerasdfzxcv qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop1 qwertyuiop123
    qwertyuiop[] raspberrypi raspberry1 raspberry123 secret1234 sunshine12 sunshine123 superman12 superman123 test123456
    testtest123 testtesttest trustno1trustno1 unknown123 welcome123 welcome1234 welcome12345 welcome2024 welcome2025
    welcome2026 zaq12wsxcde zaq1zaq1zaq1 zxcvbnm123 zxcvbnm1234 zxcvbnm12345 zxcvbnm,./
    """.split()  # noqa: SIM905 - a list of a hundred strings is no easier to read
)
"""The commonest that are long enough, as published lists of leaked passwords have them, and what suggests itself here."""


def faults_of(password: str, name: str, where: str = "password") -> list[Fault]:
    """What is wrong with a new password; no rule asks for digits or signs (NIST SP 800-63B section 5.1.1.2)."""
    if len(password) < SHORTEST:
        what = f"has {len(password)} characters"
        return [
            Fault(where, what, f"at least {SHORTEST}; a few words that have nothing to do with each other are good")
        ]
    if len(password) > LONGEST:
        return [Fault(where, f"has {len(password)} characters", f"at most {LONGEST}")]
    folded = password.casefold()
    if folded.strip() == name.casefold():
        return [Fault(where, "is the user's name", "one that nobody can know")]
    if folded in COMMON:
        return [Fault(where, "is one of the commonest, which guessers try first", "one that nobody else has")]
    return []


class Passwords:
    """Makes and checks hashes, a bounded number of them at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """``hasher``: OWASP's parameters for argon2id: 19 MiB, two passes, one lane."""
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._there = 0
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """What is kept.

        Raises:
            Refusal: 429: too many wait already.
        """
        return await self._in_turn(lambda: self._hasher.hash(password))

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether it is the password. ``encoded``: None: of no user, which takes as long.

        Raises:
            Refusal: 429: too many wait already.
        """
        return await self._in_turn(lambda: self._verify(encoded, password))

    def outdated(self, encoded: str) -> bool:
        """Whether it was made with other parameters."""
        try:
            return self._hasher.check_needs_rehash(encoded)
        except InvalidHashError:
            return False

    def _verify(self, encoded: str | None, password: str) -> bool:
        if not self._nobody:
            self._nobody = self._hasher.hash(secrets.token_urlsafe())
        try:
            found = self._hasher.verify(encoded or self._nobody, password[: LONGEST + 1])
        except (Argon2Error, InvalidHashError):
            return False
        return found and bool(encoded)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._there >= AT_ONCE + WAITING:
            raise Refusal(429, "Too many logins at once; try again in a moment.", headers={"Retry-After": "2"})
        self._there += 1
        try:
            async with self._turns:
                done = asyncio.get_running_loop().run_in_executor(None, work)
                try:
                    return await asyncio.shield(done)
                except asyncio.CancelledError:  # a thread can't be stopped: its turn ends when it does
                    await asyncio.wait([done])
                    raise
        finally:
            self._there -= 1
