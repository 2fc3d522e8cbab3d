"""Who holds a port."""

import os
import socket
import subprocess
import sys

import pytest

from mirage_hole.runtime.holders import holders

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address, state="07", uid=101, inode=5000):
    return f" 1: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {uid} 0 {inode} 2 0 0\n"


@pytest.fixture
def proc(tmp_path):
    """A /proc with systemd-resolved's stub on 127.0.0.53:53."""
    (tmp_path / "self" / "net").mkdir(parents=True)
    at = "3500007F:0035" if sys.byteorder == "little" else "7F000035:0035"
    (tmp_path / "self" / "net" / "udp").write_text(HEADER + row(at))
    (tmp_path / "self" / "net" / "tcp").write_text(
        HEADER + row(at, state="0A", inode=5001) + row(at, state="01", inode=5002)
    )
    (tmp_path / "611" / "fd").mkdir(parents=True)
    (tmp_path / "611" / "comm").write_text("systemd-resolve\n")
    (tmp_path / "611" / "fd" / "12").symlink_to("socket:[5000]")
    (tmp_path / "611" / "fd" / "13").symlink_to("/dev/null")
    return tmp_path


def test_the_process_behind_a_socket_is_named(proc):
    assert [str(holder) for holder in holders("127.0.0.53", 53, "UDP", proc)] == ["systemd-resolve (process 611)"]


def test_a_wildcard_is_blocked_by_any_address_of_its_family(proc):
    assert holders("0.0.0.0", 53, "UDP", proc)
    assert not holders("127.0.0.1", 53, "UDP", proc)
    assert not holders("::", 53, "UDP", proc)
    assert not holders("0.0.0.0", 54, "UDP", proc)


def test_a_process_that_may_not_be_seen_is_told_by_its_user(proc):
    (found,) = holders("0.0.0.0", 53, "TCP", proc)  # established connections do not hold the port
    assert found.process == ""
    assert "only root can see" in str(found)


def test_a_socket_on_every_ipv6_address_can_hold_the_ipv4_port(proc):
    (proc / "self" / "net" / "udp6").write_text(HEADER + row("0" * 32 + ":0035", uid=424242, inode=6000))
    (found,) = holders("127.0.0.1", 53, "UDP", proc)
    assert found.user == "424242"


def test_without_proc_nobody_is_found(tmp_path):
    assert holders("127.0.0.1", 53, "UDP", tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_real_process_is_found(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        found = holders(address, sock.getsockname()[1], "UDP")
    assert os.getpid() in [holder.pid for holder in found]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_another_process_is_found():
    script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        port = int(child.stdout.readline())
        assert [holder.pid for holder in holders("0.0.0.0", port, "TCP")] == [child.pid]
        child.stdin.close()
