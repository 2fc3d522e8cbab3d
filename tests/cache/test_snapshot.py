"""What the cache holds survives being written and read, its time goes on counting, and damage is seen."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.cache.answers import Answer, AnswerCache
from mirage_hole.cache.snapshot import MAGIC, BadSnapshot, Encoder, Restored, check, decode
from mirage_hole.wire.scan import Reply, scan_reply
from tests.wire.samples import packet, question, record, soa

ORIGIN = b"these upstreams!"
WALL = 1_800_000_000.0
DAY = 86_400.0


def learnt(name: str, ttl: int = 300, address: str = "192.0.2.7") -> tuple[bytes, Reply]:
    asked = question(name)
    reply = scan_reply(packet(0x8180, asked, [record(name, ttl, "A", address)]), 12 + len(asked))
    assert reply is not None
    return asked + b"\0", reply


def unknown(name: str) -> tuple[bytes, Reply]:
    asked = question(name)
    reply = scan_reply(packet(0x8183, asked, authority=[soa("example.com", 900, 60)]), 12 + len(asked))
    assert reply is not None
    return asked + b"\3", reply._replace(ede=b"\0\x0f\0\x04\0\x00no")


def entry(key: bytes, reply: Reply, stored_at: float = 90.0, expires_at: float = 390.0) -> tuple[bytes, Answer]:
    return key, Answer(reply, stored_at, expires_at, expires_at, 2, 700)


def written(*entries: tuple[bytes, Answer], now: float = 100.0, wall: float = WALL, most: int = 1 << 20) -> bytes:
    encoder = Encoder(now, wall, ORIGIN, most)
    return encoder.head() + b"".join(encoder.entries([one]) for one in entries) + encoder.end()


def summed(octets: bytes) -> bytes:
    return octets + struct.pack(">I", zlib.crc32(octets))


def read(snapshot: bytes, wall: float = WALL, stale: float = DAY) -> list[Restored | None]:
    check(snapshot, ORIGIN, wall)
    return list(decode(snapshot, wall, stale))


def test_what_was_written_is_read_again() -> None:
    for key, reply in (learnt("www.example.com"), unknown("none.example.com")):
        (back,) = read(written(entry(key, reply)))
        assert back is not None
        assert (back.key, back.reply, back.upstream) == (key, reply, 2)
        assert (back.age, back.left) == (10.0, 290.0)


def test_time_goes_on_while_nobody_runs() -> None:
    (back,) = read(written(entry(*learnt("www.example.com"))), WALL + 50)
    assert back is not None
    assert (back.age, back.left) == (60.0, 240.0)


@pytest.mark.parametrize(("later", "kept"), [(289, True), (290 + DAY - 1, True), (290 + DAY, False), (9e9, False)])
def test_what_is_over_is_kept_as_long_as_it_may_serve(later: float, kept: bool) -> None:
    (back,) = read(written(entry(*learnt("www.example.com"))), WALL + later)
    assert (back is not None) is kept


def test_an_entry_from_the_future_is_dropped() -> None:
    """As when the clock was ahead while it was stored, and was set right before the snapshot was taken."""
    ahead = entry(*learnt("ahead.example.com"), stored_at=160.0, expires_at=460.0)
    right = entry(*learnt("right.example.com"))
    assert [back is not None for back in read(written(ahead, right))] == [False, True]


def test_a_snapshot_from_the_future_is_refused() -> None:
    snapshot = written(entry(*learnt("www.example.com")))
    with pytest.raises(BadSnapshot, match="future"):
        check(snapshot, ORIGIN, WALL - 3600)
    check(snapshot, ORIGIN, WALL - 1)  # clocks are set a little now and then


@pytest.mark.parametrize("life", [0.0, -5.0, 700_000.0, float("nan"), float("inf"), float("-inf")])
def test_an_entry_that_lives_for_no_sensible_time_is_dropped(life: float) -> None:
    assert read(written(entry(*learnt("www.example.com"), expires_at=90.0 + life))) == [None]


def test_a_snapshot_taken_with_other_upstreams_is_refused() -> None:
    with pytest.raises(BadSnapshot, match="other upstreams"):
        check(written(), b"other upstreams!", WALL)


def test_another_version_is_refused() -> None:
    octets = bytearray(written()[:-4])
    octets[len(MAGIC) + 1] += 1
    with pytest.raises(BadSnapshot, match="version 2"):
        check(summed(bytes(octets)), ORIGIN, WALL)


def test_damage_anywhere_is_seen() -> None:
    snapshot = written(entry(*learnt("www.example.com")))
    for place in range(len(snapshot)):
        damaged = bytearray(snapshot)
        damaged[place] ^= 0x10
        with pytest.raises(BadSnapshot):
            check(bytes(damaged), ORIGIN, WALL)
        with pytest.raises(BadSnapshot):
            check(snapshot[:place], ORIGIN, WALL)


def test_it_never_grows_beyond_its_bound() -> None:
    entries = [entry(*learnt(f"n{number}.example.com")) for number in range(50)]
    encoder = Encoder(100.0, WALL, ORIGIN, 1000)
    snapshot = encoder.head() + encoder.entries(entries) + encoder.end()
    assert encoder.full
    assert 0 < encoder.count < 50
    assert len(snapshot) <= 1000
    assert len(read(snapshot)) == encoder.count


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    head = written()[:-4]
    for snapshot in (octets, summed(head + octets)):
        try:
            check(snapshot, ORIGIN, WALL)
            for back in decode(snapshot, WALL, DAY):
                assert back is None or len(back.key) > 5
        except BadSnapshot:
            pass


@given(st.data())
def test_an_entry_that_was_tampered_with_never_breaks_the_reader(data: st.DataObject) -> None:
    octets = bytearray(written(entry(*learnt("www.example.com")), entry(*unknown("none.example.com")))[:-4])
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(len(written()) - 4, len(octets) - 1))
        octets[place] = data.draw(st.integers(0, 255))
    cache = AnswerCache(1 << 20)
    try:
        found = read(summed(bytes(octets)))
    except BadSnapshot:
        return
    for back in found:
        if back is not None:
            assert all(offset + 4 <= len(back.reply.records) for offset in back.reply.ttl_offsets)
            cache.restore(back.key, back.reply, back.upstream, 100.0 - back.age, 100.0 + back.left, 100.0)


names = st.from_regex(r"[a-z]{1,20}\.example\.com", fullmatch=True)


@given(st.dictionaries(names, st.tuples(st.integers(1, DAY), st.floats(0, 2 * DAY)), max_size=8), st.floats(0, 2 * DAY))
def test_a_restart_changes_nothing_but_the_time(known: dict[str, tuple[int, float]], away: float) -> None:
    """Every answer that would still serve had the program run on serves after the restart, for as long."""
    old = AnswerCache(1 << 20)
    begun = 10_000.0
    for name, (ttl, later) in sorted(known.items(), key=lambda item: item[1][1]):
        key, reply = learnt(name, ttl)
        old.put(key, reply, 1, begun + later)
    now = begun + 2 * DAY
    encoder = Encoder(now, WALL, ORIGIN)
    snapshot = encoder.head() + encoder.entries(old.answers.items()) + encoder.end()
    new = AnswerCache(1 << 20)
    fresh_now, wall = 50.0, WALL + away
    for back in read(snapshot, wall, old.lifetimes.stale):
        if back is not None:
            new.restore(back.key, back.reply, back.upstream, fresh_now - back.age, fresh_now + back.left, fresh_now)
    for key, answer in old.answers.items():
        left = answer.expires_at - (now + away)
        if left > 0.001 - DAY:
            assert new.answers[key].expires_at - fresh_now == pytest.approx(left, abs=0.01)
            assert new.answers[key].reply == answer.reply
        elif left < -DAY - 0.001:
            assert key not in new.answers
