"""Clients over their limit: as many answers as they may have, then truncated ones, then refusals.

A truncated answer is no larger than its query, so nobody is flooded with it, and a true client asks again over TCP, which
nobody can forge (as BIND's response rate limiting "slips"). After twice what it may have, a client is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import EmitRecord, SendReply
from mirage_hole.resolver.endings import subject
from mirage_hole.wire.codes import TC, EdeCode, Rcode
from mirage_hole.wire.reply import build_reply, ede_option

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case

_TOLD: Final = ede_option(
    EdeCode.PROHIBITED, "more queries than one client may ask; asked again later they are answered"
)


def slow_down(engine: Engine, case: Case, _now: float) -> list[Effect] | None:
    """End a query of a client that asks more than it may."""
    limits = engine.limits
    if limits is None or not limits.over:
        return None
    asked = case.asked
    had = limits.over.get(asked.client)
    if had is None:
        return None
    limits.over[asked.client] = had + 1
    if had < limits.rate:
        return None
    limits.limited += 1
    if asked.transport == UDP and had < 2 * limits.rate:
        wire = build_reply(case.query, Rcode.NOERROR, flags=TC)
        rcode = Rcode.NOERROR
    else:
        wire = build_reply(case.query, Rcode.REFUSED, options=_TOLD, limit=512)
        rcode = Rcode.REFUSED
    told = subject(case, Outcome.LIMITED, rcode)
    return [SendReply(asked.ticket, wire), EmitRecord(asked.client, asked.transport, 0.0, told)]
