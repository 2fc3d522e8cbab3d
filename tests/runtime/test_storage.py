from __future__ import annotations

import asyncio
import logging
import os
from types import SimpleNamespace

import pytest

from mirage_hole.runtime import storage
from mirage_hole.runtime.storage import LEAST_FREE, Storage, trouble


@pytest.fixture
def disk(monkeypatch):
    """What the file system says of itself."""
    numbers = SimpleNamespace(f_flag=0, f_bavail=1 << 20, f_frsize=4096, f_files=1000, f_favail=500)
    monkeypatch.setattr(os, "statvfs", lambda _: numbers)
    return numbers


def test_a_disk_with_room_is_no_trouble(tmp_path):
    assert trouble(tmp_path) == ""


@pytest.mark.parametrize(
    ("numbers", "what"),
    [
        ({"f_bavail": (LEAST_FREE - 1) // 4096}, "the disk is full, 1020 KiB are free"),
        ({"f_bavail": 0}, "the disk is full, 0 KiB are free"),
        ({"f_flag": os.ST_RDONLY}, "mounted read-only"),
        ({"f_favail": 0}, "no room for another file"),
    ],
)
def test_what_is_wrong_is_said_with_the_place(disk, tmp_path, numbers, what):
    vars(disk).update(numbers)
    assert trouble(tmp_path).startswith(f"{tmp_path}: ")
    assert what in trouble(tmp_path)


def test_a_file_system_that_counts_no_files_has_room_for_them(disk, tmp_path):
    disk.f_files = disk.f_favail = 0
    assert trouble(tmp_path) == ""


def test_a_directory_that_is_gone_is_trouble(tmp_path):
    assert trouble(tmp_path / "gone") == f"{tmp_path / 'gone'}: No such file or directory"


def test_it_is_said_once_and_so_is_its_end(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    watched = Storage(tmp_path)
    for found in ("", "full, 3 KiB", "full, 2 KiB", "full, 2 KiB", "", "", "full again", ""):
        watched.note(found)
        assert watched.trouble == found
    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.ERROR, logging.INFO, logging.ERROR, logging.INFO]


async def test_it_goes_on_looking(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "LOOK_EVERY", 0.001)
    looks = iter(["full", "full", ""])
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look(_: object) -> str:
        found = next(looks, None)
        if found is None:
            loop.call_soon_threadsafe(over.set)
        return found or ""

    watched = Storage(tmp_path, look)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watched.run())
        await over.wait()
        running.cancel()
    assert watched.trouble == ""
