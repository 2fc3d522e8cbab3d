"""An invented machine, and readings of a configuration on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mirage_hole.config.host import Host
from mirage_hole.config.problem import Problem
from mirage_hole.config.read import Reading, read
from mirage_hole.config.settled import Settled

OWN_ADDRESSES = ("192.168.1.2", "fd00::2")


def a_host(folder: Path, resolv_conf: str = "nameserver 9.9.9.9\n", **changes: Any) -> Host:
    """A machine whose files are all in ``folder``."""
    (folder / "resolv.conf").write_text(resolv_conf)
    host = Host(
        home=folder / "home",
        is_root=False,
        has_ipv6=True,
        in_docker=False,
        is_own=lambda address: address in OWN_ADDRESSES,
        user_exists=lambda name: name in {"nobody", "dns"},
        user_name="me",
        system_config=folder / "etc/mirage-hole/config.toml",
        resolv_conf=folder / "resolv.conf",
        resolved_conf=folder / "resolved.conf",
    )
    return replace(host, **changes)


def reading(
    folder: Path,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    toml: str | bytes | None = None,
    **host: Any,
) -> Reading:
    """Read a configuration; ``toml`` is the file given with ``--config``."""
    config = None
    if toml is not None:
        path = folder / "config.toml"
        path.write_bytes(toml.encode() if isinstance(toml, str) else toml)
        config = str(path)
    return read(flags or {}, environ or {}, a_host(folder, **host), config)


def settled(folder: Path, *args: Any, **kwargs: Any) -> Settled:
    """The settings of a configuration without problems."""
    result = reading(folder, *args, **kwargs)
    assert result.settled is not None, result.loaded.problems
    return result.settled


def problems(folder: Path, *args: Any, **kwargs: Any) -> list[str]:
    """The problems, as people see them."""
    result = reading(folder, *args, **kwargs)
    assert (result.settled is None) == bool(result.loaded.problems)
    return lines(result.loaded.problems, folder)


def warnings(folder: Path, *args: Any, **kwargs: Any) -> list[str]:
    """The warnings of a configuration without problems, as people see them."""
    result = reading(folder, *args, **kwargs)
    assert result.settled is not None, result.loaded.problems
    return lines(result.loaded.warnings, folder)


def lines(found: list[Problem], folder: Path) -> list[str]:
    texts = [str(problem) for problem in found]
    assert all("\n" not in text for text in texts)
    return [text.replace(str(folder), "DIR") for text in texts]
