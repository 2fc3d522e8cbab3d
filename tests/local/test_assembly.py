"""Records of several sources to what counts."""

from __future__ import annotations

from mirage_hole.local.assembly import KEPT_FREE, MAX_RECORDS, assemble
from mirage_hole.local.record import Record, reverse_name
from mirage_hole.wire.names import from_text, to_text
from tests.local.data import a_record

LAN = from_text("lan")


def what(*sources: list[str], domain: bytes = LAN, **how: object) -> list[str]:
    found = assemble([[a_record(text) for text in source] for source in sources], domain, **how).records
    return [f"{to_text(one.name)} {one.rrtype} {one.rdata.hex()}" for one in found]


def pointer(address: bytes, name: str) -> str:
    return f"{to_text(reverse_name(address))} 12 {from_text(name).hex()}"


NAS = bytes((192, 168, 1, 5))


def test_who_says_first_where_a_name_is_decides_for_both_families():
    found = what(["nas.lan 60 A 192.168.1.5"], ["nas.lan 60 A 192.168.1.6", "nas.lan 60 AAAA fd00::6"])
    assert found == ["nas.lan 1 c0a80105", pointer(NAS, "nas.lan")]


def test_text_about_a_name_leaves_its_addresses_to_others():
    found = what(["nas.lan 60 TXT x"], ["nas.lan 60 A 192.168.1.5"])
    assert "nas.lan 1 c0a80105" in found


def test_records_for_some_clients_leave_the_others_to_the_next_source():
    found = what(["nas.lan 60 A 10.8.0.5 @10.8.0.0/16"], ["nas.lan 60 A 192.168.1.5"])
    assert {"nas.lan 1 0a080005", "nas.lan 1 c0a80105"} <= set(found)


def test_an_address_leads_back_to_the_first_of_its_names():
    found = what(["nas 60 A 192.168.1.5"], ["files.lan 60 A 192.168.1.5"])
    assert found[-1] == pointer(NAS, "nas.lan")
    assert sum(" 12 " in one for one in found) == 1


def test_wildcards_nowhere_and_loopback_lead_nowhere_back():
    assert what(
        ["*.x.lan 60 A 192.168.1.5", "ads.lan 60 A 0.0.0.0", "dev.lan 60 A 127.0.0.1", "d6.lan 60 AAAA ::1"]
    ) == [
        "x.lan 1 c0a80105",
        "ads.lan 1 00000000",
        "dev.lan 1 7f000001",
        f"d6.lan 28 {bytes(15).hex()}01",
    ]


def test_an_alias_stands_alone_and_what_does_not_fit_is_told():
    one = assemble([[a_record("a.lan 60 A 10.0.0.1"), a_record("a.lan 60 CNAME b.lan")]], LAN)
    assert [record.rrtype for record in one.records] == [1, 12]
    assert "a.lan CNAME is left out" in one.complaints[0]
    two = assemble([[a_record("a.lan 60 CNAME b.lan"), a_record("a.lan 60 CNAME c.lan")]], LAN)
    assert (len(two.records), len(two.complaints)) == (1, 1)


def test_the_same_twice_is_said_once():
    assert what(["a.lan 60 A 10.0.0.1", "a.lan 90 A 10.0.0.1"])[:-1] == ["a.lan 1 0a000001"]


def test_nobody_takes_the_servers_name_but_the_configuration():
    taken = what([], ["mirage.hole 60 A 192.168.1.6"], own_name=from_text("mirage.hole"))
    assert "mirage.hole 1 c0a80106" not in taken
    assert "mirage.hole 1 c0a80106" in what(["mirage.hole 60 A 192.168.1.6"], own_name=from_text("mirage.hole"))


def test_the_servers_address_leads_back_to_its_name():
    assert what([], own_name=from_text("mirage.hole"), own_addresses=[NAS]) == [pointer(NAS, "mirage.hole")]
    named = what(["nas.lan 60 A 192.168.1.5"], own_name=from_text("mirage.hole"), own_addresses=[NAS])
    assert pointer(NAS, "nas.lan") in named


def test_without_a_domain_names_stay_as_they_are():
    assert what(["nas 60 A 192.168.1.5"], domain=b"") == ["nas 1 c0a80105", pointer(NAS, "nas")]


def test_there_is_an_end():
    many = (Record(from_text(f"n{number}.lan"), 16, b"\1x", 60) for number in range(MAX_RECORDS + 10))
    found = assemble([many], LAN)
    assert len(found.records) == MAX_RECORDS
    assert "left out" in found.complaints[-1]


def test_a_huge_source_leaves_room_for_those_behind_it():
    many = (Record(from_text(f"n{number}.lan"), 16, b"\1x", 60) for number in range(MAX_RECORDS + 10))
    lease = Record(from_text("phone.lan"), 1, b"\xc0\xa8\1\x4d", 60)
    found = assemble([[], many, [lease]], LAN, called=("these", "those of hosts files", "those of leases"))
    assert lease in found.records
    assert len(found.records) == MAX_RECORDS - KEPT_FREE + 2  # and the way back from the address
    assert found.complaints == (
        f"more than {MAX_RECORDS - KEPT_FREE} records with those of hosts files; the others of these are left out",
    )
