"""Look-ups of local data against the slow and obvious way."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.local.record import Record
from mirage_hole.local.store import NOTHING, LocalData, network_of
from mirage_hole.local.stored import decode, encode
from mirage_hole.wire.names import from_text, labels_of

LABELS = st.sampled_from(["a", "b", "c"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: from_text(".".join(labels) + ".lan"))
NETWORKS = st.sampled_from([(), (), (), ("10.0.0.0/8",), ("10.8.0.0/16", "fd00::/8"), ("10.8.9.0/24",)])
RECORDS = st.lists(
    st.builds(Record, NAMES, st.just(1), st.binary(min_size=4, max_size=4), st.just(60), NETWORKS, st.booleans()),
    max_size=8,
)
CLIENTS = st.sampled_from(["192.168.0.1", "10.1.1.1", "10.8.1.1", "10.8.9.1", "fd00::1", "::ffff:10.8.9.1"])


def parents(name: bytes) -> list[bytes]:
    return [name[at:] for at in labels_of(name)[1:]]


def seen(records: list[Record], client: str) -> list[bytes] | None:
    """What a client sees of the records of one name: those of the most specific network."""
    address = ip_address(client)
    address = getattr(address, "ipv4_mapped", None) or address
    best: dict[int, list[bytes]] = {}
    for record in records:
        for network in record.networks or ("0.0.0.0/0", "::/0"):
            if address in ip_network(network):
                prefix = ip_network(network).prefixlen if record.networks else -1
                best.setdefault(prefix, []).append(record.rdata)
    return best[max(best)] if best else None


def expected(records: list[Record], name: bytes, client: str) -> list[bytes] | None:
    """RFC 4592 3.3.1, by hand."""
    found = seen([one for one in records if one.name == name and not one.wildcard], client)
    if found is not None:
        return found
    there = {one.name for one in records}
    above = {parent for one in records for parent in parents(one.name)} | {one.name for one in records if one.wildcard}
    if name in above:
        return []
    for parent in parents(name):
        wild = [one for one in records if one.wildcard and one.name == parent]
        if wild:
            return seen(wild, client)
        if parent in there | above:
            return None
    return None


@given(RECORDS, NAMES, CLIENTS)
def test_look_ups_find_what_the_rfc_says(records, name, client):
    data = LocalData(records)
    octets = ip_address(client).packed
    found = data.of(name, labels_of(name), octets)
    assert (None if found is None else [one.rdata for one in found]) == expected(records, name, client)


@given(RECORDS, NAMES, CLIENTS)
def test_whatever_is_found_is_of_interest_to_the_cheap_test(records, name, client):
    data = LocalData(records)
    labels = labels_of(name)
    if data.of(name, labels, ip_address(client).packed):
        assert name in data.names or name[labels[-1] :] in data.tops


@given(RECORDS)
def test_what_is_stored_comes_back(records):
    before, after = LocalData(records, from_text("lan")), decode(encode(records, from_text("lan")))
    assert (after.size, after.domain, after.tells_apart) == (before.size, before.domain, before.tells_apart)
    assert after.names.keys() == before.names.keys()
    assert after.tops == before.tops


def test_networks_hold_what_begins_like_them():
    network = network_of("10.8.9.7/16")
    assert network.holds(bytes((10, 8, 255, 255)))
    assert not network.holds(bytes((10, 9, 0, 0)))
    assert not network.holds(bytes(16))
    assert network_of("::/0").holds(bytes(16))
    assert network_of("fd00::1").prefix == 128


def test_nothing_is_nothing():
    assert NOTHING.of(from_text("nas.lan"), labels_of(from_text("nas.lan")), bytes(4)) is None
    assert not NOTHING.is_at_home(from_text("lan"), (0,))
    assert not NOTHING.tells_apart


def test_home_is_compared_by_labels():
    data = LocalData((), from_text("home.lan"))
    for name, home in (
        ("home.lan", True),
        ("a.home.lan", True),
        ("xhome.lan", False),
        ("lan", False),
        ("a.lan", False),
    ):
        wire = from_text(name)
        assert data.is_at_home(wire, labels_of(wire)) is home
    # A label that ends in what looks like the domain's octets is another label.
    odd = b"\x0a" + b"x\x04home\x03lan" + b"\0"
    assert not data.is_at_home(odd, labels_of(odd))
