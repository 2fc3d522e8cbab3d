"""The packet cache replays what was said: the same octets, TTLs counted down, never too long, never too much of it."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mirage_hole.cache import packets
from mirage_hole.cache.packets import (
    AGED_AT,
    CLIENT_COST,
    ENTRY_COST,
    EXPIRES_AT,
    FOREVER,
    GOOD_UNTIL,
    KEY_COST,
    LENGTH,
    OFFSET_COST,
    SUBJECT,
    TAIL,
    VIEW_COST,
    PacketCache,
)
from mirage_hole.wire.reply import age_ttls
from tests.wire.samples import packet, question, raw_record

ASKED = question("www.example.com")
ALICE, BOB = b"\xc0\0\2\1", bytes(15) + b"\1"
OCTETS = packet(0x0100, ASKED)[2:]


def answer(*ttls: int) -> tuple[bytes, tuple[int, ...]]:
    """A whole message and where its TTLs stand."""
    records = [raw_record(b"\xc0\x0c", 1, ttl, bytes(4)) for ttl in ttls]
    first = 12 + len(ASKED) + 6
    return packet(0x8180, ASKED, records), tuple(first + 16 * number for number in range(len(ttls)))


def cost_of(octets: bytes, wire: bytes, subject: bytes, offsets: int = 0) -> int:
    return len(octets) + (len(wire) - 2) + len(subject) + OFFSET_COST * offsets + ENTRY_COST


def remember(cache: PacketCache, octets: bytes = OCTETS, client: bytes = ALICE, wire: bytes | None = None) -> None:
    """A policy's answer, good for ever."""
    cache.put(client, octets, answer(10)[0] if wire is None else wire, b"subject", 0.0, 0.0, FOREVER, ())


quarters = st.integers(0, 4000).map(lambda number: number / 64)
"""Times that floats hold exactly, so that a whole second is a whole second."""


# -- replaying --


def test_the_hot_path_finds_the_answer_in_the_tables() -> None:
    cache = PacketCache(100_000)
    wire, _ = answer(10)
    remember(cache)
    entry = cache.tables[ALICE][OCTETS]
    assert entry[TAIL] == wire[2:]
    assert entry[LENGTH] == len(wire) - 2
    assert entry[SUBJECT] == b"subject"
    assert entry[GOOD_UNTIL] == FOREVER
    assert cache.revive(ALICE, OCTETS, 1e9) is entry


def test_another_client_and_other_octets_find_nothing() -> None:
    cache = PacketCache(100_000)
    remember(cache)
    assert BOB not in cache.tables
    assert cache.revive(BOB, OCTETS, 0.0) is None
    assert cache.revive(ALICE, OCTETS.replace(b"www", b"WWW"), 0.0) is None


def test_a_client_that_was_judged_alike_shares_the_answers() -> None:
    cache = PacketCache(100_000)
    remember(cache)
    remember(cache, b"other octets", BOB)
    assert cache.tables[BOB][OCTETS] is cache.tables[ALICE][OCTETS]


def test_an_answer_that_policy_made_never_ages() -> None:
    cache = PacketCache(100_000)
    remember(cache)
    wire, _ = answer(10)
    entry = cache.revive(ALICE, OCTETS, 1e6)
    assert entry is not None
    assert entry[TAIL] == wire[2:]


def test_a_ttl_falls_a_whole_second_after_each_whole_second() -> None:
    cache = PacketCache(100_000)
    wire, offsets = answer(100)
    cache.put(ALICE, OCTETS, wire, b"s", 5.75, 5.0, 105.0, offsets)
    seen = []
    for now in (5.75, 5.984375, 6.0, 6.5, 7.0, 104.984375):
        entry = cache.tables[ALICE][OCTETS]
        if now >= entry[GOOD_UNTIL]:
            entry = cache.revive(ALICE, OCTETS, now)
        assert entry is not None
        seen.append(int.from_bytes(entry[TAIL][offsets[0] - 2 :][:4], "big"))
    assert seen == [100, 100, 99, 99, 98, 1]


def test_an_answer_is_replayed_until_its_time_is_up_to_the_moment() -> None:
    cache = PacketCache(100_000)
    wire, offsets = answer(100)
    cache.put(ALICE, OCTETS, wire, b"s", 5.0, 5.0, 7.25, offsets)
    assert cache.revive(ALICE, OCTETS, 7.234375)
    assert cache.tables[ALICE][OCTETS][GOOD_UNTIL] == 7.25
    assert cache.revive(ALICE, OCTETS, 7.25) is None


@given(
    st.lists(st.integers(0, 2**31 - 1) | st.integers(0, 40), min_size=1, max_size=4),
    quarters, quarters, st.integers(1, 4000), st.lists(quarters, min_size=1, max_size=6),
)  # fmt: skip
def test_what_is_replayed_is_what_would_be_built_at_that_moment(
    ttls: list[int], born_at: float, later: float, lives: int, times: list[float]
) -> None:
    """``answer`` is what the engine builds from the reply at ``now``: TTLs lowered by the whole seconds since its birth."""
    cache = PacketCache(100_000)
    reply, offsets = answer(*ttls)
    now = born_at + later
    expires_at = now + lives / 64
    cache.put(ALICE, OCTETS, age_ttls(reply, offsets, int(later)), b"s", now, born_at, expires_at, offsets)
    for moment in sorted(now + time for time in times):
        entry = cache.tables[ALICE][OCTETS]
        if moment >= entry[GOOD_UNTIL]:
            entry = cache.revive(ALICE, OCTETS, moment)
        if moment >= expires_at:
            assert entry is None
            return
        assert entry is not None
        assert entry[TAIL] == age_ttls(reply, offsets, int(moment - born_at))[2:]
        assert entry[LENGTH] == len(reply) - 2
        assert moment < entry[GOOD_UNTIL] <= expires_at


@given(st.floats(0, 1e7), st.floats(0, 500), st.floats(0, 500))
def test_with_any_clock_a_ttl_is_right_but_for_the_clocks_last_digits(
    born_at: float, later: float, more: float
) -> None:
    cache = PacketCache(100_000)
    reply, offsets = answer(2000)
    now = born_at + later
    cache.put(ALICE, OCTETS, age_ttls(reply, offsets, int(now - born_at)), b"s", now, born_at, FOREVER, offsets)
    entry = cache.revive(ALICE, OCTETS, now + more)
    assert entry is not None
    ttl = int.from_bytes(entry[TAIL][offsets[0] - 2 :][:4], "big")
    exact = Fraction(now + more) - Fraction(born_at)
    assert abs(2000 - ttl - exact // 1) <= (0 if Fraction(1, 1000) < exact % 1 < Fraction(999, 1000) else 1)


def test_ageing_again_comes_to_the_age_of_the_whole_time() -> None:
    cache = PacketCache(100_000)
    wire, offsets = answer(3, 100)
    cache.put(ALICE, OCTETS, wire, b"s", 0.0, 0.0, FOREVER, offsets)
    for now in (5.0, 7.0, 7.5):
        entry = cache.revive(ALICE, OCTETS, now)
        assert entry is not None
        assert entry[TAIL] == age_ttls(wire, offsets, int(now))[2:]
    assert cache.tables[ALICE][OCTETS][AGED_AT] == 7.0


def test_a_newer_answer_takes_the_place_of_the_older() -> None:
    cache = PacketCache(100_000)
    remember(cache, wire=bytes(300))
    remember(cache, wire=b"\1\2new answer")
    assert len(cache) == 1
    assert cache.tables[ALICE][OCTETS][TAIL] == b"new answer"
    assert cache.cost == cost_of(OCTETS, b"\1\2new answer", b"subject") + CLIENT_COST


def test_an_answer_that_is_over_is_not_replayed_for_ever_after() -> None:
    cache = PacketCache(100_000)
    cache.put(ALICE, OCTETS, bytes(40), b"s", 0.0, 0.0, 1.5, ())
    assert cache.tables[ALICE][OCTETS][EXPIRES_AT] == cache.tables[ALICE][OCTETS][GOOD_UNTIL] == 1.5
    assert cache.revive(ALICE, OCTETS, 1.5) is None


# -- forgetting --


def test_clearing_forgets_answers_and_clients_for_those_who_hold_the_tables_too() -> None:
    cache = PacketCache(100_000)
    remember(cache)
    tables, entries = cache.tables, cache.tables[ALICE]
    cache.clear()
    assert tables is cache.tables
    assert not tables
    assert not entries
    assert (len(cache), cache.cost) == (0, 0)
    assert cache.revive(ALICE, OCTETS, 0.0) is None
    remember(cache)
    assert tables[ALICE][OCTETS] is cache.revive(ALICE, OCTETS, 0.0)


def test_the_oldest_goes_first() -> None:
    wire = bytes(50)
    cache = PacketCache(8 * CLIENT_COST + 6 * cost_of(b"0", wire, b"subject"))
    for number in range(9):
        remember(cache, b"%d" % number, wire=wire)
    assert [int(octets) for octets in cache.tables[ALICE]] == list(range(9))[-len(cache) :]
    assert 6 <= len(cache) <= 8


def test_an_answer_too_large_for_the_cache_pushes_nothing_out() -> None:
    cache = PacketCache(10_000)
    remember(cache)
    remember(cache, b"large", wire=bytes(9000))
    assert list(cache.tables[ALICE]) == [OCTETS]


@pytest.mark.parametrize("capacity", [0, 1, 500, 8 * CLIENT_COST - 1])
def test_a_cache_without_room_keeps_nothing(capacity: int) -> None:
    cache = PacketCache(capacity)
    remember(cache)
    assert (len(cache), cache.cost, cache.tables) == (0, 0, {})


def test_clients_take_an_eighth_of_the_room_at_most_and_are_known_again_when_they_ask_again() -> None:
    cache = PacketCache(80 * CLIENT_COST)
    for number in range(10):
        remember(cache, client=number.to_bytes(4, "big"))
    assert len(cache.tables) == 10
    remember(cache, client=BOB)
    assert list(cache.tables) == [BOB]
    assert cache.cost == CLIENT_COST + cost_of(OCTETS, answer(10)[0], b"subject")
    remember(cache, client=bytes(4))
    assert cache.revive(bytes(4), OCTETS, 0.0) is cache.revive(BOB, OCTETS, 0.0)


def test_there_is_a_bound_on_clients_even_in_a_huge_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "MAX_CLIENTS", 3)
    cache = PacketCache(1 << 30)
    for number in range(20):
        remember(cache, client=number.to_bytes(4, "big"))
        assert 1 <= len(cache.tables) <= 3


def test_a_smaller_bound_holds_at_once_for_answers_and_clients() -> None:
    cache = PacketCache(400_000)
    for number in range(200):
        remember(cache, b"%d" % number, number.to_bytes(4, "big"))
    cache.resize(20_000)
    assert cache.cost <= 20_000
    assert len(cache) > 0
    assert not cache.tables
    cache.resize(100)
    assert (len(cache), cache.cost) == (0, 0)


@pytest.mark.parametrize("ttls", [(60,), (60,) * 12])
def test_the_bound_is_honest(ttls: tuple[int, ...]) -> None:
    wire, offsets = answer(*ttls)
    cache = PacketCache(3_000_000)
    tracemalloc.start()
    try:
        number = 0
        while len(cache) == number:
            octets = OCTETS + b"%06d" % number
            client = (number % 500).to_bytes(16, "big")
            cache.put(
                client, octets, bytes(bytearray(wire)), b"subject of %06d" % number, number / 7, 0.0, 1e9, offsets
            )
            cache.revive(client, octets, number / 7 + 3)
            number += 1
        assert tracemalloc.get_traced_memory()[0] <= 3_000_000
    finally:
        tracemalloc.stop()
    assert cache.cost > 2_900_000


class PacketCacheModel(RuleBasedStateMachine):
    """The cache beside a list of everything it was given, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.capacity = 6000
        self.cache = PacketCache(self.capacity)
        self.tables = self.cache.tables
        self.now = 100.0
        self.held: dict[bytes, tuple[bytes, float, tuple[int, ...], float]] = {}
        self.clients: set[bytes] = set()

    def room(self) -> int:
        return self.capacity - CLIENT_COST * len(self.clients)

    def cost(self) -> int:
        return sum(cost_of(octets, wire, b"s", len(offsets)) for octets, (wire, _, offsets, _) in self.held.items())

    def squeeze(self) -> None:
        while self.cost() > self.room():
            del self.held[next(iter(self.held))]

    @rule(
        number=st.integers(0, 9), client=st.sampled_from([ALICE, BOB, b"\x7f\0\0\1", b"\x7f\0\0\2", b"\x7f\0\0\3"]),
        ttl=st.integers(1, 40), ages=st.booleans(), more=st.sampled_from([0, 100, 3000]),
    )  # fmt: skip
    def put(self, number: int, client: bytes, ttl: int, ages: bool, more: int) -> None:
        octets = b"%d" % number
        wire, offsets = answer(ttl)
        wire += bytes(more)
        offsets = offsets if ages else ()
        expires_at = self.now + ttl
        self.cache.put(client, octets, wire, b"s", self.now, self.now, expires_at, offsets)
        most_clients = self.capacity // 8 // CLIENT_COST
        if not most_clients or cost_of(octets, wire, b"s", len(offsets)) > self.capacity - most_clients * CLIENT_COST:
            return
        if client not in self.clients and len(self.clients) >= most_clients:
            self.clients.clear()
        self.clients.add(client)
        self.held[octets] = (wire, self.now, offsets, expires_at)
        self.squeeze()

    @rule(number=st.integers(0, 9), client=st.sampled_from([ALICE, BOB]))
    def look(self, number: int, client: bytes) -> None:
        octets = b"%d" % number
        entry = self.tables.get(client, {}).get(octets)
        if entry is None or self.now >= entry[GOOD_UNTIL]:
            entry = self.cache.revive(client, octets, self.now)
        known = self.held.get(octets) if client in self.clients else None
        if known is None or self.now >= known[3]:
            assert entry is None
        else:
            wire, born_at, offsets, _ = known
            assert entry is not None
            assert entry[TAIL] == age_ttls(wire, offsets, int(self.now - born_at))[2:]

    @rule(sixty_fourths=st.integers(1, 640))
    def wait(self, sixty_fourths: int) -> None:
        self.now += sixty_fourths / 64

    @rule(capacity=st.sampled_from([0, 1000, 1500, 3000, 6000, 12_000]))
    def resize(self, capacity: int) -> None:
        self.capacity = capacity
        self.cache.resize(capacity)
        if len(self.clients) > capacity // 8 // CLIENT_COST:
            self.clients.clear()
        self.squeeze()

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.held.clear()
        self.clients.clear()

    @invariant()
    def agrees(self) -> None:
        assert self.cache.tables is self.tables
        assert self.cache.cost == self.cost() + CLIENT_COST * len(self.clients) <= self.capacity
        assert len(self.cache) == len(self.held)
        assert set(self.tables) == self.clients
        assert all(set(table) == set(self.held) for table in self.tables.values())


TestPacketCacheModel = PacketCacheModel.TestCase
TestPacketCacheModel.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


# -- views --


def put_for(
    cache: PacketCache, client: bytes, view: bytes, wire: bytes = b"\1\2answer", octets: bytes = OCTETS
) -> None:
    cache.put(client, octets, wire, b"s", 0.0, 0.0, FOREVER, (), view)


def test_clients_of_two_views_are_each_told_their_own() -> None:
    cache = PacketCache(100_000)
    put_for(cache, ALICE, ALICE, b"\1\2for Alice")
    assert cache.revive(BOB, OCTETS, 0.0) is None
    put_for(cache, BOB, BOB, b"\1\2for Bob")
    assert cache.tables[ALICE][OCTETS][TAIL] == b"for Alice"
    assert cache.tables[BOB][OCTETS][TAIL] == b"for Bob"
    assert len(cache) == 2


def test_clients_of_one_view_share_its_answers() -> None:
    cache = PacketCache(100_000)
    put_for(cache, ALICE, b"family")
    put_for(cache, BOB, b"family", octets=b"other octets")
    entry = cache.revive(BOB, OCTETS, 0.0)
    assert entry is cache.tables[ALICE][OCTETS]
    assert len(cache) == 2


def test_the_oldest_goes_first_whoever_it_is_for() -> None:
    cache = PacketCache(50_000)
    for number in range(200):
        client = bytes((10, 0, 0, number % 5))
        put_for(cache, client, client if number % 2 else b"", octets=b"octets %d" % number)
        assert 0 <= cache.cost <= 50_000
    tables = {id(table): table for table in cache._views.values()}
    kept = {octets for table in tables.values() for octets in table}
    assert kept == {b"octets %d" % number for number in range(200 - len(cache), 200)}


def test_views_cost_what_they_take_and_nothing_is_left_of_them() -> None:
    cache = PacketCache(100_000)
    put_for(cache, ALICE, ALICE)
    expected = cost_of(OCTETS, b"\1\2answer", b"s") + KEY_COST + len(ALICE) + VIEW_COST + CLIENT_COST
    assert cache.cost == expected
    put_for(cache, ALICE, ALICE)
    assert cache.cost == expected
    table = cache.tables[ALICE]
    cache.clear()
    assert (cache.cost, len(cache), dict(table)) == (0, 0, {})
    put_for(cache, ALICE, b"")
    assert cache.tables[ALICE][OCTETS][TAIL] == b"answer"


def test_too_many_clients_with_views_of_their_own_are_forgotten_with_what_they_were_told() -> None:
    cache = PacketCache(100 * 8 * CLIENT_COST)
    for number in range(1000):
        client = number.to_bytes(4, "big")
        put_for(cache, client, client)
        assert len(cache.tables) <= 100
        assert cache.cost <= 100 * 8 * CLIENT_COST
        assert cache.revive(client, OCTETS, 0.0)


def test_the_cost_of_views_is_what_the_interpreter_takes() -> None:
    cache = PacketCache(1 << 30)
    answers = [bytes((number % 251,)) * 90 for number in range(4000)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number, wire in enumerate(answers):
            client = (number // 8).to_bytes(4, "big")
            cache.put(client, b"%40d" % number, wire + b"x", bytes(30 + number % 2), 0.0, 0.0, FOREVER, (), client)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.7 < taken / cache.cost < 1.2


def test_a_client_that_gets_another_view_is_told_nothing_of_the_old_one() -> None:
    cache = PacketCache(100_000)
    put_for(cache, ALICE, b"", b"\1\2for all")
    cost = cache.cost
    put_for(cache, ALICE, ALICE, b"\1\2for Alice", octets=b"other octets")
    assert cache.revive(ALICE, OCTETS, 0.0) is None
    assert cache.revive(ALICE, b"other octets", 0.0)[TAIL] == b"for Alice"
    put_for(cache, ALICE, b"", b"\1\2for all")
    assert cache.revive(ALICE, OCTETS, 0.0)[TAIL] == b"for all"
    assert cache.cost - cost == cost_of(b"other octets", b"\1\2for Alice", b"s") + KEY_COST + len(ALICE) + VIEW_COST
