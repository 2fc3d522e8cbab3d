"""The generation that serves, as the control plane knows it: for the statistics, the web part and the schedule."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import orjson

from mirage_hole.api.state import GenerationView
from mirage_hole.runtime import generation

if TYPE_CHECKING:
    from pathlib import Path

    from mirage_hole.policy.explain import Explanation
    from mirage_hole.policy.policy import Policy

log = logging.getLogger(__name__)


class ServingPolicy:
    """Replaced as a whole when a new generation comes."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory: Path | None = None
        self.manifest: dict[str, Any] | None = None
        """Without the sets, which can be long; None while there is no generation."""
        self._policy: Policy | None = None
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
        self.directory, self.manifest, self._policy = directory, manifest, None
        self._generation, self._titles = view, titles
        return True

    def generation(self) -> GenerationView | None:
        """What there is to say of it; None while there is none."""
        return None if self.manifest is None else self._generation

    def titles(self) -> list[str]:
        """The titles of its lists, in the order that records use."""
        return [] if self.manifest is None else list(self._titles)

    def explain(self, name: bytes) -> Explanation | None:
        """What the rules say of a name (folded wire form); None while there are none. The files are mapped at the first call."""
        from mirage_hole.policy.explain import explain

        if self._policy is None:
            if self.directory is None:
                return None
            try:
                self._policy = generation.open_generation(self.directory)
            except generation.BadGeneration as problem:
                log.error("%s", problem)
                return None
        return explain(self._policy, name)


def _view(manifest: dict[str, Any]) -> GenerationView:
    return GenerationView(int(manifest["generation"]), float(manifest["created"]), int(manifest["names"]))
