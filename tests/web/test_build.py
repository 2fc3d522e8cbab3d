"""How the dashboard comes into a wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
import hatch_build  # noqa: E402

sys.path.remove(str(ROOT))

SCRIPTS = {"ok": "exit 0", "bad": "echo the registry is not there >&2; exit 7"}


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """Sources that need no real build."""
    folder = tmp_path / "web"
    (folder / "src").mkdir(parents=True)
    (folder / "index.html").write_text("<p>")
    (folder / "package.json").write_text("{}")
    (folder / "package-lock.json").write_text("{}")
    (folder / "src" / "main.ts").write_text("1")
    return folder


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A PATH with nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


def hook(root: Path, target: str = "wheel") -> Any:
    return hatch_build.DashboardHook(str(root), {}, None, None, str(root / "dist"), target)  # type: ignore[no-untyped-call]


def test_only_what_the_build_is_made_of_makes_it_stale(web: Path) -> None:
    before = hatch_build.source_hash(web)
    (web / "src" / "main.test.ts").write_text("a test")
    (web / "dist").mkdir()
    (web / "openapi.json").write_text("{}")
    assert hatch_build.source_hash(web) == before
    assert hatch_build.is_stale(web)
    (web / "dist" / ".source-hash").write_text(before)
    assert not hatch_build.is_stale(web)
    (web / "src" / "main.ts").write_text("2")
    assert hatch_build.is_stale(web)


@pytest.mark.parametrize(
    ("said", "asked"), [("v20.19.0", False), ("v24.1.0", False), ("v18.20.4", True), ("what", True)]
)
def test_node_is_asked_for_where_the_system_has_none_that_is_new_enough(web: Path, tools: Any, said: str, asked: bool) -> None:  # fmt: skip
    tools("node", f"echo {said}")
    tools("npm", SCRIPTS["ok"])
    assert hook(web.parent).dependencies() == ([hatch_build.NODE] if asked else [])


def test_node_is_asked_for_where_there_is_none(web: Path, tools: Any) -> None:
    assert hook(web.parent).dependencies() == [hatch_build.NODE]


def test_nobody_needs_node_when_the_build_is_there(web: Path, tools: Any) -> None:
    (web / "dist").mkdir()
    (web / "dist" / "index.html").write_text("<p>built")
    (web / "dist" / ".source-hash").write_text(hatch_build.source_hash(web))
    data: dict[str, Any] = {"force_include": {}}
    assert hook(web.parent).dependencies() == []
    hook(web.parent).initialize("standard", data)
    assert data["force_include"] == {str(web / "dist"): "mirage_hole/_web"}


def test_who_wants_no_dashboard_gets_none(web: Path, tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRAGE_HOLE_NO_WEB", "1")
    (web / "dist").mkdir()
    (web / "dist" / "index.html").write_text("<p>old")
    data: dict[str, Any] = {"force_include": {}}
    hook(web.parent).initialize("standard", data)
    assert data["force_include"] == {}


def test_a_build_that_fails_says_why_and_what_to_do(web: Path, tools: Any) -> None:
    tools("node", "echo v22.12.0")
    tools("npm", SCRIPTS["bad"])
    with pytest.raises(RuntimeError, match="the registry is not there") as problem:
        hook(web.parent).initialize("standard", {"force_include": {}})
    assert "MIRAGE_HOLE_NO_WEB=1" in str(problem.value)
    assert hatch_build.is_stale(web)


@pytest.mark.timeout(300)
def test_a_wheel_from_a_source_distribution_needs_no_node_and_has_the_dashboard(tmp_path: Path) -> None:
    """As pip makes it of what PyPI has: nothing but Python on PATH."""
    pytest.importorskip("build")
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("node_modules", "__pycache__", ".git", ".venv", "build", "bench", "tests", ".*_cache", ".hypothesis")  # fmt: skip
    shutil.copytree(ROOT, source, ignore=ignored)
    if not (source / "web" / "dist" / "index.html").is_file():
        pytest.skip("web/dist was not built here")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    environment = {**os.environ, "PATH": str(nothing)}
    command = [sys.executable, "-m", "build", "--outdir", str(tmp_path / "out"), str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "npm" not in done.stdout + done.stderr
    [wheel] = (tmp_path / "out").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "mirage_hole/_web/index.html" in names
    assert any(name.startswith("mirage_hole/_web/assets/") and name.endswith(".js") for name in names)
    assert not any("node_modules" in name or name.endswith(".ts") for name in names)
