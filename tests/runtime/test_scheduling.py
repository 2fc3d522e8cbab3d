from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from mirage_hole.runtime.scheduling import TURN

_ASK_AND_LOOK = """\
import ctypes, struct, sys
from mirage_hole.runtime.scheduling import ask_for_short_turns
refused = ask_for_short_turns()
told = ctypes.create_string_buffer(48)
ctypes.CDLL(None).syscall(ctypes.c_long(315), 0, told, ctypes.c_uint(48), ctypes.c_uint(0))  # sched_getattr(2)
_, policy, _, nice, _, runtime, _, _ = struct.unpack("=IIQiIQQQ", told.raw)
print(repr(refused), policy, nice, runtime, sys.getswitchinterval())
"""


def in_a_process_of_its_own(*before: str) -> list[str]:
    command = [*before, sys.executable, "-c", _ASK_AND_LOOK]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.split()


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the test knows x86-64's call for looking"
)
def test_turns_are_short_and_nothing_else_is_changed():
    refused, policy, nice, runtime, interval = in_a_process_of_its_own("nice", "-n", "3")
    ours = os.getpriority(os.PRIO_PROCESS, 0)  # the tests themselves may run under nice, which ends at 19
    assert (refused, policy, nice) == ("''", "0", str(min(ours + 3, 19)))
    assert int(runtime) == TURN or tuple(map(int, platform.release().split(".")[:2])) < (6, 12)
    assert float(interval) == pytest.approx(0.0005)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's scheduler")
def test_a_way_of_scheduling_that_somebody_chose_stays():
    command = (
        "import os; os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0));"
        "from mirage_hole.runtime.scheduling import ask_for_short_turns;"
        "print(ask_for_short_turns(), os.sched_getscheduler(0) == os.SCHED_BATCH)"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "somebody chose another way of scheduling True"


def test_a_system_that_is_not_known_is_left_alone(monkeypatch):
    from mirage_hole.runtime import scheduling

    monkeypatch.setattr(scheduling.platform, "machine", lambda: "vax")
    monkeypatch.setattr(scheduling.sys, "setswitchinterval", lambda seconds: None)
    assert scheduling.ask_for_short_turns() == "unknown on this system"
