"""Every version of ``state.db``'s schema. A script that was released is never changed; the next one changes what it made."""

from __future__ import annotations

from typing import Final

from mirage_hole.store.account_schema import ACCOUNTS
from mirage_hole.store.tables import SCHEMA_1

MIGRATIONS: Final = (SCHEMA_1, ACCOUNTS)
"""Script n makes version n of version n - 1."""
