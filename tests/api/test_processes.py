"""What proc(5) tells of our own processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mirage_hole.api.processes import processes

if TYPE_CHECKING:
    from pathlib import Path


def test_this_process_has_memory_and_descriptors() -> None:
    (one,) = processes({"supervisor": os.getpid()})
    assert one.name == "supervisor"
    assert one.resident > 1_000_000
    assert one.descriptors > 2
    assert one.cpu > 0


def test_a_process_that_has_ended_is_left_out(tmp_path: Path) -> None:
    assert processes({"worker 0": 17}, tmp_path) == []


def test_a_name_with_parentheses_and_spaces_moves_no_field(tmp_path: Path) -> None:
    place = tmp_path / "17"
    (place / "fd").mkdir(parents=True)
    (place / "fd" / "0").touch()
    (place / "statm").write_text("100 50 0 0 0 0 0")
    ticks = os.sysconf("SC_CLK_TCK")
    (place / "stat").write_text(f"17 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 {2 * ticks} {ticks} 0 0")
    (one,) = processes({"worker 0": 17}, tmp_path)
    assert (one.cpu, one.descriptors) == (3.0, 1)
    assert one.resident == 50 * os.sysconf("SC_PAGE_SIZE")
