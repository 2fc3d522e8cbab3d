"""Tells the built-in rules of one version from those of another."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_FILES: Final = ("starter.txt", "catalogue.toml")


def fingerprint() -> str:
    """Of the starter list and the catalogue; empty when they can't be read."""
    from mirage_hole.sources.catalogue import CatalogueError, data_directory

    digest = blake2b(digest_size=16)
    try:
        folder = data_directory()
        for name in _FILES:
            digest.update((folder / name).read_bytes() + b"\0")
    except (OSError, CatalogueError):
        return ""
    return digest.hexdigest()
