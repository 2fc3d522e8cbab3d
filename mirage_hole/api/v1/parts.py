"""What the handlers act on. Each area has one field here: a value, or a protocol that its own module defines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything behind the API; a field that is None is a part that this server does not have, and its routes say so (503)."""
