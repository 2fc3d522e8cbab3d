"""DNS cookies for clients (RFC 7873), made as RFC 9018 has it: any server with the same secret knows them again.

A client that brings back a cookie of ours has its answers sent where it really is, so nobody can misuse it as a target.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.options import CLIENT_COOKIE
from mirage_hole.wire.siphash import siphash24

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION: Final = 1
LIVES: Final = 3600
"""Seconds that a cookie is good for (RFC 9018 4.3)."""
AHEAD: Final = 300
"""Seconds that it may seem to come from the future (RFC 9018 4.3)."""
RENEWED_AFTER: Final = 1800
"""Seconds after which a client gets a new one (RFC 9018 4.3)."""
REMEMBERED: Final = 4096
"""Cookies that were found to be good and are not computed once more."""

_HEAD = Struct(">B3xI")  # version, reserved, seconds since the epoch
_SERVER_COOKIE: Final = 16


class Cookies:
    """Makes cookies and knows them again. The first of the secrets makes them; those behind it are still believed."""

    def __init__(self, secrets: Sequence[bytes], epoch: float) -> None:
        """``secrets``: of 16 octets each, at least one. ``epoch``: see :attr:`epoch`."""
        self.secrets = tuple(secrets)
        self.epoch = epoch
        """What makes seconds since 1970 of ``now``, when added to it."""
        self.proven = 0
        """Queries with a good cookie."""
        self.unproven = 0
        """Queries with a client cookie only, or with a server cookie that is not good."""
        self._makers: dict[bytes, bytes] = {}

    def use(self, secrets: Sequence[bytes]) -> None:
        """Other secrets from now on."""
        self.secrets = tuple(secrets)
        self._makers.clear()

    def look(self, cookie: bytes, client: bytes, now: float) -> tuple[bytes, bool]:
        """The cookie to send back, client's part included, and whether the one that came is good.

        ``cookie``: 8 octets, or 16 to 40. ``client``: its address, 4 or 16 octets. ``now``: seconds.
        """
        seconds = int(now + self.epoch) & 0xFFFF_FFFF
        mine = cookie[:CLIENT_COOKIE]
        age = self._age(cookie[CLIENT_COOKIE:], seconds)
        maker = self._maker(cookie, client) if age is not None else None
        if age is None or maker is None:
            self.unproven += 1
            return self._make(mine, client, seconds), False
        self.proven += 1
        kept = maker == self.secrets[0] and age <= RENEWED_AFTER
        return (cookie if kept else self._make(mine, client, seconds)), True

    @staticmethod
    def _age(server: bytes, seconds: int) -> int | None:
        """Seconds, not below 0; None for what can't be a cookie of ours that is still good."""
        if len(server) != _SERVER_COOKIE or server[0] != VERSION:
            return None
        age = seconds - int.from_bytes(server[4:8], "big") & 0xFFFF_FFFF  # RFC 1982: the count may start over
        if age >= 1 << 31:
            return 0 if age >= (1 << 32) - AHEAD else None
        return age if age <= LIVES else None

    def _maker(self, cookie: bytes, client: bytes) -> bytes | None:
        """The secret that this cookie was made with; None: none of ours."""
        maker = self._makers.get(cookie + client)
        if maker is not None:
            return maker
        head, digest = cookie[: CLIENT_COOKIE + 8], cookie[CLIENT_COOKIE + 8 :]
        # Compared in plain: an answer takes milliseconds, with a spread that hides which octet differs.
        maker = next((secret for secret in self.secrets if siphash24(secret, head + client) == digest), None)
        if maker is not None:
            if len(self._makers) >= REMEMBERED:
                self._makers.clear()
            self._makers[cookie + client] = maker
        return maker

    def _make(self, mine: bytes, client: bytes, seconds: int) -> bytes:
        head = mine + _HEAD.pack(VERSION, seconds)
        return head + siphash24(self.secrets[0], head + client)
