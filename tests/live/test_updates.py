"""Lists and rules change while questions are asked: nobody notices."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import FORWARDED, ListServer, Sinkhole, tool, wait_for

pytestmark = pytest.mark.live

RATE = 2000
NAMES = 200_000
ROOM = 1.10
"""Of the memory of the process that answers, while whatever changes."""


def names(seed: int) -> list[str]:
    dice = random.Random(seed)
    return [f"{dice.getrandbits(40):x}.{dice.choice(('ads', 'track', 'cdn'))}-net.example" for _ in range(NAMES)]


def resident(pids: list[int]) -> int:
    """Pages."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)


def test_a_list_and_a_rule_change_under_load_without_a_lost_query(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer, tmp_path: Path
) -> None:
    dnsperf = tool("dnsperf")
    path = list_server.directory / "list.txt"
    listed = names(1)
    path.write_text("".join(f"||{name}^\n" for name in listed))
    started = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: started.blocks(listed[-1]), "the list")
    questions = tmp_path / "questions.txt"
    questions.write_text("".join(f"{name} A\n{FORWARDED} A\n" for name in listed[:5000]))
    load = [dnsperf, "-s", "127.0.0.1", "-p", str(started.port), "-d", str(questions), "-t", "5", "-c", "2"]
    # Once around, so that caches are as full as they get.
    subprocess.run([*load, "-n", "1"], capture_output=True, timeout=120, check=True)
    workers = started.workers()
    before = most = resident(workers)
    with subprocess.Popen([*load, "-Q", str(RATE), "-l", "20"], stdout=subprocess.PIPE, text=True) as asking:
        for generation in range(2, 5):
            path.write_text("".join(f"||{name}^\n" for name in names(generation)) + f"||{listed[0]}^\n")
            os.utime(path, (2e9 + generation, 2e9 + generation))
            added = names(generation)[0]
            started.signal(signal.SIGHUP)
            ran = started.run("rules", "add", f"own-{generation}.example")
            assert ran.returncode == 0, ran.stderr
            assert started.blocks(f"own-{generation}.example")  # at once: the command returns when it counts

            def changed(name: str = added) -> bool:
                nonlocal most
                most = max(most, resident(workers))
                return started.blocks(name)

            wait_for(changed, f"list number {generation}")
        said, _ = asking.communicate(timeout=120)
    assert started.workers() == workers  # nobody was replaced
    sent, completed = (int(re.search(rf"Queries {what}:\s+(\d+)", said)[1]) for what in ("sent", "completed"))  # type: ignore[index]
    assert sent > RATE  # it was asked all the while
    assert completed == sent
    assert most <= before * ROOM
    assert resident(workers) <= before * ROOM
