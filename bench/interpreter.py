"""Which Python runs Mirage Hole: the distribution's, as its unbound and dnsmasq are the distribution's.

How CPython was built decides a sixth of what our code costs. Distributions and the official container images build it with
profile-guided optimisation; a version manager that compiles on the spot usually does not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Final

from bench.cc import BUILD
from bench.processes import BenchError

_OLDEST: Final = (3, 11)
_DISTRIBUTIONS: Final = Path("/usr/bin/python3")
_TREE: Final = Path(__file__).parent.parent


@cache
def distributions_python() -> Path | None:
    """The distribution's own Python; None when it is missing, too old, or the one that runs this."""
    if not _DISTRIBUTIONS.exists() or Path(sys.executable).resolve() == _DISTRIBUTIONS.resolve():
        return None
    asked = [os.fspath(_DISTRIBUTIONS), "-c", "import sys; print(*sys.version_info[:2])"]
    result = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    version = tuple(int(part) for part in result.stdout.split()) if not result.returncode else ()
    return _DISTRIBUTIONS if version >= _OLDEST else None


@cache
def installed(python: Path) -> Path:
    """The directory of programs of an environment of this Python with this tree's package in it.

    Raises:
        BenchError: it could not be made; the message holds the last lines of what pip said.
    """
    environment = BUILD / f"env-{python.resolve().name}"
    programs = environment / "bin"
    for command in (
        [os.fspath(python), "-m", "venv", "--without-pip", os.fspath(environment)],
        # This environment's pip, since distributions leave theirs out.
        [sys.executable, "-m", "pip", "--python", os.fspath(programs / "python"),
         "install", "--quiet", "--disable-pip-version-check", os.fspath(_TREE)],
    ):  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if result.returncode:
            msg = f"{' '.join(command)}: {result.stderr.strip()[-1000:]}"
            raise BenchError(msg)
    return programs


def build_of(python: Path) -> str:
    """Version of this Python and whether it was built with profile-guided optimisation, as far as can be seen."""
    if python == Path(sys.executable):
        optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
        note = "" if optimised else ", built without --enable-optimizations"
        return f"CPython {sys.version.split()[0]}{note}"
    command = [os.fspath(python), "-c", "import sys; print(sys.version.split()[0])"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return f"CPython {result.stdout.strip()} of the distribution"
