"""The file with local data that the control plane compiles and workers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from mirage_hole.local.store import LocalData
from mirage_hole.local.stored import BadStored, decode
from mirage_hole.runtime.state_files import read_at_most

if TYPE_CHECKING:
    from pathlib import Path

LOCAL: Final = "local.compiled.json"
"""The file in the state directory."""
MAX_COMPILED: Final = 128 * 1024 * 1024


def read_local(path: Path) -> LocalData:
    """What :class:`mirage_hole.runtime.local_service.LocalService` has compiled; nothing when the file is not there.

    Raises:
        BadStored: it can't be read, or holds something else.
    """
    try:
        return decode(orjson.loads(read_at_most(path, MAX_COMPILED)))
    except FileNotFoundError:
        return LocalData()
    except (OSError, orjson.JSONDecodeError) as problem:
        message = f"{path}: {problem}"
        raise BadStored(message) from problem
