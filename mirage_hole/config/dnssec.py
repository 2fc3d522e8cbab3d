"""The settings of DNSSEC validation: where chains of trust begin, and which names count as unsigned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mirage_hole.config.places import folder_of
from mirage_hole.config.settled import TrustSettings
from mirage_hole.dnssec.anchors import MAX_TEXT, read_anchors
from mirage_hole.wire.names import BadName, from_text, to_text

if TYPE_CHECKING:
    from mirage_hole.config.resolving import Dnssec
    from mirage_hole.config.settle import Findings

MAX_UNSIGNED = 1000


def settle_trust(written: Dnssec, found: Findings) -> TrustSettings:
    """What is trusted; every line of the file that is no trust anchor is a problem of its own, up to ten of them."""
    file = str(folder_of(found, "dnssec.anchors") / written.anchors.strip()) if written.anchors.strip() else ""
    return TrustSettings(_anchors(file, found), _unsigned(written.unsigned, found), file)


def _anchors(file: str, found: Findings) -> tuple[tuple[str, int, int, int, str], ...]:
    path = "dnssec.anchors"
    if not file:
        return ()
    instead = "write a file that can be read, with lines such as `. IN DS 20326 8 2 E06D44B8…`"
    try:
        with Path(file).open(encoding="utf-8") as opened:
            content = opened.read(MAX_TEXT + 1)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else "not UTF-8 text"
        found.problem(path, file, reason, instead)
        return ()
    anchors, mistakes = read_anchors(content)
    for mistake in mistakes[:10]:
        where = f"{file}:{mistake.line}" if mistake.line else file
        found.problem(
            path, where, mistake.problem, "mend the file, or leave the setting out for the root's own anchors"
        )
    return tuple(
        (to_text(zone), ds.tag, ds.algorithm, ds.digest_type, ds.digest.hex())
        for zone, records in anchors.items()
        for ds in records
    )


def _unsigned(written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    path = "dnssec.unsigned"
    names: dict[str, None] = {}
    texts = (written,) if isinstance(written, str) else tuple(written)
    if len(texts) > MAX_UNSIGNED:
        found.problem(path, None, f"{len(texts)} names are too many", f"write at most {MAX_UNSIGNED}")
    for item, text in enumerate(texts[:MAX_UNSIGNED]):
        try:
            name = from_text(text.strip())
        except (BadName, UnicodeEncodeError) as problem:
            found.problem(path, text, f"no domain name: {problem}", "write a name such as corp.example", item=item)
            continue
        if name == b"\0":
            found.problem(
                path, text, "the root is above every name", "write upstream.dnssec = false instead", item=item
            )
            continue
        names[to_text(name)] = None
    return tuple(names)
