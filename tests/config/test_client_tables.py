from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.machine import problems, reading, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.config.settled import ClientSettings


def table(**values: object) -> str:
    given_ = {"name": '"Desk"', "addresses": '["192.168.1.7"]', **values}
    return "[[client]]\n" + "".join(f"{key} = {value}\n" for key, value in given_.items() if value is not None)


def test_clients_with_names_addresses_and_tags(tmp_path):
    toml = table(name='" Desk "', addresses='["192.168.1.7", "fd00:0::/64"]', tags='["device_pc", "Child"]')
    toml += table(name='"Everybody else"', addresses='"192.168.0.0/16"')
    assert settled(tmp_path, toml=toml).clients == (
        ClientSettings("Desk", ("192.168.1.7/32", "fd00::/64"), ("device_pc", "child")),
        ClientSettings("Everybody else", ("192.168.0.0/16",)),
    )


def test_without_tables_there_are_no_clients(tmp_path):
    assert settled(tmp_path, toml="").clients == ()


@pytest.mark.parametrize(
    ("values", "key", "what", "instead"),
    [
        ({"name": '" "'}, "name", "empty", "a name of at most 64 characters"),
        ({"name": f'"{"x" * 65}"'}, "name", "longer than 64", "a name of at most 64 characters"),
        ({"name": '"a\\nb"'}, "name", "not printable", "a name of at most 64 characters"),
        ({"name": '"192.168.1.0/24"'}, "name", "an address", "a name of at most 64 characters"),
        ({"name": '"fe80::1"'}, "name", "an address", "a name of at most 64 characters"),
        ({"name": "7"}, "name", "not what belongs here", "a name of at most 64 characters"),
        ({"name": None}, "name", "missing", "name ="),
        ({"addresses": "[]"}, "addresses", "nobody has this name", "addresses or networks"),
        ({"addresses": None}, "addresses", "missing", "addresses ="),
        ({"addresses": '["desk.lan"]'}, "addresses", "not a network", "192.168.0.0/16"),
        ({"addresses": '["192.168.1.7/24"]'}, "addresses", "bits behind its prefix", "192.168.1.0/24 or 192.168.1.7"),
        ({"addresses": '["private"]'}, "addresses", "more than one network", "192.168.0.0/16"),
        ({"addresses": '["::ffff:192.0.2.0/120"]'}, "addresses", "IPv6's clothes", "192.0.2.0/24"),
        ({"addresses": '["10.0.0.1", "10.0.0.1/32"]'}, "addresses", "client[0].addresses[0] has it", "each address once"),
        ({"addresses": str([f"10.0.0.{n}" for n in range(101)])}, "addresses", "101 addresses", "at most 100"),
        ({"tags": '["a b"]'}, "tags", "no tag", "words of a-z"),
        ({"tags": '["tv", "TV"]'}, "tags", "written twice", "each tag once"),
        ({"tags": str([f"t{n}" for n in range(51)])}, "tags", "51 tags", "at most 50"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_what_to_write(tmp_path, values, key, what, instead):
    toml = table(**values)
    (problem,) = problems(tmp_path, toml=toml)
    lines = [line.partition(" ")[0] for line in toml.splitlines()]
    assert problem.startswith(f"client[0].{key}")
    assert f"config.toml:{lines.index(key) + 1 if key in lines else 1}" in problem
    assert what in problem
    assert instead in problem


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    toml = table(name='""', addresses='["x", "y"]', tags='["!"]', colour='"red"')
    toml += table(addresses='["z"]') + table(addresses='["10.0.0.1"]')
    found = problems(tmp_path, toml=toml)
    assert [problem.partition(" ")[0].rstrip(":") for problem in found] == [
        "client[0].colour", "client[1].addresses", "client[2].name",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Desk", "DESK"])
def test_no_two_clients_have_one_name(tmp_path, name):
    (problem,) = problems(tmp_path, toml=table() + table(name=f'"{name}"', addresses='"10.0.0.1"'))
    assert problem.startswith("client[1].name")
    assert "client[0] has this name already" in problem


def test_no_two_clients_have_one_address(tmp_path):
    (problem,) = problems(tmp_path, toml=table() + table(name='"Lap"', addresses='["10.0.0.1", "192.168.1.7"]'))
    assert problem.startswith("client[1].addresses")
    assert "client[0].addresses[0] has it already" in problem


def test_one_network_may_lie_in_another_ones(tmp_path):
    toml = table() + table(name='"Home"', addresses='"192.168.1.0/24"')
    assert len(settled(tmp_path, toml=toml).clients) == 2


def test_a_thousand_clients_and_no_more(tmp_path):
    tables = [f'[[client]]\nname = "c{n}"\naddresses = "10.{n // 250}.{n % 250}.1"\n' for n in range(1001)]
    assert len(settled(tmp_path, toml="".join(tables[:1000])).clients) == 1000
    (problem,) = problems(tmp_path, toml="".join(tables))
    assert "1001 tables are too many; write at most 1000" in problem


texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20).filter(lambda t: "%" not in t)


@given(texts, st.ip_addresses(), st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,9}", fullmatch=True), unique=True))
def test_what_is_shown_settles_to_the_same(tmp_path_factory, name, address, tags):
    folder = tmp_path_factory.mktemp("client")
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    result = reading(folder, toml=table(name=quoted, addresses=f'["{address}"]', tags=str(tags))).settled
    if result is not None:
        assert settled(folder, toml=as_toml(result)).clients == result.clients
