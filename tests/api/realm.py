"""A server of the whole API over real parts in a temporary directory, in a thread of its own, for tests that ask synchronously."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mirage_hole.api.access.service import AccessService
from mirage_hole.api.server import start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.identity import NOBODY, Identity, Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.read import read
from mirage_hole.config.settled import Endpoint
from mirage_hole.config.stored import Stored
from mirage_hole.runtime.own_service import OwnRuleService
from mirage_hole.runtime.pause_service import PauseService
from mirage_hole.runtime.rule_commands import RuleCommands
from mirage_hole.runtime.state_changes import StateChanges
from mirage_hole.store.state import StateStore
from mirage_hole.store.stored import read_stored
from tests.api.access.door import Cheap
from tests.api.serving import a_state
from tests.config.machine import a_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiohttp import web

    from mirage_hole.api.limits import Limits
    from mirage_hole.api.v1.dispatch import Proves

ADMIN = Identity("ada", Role.ADMIN, "token", frozenset(), "1")
SECRET = "Bearer the-one-token"


class OneToken(Everybody):
    """Whoever has the one token is an administrator; nothing that is asked can revoke it."""

    async def identify(self, request: web.Request) -> Identity:
        """By the header alone."""
        return ADMIN if request.headers.get("Authorization") == SECRET else NOBODY


class Workers:
    """They take whatever they are told at once."""

    def use_own_rules(self, path: Path) -> int:
        return 1

    def own_rules_served(self, version: int) -> bool:
        return True

    def pause(self, until: float | None) -> None:
        """They would let everything through."""


def real_parts(directory: Path) -> Parts:
    """Everything that needs no worker and no network."""
    kept = directory / "state"
    kept.mkdir(exist_ok=True)
    config = directory / "config.toml"
    config.write_text(f'[server]\nstate_directory = "{kept}"\n')
    host = a_host(directory)

    def reading(stored: Stored | None) -> Any:
        given = (lambda found: Stored(*read_stored(found))) if stored is None else lambda _: stored
        return read({}, {}, host, str(config), stored=given, strict=stored is not None)

    store, workers = StateStore(kept), Workers()
    own = OwnRuleService(kept, workers, store=store)
    pause = PauseService(kept, workers)
    pause.store = store

    async def shown(_name: str, _limit: int, _subtree: bool) -> dict[str, Any]:
        return {"found": 0, "entries": [], "workers": 1, "silent": []}

    async def flushed(_name: str, _subtree: bool) -> dict[str, Any]:
        return {"flushed": 0, "workers": 1, "silent": []}

    return Parts(
        state=a_state(cache=shown, flush=flushed, pause=pause.view),
        access=AccessService(store, hasher=Cheap()),
        pause=pause,
        rules=RuleCommands(own),
        changes=StateChanges(store, reading, settings=lambda _: None, lists=lambda: None, rules=own.catch_up),
    )


@contextmanager
def realm(parts: Parts, access: Proves | None = None, limits: Limits | None = None) -> Iterator[str]:
    """The URL of a server of ``parts``, for those with :data:`SECRET` unless ``access`` says otherwise."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    try:
        server = do(start_web(Endpoint("127.0.0.1", 0), parts, access or OneToken(), limits=limits))
        yield server.url
        do(server.cleanup())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
        if parts.changes is not None:
            parts.changes.store.close()
