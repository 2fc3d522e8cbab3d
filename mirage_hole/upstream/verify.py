"""Does this reply answer that question? The ID and the source are matched by whoever looks the exchange up."""

from __future__ import annotations

from struct import Struct

from mirage_hole.wire.codes import QR

_HEADER = Struct(">HHH").unpack_from


def answers(reply: bytes, question: bytes) -> bool:
    """Whether ``reply`` is a response to a query for exactly ``question``, octet for octet (RFC 5452 9.1).

    Args:
        reply: a whole message.
        question: the question section that was sent.
    """
    # It is that question, QR is set and the opcode QUERY, and there is one question.
    return reply.startswith(question, 12) and reply[2] & 0xF8 == 0x80 and reply[4:6] == b"\0\1"


def refuses_without_question(reply: bytes) -> bool:
    """Whether ``reply`` is an error response with no question, as some servers answer what they cannot read (RFC 5625)."""
    if len(reply) != 12:
        return False
    _, flags, count = _HEADER(reply)
    return bool(flags & QR) and not flags & 0x7800 and count == 0 and flags & 0x0F in (1, 2, 4, 5)
