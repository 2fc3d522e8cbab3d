"""What other servers say, made fit to be shown: short, printable, and without our secrets."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST: Final = 200  # characters


def without(secrets: Iterable[str], text: str) -> str:
    """The text on one line, at most :data:`MOST` characters, every secret in it masked, also in Base64."""
    for secret in secrets:
        for form in (secret, b64encode(secret.encode(errors="replace")).decode()) if secret else ():
            text = text.replace(form, "***")
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split()).strip(" :")
    return text if len(text) <= MOST else text[: MOST - 1] + "…"
