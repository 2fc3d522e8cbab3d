"""Log levels of single modules."""

from __future__ import annotations

import asyncio
import logging

import pytest

from mirage_hole.api.problems import Refusal
from mirage_hole.runtime.log_levels import LogLevels, modules

NAME = "runtime.announcement"


def test_a_module_gets_a_level_and_loses_it_here_and_in_the_workers() -> None:
    told: list[tuple[str, str]] = []
    levels = LogLevels(lambda module, level: told.append((module, level)))
    levels.change({NAME: "DEBUG"})
    assert logging.getLogger(f"mirage_hole.{NAME}").level == logging.DEBUG
    assert levels.levels()[NAME] == "DEBUG"
    levels.tell_again()
    levels.change({NAME: "DEFAULT"})
    assert logging.getLogger(f"mirage_hole.{NAME}").level == logging.NOTSET
    assert told == [(NAME, "DEBUG"), (NAME, "DEBUG"), (NAME, "")]
    assert NAME not in levels.levels()


def test_an_unknown_module_is_refused_with_the_nearest_and_changes_nothing() -> None:
    levels = LogLevels(lambda _module, _level: None)
    with pytest.raises(Refusal) as refused:
        levels.change({"net": "DEBUG", "runtime.anouncement": "DEBUG"})
    assert refused.value.status == 422
    assert NAME in refused.value.faults[0].instead
    assert list(levels.levels()) == [""]


async def test_a_level_goes_back_by_itself() -> None:
    gone = asyncio.Event()
    levels = LogLevels(lambda _module, level: None if level else gone.set())
    levels.change({NAME: "DEBUG"}, 0.01)
    async with asyncio.timeout(5):
        await gone.wait()
    assert logging.getLogger(f"mirage_hole.{NAME}").level == logging.NOTSET


def test_folders_and_modules_are_known() -> None:
    assert {"net", "runtime.control", "api.v1.diagnosis"} <= set(modules())
