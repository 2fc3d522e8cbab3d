"""The generation that serves, as the control plane knows it: for the statistics, the web part and the schedule."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import orjson

from mirage_hole.api.state import GenerationView
from mirage_hole.policy.clients import Clients
from mirage_hole.policy.index import Index
from mirage_hole.runtime import generation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mirage_hole.lists.rule import RichRule, Scope
    from mirage_hole.policy.explain import Explanation
    from mirage_hole.policy.policy import Policy
    from mirage_hole.policy.trial import Trial

log = logging.getLogger(__name__)


class ServingPolicy:
    """Replaced as a whole when a new generation comes."""

    def __init__(
        self, directory: Path | None = None, own_rules: Path | None = None, clients: Clients | None = None
    ) -> None:
        """``directory``: of the generation; ``own_rules``: the file of the user's own, compiled; ``clients``: configured."""
        self._own_rules = own_rules
        self._own_seen: tuple[int, int, int] | None = None
        self._clients = clients or Clients()
        self.directory: Path | None = None
        self.manifest: dict[str, Any] | None = None
        """Without the sets, which can be long; None while there is no generation."""
        self._policy: Policy | None = None
        self._index: Index | None = None
        if directory is not None:
            self.take(directory)

    def take(self, directory: Path) -> bool:
        """From now on this generation serves. False when its manifest can't be read: it was logged, nothing changes."""
        try:
            manifest = orjson.loads(generation.read_bounded(directory / generation.MANIFEST))
            view = _view(manifest)
            titles = [str(one["title"]) for one in manifest["lists"]]
        except (OSError, ValueError, KeyError, TypeError) as problem:
            log.error("%s can't be used: %s", directory, problem)
            return False
        manifest.pop("sets", None)
        self.directory, self.manifest, self._policy, self._index = directory, manifest, None, None
        self._generation, self._titles = view, titles
        return True

    def generation(self) -> GenerationView | None:
        """What there is to say of it; None while there is none."""
        return None if self.manifest is None else self._generation

    def titles(self) -> list[str]:
        """The titles of its lists, in the order that records use."""
        return [] if self.manifest is None else list(self._titles)

    def use_clients(self, clients: Clients) -> None:
        """From now on these are the configured clients."""
        self._clients = clients
        if self._policy is not None:
            self._policy = self._policy.with_clients(clients)

    def explain(self, name: bytes, qtype: int = 0, client: bytes = b"") -> Explanation | None:
        """What the rules say of a query; None while there are none. The files are mapped at the first call.

        Args:
            name: folded wire form.
            qtype: 0: none in particular.
            client: address octets of who asks; empty: nobody in particular.
        """
        from mirage_hole.policy.explain import explain

        try:
            policy = self._serving()
        except generation.BadGeneration as problem:
            log.error("%s", problem)
            return None
        return None if policy is None else explain(policy, name, qtype, client)

    def attempt(self, tried: Sequence[RichRule], name: bytes, qtype: int = 0, client: bytes = b"") -> Trial | None:
        """What these rules would do to a query behind those that there are; None while there are none. See :meth:`explain`."""
        from mirage_hole.policy.trial import attempt

        try:
            policy = self._serving()
            own = [] if self._own_rules is None else generation.read_stored_rules(self._own_rules)
        except generation.BadGeneration as problem:
            log.error("%s", problem)
            return None
        return None if policy is None else attempt(policy, own, tried, name, qtype, client)

    def line_of(self, number: int, list_id: int, name: bytes, scope: Scope) -> int:
        """The line of a list's simple rule; 0 when it is not known, as in any other generation than the one that serves."""
        if self.directory is None or self.manifest is None or number != self._generation.number:
            return 0
        if self._index is None:
            try:
                self._index = generation.open_index(self.directory)
            except generation.BadGeneration as problem:
                log.error("%s", problem)
                self._index = Index.EMPTY
        return self._index.line_of(list_id, name, scope)

    def _serving(self) -> Policy | None:
        """The generation behind the user's own rules as they are on disk now.

        Raises:
            BadGeneration: one of them can't be read.
        """
        if self._policy is None:
            if self.directory is None:
                return None
            self._policy = generation.open_generation(self.directory, lines=True).with_clients(self._clients)
            self._own_seen = None
        if self._own_rules is not None:
            seen = _state_of(self._own_rules)
            if seen != self._own_seen:
                self._policy = self._policy.with_own(generation.read_own_rules(self._own_rules))
                self._own_seen = seen
        return self._policy


def _state_of(path: Path) -> tuple[int, int, int]:
    """What changes when a file is replaced."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _view(manifest: dict[str, Any]) -> GenerationView:
    return GenerationView(int(manifest["generation"]), float(manifest["created"]), int(manifest["names"]))
