"""DNS over a stream: each message behind its length in two octets (RFC 1035 4.2.2, RFC 7766 8)."""

from __future__ import annotations


class MessageBuffer:
    """Cuts a byte stream into messages. Holds at most one message of the allowed size, whatever arrives."""

    __slots__ = ("_data", "_limit")

    def __init__(self, limit: int = 65535) -> None:
        """``limit``: octets; a longer announced message is an error."""
        self._data = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        """Take octets, return the messages that are complete now.

        Raises:
            ValueError: a message is announced that is longer than the limit or shorter than a header. The stream is
                out of step or hostile: close it.
        """
        self._data += data
        messages = []
        at = 0
        held = self._data
        while len(held) - at >= 2:
            length = held[at] << 8 | held[at + 1]
            if length > self._limit or length < 12:
                held.clear()
                message = f"a message of {length} octets is announced"
                raise ValueError(message)
            end = at + 2 + length
            if end > len(held):
                break
            messages.append(bytes(held[at + 2 : end]))
            at = end
        if at:
            del held[:at]
        return messages

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._data)


def frame(message: bytes) -> bytes:
    """A message with its length in front."""
    return len(message).to_bytes(2, "big") + message
