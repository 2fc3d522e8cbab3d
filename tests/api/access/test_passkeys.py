"""Passkeys, with an authenticator made of software."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from mirage_hole.api.access.passkeys import LASTING, MOST, Site
from tests.api.access.authenticator import PRESENT, Authenticator, encoded
from tests.api.access.door import GOOD, Door, Visitor


async def a_key(door: Door, visitor: Visitor) -> Authenticator:
    """Registered."""
    key = Authenticator(door.url)
    begun = await visitor.good("POST", "/api/v1/passkeys/begin", {"password": GOOD})
    await visitor.good("POST", "/api/v1/passkeys", key.make(begun["public_key"]))
    return key


async def begun(visitor: Visitor) -> dict[str, Any]:
    """The options of a login."""
    options: dict[str, Any] = (await visitor.good("POST", "/api/v1/login/passkey/begin"))["public_key"]
    return options


async def test_a_passkey_logs_in_without_name_or_password(door: Door) -> None:
    visitor = await door.set_up()
    key = await a_key(door, visitor)
    other = door.visitor()
    for _ in range(2):
        told = await other.good("POST", "/api/v1/login/passkey", key.sign(await begun(other)))
        assert (told["name"], told["role"]) == ("ada", "admin")
    await other.good("POST", "/api/v1/try/rules")
    shown = (await other.good("GET", "/api/v1/passkeys"))["passkeys"][0]
    assert (shown["name"], shown["host"], shown["last_used"]) == ("key", "localhost", door.clock.now)


async def test_a_new_passkey_needs_the_password(door: Door) -> None:
    visitor = await door.set_up()
    await visitor.refused(403, "POST", "/api/v1/passkeys/begin", {"password": "no"})
    options = (await visitor.good("POST", "/api/v1/passkeys/begin", {"password": GOOD}))["public_key"]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert "ada" not in str(options["user"]["id"])


async def test_a_challenge_counts_once(door: Door) -> None:
    visitor = await door.set_up()
    key = await a_key(door, visitor)
    answer = key.sign(await begun(visitor))
    await visitor.good("POST", "/api/v1/login/passkey", answer)
    assert "challenge" in await visitor.refused(400, "POST", "/api/v1/login/passkey", answer)


async def test_a_challenge_counts_for_five_minutes(door: Door) -> None:
    visitor = await door.set_up()
    key = await a_key(door, visitor)
    options = await begun(visitor)
    door.ticks.now += LASTING
    assert "challenge" in await visitor.refused(400, "POST", "/api/v1/login/passkey", key.sign(options))


async def test_a_challenge_is_for_its_ceremony_and_its_user(door: Door) -> None:
    visitor, other = await door.set_up(), await door.with_user("viewer")
    options = (await visitor.good("POST", "/api/v1/passkeys/begin", {"password": GOOD}))["public_key"]
    key = Authenticator(door.url)
    assert "challenge" in await other.refused(400, "POST", "/api/v1/passkeys", key.make(options))
    login = await begun(visitor)
    login |= {"user": options["user"], "rp": options["rp"]}
    assert "challenge" in await visitor.refused(400, "POST", "/api/v1/passkeys", key.make(login))


async def test_challenges_are_bounded_and_nobody_ends_those_of_others(door: Door) -> None:
    visitor, other = await door.set_up(), door.visitor("10.0.0.7")
    key = await a_key(door, visitor)
    mine, theirs = await begun(visitor), await begun(other)
    for _ in range(MOST):
        door.service.ceremonies.begin_login(Site("localhost", door.url), door.ticks.now, "10.0.0.7")
    assert len(door.service.ceremonies) == MOST
    assert "challenge" in await other.refused(400, "POST", "/api/v1/login/passkey", key.sign(theirs))
    await visitor.good("POST", "/api/v1/login/passkey", key.sign(mine))


@pytest.mark.parametrize("what", ["signature", "origin", "unverified", "key", "host", "garbage"])
async def test_a_forged_login_is_refused(door: Door, what: str) -> None:
    visitor = await door.set_up()
    key = await a_key(door, visitor)
    options = await begun(visitor)
    if what == "origin":
        key.origin = "http://evil.example"
    if what == "unverified":
        key.flags = PRESENT
    if what == "key":
        key.key = Authenticator("").key
    if what == "host":
        options["rpId"] = "evil.example"
    answer = key.sign(options)
    if what == "signature":
        answer["signature"] = encoded(b"0" * 70)
    if what == "garbage":
        answer["authenticator_data"] = encoded(b"\xff" * 500)
    thief = door.visitor()
    await thief.refused(400, "POST", "/api/v1/login/passkey", answer)
    assert not thief.cookie
    assert door.audit()[-1][1] == "login failed"


async def test_a_copied_passkey_whose_counter_does_not_grow_is_refused(door: Door) -> None:
    visitor = await door.set_up()
    key = await a_key(door, visitor)
    await visitor.good("POST", "/api/v1/login/passkey", key.sign(await begun(visitor)))
    key.count = 0
    await visitor.refused(400, "POST", "/api/v1/login/passkey", key.sign(await begun(visitor)))


async def test_an_unknown_or_removed_passkey_is_refused(door: Door) -> None:
    visitor = await door.set_up()
    key = await a_key(door, visitor)
    stranger = Authenticator(door.url)
    await door.visitor().refused(400, "POST", "/api/v1/login/passkey", stranger.sign(await begun(visitor)))
    number = (await visitor.good("GET", "/api/v1/passkeys"))["passkeys"][0]["number"]
    other = await door.with_user("viewer")
    await other.refused(404, "DELETE", f"/api/v1/passkeys/{number}")
    await visitor.good("DELETE", f"/api/v1/passkeys/{number}")
    await door.visitor().refused(400, "POST", "/api/v1/login/passkey", key.sign(await begun(visitor)))


async def test_a_passkey_is_registered_once(door: Door) -> None:
    visitor = await door.set_up()
    key = await a_key(door, visitor)
    options = (await visitor.good("POST", "/api/v1/passkeys/begin", {"password": GOOD}))["public_key"]
    assert options["excludeCredentials"][0]["id"] == encoded(key.identifier)
    await visitor.refused(409, "POST", "/api/v1/passkeys", key.make(options))


async def test_an_address_is_no_host_for_passkeys(door: Door) -> None:
    visitor = await door.set_up()
    host = door.url.removeprefix("http://").replace("localhost", "127.0.0.1")
    told = await visitor.refused(400, "POST", "/api/v1/login/passkey/begin", Host=host, Origin=f"http://{host}")
    assert "not for addresses" in told


async def test_without_the_package_the_routes_say_what_to_install(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = await door.set_up()
    monkeypatch.setitem(sys.modules, "webauthn", None)
    told = await visitor.refused(501, "POST", "/api/v1/login/passkey/begin")
    assert "mirage-hole[passkeys]" in told
