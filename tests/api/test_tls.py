"""HTTPS: certificates are checked, watched and exchanged while connections go on."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import ssl
import subprocess
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
import trustme

from mirage_hole.api.certificate import BadCertificate, facts_of, problems_of, read_files
from mirage_hole.api.self_signed import DAYS, FILE, own_pair
from mirage_hole.api.server import start_redirect
from mirage_hole.api.tls import HSTS, Tls
from mirage_hole.config.settled import SELF_SIGNED, Endpoint
from tests.api.doors import a_door
from tests.api.serving import get, talk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DAY = 86400.0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


class Files:
    """A certificate and a key on disk."""

    def __init__(self, authority: trustme.CA, folder: Path) -> None:
        self.authority, self.folder = authority, folder
        self.certificate, self.key = folder / "web.pem", folder / "web.key"
        self.issue()

    def issue(self, *names: str, **how: Any) -> None:
        """A new pair in the place of the old one."""
        made = self.authority.issue_cert(*(names or ("localhost", "127.0.0.1")), **how)
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        for path, octets in ((self.certificate, chain), (self.key, made.private_key_pem.bytes())):
            part = path.with_suffix(".new")
            part.write_bytes(octets)
            part.chmod(0o600)
            part.replace(path)

    def client(self) -> ssl.SSLContext:
        """What trusts the authority."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    def problems(self, now: float | None = None) -> list[str]:
        """What is wrong."""
        return [f"{one.where} {one.what}" for one in problems_of(str(self.certificate), str(self.key), now)[0]]


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Files:
    return Files(authority, tmp_path)


@asynccontextmanager
async def watched(files: Files) -> AsyncIterator[tuple[Tls, str]]:
    """A server whose certificate is looked after, and its URL."""
    tls = Tls(str(files.certificate), str(files.key), files.folder, look_every=0.01)
    await tls.load()
    async with a_door(tls=tls) as server, asyncio.TaskGroup() as group:
        task = group.create_task(tls.watch())
        yield tls, server.url
        task.cancel()


async def serial(url: str, files: Files) -> int:
    """The serial number of the certificate that a new connection gets."""
    host, _, port = url.removeprefix("https://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=files.client())
    told = writer.get_extra_info("peercert")["serialNumber"]
    writer.transport.abort()
    return int(told, 16)


async def until(what: Any) -> None:
    async with asyncio.timeout(30):
        while not await what():  # noqa: ASYNC110 - a watched file tells nobody
            await asyncio.sleep(0.01)


async def test_everything_is_served_over_https(files: Files) -> None:
    async with watched(files) as (_, url):
        assert url.startswith("https://127.0.0.1:")
        status, headers, body = await get(f"{url}/api/v1/stats", ssl=files.client())
        assert (status, headers["Strict-Transport-Security"]) == (200, HSTS)
        assert orjson.loads(body)["version"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
async def test_curl_trusts_the_chain(files: Files, tmp_path: Path) -> None:
    files.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with watched(files) as (_, url):
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "--max-time", "20", "--cacert", str(tmp_path / "ca.pem"), f"{url}/healthz"),
            stdout=subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert orjson.loads(out)["status"] == "ok"


async def test_http_has_no_hsts() -> None:
    async with a_door() as server:
        assert "Strict-Transport-Security" not in (await get(server.url))[1]


async def test_old_versions_of_tls_are_refused(files: Files) -> None:
    async with watched(files) as (_, url):
        host, _, port = url.removeprefix("https://").rpartition(":")
        old = files.client()
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(host, int(port), ssl=old)
        weak = files.client()
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES128-SHA256:AES128-GCM-SHA256")  # no forward secrecy
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(host, int(port), ssl=weak)


async def test_who_speaks_http_is_told_what_this_port_speaks(files: Files) -> None:
    async with watched(files) as (_, url):
        answer = await talk(url.replace("https", "http"), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"write https://" in answer
        for garbage in (b"\x16\x03\x01\x00\x05hello", b"\x16", b"\x00" * 1000):
            await talk(url.replace("https", "http"), garbage + b"\r\n" * 300)
        assert (await get(f"{url}/healthz", ssl=files.client()))[0] == 200


async def test_a_new_certificate_counts_for_new_connections_and_ends_no_old_one(files: Files) -> None:
    async with watched(files) as (tls, url), aiohttp.ClientSession() as session:
        before = await serial(url, files)
        async with session.get(f"{url}/api/v1/events", ssl=files.client()) as stream:
            await stream.content.readline()
            files.issue()

            async def changed() -> bool:
                return await serial(url, files) != before

            await until(changed)
            assert await stream.content.readline()
            assert not stream.content.at_eof()
        assert tls.trouble == ""


async def test_a_bad_pair_is_told_and_the_old_one_goes_on(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    async with watched(files) as (tls, url):
        before = await serial(url, files)
        files.key.write_bytes(files.authority.issue_cert("other").private_key_pem.bytes())

        async def told() -> bool:
            return "belongs to another certificate" in tls.trouble

        await until(told)
        assert await serial(url, files) == before
        files.certificate.unlink()

        async def missing() -> bool:
            return "No such file" in tls.trouble

        await until(missing)
        assert await serial(url, files) == before
        files.issue()

        async def well() -> bool:
            return tls.trouble == "" and await serial(url, files) != before

        await until(well)
    assert "the old one goes on" in caplog.text
    assert "BEGIN" not in caplog.text


async def test_an_expired_one_never_takes_the_place_of_a_valid_one(files: Files) -> None:
    tls = Tls(str(files.certificate), str(files.key), files.folder)
    await tls.load()
    facts = tls.facts
    files.issue(not_after=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1))
    with pytest.raises(BadCertificate, match="expired"):
        await tls.load()
    assert tls.facts == facts


async def test_an_expired_one_is_better_than_no_web_page_and_is_told(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    facts = facts_of(read_files(str(files.certificate), str(files.key)))
    tls = Tls(str(files.certificate), str(files.key), files.folder, clock=lambda: facts.ends + 1)
    await tls.load()
    assert tls.context() is not None
    assert "expired at" in tls.trouble
    assert "expired at" in caplog.text


def test_every_problem_of_the_files_has_a_sentence(files: Files) -> None:
    assert files.problems() == []
    facts = facts_of(read_files(str(files.certificate), str(files.key)))
    assert facts.names == ("localhost", "127.0.0.1")
    assert "expired at" in files.problems(facts.ends + 1)[0]
    assert "is valid from" in files.problems(facts.begins - 1)[0]
    files.key.write_bytes(files.certificate.read_bytes())
    assert files.problems() == ["web.key there is no private key in it"]
    files.certificate.write_bytes(b"nothing")
    assert len(files.problems()) == 2
    files.certificate.unlink()
    files.key.write_bytes(b"x" * 300_000)
    assert ["No such file" in files.problems()[0], "larger than 256 KiB" in files.problems()[1]] == [True, True]


def test_a_key_with_a_password_is_told_and_not_waited_for(files: Files) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    closed = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    files.key.write_bytes(closed)
    assert files.problems() == ["web.key has a password, which nobody is there to type"]


def test_a_key_that_others_can_read_is_warned_of(files: Files) -> None:
    assert problems_of(str(files.certificate), str(files.key))[1] == []
    files.key.chmod(0o644)
    (warning,) = problems_of(str(files.certificate), str(files.key))[1]
    assert warning.instead == f"chmod 640 {files.key}"


async def test_what_was_read_early_serves_when_the_files_can_not_be_read_any_more(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    early = read_files(str(files.certificate), str(files.key))
    files.key.unlink()
    tls = Tls(str(files.certificate), str(files.key), files.folder, early=early)
    await tls.load()
    assert tls.context() is not None
    assert "counts after a restart" in caplog.text
    assert "LoadCredential=" in caplog.text


async def test_a_certificate_of_ones_own_is_kept_closed_and_renewed(tmp_path: Path) -> None:
    now = time.time()
    first = own_pair(tmp_path, ["hole.local", "192.168.1.2", "fe80::1%eth0"], now)
    facts = facts_of(first)
    assert facts.names == ("hole.local", "192.168.1.2", "fe80::1")
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert own_pair(tmp_path, ["hole.local"], now + (DAYS - 31) * DAY) == first
    assert own_pair(tmp_path, ["hole.local"], now + (DAYS - 29) * DAY) != first
    again = own_pair(tmp_path, ["other.local"], now)
    assert facts_of(again).names == ("other.local",)
    (tmp_path / FILE).write_bytes(b"damaged")
    assert facts_of(own_pair(tmp_path, ["hole.local"], now)).names == ("hole.local",)


async def test_a_certificate_of_ones_own_serves_without_hsts(tmp_path: Path) -> None:
    tls = Tls(SELF_SIGNED, "", tmp_path, names=lambda: ["localhost", "127.0.0.1"])
    await tls.load()
    trust = ssl.create_default_context(cafile=str(tmp_path / FILE))
    async with a_door(tls=tls) as server:
        status, headers, _ = await get(f"{server.url}/healthz", ssl=trust)
    assert status == 200
    assert "Strict-Transport-Security" not in headers


async def test_http_leads_to_https_and_nowhere_else() -> None:
    server = await start_redirect(Endpoint("127.0.0.1", 0), 8443)
    try:
        for path in ("/", "/api/v1/stats?top=3", "//evil.example/x", "/a%20b%0d%0aX: y"):
            status, headers, _ = (
                await get(server.url, allow_redirects=False) if path == "/" else await _raw(server.url, path)
            )
            assert status == 308
            assert headers["Location"].startswith("https://127.0.0.1:8443/")
            assert "\r" not in headers["Location"]
        status, _, _ = await get(server.url, allow_redirects=False, headers={"Host": "evil.example"})
        assert status == 421
    finally:
        await server.cleanup()


async def _raw(url: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """A request with a path as it is."""
    octets = f"GET {path.replace(' ', '%20')} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    head, _, body = (await talk(url, octets)).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body
