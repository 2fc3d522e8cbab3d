"""What systemd is told."""

import os
import socket
import uuid

import pytest

from mirage_hole.runtime.notify import ServiceManager


@pytest.fixture
def manager_socket(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(30)
        yield sock


def told(sock):
    return sock.recv(4096).decode().split("\n")


def test_readiness_carries_a_status_line(manager_socket):
    ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname()}).ready("3 lists,\n850000 names")
    assert told(manager_socket) == ["READY=1", "STATUS=3 lists, 850000 names"]


def test_an_abstract_socket_is_reached():
    name = f"mirage-hole-test-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(30)
        ServiceManager({"NOTIFY_SOCKET": "@" + name}).alive()
        assert told(sock) == ["WATCHDOG=1"]


def test_a_reload_tells_when_it_began(manager_socket):
    ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname()}).reloading()
    first, second = told(manager_socket)
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_the_drain_is_announced(manager_socket):
    ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname()}).stopping("draining")
    assert told(manager_socket) == ["STOPPING=1", "STATUS=draining"]


@pytest.mark.parametrize("path", ["", "relative", "/nowhere/notify", "/" + "x" * 200, "@" + "y" * 200])
def test_a_missing_or_bad_socket_changes_nothing(path):
    manager = ServiceManager({"NOTIFY_SOCKET": path})
    manager.ready("fine")
    manager.alive()


def test_the_watchdog_is_fed_twice_as_often_as_it_waits():
    assert ServiceManager({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_every == 15.0
    assert ServiceManager({"WATCHDOG_USEC": "30000000"}).watchdog_every == 15.0


@pytest.mark.parametrize(
    "environ", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}]
)
def test_another_process_s_watchdog_is_not_ours(environ):
    assert ServiceManager(environ).watchdog_every is None
