"""Passkeys (https://www.w3.org/TR/webauthn-2/): how they are made and how they log in.

A ceremony begins with a challenge, which counts once, for five minutes, for one host. py_webauthn is imported when the first one begins:
most servers never need it.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from mirage_hole.api.access.throttle import network_of
from mirage_hole.api.access.visitor import scheme_of
from mirage_hole.api.hosts import host_of
from mirage_hole.api.problems import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from mirage_hole.store.accounts import Passkey

LASTING: Final = 300.0
"""Seconds that a challenge counts."""
MOST: Final = 1000
"""Challenges at a time; of more, the oldest of whoever has begun the most goes, so that nobody ends the logins of others."""
NAME: Final = "Mirage Hole"


class Site(NamedTuple):
    """Where a ceremony takes place."""

    host: str
    """The relying party's id."""
    origin: str


class Made(NamedTuple):
    """A passkey that has proven itself at its making."""

    credential: bytes
    public_key: bytes
    sign_count: int


class _Challenge(NamedTuple):
    site: Site
    user: int
    """Whose passkey is made; 0: somebody logs in."""
    until: float
    network: str
    """Who began."""


class Ceremonies:
    """The challenges that are open. Told the time in seconds that only grow."""

    def __init__(self) -> None:
        self._open: OrderedDict[bytes, _Challenge] = OrderedDict()
        self._networks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def begin_making(
        self, site: Site, user: int, name: str, handle: bytes, have: Sequence[Passkey], now: float, address: str
    ) -> dict[str, Any]:
        """What ``navigator.credentials.create`` is given as ``publicKey``. ``address``: of whoever asks.

        Raises:
            Refusal: 501: py_webauthn is not installed.
        """
        webauthn, structs = _library()
        challenge = self._challenge(_Challenge(site, user, now + LASTING, network_of(address)))
        options = webauthn.generate_registration_options(
            rp_id=site.host,
            rp_name=NAME,
            user_name=name,
            user_id=handle,
            challenge=challenge,
            timeout=int(LASTING * 1000),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one.credential) for one in have],
        )
        return _plain(webauthn.options_to_json(options))

    def begin_login(self, site: Site, now: float, address: str) -> dict[str, Any]:
        """What ``navigator.credentials.get`` is given as ``publicKey``. It names no user: the authenticator knows.

        Raises:
            Refusal: 501: py_webauthn is not installed.
        """
        webauthn, structs = _library()
        challenge = self._challenge(_Challenge(site, 0, now + LASTING, network_of(address)))
        options = webauthn.generate_authentication_options(
            rp_id=site.host,
            challenge=challenge,
            timeout=int(LASTING * 1000),
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return _plain(webauthn.options_to_json(options))

    def finish_making(self, site: Site, user: int, credential: dict[str, Any], now: float) -> Made:
        """Check what the authenticator made.

        Raises:
            Refusal: 400: it is not what was asked for, 501.
        """
        webauthn, _ = _library()
        challenge = self._take(credential, site, user, now)
        try:
            made = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except _failures() as problem:
            raise _refused(problem) from None
        return Made(made.credential_id, made.credential_public_key, made.sign_count)

    def finish_login(self, site: Site, credential: dict[str, Any], known: Passkey | None, now: float) -> int:
        """Check what the authenticator signed; the new value of its counter.

        Raises:
            Refusal: 400: it is not what was asked for, or of no passkey here, 501.
        """
        webauthn, _ = _library()
        challenge = self._take(credential, site, 0, now)
        if known is None or known.host != site.host:
            message = "no user has this passkey here"
            raise _refused(message)
        try:
            found = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
        except _failures() as problem:
            raise _refused(problem) from None
        return int(found.new_sign_count)

    def _challenge(self, about: _Challenge) -> bytes:
        challenge = secrets.token_bytes(32)
        self._open[challenge] = about
        self._networks[about.network] += 1
        if len(self._open) > MOST:
            ((most, _),) = self._networks.most_common(1)
            self._close(next(one for one, known in self._open.items() if known.network == most))
        return challenge

    def _close(self, challenge: bytes) -> _Challenge | None:
        """It counts no longer."""
        known = self._open.pop(challenge, None)
        if known is not None:
            self._networks[known.network] -= 1
            if not self._networks[known.network]:
                del self._networks[known.network]
        return known

    def _take(self, credential: dict[str, Any], site: Site, user: int, now: float) -> bytes:
        """The challenge that the client has signed; it counts no longer."""
        try:
            told = orjson.loads(octets_of(str(credential["response"]["clientDataJSON"])))
            challenge = octets_of(str(told["challenge"]))
        except (ValueError, KeyError, TypeError):
            message = "its clientDataJSON can't be read"
            raise _refused(message) from None
        known = self._close(challenge)
        if known is None or known.until <= now or known.user != user or known.site != site:
            message = "its challenge was not given out, was used, or is older than five minutes; begin again"
            raise _refused(message)
        return challenge


def site_of(request: web.Request) -> Site:
    """The visited host; it was checked that it is ours.

    Raises:
        Refusal: 400: browsers make no passkeys for it.
    """
    header = request.host.lower()
    host = host_of(header) or ""
    try:
        ip_address(host)
    except ValueError:
        return Site(host, f"{scheme_of(request)}://{header}")
    fault = Fault("Host", f"{host!r} is an address", "visit the server by its name, with https, or as localhost")
    raise Refusal(400, "Browsers keep passkeys for names, not for addresses.", [fault])


def octets_of(text: str) -> bytes:
    """Of base64url without padding.

    Raises:
        ValueError: it is none.
    """
    from base64 import b64decode

    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _library() -> tuple[Any, Any]:
    try:
        import webauthn
        from webauthn.helpers import structs
    except ImportError:
        detail = "Passkeys need the Python package webauthn: pip install 'mirage-hole[passkeys]'."
        raise Refusal(501, detail) from None
    return webauthn, structs


def _failures() -> tuple[type[Exception], ...]:
    from webauthn.helpers.exceptions import WebAuthnException

    # What a hostile client sends reaches parsers of CBOR and keys, which raise these.
    return (WebAuthnException, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


def _refused(why: object) -> Refusal:
    return Refusal(400, f"The passkey was not taken: {str(why)[:200]}")


def _plain(text: str) -> dict[str, Any]:
    options: dict[str, Any] = orjson.loads(text)
    return options
