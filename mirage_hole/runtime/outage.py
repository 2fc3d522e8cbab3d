"""Says once when no upstream answers any more, and once that one does again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.observe.workers import UpstreamView

log = logging.getLogger(__name__)


class Outage:
    """Whether there is one, as the workers tell of their upstreams."""

    def __init__(self) -> None:
        self._lasts = False

    def note(self, upstreams: Sequence[UpstreamView]) -> None:
        """What the workers have said; nothing, when there are none, says nothing."""
        if not upstreams:
            return
        well = [one.address for one in upstreams if one.healthy]
        if not well and not self._lasts:
            asked = ", ".join(one.address for one in upstreams)
            log.error("no upstream answers (%s); what is known is answered, the rest is SERVFAIL", asked)
        elif well and self._lasts:
            log.info("%s answers again", well[0])
        self._lasts = not well
