"""The settings of the web server's door: TLS, who stands in front of it, whom it lets in, and under which names."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mirage_hole.config.networks import WILDCARDS, settle_limited
from mirage_hole.config.settled import SELF_SIGNED, WebDoor
from mirage_hole.config.values import parse_endpoint

if TYPE_CHECKING:
    from mirage_hole.config.serving import Web
    from mirage_hole.config.settle import Findings
    from mirage_hole.config.settled import Endpoint

HTTP_PORT: Final = 80
MOST: Final = 64
"""Items of each of the lists here."""
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*")


def settle_door(web: Web, endpoint: Endpoint | None, listen: tuple[Endpoint, ...], found: Findings) -> WebDoor:
    """What was written of it. Whether the files can be used is looked at when they are read, again and again."""
    certificate, key = _files(web, found)
    return WebDoor(
        certificate=certificate,
        key=key,
        redirect=_redirect(web, endpoint, listen, found),
        trusted_proxies=_networks("web.trusted_proxies", web.trusted_proxies, found),
        allow_from=_allow_from(web, found),
        host_names=_host_names(web, found),
        cors_origins=_origins(web, found),
    )


def _files(web: Web, found: Findings) -> tuple[str, str]:
    certificate, key = web.certificate.strip(), web.key.strip()
    if certificate.lower() == SELF_SIGNED:
        if key:
            what = "a certificate that this server signs itself has a key of its own"
            found.problem("web.key", web.key, what, "leave it out, or write the certificate's file")
        return SELF_SIGNED, ""
    for path, text in (("web.certificate", certificate), ("web.key", key)):
        if text and not (PurePosixPath(text).is_absolute() and text.isprintable() and len(text) <= 1024):
            found.problem(path, text, "not an absolute path", "write one such as /etc/mirage-hole/web.pem")
    if key and not certificate:
        found.problem("web.certificate", None, "there is a key without a certificate", "write the certificate's file")
    # One file may hold both, as haproxy and others have it.
    return certificate, key or certificate


def _redirect(web: Web, endpoint: Endpoint | None, listen: tuple[Endpoint, ...], found: Findings) -> Endpoint | None:
    path, text = "web.redirect", web.redirect.strip()
    if not text or text.lower() in {"off", "none"}:
        return None
    where = found.parsed(path, text, lambda: parse_endpoint(text, HTTP_PORT), None)
    if where is None:
        return None
    if not web.certificate.strip():
        found.problem(path, text, "there is no HTTPS to lead to", "write web.certificate as well, or leave this out")
    for other, what in (*((one, "DNS") for one in listen), *(((endpoint, "HTTPS"),) if endpoint else ())):
        same_family = (":" in other.address) == (":" in where.address)
        overlap = other.address == where.address or other.address in WILDCARDS or where.address in WILDCARDS
        if other.port == where.port and same_family and overlap:
            found.problem(path, text, f"{what} is answered on {other} already", "write another port, or leave it out")
            break
    return where


def _networks(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    if not isinstance(written, str) and len(written) > MOST:
        found.problem(path, None, f"{len(written)} networks are too many", f"write at most {MOST}")
        return ()
    return settle_limited(path, written, found)


def _allow_from(web: Web, found: Findings) -> tuple[str, ...]:
    path = "web.allow_from"
    networks = _networks(path, web.allow_from, found)
    if not web.allow_from:
        found.problem(path, (), "nobody would be let in", "write private, or a network such as 192.168.0.0/16")
    return networks


def _host_names(web: Web, found: Findings) -> tuple[str, ...]:
    path = "web.host_names"
    kept: dict[str, None] = {}
    for item, text in enumerate(_several(path, web.host_names, found)):
        name = text.strip().lower().removesuffix(".")
        if _is_address(name) or not _NAME.fullmatch(name) or len(name) > 253:
            what = "not a host name"
            found.problem(path, text, what, "write a name alone, such as dns.example.org", item=item)
        else:
            kept[name] = None
    return tuple(kept)


def _origins(web: Web, found: Findings) -> tuple[str, ...]:
    path = "web.cors_origins"
    kept: dict[str, None] = {}
    for item, text in enumerate(_several(path, web.cors_origins, found)):
        origin = text.strip().lower().removesuffix("/")
        if _is_origin(origin):
            kept[origin] = None
        else:
            what = "every page could read this server" if origin in {"*", "null"} else "not the origin of a page"
            found.problem(path, text, what, "write one such as https://panel.example.org", item=item)
    return tuple(kept)


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = f"{parts.scheme}://{parts.netloc}" == text and "@" not in parts.netloc and not parts.netloc.endswith(":")
    name = parts.hostname or ""
    return (
        plain
        and parts.scheme in {"http", "https"}
        and bool(_is_address(name) or _NAME.fullmatch(name))
        and "*" not in text
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _several(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    items = (written,) if isinstance(written, str) else tuple(written)
    if len(items) > MOST:
        found.problem(path, None, f"{len(items)} are too many", f"write at most {MOST}")
        return ()
    return items
