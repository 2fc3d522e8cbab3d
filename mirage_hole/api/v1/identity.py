"""Who asks, and what that allows."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Role(IntEnum):
    """Each may do what the ones before it may."""

    NOBODY = 0
    """Not logged in."""
    VIEWER = 1
    """Looks at everything but secrets and accounts."""
    OPERATOR = 2
    """Changes what is blocked: lists, rules, clients, local records, pauses; flushes and refreshes."""
    ADMIN = 3
    """Changes the server itself: settings, users, tokens, diagnosis."""


class Identity(NamedTuple):
    """Who a request comes from, once that is proven."""

    name: str
    """Of the user; ``token NAME`` has its own; empty for nobody."""
    role: Role
    how: str
    """``session``, ``token``, ``local`` (the control socket), ``open`` (``web.open_for``) or ``none``."""
    areas: frozenset[str] = frozenset()
    """The areas that a token is for; empty: all."""
    key: str = ""
    """Number of the session or token; empty for others."""


NOBODY = Identity("", Role.NOBODY, "none")
LOCAL = Identity("local", Role.ADMIN, "local")
