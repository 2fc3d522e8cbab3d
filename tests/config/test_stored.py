"""What is stored lies between the defaults and the file, and never keeps the server from starting."""

from __future__ import annotations

from typing import Any

import pytest

from mirage_hole.config.read import read
from mirage_hole.config.stored import Stored
from tests.config.machine import a_host


def reading(stored: Stored, tmp_path, text: str = "", *, flags=None, environ=None, strict: bool = False):
    config = None
    if text:
        config = tmp_path / "config.toml"
        config.write_text(text)
    return read(
        flags or {},
        environ or {},
        a_host(tmp_path),
        str(config) if config else None,
        stored=lambda _: stored,
        strict=strict,
    )


def values(**settings: Any) -> Stored:
    return Stored({path.replace("__", "."): value for path, value in settings.items()})


def test_what_is_stored_beats_the_default(tmp_path):
    found = reading(values(blocking__mode="nxdomain", lists__block=["starter"]), tmp_path)
    assert found.settled.block_mode == "nxdomain"
    assert found.settled.blocklists == ("starter",)
    assert str(found.loaded.origin("blocking.mode")) == "state.db"
    assert found.loaded.origin("blocking.mode").kind == "stored"


def test_the_file_a_variable_and_a_flag_beat_what_is_stored(tmp_path):
    stored = values(blocking__mode="nxdomain")
    assert reading(stored, tmp_path, '[blocking]\nmode = "nodata"\n').settled.block_mode == "nodata"
    assert reading(stored, tmp_path, environ={"MIRAGE_HOLE_BLOCKING__MODE": "refused"}).settled.block_mode == "refused"
    assert reading(stored, tmp_path, flags={"blocking.mode": "refused"}).settled.block_mode == "refused"


@pytest.mark.parametrize(
    "bad",
    [
        {"blocking.mode": "nonsense"},
        {"blocking.mode": 7},
        {"upstream.timeout": "a while"},
        {"upstream.fallback": "nobody"},
        {"no.such": 1},
        {"server.state_directory": "/elsewhere"},
        {"web.key": "/etc/ssl/private/another.key"},
        {"lists.shrink_guard": 101},
    ],
)
def test_what_means_nothing_any_more_is_left_out_with_a_warning(bad, tmp_path):
    found = reading(Stored({**bad, "cache.keep": False}), tmp_path)
    assert found.settled is not None
    assert found.settled.cache_keep is False
    assert found.loaded.warnings
    assert next(iter(bad)) in str(found.loaded.warnings[0])


def test_all_problems_of_what_is_to_be_stored_are_told_at_once(tmp_path):
    found = reading(values(blocking__mode="nonsense", upstream__timeout="x"), tmp_path, strict=True)
    assert found.settled is None
    assert {problem.setting for problem in found.loaded.problems} == {"blocking.mode", "upstream.timeout"}


def client(name: str, address: str) -> dict[str, Any]:
    return {"name": name, "addresses": [address], "tags": ["pc"]}


def test_stored_clients_stand_beside_those_of_the_file(tmp_path):
    stored = Stored({}, {"client": {"Desk": client("Desk", "192.0.2.7"), "tv": client("tv", "192.0.2.8")}})
    text = '[[client]]\nname = "TV"\naddresses = "192.0.2.9"\n'
    found = reading(stored, tmp_path, text)
    assert [(one.name, one.addresses) for one in found.settled.clients] == [
        ("TV", ("192.0.2.9/32",)),
        ("Desk", ("192.0.2.7/32",)),
    ]
    assert found.loaded.hidden == {("client", "tv")}
    assert found.loaded.stored_rows == {"client[1]": ("client", "Desk")}
    assert str(found.loaded.origin("client[1].name")) == "state.db, client Desk"


def test_a_stored_client_that_contradicts_the_file_is_left_out(tmp_path):
    stored = Stored({}, {"client": {"Desk": client("Desk", "192.0.2.9"), "Good": client("Good", "192.0.2.1")}})
    found = reading(stored, tmp_path, '[[client]]\nname = "TV"\naddresses = "192.0.2.9"\n')
    assert [one.name for one in found.settled.clients] == ["TV", "Good"]
    assert "left out" in str(found.loaded.warnings[0])


def test_stored_groups_routes_and_records_count(tmp_path):
    stored = Stored(
        {},
        {
            "group": {
                "office": {
                    "name": "office",
                    "servers": ["10.0.0.1"],
                    "strategy": "strict",
                    "dnssec": False,
                    "fallback": "",
                }
            },
            "route": {1: {"domains": ["corp.example"], "group": "office", "servers": [], "fallback": ""}},
            "record": {4: {"name": "nas.lan", "type": "A", "value": "192.0.2.5", "ttl": "", "networks": []}},
        },
    )
    settled = reading(stored, tmp_path).settled
    assert [one.name for one in settled.groups] == ["office"]
    assert settled.routes[0].domains == ("corp.example",)
    assert settled.records[0].value == "192.0.2.5"


def test_a_wrong_file_is_not_blamed_on_what_is_stored(tmp_path):
    found = reading(values(cache__keep=False), tmp_path, '[blocking]\nmode = "nonsense"\n')
    assert found.settled is None
    assert len(found.loaded.problems) == 1


def test_relative_paths_mean_the_same_wherever_the_server_is_started(tmp_path):
    found = reading(values(lists__block=["./mine.txt"]), tmp_path)
    assert found.settled.blocklists == ("/mine.txt",)


def test_a_state_that_cannot_be_read_is_a_warning(tmp_path):
    found = reading(Stored(problem="state.db can't be read: Permission denied"), tmp_path)
    assert found.settled is not None
    assert "Permission denied" in str(found.loaded.warnings[0])
