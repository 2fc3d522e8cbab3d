"""All routes of the API, area by area. A new area adds its ``ROUTES`` here, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.api.v1 import server

if TYPE_CHECKING:
    from mirage_hole.api.v1.route import Route

ALL_ROUTES: Final[tuple[Route, ...]] = (*server.ROUTES,)
