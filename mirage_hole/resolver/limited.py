"""Clients over their limit: as many answers as they may have, then truncated ones, then refusals.

A truncated answer is no larger than its query, so nobody is flooded with it, and a true client asks again over TCP, which
nobody can forge (BIND's response rate limiting calls that a slip). There it may ask as much again, and is made to wait
beyond (:mod:`mirage_hole.net.tcp`). A client that knows cookies need not change to TCP: it is told BADCOOKIE with a new one
(RFC 7873 5.2.4), and with that its address is as sure as a stream's. After twice what it may have, a client is refused over
UDP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import CloseStream, EmitRecord, SendReply
from mirage_hole.resolver.endings import subject
from mirage_hole.wire.codes import TC, EdeCode, Rcode
from mirage_hole.wire.options import PROVEN
from mirage_hole.wire.reply import build_reply, ede_option

if TYPE_CHECKING:
    from mirage_hole.policy.limits import ClientLimits
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case

_TOLD: Final = ede_option(EdeCode.PROHIBITED, "more queries than a client may ask")


def slow_down(engine: Engine, case: Case, _now: float) -> list[Effect] | None:
    """End a query of a client that asks more than it may, or for an answer that its network is given too often."""
    limits = engine.limits
    if limits is None or not limits.busy:
        return None
    asked = case.asked
    if asked.transport != UDP:
        return None
    extra = case.query.extra
    proven = extra is not None and extra.cookie == PROVEN
    had = limits.over.get(asked.client)
    if had is not None:
        limits.over[asked.client] = had + 1
        if had >= 2 * limits.rate:
            limits.refused += 1
            wire = build_reply(case.query, Rcode.REFUSED, options=_TOLD, limit=512)
            told = subject(case, Outcome.LIMITED, Rcode.REFUSED)
            return [SendReply(asked.ticket, wire), EmitRecord(asked.client, UDP, 0.0, told)]
        if had >= limits.rate and not proven:
            return _slip(limits, case)
    repeated = limits.repeated
    if repeated is None or proven or case.query.name not in repeated.names:
        return None
    key = repeated.key(asked.client, case.query.name)
    slips = repeated.slips(key) if key is not None and key in repeated.over else None
    if slips is None:
        return None
    if slips:
        return _slip(limits, case)
    limits.dropped += 1
    return [
        CloseStream(asked.ticket),
        EmitRecord(asked.client, UDP, 0.0, subject(case, Outcome.LIMITED, Rcode.REFUSED)),
    ]


def _slip(limits: ClientLimits, case: Case) -> list[Effect]:
    limits.slipped += 1
    asked, extra = case.asked, case.query.extra
    if extra is not None and extra.cookie:
        rcode, flags = Rcode.BADCOOKIE, 0
    else:
        rcode, flags = Rcode.NOERROR, TC
    return [
        SendReply(asked.ticket, build_reply(case.query, rcode, flags=flags)),
        EmitRecord(asked.client, UDP, 0.0, subject(case, Outcome.LIMITED, rcode)),
    ]
