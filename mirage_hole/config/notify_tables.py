"""What the ``[[notify]]`` tables come to: who is told when something needs attention."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mirage_hole.config.places import folder_of
from mirage_hole.config.settled import NotifySettings, Secret
from mirage_hole.config.tables import fields_of
from mirage_hole.config.values import format_duration, parse_duration
from mirage_hole.observe.notices import EVENTS, QUIET

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings
    from mirage_hole.config.tables import NotifyTable

MAX_NAME: Final = 64  # characters
MAX_URL: Final = 2000
MAX_SECRET: Final = 1000
MIN_SIGNING: Final = 16
MAX_RECIPIENTS: Final = 20
MIN_EVERY, MAX_EVERY = 60.0, 7 * 86400.0
MASK: Final = "***"
"""Stands for a secret where settings are shown."""
PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_SERVER = re.compile(r"[A-Za-z0-9_:](?:[A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_:])?")
_OF_KIND: Final = {
    "webhook": {"url", "user", "password", "password_file", "secret", "secret_file"},
    "ntfy": {"url", "user", "password", "password_file"},
    "smtp": {"server", "port", "tls", "user", "password", "password_file", "sender", "to"},
}
_NEEDED: Final = {"webhook": ("url",), "ntfy": ("url",), "smtp": ("server", "sender", "to")}
_ALL: Final = {"name", "kind", "events", "every", "link"}


def settle_notify(found: Findings) -> tuple[NotifySettings, ...]:
    """Every ``[[notify]]``: no name twice, and what its kind needs. No secret is in a problem."""
    tables: tuple[NotifyTable | None, ...] = found.loaded.tables.get("notify", ())
    settled: list[NotifySettings] = []
    names: dict[str, int] = {}
    for number, table in enumerate(tables):
        if table is None:
            continue
        path = f"notify[{number}]"
        name = table.name.strip()
        if not name or len(name) > MAX_NAME or not name.isprintable():
            what = "empty" if not name else f"longer than {MAX_NAME} characters, or not printable"
            found.problem(f"{path}.name", name, what, _write("name"))
        elif name.casefold() in names:
            what = f"notify[{names[name.casefold()]}] has this name already"
            found.problem(f"{path}.name", name, what, "write another name")
        names.setdefault(name.casefold(), number)
        _check_kind(path, table, found)
        settled.append(_settled(path, name, table, found))
    return tuple(settled)


def shown_address(url: str) -> str:
    """Scheme and host of a URL: what is behind them is often all that keeps strangers from using it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    rest = f"/{MASK}" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{rest}"


def _settled(path: str, name: str, table: NotifyTable, found: Findings) -> NotifySettings:
    secret = _secret(path, "secret", table.secret, found)
    if table.secret and len(table.secret) < MIN_SIGNING:
        found.problem(f"{path}.secret", None, f"shorter than {MIN_SIGNING} characters", _write("secret"))
    port = table.port
    if not (0 <= port <= 65535):
        found.problem(f"{path}.port", port, "no port", _write("port"))
    for key in ("password", "secret"):
        if getattr(table, key) and getattr(table, f"{key}_file"):
            found.problem(f"{path}.{key}", None, f"{key}_file is written, too", "write one of them")
    if (table.password or table.password_file) and table.kind == "smtp" and table.tls == "none":
        found.problem(f"{path}.tls", "none", "a password would be sent for everybody to read", "write starttls or tls")
    if table.password and not table.user and table.kind != "ntfy":
        found.problem(f"{path}.user", None, "a password without a user", "write user, or leave the password out")
    server = table.server.strip()
    if server and not _SERVER.fullmatch(server):
        found.problem(f"{path}.server", server, "no name or address", _write("server"))
    if len(table.user) > MAX_SECRET or not table.user.isprintable():
        found.problem(f"{path}.user", None, "too long, or not printable", _write("user"))
    if ":" in table.user and table.kind != "smtp":
        found.problem(f"{path}.user", None, "no login has a colon (RFC 7617)", _write("user"))
    return NotifySettings(
        name=name,
        kind=table.kind,
        url=_url(f"{path}.url", table.url.strip(), found, topic=table.kind == "ntfy"),
        server=server.lower(),
        port=(port or PORTS[table.tls]) if table.kind == "smtp" else 0,
        tls=table.tls,
        user=table.user,
        password=_secret(path, "password", table.password, found),
        password_file=_file(path, "password_file", table.password_file, found),
        secret=secret,
        secret_file=_file(path, "secret_file", table.secret_file, found),
        sender=_mailbox(f"{path}.sender", table.sender, found) if table.sender else "",
        to=_recipients(f"{path}.to", _many(table.to), found),
        events=_events(f"{path}.events", _many(table.events), found),
        every=_every(f"{path}.every", table.every, found),
        link=_url(f"{path}.link", table.link.strip(), found).rstrip("/"),
    )


def _check_kind(path: str, table: NotifyTable, found: Findings) -> None:
    for key, field in fields_of("notify").items():
        if key not in _ALL | _OF_KIND[table.kind] and getattr(table, key) != field.default:
            found.problem(f"{path}.{key}", None, f"nothing for {table.kind}", "leave it out")
    for key in _NEEDED[table.kind]:
        if not getattr(table, key):
            found.problem(f"{path}.{key}", None, f"missing: {table.kind} needs it", _write(key))


def _many(written: tuple[str, ...] | str) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)


def _write(key: str) -> str:
    return f"write {fields_of('notify')[key].write}"


def _url(path: str, text: str, found: Findings, *, topic: bool = False) -> str:
    if not text:
        return ""
    write = _write("url")
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        found.problem(path, None, "no address", write)
        return ""
    if not good or len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
        found.problem(path, None, "no address", write)
    elif "@" in parts.netloc:
        found.problem(path, None, "a login in an address is seen by too many", "write user and password")
    elif MASK in text:
        found.problem(path, None, "a part of it is masked", "write the whole address")
    elif topic and (parts.query or parts.path.strip("/").count("/") > 0 or not parts.path.strip("/")):
        found.problem(path, None, "no topic", "write a URL such as https://ntfy.sh/my-topic")
    return text


def _secret(path: str, key: str, text: str, found: Findings) -> Secret:
    if text == MASK:
        found.problem(f"{path}.{key}", None, "it is masked", f"write the {key} itself, or {key}_file")
    elif len(text) > MAX_SECRET or not text.isprintable():
        found.problem(f"{path}.{key}", None, f"longer than {MAX_SECRET} characters, or not printable", _write(key))
    return Secret(text)


def _file(path: str, key: str, text: str, found: Findings) -> str:
    text = text.strip()
    if not text:
        return ""
    if not text.isprintable() or len(text) > MAX_URL:
        found.problem(f"{path}.{key}", text, "no file", "write a file such as /etc/mirage-hole/secret")
        return ""
    return str(folder_of(found, "notify") / text)


def _mailbox(path: str, text: str, found: Findings, item: int | None = None) -> str:
    text = text.strip()
    if not _ADDRESS.fullmatch(text) or ".." in text:
        found.problem(path, text, "no mail address", "write an address such as me@example.org", item=item)
    return text


def _recipients(path: str, written: tuple[str, ...], found: Findings) -> tuple[str, ...]:
    if len(written) > MAX_RECIPIENTS:
        found.problem(path, None, f"{len(written)} addresses are too many", f"write at most {MAX_RECIPIENTS}")
    return tuple(_mailbox(path, text, found, item) for item, text in enumerate(written[:MAX_RECIPIENTS]))


def _events(path: str, written: tuple[str, ...], found: Findings) -> tuple[str, ...]:
    for item, text in enumerate(written):
        if text not in EVENTS:
            found.problem(path, text, "no such event", f"write some of {', '.join(EVENTS)}", item=item)
        elif text in written[:item]:
            found.problem(path, text, "written twice", "write each once", item=item)
    return written or tuple(name for name in EVENTS if name not in QUIET)


def _every(path: str, value: float | str, found: Findings) -> float:
    seconds = found.parsed(path, value, lambda: parse_duration(value), MIN_EVERY)
    if not MIN_EVERY <= seconds <= MAX_EVERY:
        less = seconds < MIN_EVERY
        limit = f"less than {format_duration(MIN_EVERY)}" if less else f"more than {format_duration(MAX_EVERY)}"
        found.problem(path, value, limit, _write("every"))
    return seconds


def masked_table(one: NotifySettings) -> dict[str, object]:
    """For people: every secret is masked."""
    secrets = {key: MASK if getattr(one, key) else "" for key in ("password", "secret")}
    address = shown_address(one.url) if one.url else ""
    return {**one._asdict(), **secrets, "url": address, "every": format_duration(one.every)}
