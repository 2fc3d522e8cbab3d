"""The command line's side of the control socket: servers that are there, that are not, and that behave badly."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading

import pytest

from mirage_hole.cli.control import NoServer, Refused, call, stream
from mirage_hole.runtime.control_socket import NAME, listen

MANY = 100


def answer(status: str, body: bytes, length: int | None = None) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def whole(request: bytes) -> bool:
    """Whether head and body are there: who hangs up on half a request may be unheard."""
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


@contextlib.contextmanager
def a_server(state, said: bytes | None, clients: int = 1):
    """Answers with these octets; None: never. Gives what it was asked."""
    asked: list[bytes] = []
    done = threading.Event()

    def serve(listening):
        for _ in range(clients):
            client, _ = listening.accept()
            with client:
                client.settimeout(20)
                request = b""
                while not whole(request):
                    request += client.recv(65536)
                asked.append(request)
                if said is None:
                    done.wait(20)
                else:
                    client.sendall(said)

    with listen(state) as listening:
        listening.setblocking(True)
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            yield asked
        finally:
            done.set()
            thread.join(20)


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


def test_an_answer_is_an_object(state):
    with a_server(state, answer("200 OK", b'{"pid": 7}')) as asked:
        assert call(state, "POST", "/lists", {"source": "x"}) == {"pid": 7}
    assert asked[0].startswith(b"POST /lists HTTP/1.1\r\n")


def test_without_a_server_it_is_said_where_one_was_looked_for(state):
    with pytest.raises(NoServer, match=str(state)):
        call(state, "GET", "/health")
    listen(state).close()  # one that has died left its socket
    with pytest.raises(NoServer, match="--state DIRECTORY"):
        next(stream(state, "POST", "/lists/update"))
    with pytest.raises(NoServer):
        call(state / "nowhere", "GET", "/health")


def test_a_problem_document_becomes_its_sentence(state):
    problem = json.dumps({"title": "Bad Request", "status": 400, "detail": "write block or allow"}).encode()
    with a_server(state, answer("400 Bad Request", problem)), pytest.raises(Refused, match=r"^write block or allow$"):
        call(state, "POST", "/lists", {})
    with a_server(state, answer("500 Oh", b"<html>")), pytest.raises(Refused, match="the server answered 500 Oh"):
        call(state, "POST", "/lists", {})


@pytest.mark.parametrize(
    "said",
    [b"", b"nonsense\r\n\r\n", answer("200 OK", b"{"), answer("200 OK", b"{}", 99), answer("200 OK", b"\xff\xfe")],
)
def test_a_server_that_breaks_off_is_told(state, said):
    with a_server(state, said), pytest.raises(Refused, match="the server broke off"):
        call(state, "GET", "/health")


def test_a_server_that_is_stuck_is_not_waited_for_longer_than_asked(state):
    with a_server(state, None), pytest.raises(Refused, match=r"did not answer within 0\.05 s"):
        call(state, "GET", "/health", timeout=0.05)


def test_a_stream_gives_an_object_a_line_until_it_ends(state):
    with a_server(state, answer("200 OK", b'{"event": "started"}\n{"event": "done"}\n')):
        assert [one["event"] for one in stream(state, "POST", "/lists/update")] == ["started", "done"]


def test_a_stream_that_is_cut_off_gives_what_came_and_then_says_so(state):
    with a_server(state, answer("200 OK", b'{"event": "started"}\n{"ev', 99)):
        events = stream(state, "POST", "/lists/update")
        assert next(events) == {"event": "started"}
        with pytest.raises(Refused, match="the server broke off"):
            next(events)


def test_a_path_that_is_too_long_for_a_socket_is_no_hindrance(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    with a_server(deep, answer("200 OK", b"{}")):
        assert call(deep, "GET", "/health") == {}


def test_more_clients_than_the_queue_holds_are_all_served(state):
    said = []
    threads = [threading.Thread(target=lambda: said.append(call(state, "GET", "/health"))) for _ in range(MANY)]
    with listen(state) as listening:
        for thread in threads:
            thread.start()
        listening.setblocking(True)
        for _ in threads:  # one after the other
            client, _ = listening.accept()
            with client:
                client.recv(65536)
                client.sendall(answer("200 OK", b"{}"))
        for thread in threads:
            thread.join(20)
    assert said == [{}] * MANY


def test_a_queue_that_stays_full_is_a_server_that_does_not_answer(state):
    with contextlib.ExitStack() as stack:
        stack.enter_context(listen(state))
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(str(state / NAME))
        with pytest.raises(Refused, match="did not answer within"):
            call(state, "GET", "/health", timeout=0.1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every socket")
def test_a_socket_that_is_somebody_elses_says_sudo(state):
    with listen(state):
        (state / NAME).chmod(0)
        with pytest.raises(Refused, match="sudo"):
            call(state, "GET", "/health")
