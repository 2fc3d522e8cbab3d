"""The second factor: codes, their replay, recovery codes."""

from __future__ import annotations

import pyotp
import pytest

from mirage_hole.api.access.codes import step_of
from mirage_hole.api.access.logins import SECOND_FACTOR
from tests.api.access.door import GOOD, Door, Visitor


def code_at(secret: str, now: float) -> str:
    """What the app shows then."""
    return str(pyotp.TOTP(secret).generate_otp(int(now // 30)))


async def switched_on(door: Door, visitor: Visitor) -> tuple[str, list[str]]:
    """(secret, recovery codes); the clock stands a step later."""
    begun = await visitor.good("POST", "/api/v1/totp", {"password": GOOD})
    secret = begun["secret"]
    done = await visitor.good("POST", "/api/v1/totp/confirm", {"code": code_at(secret, door.clock.now)})
    door.clock.now += 30
    return secret, done["recovery_codes"]


async def test_a_second_factor_counts_once_a_code_has_confirmed_it(door: Door) -> None:
    visitor = await door.set_up()
    await visitor.refused(403, "POST", "/api/v1/totp", {"password": "no"})
    begun = await visitor.good("POST", "/api/v1/totp", {"password": GOOD})
    assert begun["uri"].startswith("otpauth://totp/Mirage%20Hole:ada?secret=" + begun["secret"])
    await door.visitor().log_in("ada", GOOD)
    wrong = code_at(begun["secret"], door.clock.now + 600)
    await visitor.refused(400, "POST", "/api/v1/totp/confirm", {"code": wrong})
    await door.visitor().log_in("ada", GOOD)
    await visitor.good("POST", "/api/v1/totp/confirm", {"code": code_at(begun["secret"], door.clock.now)})
    await door.visitor().log_in("ada", GOOD, status=401)
    assert (await visitor.good("GET", "/api/v1/session"))["totp"] is True


async def test_what_it_means_that_a_code_is_missing_can_be_told_by_a_program(door: Door) -> None:
    visitor = await door.set_up()
    secret, _ = await switched_on(door, visitor)
    answer = await door.visitor().ask("POST", "/api/v1/login", {"name": "ada", "password": GOOD})
    assert (answer.status, answer.body["type"], answer.cookie) == (401, SECOND_FACTOR, None)
    wrong = await door.visitor().ask("POST", "/api/v1/login", {"name": "ada", "password": "no", "code": "123456"})
    assert wrong.body["type"] == "about:blank"
    await door.visitor().log_in("ada", GOOD, code_at(secret, door.clock.now))


async def test_a_code_is_taken_once_and_none_before_it_any_more(door: Door) -> None:
    visitor = await door.set_up()
    secret, _ = await switched_on(door, visitor)
    now = door.clock.now
    await door.visitor().log_in("ada", GOOD, code_at(secret, now))
    await door.visitor().log_in("ada", GOOD, code_at(secret, now), status=401)
    await door.visitor().log_in("ada", GOOD, code_at(secret, now - 30), status=401)
    await door.visitor().log_in("ada", GOOD, code_at(secret, now + 30))
    await door.visitor().log_in("ada", GOOD, code_at(secret, now), status=401)


async def test_the_code_that_confirmed_it_does_not_log_in(door: Door) -> None:
    visitor = await door.set_up()
    secret, _ = await switched_on(door, visitor)
    await door.visitor().log_in("ada", GOOD, code_at(secret, door.clock.now - 30), status=401)


@pytest.mark.parametrize(("away", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_differ_by_one_step(away: int, taken: bool) -> None:
    secret, now = pyotp.random_base32(), 1_800_000_000.0
    assert (step_of(secret, code_at(secret, now + away), now) is not None) is taken


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "-12345"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert step_of("JBSWY3DPEHPK3PXP" * 2, code, 1_800_000_000.0) is None


async def test_a_recovery_code_counts_once_however_it_is_typed(door: Door) -> None:
    visitor = await door.set_up()
    _, codes = await switched_on(door, visitor)
    assert len(set(codes)) == 10
    await door.visitor().log_in("ada", GOOD, codes[0].upper().replace("-", " "))
    await door.visitor().log_in("ada", GOOD, codes[0], status=401)
    await door.visitor().log_in("ada", GOOD, codes[1])
    assert (await visitor.good("GET", "/api/v1/session"))["recovery_codes"] == 8
    kept = door.store.path.read_bytes() + repr(door.audit()).encode()
    assert all(code.encode() not in kept for code in codes)


async def test_a_change_of_the_second_factor_gives_a_new_session(door: Door) -> None:
    visitor = await door.set_up()
    first = visitor.cookie
    await switched_on(door, visitor)
    second = visitor.cookie
    assert second != first
    await visitor.refused(403, "POST", "/api/v1/totp/remove", {"password": "no"})
    await visitor.good("POST", "/api/v1/totp/remove", {"password": GOOD})
    assert visitor.cookie not in {first, second}
    thief = door.visitor()
    for old in (first, second):
        thief.cookie = old
        await thief.refused(401, "GET", "/api/v1/session")
    await door.visitor().log_in("ada", GOOD)


async def test_a_second_factor_that_is_on_is_not_replaced_silently(door: Door) -> None:
    visitor = await door.set_up()
    await switched_on(door, visitor)
    await visitor.refused(409, "POST", "/api/v1/totp", {"password": GOOD})
    await visitor.refused(409, "POST", "/api/v1/totp/confirm", {"code": "123456"})


async def test_an_admin_takes_the_second_factor_of_somebody_who_lost_it(door: Door) -> None:
    admin, other = await door.set_up(), await door.with_user("viewer")
    await switched_on(door, other)
    await admin.good("PATCH", "/api/v1/users/viewer", {"totp": False})
    await other.refused(401, "GET", "/api/v1/session")
    await other.log_in("viewer", GOOD)


async def test_guessing_codes_is_slowed_down_like_guessing_passwords(door: Door) -> None:
    visitor = await door.set_up()
    await switched_on(door, visitor)
    thief = door.visitor("198.51.100.7")
    body = {"name": "ada", "password": GOOD, "code": "000000"}
    statuses = [(await thief.ask("POST", "/api/v1/login", body)).status for _ in range(7)]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
