"""Servers written in Go: found on the path, or installed once into bench/build/go by ``go install`` with a pinned version."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from typing import Final

from bench.cc import BUILD
from bench.servers.server import find_program

_BIN: Final = BUILD / "go" / "bin"
_INSTALL_WITHIN: Final = 900
"""Seconds; both have hundreds of dependencies."""


@cache
def find_or_install(program: str, module: str) -> tuple[str, str]:
    """(path, "") or ("", why it is not to be had). ``module`` is what ``go install`` gets, with its version."""
    path = shutil.which(program) or shutil.which(program, path=os.fspath(_BIN))
    if path:
        return path, ""
    go = find_program("go") or shutil.which("go", path="/usr/local/go/bin")
    if not go:
        return "", f"{program} is not on the path, and Go is not installed"
    _BIN.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": os.fspath(_BIN)}
    try:
        result = subprocess.run(
            [go, "install", module],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_INSTALL_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"go install {module} took more than {_INSTALL_WITHIN} s"
    if result.returncode:
        why = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        return "", f"go install {module} failed: {why.strip()}"
    return os.fspath(_BIN / program), ""
