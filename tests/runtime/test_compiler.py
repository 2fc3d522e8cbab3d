from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import resource
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action, Complaint, Scope
from mirage_hole.policy import build
from mirage_hole.policy.packed import Writer
from mirage_hole.policy.verdict import rule_text
from mirage_hole.runtime import compiler, parsed, reading
from mirage_hole.runtime.compilation import compile_generation
from mirage_hole.runtime.compile_job import BadJob, CompileJob, CompileResult, ListJob
from mirage_hole.runtime.compiler import CompileError, compile_job
from mirage_hole.runtime.generation import (
    CHECKSUMS,
    LINES,
    MORE,
    NAMES,
    RICH,
    SETS,
    BadGeneration,
    checksums,
    generations_directory,
    newest_generation,
    open_generation,
)
from mirage_hole.runtime.report import TOO_MANY, read_report
from mirage_hole.wire.names import from_text, labels_of

BLOCK = "! Title: Trackers\n||ads.example.com^\nplain.example\n0.0.0.0 host.example\n*.wild.example\n||bad^rule\n"
ALLOW = "good.ads.example.com\n"


def a_job(tmp_path, generation=1, **texts):
    texts = texts or {"block": BLOCK, "allow": ALLOW}
    lists = []
    for name, text in texts.items():
        path = tmp_path / f"{name}.txt"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        lists.append(ListJob(path, "", f"https://lists.example/{name}", "allow" if name == "allow" else "block"))
    return CompileJob(tmp_path / "state", generation, tuple(lists))


def listing(tmp_path):
    return sorted(path.name for path in generations_directory(tmp_path / "state").iterdir() if path.name != ".lock")


def decide(index, name):
    wire = from_text(name)
    return index.decide(wire, labels_of(wire))


def test_list_texts_become_a_generation(tmp_path):
    result = compile_job(a_job(tmp_path))
    assert (result.ok, result.error, result.names) == (True, "", 5)
    assert result.path == newest_generation(tmp_path / "state")
    block, allow = result.lists
    assert (block.title, block.kind, block.rules, block.complaints) == ("Trackers", "block", 4, 1)
    assert block.first_complaints[0].line == 6
    assert sum(block.reasons.values()) == 1
    assert (allow.title, allow.rules, allow.format) == ("lists.example/allow", 1, "domains")

    index = open_generation(result.path, lines=True)
    assert [one.title for one in index.lists] == ["Trackers", "lists.example/allow"]
    blocked = decide(index, "x.ads.example.com")
    assert (blocked.list_id, blocked.line, blocked.scope) == (0, 2, Scope.SUBTREE)
    assert decide(index, "good.ads.example.com").action is Action.ALLOW
    assert decide(index, "host.example").line == 4
    assert decide(index, "below.wild.example").line == 5
    assert decide(index, "example") is None


def test_a_file_without_a_title_is_called_by_its_name_not_its_path(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("ads.example\n")
    job = CompileJob(tmp_path / "state", 1, (ListJob(path, "", str(path), "block"),))
    (told,) = compile_job(job).lists
    assert (told.title, told.source) == ("mine.txt", str(path))


def test_lists_that_give_themselves_the_same_title_can_be_told_apart(tmp_path):
    text = "# Title: Hosts\nads.example\n"
    result = compile_job(a_job(tmp_path, one=text, two=text, three=text))
    assert [told.title for told in result.lists] == ["Hosts", "Hosts (2)", "Hosts (3)"]


def test_rules_with_wildcards_are_part_of_the_generation(tmp_path):
    result = compile_job(a_job(tmp_path, block="||ads-*.example^\nplain.example\n", allow="||*.good.example^\n"))
    assert [one.rules for one in result.lists] == [2, 1]
    assert result.names == 2
    index = open_generation(result.path, lines=True)
    match = decide(index, "x.ads-7.example")
    assert (match.list_id, match.line, match.name) == (0, 1, from_text("ads-7.example"))
    assert rule_text(match) == "||ads-*.example^"
    assert rule_text(decide(index, "ads.good.example")) == "@@||*.good.example^"
    assert decide(index, "good.example") is None
    (result.path / RICH).unlink()
    with pytest.raises(BadGeneration, match=RICH):
        open_generation(result.path)
    (result.path / RICH).write_bytes(b"7")
    (result.path / CHECKSUMS).write_bytes(checksums(result.path))
    with pytest.raises(BadGeneration, match="does not hold the 1 rules"):
        open_generation(result.path)


def test_a_generation_without_wildcards_has_no_file_of_them(tmp_path):
    result = compile_job(a_job(tmp_path))
    assert not (result.path / RICH).exists()


def test_the_manifest_tells_texts_apart_by_their_digest(tmp_path):
    digests = []
    for generation, text in enumerate(("a.example\n", "a.example\n", "b.example\n"), 1):
        path = compile_job(a_job(tmp_path, generation, block=text)).path
        digests.append(orjson.loads((path / "manifest.json").read_bytes())["lists"][0]["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_a_generation_of_no_lists_blocks_nothing(tmp_path):
    result = compile_job(CompileJob(tmp_path / "state", 1, ()))
    assert (result.ok, result.names, result.lists) == (True, 0, ())
    assert decide(open_generation(result.path), "ads.example.com") is None


def test_a_list_of_garbage_is_a_list_without_rules(tmp_path):
    result = compile_job(a_job(tmp_path, block=os.urandom(100_000) + b"x" * 5_000_000 + b"\0" * 10_000))
    assert result.ok
    assert result.lists[0].rules < 10
    assert result.lists[0].complaints > 100
    assert len(result.lists[0].first_complaints) == compiler.FIRST_COMPLAINTS


def test_a_missing_list_is_named(tmp_path):
    job = a_job(tmp_path)
    job.lists[1].path.unlink()
    with pytest.raises(CompileError, match=r"lists\.example/allow: No such file"):
        compile_job(job)
    assert listing(tmp_path) == []


def test_a_number_that_is_taken_is_refused(tmp_path):
    compile_job(a_job(tmp_path))
    with pytest.raises(CompileError, match="exists already"):
        compile_job(a_job(tmp_path, block="other.example\n"))
    assert decide(open_generation(newest_generation(tmp_path / "state")), "plain.example") is not None


def test_two_compilers_do_not_meet(tmp_path):
    compile_job(a_job(tmp_path))
    with (generations_directory(tmp_path / "state") / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CompileError, match="another compiler"):
            compile_job(a_job(tmp_path, 2))


def test_leftovers_of_a_killed_compiler_are_removed(tmp_path):
    leftover = generations_directory(tmp_path / "state") / ".tmp-00000001"
    leftover.mkdir(parents=True)
    (leftover / "names.marisa").write_bytes(b"half")
    assert compile_job(a_job(tmp_path)).ok
    assert listing(tmp_path) == ["00000001"]


def test_a_full_disk_leaves_the_old_generation_and_nothing_else(tmp_path, monkeypatch):
    compile_job(a_job(tmp_path))

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CompileError, match="the disk is full"):
        compile_job(a_job(tmp_path, 2))
    assert listing(tmp_path) == ["00000001"]


def test_a_state_directory_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "state").write_text("a file where a directory should be")
    with pytest.raises(CompileError, match=r"can't write to .*generations"):
        compile_job(a_job(tmp_path))


def run(data, **keywords):
    return subprocess.run(
        [sys.executable, "-m", "mirage_hole.runtime.compiler"],
        input=data,
        capture_output=True,
        timeout=50,
        start_new_session=True,  # else the tests' own session would give way to all others from then on
        **keywords,
    )


def test_the_process_answers_with_one_line_of_json(tmp_path):
    ended = run(a_job(tmp_path).to_json())
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.count(b"\n") == 1
    result = CompileResult.from_json(ended.stdout)
    assert result.ok
    assert isinstance(result.lists[0].first_complaints[0], Complaint)
    assert result.peak_kib > 1000
    assert result.disk_octets == sum(path.stat().st_size for path in result.path.iterdir())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a job"),
        (b"{", "not a job"),
        (b"[]", "not a job"),
        (b'{"state": "/nowhere", "generation": 0, "lists": []}', "generation is 0"),
        (b'{"state": "/nowhere", "generation": 1, "lists": [{}]}', "not a job"),
        (
            b'{"state": "/nowhere", "generation": 1, "lists": '
            b'[{"path": "x", "title": "", "source": "x", "kind": "perhaps", "format": null}]}',
            "write block or allow",
        ),
        (
            b'{"state": "/nowhere", "generation": 1, "lists": '
            b'[{"path": "x", "title": "", "source": "x", "kind": "block", "format": "word"}]}',
            "write one of hosts, domains",
        ),
    ],
)
def test_a_job_that_is_none_is_explained(data, words):
    with pytest.raises(BadJob, match=words):
        CompileJob.from_json(data)


def test_a_failure_is_json_and_an_exit_code():
    ended = run(b"{}")
    assert ended.returncode == 1
    result = CompileResult.from_json(ended.stdout)
    assert not result.ok
    assert "state" in result.error or "lists" in result.error


def test_a_file_that_can_not_grow_leaves_nothing_behind(tmp_path):
    job = a_job(tmp_path, block="".join(f"n{number}.example\n" for number in range(20_000)))
    ended = run(job.to_json(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)))
    assert ended.returncode == 1
    assert "can't write" in CompileResult.from_json(ended.stdout).error
    assert listing(tmp_path) == []


async def test_the_control_plane_gets_the_result_as_a_value(tmp_path):
    job = a_job(tmp_path)
    result = await compile_generation(job, 50)
    assert result.ok, result.error
    assert result.path == newest_generation(tmp_path / "state")
    assert [one.rules for one in result.lists] == [4, 1]
    assert sum(result.lists[0].reasons.values()) == result.lists[0].complaints == 1


def a_job_that_never_ends(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it waits for a writer
    return CompileJob(tmp_path / "state", 1, (ListJob(tmp_path / "pipe", "", "a pipe", "block"),))


async def test_a_compiler_that_is_not_done_in_time_is_stopped(tmp_path):
    result = await compile_generation(a_job_that_never_ends(tmp_path), 0.05)
    assert not result.ok
    assert "not done after 0.05 s" in result.error


async def test_a_cancelled_compilation_leaves_no_process(tmp_path):
    job = a_job_that_never_ends(tmp_path)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(compile_generation(job, 50))
        writer = await asyncio.to_thread(os.open, tmp_path / "pipe", os.O_WRONLY)  # returns when the compiler reads
        task.cancel()
    assert task.cancelled()
    with pytest.raises(BrokenPipeError):  # the reader is gone
        os.write(writer, b"x")
    os.close(writer)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of a parent's end on Linux only")
def test_a_compiler_ends_with_its_supervisor(tmp_path):
    job = a_job_that_never_ends(tmp_path)
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'mirage_hole.runtime.compiler'], stdin=subprocess.PIPE)\n"
        "child.stdin.write(sys.stdin.buffer.read()); child.stdin.close()\n"
        "print(child.pid, flush=True); time.sleep(50)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    with parent:
        parent.stdin.write(job.to_json())
        parent.stdin.close()
        compiler_process = os.pidfd_open(int(parent.stdout.readline()))
        writer = os.open(tmp_path / "pipe", os.O_WRONLY)  # returns when the compiler reads the list
        try:
            parent.kill()
            ended, _, _ = select.select([compiler_process], [], [], 20)
        finally:
            os.close(writer)
            os.close(compiler_process)
    assert ended
    assert listing(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these")
def test_a_compiler_gives_way_to_all_others():
    code = (
        "import os, pathlib; from mirage_hole.runtime import compiler; compiler._step_back();"
        "print(os.nice(0), pathlib.Path('/proc/self/oom_score_adj').read_text())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True, start_new_session=True
    )
    assert ended.stdout.split() == ["19", "1000"]


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no scheduling groups of sessions here")
def test_a_compiler_gives_way_to_other_sessions_too():
    code = (
        "import pathlib; from mirage_hole.runtime import compiler; compiler._step_back();"
        "print(pathlib.Path('/proc/self/autogroup').read_text())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True, start_new_session=True
    )
    assert ended.stdout.split()[-2:] == ["nice", "19"]


async def test_a_compiler_sees_no_secret(tmp_path, monkeypatch):
    (tmp_path / "mirage_hole").mkdir()
    (tmp_path / "mirage_hole" / "__init__.py").write_text("import os; raise SystemExit(str(sorted(os.environ)))")
    monkeypatch.setenv("MIRAGE_HOLE_BLOCKLIST", "https://joe:hunter2@example.net/")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    result = await compile_generation(a_job(tmp_path), 50)
    assert "PYTHONPATH" in result.error
    assert "MIRAGE_HOLE_BLOCKLIST" not in result.error


async def test_a_compiler_that_dies_is_reported(tmp_path, monkeypatch):
    (tmp_path / "mirage_hole").mkdir()
    (tmp_path / "mirage_hole" / "__init__.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr("mirage_hole.runtime.compilation.environment", lambda: {"PYTHONPATH": str(tmp_path)})
    result = await compile_generation(a_job(tmp_path), 50)
    assert not result.ok
    assert f"signal {int(signal.SIGKILL)}" in result.error


def never(*_):
    pytest.fail("an unchanged list was parsed")


def test_an_unchanged_list_is_not_parsed_again(tmp_path, monkeypatch):
    first = compile_job(a_job(tmp_path))
    assert [one.reused for one in first.lists] == [False, False]
    monkeypatch.setattr(reading, "parse", never)
    second = compile_job(a_job(tmp_path, 2))
    assert [one.reused for one in second.lists] == [True, True]
    for before, after in zip(first.lists, second.lists, strict=True):
        assert replace(after, reused=False, seconds=before.seconds) == before
    for name in (NAMES, SETS, LINES, MORE):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()


def test_only_the_list_that_changed_is_parsed(tmp_path):
    compile_job(a_job(tmp_path, block=BLOCK, allow=ALLOW))
    result = compile_job(a_job(tmp_path, 2, block=BLOCK + "more.example\n", allow=ALLOW))
    assert [one.reused for one in result.lists] == [False, True]
    assert decide(open_generation(result.path), "more.example") is not None


def test_another_title_or_place_is_no_other_text(tmp_path):
    job = a_job(tmp_path)
    compile_job(job)
    lists = tuple(one._replace(title="Mine", source="elsewhere") for one in job.lists)
    result = compile_job(CompileJob(job.state, 2, lists))
    assert [(one.title, one.reused) for one in result.lists] == [("Mine", True), ("Mine (2)", True)]


@pytest.mark.parametrize("change", [{"kind": "allow"}, {"format": "wildcard"}])
def test_another_kind_or_format_is_another_list(tmp_path, change):
    job = a_job(tmp_path, block="*.a.example\n")
    compile_job(job)
    result = compile_job(CompileJob(job.state, 2, (job.lists[0]._replace(**change),)))
    assert [one.reused for one in result.lists] == [False]


def test_lists_read_by_other_parsers_are_parsed_again(tmp_path, monkeypatch):
    compile_job(a_job(tmp_path))
    monkeypatch.setattr(parsed, "parser_version", lambda: "another")
    assert [one.reused for one in compile_job(a_job(tmp_path, 2)).lists] == [False, False]


def packed_files(tmp_path):
    return sorted((tmp_path / "state" / "parsed").glob("*.list"))


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-9], lambda data: data[:20] + b"?" + data[21:]]
)
def test_a_damaged_packed_list_is_parsed_anew_and_mended(tmp_path, damage):
    compile_job(a_job(tmp_path, block=BLOCK))
    (path,) = packed_files(tmp_path)
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert [one.reused for one in compile_job(a_job(tmp_path, 2, block=BLOCK)).lists] == [False]
    assert path.read_bytes() == good
    assert [one.reused for one in compile_job(a_job(tmp_path, 3, block=BLOCK)).lists] == [True]


def test_what_a_failed_compilation_has_parsed_serves_the_next(tmp_path, monkeypatch):
    job = a_job(tmp_path)
    (tmp_path / "allow.txt").unlink()
    with pytest.raises(CompileError):
        compile_job(job)
    (tmp_path / "allow.txt").write_text(ALLOW)
    assert [one.reused for one in compile_job(job).lists] == [True, False]


def test_the_version_before_stays_to_be_compared(tmp_path):
    for number, text in enumerate(("a.example\n", "b.example\n", "c.example\n"), 1):
        compile_job(a_job(tmp_path, number, block=text))
    found = parsed.ParsedLists(tmp_path / "state").versions("https://lists.example/block", "block")
    names = [[rule.name for rule in packed.rules()] for packed, _ in found]
    assert names == [[from_text("c.example")], [from_text("b.example")]]
    assert len(packed_files(tmp_path)) == 2


WRITES = st.integers(0, 40)


@settings(max_examples=25, deadline=None)
@given(WRITES)
def test_a_disk_that_fills_up_at_any_write_leaves_the_old_generation(tmp_path_factory, allowed):
    tmp_path = tmp_path_factory.mktemp("full")
    compile_job(a_job(tmp_path))
    left = allowed

    def limited(whole):
        def call(*args, **keywords):
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return whole(*args, **keywords)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", limited(os.fsync))
        patch.setattr(Writer, "_write", limited(Writer._write))
        patch.setattr(Path, "replace", limited(Path.replace))
        patch.setattr(Path, "rename", limited(Path.rename))
        said, done = "", None
        try:
            done = compile_job(a_job(tmp_path, 2, block=BLOCK + "new.example\n"))
        except CompileError as problem:
            said = str(problem)
    assert (done is None) == ("the disk is full" in said)
    assert listing(tmp_path) == (["00000001"] if done is None else ["00000001", "00000002"])
    if done is not None:
        assert open_generation(done.path)
    assert not list((tmp_path / "state" / "parsed").glob(".tmp-*"))
    assert compile_job(a_job(tmp_path, 3, block=BLOCK + "new.example\n")).ok


LINES_OF_LISTS = st.lists(
    st.sampled_from(
        ["a.example", "||a.example^", "||b.a.example^", "@@||a.example^", "0.0.0.0 c.example", "||x*y.example^", "/ads[0-9]/",
         "||d.example^$important", "||d.example^$badfilter", "not a rule!", "# comment", "*.w.example"]
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(LINES_OF_LISTS, min_size=1, max_size=3), st.lists(LINES_OF_LISTS, min_size=1, max_size=3))
def test_what_is_compiled_step_by_step_is_what_is_compiled_at_once(tmp_path_factory, before, after):
    tmp_path = tmp_path_factory.mktemp("steps")
    texts = [{f"list{number}": "\n".join(lines) for number, lines in enumerate(each)} for each in (before, after)]
    (tmp_path / "steps").mkdir()
    (tmp_path / "fresh").mkdir()
    compile_job(a_job(tmp_path / "steps", 1, **texts[0]))
    steps = compile_job(a_job(tmp_path / "steps", 2, **texts[1])).path
    fresh = compile_job(a_job(tmp_path / "fresh", 2, **texts[1])).path
    for name in (NAMES, SETS, LINES, MORE):
        assert (steps / name).read_bytes() == (fresh / name).read_bytes()
    assert (steps / RICH).exists() == (fresh / RICH).exists()
    assert not (steps / RICH).exists() or (steps / RICH).read_bytes() == (fresh / RICH).read_bytes()
    assert replace(read_report(steps), seconds=0, peak_kib=0) == replace(read_report(fresh), seconds=0, peak_kib=0)


def test_a_job_that_memory_is_too_small_for_is_refused(tmp_path, monkeypatch):
    compile_job(a_job(tmp_path))
    monkeypatch.setattr(compiler, "available", lambda: 40 << 20)
    with pytest.raises(CompileError, match=r"4? ?rules take about 48 MiB .* 40 MiB are free"):
        compile_job(a_job(tmp_path, 2, block="x.example\n" * 9))
    assert listing(tmp_path) == ["00000001"]
    monkeypatch.setattr(compiler, "available", lambda: None)
    assert compile_job(a_job(tmp_path, 2)).ok


def test_too_many_rich_rules_over_all_lists_are_complaints(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "MAX_RICH", 3)
    text = "".join(f"/ads{number}/\n" for number in range(4))
    result = compile_job(a_job(tmp_path, one=text, two=f"||plain.example^\n{text}"))
    assert [(one.rules, one.complaints) for one in result.lists] == [(3, 1), (1, 4)]
    assert result.lists[1].reasons == {TOO_MANY: 4}
    assert [one.regexes for one in read_report(result.path).lists] == [3, 0]


def test_too_many_lists_are_refused_by_the_process_in_one_sentence(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("x.example\n")
    lists = tuple(ListJob(path, "", f"list {number}", "block") for number in range(build.MAX_LISTS + 1))
    ended = run(CompileJob(tmp_path / "state", 1, lists).to_json())
    assert ended.returncode == 1
    assert CompileResult.from_json(ended.stdout).error == "more than 1,000 lists"


def test_a_packed_list_that_vanishes_meanwhile_is_explained(tmp_path, monkeypatch):
    whole = compiler.take_list

    def vanishing(*args):
        taken = whole(*args)
        for path in packed_files(tmp_path):
            path.unlink()
        return taken

    monkeypatch.setattr(compiler, "take_list", vanishing)
    with pytest.raises(CompileError, match=r"can't read from .*parsed"):
        compile_job(a_job(tmp_path))
    assert listing(tmp_path) == []
