"""Who may, in the control plane: made when the web part or the control socket first needs it, since it brings the web framework."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirage_hole.api.access.authenticate import Access
    from mirage_hole.api.access.service import AccessService
    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.config.settled import Settled
    from mirage_hole.store.state import StateStore

log = logging.getLogger(__name__)


class AccessKeeper:
    """Makes the one service of this server, and tells it of other settings."""

    def __init__(self, store: StateStore, parts: Parts, settled: Settled) -> None:
        self._store = store
        self._parts = parts
        self._settled = settled

    def service(self) -> AccessService:
        """It; from now on the routes have it, too."""
        if self._parts.access is None:
            from mirage_hole.api.access.service import AccessService

            settled = self._settled
            self._parts.access = AccessService(
                self._store,
                idle=settled.session_idle,
                most=settled.session_max,
                open_for=settled.web_open_for,
            )
        return self._parts.access

    def door(self) -> Access:
        """What tells who asks."""
        return self.service().access

    def change(self, settled: Settled) -> None:
        """Take other settings."""
        self._settled = settled
        if self._parts.access is not None:
            self._parts.access.change(settled.session_idle, settled.session_max, settled.web_open_for)

    async def setup_token(self) -> str:
        """What the console shows while there is no user; empty when there is one, or when that can't be found out."""
        from mirage_hole.api.problems import Refusal

        try:
            return await self.service().setup_token()
        except Refusal as refusal:
            log.error("whether there are users can't be found out: %s", refusal.detail)
            return ""
