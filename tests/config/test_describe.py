from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.machine import a_host, reading
from mirage_hole.config.describe import as_toml, json_schema, markdown
from mirage_hole.config.raw import SECTIONS, settings
from mirage_hole.config.read import read

ROOT = Path(__file__).parents[2]


def test_the_written_reference_is_fresh():
    fresh = subprocess.run(
        [sys.executable, "-m", "mirage_hole.config.describe"], cwd=ROOT, capture_output=True, check=True
    )
    assert (ROOT / "docs/configuration.md").read_bytes() == fresh.stdout, (
        "write it anew: python -m mirage_hole.config.describe > docs/configuration.md"
    )


def test_the_reference_tells_of_every_setting_flag_and_variable():
    text = markdown()
    for setting in settings().values():
        assert setting.doc in text
        assert f"`{setting.flag}" in text
        assert all(f"`{name}`" in text for name in setting.variables)


def test_the_references_example_is_a_correct_configuration(tmp_path):
    example = markdown().partition("```toml\n")[2].partition("```")[0]
    assert reading(tmp_path, toml=example).settled is not None


def test_the_schema_knows_every_setting_and_refuses_others():
    definitions = json_schema()["$defs"]
    for section, struct in SECTIONS.items():
        described = definitions[struct.__name__]
        assert described["additionalProperties"] is False
        assert set(described["properties"]) == set(struct.__struct_fields__)
        for key, about in described["properties"].items():
            assert about["description"] == settings()[f"{section}.{key}"].doc


CONFIGURATIONS = [
    {},
    {"server.port": "5353", "server.listen": ("127.0.0.1", "[fe80::1%eth0]:5454")},
    {"web.listen": "off", "log.level": "error", "blocking.ttl": "0", "cache.size": "100000"},
    {"blocking.mode": "ip", "blocking.ipv4": "192.0.2.1", "upstream.timeout": "1.5", "lists.refresh_every": "90s"},
    {"lists.block": ("./a b.txt", "https://example.org/\u00fc\"\\x'#"), "lists.allow": ("x",)},
]


@pytest.mark.parametrize("flags", CONFIGURATIONS)
@pytest.mark.parametrize("with_origin", [False, True])
def test_what_is_shown_settles_to_the_same(tmp_path, flags, with_origin):
    first = reading(tmp_path, flags)
    text = as_toml(first.settled, first.loaded.origin if with_origin else None)
    path = tmp_path / "shown.toml"
    path.write_text(text, "utf-8")
    second = read({}, {}, a_host(tmp_path), str(path))
    assert second.loaded.problems == []
    assert second.settled == replace_file(first.settled, path)


def replace_file(settled, path):
    from dataclasses import replace

    return replace(settled, config_file=path)


def test_what_is_shown_says_where_each_setting_was_written(tmp_path):
    result = reading(tmp_path, {"server.port": "5353"}, {"MIRAGE_HOLE_TIMEOUT": "3"}, "[cache]\nsize = '1M'\n")
    rows = as_toml(result.settled, result.loaded.origin).splitlines()
    assert "port = 5353  # --port" in rows
    assert 'timeout = "3s"  # MIRAGE_HOLE_TIMEOUT' in rows
    assert f'size = "1MiB"  # {tmp_path}/config.toml:2' in rows
    assert "workers = 1  # default" in rows
    assert f'servers = ["9.9.9.9:53"]  # default, {tmp_path}/resolv.conf' in rows


@given(st.text(min_size=1).filter(str.isprintable).filter(lambda text: text.strip() == text and "://" not in text))
def test_any_path_survives_being_shown(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("shown")
    result = reading(folder, {"lists.block": (f"/lists/{name}",)})
    shown = tomllib.loads(as_toml(result.settled))
    assert shown["lists"]["block"] == list(result.settled.blocklists)
