"""What an update of the lists costs the process that answers."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from mirage_hole.runtime.compile_job import CompileJob, ListJob
from mirage_hole.runtime.compiler import compile_job
from tests.runtime.processes import a_worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

NAMES = 60_000


def generations(tmp_path, rich):
    for number in (1, 2):
        path = tmp_path / f"{number}.txt"
        lines = [f"||host{number}-{one * 7919 % 1_000_003}.example{one % 97}.com^\n" for one in range(NAMES)]
        path.write_text("".join([*lines, *rich]))
        job = CompileJob(tmp_path / "state", number, (ListJob(path, "", str(path), "block"),))
        yield compile_job(job).path


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    pytest.fail("no resident memory")


def ask(worker, number):
    name = b"".join(bytes((len(part),)) + part for part in (b"host%d-0" % number, b"example0", b"com")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect(worker.udp)
        client.send(b"\0\7\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1")
        return client.recv(512)[-4:]


async def test_ten_new_generations_leave_memory_as_it_was(tmp_path):
    rich = [f"/^ads{number}[0-9]+\\.example/\n" for number in range(100)]
    paths = list(generations(tmp_path, rich))
    async with a_worker(policy_path=str(paths[0])) as worker:
        for path in (*paths[::-1], *paths[::-1]):  # what is allocated once
            assert (await worker.policy(path))["ok"]
        before = resident(worker.child.pid)
        for at in range(10):
            assert (await worker.policy(paths[at % 2]))["ok"]
            assert ask(worker, at % 2 + 1) == b"\0\0\0\0"
            assert resident(worker.child.pid) < 1.1 * before
