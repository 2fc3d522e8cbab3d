"""The section [local] and the [[record]] tables: what they come to, every mistake told at its place."""

from __future__ import annotations

import pytest

from config.machine import problems, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.config.settled import LocalSettings, RecordSettings
from mirage_hole.runtime.plan import worker_settings
from mirage_hole.runtime.worker_settings import WorkerSettings


def record(**values: object) -> str:
    given = {"name": '"nas.lan"', "type": '"A"', "value": '"192.168.1.5"', **values}
    return "[[record]]\n" + "".join(f"{key} = {value}\n" for key, value in given.items())


def test_without_a_word_the_server_has_a_name_and_nothing_else_is_local(tmp_path):
    result = settled(tmp_path)
    assert result.local == LocalSettings("mirage.hole", (), "lan", False, 60, (), ())
    assert (result.records, result.forward_unqualified) == ((), False)


def test_files_are_found_from_where_they_are_written(tmp_path):
    toml = '[local]\nhosts = ["./my.hosts", "/etc/hosts", "/etc/hosts"]\nleases = "/var/lib/misc/dnsmasq.leases"\n'
    local = settled(tmp_path, toml=toml).local
    assert local.hosts[0].endswith("/my.hosts")
    assert local.hosts[0].startswith("/")
    assert local.hosts[1:] == ("/etc/hosts",)
    assert local.leases == ("/var/lib/misc/dnsmasq.leases",)


def test_records_are_read_however_they_are_written(tmp_path):
    toml = record(name='"NAS.lan."', type='"a"') + record(name='"*.Dev.lan"', ttl='"5m"', networks='"10.8.0.0/16"')
    toml += record(name='"192.168.1.5"', type='"PTR"', value='"nas.lan"')
    assert settled(tmp_path, toml=toml).records == (
        RecordSettings("nas.lan", "A", "192.168.1.5"),
        RecordSettings("*.dev.lan", "A", "192.168.1.5", 300, ("10.8.0.0/16",)),
        RecordSettings("5.1.168.192.in-addr.arpa", "PTR", "nas.lan"),
    )


def test_what_is_printed_settles_to_the_same(tmp_path):
    toml = '[local]\nhosts = "/etc/hosts"\ndomain = "home.arpa"\nttl = "5m"\n' + record() + record(ttl=0)
    result = settled(tmp_path, toml=toml)
    again = settled(tmp_path, toml=as_toml(result))
    assert (again.local, again.records) == (result.local, result.records)


@pytest.mark.parametrize(
    ("toml", "serves"),
    [
        ("", False),
        ('[local]\nhosts = "/etc/hosts"\n', True),
        ('[local]\nleases = "/x/leases"\n', True),
        ('[local]\nhosts = "/etc/hosts"\ndomain = ""\n', False),
        (record(), True),
        (record(name='"nas"'), True),
        (record(name='"nas.company.example"'), False),
        (record(name='"nas.xlan"'), False),
    ],
)
def test_the_own_domain_is_denied_only_where_something_is_known_of_it(tmp_path, toml, serves):
    assert settled(tmp_path, toml=toml).local.serves_domain is serves


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        (record(name='""'), "record[0].name"),
        (record(name='"*"'), "record[0].name"),
        (record(name='"a.*.lan"'), "record[0].name"),
        (record(name='"192.168.1.5"'), "record[0].name"),
        (record(type='"AXFR"'), "record[0].type"),
        (record(type='"Z"'), "record[0].type"),
        (record(value='"fd00::1"'), "record[0].value"),
        (record(type='"MX"', value='"mail.lan"'), "record[0].value"),
        (record(type='"LOC"', value='"51 30 N"'), "record[0].value"),
        (record(ttl='"8d"'), "record[0].ttl"),
        (record(ttl='"0.5s"'), "record[0].ttl"),
        (record(networks='"10.0.0.1/8"'), "record[0].networks"),
        (record() + record(type='"CNAME"', value='"x.example"'), "record[1].name"),
        (2 * record(type='"CNAME"', value='"x.example"'), "record[1].name"),
        ("[[record]]\n", "record[0].name"),
        ('[local]\nname = "a..b"\n', "local.name"),
        ('[local]\ndomain = "*.lan"\n', "local.domain"),
        ('[local]\naddresses = ["x", "0.0.0.0"]\n', "local.addresses"),
        ('[local]\nhosts = [""]\n', "local.hosts"),
        ('[local]\nttl = "-1"\n', "local.ttl"),
        ('[local]\nleases = "/x"\ndomain = ""\n', "local.domain"),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path, toml, path):
    assert path in str(problems(tmp_path, toml=toml))


def test_an_alias_for_some_clients_may_stand_beside_records_for_all(tmp_path):
    toml = record() + record(type='"CNAME"', value='"x.example"', networks='"10.8.0.0/16"')
    assert len(settled(tmp_path, toml=toml).records) == 2


def test_workers_are_told_in_plain_values(tmp_path):
    toml = "[local]\nforward_unqualified = true\n[answers]\nprivate_relay = true\nprivate_reverse = false\n"
    again = WorkerSettings.from_json(worker_settings(settled(tmp_path, toml=toml)).to_json())
    assert (again.forward_unqualified, again.private_relay, again.private_reverse) == (True, True, False)
