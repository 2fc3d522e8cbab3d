"""Notices as messages: JSON for a webhook, headers and text for ntfy, a mail. No text of others gets into a header unchecked."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.observe.notices import News, Notice, Severity

MAX_TITLE: Final = 200  # characters
MAX_TEXT: Final = 1000
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_PRIORITIES: Final = {"info": "2", "warning": "3", "critical": "5"}
_TAGS: Final = {"info": "information_source", "warning": "warning", "critical": "rotating_light"}
_ORDER: Final = ("info", "warning", "critical")


class Message(NamedTuple):
    """What one delivery says. Every text is one line, without control characters."""

    title: str
    lines: tuple[str, ...]
    severity: Severity
    recovered: bool
    """It only says what is over."""
    link: str
    """To the web page; empty where there is none."""
    notices: tuple[dict[str, Any], ...]


def one_line(text: str, most: int = MAX_TEXT) -> str:
    """The text without control characters, cut when it is long."""
    text = " ".join(_CONTROLS.sub(" ", text).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def message(news: Sequence[News], server: str, link: str = "") -> Message:
    """One news as it is, several as a digest. ``server``: what the server is called."""
    rank = max(_ORDER.index("info" if one.recovered else one.notice.condition.severity) for one in news)
    recovered = all(one.recovered for one in news)
    if len(news) == 1:
        condition = news[0].notice.condition
        title = f"Over: {condition.title}" if recovered else condition.title
        lines = _lines(news[0])
    else:
        over = sum(one.recovered for one in news)
        parts = [f"{len(news) - over} need attention"] if len(news) > over else []
        parts += [f"{over} are over"] if over else []
        title = f"{server}: " + ", ".join(parts)
        lines = tuple(
            one_line(("Over: " if one.recovered else "") + one.notice.condition.title, MAX_TITLE) for one in news
        )
    notices = tuple(as_dict(one.notice, recovered=one.recovered) for one in news)
    return Message(one_line(title, MAX_TITLE), lines, _severity(rank), recovered, link, notices)


def trial(server: str, link: str = "") -> Message:
    """What the test button sends."""
    lines = (f"{one_line(server)} can reach you here.",)
    return Message("Mirage Hole: a test", lines, "info", False, link, ())


def as_dict(notice: Notice, *, recovered: bool) -> dict[str, Any]:
    """A notice for programs."""
    condition = notice.condition
    return {
        "id": notice.number,
        "kind": condition.kind,
        "about": one_line(condition.about),
        "severity": condition.severity,
        "title": one_line(condition.title, MAX_TITLE),
        "text": one_line(condition.text),
        "advice": one_line(condition.advice),
        "since": notice.since,
        "recovered": recovered,
        "closed": notice.closed,
    }


def webhook(message: Message, server: str, at: float) -> dict[str, Any]:
    """The JSON that a webhook gets; docs/notifications.md describes it."""
    return {
        "version": 1,
        "server": one_line(server),
        "sent": at,
        "title": message.title,
        "text": "\n".join(message.lines),
        "severity": message.severity,
        "recovered": message.recovered,
        "link": message.link,
        "notices": list(message.notices),
    }


def ntfy(message: Message) -> tuple[dict[str, str], bytes]:
    """Headers and body for ntfy (https://docs.ntfy.sh/publish/). What is not ASCII is an encoded word (RFC 2047), which it reads."""
    headers = {
        "Title": _encoded(message.title),
        "Priority": "3" if message.recovered else _PRIORITIES[message.severity],
        "Tags": "white_check_mark" if message.recovered else _TAGS[message.severity],
    }
    if message.link and one_line(message.link).isascii():
        headers["Click"] = one_line(message.link)
    return headers, "\n".join(message.lines).encode(errors="replace")


def mail(message: Message, sender: str, to: Sequence[str], at: float, identifier: str) -> bytes:
    """A mail, ready for SMTP: CRLF, ASCII, short lines.

    Args:
        at: seconds since the epoch.
        identifier: for Message-ID, without the brackets.
    """
    written = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    written["Subject"] = f"[mirage-hole] {message.title}"
    written["From"] = one_line(sender)
    written["To"] = ", ".join(one_line(one) for one in to)
    written["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    written["Message-ID"] = f"<{one_line(identifier)}>"
    written["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    text = "\n".join((*message.lines, *(("", message.link) if message.link else ())))
    written.set_content(text.encode(errors="replace").decode() + "\n")
    return written.as_bytes()


def _lines(news: News) -> tuple[str, ...]:
    condition, notice = news.notice.condition, news.notice
    since = datetime.fromtimestamp(max(0.0, min(notice.since, 32_503_680_000.0)), UTC).strftime("%Y-%m-%d %H:%M UTC")
    if news.recovered:
        return (one_line(f"It is over. It was: {condition.text}"), f"Since: {since}")
    advice = (one_line(condition.advice),) if condition.advice else ()
    return (one_line(condition.text), *advice, f"Since: {since}")


def _severity(rank: int) -> Severity:
    return "critical" if rank == 2 else "warning" if rank == 1 else "info"


def _encoded(text: str) -> str:
    if text.isascii():
        return text
    return f"=?UTF-8?B?{b64encode(text.encode(errors='replace')).decode()}?="
