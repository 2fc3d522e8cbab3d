"""The settings of the push of metrics to InfluxDB, or to whatever else takes its line protocol."""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from mirage_hole.config.about import Duration, about
from mirage_hole.config.places import folder_of
from mirage_hole.config.settled import InfluxSettings
from mirage_hole.config.values import parse_duration

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings

MAX_TEXT: Final = 2000
LEAST, MOST = 1.0, 86_400.0
_WRITE_URL: Final = "write a URL such as http://192.168.1.3:8086/api/v2/write?org=home&bucket=dns"


class Influx(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The metrics as InfluxDB takes them, sent now and then."""

    url: Annotated[
        str,
        about(
            "Where the metrics are written to: the whole address, of InfluxDB 2 (/api/v2/write?org=ORG&bucket=BUCKET), of InfluxDB 1 "
            "(/write?db=NAME), or of another server that takes the line protocol.",
            "--influx-url",
            "URL",
            "a URL such as http://192.168.1.3:8086/api/v2/write?org=home&bucket=dns",
            default="nowhere",
        ),
    ] = ""
    token_file: Annotated[
        str,
        about(
            "A file whose first line is the token that the server asks for. It is read anew each time.",
            "--influx-token-file",
            "FILE",
            "a file such as /etc/mirage-hole/influx-token",
            default="none",
        ),
    ] = ""
    every: Annotated[
        Duration,
        about("How often they are written.", "--influx-every", "TIME", "a time from 1s to 1d, such as 30s"),
    ] = "10s"


def settle_influx(written: Influx, found: "Findings") -> InfluxSettings:
    """The address, the file and the seconds."""
    every = found.parsed("influx.every", written.every, lambda: parse_duration(written.every), 10.0)
    if not LEAST <= every <= MOST:
        found.problem("influx.every", written.every, "not from 1s to 1d", "write a time such as 30s")
    file = written.token_file.strip()
    if file and (not file.isprintable() or len(file) > MAX_TEXT):
        found.problem("influx.token_file", file, "no file", "write a file such as /etc/mirage-hole/influx-token")
        file = ""
    return InfluxSettings(
        _url(written.url.strip(), found), str(folder_of(found, "influx.token_file") / file) if file else "", every
    )


def _url(text: str, found: "Findings") -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or len(text) > MAX_TEXT or not text.isascii() or not text.isprintable() or " " in text:
        found.problem("influx.url", None, "no address", _WRITE_URL)
    elif "@" in parts.netloc or {"p", "password", "token"} & parse_qs(parts.query).keys():
        what = "a password in an address is seen by too many"
        found.problem("influx.url", None, what, "write it into a file, and influx.token_file")
    elif not parts.path.strip("/"):
        found.problem("influx.url", text, "it does not say where to write", _WRITE_URL)
    return text
