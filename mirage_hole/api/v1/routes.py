"""All routes of the API, area by area. A new area adds its ``ROUTES`` here, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.api.v1 import (
    access,
    access_factors,
    access_tokens,
    access_users,
    audit,
    cache,
    clients,
    description,
    devices,
    diagnosis,
    document,
    events,
    explain,
    health,
    inside,
    list_view,
    lists,
    notices,
    overview,
    pause,
    queries,
    records,
    routing,
    rules,
    server,
    settings,
    statistics,
    upstreams,
)

if TYPE_CHECKING:
    from mirage_hole.api.v1.route import Route

ALL_ROUTES: Final[tuple[Route, ...]] = (
    *access.ROUTES,
    *access_users.ROUTES,
    *access_factors.ROUTES,
    *access_tokens.ROUTES,
    *overview.ROUTES,
    *notices.ROUTES,
    *devices.ROUTES,
    *statistics.ROUTES,
    *queries.ROUTES,
    *list_view.ROUTES,
    *lists.ROUTES,
    *rules.ROUTES,
    *clients.ROUTES,
    *records.ROUTES,
    *routing.ROUTES,
    *settings.ROUTES,
    *audit.ROUTES,
    *document.ROUTES,
    *explain.ROUTES,
    *cache.ROUTES,
    *pause.ROUTES,
    *upstreams.ROUTES,
    *events.ROUTES,
    *server.ROUTES,
    *diagnosis.ROUTES,
    *health.ROUTES,
    *inside.ROUTES,
    *description.ROUTES,
)
