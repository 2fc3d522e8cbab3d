"""Messages of upstreams that belong to an exchange and do not answer what it asked: forged, late, broken, or spelt otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.resolver import asking
from mirage_hole.upstream import spelling
from mirage_hole.upstream.verify import refuses_without_question

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Exchange


def another_question(engine: Engine, exchange: Exchange, wire: bytes, now: float) -> list[Effect]:
    """The question in the message is not the one that was sent."""
    question = exchange.question
    if exchange.sent is not question.wire and spelling.answers_in_another(wire, question.wire):
        return _miscased(engine, exchange, now)
    if refuses_without_question(wire):
        return asking.useless(engine, exchange, wire[3] & 0x0F, None, now)
    return no_answer(engine, exchange, "answered another question", now)


def no_answer(engine: Engine, exchange: Exchange, problem: str, now: float) -> list[Effect]:
    """Over UDP it may be forged, and the true answer still comes; over TCP nothing else does."""
    engine.mismatched += 1
    return asking.failed(engine, exchange, now, problem) if exchange.over_tcp else []


def _miscased(engine: Engine, exchange: Exchange, now: float) -> list[Effect]:
    """The right answer, but the question in it is spelt otherwise than it was asked: ask once more, as can't be forged.

    That is over TCP, or in lower case when the upstream is found to answer so always.
    """
    question, upstream = exchange.question, engine.upstreams[exchange.upstream]
    engine.mismatched += 1
    upstream.answered_in_another_case(now)
    asking.close(engine, exchange)
    if now < upstream.folds_until:
        return asking.ask(engine, question, now, upstream)
    return asking.ask_over_tcp(engine, question, now, upstream)
