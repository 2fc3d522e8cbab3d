"""What arrives is judged while it streams: unpacked within bounds, and refused when it is no list.

Nothing is held but one piece of at most 256 KiB, whatever a server sends.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 256 * 1024 * 1024
"""Octets of text. The largest list in public use has some 120 MiB."""

MAX_RATIO: Final = 100
"""Real lists shrink to a fifth or a tenth; a bomb of gzip to a thousandth."""
_RATIO_COUNTS_FROM: Final = 4 * 1024 * 1024

_PIECE: Final = 256 * 1024
_HEAD: Final = 4096
_GZIP: Final = b"\x1f\x8b"
_ARCHIVES: Final = ((b"PK\x03\x04", "a ZIP archive"), (b"\xfd7zXZ", "an xz archive"), (b"BZh", "a bzip2 archive"), (b"7z\xbc\xaf", "a 7-Zip archive"),
                    (b"(\xb5/\xfd", "a Zstandard archive"))  # fmt: skip
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BLANK: Final = b" \t\r\n\v\f"
_PAGE_MARKS: Final = re.compile(rb"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
# First characters of lines that carry no rule: comments of hosts, Adblock and zone files, and [Adblock Plus 2.0].
_QUIET: Final = b"#!;["


class BadContent(Exception):  # noqa: N818 - reads as what it is at the raise
    """This is no list; the message completes "the answer …" and says what to do.

    Attributes:
        passing: the same address may give a good list in a moment.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class Unpacker:
    """Undoes a content coding: feed pieces, get pieces of at most 256 KiB."""

    def __init__(self, coding: str) -> None:
        """``coding``: ``gzip`` or ``deflate``.

        Raises:
            BadContent: any other coding.
        """
        if coding not in {"gzip", "x-gzip", "deflate"}:
            message = (
                f"is packed as {coding[:40]!r}, which was not asked for; use an address that serves plain text or gzip"
            )
            raise BadContent(message)
        self._gzip = coding != "deflate"
        self._decoder = zlib.decompressobj(31 if self._gzip else 15)
        self._started = False
        self._in = 0
        self._out = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpacked pieces.

        Raises:
            BadContent: damaged, or growing as no list does.
        """
        self._in += len(data)
        while True:
            if self._decoder.eof:
                # A further gzip member (RFC 1952 2.2), or zeros that fill a block; anything else behind the end is ignored.
                data = data.lstrip(b"\0")
                if not data or not self._gzip or not data.startswith(_GZIP[: len(data)]):
                    return
                self._decoder = zlib.decompressobj(31)
            piece = self._decompress(data)
            self._out += len(piece)
            if self._out > _RATIO_COUNTS_FROM and self._out > MAX_RATIO * self._in:
                message = f"unpacks to more than {MAX_RATIO} times its size, as no list does (a gzip bomb); use another address"
                raise BadContent(message)
            if piece:
                yield piece
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail
            # A full piece may leave more inside the decoder, although it has taken all the data.
            if not data and (self._decoder.eof or len(piece) < _PIECE):
                return

    def _decompress(self, data: bytes) -> bytes:
        try:
            piece = self._decoder.decompress(data, _PIECE)
        except zlib.error as problem:
            if not self._gzip and not self._started:
                # "deflate" means zlib (RFC 9110 8.4.1.2), but some servers send it bare.
                self._decoder = zlib.decompressobj(-15)
                self._started = True
                return self._decompress(data)
            message = f"is damaged: it does not unpack ({problem}); it is tried again"
            raise BadContent(message, passing=True) from None
        self._started = True
        return piece

    def finish(self) -> None:
        """The end came.

        Raises:
            BadContent: too early.
        """
        if self._in and not self._decoder.eof:
            message = "is cut off: the packed data has no end; it is tried again"
            raise BadContent(message, passing=True)


class Inspector:
    """Takes the body as it comes, gives the text of the list, refuses what is none."""

    def __init__(self, coding: str = "", content_type: str = "", max_bytes: int = MAX_BYTES) -> None:
        """
        Args:
            coding: the ``Content-Encoding`` header.
            content_type: the ``Content-Type`` header.
            max_bytes: octets of text allowed.

        Raises:
            BadContent: a coding that is not read.
        """
        coding = coding.strip().lower()
        self._layers = [] if coding in {"", "identity"} else [Unpacker(coding)]
        self._coded = len(self._layers)
        self._web_page_type = "html" in content_type.lower()
        self._max_bytes = max_bytes
        self._first = b""
        self._looked_for_gzip = False
        self._head = bytearray()
        self._head_done = False
        self._speaks = False
        self._line_begins = True
        self.size = 0
        """Octets of text so far."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The text in a piece of the body.

        Raises:
            BadContent: no list, or too much of one.
        """
        if self._layers and self._coded:
            for piece in self._layers[0].feed(data):
                yield from self._plain_or_gz(piece)
        else:
            yield from self._plain_or_gz(data)

    def finish(self) -> Iterator[bytes]:
        """The end of the body: what was held back, and the last judgement.

        Raises:
            BadContent: cut off, empty, or nothing but comments.
        """
        if not self._looked_for_gzip and self._first:
            self._looked_for_gzip = True
            yield from self._judge(self._first)
        for layer in self._layers:
            layer.finish()
        self._judge_head()
        if not self.size:
            message = "is empty; if the list has moved, use its new address"
            raise BadContent(message)
        if not self._speaks:
            message = "holds nothing but comments; if the list has moved, use its new address"
            raise BadContent(message)

    def _plain_or_gz(self, data: bytes) -> Iterator[bytes]:
        """A body may be a ``.gz`` file, whatever its headers say."""
        if not self._looked_for_gzip:
            self._first += data
            if len(self._first) < len(_GZIP):
                return
            data, self._first, self._looked_for_gzip = self._first, b"", True
            if data.startswith(_GZIP):
                self._layers.append(Unpacker("gzip"))
        if len(self._layers) > self._coded:
            for piece in self._layers[-1].feed(data):
                yield from self._judge(piece)
        else:
            yield from self._judge(data)

    def _judge(self, text: bytes) -> Iterator[bytes]:
        self.size += len(text)
        if self.size > self._max_bytes:
            message = f"is larger than {mebibytes(self._max_bytes)}, which is no list in public use; use a smaller list"
            raise BadContent(message)
        if not self._head_done:
            self._head += text[:_HEAD]
            if len(self._head) >= _HEAD:
                self._judge_head()
        if b"\0" in text:
            message = "is binary data, not text; use the address of a list in plain text (UTF-8)"
            if not self._head_done:
                self._judge_head()  # which may know better what it is
            raise BadContent(message)
        if not self._speaks:
            self._listen(text)
        yield text

    def _judge_head(self) -> None:
        """What the first 4 KiB look like."""
        if self._head_done:
            return
        self._head_done = True
        head = bytes(self._head)
        self._head.clear()
        for magic, what in _ARCHIVES:
            if head.startswith(magic):
                message = f"is {what}; use the address of the list in plain text or gzip"
                raise BadContent(message)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            message = "is UTF-16; save or serve the list as UTF-8"
            raise BadContent(message)
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"<") or (self._web_page_type and _PAGE_MARKS.search(start)):
            message = "is a web page, not a list; use the address behind the page's download link (on GitHub: Raw)"
            raise BadContent(message)
        if start.startswith(b"{"):
            message = "is JSON, not a list; use the address of the list in plain text"
            raise BadContent(message)
        controls = len(_CONTROLS.findall(head))
        if controls * 100 > len(head):
            message = "is binary data, not text; use the address of a list in plain text (UTF-8)"
            raise BadContent(message)

    def _listen(self, text: bytes) -> None:
        """Look for the first line that is neither blank nor a comment; what it says is for the parser."""
        for number, line in enumerate(text.split(b"\n")):
            self._line_begins = self._line_begins or number > 0
            if not self._line_begins:
                continue
            start = line.lstrip(_BLANK + b"\xef\xbb\xbf")
            if start:
                if start[0] not in _QUIET:
                    self._speaks = True
                    return
                self._line_begins = False


def mebibytes(octets: int) -> str:
    """``268435456`` -> ``256 MiB``."""
    return f"{octets / (1024 * 1024):.3g} MiB"
