"""Conversations with an engine that validates: the world answers for its upstreams, and a clock says what time it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.message
import dns.rdatatype

from mirage_hole.dnssec.anchors import Trust, read_anchors
from mirage_hole.resolver.effects import Validate
from mirage_hole.resolver.events import Validated
from mirage_hole.wire.names import from_text
from tests.dnssec.zones import NOW
from tests.make import Conversation, Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.resolver.effects import AskUpstream
    from tests.dnssec.zones import World


class Validating(Conversation):
    """``ask_all`` asks and lets everything happen that follows, validations and their questions included."""

    def __init__(self, world: World, *, negative: tuple[str, ...] = (), **how: object) -> None:
        anchors, mistakes = read_anchors(world.anchors())
        assert not mistakes
        if "engine" not in how:
            how["dnssec"] = Trust(anchors, frozenset(map(from_text, negative)))
        super().__init__(**how)
        self.world = world
        self.epoch = NOW
        self.asked: list[tuple[str, str]] = []
        """What upstreams were asked, in order."""
        self.queries: list[dns.message.Message] = []
        self.altered: dict[tuple[str, str], Callable[[dns.message.Message], dns.message.Message | None]] = {}
        """What to do to an upstream's answer, by name and type; None: it is silent."""

    def ask_all(self, name: str, qtype: str = "A", **how: object) -> Said:
        return self.follow(self.ask(name, qtype, **how))

    def follow(self, said: Said) -> Said:
        """Everything that follows; the result has all effects."""
        told = []
        waiting = list(said.effects)
        while waiting:
            effect = waiting.pop(0)
            told.append(effect)
            waiting += self.consequences(effect)
        return Said(told)

    def consequences(self, effect: object) -> list:
        if type(effect) is Validate:
            return self.step(effect).effects
        if effect in Said([effect]).asks:
            reply = self.reply_to(effect)
            return self.come(reply, effect).effects if reply is not None else []
        return []

    def step(self, effect: Validate) -> Said:
        """The thread takes one step."""
        return self.tell(Validated(effect.ident, effect.job.step(effect.reply, self.epoch)))

    def reply_to(self, ask: AskUpstream) -> bytes | None:
        query = dns.message.from_wire(ask.wire)
        question = query.question[0]
        self.queries.append(query)
        key = (str(question.name), dns.rdatatype.to_text(question.rdtype))
        self.asked.append(key)
        answer = self.world.answer(question.name, question.rdtype)
        alter = self.altered.get(key)
        answer = alter(answer) if alter else answer
        if answer is None:
            return None
        answer.id, answer.question = query.id, query.question
        return answer.to_wire(max_size=65535)
