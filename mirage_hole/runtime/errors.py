"""Why the program can't start, as a sentence for people and an exit code for the service manager (sysexits.h)."""

from __future__ import annotations

from typing import Final

UNAVAILABLE: Final = 69
"""EX_UNAVAILABLE: something outside is in the way now and may be gone later; starting again makes sense."""
NO_PERMISSION: Final = 77
"""EX_NOPERM: the account may not do this."""
BAD_CONFIG: Final = 78
"""EX_CONFIG: nothing changes until a person changes a setting; ``RestartPreventExitStatus=78`` in the systemd unit."""


class StartupError(Exception):
    """The program can't start.

    Attributes:
        message: everything that is wrong and what to do, one problem a paragraph.
        exit_code: what the process should exit with.
    """

    def __init__(self, message: str, exit_code: int = UNAVAILABLE) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
