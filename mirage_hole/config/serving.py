"""The sections about the server itself: where it listens, its web server, the lists, the log."""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from typing import Annotated, Literal

from msgspec import Struct

from mirage_hole.config.about import LOG_FORMATS, LOG_LEVELS, Duration, Many, about


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens, whom it answers, and as whom it runs."""

    listen: Annotated[
        Many,
        about(
            "Addresses to answer DNS on, over UDP and TCP. An address without a port gets server.port.",
            "--listen",
            "ADDR[:PORT]",
            "an address such as 0.0.0.0, 192.168.1.2:53 or [::1]:5353",
            default="every IPv4 and IPv6 address",
        ),
    ] = ("0.0.0.0", "::")  # noqa: S104 - a resolver for a whole network; server.allow_from keeps strangers out
    port: Annotated[
        int,
        about("Port of the listen addresses that name none.", "--port", "PORT", "a number from 1 to 65535"),
    ] = 53
    workers: Annotated[
        int,
        about(
            "Processes that answer queries. One is enough for a home; more use more processor cores.",
            "--workers",
            "N",
            "a number from 1 to 64",
        ),
    ] = 1
    user: Annotated[
        str,
        about(
            "Whom to become once the ports are bound, when started as root; root to stay root.",
            "--user",
            "NAME",
            "the name or number of an existing user",
            default="mirage-hole if there is such a user, else nobody",
        ),
    ] = ""
    allow_from: Annotated[
        Many,
        about(
            "Networks that are answered; everybody else is refused. The word private stands for the private, loopback "
            "and link-local networks.",
            "--allow-from",
            "NETWORK",
            "a network such as 192.168.0.0/16 or 2001:db8::/32, or the word private",
        ),
    ] = ("private",)
    state_directory: Annotated[
        str,
        about(
            "Where compiled lists and the last good copy of each list are kept.",
            "--state",
            "DIRECTORY",
            "a directory such as /var/lib/mirage-hole",
            default="$STATE_DIRECTORY, else $XDG_STATE_HOME/mirage-hole, else /var/lib/mirage-hole for root, "
            "else ~/.local/state/mirage-hole",
        ),
    ] = ""
    version_text: Annotated[
        str,
        about(
            "What is answered to version.bind and version.server in class CHAOS, which says what software this is. Empty: it is "
            "not told.",
            "--version-text",
            "TEXT",
            "up to 255 letters, digits and signs, or nothing",
        ),
    ] = "Mirage Hole"
    identity: Annotated[
        str,
        about(
            "What is answered to id.server and hostname.bind in class CHAOS, to tell several servers apart. Empty: it is not told.",
            "--identity",
            "TEXT",
            "up to 255 letters, digits and signs such as dns1.lan, or nothing",
        ),
    ] = ""


class Web(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The web page, the API and the metrics."""

    listen: Annotated[
        str,
        about(
            "Address and port of the web server, or off for none.",
            "--web",
            "ADDR:PORT",
            "an address and a port such as 127.0.0.1:8080, or off",
        ),
    ] = "127.0.0.1:8080"
    anywhere: Annotated[
        bool,
        about(
            "Let the web server listen on an address other than loopback although web.open_for lets visitors of other networks "
            "look without a login.",
            "--web-anywhere",
            "",
            "true or false",
        ),
    ] = False
    certificate: Annotated[
        str,
        about(
            "File with the certificate for HTTPS, and those it was signed with, in PEM. A new one is taken within seconds. "
            "self-signed: this server makes one, which browsers warn of.",
            "--web-certificate",
            "FILE",
            "an absolute path such as /etc/mirage-hole/web.pem, or self-signed",
            default="none: HTTP",
        ),
    ] = ""
    key: Annotated[
        str,
        about(
            "File with its private key, in PEM, without a password.",
            "--web-key",
            "FILE",
            "an absolute path such as /etc/mirage-hole/web.key",
            default="the certificate's file",
        ),
    ] = ""
    redirect: Annotated[
        str,
        about(
            "Address and port where HTTP is answered with the way to HTTPS.",
            "--web-redirect",
            "ADDR:PORT",
            "an address and a port such as 0.0.0.0:80",
            default="none",
        ),
    ] = ""
    trusted_proxies: Annotated[
        Many,
        about(
            "Networks of proxies in front of the web server, which are believed who asks and how (X-Forwarded-For and Forwarded).",
            "--web-proxy",
            "NETWORK",
            "a network such as 192.168.1.5 or 172.16.0.0/12",
        ),
    ] = ()
    allow_from: Annotated[
        Many,
        about(
            "Networks that may open the web page; everybody else is refused. The word private stands for the private, loopback "
            "and link-local networks.",
            "--web-allow-from",
            "NETWORK",
            "a network such as 192.168.0.0/16 or 2001:db8::/32, or the word private",
        ),
    ] = ("private",)
    host_names: Annotated[
        Many,
        about(
            "Names under which the web page is opened, besides localhost, the machine's own names and its addresses.",
            "--web-host-name",
            "NAME",
            "names such as dns.example.org",
        ),
    ] = ()
    cors_origins: Annotated[
        Many,
        about(
            "Pages of other sites that may read the API, with a token of their own; never with anybody's login.",
            "--web-cors-origin",
            "ORIGIN",
            "origins such as https://panel.example.org",
        ),
    ] = ()
    open_for: Annotated[
        Many,
        about(
            "Networks whose visitors look at everything but accounts without a login. They change nothing.",
            "--web-open-for",
            "NETWORK",
            "a network such as 127.0.0.0/8 or 192.168.1.0/24",
        ),
    ] = ()
    requests_per_second: Annotated[
        int,
        about(
            "How many requests each visitor, login or token may make, with four times as many at once. 0: any number.",
            "--web-requests-per-second",
            "N",
            "a whole number from 0 to 100000",
        ),
    ] = 50
    session_idle: Annotated[
        Duration,
        about(
            "A login ends when it was not used for this long.",
            "--session-idle",
            "TIME",
            "a time from 1m to 365d, such as 7d",
        ),
    ] = "7d"
    session_max: Annotated[
        Duration,
        about(
            "Every login ends after this long.",
            "--session-max",
            "TIME",
            "a time from 1m to 365d, such as 30d",
        ),
    ] = "30d"


class Lists(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is blocked, and what never is."""

    block: Annotated[
        Many,
        about(
            "Lists of names to block: a URL, a file, or a name from the catalogue (mirage-hole lists catalogue).",
            "--blocklist",
            "SOURCE",
            "a URL, a file, or a name from the catalogue",
        ),
    ] = ("starter",)
    allow: Annotated[
        Many,
        about(
            "Lists of names that are never blocked, whatever the block lists say.",
            "--allowlist",
            "SOURCE",
            "a URL, a file, or a name from the catalogue",
        ),
    ] = ()
    refresh_every: Annotated[
        Duration,
        about(
            "How often the lists are downloaded again.",
            "--refresh-every",
            "TIME",
            "a time from 1m to 365d, such as 24h",
        ),
    ] = "24h"
    shrink_guard: Annotated[
        int,
        about(
            "A downloaded list that has lost more than this share of its rules, in percent, is held back until it is "
            "confirmed or has grown again; its last good version serves. 0 takes every list as it comes.",
            "--shrink-guard",
            "PERCENT",
            "a whole number from 0 to 100",
        ),
    ] = 50
    file_folders: Annotated[
        Many,
        about(
            "Folders that lists added while the server runs may be files of. Files named in the configuration or in a flag "
            "may be anywhere.",
            "--file-folder",
            "DIRECTORY",
            "a directory such as /etc/mirage-hole/lists",
            default="lists beside the configuration file, and files in the state directory",
        ),
    ] = ()


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the program says of itself on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        about(
            "The least important message that is still written.",
            "--log-level",
            "LEVEL",
            "debug, info, warning or error",
            choices=LOG_LEVELS,
        ),
    ] = "info"
    format: Annotated[
        Literal["text", "logfmt", "json"],
        about(
            "text for people, logfmt or json for machines.",
            "--log-format",
            "FORMAT",
            "text, logfmt or json",
            choices=LOG_FORMATS,
        ),
    ] = "text"
