from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from typing import NamedTuple

import pytest

from mirage_hole.cli import options
from mirage_hole.cli.program import run
from mirage_hole.config.host import Host


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _machine(tmp_path, monkeypatch):
    """A machine of its own: no configuration, no variables of the developer's, one resolver."""
    for name in list(os.environ):
        if name.startswith(("MIRAGE_HOLE_", "XDG_", "STATE_DIRECTORY")):
            monkeypatch.delenv(name)
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    host = Host(
        home=tmp_path / "home",
        is_root=False,
        has_ipv6=True,
        in_docker=False,
        is_own=lambda _: False,
        user_exists=lambda _: True,
        user_name="me",
        system_config=tmp_path / "etc/config.toml",
        resolv_conf=tmp_path / "resolv.conf",
        resolved_conf=tmp_path / "none",
    )
    monkeypatch.setattr(options, "this_host", lambda: host)


@pytest.fixture
def mirage_hole(capfd) -> Callable[..., Ran]:
    """Run the program in this process, as its entry point does."""

    def execute(*arguments: str) -> Ran:
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return execute


@pytest.fixture
def served(monkeypatch) -> list:
    """Puts a supervisor in place that notes its settings and ends at once."""
    seen: list = []
    supervisor = types.ModuleType("mirage_hole.runtime.supervisor")
    supervisor.serve = lambda *settled: seen.append(settled) or 0
    monkeypatch.setitem(sys.modules, "mirage_hole.runtime.supervisor", supervisor)
    import mirage_hole.runtime

    monkeypatch.setattr(mirage_hole.runtime, "supervisor", supervisor, raising=False)
    return seen
