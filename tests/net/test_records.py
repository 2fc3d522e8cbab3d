"""Records leave in frames, soon or when there are many; when nobody takes them they are dropped and counted."""

from __future__ import annotations

import time

import pytest

from mirage_hole.net.records import FRAME_OCTETS, RecordSender
from mirage_hole.observe.record import NO_SUBJECT, TCP, UDP, decode_frame, frame_generation
from mirage_hole.resolver.effects import EmitRecord
from mirage_hole.runtime.channel import MAX_MESSAGE
from tests.observe.frames import octets, socket_address, subject

TOLD = subject("www.example.com")
CLIENT = octets("192.0.2.7")


class Channel:
    """Takes frames, or does not."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.taking = True

    def send(self, frame: bytes) -> bool:
        if self.taking:
            self.frames.append(frame)
        return self.taking


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def sender(channel: Channel) -> RecordSender:
    return RecordSender(channel.send)


def test_nothing_is_sent_when_nothing_happened(channel: Channel, sender: RecordSender) -> None:
    sender.flush()
    assert channel.frames == []


def test_records_wait_for_the_flush_and_leave_in_one_frame_in_order(channel: Channel, sender: RecordSender) -> None:
    before = time.time()
    sender.generation = 42
    sender.add(EmitRecord(CLIENT, TCP, 0.25, TOLD))
    addresses = socket_address("192.0.2.1") + socket_address("192.0.2.2") + socket_address("192.0.2.3")
    sender.replays(UDP, 16, addresses, [TOLD, NO_SUBJECT, TOLD], 2)
    assert channel.frames == []
    sender.flush()
    (frame,) = channel.frames
    records = list(decode_frame(frame))
    assert frame_generation(frame) == 42
    assert [(record.transport, record.client, record.duration, record.subject) for record in records] == [
        (TCP, CLIENT, 0.25, TOLD),
        (UDP, octets("192.0.2.1"), 0.0, TOLD),
        (UDP, octets("192.0.2.3"), 0.0, TOLD),
    ]
    assert all(before <= record.at <= time.time() for record in records)
    assert (sender.sent, sender.dropped) == (3, 0)


def test_a_flush_begins_anew(channel: Channel, sender: RecordSender) -> None:
    for _ in range(2):
        sender.add(EmitRecord(CLIENT, UDP, 0.0, TOLD))
        sender.flush()
        sender.flush()
    assert [len(list(decode_frame(frame))) for frame in channel.frames] == [1, 1]


def test_many_records_leave_without_waiting_and_every_frame_fits_the_channel(
    channel: Channel, sender: RecordSender
) -> None:
    longest = subject(".".join(["x" * 63] * 3 + ["y" * 61]))
    addresses = socket_address("::1") * 64
    for _ in range(40):
        sender.replays(UDP, 28, addresses, [longest] * 64, 64)
        sender.add(EmitRecord(CLIENT, UDP, 0.0, longest))
    assert len(channel.frames) >= 10
    assert sender.sent >= 40 * 65 - 4 * 65
    sender.flush()
    assert sum(len(list(decode_frame(frame))) for frame in channel.frames) == sender.sent == 40 * 65
    assert all(FRAME_OCTETS < len(frame) <= MAX_MESSAGE for frame in channel.frames[:-1])


def test_single_records_fill_a_frame_too(channel: Channel, sender: RecordSender) -> None:
    while not channel.frames:
        sender.add(EmitRecord(CLIENT, UDP, 0.0, TOLD))
        sender.gather()
    assert FRAME_OCTETS < len(channel.frames[0]) <= FRAME_OCTETS + 100
    assert sender.sent == len(list(decode_frame(channel.frames[0])))


def test_clients_of_both_families_and_transports_in_one_batch_are_all_told(
    channel: Channel, sender: RecordSender
) -> None:
    told = [
        EmitRecord(octets(client), transport, number / 1000, subject(f"n{number}.example"))
        for number, (client, transport) in enumerate(
            (client, transport) for client in ("192.0.2.7", "2001:db8::7") for transport in (UDP, TCP) for _ in range(3)
        )
    ]
    for record in told[::2] + told[1::2]:
        sender.add(record)
    sender.gather()
    sender.flush()
    (frame,) = channel.frames
    records = decode_frame(frame)
    assert sorted((EmitRecord(*record[1:]) for record in records), key=lambda record: record.duration) == told
    assert sender.sent == len(told)


def test_a_great_many_at_once_leave_in_frames_that_fit_the_channel(channel: Channel, sender: RecordSender) -> None:
    longest = subject(".".join(["x" * 63] * 3 + ["y" * 61]))
    for _ in range(3000):
        sender.add(EmitRecord(octets("::1"), UDP, 1.0, longest))
    sender.flush()
    assert sum(len(list(decode_frame(frame))) for frame in channel.frames) == sender.sent == 3000
    assert all(len(frame) <= MAX_MESSAGE for frame in channel.frames)


def test_what_nobody_takes_is_dropped_and_counted_and_not_kept(channel: Channel, sender: RecordSender) -> None:
    channel.taking = False
    sender.add(EmitRecord(CLIENT, UDP, 0.0, TOLD))
    sender.replays(UDP, 16, socket_address("192.0.2.1") * 3, [TOLD, TOLD, NO_SUBJECT], 2)
    sender.flush()
    assert (sender.sent, sender.dropped) == (0, 3)
    channel.taking = True
    sender.add(EmitRecord(CLIENT, UDP, 0.0, TOLD))
    sender.flush()
    assert (sender.sent, sender.dropped) == (1, 3)
    assert len(list(decode_frame(channel.frames[0]))) == 1
