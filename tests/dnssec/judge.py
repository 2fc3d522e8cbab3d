"""Run a validation to its end: the world answers what the validator asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.message

from mirage_hole.dnssec.anchors import Trust, read_anchors
from mirage_hole.dnssec.chain import Need, Validator
from mirage_hole.dnssec.memory import Memory
from mirage_hole.dnssec.outcome import Result
from mirage_hole.wire.names import fold, from_text
from mirage_hole.wire.scan import Reply, scan_reply
from tests.dnssec.zones import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable


def taken(wire: bytes) -> tuple[bytes, Reply | None]:
    """(question section, reply) of a message."""
    message = dns.message.from_wire(wire, question_only=True)
    end = 12 + len(message.question[0].name.to_wire()) + 4
    return fold(wire[12 : end - 4]) + wire[end - 4 : end], scan_reply(wire, end)


class Court:
    """A validator's surroundings; ``asked`` collects what it wanted to know."""

    def __init__(
        self, world: World, *, now: int = NOW, negative: tuple[str, ...] = (), anchors: str | None = None
    ) -> None:
        self.world = world
        self.now = now
        found, mistakes = read_anchors(world.anchors() if anchors is None else anchors)
        assert not mistakes
        self.trust = Trust(found, frozenset(map(from_text, negative)))
        self.memory = Memory()
        self.asked: list[tuple[str, str]] = []
        self.altered: dict[tuple[str, str], Callable[[dns.message.Message], dns.message.Message | None]] = {}
        """What to do to an answer before it is given; by name and type."""
        self.last: Validator | None = None

    def lookup(self, name: str, kind: str) -> dns.message.Message | None:
        message = self.world.answer(name, kind)
        alter = self.altered.get((name, kind))
        return alter(message) if alter else message

    def judge(self, name: str, kind: str = "A", message: dns.message.Message | None = None) -> Result:
        return self.judge_wire((message or self.lookup(name, kind)).to_wire(max_size=65535))

    def judge_wire(self, wire: bytes) -> Result:
        question, reply = taken(wire)
        assert reply is not None
        self.last = validator = Validator(question, reply, self.trust, self.memory)
        self.asked = []
        step = validator.step(None, self.now)
        while isinstance(step, Need):
            name, _ = dns.name.from_wire(step.name, 0)
            kind = dns.rdatatype.to_text(step.rrtype)
            self.asked.append((str(name), kind))
            message = self.lookup(str(name), kind)
            step = validator.step(taken(message.to_wire(max_size=65535))[1] if message else None, self.now)
        return step
