from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from mirage_hole.api import pages as pages_module
from mirage_hole.api.pages import KINDS, MAX_FILE, load_pages, web_directory

WEB = Path(__file__).parents[2] / "web"
PAGES = (WEB / "index.html", WEB / "api.html")
SCRIPTS = sorted(WEB.glob("*.js"))


def test_the_dashboard_is_found_in_the_checkout_and_served_whole() -> None:
    assert web_directory() == WEB
    pages = load_pages(WEB)
    assert set(pages) == {"/"} | {
        "/api/docs" if path.name == "api.html" else f"/{path.name}"
        for path in WEB.iterdir()
        if path.suffix in KINDS and path.name != "index.html"
    }
    assert all(page.body and page.etag.startswith('"') for page in pages.values())
    assert {page.content_type.partition(";")[0] for page in pages.values()} == {
        "text/html",
        "text/javascript",
        "text/css",
        "image/svg+xml",
    }


def test_the_dashboard_is_found_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site-packages" / "mirage_hole"
    (installed / "_web").mkdir(parents=True)
    monkeypatch.setattr(pages_module, "__file__", str(installed / "api" / "pages.py"))
    assert web_directory() is None
    (installed / "_web" / "index.html").write_text("<p>hello")
    assert web_directory() == installed / "_web"


def test_only_files_of_known_kinds_and_sizes_are_served(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>hello")
    (tmp_path / "secret.txt").write_text("no")
    (tmp_path / "big.js").write_bytes(b" " * (MAX_FILE + 1))
    (tmp_path / "folder.js").mkdir()
    assert set(load_pages(tmp_path)) == {"/"}
    assert load_pages(None) == {}


def test_every_file_that_the_page_names_is_there() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r'(?:src|href)="/([\w.]+)"', text))
    for script in SCRIPTS:
        named |= set(re.findall(r"from '\./([\w.]+)'", script.read_text(encoding="utf-8")))
    assert named >= {"app.js", "style.css", "icon.svg"}
    assert {name for name in named if not (WEB / name).is_file()} <= {"metrics"}


def test_the_page_asks_no_other_server() -> None:
    for path in WEB.iterdir():
        addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s'\"]*", path.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path


def test_the_markup_has_no_inline_script_style_or_handler() -> None:
    for page in PAGES:
        markup = page.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)", markup)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", markup)


def test_what_comes_from_the_network_never_becomes_markup() -> None:
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc", text
        ), script


def test_every_field_of_the_page_has_a_label_and_identifiers_are_unique() -> None:
    known: set[str] = set()
    for page in PAGES:
        markup = page.read_text(encoding="utf-8")
        identifiers = re.findall(r'\bid="([^"]+)"', markup)
        assert len(identifiers) == len(set(identifiers))
        assert set(re.findall(r'(?:aria-labelledby|for)="([^"]+)"', markup)) <= set(identifiers)
        known |= set(identifiers)
    used = set(re.findall(r"byId\('([^']+)'\)", "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)))
    assert used <= known


def palettes() -> dict[str, dict[str, str]]:
    style = (WEB / "colours.css").read_text(encoding="utf-8")
    found = [dict(re.findall(r"--([\w-]+):\s*(#\w+)", block)) for block in re.findall(r":root[^{]*\{([^}]*)\}", style)]
    return {"light": found[0], "dark": found[1], "dark by preference": found[2]}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa_on_every_ground(theme: str) -> None:
    colours = palettes()[theme]
    for ink, ground in product(("text", "soft", "answered", "blocked", "problem"), ("ground", "panel", "raised")):
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{ink} on {ground}"
    for mark in ("answered-fill", "blocked-fill", "problem-fill", "focus"):  # WCAG 2.2, 1.4.11: graphics
        light, dark = sorted((luminance(colours[mark]), luminance(colours["panel"])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, mark


def test_both_ways_into_the_dark_theme_look_the_same() -> None:
    assert palettes()["dark"] == palettes()["dark by preference"]
