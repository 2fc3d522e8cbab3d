"""Who may, in the control plane."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from mirage_hole.api.v1.parts import Parts
from mirage_hole.runtime.access_keeper import AccessKeeper
from mirage_hole.store.state import StateStore
from tests.runtime.settings import a_settled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_it_is_made_when_it_is_needed_and_takes_settings_before_and_after(tmp_path: Path) -> None:
    store, parts = StateStore(tmp_path), Parts()
    keeper = AccessKeeper(store, parts, a_settled(tmp_path))
    assert parts.access is None
    keeper.change(a_settled(tmp_path, session_idle=120.0, session_max=240.0))
    service = keeper.service()
    assert parts.access is service is keeper.service()
    assert keeper.door() is service.access
    assert service.accounts.lasting == (120.0, 240.0)
    keeper.change(a_settled(tmp_path, session_idle=60.0, session_max=600.0))
    assert service.accounts.lasting == (60.0, 600.0)
    store.close()


async def test_there_is_a_setup_token_until_there_is_a_user(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    keeper = AccessKeeper(store, Parts(), a_settled(tmp_path))
    token = await keeper.setup_token()
    assert len(token) >= 32
    assert token != await AccessKeeper(store, Parts(), a_settled(tmp_path)).setup_token()
    await keeper.service().logins.add("ada", "a fine long password", 3, "local")
    assert await keeper.setup_token() == ""
    store.close()


async def test_a_state_that_can_not_be_read_gives_no_token_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.db").mkdir()
    keeper = AccessKeeper(StateStore(tmp_path), Parts(), a_settled(tmp_path))
    assert await keeper.setup_token() == ""
    assert "can't be found out" in caplog.text


def test_it_brings_no_web_framework_before_it_is_needed() -> None:
    code = (
        "import sys, mirage_hole.runtime.access_keeper, mirage_hole.api.v1.parts; "
        "sys.exit(bool({'argon2', 'webauthn', 'pyotp'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
