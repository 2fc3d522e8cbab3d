"""From an empty state to a token, as somebody does who has just started the server; and that a restart forgets nobody."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.conftest import PATIENCE, Sinkhole, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

GOOD = "a fine long password"


class Closed(Sinkhole):
    """It asks everybody for a login."""

    OPEN_FOR = "192.0.2.0/24"

    def ask_web(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, Any], str]:
        """(status, answer, cookie)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=PATIENCE)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
            return response.status, json.loads(response.read()), cookie
        finally:
            connection.close()

    def command(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command with something on its standard input."""
        return subprocess.run(
            [sys.executable, "-m", "mirage_hole", *arguments],
            env=self.environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=True,
        )


@pytest.fixture
def sinkhole(tmp_path: Path) -> Any:
    """Without lists, with the pages' networks closed."""
    one = Closed(tmp_path, upstream=9, environment={"MIRAGE_HOLE_BLOCKLIST": ""})
    one.start()
    wait_for(lambda: "is running" in one.said(), "the announcement")
    try:
        yield one
    finally:
        one.stop()


def test_a_server_from_nothing_has_a_user_and_a_token_and_keeps_them(sinkhole: Closed) -> None:
    assert sinkhole.ask_web("GET", "/api/v1/stats")[0] == 401
    found = re.search(r"/#setup=([\w-]+) makes the first", sinkhole.said())
    assert found is not None, sinkhole.said()
    body = {"token": found[1], "name": "ada", "password": GOOD}
    assert sinkhole.ask_web("POST", "/api/v1/setup", {**body, "token": "guess"})[0] == 401
    status, answer, cookie = sinkhole.ask_web("POST", "/api/v1/setup", body)
    assert (status, answer["role"]) == (200, "admin")
    assert sinkhole.ask_web("GET", "/api/v1/stats", Cookie=cookie)[0] == 200
    assert sinkhole.ask_web("POST", "/api/v1/setup", body)[0] == 409

    token = sinkhole.command("token", "add", "robot", "--role", "admin").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert sinkhole.ask_web("GET", "/api/v1/users", **headers)[1]["users"][0]["name"] == "ada"

    told = sinkhole.said()
    sinkhole.signal(signal.SIGKILL)
    assert sinkhole.process is not None
    sinkhole.process.wait(PATIENCE)
    sinkhole.start()
    wait_for(lambda: sinkhole.said().count("is running") == 2, "the announcement")
    assert "setup" not in sinkhole.said().removeprefix(told)
    assert sinkhole.ask_web("GET", "/api/v1/session", Cookie=cookie)[1]["name"] == "ada"
    assert sinkhole.ask_web("GET", "/api/v1/session", **headers)[1]["name"] == "token robot"
    for secret in (GOOD, token, cookie.partition("=")[2]):
        assert secret not in sinkhole.said()


def test_users_made_while_no_server_runs_log_in_once_one_does(sinkhole: Closed) -> None:
    sinkhole.stop()
    assert sinkhole.command("user", "add", "ada", given=GOOD).stdout == "ada is admin now\n"
    sinkhole.start()
    wait_for(lambda: sinkhole.said().count("is running") == 2, "the announcement")
    status, answer, cookie = sinkhole.ask_web("POST", "/api/v1/login", {"name": "ada", "password": GOOD})
    assert (status, answer["name"]) == (200, "ada")
    sinkhole.command("user", "add", "bob", "--role", "admin", given=GOOD)
    sinkhole.command("user", "role", "ada", "viewer")
    assert sinkhole.ask_web("GET", "/api/v1/users", Cookie=cookie)[0] == 401
