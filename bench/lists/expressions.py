"""What regular expressions add to a name that nobody asked before: the policy alone, without a network, in a child process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from bench.names import never_seen
from bench.processes import BenchError

NAMES: Final = 20_000
ROUNDS: Final = 5
_TAILS: Final = ("click", "pixel", "track", "stat", "metric", "beacon", "banner", "adserv", "promo", "counter")

_PROGRAM: Final = """\
import json, sys, time
from pathlib import Path
from mirage_hole.runtime.generation import open_generation
from mirage_hole.wire.names import from_text, labels_of
job = json.loads(sys.stdin.read())
policy = open_generation(Path(job["generation"]))
asked = [(name, labels_of(name)) for name in map(from_text, job["names"])]
best = 1e9
for _ in range(job["rounds"]):
    began = time.process_time()
    for name, labels in asked:
        policy.decide(name, labels, 1, b"\\xc0\\xa8\\0\\x02")
    best = min(best, time.process_time() - began)
print(best / len(asked) * 1e6)
"""


class Cost(NamedTuple):
    """What the policy takes for a name that no rule is about."""

    what: str
    expressions: int
    micros: float


def expressions(count: int) -> list[str]:
    """As people write them: anchored parts, alternatives, classes and digits; all different."""
    found = []
    for number in range(count):
        tail = _TAILS[number % len(_TAILS)]
        found.append(
            (
                rf"/^{tail}[0-9]*{number}\\./",
                rf"/(^|\\.){tail}{number}[.-]/",
                rf"/^(.+[_.-])?{tail}s?{number}[0-9]*[_.-]/",
                rf"/{tail}-?(net|srv|cdn){number}\\.(com|net|org)$/",
            )[number % 4].replace("\\\\", "\\")
        )
    return found


def measured(what: str, generation: Path, count: int, python: Path) -> Cost:
    """The CPU time of a decision about a name that is in no list."""
    job = {"generation": os.fspath(generation), "names": never_seen("regex", NAMES), "rounds": ROUNDS}
    ended = subprocess.run(
        [os.fspath(python), "-P", "-c", _PROGRAM],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if ended.returncode:
        msg = f"the policy can't be measured: {ended.stderr[-500:]}"
        raise BenchError(msg)
    return Cost(what, count, float(ended.stdout))
