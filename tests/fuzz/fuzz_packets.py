"""Coverage-guided fuzzing of everything that reads packets: clients' queries, upstreams' replies, streams, and whole messages.

Run: ``python tests/fuzz/fuzz_packets.py -max_total_time=20`` (any libFuzzer option). Every input goes to every reader;
``--only=queries`` (``replies``, ``streams``, ``texts``) is for one of them. A failing input is written to the
current folder.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["mirage_hole"]):
    from mirage_hole.cache.answers import MAX_TTL as LONGEST_KEPT
    from mirage_hole.cache.answers import lifetime
    from mirage_hole.upstream.verify import answers
    from mirage_hole.wire.framing import MessageBuffer, frame
    from mirage_hole.wire.message import BadMessage, addresses_in
    from mirage_hole.wire.names import from_text, labels_of, to_text
    from mirage_hole.wire.query import MAX_QUERY, Malformed, Query, parse_query, skip_name
    from mirage_hole.wire.reading import read_in_full
    from mirage_hole.wire.reply import age_ttls, build_error, build_query, build_reply, udp_limit
    from mirage_hole.wire.scan import MAX_TTL, scan_reply

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = ROOT / "build" / "fuzz-packets"
"""What reached new code in earlier runs is where the next begins."""

ASKED = b"\3www\7example\3com\0\0\1\0\1"
A = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
ALIAS = b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x10"
SOA = b"\xc0\x10\0\6\0\1\0\0\1\x2c\0\x1c\2ns\xc0\x10\1h\xc0\x10" + bytes(16) + b"\0\0\0\x3c"
OPT = b"\0\0\x29\4\xd0\0\0\x80\0\0\0"
OPT_EDE = b"\0\0\x29\4\xd0\1\0\0\0\0\x0e\0\x0f\0\4\0\x0fno\0\x0a\0\2ck"
LOOP = b"\xc0\x1d\0\1\0\1\xff\xff\xff\xff\0\4abcd"
TSIG = b"\1k\0\0\xfa\0\xff\0\0\0\0\0\3mac"
SVCB = b"\xc0\x0c\0\x41\0\1\0\0\1\x2c\0\x0a\0\1\0\0\1\0\3\2h2"


def packet(flags: int, counts: bytes, *parts: bytes) -> bytes:
    """A message: ID, flags, four one-octet counts, the rest."""
    return (
        b"\x12\x34"
        + flags.to_bytes(2, "big")
        + b"".join(b"\0" + counts[at : at + 1] for at in range(4))
        + b"".join(parts)
    )


SEEDS = (
    packet(0x0100, b"\1\0\0\0", ASKED),
    packet(0x0110, b"\1\0\0\1", ASKED, OPT),
    packet(0x0100, b"\1\0\0\2", ASKED, OPT_EDE, TSIG),
    packet(0x0100, b"\1\0\0\1", ASKED, OPT[:6] + b"\1" + OPT[7:]),
    packet(0x0100, b"\1\0\0\0", b"\3ads\xc0\x0c\0\1\0\1"),
    packet(0x0100, b"\2\0\0\0", ASKED, ASKED),
    packet(0x2800, b"\1\0\0\0", ASKED),
    packet(0x8180, b"\1\2\0\1", ASKED, A, A, OPT),
    packet(0x8180, b"\1\1\1\1", ASKED, ALIAS, SOA, OPT_EDE),
    packet(0x8183, b"\1\0\1\2", ASKED, SOA, OPT, A),
    packet(0x8380, b"\1\1\0\0", ASKED, LOOP),
    packet(0x8180, b"\1\1\0\0", ASKED[:-3] + b"\x41\0\1", SVCB),
    frame(packet(0x0100, b"\1\0\0\0", ASKED)) * 2 + b"\0\x0c\0",
)


def queries(data: bytes) -> None:
    """A client's packet is dropped, refused or understood, and whatever is answered is a well-formed reply to it."""
    got = parse_query(data)
    if got is None:
        assert len(data) < 12 or data[2] & 0x80
    elif isinstance(got, Malformed):
        wire = build_error(got)
        assert wire[:2] == data[:2]
        assert len(wire) <= len(data)
        assert not got.question or scan_reply(wire, 12 + len(got.question)) is not None
    else:
        understood(data, got)


def understood(data: bytes, query: Query) -> None:
    """Everything a query says agrees, and replies to it fit and can be read."""
    assert len(data) <= MAX_QUERY
    assert data[12:].startswith(query.question)
    assert query.labels == labels_of(query.name)
    assert len(query.name) <= 255
    assert from_text(to_text(query.name)) == query.name
    for octets, counts in ((b"", (0, 0, 0)), (A, (1, 0, 0)), (ALIAS + SOA + A * 90, (1, 1, 90))):
        limit = udp_limit(query)
        wire = build_reply(query, 0, octets, counts, options=OPT_EDE[11:], limit=limit)
        assert len(wire) <= limit
        read = scan_reply(wire, 12 + len(query.question))
        assert read is not None
        assert octets.startswith(read.records)
        assert answers(wire, query.question)
    again = parse_query(build_query(1, query.question, query.dnssec_ok, checking_disabled=False))
    assert isinstance(again, Query)
    assert again[2:7] == query[2:7]


def replies(data: bytes) -> None:
    """A reply is refused, or what is passed on of it adds up and can be read again."""
    end = skip_name(data, 12) + 4 if len(data) > 12 else 17
    got = scan_reply(data, end)
    if got is None:
        return
    assert len(got.ttl_offsets) == sum(got.counts)
    assert -1 <= got.min_ttl <= MAX_TTL
    assert -1 <= got.negative_ttl <= MAX_TTL
    assert 0 <= lifetime(got) <= LONGEST_KEPT
    header = packet(0x8180, b"\1\0\0\0")[:6] + b"".join(count.to_bytes(2, "big") for count in got.counts)
    again = scan_reply(header + data[12:end] + age_ttls(got.records, got.ttl_offsets, 1), end)
    assert again is not None
    assert again[3:5] == got[3:5]
    assert again.min_ttl == max(got.min_ttl - 1, min(got.min_ttl, 0))


def streams(data: bytes) -> None:
    """However a stream is cut, the same messages come out, up to the first lie."""
    whole, once = taken([data])
    cut = data[0] % len(data) if data else 0
    assert taken([data[:cut], data[cut:]]) == (whole, once)
    assert taken([data[at : at + 1] for at in range(len(data))]) == (whole, once)
    assert once or data.startswith(b"".join(map(frame, whole)))


def taken(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """The messages, and whether the stream ended in a lie (then those of its last piece do not count)."""
    buffer = MessageBuffer(300)
    messages: list[bytes] = []
    for piece in pieces:
        try:
            messages += buffer.feed(piece)
        except ValueError:
            return [], True
        assert len(buffer._data) < 302
    return messages, False


def texts(data: bytes) -> None:
    """For people, any message is text or a bad message."""
    with suppress(BadMessage):
        read = read_in_full(data)
        assert read.trailing >= 0
        assert all(one.data.isascii() for one in read.answer + read.authority + read.additional)
    with suppress(BadMessage):
        assert all(isinstance(address, str) for address in addresses_in(data))


READERS: dict[str, Callable[[bytes], None]] = {
    "queries": queries,
    "replies": replies,
    "streams": streams,
    "texts": texts,
}


def main() -> None:
    """Every seed first, then whatever the fuzzer comes up with, starting from them."""
    only = [word.removeprefix("--only=") for word in sys.argv if word.startswith("--only=")]
    readers = [READERS[name] for name in only] or list(READERS.values())

    def check(data: bytes) -> None:
        for read in readers:
            read(data)

    CORPUS.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        check(seed)
        (CORPUS / f"seed-{number}").write_bytes(seed)
    options = [word for word in sys.argv if not word.startswith("--only=")]
    atheris.Setup([*options, str(CORPUS)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
