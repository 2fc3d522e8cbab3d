"""Finds the list servers' addresses by asking the configured upstreams directly.

The filter is never asked: a list that blocks its own server would otherwise never be mended. Nor is the system's resolver,
which on the machine that runs Mirage Hole is Mirage Hole.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from mirage_hole.upstream.verify import answers
from mirage_hole.wire.codes import TC, Rcode, RRType, rcode_text
from mirage_hole.wire.framing import frame
from mirage_hole.wire.message import MAX_MESSAGE, addresses_in, make_query
from mirage_hole.wire.names import BadName, from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE: Final = 2.0
"""Seconds for one question to one upstream, the second try over TCP included."""

HOSTS_FILE: Final = Path("/etc/hosts")
_MAX_HOSTS_FILE: Final = 1 << 20
_MAX_ADDRESSES: Final = 16
_LOOPBACK: Final = ["127.0.0.1", "::1"]


class UpstreamResolver(AbstractResolver):
    """An aiohttp resolver: the upstreams in their order, the next one when one fails; before them, the hosts file."""

    def __init__(
        self,
        upstreams: Sequence[tuple[str, int]],
        *,
        patience: float = PATIENCE,
        dice: Callable[[], int] = lambda: secrets.randbits(16),
        hosts_file: Path | None = HOSTS_FILE,
    ) -> None:
        """
        Args:
            upstreams: (address, port), in the order of preference.
            patience: seconds for one question to one upstream.
            dice: a random 16-bit message ID.
            hosts_file: names that need no question, as for every other program here; None for none.
        """
        self._upstreams = tuple(upstreams)
        self._patience = patience
        self._dice = dice
        self._hosts_file = hosts_file

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host, IPv4 and IPv6 as ``family`` allows.

        Raises:
            OSError: no upstream gave one; the message says what each said.
        """
        addresses = await asyncio.to_thread(self._known, host)
        if not addresses:
            addresses = await self._ask_all(host, family)
        found = [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for address in addresses
            if family in (kind := _family(address), socket.AF_UNSPEC)
        ]
        if not found:
            message = f"{host} has no address of the wanted family"
            raise OSError(None, message)
        return found[:_MAX_ADDRESSES]

    async def close(self) -> None:
        """Nothing is held between two questions."""

    def _known(self, host: str) -> list[str]:
        name = host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 6.3
            return _LOOPBACK
        if self._hosts_file is None:
            return []
        try:
            with self._hosts_file.open("rb") as file:
                text = file.read(_MAX_HOSTS_FILE).decode("utf-8", "replace")
        except OSError:
            return []
        return [
            fields[0]
            for line in text.splitlines()
            if name in (fields := line.partition("#")[0].lower().split())[1:] and _is_address(fields[0])
        ]

    async def _ask_all(self, host: str, family: socket.AddressFamily) -> list[str]:
        try:
            name = from_text(host)
        except BadName as problem:
            message = f"{host} is no domain name: {problem}"
            raise OSError(None, message) from None
        kinds = [RRType.A] if family != socket.AF_INET6 else []
        kinds += [RRType.AAAA] if family != socket.AF_INET else []
        said = []
        for upstream in self._upstreams:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._ask(name, kind, upstream)) for kind in kinds]
            replies = [task.result() for task in tasks]
            found = [address for reply in replies if isinstance(reply, list) for address in reply]
            if found:
                return found
            said.append(
                f"{upstream[0]} {next((reply for reply in replies if isinstance(reply, str)), 'knows no address')}"
            )
        raise OSError(None, "; ".join(said) or "there is no upstream to ask")

    async def _ask(self, name: bytes, kind: RRType, upstream: tuple[str, int]) -> list[str] | str:
        """Addresses, or what went wrong, completing "192.0.2.1 …". Never raises for what the upstream does."""
        query = make_query(name, kind, self._dice())
        question = query[12 : 12 + len(name) + 4]
        try:
            async with asyncio.timeout(self._patience):
                reply = await _over_udp(query, question, upstream)
                if int.from_bytes(reply[2:4], "big") & TC:
                    reply = await _over_tcp(query, question, upstream)
            rcode = reply[3] & 0x0F
            if rcode != Rcode.NOERROR:
                return f"answered {rcode_text(rcode)}"
            # 0.0.0.0 and :: are how a filter upstream says no.
            return [one for one in addresses_in(reply) if not ipaddress.ip_address(one).is_unspecified]
        except TimeoutError:
            return f"gave no answer within {self._patience:g} s"
        except (OSError, EOFError) as problem:
            return f"can't be asked: {getattr(problem, 'strerror', None) or problem}"
        except ValueError as problem:
            return f"gave an answer that is {problem}"


class _Exchange(asyncio.DatagramProtocol):
    """Waits for the one reply that answers the query; whatever else arrives is not for us (RFC 5452 9.1)."""

    def __init__(self, query: bytes, question: bytes) -> None:
        self._query = query
        self._question = question
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        if not self.reply.done() and data[:2] == self._query[:2] and answers(data, self._question):
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def _over_udp(query: bytes, question: bytes, upstream: tuple[str, int]) -> bytes:
    # A new socket for each question: the kernel picks a random port (RFC 5452 9.2) and drops what other hosts send.
    loop = asyncio.get_running_loop()
    transport, exchange = await loop.create_datagram_endpoint(lambda: _Exchange(query, question), remote_addr=upstream)
    try:
        transport.sendto(query)
        return await exchange.reply
    finally:
        transport.close()


async def _over_tcp(query: bytes, question: bytes, upstream: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*upstream)
    try:
        writer.write(frame(query))
        size = int.from_bytes(await reader.readexactly(2), "big")
        if size > MAX_MESSAGE:
            message = f"{size} octets long"
            raise ValueError(message)
        reply = await reader.readexactly(size)
    finally:
        writer.close()
    if reply[:2] != query[:2] or not answers(reply, question):
        message = "about something else"
        raise ValueError(message)
    return reply


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _is_address(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        return False
