"""The second factor: codes that an authenticator app makes of a shared secret and the time (TOTP, RFC 6238)."""

from __future__ import annotations

import hmac
from typing import Final

import pyotp

STEP: Final = 30
"""Seconds that a code is shown."""
AROUND: Final = 1
"""Steps before and after the present one that are taken, for clocks that differ (RFC 6238 section 5.2)."""
ISSUER: Final = "Mirage Hole"


def new_secret() -> str:
    """160 random bits (RFC 4226 section 4), in base32."""
    return pyotp.random_base32()


def uri_of(secret: str, name: str) -> str:
    """What apps read from a picture: ``otpauth://totp/...``."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The time step whose code this is; None: it is no code of now.

    Whoever takes it remembers the step, and takes none up to it again.
    """
    maker = pyotp.TOTP(secret, interval=STEP)
    current = int(now // STEP)
    found = None
    for step in range(current - AROUND, current + AROUND + 1):
        # Every one is compared, so that the time it takes says nothing.
        if hmac.compare_digest(maker.generate_otp(step).encode(), code.encode()):
            found = step
    return found
