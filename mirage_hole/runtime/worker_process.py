"""How a worker's process begins: ``python -m mirage_hole.runtime.worker_process``, settings as JSON on stdin.

A worker speaks no TLS, and asyncio does without the module when it can't be imported: OpenSSL would cost each worker
four megabytes and ten milliseconds of its start.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Entry point; the exit code."""
    # None makes the import fail, as the language reference documents (5.3.1).
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    from mirage_hole.runtime import worker

    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
