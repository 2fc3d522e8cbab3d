"""Runs a supervisor in a process of its own: ``run_supervisor.py SETTINGS.json [FAKE WORKER'S MODE]``.

SIGHUP reads SETTINGS.json again; a file with ``"error"`` is a wrong configuration. ``LISTEN_FROM`` holds descriptors that a
service manager would have put at 3 and the following.
"""

import fcntl
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from mirage_hole.runtime.errors import StartupError  # noqa: E402 - the path comes first
from mirage_hole.runtime.supervisor import serve  # noqa: E402
from tests.runtime.settings import from_json  # noqa: E402


def load():
    raw = json.loads(Path(sys.argv[1]).read_text())
    if "error" in raw:
        raise StartupError(raw["error"], 78)
    return from_json(raw)


def _like_a_service_manager(fds):
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
    for number, fd in enumerate(high):
        os.dup2(fd, 3 + number)
        os.close(fd)
    os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))


def main():
    if "LISTEN_FROM" in os.environ:
        _like_a_service_manager([int(fd) for fd in os.environ.pop("LISTEN_FROM").split(",")])
    command = [sys.executable, "-S", str(HERE / "fake_worker.py"), sys.argv[2]] if len(sys.argv) > 2 else None
    try:
        return serve(load(), load, command=command)
    except StartupError as problem:
        sys.stderr.write(problem.message + "\n")
        return problem.exit_code


if __name__ == "__main__":
    sys.exit(main())
