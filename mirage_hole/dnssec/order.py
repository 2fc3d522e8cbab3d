"""Names as DNSSEC compares them: ancestors, labels, and the canonical order (RFC 4034 6.1). All names are folded wire forms."""

from __future__ import annotations

from mirage_hole.wire.names import labels_of

ROOT = b"\0"
WILD = b"\1*"


def ancestors(name: bytes) -> list[bytes]:
    """The name itself and every name above it, the root last."""
    return [name[at:] for at in labels_of(name)] + [ROOT]


def is_under(name: bytes, ancestor: bytes) -> bool:
    """Whether ``name`` is ``ancestor`` or below it."""
    if not name.endswith(ancestor):
        return False
    at = len(name) - len(ancestor)
    return at == 0 or ancestor == ROOT or at in labels_of(name)


def parent(name: bytes) -> bytes:
    """The name without its first label; the root's is the root."""
    return name[name[0] + 1 :] if name[0] else name


def count_labels(name: bytes) -> int:
    """Labels without the root and without a leading ``*``, as RRSIG counts them (RFC 4034 3.1.3)."""
    return len(labels_of(name)) - name.startswith(WILD)


def last_labels(name: bytes, count: int) -> bytes:
    """The ancestor that has so many labels; the root for 0."""
    labels = labels_of(name)
    return name[labels[len(labels) - count] :] if count else ROOT


def sort_key(name: bytes) -> tuple[bytes, ...]:
    """Sorts names canonically."""
    return tuple(name[at + 1 : at + 1 + name[at]] for at in reversed(labels_of(name)))


def common(one: bytes, other: bytes) -> bytes:
    """The longest name that both are at or below."""
    theirs = set(ancestors(other))
    return next(name for name in ancestors(one) if name in theirs)
