"""``mirage-hole token``, with a running server and without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mirage_hole.api.access.secrets import digest_of, is_token
from mirage_hole.store import credentials
from mirage_hole.store.state import StateStore
from tests.cli.test_user import server, state  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.usefixtures("server")
def test_a_token_is_printed_alone_and_once(mirage_hole: Callable, state: Path) -> None:  # noqa: F811
    ran = mirage_hole(
        "token", "add", "robot", "--role", "operator", "--area", "access", "--expires", "90d", "--state", str(state)
    )
    token = ran.out.strip()
    assert is_token(token)
    assert "not shown again" in ran.err
    store = StateStore(state)
    known = store.read(lambda db: credentials.token(db, digest_of(token)))
    store.close()
    assert known is not None
    assert (known.name, known.role, known.areas, known.user) == ("robot", 2, {"access"}, "")
    assert known.expires == pytest.approx(known.created + 90 * 86400)
    shown = mirage_hole("token", "list", "--state", str(state)).out
    assert "robot" in shown
    assert token not in shown


@pytest.mark.usefixtures("server")
def test_a_token_is_revoked_by_number_or_name(mirage_hole: Callable, state: Path) -> None:  # noqa: F811
    for name in ("robot", "lamp"):
        assert mirage_hole("token", "add", name, "--state", str(state)).code == 0
    rows = json.loads(mirage_hole("token", "list", "--json", "--state", str(state)).out)["tokens"]
    assert mirage_hole("token", "revoke", str(rows[0]["number"]), "--state", str(state)).code == 0
    assert mirage_hole("token", "revoke", "LAMP", "--state", str(state)).code == 0
    assert "no tokens" in mirage_hole("token", "list", "--state", str(state)).out
    ran = mirage_hole("token", "revoke", "lamp", "--state", str(state))
    assert (ran.code, ran.err) == (1, "mirage-hole: there is no API token lamp; mirage-hole token list shows them\n")


@pytest.mark.parametrize(("option", "value"), [("--expires", "soon"), ("--expires", "9999d"), ("--role", "root")])
def test_a_wrong_option_is_told_so(mirage_hole: Callable, state: Path, option: str, value: str) -> None:  # noqa: F811
    ran = mirage_hole("token", "add", "robot", option, value, "--state", str(state))
    assert ran.code == 2
    assert option in ran.err


@pytest.mark.usefixtures("server")
def test_an_area_that_there_is_not_is_told_so(mirage_hole: Callable, state: Path) -> None:  # noqa: F811
    ran = mirage_hole("token", "add", "robot", "--area", "nonsense", "--state", str(state))
    assert ran.code == 1
    assert "'nonsense' is no area" in ran.err
