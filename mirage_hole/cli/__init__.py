"""The command line: one module a subcommand, loaded when it is called. This one stays tiny, so that Ctrl-C is always quiet."""

from __future__ import annotations

import sys

INTERRUPTED = 130  # as a shell reports a program that SIGINT ended


def main() -> None:
    """Run the program with this process's arguments, and exit."""
    try:
        from mirage_hole.cli.program import run

        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
