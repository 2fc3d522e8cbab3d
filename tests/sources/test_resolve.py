"""List servers are found by asking the upstreams directly, and only those."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from itertools import count

import dnslib
import pytest

from mirage_hole.sources.download import Downloader
from mirage_hole.sources.resolve import UpstreamResolver
from mirage_hole.sources.shelf import Shelf
from mirage_hole.wire.message import make_query
from tests.ports import bound_pair, kept_port

from .serving import LIST, always, serving, source

ZONE = """
lists.example. 60 IN A 127.0.0.1
both.example. 60 IN CNAME lists.example.
lists.example. 60 IN AAAA ::1
four.example. 60 IN A 192.0.2.4
blocked.example. 60 IN A 0.0.0.0
blocked.example. 60 IN AAAA ::
"""


def reply_to(query: bytes, zone: str = ZONE, rcode: int = 0) -> bytes:
    asked = dnslib.DNSRecord.parse(query)
    reply = asked.reply()
    reply.header.rcode = rcode
    records = dnslib.RR.fromZone(zone)
    name, kind = asked.q.qname, asked.q.qtype
    for record in records:
        if record.rname == name and record.rtype == 5:
            reply.add_answer(record)
            name = record.rdata.label
    for record in records:
        if record.rname == name and record.rtype == kind:
            reply.add_answer(record)
    return bytes(reply.pack())


class Server(asyncio.DatagramProtocol):
    """An upstream whose every reply is made by ``answer(query) -> list of datagrams``."""

    def __init__(self, answer):
        self.answer = answer
        self.queries = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.queries.append(data)
        for reply in self.answer(data):
            self.transport.sendto(reply, addr)


@asynccontextmanager
async def upstream(answer=lambda query: [reply_to(query)], over_tcp=None):
    loop = asyncio.get_running_loop()
    bound, listening = bound_pair()
    if over_tcp is None:
        listening.close()
    bound.setblocking(False)
    udp, server = await loop.create_datagram_endpoint(lambda: Server(answer), sock=bound)
    server.address = bound.getsockname()

    async def stream(reader, writer):
        query = (await reader.read(4096))[2:]
        writer.write(over_tcp(query))
        writer.close()

    tcp = await asyncio.start_server(stream, sock=listening) if over_tcp else None
    try:
        yield server
    finally:
        udp.close()
        if tcp:
            tcp.close()
            await tcp.wait_closed()


def asking(*upstreams, hosts_file=None, **settings):
    return UpstreamResolver([server.address for server in upstreams], hosts_file=hosts_file, **settings)


async def addresses(resolver, host, family=socket.AF_UNSPEC):
    return [one["host"] for one in await resolver.resolve(host, 80, family)]


async def test_both_families_are_asked_and_a_cname_is_followed():
    async with upstream() as server:
        found = await asking(server).resolve("both.example", 8080, socket.AF_UNSPEC)
    assert [(one["host"], one["family"], one["port"], one["hostname"]) for one in found] == [
        ("127.0.0.1", socket.AF_INET, 8080, "both.example"),
        ("::1", socket.AF_INET6, 8080, "both.example"),
    ]
    assert len(server.queries) == 2


@pytest.mark.parametrize(("family", "expected"), [(socket.AF_INET, ["127.0.0.1"]), (socket.AF_INET6, ["::1"])])
async def test_only_the_wanted_family_is_asked(family, expected):
    async with upstream() as server:
        assert await addresses(asking(server), "lists.example", family) == expected
    assert len(server.queries) == 1


async def test_a_name_with_one_family_only_is_found():
    async with upstream() as server:
        assert await addresses(asking(server), "four.example") == ["192.0.2.4"]


async def test_what_answers_something_else_is_not_believed():
    def lies(query):
        other = make_query("other.example", 1, int.from_bytes(query[:2], "big"))
        wrong_id = bytes([query[0] ^ 1]) + query[1:]
        return [
            b"",
            b"x" * 5,
            query,
            reply_to(other),
            reply_to(wrong_id, "four.example. A 203.0.113.66"),
            reply_to(query),
        ]

    async with upstream(lies) as server:
        assert await addresses(asking(server), "four.example", socket.AF_INET) == ["192.0.2.4"]


async def test_each_question_has_its_own_id():
    numbers = count(1000)
    async with upstream() as server:
        await addresses(asking(server, dice=lambda: next(numbers)), "lists.example")
    assert sorted(int.from_bytes(query[:2], "big") for query in server.queries) == [1000, 1001]


async def test_the_next_upstream_is_asked_when_one_fails():
    async with (
        upstream(lambda query: [reply_to(query, rcode=2)]) as failing,
        upstream(lambda query: []) as silent,
        upstream(lambda query: [query[:2] + b"\x81\x80" + query[4:-20] + b"\xff" * 20]) as broken,
        upstream() as good,
    ):
        resolver = asking(failing, silent, broken, good, patience=1.0)
        assert await addresses(resolver, "lists.example", socket.AF_INET) == ["127.0.0.1"]


async def test_when_all_fail_the_error_says_what_each_said():
    dead = ("127.0.0.1", kept_port())
    async with (
        upstream(lambda query: []) as silent,
        upstream(lambda query: [reply_to(query, rcode=3)]) as knows_nothing,
    ):
        resolver = UpstreamResolver([dead, silent.address, knows_nothing.address], patience=1.0, hosts_file=None)
        with pytest.raises(OSError, match="answered NXDOMAIN") as caught:
            await resolver.resolve("lists.example")
    assert "127.0.0.1 can't be asked: Connection refused; 127.0.0.1 gave no answer within 1 s; " in str(caught.value)


@pytest.mark.parametrize("name", ["unknown.example", "blocked.example"])
async def test_no_address_and_the_address_of_nowhere_are_both_none(name):
    async with upstream() as server:
        with pytest.raises(OSError, match="knows no address"):
            await asking(server).resolve(name)


async def test_a_name_that_is_none_is_an_error_without_a_question():
    async with upstream() as server:
        with pytest.raises(OSError, match="is no domain name"):
            await asking(server).resolve("a..example")
    assert server.queries == []


async def test_without_upstreams_the_error_says_so():
    with pytest.raises(OSError, match="no upstream to ask"):
        await UpstreamResolver([], hosts_file=None).resolve("lists.example")


async def test_a_truncated_reply_is_asked_again_over_tcp():
    def truncated(query):
        return [query[:2] + b"\x83\x80" + query[4:]]

    def framed(query):
        reply = reply_to(query)
        return len(reply).to_bytes(2, "big") + reply

    async with upstream(truncated, framed) as server:
        assert await addresses(asking(server), "four.example", socket.AF_INET) == ["192.0.2.4"]


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (lambda query: b"\xff\xff", "65535 octets long"),
        (lambda query: b"\0\x20" + b"x" * 32, "about something else"),
        (lambda query: b"\0\x20short", "can't be asked"),
        (lambda query: b"", "can't be asked"),
    ],
)
async def test_lies_over_tcp_are_no_answer(stream, words):
    async with upstream(lambda query: [query[:2] + b"\x83\x80" + query[4:]], stream) as server:
        with pytest.raises(OSError, match=words):
            await asking(server).resolve("four.example", 0, socket.AF_INET)


async def test_the_hosts_file_comes_first_as_for_every_program_here(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "192.0.2.9  NAS.home nas # the box\n2001:db8::9 nas.home\n0.0.0.0 nowhere.example\nrubbish nas.home\n"
    )
    async with upstream() as server:
        resolver = asking(server, hosts_file=hosts)
        assert await addresses(resolver, "nas.HOME") == ["192.0.2.9", "2001:db8::9"]
        assert await addresses(resolver, "nas") == ["192.0.2.9"]
        assert server.queries == []
        assert await addresses(resolver, "four.example") == ["192.0.2.4"]
        with pytest.raises(OSError, match="no address of the wanted family"):
            await resolver.resolve("nas", 0, socket.AF_INET6)


async def test_localhost_is_here_without_a_question():
    resolver = UpstreamResolver([], hosts_file=None)
    assert await addresses(resolver, "localhost") == ["127.0.0.1", "::1"]
    assert await addresses(resolver, "lists.localhost.", socket.AF_INET) == ["127.0.0.1"]


async def test_a_download_finds_its_server_through_the_upstream(tmp_path):
    async with upstream() as server, serving(always()) as served:
        port = served.base.rpartition(":")[2]
        wanted = source(f"http://lists.example:{port}/list.txt")
        (outcome,) = await Downloader(Shelf(tmp_path), resolver=asking(server)).fetch_all([wanted])
    assert outcome.error == ""
    assert outcome.copy.path.read_bytes() == LIST
    assert server.queries


async def test_a_download_whose_server_has_no_address_says_why(tmp_path):
    async with upstream() as server:
        wanted = source("http://unknown.example/list.txt")

        async def no_wait(seconds):
            return None

        downloader = Downloader(Shelf(tmp_path), resolver=asking(server), sleep=no_wait)
        (outcome,) = await downloader.fetch_all([wanted])
    assert "no address found for unknown.example (127.0.0.1 knows no address)" in outcome.error
