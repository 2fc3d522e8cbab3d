"""A mail server for tests: speaks enough SMTP, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from base64 import b64decode
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """Collects mails; ``says`` replaces the reply to a command."""

    context: ssl.SSLContext | None = None
    at_once: bool = False
    offers: tuple[str, ...] = ("AUTH PLAIN LOGIN",)
    says: dict[str, bytes] = field(default_factory=dict)
    logins: list[tuple[str, str]] = field(default_factory=list)
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    port: int = 0

    @contextlib.asynccontextmanager
    async def running(self):
        self._writers = set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer, _ in self._writers:
                writer.transport.abort()
            if self._writers:
                await asyncio.wait({task for _, task in self._writers}, timeout=5.0)

    async def _serve(self, reader, writer):
        self._writers.add((writer, asyncio.current_task()))
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError):
            await self._talk(reader, writer)
        writer.close()

    async def _secure(self, writer):
        plain = writer.transport
        with contextlib.suppress(AttributeError):
            await writer.start_tls(self.context)
        if writer.transport is None:  # the client has hung up meanwhile, which asyncio does not expect
            writer._transport = plain
            raise ConnectionResetError

    async def _talk(self, reader, writer):
        async def say(word, text):
            writer.write(self.says.get(word, text))
            await writer.drain()

        if self.at_once:
            await self._secure(writer)
        await say("GREETING", b"220-mail.example\r\n220 at your service\r\n")
        sender, recipients = "", []
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            word = line.split()[0].upper()
            if word == "EHLO":
                tls = writer.get_extra_info("ssl_object") is not None
                offers = ("mail.example", *(("STARTTLS",) if self.context and not tls else ()), *self.offers)
                lines = [f"250{'-' if number < len(offers) - 1 else ' '}{one}" for number, one in enumerate(offers)]
                await say("EHLO", "".join(one + "\r\n" for one in lines).encode())
            elif word == "STARTTLS":
                await say("STARTTLS", b"220 go\r\n")
                if "STARTTLS" not in self.says:
                    await self._secure(writer)
            elif word == "AUTH":
                if line.split()[1] == "LOGIN":
                    parts = []
                    for asked in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
                        await say("", asked)
                        parts.append(b64decode(await reader.readline()).decode())
                    self.logins.append((parts[0], parts[1]))
                else:
                    _, user, password = b64decode(line.split()[2]).decode().split("\0")
                    self.logins.append((user, password))
                await say("AUTH", b"235 welcome\r\n")
            elif word == "MAIL":
                sender = line.partition("<")[2].partition(">")[0]
                await say("MAIL", b"250 ok\r\n")
            elif word == "RCPT":
                one = line.partition("<")[2].partition(">")[0]
                reply = self.says.get(one, b"250 ok\r\n")
                if reply.startswith(b"2"):
                    recipients.append(one)
                await say("", reply)
            elif word == "DATA":
                await say("DATA", b"354 go on\r\n")
                text = b""
                while (part := await reader.readline()) not in {b".\r\n", b""}:
                    text += part[1:] if part.startswith(b".") else part
                self.mails.append((sender, recipients, text))
                self.secured.append(writer.get_extra_info("ssl_object") is not None)
                await say("END", b"250 2.0.0 queued as 7\r\n")
            elif word == "QUIT":
                await say("QUIT", b"221 bye\r\n")
                return
