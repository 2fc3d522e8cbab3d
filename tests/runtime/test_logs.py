"""What a log line looks like, and that it never holds anything up."""

import json
import logging
import os

import pytest

from mirage_hole.runtime import logs


def record(message, *args, level=logging.INFO, name="mirage_hole.sources.refresh", **more):
    made = logging.LogRecord(name, level, "", 0, message, args, None)
    made.created = 1_700_000_000.25
    vars(made).update(more)
    return made


def test_text_is_short():
    text = logs.formatter("text").format(record("%d lists", 3))
    assert text[2] == ":"
    assert text[9:] == "refresh: 3 lists"


def test_text_names_every_level_but_info():
    assert "WARNING: refresh: old" in logs.formatter("text").format(record("old", level=logging.WARNING))


def test_logfmt_quotes_what_needs_quotes():
    line = logs.formatter("logfmt").format(record('say "hi"', path="/tmp/a b", n=3))
    assert line == (
        'time=2023-11-14T22:13:20.250Z level=info source=sources.refresh message="say \\"hi\\"" path="/tmp/a b" n=3'
    )


def test_json_is_one_object_a_line():
    line = logs.formatter("json", worker=2).format(record("two\nlines\ud800", n=3))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "source": "sources.refresh",
        "message": "two\\nlines?",
        "worker": "2",
        "n": "3",
    }


@pytest.mark.parametrize("style", logs.FORMATS)
def test_what_others_send_cannot_forge_a_line(style):
    line = logs.formatter(style).format(record("got %s", "x\n12:00:00 forged\x1b[2J", extra_field="a\nb"))
    assert "\n" not in line
    assert "\x1b" not in line


def test_control_characters_are_escaped_as_python_writes_them():
    assert logs.on_one_line("a\tb\x00\x9f\u2028c\x7f") == r"a\tb\x00\x9f\u2028c\x7f"


def test_what_cannot_be_written_is_counted_and_harms_nobody():
    class Unspeakable:
        def __str__(self):
            raise OSError(24, "Too many open files")

    reader, writer = os.pipe()
    handler = logs.LogHandler(writer, logs.formatter("text"))
    handler.emit(record("%s", Unspeakable()))
    assert handler.dropped == 1
    handler.emit(record("fine"))
    assert b"1 log lines were lost" in os.read(reader, 4096)
    os.close(reader)
    os.close(writer)


def test_a_block_of_our_own_keeps_its_lines_in_text():
    assert logs.formatter("text").format(record("one\n  two", **{logs.BLOCK: True})).endswith("one\n  two")


def test_the_journal_gets_priorities_on_every_line_and_no_time():
    journal = logs.formatter("text", journal=True)
    assert journal.format(record("fine")) == "<6>refresh: fine"
    assert journal.format(record("bad", level=logging.ERROR)) == "<3>ERROR: refresh: bad"
    assert journal.format(record("fine", level=logging.DEBUG)).startswith("<7>")
    assert journal.format(record("a\nb", **{logs.BLOCK: True})) == "<6>refresh: a\n<6>b"


@pytest.mark.parametrize("style", logs.FORMATS)
def test_credentials_in_urls_are_masked(style):
    url = "https://joe:hunter2@example.net/list?format=hosts&token=hunter2"
    line = logs.formatter(style).format(record("can't get %s", url, url=url))
    assert "hunter2" not in line
    assert "example.net/list?format=hosts&token=***" in line


@pytest.mark.parametrize("style", logs.FORMATS)
def test_a_traceback_is_shown_and_masked(style):
    try:
        int("https://joe:hunter2@example.net/")
    except ValueError as problem:
        failed = record("failed")
        failed.exc_info = (ValueError, problem, problem.__traceback__)
    line = logs.formatter(style).format(failed)
    assert "ValueError" in line
    assert "hunter2" not in line


def test_a_very_long_message_is_cut():
    assert len(logs.formatter("text").format(record("x" * 100_000))) < logs.MAX_MESSAGE + 100


def test_an_unknown_format_is_refused_by_name():
    with pytest.raises(ValueError, match="'xml' is unknown; write one of text, logfmt, json"):
        logs.formatter("xml")


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def drained(reader):
    data = b""
    try:
        while chunk := os.read(reader, 65536):
            data += chunk
    except BlockingIOError:
        return data.decode()
    return data.decode()


def test_nobody_reading_the_log_drops_lines_and_counts_them(pipe):
    reader, writer = pipe
    handler = logs.LogHandler(writer, logs.formatter("text"), clock=lambda: 0.0)
    for number in range(3000):  # far more than a pipe holds; DEBUG is not held back as a repetition
        handler.emit(record("%d " + "x" * 100, number, level=logging.DEBUG))
    assert handler.dropped > 0
    lost = handler.dropped
    drained(reader)
    handler.emit(record("back"))
    text = drained(reader)
    assert f"{lost} log lines were lost" in text
    assert text.endswith("back\n")
    assert handler.dropped == 0


def test_a_closed_reader_is_no_error():
    reader, writer = os.pipe()
    handler = logs.LogHandler(writer, logs.formatter("text"))
    os.close(reader)
    handler.emit(record("into the void"))
    os.close(writer)
    assert handler.dropped == 1


def test_repeated_lines_are_held_back_and_summed_up(pipe):
    reader, writer = pipe
    now = [0.0]
    handler = logs.LogHandler(writer, logs.formatter("text"), clock=lambda: now[0])
    for _ in range(10):
        handler.emit(record("upstream is gone", level=logging.WARNING))
    now[0] = 11.0
    handler.tell_held_back()
    lines = drained(reader).splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith("WARNING: refresh: upstream is gone (7 more like this)")


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_a_log_call_with_wrong_arguments_still_tells_its_text(pipe, level):
    reader, writer = pipe
    handler = logs.LogHandler(writer, logs.formatter("text"))
    handler.emit(record("%d lists", "three", level=level))
    assert "%d lists" in drained(reader)


def test_the_journal_is_known_by_device_and_inode(pipe):
    _, writer = pipe
    status = os.fstat(writer)
    assert logs._is_journal(writer, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not logs._is_journal(writer, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
    assert not logs._is_journal(writer, {})
