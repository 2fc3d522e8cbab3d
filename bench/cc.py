"""Builds the C parts with the system's compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.processes import BenchError

_SOURCES: Final = Path(__file__).with_name("native")
BUILD: Final = Path(__file__).with_name("build")
"""What is built or measured; git ignores it."""


def built(name: str) -> Path:
    """The program made of ``native/NAME.c``, compiled when it is missing or older than its source."""
    source, program = _SOURCES / f"{name}.c", BUILD / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    compiler = os.environ.get("CC") or shutil.which("cc")
    if not compiler:
        msg = "no C compiler: install gcc or set CC"
        raise BenchError(msg)
    BUILD.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(f".{os.getpid()}")  # somebody else may build or run the same program
    command = [compiler, "-O2", "-std=c17", "-Wall", "-Wextra", "-o", os.fspath(fresh), os.fspath(source)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if result.returncode:
        msg = f"{' '.join(command)}: {result.stderr.strip()}"
        raise BenchError(msg)
    fresh.replace(program)
    return program
