"""Sends one mail by SMTP (RFC 5321), over TLS (RFC 8314), with STARTTLS (RFC 3207), or in the clear.

The standard library's client blocks a thread for as long as a server likes; here everything has one deadline. What a server says
before TLS begins does not count afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from base64 import b64encode
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from mirage_hole.sources.failures import Failure, reason
from mirage_hole.sources.said import without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.sources.resolve import UpstreamResolver

PATIENCE: Final = 10.0
"""Seconds for everything."""
_MAX_REPLY: Final = 16 * 1024
_MOST_ADDRESSES: Final = 4

Protection = Literal["starttls", "tls", "none"]


class Login(NamedTuple):
    """Who we are to the server; an empty user: nobody in particular."""

    user: str = ""
    password: str = ""


async def send_mail(
    server: str,
    port: int,
    protection: Protection,
    login: Login,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    *,
    resolver: UpstreamResolver,
    context: ssl.SSLContext | None = None,
    patience: float = PATIENCE,
) -> str:
    """Hand a mail over; what the server said to it.

    Args:
        server: name or address; its certificate must be for it.
        message: with CRLF at the ends of lines.
        context: None: the system's authorities are trusted.
        patience: seconds for everything.

    Raises:
        Failure: it was not taken, for all recipients.
    """
    secrets = (login.password, _plain(login))
    try:
        async with asyncio.timeout(patience):
            trusted = context if context is not None else await asyncio.to_thread(_system_trust)
            conversation = await _connect(server, port, protection, trusted, resolver)
            try:
                said = await _talk(conversation, server, protection, trusted, login, sender, recipients, message)
            finally:
                conversation.close()
    except TimeoutError:
        sentence = f"the mail server was not done within {patience:g} s"
        raise Failure(sentence, network=True) from None
    except ssl.SSLError as problem:
        why = getattr(problem, "verify_message", "") or problem.reason or str(problem)
        sentence = f"its certificate or TLS is not acceptable ({why}); check the server's name, and this machine's date"
        raise Failure(sentence) from None
    except OSError as problem:
        sentence = f"the mail server can't be reached ({reason(problem)})"
        raise Failure(sentence, network=True) from None
    except _No as problem:
        sentence = without(secrets, f"the mail server does not take it: {problem}")
        raise Failure(sentence, passing=problem.code.startswith("4")) from None
    return without(secrets, said)


class _No(Exception):  # noqa: N818 - reads as what it is at the raise
    """A reply that is not the wanted one."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(f"{code} {text}" if code else text)
        self.code = code


class _Conversation(asyncio.Protocol):
    """Commands and replies, on a transport that may be replaced by one with TLS."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._heard = bytearray()
        self._over = ""
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if len(self._heard) > _MAX_REPLY:
            self._over = "it talks without end"
            self.close()
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = self._over or (f"it hung up: {reason(exc)}" if exc else "it hung up")
        self._news.set()

    def close(self) -> None:
        """Hang up at once."""
        if self.transport is not None:
            self.transport.abort()

    async def start_tls(self, context: ssl.SSLContext, server: str) -> None:
        """From here on, TLS. Raises as the handshake does, and :class:`_No`."""
        assert self.transport is not None
        if self._heard:  # CVE-2011-0411: somebody on the way may have said it
            message = "it said something before TLS began"
            raise _No(message)
        secured = await asyncio.get_running_loop().start_tls(self.transport, self, context, server_hostname=server)
        if secured is None:
            raise _No(self._over or "it hung up")
        self.transport = secured

    async def ask(self, command: str, *wanted: str) -> list[str]:
        """Say one line and read the reply, whose code begins with one of ``wanted``; its lines without the code."""
        if command:
            if not command.isprintable():
                message = "a setting has control characters in it"
                raise _No(message)
            self.write(command.encode() + b"\r\n")
        code, lines = await self._reply()
        if not code.startswith(wanted):
            raise _No(" ".join(lines), code)
        return lines

    def write(self, octets: bytes) -> None:
        """Say it."""
        assert self.transport is not None
        self.transport.write(octets)

    async def _reply(self) -> tuple[str, list[str]]:
        lines = []
        while True:
            line = (await self._line()).decode("utf-8", "replace")
            code, rest = line[:3], line[4:]
            if len(code) < 3 or not code.isdecimal() or not code.isascii() or line[3:4] not in {"", " ", "-"}:
                message = f"it does not speak SMTP: {line}"
                raise _No(message)
            lines.append(rest)
            if line[3:4] != "-":
                return code, lines

    async def _line(self) -> bytes:
        while (end := self._heard.find(b"\n")) < 0:
            if self._over:
                raise _No(self._over)
            self._news.clear()
            await self._news.wait()
        line = bytes(self._heard[:end]).rstrip(b"\r")
        del self._heard[: end + 1]
        return line


async def _connect(
    server: str, port: int, protection: Protection, context: ssl.SSLContext, resolver: UpstreamResolver
) -> _Conversation:
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(None, "it has no address")
    for address in (await _addresses(server, port, resolver))[:_MOST_ADDRESSES]:
        at_once = protection == "tls"
        try:
            _, conversation = await loop.create_connection(
                _Conversation,
                address,
                port,
                ssl=context if at_once else None,
                server_hostname=server if at_once else None,
            )
        except ssl.SSLError:
            raise
        except OSError as problem:
            failure = problem
            continue
        return conversation
    raise failure


async def _addresses(server: str, port: int, resolver: UpstreamResolver) -> list[str]:
    with contextlib.suppress(ValueError):
        return [str(ip_address(server))]
    return [found["host"] for found in await resolver.resolve(server, port)]


async def _talk(
    told: _Conversation,
    server: str,
    protection: Protection,
    context: ssl.SSLContext,
    login: Login,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
) -> str:
    await told.ask("", "220")
    features = await _greet(told)
    if protection == "starttls":
        if not any(one.upper().split()[:1] == ["STARTTLS"] for one in features):
            missing = 'it offers no STARTTLS; write tls = "tls", or another port'
            raise _No(missing)
        await told.ask("STARTTLS", "220")
        await told.start_tls(context, server)
        features = await _greet(told)
    if login.user:
        await _log_in(told, features, login)
    await told.ask(f"MAIL FROM:<{sender}>", "2")
    refused: _No | None = None
    taken = 0
    for recipient in recipients:
        try:
            await told.ask(f"RCPT TO:<{recipient}>", "2")
            taken += 1
        except _No as problem:
            if not problem.code:
                raise
            refused = problem
    if not taken:
        raise refused or _No("there are no recipients")
    await told.ask("DATA", "354")
    told.write(_dotted(message))
    said = " ".join(await told.ask("", "2"))
    told.write(b"QUIT\r\n")
    return f"250 {said}" + (f"; for {len(recipients) - taken} recipients: {refused}" if refused else "")


async def _greet(told: _Conversation) -> list[str]:
    assert told.transport is not None
    address = told.transport.get_extra_info("sockname")[0].partition("%")[0]
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"  # RFC 5321 4.1.3: no name, so the address
    return await told.ask(f"EHLO {literal}", "250")


async def _log_in(told: _Conversation, features: list[str], login: Login) -> None:
    ways = {way for one in features if one.upper().startswith(("AUTH ", "AUTH=")) for way in one[5:].upper().split()}
    if "PLAIN" in ways:  # RFC 4616
        await told.ask(f"AUTH PLAIN {_plain(login)}", "235")
    elif "LOGIN" in ways:
        await told.ask("AUTH LOGIN", "334")
        await told.ask(b64encode(login.user.encode()).decode(), "334")
        await told.ask(b64encode(login.password.encode()).decode(), "235")
    else:
        message = "it takes no password; leave user out, or write another port"
        raise _No(message)


def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _plain(login: Login) -> str:
    return b64encode(f"\0{login.user}\0{login.password}".encode(errors="replace")).decode()


def _dotted(message: bytes) -> bytes:
    """RFC 5321 4.5.2: a line that begins with a dot gets another, so that none ends the mail early."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"
