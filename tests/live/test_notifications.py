"""Notifications of a real server: a webhook hears of an outage, and is found by the server's own upstreams."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import dns.rdatatype
import dns.rrset
import pytest

from tests.cli.server import a_server, response_to

from .conftest import Sinkhole, free_port, wait_for

pytestmark = pytest.mark.live

SECRET = "0123456789abcdef0123"


class Hook:
    """Hears what is sent, and checks the signature."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[tuple[str, dict[str, Any]]] = []


@contextlib.contextmanager
def a_hook() -> Iterator[Hook]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            wanted = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            good = hmac.compare_digest(self.headers["X-Mirage-Hole-Signature"], wanted)
            if good:
                hook.heard.append((self.path, json.loads(body)))
            self.send_response(200 if good else 401)
            self.end_headers()
            self.wfile.write(b"heard " + self.path.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Hook(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join(30)


def table(url: str) -> str:
    return f'[[notify]]\nname = "hook"\nkind = "webhook"\nurl = "{url}"\nsecret = "{SECRET}"\n'


def resolver(query: bytes, _transport: str) -> bytes:
    """Knows one address for every name: this machine's."""
    response = response_to(query)
    (question,) = response.question
    if question.rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
    return response.to_wire()


def test_an_outage_is_told_once_and_not_again_after_a_restart(sinkhole: Callable[..., Sinkhole]) -> None:
    with a_hook() as hook:
        one = sinkhole(
            "--timeout", "300ms", upstream=free_port(), config=table(f"http://127.0.0.1:{hook.port}/my-path")
        )

        def told() -> bool:
            for number in range(4):
                one.ask(f"{number}.outage.example")
            return bool(hook.heard)

        wait_for(told, "the outage to be told", patience=60)
        ((path, message),) = hook.heard
        assert (path, message["title"], message["severity"]) == ("/my-path", "No upstream answers", "critical")
        shown = json.loads(one.run("notices", "--json").stdout)
        assert [notice["kind"] for notice in shown["open"]] == ["upstream-down"]
        targets = one.run("notify", "list", "--json").stdout
        assert "my-path" not in targets
        assert SECRET not in targets + one.said()
        assert one.stop() == 0
        one.start()
        shown = json.loads(one.run("notices", "--json").stdout)
        assert [notice["number"] for notice in shown["open"]] == [1]
        assert len(hook.heard) == 1


def test_a_target_is_found_by_the_upstreams_although_a_list_blocks_it(sinkhole: Callable[..., Sinkhole]) -> None:
    with a_hook() as hook, a_server(resolver) as server:
        config = table(f"http://hooks.example:{hook.port}/my-path")
        one = sinkhole(upstream=server.endpoint.port, config=config)
        assert one.run("rules", "block", "hooks.example").returncode == 0
        ran = one.run("notify", "test", "hook")
        assert (ran.returncode, ran.stdout) == (0, "delivered: 200 OK: heard /***\n")
        assert [message["title"] for _, message in hook.heard] == ["Mirage Hole: a test"]
        ran = one.run("notify", "test", "phone")
        assert ran.returncode == 1
        assert "There is no such target" in ran.stderr
