"""The whole supervisor in a process of its own: start, signals, trouble, end."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.ports import bound_pair, kept_port

HERE = Path(__file__).resolve().parent
PATIENCE = 60.0
BLOCKED = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x0bdoubleclick\x03net\x00\x00\x01\x00\x01"


class Supervisor:
    """A running supervisor whose log is read line by line."""

    def __init__(self, directory, settings, mode, environ):
        self._settings = directory / "settings.json"
        self._base = {"state_directory": str(directory / "state"), **settings}
        self.configure()
        self.notified = []
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(directory / "notify"))
        self._manager.settimeout(PATIENCE)
        command = [sys.executable, str(HERE / "run_supervisor.py"), str(self._settings)]
        self.process = subprocess.Popen(
            [*command, mode] if mode else command,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "NOTIFY_SOCKET": str(directory / "notify"), **environ},
            pass_fds=[int(fd) for fd in environ.get("LISTEN_FROM", "").split(",") if fd],
        )
        self.log = ""

    def configure(self, **changes):
        """Write the configuration, which SIGHUP reads."""
        self._settings.write_text(json.dumps(self._base | changes))

    def until(self, text, since=0):
        """Read the log until it holds the text; return what it holds from there on."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.log.find(text, since)) < 0:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([self.process.stderr], [], [], max(left, 0))
            data = os.read(self.process.stderr.fileno(), 65536) if readable else b""
            if not data:
                pytest.fail(f"no {text!r} in the log:\n{self.log}")
            self.log += data.decode()
        return at

    def told(self, word):
        """Wait until the service manager was told this, and return the whole message."""
        while True:
            message = self._manager.recv(4096).decode()
            self.notified.append(message)
            if word in message:
                return message

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """SIGTERM, then the exit code."""
        self.signal(signal.SIGTERM)
        return self.exit_code()

    def exit_code(self):
        code = self.process.wait(PATIENCE)
        self.log += self.process.stderr.read().decode()
        return code

    def port(self):
        """The DNS port, from the status line."""
        return int(re.search(r"answering on 127\.0\.0\.1:(\d+)", self.told("READY=1"))[1])

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self._manager.close()


@pytest.fixture
def a_supervisor(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(mode="good", environ=None, **settings):
            number = len(list(tmp_path.iterdir()))
            directory = tmp_path / str(number)
            directory.mkdir()
            made = Supervisor(directory, settings, mode, environ or {})
            stack.callback(made.close)
            return made

        yield start


def workers_of(supervisor):
    """Its children but for the compiler."""
    found = []
    for pid in Path(f"/proc/{supervisor.process.pid}/task/{supervisor.process.pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends just now
            if b"runtime.compiler" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found


def test_a_signal_ends_it_in_order_and_with_code_0(a_supervisor):
    supervisor = a_supervisor()
    status = supervisor.told("READY=1")
    assert "STATUS=answering on 127.0.0.1:" in status
    pids = workers_of(supervisor)
    assert supervisor.end() == 0
    assert supervisor.told("STOPPING=1")
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert "SIGTERM: finishing the queries in work" in supervisor.log
    assert supervisor.log.endswith("control: stopped\n")


def test_an_interrupt_ends_it_too(a_supervisor):
    supervisor = a_supervisor()
    supervisor.told("READY=1")
    supervisor.signal(signal.SIGINT)
    assert supervisor.exit_code() == 0


def test_a_second_signal_ends_it_at_once(a_supervisor):
    supervisor = a_supervisor("stubborn")
    supervisor.told("READY=1")
    pids = workers_of(supervisor)
    supervisor.signal(signal.SIGTERM)
    supervisor.until("once more stops at once")
    supervisor.signal(signal.SIGINT)
    assert supervisor.exit_code() == 128 + signal.SIGINT
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_people_are_told_where_everything_is(a_supervisor):
    supervisor = a_supervisor()
    port = supervisor.port()
    supervisor.until("try ")
    supervisor.end()
    assert f"  DNS    127.0.0.1:{port} (UDP and TCP)\n  web    off\n" in supervisor.log
    assert f"  try    dig @127.0.0.1 -p {port} doubleclick.net\n" in supervisor.log


def test_machines_are_told_in_fields(a_supervisor):
    supervisor = a_supervisor(log_format="json")
    supervisor.until('"message":"running"')
    supervisor.end()
    (line,) = [json.loads(line) for line in supervisor.log.splitlines() if '"running"' in line]
    assert line["example"].startswith("dig @127.0.0.1 -p ")
    assert line["level"] == "info"


def test_the_watchdog_is_fed(a_supervisor):
    supervisor = a_supervisor(environ={"WATCHDOG_USEC": "200000"})
    supervisor.told("READY=1")
    supervisor.told("WATCHDOG=1")
    supervisor.told("WATCHDOG=1")


def test_a_dead_worker_is_replaced(a_supervisor):
    supervisor = a_supervisor()
    supervisor.told("READY=1")
    (pid,) = workers_of(supervisor)
    os.kill(pid, signal.SIGKILL)
    supervisor.until(f"worker 0 (process {pid}) ended: killed by SIGKILL; it is replaced at once")
    assert supervisor.end() == 0


def test_a_wrong_configuration_changes_nothing(a_supervisor):
    supervisor = a_supervisor()
    supervisor.told("READY=1")
    before = workers_of(supervisor)
    supervisor.configure(error="server.port = 'many': no number; write 53\ncache.size = -1: too small; write 32MiB")
    supervisor.signal(signal.SIGHUP)
    supervisor.told("RELOADING=1")
    supervisor.told("READY=1")
    supervisor.until("the configuration is wrong, the old one stays:\nserver.port = 'many'")
    supervisor.until("cache.size = -1")
    assert set(before) <= set(workers_of(supervisor))
    assert supervisor.end() == 0


def test_new_settings_are_taken_as_far_as_possible(a_supervisor):
    supervisor = a_supervisor(log_level="INFO")
    supervisor.told("READY=1")
    supervisor.configure(block_mode="nxdomain", workers=3, log_level="DEBUG", listen=[["127.0.0.2", 53]])
    supervisor.signal(signal.SIGHUP)
    supervisor.until("these settings need a restart: listen, workers")
    supervisor.until("changed: block_mode, log_level")
    assert supervisor.end() == 0


def test_new_upstreams_bring_a_new_worker_without_a_gap(a_supervisor):
    supervisor = a_supervisor(log_level="DEBUG")
    supervisor.told("READY=1")
    (before,) = workers_of(supervisor)
    supervisor.configure(upstreams=[["127.0.0.1", 5300]])
    since = supervisor.until("is ready after")
    supervisor.signal(signal.SIGHUP)
    supervisor.until("is ready after", since + 1)
    deadline = time.monotonic() + PATIENCE
    while before in workers_of(supervisor) and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    assert before not in workers_of(supervisor)
    assert supervisor.end() == 0
    assert "ended:" not in supervisor.log


def test_signals_change_the_log_level_and_back(a_supervisor):
    supervisor = a_supervisor()
    supervisor.told("READY=1")
    at = 0
    for number, level in (
        (signal.SIGUSR1, "DEBUG"),
        (signal.SIGUSR1, "INFO"),
        (signal.SIGUSR2, "WARNING"),
        (signal.SIGUSR2, "INFO"),
    ):
        supervisor.signal(number)
        at = supervisor.until(f"log level {level}", at) + 1
    assert supervisor.end() == 0


def test_a_taken_web_port_does_not_stop_dns_and_is_tried_again(a_supervisor):
    port = kept_port()
    with socket.create_server(("127.0.0.1", port)):
        supervisor = a_supervisor(web=["127.0.0.1", port])
        supervisor.told("READY=1")
        supervisor.until("no web page, DNS is not affected")
        supervisor.until("  web    off")
    supervisor.until(f"the web page is at http://127.0.0.1:{port}/")
    assert supervisor.end() == 0


def test_a_refused_port_is_told_before_anything_starts(a_supervisor):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        supervisor = a_supervisor(listen=[["127.0.0.1", port]])
        assert supervisor.exit_code() == 69
    assert f"can't listen on 127.0.0.1:{port} (UDP): in use by" in supervisor.log
    assert f"(process {os.getpid()})" in supervisor.log


def test_a_state_directory_that_cannot_be_is_refused(a_supervisor, tmp_path):
    (tmp_path / "file").touch()
    supervisor = a_supervisor(state_directory=str(tmp_path / "file" / "state"))
    assert supervisor.exit_code() == 78
    assert "choose another with --state DIRECTORY" in supervisor.log


# With the real worker


def asked(port, seconds):
    """Ask for a blocked name until it is answered, at most this long; the answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", port))
            sock.settimeout(0.2)
            with contextlib.suppress(OSError):
                sock.send(BLOCKED)
                answer = sock.recv(512)
                if answer[3] & 15 == 0:  # NOERROR; SERVFAIL while nothing is compiled yet and no upstream answers
                    return answer
    pytest.fail(f"no answer within {seconds} s")


@pytest.mark.live
def test_the_first_run_blocks_and_a_killed_worker_blocks_again(a_supervisor):
    supervisor = a_supervisor(mode=None, blocklists=["starter"], web=["127.0.0.1", 0])
    port = supervisor.port()
    supervisor.until("names from 1 list (generation 1)")
    assert asked(port, PATIENCE).endswith(b"\x00\x00\x00\x0a\x00\x04\x00\x00\x00\x00")
    (pid,) = workers_of(supervisor)
    os.kill(pid, signal.SIGKILL)
    assert asked(port, PATIENCE).endswith(b"\x00\x00\x00\x0a\x00\x04\x00\x00\x00\x00")
    url = re.search(r"http://127\.0\.0\.1:\d+/", supervisor.log)[0]
    supervisor.until("it is replaced at once")
    with urllib.request.urlopen(f"{url}api/v1/stats", timeout=PATIENCE) as response:
        stats = json.load(response)
    assert stats["policy"]["number"] == 1
    assert supervisor.end() == 0


@pytest.mark.live
def test_it_starts_from_what_is_on_disk(a_supervisor, tmp_path):
    state = str(tmp_path / "shared-state")
    first = a_supervisor(mode=None, blocklists=["starter"], state_directory=state)
    first.until("generation 1")
    assert first.end() == 0
    second = a_supervisor(mode=None, blocklists=["starter"], state_directory=state)
    assert asked(second.port(), PATIENCE)
    second.until("names from 1 list (generation 1)")
    assert second.end() == 0
    assert "generation 2" not in second.log


def flip_a_bit(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.live
def test_a_damaged_generation_gives_way_to_the_one_before_it(a_supervisor, tmp_path):
    state, mine = tmp_path / "shared-state", tmp_path / "mine.txt"
    settings = {"mode": None, "blocklists": [str(mine)], "state_directory": str(state)}
    for number in (1, 2):
        mine.write_text("||doubleclick.net^\n" + f"||more{number}.example^\n")
        supervisor = a_supervisor(**settings)
        supervisor.until(f"generation {number}")
        assert supervisor.end() == 0
    flip_a_bit(state / "generations" / "00000002" / "names.marisa")
    supervisor = a_supervisor(**settings)
    assert asked(supervisor.port(), PATIENCE)
    supervisor.until("names.marisa is damaged: its checksum is another one; 00000001 serves")
    supervisor.until("generation 3")
    assert supervisor.end() == 0


@pytest.mark.live
def test_a_generation_that_is_damaged_while_it_serves_gives_way_too(a_supervisor, tmp_path):
    state, mine = tmp_path / "shared-state", tmp_path / "mine.txt"
    mine.write_text("||doubleclick.net^\n")
    supervisor = a_supervisor(mode=None, blocklists=[str(mine)], state_directory=str(state))
    port = supervisor.port()
    supervisor.until("generation 1")
    flip_a_bit(state / "generations" / "00000001" / "names.marisa")
    (pid,) = workers_of(supervisor)
    os.kill(pid, signal.SIGKILL)
    supervisor.until("names.marisa is damaged")
    supervisor.until("generation 2")
    assert asked(port, PATIENCE)
    assert supervisor.end() == 0


@pytest.mark.live
def test_sockets_from_the_service_manager_are_served(a_supervisor):
    udp, tcp = bound_pair()
    port = udp.getsockname()[1]
    with udp, tcp:
        fds = f"{udp.fileno()},{tcp.fileno()}"
        supervisor = a_supervisor(mode=None, blocklists=["starter"], environ={"LISTEN_FROM": fds})
    assert supervisor.port() == port
    assert asked(port, PATIENCE)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(len(BLOCKED).to_bytes(2, "big") + BLOCKED)
        assert client.recv(512)[2:4] == BLOCKED[:2]
    assert supervisor.end() == 0


@pytest.mark.live
def test_a_web_socket_from_the_service_manager_outlives_a_reload(a_supervisor):
    udp, web = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    udp.bind(("127.0.0.1", 0))
    web.bind(("127.0.0.1", 0))
    web.listen()
    address = web.getsockname()
    with udp, web:
        names = {"LISTEN_FROM": f"{udp.fileno()},{web.fileno()}", "LISTEN_FDNAMES": "dns:web"}
        supervisor = a_supervisor(environ=names, web=["127.0.0.1", 8080])
    supervisor.until(f"  web    http://127.0.0.1:{address[1]}/")
    supervisor.configure(web=["127.0.0.1", 8080], block_mode="nxdomain")
    supervisor.signal(signal.SIGHUP)
    supervisor.until("changed: block_mode\n")
    with socket.create_connection(address, timeout=PATIENCE) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.recv(512).startswith(b"HTTP/1.1 ")
    assert supervisor.end() == 0
    assert "the web page is at" not in supervisor.log
