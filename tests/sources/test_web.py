"""Redirections that are followed and those that are not; network trouble in words."""

from __future__ import annotations

import ssl

import aiohttp
import pytest
from yarl import URL

from mirage_hole.sources import web
from mirage_hole.sources.failures import Failure
from mirage_hole.sources.shelf import Note


class Answer:
    def __init__(self, status, location=""):
        self.status = status
        self.headers = {"Location": location} if location else {}
        self.closed = False

    def close(self):
        self.closed = True


class Session:
    """Answers from a script, and remembers what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def get(self, url, *, headers, allow_redirects):
        assert not allow_redirects
        self.asked.append(str(url))
        return self.answers.pop(0)


async def test_a_redirection_from_https_to_http_is_not_followed():
    session = Session(Answer(302, "http://mirror.example/list.txt"))
    with pytest.raises(
        Failure, match=r"from https to http://mirror.example/list.txt, where anybody on the way"
    ) as caught:
        await web.get(session, "https://a.example/list.txt", {}, 5)
    assert not caught.value.passing


async def test_a_redirection_from_http_to_https_is():
    first, last = Answer(301, "https://a.example/list.txt"), Answer(200)
    session = Session(first, last)
    assert await web.get(session, "http://a.example/list.txt", {}, 5) is last
    assert first.closed
    assert session.asked == ["http://a.example/list.txt", "https://a.example/list.txt"]


async def test_a_password_does_not_travel_to_another_host():
    session = Session(Answer(307, "https://b.example/x"), Answer(200))
    await web.get(session, "https://me:secret@a.example/x", {}, 5)
    assert session.asked[1] == "https://b.example/x"


async def test_an_address_that_only_looks_like_one_is_refused():
    with pytest.raises(Failure, match="the address is not valid"):
        await web.get(Session(), "https://a.example:99999999/", {}, 5)


def test_only_known_validators_are_sent():
    assert web.conditions(Note()) == {}
    assert web.conditions(Note(etag='"1"')) == {"If-None-Match": '"1"'}
    assert web.conditions(Note(last_modified="Mon")) == {"If-Modified-Since": "Mon"}


def test_a_validator_too_long_to_keep_is_not_kept():
    answer = Answer(200)
    answer.headers = {"ETag": "x" * 5000, "Last-Modified": "Mon"}
    assert web.validators(answer) == ("", "Mon")


def key(host="a.example", port=443):
    return aiohttp.client_reqrep.ConnectionKey(host, port, True, True, None, None, None)


@pytest.mark.parametrize(
    ("problem", "words", "passing"),
    [
        (
            aiohttp.ClientConnectorCertificateError(key(), ssl.SSLCertVerificationError("certificate has expired")),
            "certificate has expired",
            False,
        ),
        (
            aiohttp.ClientConnectorDNSError(key(), OSError(None, "NXDOMAIN")),
            "no address found for a.example (NXDOMAIN)",
            True,
        ),
        (aiohttp.ConnectionTimeoutError(), "no connection within 10 s", True),
        (aiohttp.SocketTimeoutError(), "sent nothing for 30 s", True),
        (
            aiohttp.ClientConnectorError(key(), OSError(113, "No route to host")),
            "a.example:443 (No route to host)",
            True,
        ),
        (aiohttp.InvalidURL("http://"), "is no web address", False),
        (aiohttp.ClientPayloadError("x"), "cut off", True),
        (aiohttp.ServerDisconnectedError(), "closed the connection", True),
        (ConnectionResetError(104, "Connection reset by peer"), "ConnectionResetError: Connection reset by peer", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_network_trouble_is_a_sentence(problem, words, passing):
    failure = web.from_network(problem, connect=10.0, stall=30.0)
    assert words in str(failure)
    assert "; " in str(failure)
    assert failure.passing is passing


def test_a_relative_redirection_starts_from_where_it_stands():
    assert web._redirected(URL("https://a.example/x/y"), "../z?1") == URL("https://a.example/z?1")
