"""A process that is killed while it writes has lost nothing that it acknowledged, and leaves no half of anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mirage_hole.store.database import check
from mirage_hole.store.state import StateStore

WRITER = """
import sys
from pathlib import Path
from mirage_hole.store.state import StateStore

store = StateStore(Path(sys.argv[1]))
first = int(sys.argv[2])

def pair(change, number):
    for half in ("a", "b"):
        row = {"number": None, "text": f"{half}{number}.example", "comment": "", "created": 0.0, "until": None, "enabled": True}
        change.put("rules", row)

for number in range(first, first + 100_000):
    store.change("me", "add rules", "", lambda change: pair(change, number))
    print(number, flush=True)
    if number % 7 == 0:
        store.copy()
"""


@pytest.mark.parametrize("rounds", [4])
def test_nothing_that_was_acknowledged_is_lost_to_kill_9(tmp_path: Path, rounds: int) -> None:
    acknowledged: list[int] = []
    for run in range(rounds):
        first = (acknowledged[-1] + 2) if acknowledged else 0  # one more may be written and not acknowledged
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(first)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(5 + 11 * run):
                acknowledged.append(int(writer.stdout.readline()))
            writer.kill()
            acknowledged += map(int, writer.stdout.read().split())
        assert check(tmp_path / "state.db") == []
        if (tmp_path / "state.backup.db").exists():
            assert check(tmp_path / "state.backup.db") == []
        store = StateStore(tmp_path)
        texts = {row["text"] for row in store.rows("rules")}
        assert store.recovered == ""
        assert texts >= {f"{half}{number}.example" for number in acknowledged for half in "ab"}
        assert {text[1:] for text in texts if text[0] == "a"} == {text[1:] for text in texts if text[0] == "b"}
        [(changes,)] = store.read(lambda connection: connection.execute("SELECT count(*) FROM audit").fetchall())
        assert changes == len(texts) // 2
        store.close()
