"""Downloads against servers that behave, and against those that do not."""

from __future__ import annotations

import asyncio
import errno
import gzip
import hashlib
import os
from pathlib import Path

import pytest
from aiohttp import web

from mirage_hole import __version__
from mirage_hole.lists.rule import Action
from mirage_hole.sources.catalogue import load_catalogue
from mirage_hole.sources.download import Downloader, FetchOutcome, Limits, Result
from mirage_hole.sources.progress import FINAL, Stage
from mirage_hole.sources.shelf import Shelf
from mirage_hole.sources.source import Source, parse_source

from .serving import LIST, always, serving, source

NEW = LIST + b"0.0.0.0 new.example\n"
PAGE = b"<!DOCTYPE html><html><body>Moved</body></html>"


class Waits:
    """Instead of sleeping: how long the waits would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "lists", clock=lambda: 1000.0)


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture
def fetch(shelf, waits):
    async def run(*sources: Source, **limits) -> list[FetchOutcome]:
        downloader = Downloader(shelf, limits=Limits(**limits), sleep=waits, dice=lambda: 0.5, clock=lambda: 1000.0)
        return await downloader.fetch_all(sources)

    return run


async def one(fetch, wanted: Source, **limits) -> FetchOutcome:
    (outcome,) = await fetch(wanted, **limits)
    return outcome


def leftovers(shelf: Shelf) -> list[str]:
    return (
        [path.name for path in shelf.directory.iterdir() if path.name.startswith(".")]
        if shelf.directory.exists()
        else []
    )


async def test_a_list_arrives_with_all_that_is_known_of_it(fetch, shelf):
    async with serving(always(ETag='"7"', Last_Modified="Mon, 02 Jan 2023 00:00:00 GMT")) as served:
        outcome = await one(fetch, served.source())
        (request,) = served.requests
    assert (outcome.result, outcome.error) == (Result.UPDATED, "")
    assert outcome.copy.path.read_bytes() == LIST
    assert outcome.copy == shelf.find(outcome.source.key)
    note = outcome.copy.note
    assert (note.etag, note.last_modified, note.fetched_at) == ('"7"', "Mon, 02 Jan 2023 00:00:00 GMT", 1000.0)
    assert request.headers["User-Agent"] == f"mirage-hole/{__version__}"
    assert "Cookie" not in request.headers
    assert leftovers(shelf) == []


async def test_a_list_that_did_not_change_is_not_sent_again(fetch):
    async def handler(request):
        if request.headers.get("If-None-Match") == '"7"' and request.headers.get("If-Modified-Since") == "Mon":
            return web.Response(status=304, headers={"ETag": '"7"'})
        return web.Response(body=LIST, headers={"ETag": '"7"', "Last-Modified": "Mon"})

    async with serving(handler) as served:
        first = await one(fetch, served.source())
        second = await one(fetch, served.source())
    assert (first.result, second.result) == (Result.UPDATED, Result.UNCHANGED)
    assert second.copy.path.read_bytes() == LIST


async def test_the_same_text_without_validators_is_unchanged_too(fetch, shelf):
    async with serving(always()) as served:
        await one(fetch, served.source())
        assert (await one(fetch, served.source())).result is Result.UNCHANGED
    assert leftovers(shelf) == []


async def test_how_long_a_list_holds_is_noted_and_kept_while_it_does_not_change(fetch, shelf):
    async with serving(always(b"! Title: A list\n! Expires: 12 hours\n||a.example^\n")) as served:
        outcome = await one(fetch, served.source())
        assert outcome.copy.note.expires == 12 * 3600
        assert (await one(fetch, served.source())).result is Result.UNCHANGED
        assert shelf.find(outcome.source.key).note.expires == 12 * 3600


async def test_not_modified_without_being_asked_is_an_error(fetch):
    async with serving(always(b"", 304)) as served:
        outcome = await one(fetch, served.source())
    assert outcome.result is Result.FAILED
    assert "304 (Not Modified) instead of 200" in outcome.error


async def test_after_a_damaged_note_the_list_is_downloaded_whole(fetch, shelf):
    async with serving(always(ETag='"7"')) as served:
        outcome = await one(fetch, served.source())
        (shelf.directory / f"{outcome.source.key}.json").write_text("{")
        assert (await one(fetch, served.source())).result is Result.UNCHANGED
        assert "If-None-Match" not in served.requests[1].headers


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (always(PAGE), "the answer is a web page, not a list"),
        (always(PAGE, Content_Type="text/plain"), "the answer is a web page, not a list"),
        (always(b""), "the answer is empty"),
        (always(b"# moved\n"), "nothing but comments"),
        (always(b"\0\1\2" * 1000), "binary data"),
        (always(b'{"error": 1}'), "is JSON"),
        (always(b"Too many requests, slow down!\n"), "holds no rule that can be read (line 1: "),
        (
            always(b"ipset=/ads.example/ads\n" * 10),
            "in one of these formats: hosts, domains, wildcard, adblock, dnsmasq",
        ),
        (always(b"gone", 404), "the server answered 404 (Not Found); the list has moved or is gone"),
        (always(b"gone", 410), "the server answered 410 (Gone)"),
        (always(b"no", 403), "403 (Forbidden); open the address in a browser"),
        (always(b"", 204), "204 (No Content) instead of 200"),
        (always(b"odd", 299), "299 (unknown status) instead of 200"),
        (always(b"x" * 10, Content_Encoding="br"), "packed as 'br'"),
        (always(b"", 302), "redirects to ''"),
        (always(b"", 302, Location="file:///etc/passwd"), "redirects to file:"),
        (always(b"", 302, Location="ftp://x.example/"), "redirects to ftp:"),
        (always(b"", 302, Location="http://[::1"), "which is no address"),
        (always(b"", 301, Location="/again"), "redirects more than 5 times"),
    ],
)
async def test_what_is_no_list_is_refused_at_once_and_the_old_copy_stays(fetch, shelf, waits, answer, words):
    state = {"answer": always()}

    async def handler(request):
        return await state["answer"](request)

    async with serving(handler) as served:
        await one(fetch, served.source())
        state["answer"] = answer
        outcome = await one(fetch, served.source())
        fresh = await one(fetch, served.source("/other"))
    assert (outcome.result, fresh.result) == (Result.KEPT_OLD, Result.FAILED)
    assert outcome.copy.path.read_bytes() == LIST
    assert fresh.copy is None
    assert words in outcome.error
    assert outcome.error.startswith(f"{outcome.source.shown}: ")
    assert waits.seconds == []
    assert leftovers(shelf) == []


async def test_redirects_are_followed_within_http(fetch):
    async def handler(request):
        hops = {"/list.txt": "/b", "/b": "c?x=1", "/c": f"http://127.0.0.1:{request.url.port}/d"}
        target = hops.get(request.path)
        return web.Response(status=308, headers={"Location": target}) if target else web.Response(body=LIST)

    async with serving(handler) as served:
        outcome = await one(fetch, served.source())
        assert [request.path_qs for request in served.requests] == ["/list.txt", "/b", "/c?x=1", "/d"]
    assert outcome.result is Result.UPDATED


async def test_an_error_that_passes_is_waited_out(fetch, waits):
    statuses = [500, 503, 200]

    async def handler(request):
        return web.Response(status=statuses.pop(0), body=LIST)

    async with serving(handler) as served:
        outcome = await one(fetch, served.source())
    assert outcome.result is Result.UPDATED
    assert waits.seconds == [1.0, 2.0]


async def test_after_three_tries_the_fetch_gives_up(fetch, waits):
    async with serving(always(b"busy", 503)) as served:
        outcome = await one(fetch, served.source())
        assert len(served.requests) == 3
    assert "503 (Service Unavailable); nothing to do, it is tried again" in outcome.error


@pytest.mark.parametrize(("said", "wait"), [("7", 7.0), ("86400", 60.0), ("soon", 1.0), ("-5", 1.0)])
async def test_a_server_may_ask_for_a_longer_wait_but_not_for_any(fetch, waits, said, wait):
    async with serving(always(b"busy", 429, Retry_After=said)) as served:
        await one(fetch, served.source(), attempts=2)
    assert waits.seconds == [wait]


async def test_an_endless_stream_is_cut_at_the_size_limit(fetch, shelf):
    sent = 0

    async def handler(request):
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"0.0.0.0 a.example\n" * 3000)
                sent += 54_000
        except ConnectionError:
            return response

    async with serving(handler) as served:
        outcome = await one(fetch, served.source(), max_bytes=500_000)
    assert "larger than 0.477 MiB" in outcome.error
    assert sent < 30_000_000
    assert leftovers(shelf) == []


async def test_an_announced_length_over_the_limit_is_not_downloaded(fetch):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": str(2 * 1024**3)})
        await response.prepare(request)
        return response

    async with serving(handler) as served:
        outcome = await one(fetch, served.source())
    assert "larger than 256 MiB" in outcome.error


@pytest.mark.parametrize("coding", [{"Content_Encoding": "gzip"}, {}])
async def test_packed_lists_are_unpacked_whether_they_say_so_or_not(fetch, coding):
    async with serving(always(gzip.compress(LIST), **coding)) as served:
        outcome = await one(fetch, served.source("/list.gz"))
    assert outcome.copy.path.read_bytes() == LIST


async def test_a_gzip_bomb_is_an_error_and_no_rubbish_on_the_disk(fetch, shelf):
    bomb = gzip.compress(b"0.0.0.0 a.example\n" * 600_000)
    async with serving(always(bomb, Content_Encoding="gzip")) as served:
        outcome = await one(fetch, served.source())
    assert "gzip bomb" in outcome.error
    assert leftovers(shelf) == []


async def test_half_a_list_is_not_taken_for_a_list(fetch, waits):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(LIST)
        request.transport.close()
        return response

    async with serving(handler) as served:
        outcome = await one(fetch, served.source())
        assert len(served.requests) == 3
    assert "cut off; it is tried again" in outcome.error
    assert outcome.result is Result.FAILED


@pytest.mark.parametrize("head_first", [True, False])
async def test_a_server_that_falls_silent_is_given_up_on_and_left_to_a_later_round(fetch, head_first):
    quiet = asyncio.Event()

    async def handler(request):
        response = web.StreamResponse()
        if head_first:
            await response.prepare(request)
            await response.write(LIST)
        await quiet.wait()
        return response

    async with serving(handler) as served:
        outcome = await one(fetch, served.source(), stall=0.05, attempts=2)
        assert len(served.requests) == 1
        quiet.set()
    assert "the server sent nothing for 0.05 s" in outcome.error
    assert outcome.network


async def test_a_server_that_drips_is_stopped_by_the_total_limit(fetch):
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"#")
                await asyncio.sleep(0.01)
        except ConnectionError:
            return response

    async with serving(handler) as served:
        outcome = await one(fetch, served.source(), total=0.2)
    assert "not done after 0.2 s" in outcome.error


async def test_nobody_listening_says_where_and_keeps_the_copy(fetch):
    async with serving(always()) as served:
        await one(fetch, served.source())
        port = served.base.rpartition(":")[2]
    outcome = await one(fetch, served.source())
    assert outcome.result is Result.KEPT_OLD
    assert f"can't connect to 127.0.0.1:{port} (Connection refused); check the network" in outcome.error


async def test_a_server_that_speaks_no_http_is_an_error(fetch):
    async def nonsense(reader, writer):
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await one(fetch, source(f"http://127.0.0.1:{port}/list.txt"), attempts=1)
    assert "not valid HTTP" in outcome.error
    assert "\n" not in outcome.error


async def test_what_a_server_says_is_quoted_on_one_short_line(fetch):
    async def nonsense(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5000)
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await one(fetch, source(f"http://127.0.0.1:{port}/list.txt"), attempts=1)
    assert "not valid HTTP" in outcome.error
    assert len(outcome.error) < 300
    assert "\n" not in outcome.error


async def test_a_login_is_sent_and_stays_out_of_the_note_on_disk(fetch, shelf):
    async with serving(always()) as served:
        wanted = source(served.base.replace("://", "://joe:hunter2@") + "/list.txt?token=s3cret")
        outcome = await one(fetch, wanted)
        (request,) = served.requests
    assert request.headers["Authorization"] == "Basic am9lOmh1bnRlcjI="
    assert outcome.result is Result.UPDATED
    for path in shelf.directory.iterdir():
        assert b"hunter2" not in path.read_bytes()
        assert b"s3cret" not in path.read_bytes()


async def test_a_list_server_without_a_certificate_is_an_error(fetch):
    async with serving(always()) as served:
        outcome = await one(fetch, source(served.url().replace("http:", "https:")), attempts=1)
    assert "its certificate or TLS is not acceptable" in outcome.error


async def test_one_bad_list_does_not_stop_the_others_and_outcomes_keep_their_order(fetch):
    async def handler(request):
        return web.Response(status=404) if request.path == "/b" else web.Response(body=LIST)

    async with serving(handler) as served:
        wanted = [served.source(f"/{name}") for name in "abc"]
        outcomes = await fetch(*wanted)
    assert [outcome.source for outcome in outcomes] == wanted
    assert [outcome.result for outcome in outcomes] == [Result.UPDATED, Result.FAILED, Result.UPDATED]


async def test_no_more_than_the_allowed_number_of_downloads_run_at_once(fetch):
    running = peak = 0
    full = asyncio.Event()

    async def handler(request):
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        if running == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1
        return web.Response(body=LIST)

    async with serving(handler) as served:
        outcomes = await fetch(*(served.source(f"/{number}") for number in range(10)), parallel=3)
    assert peak == 3
    assert {outcome.result for outcome in outcomes} == {Result.UPDATED}


async def test_each_outcome_is_told_when_it_is_there(shelf):
    late = asyncio.Event()

    async def handler(request):
        if request.path == "/late":
            await late.wait()
        return web.Response(body=LIST)

    told = []

    def on_outcome(outcome):
        told.append(outcome.source.address.rpartition("/")[2])
        late.set()

    async with serving(handler) as served:
        wanted = [served.source("/late"), served.source("/early")]
        outcomes = await Downloader(shelf).fetch_all(wanted, on_outcome)
    assert told == ["early", "late"]
    assert [outcome.source for outcome in outcomes] == wanted


async def test_a_full_disk_keeps_the_old_copy_and_says_so(tmp_path, waits):
    good = Shelf(tmp_path / "lists")
    full = Shelf(tmp_path / "lists", open_file=lambda _: Path("/dev/full").open("wb"))  # noqa: SIM115
    state = {"answer": always()}

    async def handler(request):
        return await state["answer"](request)

    async with serving(handler) as served:
        await Downloader(good).fetch_all([served.source()])
        state["answer"] = always(NEW * 1000)
        (outcome,) = await Downloader(full, sleep=waits).fetch_all([served.source()])
        assert len(served.requests) == 2
    assert outcome.result is Result.KEPT_OLD
    assert "the disk is full; free some space" in outcome.error
    assert outcome.copy.path.read_bytes() == LIST
    assert leftovers(good) == []


async def test_a_disk_that_fills_up_at_the_very_end_is_no_list_either(tmp_path):
    def refuse(path):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    async with serving(always()) as served:
        (outcome,) = await Downloader(Shelf(tmp_path / "lists", open_file=refuse)).fetch_all([served.source()])
    assert outcome.result is Result.FAILED
    assert "the disk is full" in outcome.error


async def test_a_directory_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "lists").write_text("in the way")
    async with serving(always()) as served:
        (outcome,) = await Downloader(Shelf(tmp_path / "lists")).fetch_all([served.source()])
    assert f"no copy could be kept in {tmp_path / 'lists'}" in outcome.error


async def test_a_file_is_copied_through_the_same_checks(fetch, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(LIST)
    assert (await one(fetch, source(str(path)))).copy.path.read_bytes() == LIST
    assert (await one(fetch, source(str(path)))).result is Result.UNCHANGED
    path.write_bytes(gzip.compress(NEW))
    assert (await one(fetch, source(str(path)))).copy.path.read_bytes() == NEW
    path.write_bytes(PAGE)
    outcome = await one(fetch, source(str(path)))
    assert outcome.result is Result.KEPT_OLD
    assert "the file is a web page, not a list" in outcome.error
    path.unlink()
    outcome = await one(fetch, source(str(path)))
    assert f"there is no file {path}; create it, or correct the path" in outcome.error
    assert outcome.copy.path.read_bytes() == NEW


async def test_a_pipe_or_a_device_is_no_list_and_blocks_nobody(fetch, tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path / "pipe.txt", "/dev/zero"):
        assert "is no ordinary file" in (await one(fetch, source(str(path)))).error


async def test_a_directory_in_the_place_of_a_file_is_named(fetch, tmp_path):
    wanted = source(str(tmp_path / "later.txt"))
    (tmp_path / "later.txt").mkdir()
    assert "is no ordinary file; write the path of one" in (await one(fetch, wanted)).error


async def test_the_embedded_list_needs_no_network_and_no_shelf(fetch, shelf):
    starter = parse_source("starter", Action.BLOCK, load_catalogue())
    outcome = await one(fetch, starter)
    assert outcome.error == ""
    assert b"||doubleclick.net^" in outcome.copy.path.read_bytes()
    assert not shelf.directory.exists()


async def test_a_bug_in_one_place_is_reported_and_stops_nothing(fetch, shelf, monkeypatch, caplog):
    monkeypatch.setattr(Downloader, "_receive", lambda *_: 1 // 0)
    async with serving(always()) as served:
        outcome = await one(fetch, served.source())
    assert "unexpected ZeroDivisionError" in outcome.error


async def test_a_cancelled_download_leaves_no_rubbish(tmp_path):
    begun, never = asyncio.Event(), asyncio.Event()

    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(LIST)
        await never.wait()
        return response

    def open_file(path):
        begun.set()
        return path.open("xb")

    shelf = Shelf(tmp_path / "lists", open_file=open_file)
    async with serving(handler) as served, asyncio.TaskGroup() as group:
        task = group.create_task(Downloader(shelf).fetch_all([served.source()]))
        await begun.wait()
        assert len(leftovers(shelf)) == 1
        task.cancel()
    assert leftovers(shelf) == []


MANY = b"".join(b"0.0.0.0 name-%d.example\n" % number for number in range(100))
FEW = b"".join(b"0.0.0.0 name-%d.example\n" % number for number in range(10))


class Changing:
    """A server whose list changes, with validators."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.sent: list[int] = []

    async def __call__(self, request):
        tag = f'"{hash(self.text)}"'
        status = 304 if request.headers.get("If-None-Match") == tag else 200
        self.sent.append(status)
        return web.Response(status=status, body=b"" if status == 304 else self.text, headers={"ETag": tag})


async def test_a_list_that_lost_most_of_its_rules_is_put_aside_and_the_good_one_stays(fetch, shelf):
    server = Changing(MANY)
    async with serving(server) as served:
        await one(fetch, served.source())
        server.text = FEW
        outcome = await one(fetch, served.source())
        assert (outcome.result, outcome.error) == (Result.HELD, "")
        assert outcome.copy.path.read_bytes() == MANY
        assert outcome.held.path.read_bytes() == FEW
        assert (outcome.copy.note.rules, outcome.held.note.rules) == (100, 10)
        again = await one(fetch, served.source())
        assert (again.result, again.held.path) == (Result.HELD, outcome.held.path)
    assert server.sent == [200, 200, 304]
    assert shelf.find(outcome.source.key).path.read_bytes() == MANY
    assert leftovers(shelf) == []


@pytest.mark.parametrize("text", [MANY, MANY + b"0.0.0.0 new.example\n"])
async def test_a_list_that_has_grown_again_is_no_longer_put_aside(fetch, shelf, text):
    server = Changing(MANY)
    async with serving(server) as served:
        await one(fetch, served.source())
        server.text = FEW
        await one(fetch, served.source())
        server.text = text
        outcome = await one(fetch, served.source())
    assert outcome.result is (Result.UNCHANGED if text == MANY else Result.UPDATED)
    assert outcome.copy.path.read_bytes() == text
    assert shelf.find_held(outcome.source.key) is None


async def test_a_more_lenient_guard_takes_what_was_put_aside_without_a_new_download(fetch, shelf):
    server = Changing(MANY)
    async with serving(server) as served:
        await one(fetch, served.source())
        server.text = FEW
        await one(fetch, served.source())
        (outcome,) = await Downloader(shelf, shrink_guard=0.95).fetch_all([served.source()])
    assert server.sent == [200, 200, 304]
    assert (outcome.result, outcome.copy.path.read_bytes()) == (Result.UPDATED, FEW)
    assert shelf.find_held(outcome.source.key) is None


async def test_without_the_guard_every_list_is_taken(shelf):
    server = Changing(MANY)
    downloader = Downloader(shelf, shrink_guard=0)
    async with serving(server) as served:
        await downloader.fetch_all([served.source()])
        server.text = FEW
        (outcome,) = await downloader.fetch_all([served.source()])
    assert (outcome.result, outcome.copy.path.read_bytes()) == (Result.UPDATED, FEW)


async def test_the_operators_own_file_may_shrink_as_it_likes(fetch, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(MANY)
    await one(fetch, source(str(path)))
    path.write_bytes(FEW)
    outcome = await one(fetch, source(str(path)))
    assert (outcome.result, outcome.copy.path.read_bytes()) == (Result.UPDATED, FEW)


async def test_only_the_text_with_the_pinned_checksum_is_taken(fetch, shelf):
    server = Changing(MANY)
    async with serving(server) as served:
        pinned = served.source()._replace(sha256=hashlib.sha256(FEW).hexdigest())
        refused = await one(fetch, pinned)
        assert refused.result is Result.FAILED
        assert f"its SHA-256 is {hashlib.sha256(MANY).hexdigest()}, and the settings ask for another" in refused.error
        await one(fetch, served.source())  # a copy from before the checksum was asked for
        server.text = FEW
        taken = await one(fetch, pinned)  # little is left of it, and that was asked for
    assert (taken.result, taken.copy.path.read_bytes()) == (Result.UPDATED, FEW)
    assert leftovers(shelf) == []


async def test_the_checksum_is_of_the_unpacked_text(fetch):
    async with serving(always(gzip.compress(LIST), Content_Encoding="gzip")) as served:
        outcome = await one(fetch, served.source()._replace(sha256=hashlib.sha256(LIST).hexdigest()))
    assert outcome.result is Result.UPDATED


async def test_a_damaged_copy_is_fetched_whole_again(fetch, shelf):
    server = Changing(LIST)
    async with serving(server) as served:
        outcome = await one(fetch, served.source())
        outcome.copy.path.write_bytes(LIST.replace(b"ads", b"xxx"))
        mended = await one(fetch, served.source())
    assert server.sent == [200, 200]
    assert (mended.result, mended.copy.path.read_bytes()) == (Result.UPDATED, LIST)


async def test_a_file_outside_its_folders_is_refused(fetch, tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "mine.txt").write_bytes(LIST)
    outcome = await one(fetch, source(str(tmp_path / "mine.txt"))._replace(folders=(str(tmp_path / "lists"),)))
    assert outcome.result is Result.FAILED
    assert "not in a folder for lists" in outcome.error


async def test_silent_servers_do_not_hold_up_the_good_ones(shelf):
    over = asyncio.Event()

    async def handler(request):
        if request.path.startswith("/silent"):
            await over.wait()
        return web.Response(body=LIST)

    arrived = asyncio.Event()
    good = []

    def on_outcome(outcome):
        good.append(outcome.source.address.rpartition("/")[2])
        if len(good) == 3:
            arrived.set()

    limits = Limits(parallel=2, silence=0.01, per_host=0)
    async with serving(handler) as served, asyncio.timeout(20), asyncio.TaskGroup() as group:
        sources = [served.source(f"/silent-{number}") for number in range(9)]
        sources += [served.source(f"/good-{number}") for number in range(3)]
        task = group.create_task(Downloader(shelf, limits=limits).fetch_all(sources, on_outcome))
        await arrived.wait()
        assert sorted(good) == ["good-0", "good-1", "good-2"]
        over.set()
        outcomes = await task
    assert [outcome.result for outcome in outcomes] == [Result.UPDATED] * 12


async def test_how_far_a_download_is_can_be_watched(shelf):
    events = []
    big = LIST * 20_000
    async with serving(always(big)) as served:
        wanted = [served.source(), source("http://127.0.0.1:1/list.txt")]
        downloader = Downloader(shelf, limits=Limits(attempts=1), on_progress=events.append)
        await downloader.fetch_all(wanted)
        await downloader.fetch_all(wanted[:1])
    mine = [event for event in events if event.key == wanted[0].key]
    stages = [event.stage for event in mine]
    assert stages[0] is Stage.STARTED
    assert stages.count(Stage.RECEIVING) > 10
    received = [event.received for event in mine if event.stage is Stage.RECEIVING]
    assert received[: received.index(len(big)) + 1] == sorted(received[: received.index(len(big)) + 1])
    assert {event.total for event in mine if event.stage is Stage.RECEIVING} == {len(big)}
    assert [stage for stage in stages if stage in FINAL] == [Stage.UPDATED, Stage.UNCHANGED]
    (failed,) = [event for event in events if event.stage is Stage.FAILED]
    assert failed.key == wanted[1].key
    assert "can't connect" in failed.error


async def test_a_download_that_is_stopped_is_over_for_those_who_watch(shelf):
    events = []

    async def handler(request):
        await asyncio.Event().wait()

    async with serving(handler) as served, asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(Downloader(shelf, on_progress=events.append).fetch_all([served.source()]))
        while not served.requests:  # noqa: ASYNC110 - the server's side has no event
            await asyncio.sleep(0)
        task.cancel()
    assert [event.stage for event in events] == [Stage.STARTED, Stage.FAILED]


@pytest.mark.parametrize("status", [404, 503])
async def test_an_answer_that_is_no_list_is_no_trouble_of_the_network(fetch, status):
    async with serving(always(b"no", status)) as served:
        assert not (await one(fetch, served.source())).network


async def test_a_server_that_can_not_be_reached_is_trouble_of_the_network(fetch):
    assert (await one(fetch, source("http://127.0.0.1:1/list.txt"))).network
