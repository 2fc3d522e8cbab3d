"""Answers and streams with gzip (RFC 1952), for whoever takes it.

Answers that hold a secret must not be packed together with what a visitor sends: their size would tell of it (BREACH, 2013).
"""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

WORTHWHILE: Final = 1000
"""Octets; what is smaller fits into one segment of TCP either way."""
AT_ONCE: Final = 32 * 1024
"""Octets that are packed without a thread, in less than a millisecond."""
SUFFIX: Final = "-gzip"
"""Of an entity tag: each representation has one of its own (RFC 9110 section 8.8.3.3)."""
_LEVEL: Final = 4
_GZIP: Final = 16
"""Added to the bits of zlib's window: with the header and the sum of gzip."""
_STREAM_BITS: Final = 12
_STREAM_MEMORY: Final = 5
"""A window of 4 KiB: 32 KiB of memory for each listener, where zlib would take 256."""


def takes_gzip(accepted: str) -> bool:
    """What a header Accept-Encoding says of it (RFC 9110 section 12.5.3); a quality of 0 means no."""
    for one in accepted.lower().split(","):
        coding, _, quality = one.partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False


def wants_gzip(request: web.Request) -> bool:
    """Whether this visitor takes it."""
    return takes_gzip(request.headers.get("Accept-Encoding", ""))


async def packed(body: bytes) -> bytes:
    """The body with gzip."""
    if len(body) <= AT_ONCE:
        return _pack(body)
    return await asyncio.to_thread(_pack, body)


def _pack(body: bytes) -> bytes:
    return zlib.compress(body, _LEVEL, zlib.MAX_WBITS | _GZIP)


def packed_tag(tag: str) -> str:
    """The entity tag of the same with gzip: ``"1a2b"`` becomes ``"1a2b-gzip"``."""
    return f'{tag[:-1]}{SUFFIX}"'


def plain_tags(header: str) -> list[str]:
    """The tags of an If-Match or If-None-Match, each as that of the answer without gzip; ``*`` stays."""
    end = f'{SUFFIX}"'
    tags = (one.strip() for one in header.split(","))
    return [tag.removesuffix(end) + '"' if tag.endswith(end) else tag for tag in tags]


class StreamPacker:
    """Packs an endless stream, so that each part can be read as soon as it is there."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(_LEVEL, zlib.DEFLATED, _STREAM_BITS | _GZIP, _STREAM_MEMORY)

    def pack(self, octets: bytes) -> bytes:
        """The next part, to its end."""
        return self._zlib.compress(octets) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
