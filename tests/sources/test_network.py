"""Changes of the network: once for each bunch of them, and from the real kernel."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import struct
import subprocess
import sys

import pytest

from mirage_hole.sources.netlink import changes
from mirage_hole.sources.network import LONGEST, SETTLE, NetworkWatch, netlink_socket

from .test_netlink import address, link

linux = pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")


class Kernel:
    """A socket whose datagrams the test writes; the sender's port is given along."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)
        self.port = 0
        self.problem: OSError | None = None

    def open(self) -> socket.socket:
        kernel = self

        class Heard(socket.socket):
            def recvfrom(self, size):
                data, _ = super().recvfrom(size)
                if kernel.problem is not None:
                    raise kernel.problem
                return data, (kernel.port, 0)

        return Heard(fileno=self.ours.detach())

    def tell(self, datagram: bytes) -> None:
        self.theirs.send(datagram)


@contextlib.asynccontextmanager
async def watching(kernel, pause=None, clock=None):
    called = asyncio.Queue()

    async def at_once(wake, seconds):
        await asyncio.sleep(0)

    watch = NetworkWatch(
        lambda: called.put_nowait(1), open_socket=kernel.open, pause=pause or at_once, clock=clock or (lambda: 0.0)
    )
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        try:
            yield called
        finally:
            task.cancel()
            kernel.theirs.close()


async def test_an_address_calls_back():
    kernel = Kernel()
    async with watching(kernel) as called:
        kernel.tell(address(0))
        await called.get()


async def test_a_bunch_of_changes_calls_back_once():
    kernel, pauses = Kernel(), []

    async def pause(wake, seconds):
        pauses.append(seconds)
        if len(pauses) <= 3:
            kernel.tell(link(0x41))
            await wake.wait()

    async with watching(kernel, pause) as called:
        kernel.tell(address(0))
        await called.get()
        assert called.empty()
    assert pauses == [SETTLE] * 4


async def test_changes_without_end_call_back_all_the_same():
    kernel, now = Kernel(), [0.0]

    async def pause(wake, seconds):
        now[0] += seconds
        kernel.tell(link(0x41))
        await wake.wait()

    async with watching(kernel, pause, lambda: now[0]) as called:
        kernel.tell(address(0))
        await called.get()
        assert now[0] == LONGEST


async def test_what_gives_no_hope_and_what_is_not_the_kernels_is_passed_over():
    kernel = Kernel()
    async with watching(kernel) as called:
        kernel.tell(address(254))
        kernel.tell(b"rubbish")
        for _ in range(20):
            await asyncio.sleep(0)
        kernel.port = 4711
        kernel.tell(address(0))
        for _ in range(20):
            await asyncio.sleep(0)
        assert called.empty()
        kernel.port = 0
        kernel.tell(address(0))
        await called.get()


async def test_more_than_the_kernel_had_room_for_is_a_change():
    kernel = Kernel()
    kernel.problem = OSError(105, "No buffer space available")
    async with watching(kernel) as called:
        kernel.tell(b"x")
        await called.get()


async def test_without_netlink_nothing_is_watched_and_nothing_fails():
    def refuse():
        raise OSError(97, "Address family not supported by protocol")

    async with asyncio.timeout(30):
        await NetworkWatch(lambda: None, open_socket=refuse).run()


@linux
def test_the_kernels_own_addresses_are_read_by_any_user():
    """A dump of all addresses (RTM_GETADDR): the same messages as those that tell of changes."""
    with contextlib.closing(netlink_socket()) as heard:
        heard.setblocking(True)
        heard.settimeout(30)
        heard.send(struct.pack("=IHHIIB3x", 20, 22, 0x301, 1, 0, socket.AF_INET))
        found = []
        while not (data := heard.recv(65536)) or struct.unpack_from("=H", data, 4)[0] != 3:
            found += changes(data)
    assert "address" in {one.what for one in found}


@linux
async def test_a_new_address_on_this_machine_calls_back():
    """Needs the right to add an address; skipped where the machine does not grant it."""
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if ip is None:
        pytest.skip("no ip command here")
    spare = f"192.0.2.{1 + hash(id(object())) % 250}/32"
    called = asyncio.Queue()
    watch = NetworkWatch(lambda: called.put_nowait(1), pause=lambda wake, seconds: asyncio.sleep(0))
    try:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            task = group.create_task(watch.run())
            await asyncio.sleep(0)
            added = await asyncio.to_thread(
                subprocess.run, [ip, "addr", "add", spare, "dev", "lo"], capture_output=True, check=False
            )
            if added.returncode:
                task.cancel()
            else:
                await called.get()
                task.cancel()
    finally:
        await asyncio.to_thread(
            subprocess.run, [ip, "addr", "del", spare, "dev", "lo"], capture_output=True, check=False
        )
    if added.returncode:
        pytest.skip(f"no right to add an address: {added.stderr.decode(errors='replace').strip()}")
