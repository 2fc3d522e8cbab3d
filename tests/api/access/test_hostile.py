"""What is sent by those who mean no good: it ends in a refusal, never in an error of ours."""

from __future__ import annotations

import contextlib
import string
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from mirage_hole.api.access.csrf import check_origin
from mirage_hole.api.access.passkeys import Ceremonies, Site, octets_of, site_of
from mirage_hole.api.access.secrets import (
    digest_of_code,
    is_session,
    is_token,
    new_recovery_codes,
    new_session,
    new_token,
)
from mirage_hole.api.access.throttle import network_of
from mirage_hole.api.access.visitor import address_of, agent_of
from mirage_hole.api.problems import Refusal
from tests.api.access.door import GOOD, Door

SITE = Site("localhost", "http://localhost:8080")
HOSTS = st.text(string.ascii_lowercase + string.digits + ".:[]-", min_size=1, max_size=30)


def asked(host: str, scheme: str = "http", **headers: str) -> Any:
    """A request with these headers."""
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return SimpleNamespace(host=host, headers=named, scheme=scheme, get=lambda _name: None)


def refused(request: Any) -> bool:
    """Whether it is taken for another site's."""
    try:
        check_origin(request, needed=True)
    except Refusal as refusal:
        return refusal.status == 403
    return False


@given(HOSTS, HOSTS)
def test_the_origin_of_another_host_or_port_is_refused(host: str, other: str) -> None:
    if host.removesuffix(":80").removesuffix(":443") != other.removesuffix(":80").removesuffix(":443"):
        assert refused(asked(host, Origin=f"http://{other}"))


@given(st.text(max_size=60).filter(lambda text: not text.lower().startswith(("http://", "https://"))))
def test_an_origin_that_is_none_is_refused(origin: str) -> None:
    assert refused(asked("localhost", Origin=origin))


@given(st.sampled_from(["evil.example", "localhost.evil.example", "localhost:81", "xlocalhost", "user@localhost", ""]))
def test_a_name_like_ours_is_not_ours(other: str) -> None:
    assert refused(asked("localhost", Origin=f"http://{other}"))


@given(st.text(max_size=80))
def test_only_what_looks_like_a_secret_is_looked_up(text: str) -> None:
    assert not (is_token(text) and is_session(text))
    assert is_token(new_token())
    assert is_session(new_session())


@given(st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_recovery_code_is_the_same_however_it_is_typed(number: int, dice: Any) -> None:
    code = new_recovery_codes()[number]
    typed = "".join(dice.choice([letter.upper(), letter]) + dice.choice(["", " ", "-"]) for letter in code)
    assert digest_of_code(typed) == digest_of_code(code)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_none(text: str) -> None:
    address_of(text)
    network_of(text)


@given(st.text(max_size=300))
def test_what_a_client_calls_itself_is_cut_and_can_be_shown(text: str) -> None:
    told = agent_of(asked("localhost", User_Agent=text))
    assert len(told) <= 200
    assert told.isprintable()


@given(st.recursive(st.none() | st.text(max_size=20) | st.integers(), lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(["response", "clientDataJSON", "id", "rawId", "challenge"]), some, max_size=4), max_leaves=8))  # fmt: skip
def test_any_credential_is_refused_in_words(credential: Any) -> None:
    ceremonies = Ceremonies()
    with pytest.raises(Refusal) as problem:
        ceremonies.finish_login(SITE, cast("dict[str, Any]", credential), None, 0.0)
    assert problem.value.status == 400


@given(st.binary(max_size=200))
def test_octets_come_back_out_of_base64url(octets: bytes) -> None:
    from base64 import urlsafe_b64encode

    assert octets_of(urlsafe_b64encode(octets).rstrip(b"=").decode()) == octets


@given(HOSTS)
def test_a_site_is_a_name_or_is_refused(host: str) -> None:
    found = None
    with contextlib.suppress(Refusal):
        found = site_of(asked(host))
    assert found is None or address_of(found.host) is None


@pytest.mark.parametrize(
    "name",
    [
        "' OR 1=1 --",
        "ada'; DROP TABLE users; --",
        "%",
        "a%",
        "_da",
        "../../etc/passwd",
        "ada\x00",
        "\uff21\uff24\uff21",
        "💣" * 20,
    ],
)
async def test_tricks_in_a_name_log_nobody_in(door: Door, name: str) -> None:
    await door.set_up()
    answer = await door.visitor().ask("POST", "/api/v1/login", {"name": name, "password": GOOD})
    assert answer.status == 401
    await door.visitor().log_in("ada", GOOD)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "ada"},
        {"name": "ada", "password": 7},
        {"name": ["ada"], "password": GOOD},
        {"name": "ada", "password": GOOD, "role": "admin"},
        {"name": "ada", "password": "x" * 1001},
        {"name": "x" * 65, "password": GOOD},
        {"name": "ada", "password": None},
    ],
)
async def test_a_login_that_is_no_login_is_refused_before_anything_is_hashed(door: Door, body: dict[str, Any]) -> None:
    await door.set_up()
    door.hasher.verified.clear()
    assert (await door.visitor().ask("POST", "/api/v1/login", body)).status == 400
    assert door.hasher.verified == []


@pytest.mark.parametrize(
    "path", ["/api/v1/users/..%2f..", "/api/v1/users/%00", "/api/v1/users/' OR 1=1", "/api/v1/users/%25"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_tricks_in_a_path_find_nobody(door: Door, method: str, path: str) -> None:
    admin = await door.set_up()
    answer = await admin.ask(method, path.replace(" ", "%20"), {"role": "viewer"} if method == "PATCH" else None)
    assert answer.status in {400, 404}
    assert len((await admin.good("GET", "/api/v1/users"))["users"]) == 1
