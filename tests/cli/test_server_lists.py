from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import threading
from types import SimpleNamespace

import pytest

from mirage_hole.cli.server_lists import running_lists
from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime.control_socket import NAME as SOCKET

LISTS = [{"title": "Ads", "source": "ads.txt", "kind": "block", "decided": 4}]


def handler(answers: dict[str, bytes], status: int = 200):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path)
            self.send_response(status if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def address_string(self):
            return "client"

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    with server:
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)


@pytest.fixture
def settled(tmp_path):
    return SimpleNamespace(state_directory=tmp_path, web=None)


def test_the_control_socket_is_asked_first(settled):
    settled.web = Endpoint("127.0.0.1", 9)
    path = str(settled.state_directory / SOCKET)
    with running(socketserver.UnixStreamServer(path, handler({"/lists": json.dumps({"lists": LISTS}).encode()}))):
        assert running_lists(settled) == LISTS


def test_without_a_control_socket_the_web_api_is_asked(settled):
    answers = {"/api/v1/lists": json.dumps({"policy": None, "lists": LISTS}).encode()}
    with running(http.server.HTTPServer(("127.0.0.1", 0), handler(answers))) as server:
        settled.web = Endpoint("127.0.0.1", server.server_address[1])
        assert running_lists(settled) == LISTS


def test_without_a_server_nothing_is_known(settled):
    assert running_lists(settled) is None


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"lists": 7}', b"7", b"", b"\xff"])
def test_whoever_else_has_that_port_is_no_server_of_ours(settled, body):
    with running(http.server.HTTPServer(("127.0.0.1", 0), handler({"/api/v1/lists": body}))) as server:
        settled.web = Endpoint("127.0.0.1", server.server_address[1])
        assert running_lists(settled) is None
