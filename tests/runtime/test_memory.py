from __future__ import annotations

import sys

import pytest

from mirage_hole.runtime.memory import available, give_back, peak_kib

MEMINFO = "MemTotal: 8000000 kB\nMemFree: 10 kB\nMemAvailable: 4000 kB\n"


@pytest.fixture
def machine(tmp_path):
    """A /proc and a tree of control groups."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(MEMINFO)
    (tmp_path / "cgroup" / "system" / "ours").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/system/ours\n")
    return tmp_path


def limit(group, most, used, cached=0):
    (group / "memory.max").write_text(f"{most}\n")
    (group / "memory.current").write_text(f"{used}\n")
    (group / "memory.stat").write_text(f"anon 1\ninactive_file {cached}\nactive_file 0\n")


def left(machine):
    return available(machine / "proc", machine / "cgroup")


def test_without_control_groups_it_is_what_the_machine_has_left(machine):
    assert left(machine) == 4000 * 1024
    (machine / "proc" / "self" / "cgroup").unlink()
    assert left(machine) == 4000 * 1024


def test_a_control_group_leaves_what_is_not_used_and_what_is_only_cache(machine):
    limit(machine / "cgroup" / "system" / "ours", 1_000_000, 700_000, cached=100_000)
    assert left(machine) == 400_000


def test_the_narrowest_group_around_decides(machine):
    limit(machine / "cgroup" / "system" / "ours", "max", 700_000)
    limit(machine / "cgroup" / "system", 300_000, 100_000)
    assert left(machine) == 200_000


def test_a_group_that_is_full_leaves_nothing(machine):
    limit(machine / "cgroup" / "system", 300_000, 500_000)
    assert left(machine) == 0


@pytest.mark.parametrize("text", ["", "MemAvailable:", "MemAvailable: much kB"])
def test_what_says_nothing_is_not_known(tmp_path, text):
    (tmp_path / "meminfo").write_text(text)
    assert available(tmp_path, tmp_path) is None
    assert available(tmp_path / "absent", tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_here_it_is_known():
    give_back()
    assert (available() or 0) > 1 << 20
    assert 1 << 10 < peak_kib() < 1 << 30
