"""What goes in and out of the routes of the area ``access``."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api.access.passwords import LONGEST, SHORTEST
from mirage_hole.store.accounts import MAX_NAME, NAME

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_NAME,
        pattern=NAME,
        description="Letters, digits and . _ @ + -; small and capital letters are the same.",
        examples=["ada"],
    ),
]
GivenName = Annotated[str, Meta(max_length=64, description="A user's name.", examples=["ada"])]
Password = Annotated[
    str,
    Meta(
        max_length=1000,
        description=f"{SHORTEST} to {LONGEST} characters of any kind; neither the name nor one of the commonest.",
        examples=["correct horse, wrong staple"],
    ),
]
GivenPassword = Annotated[str, Meta(max_length=1000, description="The present one.")]
Code = Annotated[
    str,
    Meta(max_length=32, description="Six digits of the app, or a recovery code.", examples=["492039"]),
]
RoleName = Annotated[
    Literal["viewer", "operator", "admin"],
    Meta(description="viewer looks, operator changes what is blocked, admin changes the server."),
]
Title = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["home automation"])]
Text64 = Annotated[str, Meta(max_length=200)]
Encoded = Annotated[str, Meta(max_length=32_768, pattern=r"^[A-Za-z0-9_=-]*$", description="base64url")]
Number = Annotated[int, Meta(ge=0)]
Time = Annotated[float, Meta(description="Seconds since the epoch.")]
Days = Annotated[float, Meta(gt=0, le=3650, examples=[90])]
AreaName = Annotated[str, Meta(max_length=32, pattern=r"^[a-z][a-z0-9_-]*$", examples=["rules"])]


class SetupState(Struct, frozen=True, kw_only=True):
    """Whether somebody has to make the first user."""

    needed: bool


class SetupBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first user."""

    token: Annotated[
        str, Meta(max_length=100, description="The one that the server shows on its console at its start.")
    ]
    name: Name
    password: Password


class LoginBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login."""

    name: GivenName
    password: GivenPassword
    code: Code = ""


class SessionView(Struct, frozen=True, kw_only=True):
    """Who asks."""

    name: Text64
    role: RoleName
    how: Annotated[str, Meta(max_length=16, description="session, token, open or local")]
    csrf: Annotated[
        str, Meta(max_length=64, description="What a change by cookie repeats as X-CSRF-Token; empty for others.")
    ] = ""
    areas: Annotated[
        list[AreaName], Meta(max_length=64, description="What a token is limited to; empty: nothing.")
    ] = []
    totp: bool = False
    """Whether the user has a second factor."""
    recovery_codes: Annotated[int, Meta(ge=0, description="How many are left.")] = 0


class SessionRow(Struct, frozen=True, kw_only=True):
    """One open session."""

    number: Number
    user: Text64
    created: Time
    last_seen: Time
    address: Annotated[str, Meta(max_length=64)]
    agent: Annotated[str, Meta(max_length=200, description="What the browser calls itself.")]
    current: bool
    """It is the one that asks."""


class Sessions(Struct, frozen=True, kw_only=True):
    """Open sessions, the last used first."""

    sessions: Annotated[list[SessionRow], Meta(max_length=100_000)]


class PasswordBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password."""

    old: GivenPassword
    new: Password


class UserRow(Struct, frozen=True, kw_only=True):
    """One user."""

    name: Text64
    role: RoleName
    created: Time
    totp: bool
    passkeys: Number


class Users(Struct, frozen=True, kw_only=True):
    """All users, by name."""

    users: Annotated[list[UserRow], Meta(max_length=10_000)]


class UserBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new user."""

    name: Name
    password: Password
    role: RoleName


class UserPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different."""

    role: RoleName | None = None
    password: Password | None = None
    totp: Annotated[Literal[False] | None, Meta(description="false: without second factor from now on.")] = None


class ProofBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password once more."""

    password: GivenPassword


class TotpBegun(Struct, frozen=True, kw_only=True):
    """What an authenticator app needs; it is shown once."""

    secret: Annotated[str, Meta(max_length=64, description="base32")]
    uri: Annotated[str, Meta(max_length=500, description="otpauth://, for a picture that the app reads")]


class CodeBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of the app."""

    code: Annotated[str, Meta(min_length=6, max_length=16, examples=["492039"])]


class TotpOn(Struct, frozen=True, kw_only=True):
    """It counts from now on."""

    recovery_codes: Annotated[
        list[Annotated[str, Meta(max_length=32)]],
        Meta(max_length=10, description="Each counts once in place of a code. They are shown only now."),
    ]
    csrf: Annotated[str, Meta(max_length=64, description="Of the new session that takes this one's place.")] = ""


class PasskeyRow(Struct, frozen=True, kw_only=True):
    """One passkey."""

    number: Number
    name: Text64
    host: Annotated[str, Meta(max_length=253, description="The name of the server at which it works.")]
    created: Time
    last_used: float | None


class Passkeys(Struct, frozen=True, kw_only=True):
    """The user's passkeys."""

    passkeys: Annotated[list[PasskeyRow], Meta(max_length=100)]


class Ceremony(Struct, frozen=True, kw_only=True):
    """What the browser's ``navigator.credentials`` is given."""

    public_key: dict[str, Any]


class PasskeyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new passkey."""

    name: Title
    id: Encoded
    client_data: Annotated[Encoded, Meta(description="response.clientDataJSON")]
    attestation: Annotated[Encoded, Meta(description="response.attestationObject")]


class PasskeyLogin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login by passkey."""

    id: Encoded
    client_data: Annotated[Encoded, Meta(description="response.clientDataJSON")]
    authenticator_data: Annotated[Encoded, Meta(description="response.authenticatorData")]
    signature: Annotated[Encoded, Meta(description="response.signature")]
    user_handle: Annotated[Encoded, Meta(description="response.userHandle")] = ""


class TokenRow(Struct, frozen=True, kw_only=True):
    """One API token, without its secret."""

    number: Number
    name: Text64
    user: Text64
    """Who made it; empty: the command line."""
    role: RoleName
    areas: Annotated[list[AreaName], Meta(max_length=64)]
    created: Time
    expires: float | None
    expired: bool
    last_used: float | None
    last_address: Annotated[str, Meta(max_length=64)]


class Tokens(Struct, frozen=True, kw_only=True):
    """API tokens, by number."""

    tokens: Annotated[list[TokenRow], Meta(max_length=1000)]


class TokenBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new API token."""

    name: Title
    role: RoleName = "viewer"
    areas: Annotated[list[AreaName], Meta(max_length=32, description="What it is for, such as rules; empty: all.")] = []
    days: Days | None = None
    """Until it expires; without: never."""


class TokenMade(Struct, frozen=True, kw_only=True):
    """The token, shown this once."""

    token: Annotated[str, Meta(max_length=64)]
    row: TokenRow


class Done(Struct, frozen=True, kw_only=True):
    """It is done."""

    done: Literal[True] = True
