from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.sources.failures import Failure
from mirage_hole.sources.smtp import Login, _dotted, send_mail
from sources.mail import MailServer

MAIL = b"Subject: hello\r\n\r\nbody\r\n.\r\n..two\r\nend\r\n"


class Resolver:
    async def resolve(self, host, port=0, family=0):
        return [{"host": "127.0.0.1"}]


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def served(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mail.example").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def trusted(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def send(server, trusted=None, *, tls="none", login=("", ""), to=("me@example.org",), name="mail.example", **how):
    return await send_mail(
        name, server.port, tls, Login(*login), "dns@example.org", to, MAIL,
        resolver=Resolver(), context=trusted, **how,
    )  # fmt: skip


async def test_a_mail_arrives_as_it_is_dots_included():
    async with MailServer().running() as server:
        said = await send(server, to=("me@example.org", "you@example.org"))
    assert server.mails == [("dns@example.org", ["me@example.org", "you@example.org"], MAIL)]
    assert said == "250 2.0.0 queued as 7"


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("way", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
async def test_over_tls_the_password_is_told_and_only_there(served, trusted, tls, way):
    async with MailServer(served, at_once=tls == "tls", offers=(way,)).running() as server:
        await send(server, trusted, tls=tls, login=("me", "sesame"))
    assert server.logins == [("me", "sesame")]
    assert server.secured == [True]
    if tls == "starttls":
        assert server.commands.index("STARTTLS") < next(n for n, one in enumerate(server.commands) if "AUTH" in one)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_of_a_stranger_or_for_another_name_ends_it_before_anything_is_told(served, trusted, tls):
    for context, name in ((ssl.create_default_context(), "mail.example"), (trusted, "other.example")):
        async with MailServer(served, at_once=tls == "tls").running() as server:
            with pytest.raises(Failure, match="certificate"):
                await send(server, context, tls=tls, login=("me", "sesame"), name=name)
        assert (server.logins, server.mails) == ([], [])


async def test_a_server_without_starttls_gets_nothing(trusted):
    async with MailServer().running() as server:
        with pytest.raises(Failure, match="offers no STARTTLS"):
            await send(server, trusted, tls="starttls", login=("me", "sesame"))
    assert (server.logins, server.mails) == ([], [])


async def test_what_is_said_before_tls_begins_does_not_count(served, trusted):
    says = {"STARTTLS": b"220 go\r\n250 forged\r\n"}
    async with MailServer(served, says=says).running() as server:
        with pytest.raises(Failure, match="before TLS began"):
            await send(server, trusted, tls="starttls")


async def test_a_refused_login_is_told_without_the_password(served, trusted):
    says = {"AUTH": b"535 5.7.8 no sesame for AG1lAHNlc2FtZQ==\r\n"}
    async with MailServer(served, says=says).running() as server:
        with pytest.raises(Failure) as caught:
            await send(server, trusted, tls="starttls", login=("me", "sesame"))
    assert "535" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert "AG1lAHNlc2FtZQ" not in str(caught.value)


async def test_a_recipient_that_is_refused_does_not_cost_the_others_their_mail():
    async with MailServer(says={"you@example.org": b"550 no such user\r\n"}).running() as server:
        said = await send(server, to=("me@example.org", "you@example.org"))
        assert "550 no such user" in said
        with pytest.raises(Failure, match="550 no such user"):
            await send(server, to=("you@example.org",))
    assert [one[1] for one in server.mails] == [["me@example.org"]]


@pytest.mark.parametrize(
    ("says", "what"),
    [
        ({"GREETING": b"554 go away\r\n"}, "554 go away"),
        ({"GREETING": b"HTTP/1.1 400 Bad Request\r\n"}, "does not speak SMTP"),
        ({"GREETING": b"220-" + b"x" * 40_000}, "without end"),
        ({"EHLO": b"250-a\r\n" * 5000}, "without end|within"),
        ({"MAIL": b"451 later\r\n"}, "451 later"),
        ({"DATA": b"250 what\r\n"}, "250 what"),
        ({"END": b"552 too much " + b"y" * 1000 + b"\r\n"}, "552 too much"),
        ({"MAIL": b"550 \x1b[31m\x07red\r\n"}, "550"),
        ({"EHLO": b"25\xc2\xb2 odd\r\n"}, "does not speak SMTP"),
    ],
)
async def test_a_server_that_is_none_or_says_no_is_a_failure_in_a_sentence(says, what):
    async with MailServer(says=says).running() as server:
        with pytest.raises(Failure, match=what) as caught:
            await send(server, patience=5.0)
    assert len(str(caught.value)) <= 200
    assert str(caught.value).isprintable()


async def test_a_server_that_hangs_up_or_is_not_there_is_a_failure():
    async def hang_up(reader, writer):
        writer.close()

    quiet = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    server = MailServer(port=quiet.sockets[0].getsockname()[1])
    with pytest.raises(Failure, match="hung up"):
        await send(server)
    quiet.close()
    with socket.socket() as held:  # bound, and nobody listens
        held.bind(("127.0.0.1", 0))
        with pytest.raises(Failure, match="can't be reached"):
            await send(MailServer(port=held.getsockname()[1]))


async def test_a_server_that_says_nothing_is_left_at_the_deadline():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(Failure, match=r"not done within 0\.2 s"):
            await send(MailServer(port=silent.getsockname()[1]), patience=0.2)


async def test_no_recipient_can_say_a_command_of_its_own():
    async with MailServer().running() as server:
        with pytest.raises(Failure, match="control characters"):
            await send(server, to=("me@example.org>\r\nRCPT TO:<you@example.org",))
    assert not any("you@example.org" in one for one in server.commands)


@given(st.binary(max_size=300))
def test_no_text_ends_a_mail_early(text):
    wire = _dotted(text)
    assert wire.endswith(b"\r\n.\r\n")
    body = wire[:-5]
    assert b"\r\n.\r\n" not in b"\r\n" + body + b"\r\n"
    assert b"\n" not in body.replace(b"\r\n", b"")
    lines = [one.removeprefix(b".") if one.startswith(b".") else one for one in body.split(b"\r\n")]
    assert b"\n".join(lines) == text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")
