"""Asks one resolver a few questions directly, and says what it can do: for ``mirage-hole upstreams test`` and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.runtime.ask import NoReply, ask, question
from mirage_hole.wire.codes import RRType, rcode_text
from mirage_hole.wire.message import BadMessage
from mirage_hole.wire.reading import read_in_full

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.config.settled import Endpoint
    from mirage_hole.runtime.ask import Reply
    from mirage_hole.wire.reading import Message

ROOT: Final = "."
CASE_NAME: Final = "mirage-hole-tests-the-case.example"
"""Of no interest but for its letters; ``example`` is reserved (RFC 6761 6.5)."""


class Step(NamedTuple):
    """One thing that was tried."""

    title: str
    ok: bool
    """False: it must work, and does not."""
    said: str
    milliseconds: float | None = None
    """Of the answer; None when there was none."""


class Tested(NamedTuple):
    """One resolver."""

    server: Endpoint
    steps: list[Step]

    @property
    def ok(self) -> bool:
        """Whether all that must work does."""
        return all(step.ok for step in self.steps)


def probe(server: Endpoint, name: str, timeout: float) -> Tested:
    """Try everything with one resolver.

    Args:
        server: whom to ask.
        name: what to ask for.
        timeout: seconds for each answer.
    """
    qtype = RRType.NS if name == ROOT else RRType.A
    udp = _step("UDP", server, question(name, qtype), timeout, _answered)
    tcp = _step("TCP", server, question(name, qtype), timeout, _answered, tcp=True)
    steps = [udp, tcp]
    if udp.milliseconds is None:
        return Tested(server, steps)  # nothing else comes through where this does not
    signed = question(ROOT, RRType.DNSKEY, dnssec=True)
    steps.append(_step("DNSSEC", server, signed, timeout, _signed)._replace(ok=True))
    steps.append(_step("large", server, signed, timeout, _large)._replace(ok=True))
    steps.append(_case(server, timeout))
    return Tested(server, steps)


def _step(
    title: str,
    server: Endpoint,
    query: bytes,
    timeout: float,
    told: Callable[[Message, Reply], str],
    *,
    tcp: bool = False,
) -> Step:
    try:
        reply = ask(server, query, timeout, tcp=tcp)
        return Step(title, True, told(read_in_full(reply.data), reply), reply.seconds * 1000)
    except NoReply as problem:
        return Step(title, False, str(problem))
    except BadMessage as problem:
        return Step(title, False, f"no readable message: {problem}")


def _answered(message: Message, _reply: Reply) -> str:
    edns = f"EDNS with {message.edns.payload} octets" if message.edns is not None else "no EDNS"
    return f"{rcode_text(message.rcode)}, {edns}"


def _signed(message: Message, _reply: Reply) -> str:
    if message.rcode:
        return f"{rcode_text(message.rcode)} for the root's keys, so nothing is known of signatures"
    if not any(record.type == "RRSIG" for record in message.answer):
        return "no signatures are passed on: dnssec = true can't work with it"
    validated = "it validates them itself" if "ad" in message.flags else "it does not validate them itself"
    return f"signatures are passed on; {validated}"


def _large(message: Message, reply: Reply) -> str:
    how = "truncated over UDP, whole over TCP" if reply.truncated else f"whole over {reply.transport}"
    return f"{message.size} octets, {how}"


def _case(server: Endpoint, timeout: float) -> Step:
    """Whether names in random spelling come back as they were sent."""
    spelt = "".join(letter.upper() if number % 3 == 1 else letter for number, letter in enumerate(CASE_NAME))
    # Everything that makes queries writes lower case.
    query = question(CASE_NAME).replace(_labels(CASE_NAME), _labels(spelt))
    step = _step("spelling", server, query, timeout, lambda *_: "names come back as they are spelt")
    if step.milliseconds is None:
        return step._replace(
            ok=True, said="names do not come back as they are spelt: random_case can't be used with it"
        )
    return step


def _labels(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
