"""What tests with real processes share: free ports, programs, waiting."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.ports import kept_port as free_port

__all__ = ["PATIENCE", "free_port", "tool", "wait_for"]

PATIENCE = 60.0
"""Seconds after which what was waited for has failed; nothing here is fast or slow, only there or not. The compiler of lists runs
when nobody else wants the processor, which beside other tests may not be soon."""


def tool(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed; tests/install-tools installs it on Debian")
    return found


def wait_for(condition: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> Any:
    """Ask until the condition gives something true."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    msg = f"waited {patience:g} s in vain for {what}"
    raise AssertionError(msg)
