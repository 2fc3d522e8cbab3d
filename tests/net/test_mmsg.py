"""Batches of datagrams over real loopback sockets, IPv4 and IPv6."""

from __future__ import annotations

import ctypes
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mirage_hole.net import mmsg

pytestmark = pytest.mark.skipif(not mmsg.supported(), reason="recvmmsg and sendmmsg are Linux's, on 64 bits")

SLOT = 128
LEN = mmsg.LEN_HALF
HALVES = 2 * mmsg.WORDS
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
WILDCARD = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
FAMILIES = [pytest.param(socket.AF_INET, id="ipv4"), pytest.param(socket.AF_INET6, id="ipv6")]

Open = Callable[..., socket.socket]


@pytest.fixture
def opened() -> Iterator[Open]:
    """A bound, non-blocking datagram socket; closed afterwards."""
    with ExitStack() as stack:

        def bind(family: int, address: str | None = None) -> socket.socket:
            sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.settimeout(30)
            try:
                sock.bind((address or LOOPBACK[socket.AddressFamily(family)], 0))
            except OSError as problem:
                pytest.skip(f"no {socket.AddressFamily(family).name} here: {problem}")
            return sock

        yield bind


def received(batch: mmsg.Batch, count: int) -> list[bytes]:
    return [
        batch.data[number * batch.slot : number * batch.slot + batch.halves[number * HALVES + LEN]]
        for number in range(count)
    ]


def name_of(batch: mmsg.Batch, number: int) -> bytes:
    return batch.names[number * batch.stride : (number + 1) * batch.stride]


def control_of(batch: mmsg.Batch, number: int) -> bytes:
    return batch.controls[number * batch.control_stride : (number + 1) * batch.control_stride]


def receive(sock: socket.socket, batch: mmsg.Batch) -> int:
    return int(mmsg.recvmmsg(sock.fileno(), batch.address, mmsg.SLOTS, socket.MSG_DONTWAIT, None))


def raw_address(sock: socket.socket) -> bytes:
    """The kernel's form of a socket's own address."""
    host, port = sock.getsockname()[:2]
    packed = socket.inet_pton(sock.family, host)
    head = sock.family.to_bytes(2, "little") + port.to_bytes(2, "big")
    return head + packed + bytes(8) if sock.family == socket.AF_INET else head + bytes(4) + packed + bytes(4)


def want_local_address(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO, which Python 3.11 has no name for
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)


# -- reading --


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_holds_what_came_in_order_and_who_sent_it(opened: Open, family: int) -> None:
    server, one, two = opened(family), opened(family), opened(family)
    sent = [b"", b"\1", b"x" * SLOT, b"y" * 17]
    for number, payload in enumerate(sent):
        (one if number % 2 else two).sendto(payload, server.getsockname())
    batch = mmsg.Batch(family, SLOT, pktinfo=False)
    assert receive(server, batch) == 4
    assert received(batch, 4) == sent
    assert [name_of(batch, number) for number in range(4)] == [raw_address(two), raw_address(one)] * 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_datagram_longer_than_a_slot_is_cut_and_spills_nowhere(opened: Open, family: int) -> None:
    server, client = opened(family), opened(family)
    for payload in (b"a" * 3 * SLOT, b"b"):
        client.sendto(payload, server.getsockname())
    batch = mmsg.Batch(family, SLOT, pktinfo=False)
    assert receive(server, batch) == 2
    assert received(batch, 2) == [b"a" * SLOT, b"b"]


def test_a_full_batch_leaves_the_rest_for_the_next(opened: Open) -> None:
    server, client = opened(socket.AF_INET), opened(socket.AF_INET)
    for number in range(mmsg.SLOTS + 3):
        client.sendto(b"%d" % number, server.getsockname())
    batch = mmsg.Batch(socket.AF_INET, SLOT, pktinfo=False)
    assert receive(server, batch) == mmsg.SLOTS
    assert received(batch, mmsg.SLOTS)[-1] == b"%d" % (mmsg.SLOTS - 1)
    assert receive(server, batch) == 3
    assert received(batch, 3) == [b"%d" % number for number in range(mmsg.SLOTS, mmsg.SLOTS + 3)]
    assert receive(server, batch) == -1
    assert ctypes.get_errno() == errno.EAGAIN


@pytest.mark.parametrize("family", FAMILIES)
def test_the_local_address_comes_along_and_sends_the_answer_back_from_there(opened: Open, family: int) -> None:
    server = opened(family, WILDCARD[socket.AddressFamily(family)])
    want_local_address(server)
    asked_at = "127.0.0.9" if family == socket.AF_INET else "::1"
    port = server.getsockname()[1]
    client = opened(family)
    batch = mmsg.Batch(family, SLOT, pktinfo=True)
    outbox = mmsg.Outbox(server.fileno(), family, SLOT, pktinfo=True)
    for _ in range(2):  # the second time with headers the kernel has written to
        client.sendto(b"query", (asked_at, port))
        assert receive(server, batch) == 1
        batch.control_ints[batch.ifindex_at] = 0
        outbox.put(name_of(batch, 0), control_of(batch, 0), b"answer")
        outbox.flush()
        assert client.recvfrom(SLOT)[0:2] == (b"answer", client_view(asked_at, port, family))
        batch.restore(1)
    assert outbox.lost == 0


def client_view(address: str, port: int, family: int) -> tuple[object, ...]:
    return (address, port) if family == socket.AF_INET else (address, port, 0, 0)


def test_an_answer_without_a_local_address_does_not_leave_from_an_earlier_ones(opened: Open) -> None:
    server = opened(socket.AF_INET, "0.0.0.0")
    want_local_address(server)
    port = server.getsockname()[1]
    client = opened(socket.AF_INET)
    batch = mmsg.Batch(socket.AF_INET, SLOT, pktinfo=True)
    outbox = mmsg.Outbox(server.fileno(), socket.AF_INET, SLOT, pktinfo=True)
    client.sendto(b"query", ("127.0.0.9", port))
    assert receive(server, batch) == 1
    batch.control_ints[batch.ifindex_at] = 0
    sources = []
    for control in (control_of(batch, 0), b"", control_of(batch, 0)):
        outbox.put(name_of(batch, 0), control, b"answer")
        outbox.flush()
        sources.append(client.recvfrom(SLOT)[1][0])
    assert sources == ["127.0.0.9", "127.0.0.1", "127.0.0.9"]


def test_what_the_kernel_wrote_into_the_headers_can_be_undone(opened: Open) -> None:
    server, client = opened(socket.AF_INET), opened(socket.AF_INET)
    client.sendto(b"x", server.getsockname())
    client.sendto(b"y", server.getsockname())
    batch = mmsg.Batch(socket.AF_INET, SLOT, pktinfo=True)
    before = batch.words.tolist()
    assert receive(server, batch) == 2
    assert batch.words.tolist() != before
    batch.restore(2)
    assert batch.words.tolist() == before


# -- answering where the query stood --


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_leave_from_the_queries_buffers_side_by_side(opened: Open, family: int) -> None:
    """What the listener does: some queries are answered in place, and their headers close ranks."""
    server = opened(family)
    clients = [opened(family) for _ in range(4)]
    for number, client in enumerate(clients):
        client.sendto(b"query %d" % number, server.getsockname())
    batch = mmsg.Batch(family, SLOT, pktinfo=False)
    send = mmsg.Batch(family, SLOT, pktinfo=False)
    send.share(batch)
    for _ in range(2):
        assert receive(server, batch) == 4
        for ready, number in enumerate((1, 3)):
            start = number * SLOT
            batch.data[start : start + 8] = b"answer %d" % number
            send.iovs[2 * number + 1] = 8
            for field in (mmsg.NAME, mmsg.IOV, mmsg.CONTROL):
                send.words[ready * mmsg.WORDS + field] = send.words[number * mmsg.WORDS + field]
        assert mmsg.send_all(server.fileno(), send.address, 2) == (0, 0)
        assert [clients[number].recv(SLOT) for number in (1, 3)] == [b"answer 1", b"answer 3"]
        send.restore(4)
        for number, client in enumerate(clients):
            client.sendto(b"query %d" % number, server.getsockname())
    for number in (0, 2):
        clients[number].setblocking(False)
        with pytest.raises(BlockingIOError):
            clients[number].recv(SLOT)


# -- sending --


@pytest.mark.parametrize("family", FAMILIES)
def test_replies_wait_for_the_flush_and_go_to_whom_they_are_for(opened: Open, family: int) -> None:
    server = opened(family)
    clients = [opened(family) for _ in range(3)]
    outbox = mmsg.Outbox(server.fileno(), family, SLOT, pktinfo=False)
    for round_ in range(2):
        for number, client in enumerate(clients):
            outbox.put(raw_address(client), b"", b"%d for %d" % (round_, number))
        clients[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            clients[0].recv(SLOT)
        outbox.flush()
        outbox.flush()
        clients[0].settimeout(30)
        assert [client.recv(SLOT) for client in clients] == [b"%d for %d" % (round_, number) for number in range(3)]


def test_a_full_outbox_sends_itself(opened: Open) -> None:
    server, client = opened(socket.AF_INET), opened(socket.AF_INET)
    outbox = mmsg.Outbox(server.fileno(), socket.AF_INET, SLOT, pktinfo=False)
    for number in range(mmsg.SLOTS + 1):
        outbox.put(raw_address(client), b"", b"%d" % number)
    assert [int(client.recv(SLOT)) for _ in range(mmsg.SLOTS)] == list(range(mmsg.SLOTS))
    outbox.flush()
    assert int(client.recv(SLOT)) == mmsg.SLOTS


@pytest.mark.parametrize("family", FAMILIES)
def test_a_peer_that_cant_be_reached_costs_its_own_datagram_only(opened: Open, family: int) -> None:
    server, client = opened(family), opened(family)
    nobody = bytearray(raw_address(client))
    nobody[2:4] = b"\0\0"  # port 0: EINVAL
    outbox = mmsg.Outbox(server.fileno(), family, SLOT, pktinfo=False)
    for number, name in enumerate([nobody, raw_address(client), nobody, nobody, raw_address(client), nobody]):
        outbox.put(bytes(name), b"", b"%d" % number)
    outbox.flush()
    assert [client.recv(SLOT) for _ in range(2)] == [b"1", b"4"]
    assert outbox.lost == 4


def test_a_payload_longer_than_a_slot_never_reaches_a_neighbours_answer(opened: Open) -> None:
    server, client = opened(socket.AF_INET), opened(socket.AF_INET)
    outbox = mmsg.Outbox(server.fileno(), socket.AF_INET, SLOT, pktinfo=False)
    connected = mmsg.ConnectedOutbox(SLOT)
    for put in (lambda wire: outbox.put(raw_address(client), b"", wire), connected.put):
        with pytest.raises(ValueError, match="129 octets in a slot of 128"):
            put(bytes(SLOT + 1))
        put(b"z" * SLOT)
    outbox.flush()
    assert client.recv(2 * SLOT) == b"z" * SLOT


def test_a_closed_socket_loses_everything_and_says_how_much() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    batch = mmsg.Batch(socket.AF_INET, SLOT, pktinfo=False)
    fd = sock.detach()
    socket.close(fd)
    assert mmsg.send_all(fd, batch.address, 5)[0] == 5


def unix_pair() -> tuple[socket.socket, socket.socket]:
    """Datagram sockets whose queue fills and stays full, which loopback UDP never does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return ours, theirs


def test_a_full_socket_loses_the_rest_of_the_batch_and_never_waits() -> None:
    batch = mmsg.Batch(socket.AF_INET, SLOT, pktinfo=False)
    for number in range(mmsg.SLOTS):
        batch.words[number * mmsg.WORDS + mmsg.NAME] = batch.words[number * mmsg.WORDS + mmsg.NAMELEN] = 0
    ours, theirs = unix_pair()
    with ours, theirs:
        lost, _ = mmsg.send_all(ours.fileno(), batch.address, mmsg.SLOTS)
        assert 0 < lost < mmsg.SLOTS
        assert mmsg.send_all(ours.fileno(), batch.address, 7)[0] == 7


# -- one connected peer --


@pytest.mark.parametrize("family", FAMILIES)
def test_queries_to_one_peer_leave_together_and_in_order(opened: Open, family: int) -> None:
    upstream, door = opened(family), opened(family)
    door.connect(upstream.getsockname())
    outbox = mmsg.ConnectedOutbox(SLOT)
    assert outbox.flush(door.fileno()) == 0
    for round_ in range(2):
        for number in range(5):
            assert outbox.put(b"%d" % (10 * round_ + number)) is False
        assert outbox.flush(door.fileno()) == 0
        assert [int(upstream.recv(SLOT)) for _ in range(5)] == [10 * round_ + number for number in range(5)]


def test_a_full_connected_outbox_asks_to_be_flushed(opened: Open) -> None:
    upstream, door = opened(socket.AF_INET), opened(socket.AF_INET)
    door.connect(upstream.getsockname())
    outbox = mmsg.ConnectedOutbox(SLOT)
    assert [outbox.put(b"%d" % number) for number in range(mmsg.SLOTS)] == [False] * (mmsg.SLOTS - 1) + [True]
    assert outbox.flush(door.fileno()) == 0
    assert [int(upstream.recv(SLOT)) for _ in range(mmsg.SLOTS)] == list(range(mmsg.SLOTS))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_port_where_nobody_listens_is_told(opened: Open, family: int) -> None:
    gone, door = opened(family), opened(family)
    door.connect(gone.getsockname())
    gone.close()
    outbox = mmsg.ConnectedOutbox(SLOT)
    outbox.put(b"first")
    assert outbox.flush(door.fileno()) == 0  # the news comes back by ICMP
    for number in range(3):
        outbox.put(b"%d" % number)
    assert outbox.flush(door.fileno()) == errno.ECONNREFUSED


def test_the_first_refusal_is_told_and_the_rest_is_still_tried(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream, door = opened(socket.AF_INET), opened(socket.AF_INET)
    door.connect(upstream.getsockname())
    real, refusals = mmsg.sendmmsg, [errno.EINTR, errno.EPERM, errno.ENETUNREACH]

    def sendmmsg(fd: int, address: int, count: int, flags: int) -> int:
        if refusals:
            ctypes.set_errno(refusals.pop(0))
            return -1
        return int(real(fd, address, count, flags))

    monkeypatch.setattr(mmsg, "sendmmsg", sendmmsg)
    outbox = mmsg.ConnectedOutbox(SLOT)
    for number in range(4):
        outbox.put(b"%d" % number)
    assert outbox.flush(door.fileno()) == errno.EPERM
    assert [upstream.recv(SLOT) for _ in range(2)] == [b"2", b"3"]


def test_an_interrupted_call_is_made_again(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = opened(socket.AF_INET), opened(socket.AF_INET)
    real, interruptions = mmsg.sendmmsg, [errno.EINTR, errno.EINTR]

    def sendmmsg(fd: int, address: int, count: int, flags: int) -> int:
        if interruptions:
            ctypes.set_errno(interruptions.pop())
            return -1
        return int(real(fd, address, count, flags))

    monkeypatch.setattr(mmsg, "sendmmsg", sendmmsg)
    outbox = mmsg.Outbox(server.fileno(), socket.AF_INET, SLOT, pktinfo=False)
    outbox.put(raw_address(client), b"", b"answer")
    outbox.flush()
    assert (client.recv(SLOT), outbox.lost) == (b"answer", 0)


def test_a_full_connected_socket_is_no_error_since_the_question_is_asked_again() -> None:
    ours, theirs = unix_pair()
    with ours, theirs:
        outbox = mmsg.ConnectedOutbox(SLOT)
        for _ in range(mmsg.SLOTS):
            outbox.put(bytes(SLOT))
        assert outbox.flush(ours.fileno()) == 0
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            ours.send(bytes(SLOT))


def test_a_system_without_the_calls_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmsg, "_SUPPORTED", False)
    assert not mmsg.supported()
