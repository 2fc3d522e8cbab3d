from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.devices import LEARNING, MAX_DEVICES, Devices

LATER = LEARNING + 1.0


def nobody(_address):
    return ""


def octets(text):
    return ip_address(text).packed


def keys(devices):
    return {one.key for one in devices}


def test_on_the_first_day_everybody_is_learnt_and_nobody_is_new():
    devices = Devices(0.0)
    assert devices.see([octets("192.168.1.7")], 10.0, nobody) == []
    assert devices.see([octets("192.168.1.7")], LATER, nobody) == []
    (new,) = devices.see([octets("192.168.1.8")], LATER, nobody)
    assert (new.key, new.first_seen) == ("192.168.1.8", LATER)


def test_the_changing_addresses_of_a_network_are_one_device_and_named_ones_are_their_own():
    devices = Devices(0.0)
    names = {octets("2001:db8::7"): "laptop.lan"}
    new = devices.see([octets(f"2001:db8::{one:x}") for one in range(1, 200)], LATER, lambda one: names.get(one, ""))
    assert keys(new) == {"2001:db8::/64", "2001:db8::/64 laptop.lan"}
    assert keys(devices.see([octets("2001:db8:0:1::1")], LATER, nobody)) == {"2001:db8:0:1::/64"}


def test_link_local_addresses_stay_themselves_and_mapped_ones_are_ipv4():
    devices = Devices(0.0)
    new = devices.see([octets("fe80::1"), octets("fe80::2"), octets("::ffff:192.168.1.7")], LATER, nobody)
    assert keys(new) == {"fe80::1", "fe80::2", "192.168.1.7"}


def test_the_machine_itself_is_no_device():
    devices = Devices(0.0)
    assert devices.see([octets("127.0.0.1"), octets("::1"), octets("0.0.0.0")], LATER, nobody) == []
    assert len(devices) == 0


def test_the_table_is_bounded_forgets_who_was_seen_longest_ago_and_tells_of_nobody_then():
    devices = Devices(0.0)
    everybody = [(10 << 24 | number).to_bytes(4, "big") for number in range(1, MAX_DEVICES + 6)]
    devices.see(everybody[:MAX_DEVICES], LATER, nobody)
    devices.see([everybody[0]], LATER + 1, nobody)
    assert devices.see(everybody[MAX_DEVICES:], LATER + 2, nobody) == []
    assert len(devices) == MAX_DEVICES
    known = keys(devices)
    assert str(ip_address(everybody[0])) in known
    assert str(ip_address(everybody[1])) not in known


def test_a_clock_that_goes_back_makes_nobody_older_than_new():
    devices = Devices(0.0)
    devices.see([octets("192.168.1.7")], 1000.0, nobody)
    devices.see([octets("192.168.1.7")], 500.0, nobody)
    (one,) = devices
    assert (one.first_seen, one.last_seen) == (1000.0, 1000.0)


def test_a_clock_that_was_ahead_at_the_start_does_not_keep_everybody_new_for_ever():
    devices = Devices(1e9)
    devices.see([octets("192.168.1.7")], 0.0, nobody)
    assert len(devices.see([octets("192.168.1.8")], LATER, nobody)) == 1


@given(st.lists(st.tuples(st.sampled_from(["see", "take", "fail", "clear"]), st.integers(0, 8)), max_size=60))
def test_what_is_written_and_removed_leads_to_what_is_known(steps):
    devices, disk = Devices(0.0), {}
    for now, (what, which) in enumerate(steps):
        if what == "see":
            devices.see([bytes((10, 0, 0, which))], float(now), nobody)
        elif what == "clear":
            devices.clear()
        else:
            written, gone = devices.take_changes()
            if what == "fail":
                devices.give_back(written, gone)
                continue
            for key in gone:
                disk.pop(key, None)
            disk.update({one.key: one for one in written})
    written, gone = devices.take_changes()
    for key in gone:
        disk.pop(key, None)
    disk.update({one.key: one for one in written})
    assert disk == {one.key: one for one in devices}
