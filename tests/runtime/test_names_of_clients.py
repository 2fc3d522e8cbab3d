from __future__ import annotations

from ipaddress import ip_address
from types import SimpleNamespace

from mirage_hole.config.settled import ClientSettings
from mirage_hole.local.record import Record
from mirage_hole.runtime.limiting import MOST_STOPPED, stopped
from mirage_hole.runtime.names_of_clients import ClientNames, names_of
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import from_text


def octets(text):
    return ip_address(text).packed


def record(name, kind, data, **more):
    return Record(from_text(name), kind, data, 60, **more)


def test_the_first_record_that_leads_to_an_address_names_it():
    names = names_of(
        [
            record("desk.lan", RRType.A, octets("192.168.1.7")),
            record("other.lan", RRType.A, octets("192.168.1.7")),
            record("desk.lan", RRType.AAAA, octets("fd00::7")),
            record("dev.lan", RRType.A, octets("192.168.1.8"), wildcard=True),
            record("alias.lan", RRType.CNAME, from_text("desk.lan")),
        ]
    )
    assert names == {octets("192.168.1.7"): "desk.lan", octets("fd00::7"): "desk.lan"}


def test_a_client_of_the_settings_is_called_as_they_say_and_a_whole_network_is_nobody():
    clients = [
        ClientSettings("Desk", ("192.168.1.7/32", "fd00::7/128")),
        ClientSettings("Phone", ("2001:db8::/64",)),
        ClientSettings("House", ("192.168.0.0/16",)),
    ]
    names, files = ClientNames(clients), {octets("192.168.1.7"): "desk.lan", octets("192.168.1.9"): "tv.lan"}
    found = [names.of(octets(one), files) for one in ("192.168.1.7", "fd00::7", "2001:db8::99", "192.168.1.9")]
    assert found == ["Desk", "Desk", "Phone", "tv.lan"]
    assert names.of(octets("192.168.1.10"), files) == ""


def test_a_worker_names_the_worst_of_those_it_stops():
    flooding = tuple(bytes((10, 0, 0, one)) for one in range(50))
    plane = SimpleNamespace(engine=SimpleNamespace(limits=SimpleNamespace(flooding=flooding)))
    assert stopped(plane) == [f"10.0.0.{one}" for one in range(MOST_STOPPED)]
    plane.engine.limits.flooding = (octets("::ffff:192.168.1.9"),)
    assert stopped(plane) == ["192.168.1.9"]
    plane.engine.limits = None
    assert stopped(plane) == []
