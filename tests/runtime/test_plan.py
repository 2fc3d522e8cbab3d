"""Every setting concerns somebody, and a worker is told what it needs."""

from dataclasses import fields, replace

from mirage_hole.config.settled import ClientSettings, Endpoint, Settled
from mirage_hole.runtime.plan import CONCERNS, Part, changed, worker_settings
from mirage_hole.runtime.worker_settings import WorkerSettings
from tests.runtime.settings import a_settled


def test_every_setting_is_somebody_s():
    assert set(CONCERNS) == {field.name for field in fields(Settled)}


def test_every_setting_that_a_worker_has_by_the_same_name_is_told_to_it(tmp_path):
    told = worker_settings(a_settled(tmp_path, block_ttl=77, block_mode="ip", block_ipv4="192.0.2.1", timeout=3.5))
    assert (told.block_ttl, told.block_mode, told.block_ipv4, told.timeout) == (77, "ip", "192.0.2.1", 3.5)
    shared = {field.name for field in fields(Settled)} & {field.name for field in fields(WorkerSettings)}
    assert all(Part.WORKERS in CONCERNS[name] for name in shared)


def test_upstreams_are_plain_pairs(tmp_path):
    told = worker_settings(a_settled(tmp_path, upstreams=(Endpoint("fe80::1%eth0", 53), Endpoint("192.0.2.1", 5353))))
    assert told.upstreams == (("fe80::1%eth0", 53), ("192.0.2.1", 5353))
    assert WorkerSettings.from_json(told.to_json()) == told


def test_clients_are_plain_values(tmp_path):
    clients = (
        ClientSettings("Desk", ("192.168.1.7/32", "fd00::7/128"), ("adult",)),
        ClientSettings("Tv", ("10.0.0.0/8",)),
    )
    told = worker_settings(a_settled(tmp_path, clients=clients))
    assert told.clients == (("Desk", ("192.168.1.7/32", "fd00::7/128"), ("adult",)), ("Tv", ("10.0.0.0/8",), ()))
    assert WorkerSettings.from_json(told.to_json()) == told
    assert changed(a_settled(tmp_path), a_settled(tmp_path, clients=clients)) == {
        Part.WORKERS: ["clients"],
        Part.NOTIFY: ["clients"],
    }


def test_a_change_is_told_to_those_it_concerns(tmp_path):
    old = a_settled(tmp_path)
    assert changed(old, old) == {}
    new = replace(old, upstreams=(Endpoint("192.0.2.9", 53),), workers=2, block_ttl=5)
    assert changed(old, new) == {
        Part.RESTART: ["workers"],
        Part.WORKERS: ["upstreams", "block_ttl"],
        Part.NOTIFY: ["upstreams"],
        Part.LISTS: ["upstreams"],
    }
