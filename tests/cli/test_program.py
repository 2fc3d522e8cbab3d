from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mirage_hole import __version__
from mirage_hole.cli.program import SUBCOMMANDS

ROOT = Path(__file__).parents[2]

# What a server must not load before its supervisor has started a worker: each costs a tenth of a second or megabytes.
HEAVY = {
    "aiohttp",
    "asyncio",
    "dnslib",
    "idna",
    "marisa_trie",
    "prometheus_client",
    "sqlite3",
    "ssl",
    "hashlib",
    "difflib",
}


def process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MIRAGE_HOLE_")} | variables
    command = [sys.executable, "-m", "mirage_hole", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_the_version_is_that_of_the_package_and_of_python():
    ran = process("--version")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"mirage-hole {__version__}, Python {platform.python_version()}\n"


def test_the_help_lists_every_command_and_every_setting(mirage_hole):
    from mirage_hole.config.raw import settings

    ran = mirage_hole("--help")
    assert ran.code == 0
    for name in SUBCOMMANDS:
        assert f"\n  {name}  " in ran.out
    for setting in settings().values():
        assert f"  {setting.flag}" in ran.out


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_command_has_help(mirage_hole, name):
    ran = mirage_hole(name, "--help")
    assert ran.code == 0
    assert f"Usage: mirage-hole {name}" in ran.out


@pytest.mark.parametrize(
    "arguments", [[name] for name in SUBCOMMANDS] + [["lists", "check"], ["config", "show"], ["config", "check"]]
)
def test_the_help_is_for_whoever_runs_the_program(mirage_hole, arguments):
    _, _, out = mirage_hole(*arguments, "--help").out.partition("\n")  # the usage, which does have dots
    assert "Raises:" not in out
    assert "..." not in out
    assert "INTEGER RANGE" not in out


def test_a_misspelt_command_is_wrong_usage_and_gets_the_nearest(mirage_hole):
    ran = mirage_hole("qurey", "example.com")
    assert ran.code == 2
    assert "no such command: 'qurey'; write query" in ran.err
    assert "write one of serve, query" in mirage_hole("zzz").err


def test_an_unknown_flag_is_wrong_usage(mirage_hole):
    assert mirage_hole("--blocklists", "x").code == 2


def test_ctrl_c_is_quiet(tmp_path):
    # A pipe without a writer as configuration: the program waits in open(), where SIGINT finds it.
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "mirage_hole", "config", "check", "--config", str(fifo)]
    # Opening our end returns when the program opens the other one.
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started,
        fifo.open("wb"),
    ):
        deadline = time.monotonic() + 60
        while True:
            # One that comes just while something is being cleaned up is lost to the interpreter; people press again, too.
            started.send_signal(signal.SIGINT)
            try:
                out, err = started.communicate(timeout=2)
                break
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline
    assert (started.returncode, out, err) == (130, b"", b"")


def test_a_closed_pipe_is_quiet():
    command = f"{sys.executable} -m mirage_hole lists catalogue | true"
    ran = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ran.stderr == ""


def test_serving_loads_nothing_heavy_before_the_supervisor(tmp_path):
    (tmp_path / "c.toml").write_text('[upstream]\nservers = ["192.0.2.53"]\n[lists]\nblock = ["starter"]\n')
    program = """
import sys, types
supervisor = types.ModuleType("mirage_hole.runtime.supervisor")
supervisor.serve = lambda *settled: print("\\n".join(sys.modules)) or 0
sys.modules["mirage_hole.runtime.supervisor"] = supervisor
from mirage_hole.cli import main
main()
"""
    command = [sys.executable, "-c", program, "--config", str(tmp_path / "c.toml"), "--port", "5353"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    loaded = set(ran.stdout.split())
    assert "mirage_hole.config.settle" in loaded
    assert loaded & HEAVY == set()
    assert not {
        name for name in loaded if name.startswith(("mirage_hole.sources", "mirage_hole.lists", "mirage_hole.api"))
    }
