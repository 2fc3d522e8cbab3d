"""Answers that grow old, as clients and upstreams see it: old ones when nobody answers, renewed ones, kept ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from mirage_hole.cache.answers import LEAST_TO_RENEW
from tests.live.clients import Dug, dig
from tests.live.servers import Actor
from tests.nameserver import Heard

from .conftest import Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("aging")]

Start = Callable[..., Sinkhole]
ServeDns = Callable[..., Actor]

MOST_TRIED_FOR = 8.0
"""Seconds, and less than nine tenths of the TTL: by then an upstream is asked no more for one and the same answer."""


def with_ttl(ttl: int) -> Callable[[Heard], None]:
    return lambda heard: heard.reply(f"{heard.name} {ttl} A 192.0.2.7")


def ttl_of(said: Dug) -> int:
    [words] = said.records
    return int(words[1])


def test_old_answers_serve_while_the_upstream_is_gone(sinkhole: Start, actor: ServeDns) -> None:
    """RFC 8767 5: TTL 30 and EDE 3 (RFC 8914 4.4) once nobody answers."""
    upstream = actor(with_ttl(1))
    started = sinkhole(upstream=upstream.port)
    fresh = dig(started.port, "old.lab.example.org")
    assert (fresh.data("A"), ttl_of(fresh), fresh.errors) == (["192.0.2.7"], 1, [])
    upstream.stop()
    old = wait_for(lambda: 3 in (said := dig(started.port, "old.lab.example.org")).errors and said, "an old answer")
    assert (old.status, old.data("A"), ttl_of(old)) == ("NOERROR", ["192.0.2.7"], 30)
    unknown = dig(started.port, "never.lab.example.org")
    assert unknown.status == "SERVFAIL"
    assert unknown.errors
    wait_for(lambda: started.stats()["totals"]["stale"] >= 1, "old answers in the counters")
    upstream.start()
    wait_for(lambda: dig(started.port, "other.lab.example.org").data("A"), "an answer from the upstream that is back")


def test_a_popular_answer_is_renewed_before_its_time_is_up(sinkhole: Start, actor: ServeDns) -> None:
    """Who asks often is never kept waiting; a name that nobody asks for again is let go."""
    heard: dict[str, list[float]] = {"popular.lab.example.org": [], "lonely.lab.example.org": []}

    def behave(one: Heard) -> None:
        heard.setdefault(one.name, []).append(time.monotonic())
        one.reply(f"{one.name} {LEAST_TO_RENEW} A 192.0.2.7")

    started = sinkhole(upstream=actor(behave).port)
    started.ask("lonely.lab.example.org")

    def renewed() -> bool:
        """One question came less than the TTL after the one before, and long after that could have been one more try.

        A machine that is too busy for a second may miss the last tenth of the time, and has another chance the next time.
        """
        started.ask("popular.lab.example.org")
        times = heard["popular.lab.example.org"]
        return any(MOST_TRIED_FOR < two - one < LEAST_TO_RENEW for one, two in pairwise(list(times)))

    wait_for(renewed, "a question to the upstream before its answer's time is up", patience=100)
    lonely = heard["lonely.lab.example.org"]
    assert lonely[-1] - lonely[0] < MOST_TRIED_FOR


def test_the_cache_survives_a_restart(sinkhole: Start, actor: ServeDns) -> None:
    """What was known before serves again though no upstream is there, with the TTL that is left."""
    upstream = actor(with_ttl(3600))
    started = sinkhole(upstream=upstream.port)
    assert dig(started.port, "kept.lab.example.org").data("A") == ["192.0.2.7"]
    assert started.stop() == 0
    upstream.stop()
    started.start()
    kept = wait_for(lambda: (said := dig(started.port, "kept.lab.example.org")).data("A") and said, "the kept answer")
    assert kept.errors == []
    assert 3000 < ttl_of(kept) <= 3600
