"""What the user may write: the sections of ``config.toml``, each setting with its type, default and explanation.

This is the only place that knows a setting's name. The flags, the environment variables, the JSON schema, the help texts
and docs/configuration.md are all made from it. Values here are as written; ``config/settle.py`` says what they mean.
"""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct

from mirage_hole.config.tables import STRATEGIES, ClientTable, GroupTable, ListTable, RecordTable, RouteTable

Many = tuple[str, ...] | str
"""A list of strings; a single string stands for a list of one."""
Duration = int | float | str
Size = int | str

BLOCK_MODES = ("null", "nxdomain", "nodata", "refused", "ip")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "logfmt", "json")


def _about(
    description: str, flag: str, metavar: str, write: str, *, default: str = "", choices: tuple[str, ...] = ()
) -> Meta:
    """What people are told of a setting. ``write`` completes "write …"; ``default`` is for defaults found at run time."""
    extra = {"flag": flag, "metavar": metavar, "write": write, "default": default, "choices": choices}
    return Meta(description=description, extra=extra)


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens, whom it answers, and as whom it runs."""

    listen: Annotated[
        Many,
        _about(
            "Addresses to answer DNS on, over UDP and TCP. An address without a port gets server.port.",
            "--listen",
            "ADDR[:PORT]",
            "an address such as 0.0.0.0, 192.168.1.2:53 or [::1]:5353",
            default="every IPv4 and IPv6 address",
        ),
    ] = ("0.0.0.0", "::")  # noqa: S104 - a resolver for a whole network; server.allow_from keeps strangers out
    port: Annotated[
        int,
        _about("Port of the listen addresses that name none.", "--port", "PORT", "a number from 1 to 65535"),
    ] = 53
    workers: Annotated[
        int,
        _about(
            "Processes that answer queries. One is enough for a home; more use more processor cores.",
            "--workers",
            "N",
            "a number from 1 to 64",
        ),
    ] = 1
    user: Annotated[
        str,
        _about(
            "Whom to become once the ports are bound, when started as root; root to stay root.",
            "--user",
            "NAME",
            "the name or number of an existing user",
            default="mirage-hole if there is such a user, else nobody",
        ),
    ] = ""
    allow_from: Annotated[
        Many,
        _about(
            "Networks that are answered; everybody else is refused. The word private stands for the private, loopback "
            "and link-local networks.",
            "--allow-from",
            "NETWORK",
            "a network such as 192.168.0.0/16 or 2001:db8::/32, or the word private",
        ),
    ] = ("private",)
    state_directory: Annotated[
        str,
        _about(
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
        _about(
            "What is answered to version.bind and version.server in class CHAOS, which says what software this is. Empty: it is "
            "not told.",
            "--version-text",
            "TEXT",
            "up to 255 letters, digits and signs, or nothing",
        ),
    ] = "Mirage Hole"
    identity: Annotated[
        str,
        _about(
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
        _about(
            "Address and port of the web server, or off for none.",
            "--web",
            "ADDR:PORT",
            "an address and a port such as 127.0.0.1:8080, or off",
        ),
    ] = "127.0.0.1:8080"
    anywhere: Annotated[
        bool,
        _about(
            "Let the web server listen on an address other than loopback. There is no password: whoever reaches the port "
            "sees every query.",
            "--web-anywhere",
            "",
            "true or false",
        ),
    ] = False


class Lists(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is blocked, and what never is."""

    block: Annotated[
        Many,
        _about(
            "Lists of names to block: a URL, a file, or a name from the catalogue (mirage-hole lists catalogue).",
            "--blocklist",
            "SOURCE",
            "a URL, a file, or a name from the catalogue",
        ),
    ] = ("starter",)
    allow: Annotated[
        Many,
        _about(
            "Lists of names that are never blocked, whatever the block lists say.",
            "--allowlist",
            "SOURCE",
            "a URL, a file, or a name from the catalogue",
        ),
    ] = ()
    refresh_every: Annotated[
        Duration,
        _about(
            "How often the lists are downloaded again.",
            "--refresh-every",
            "TIME",
            "a time from 1m to 365d, such as 24h",
        ),
    ] = "24h"
    shrink_guard: Annotated[
        int,
        _about(
            "A downloaded list that has lost more than this share of its rules, in percent, is held back until it is "
            "confirmed or has grown again; its last good version serves. 0 takes every list as it comes.",
            "--shrink-guard",
            "PERCENT",
            "a whole number from 0 to 100",
        ),
    ] = 50
    file_folders: Annotated[
        Many,
        _about(
            "Folders that lists added while the server runs may be files of. Files named in the configuration or in a flag "
            "may be anywhere.",
            "--file-folder",
            "DIRECTORY",
            "a directory such as /etc/mirage-hole/lists",
            default="the configuration file's folder, and files in the state directory",
        ),
    ] = ()


class Upstream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who answers what is not blocked."""

    servers: Annotated[
        Many,
        _about(
            "Resolvers to ask, in the order of preference. Port 53 unless another is given. The address of one that is written "
            "as a name is looked up in the background; name@address says what to ask until then.",
            "--upstream",
            "ADDR[:PORT]",
            "the address of a resolver such as 9.9.9.9 or [2620:fe::fe]:53, or a name such as dns.example",
            default="the resolvers of /etc/resolv.conf, this server itself left out",
        ),
    ] = ()
    timeout: Annotated[
        Duration,
        _about(
            "How long a query may take, all resolvers together, before its answer is SERVFAIL.",
            "--timeout",
            "TIME",
            "a time from 100ms to 60s, such as 5s",
        ),
    ] = "5s"
    strategy: Annotated[
        Literal["fastest", "weighted", "parallel", "strict", "hedged"],
        _about(
            "Which of them is asked. fastest: the one that answers soonest, the others now and then. weighted: each as often "
            "as it is fast. parallel: two at once, the first answer counts. strict: the first, the others only when it fails. "
            "hedged: the fastest, and a second one when it takes longer than it nearly always does.",
            "--strategy",
            "STRATEGY",
            "fastest, weighted, parallel, strict or hedged",
            choices=STRATEGIES,
        ),
    ] = "fastest"
    fallback: Annotated[
        str,
        _about(
            "The group that is asked when none of these resolvers gives an answer.",
            "--fallback-group",
            "NAME",
            "the name of a [[group]]",
            default="none",
        ),
    ] = ""
    bootstrap: Annotated[
        Many,
        _about(
            "Resolvers to ask for the addresses of resolvers that are written as names.",
            "--bootstrap",
            "ADDR[:PORT]",
            "the address of a resolver such as 9.9.9.9",
            default="those of upstream.servers that are addresses, else the resolvers of /etc/resolv.conf",
        ),
    ] = ()
    random_case: Annotated[
        bool,
        _about(
            "Spell names at random in questions to resolvers, and take only answers that repeat it (0x20): harder to forge. "
            "Resolvers that can't are noticed and asked as usual.",
            "--random-case",
            "",
            "true or false",
        ),
    ] = False
    ecs: Annotated[
        str,
        _about(
            "What resolvers are told of where clients are (EDNS Client Subnet), so that they can choose a server nearby. strip: "
            "nothing. forward: what a client itself says in its query, cut to /24 or /56, and never a private network. Or a "
            "network, which is told for all clients; 0.0.0.0/0 asks resolvers to tell nobody of yours either.",
            "--ecs",
            "strip|forward|NETWORK",
            "strip, forward, or a network such as 203.0.113.0/24 (at most /24 for IPv4 and /56 for IPv6)",
        ),
    ] = "strip"
    dnssec: Annotated[
        bool,
        _about(
            "Validate the signatures of these resolvers' answers (DNSSEC) and refuse answers that are forged. The resolvers must "
            "pass signatures on.",
            "--dnssec",
            "",
            "true or false",
        ),
    ] = False


class Cache(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers that are remembered."""

    size: Annotated[
        Size,
        _about(
            "Memory for remembered answers, in each worker.",
            "--cache-size",
            "SIZE",
            "a size from 64KiB to 64GiB, such as 16MiB",
        ),
    ] = "16MiB"
    min_ttl: Annotated[
        Duration,
        _about(
            "Keep answers for at least this long, whatever their TTL, and tell clients so. 0s: as long as they say.",
            "--cache-min-ttl",
            "TIME",
            "whole seconds from 0s to 1h, such as 30s",
        ),
    ] = "0s"
    max_ttl: Annotated[
        Duration,
        _about(
            "Keep no answer for longer. Less than 1d is also told to clients.",
            "--cache-max-ttl",
            "TIME",
            "whole seconds from 1s to 7d, such as 1d",
        ),
    ] = "1d"
    negative_ttl: Annotated[
        Duration,
        _about(
            "Keep no answer for longer that says that a name or a record does not exist.",
            "--cache-negative-ttl",
            "TIME",
            "whole seconds from 0s to 1d, such as 3h",
        ),
    ] = "3h"
    failure_ttl: Annotated[
        Duration,
        _about(
            "Ask no sooner again what could not be answered; each further failure doubles it, up to 5m.",
            "--cache-failure-ttl",
            "TIME",
            "a time from 1s to 5m, such as 5s",
        ),
    ] = "5s"
    stale: Annotated[
        Duration,
        _about(
            "How long past its time an answer may still serve when no upstream answers. 0s: not at all.",
            "--stale",
            "TIME",
            "a time from 0s to 30d, such as 1d",
        ),
    ] = "1d"
    stale_wait: Annotated[
        Duration,
        _about(
            "How long a query waits for a fresh answer before it gets one past its time.",
            "--stale-wait",
            "TIME",
            "a time from 0s to 30s, such as 1.8s",
        ),
    ] = "1.8s"
    stale_ttl: Annotated[
        Duration,
        _about(
            "TTL of answers past their time.",
            "--stale-ttl",
            "TIME",
            "whole seconds from 1s to 5m, such as 30s",
        ),
    ] = "30s"
    prefetch: Annotated[
        bool,
        _about(
            "Renew answers that people ask for shortly before their time is up.",
            "--prefetch",
            "",
            "true or false",
        ),
    ] = True
    keep: Annotated[
        bool,
        _about(
            "Keep answers in the state directory while the server is not running.",
            "--cache-keep",
            "",
            "true or false",
        ),
    ] = True


class Dnssec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where validation trusts what, for the upstreams and groups that are validated (`dnssec = true` there)."""

    anchors: Annotated[
        str,
        _about(
            "File with the trust anchors, DS or DNSKEY records as in a zone file, one a line.",
            "--dnssec-anchors",
            "FILE",
            "a file such as /etc/mirage-hole/anchors",
            default="the root's own keys, which come with the program",
        ),
    ] = ""
    unsigned: Annotated[
        Many,
        _about(
            "Names that count as unsigned with all below them (negative trust anchors), such as zones that are signed in "
            "the world and not at home. Local names and those with a route of their own are so without being named.",
            "--dnssec-unsigned",
            "NAME",
            "names such as corp.example",
        ),
    ] = ()


class Edns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What clients get that ask by an EDNS option."""

    cookies: Annotated[
        bool,
        _about(
            "DNS cookies (RFC 7873): a client that brings one back has proven where it is, and needs no TCP when it asks much.",
            "--cookies",
            "",
            "true or false",
        ),
    ] = True
    nsid: Annotated[
        str,
        _about(
            "Name of this server for whoever asks by NSID (RFC 5001), to tell several servers apart. Empty: none is told.",
            "--nsid",
            "TEXT",
            "up to 64 letters, digits and signs, such as dns1.lan",
        ),
    ] = ""
    padding: Annotated[
        int,
        _about(
            "Replies over TCP to padded queries are padded to a multiple of so many octets (RFC 8467). 0: none is.",
            "--padding",
            "OCTETS",
            "a whole number from 0 to 4096",
        ),
    ] = 468


class Blocking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the answer to a blocked name looks like."""

    mode: Annotated[
        Literal["null", "nxdomain", "nodata", "refused", "ip"],
        _about(
            "null answers 0.0.0.0 and ::, nxdomain that the name does not exist, nodata that it has no address, refused "
            "refuses, ip answers blocking.ipv4 and blocking.ipv6.",
            "--block-mode",
            "MODE",
            "null, nxdomain, nodata, refused or ip",
            choices=BLOCK_MODES,
        ),
    ] = "null"
    ipv4: Annotated[
        str,
        _about(
            "The answer to A questions in mode ip.",
            "--block-ipv4",
            "ADDR",
            "an IPv4 address such as 192.168.1.2",
            default="none",
        ),
    ] = ""
    ipv6: Annotated[
        str,
        _about(
            "The answer to AAAA questions in mode ip.",
            "--block-ipv6",
            "ADDR",
            "an IPv6 address such as fd00::2",
            default="none",
        ),
    ] = ""
    ttl: Annotated[
        Duration,
        _about(
            "How long clients may remember that a name is blocked.",
            "--block-ttl",
            "TIME",
            "whole seconds from 0s to 1d, such as 10s",
        ),
    ] = "10s"
    until_loaded: Annotated[
        Literal["open", "closed"],
        _about(
            "What is answered while there are no compiled lists, as at the very first start: open forwards everything, closed "
            "answers SERVFAIL (EDE 14) for all names that your own rules and records do not answer.",
            "--until-loaded",
            "open|closed",
            "open or closed",
            choices=("open", "closed"),
        ),
    ] = "open"


class Answers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked at in an answer before it is passed on."""

    rebinding: Annotated[
        bool,
        _about(
            "Take away answers that lead from a name outside to a private address (DNS rebinding). Names with a route, local "
            "names and those of answers.rebinding_allow may lead there.",
            "--rebinding-protection",
            "",
            "true or false",
        ),
    ] = True
    rebinding_allow: Annotated[
        Many,
        _about(
            "Domains whose answers may hold private addresses.",
            "--rebinding-allow",
            "DOMAIN",
            "domains such as plex.direct",
        ),
    ] = ()
    ech: Annotated[
        Literal["keep", "drop"],
        _about(
            "drop takes the keys for encrypted hellos (ECH) out of HTTPS and SVCB records, so that a filter by server name "
            "sees names again.",
            "--ech",
            "keep|drop",
            "keep or drop",
            choices=("keep", "drop"),
        ),
    ] = "keep"
    special_names: Annotated[
        bool,
        _about(
            "Answer names of special use here (localhost, local, home.arpa, internal, onion, reverse zones of private "
            "networks and their like), so that no question about them leaves the network. Names with a route are asked for.",
            "--special-names",
            "",
            "true or false",
        ),
    ] = True
    canaries: Annotated[
        bool,
        _about(
            "Say that use-application-dns.net, mask.icloud.com and mask-h2.icloud.com do not exist, which asks browsers and "
            "iCloud Private Relay not to go around this resolver.",
            "--canaries",
            "",
            "true or false",
        ),
    ] = True
    private_relay: Annotated[
        bool,
        _about(
            "Let iCloud Private Relay's names exist all the same, so that Apple's devices may go around this resolver.",
            "--private-relay",
            "",
            "true or false",
        ),
    ] = False
    private_reverse: Annotated[
        bool,
        _about(
            "Among the names of special use are the reverse zones of private networks. false: they are asked of the "
            "upstreams; a route for a network does that for its zone alone.",
            "--private-reverse",
            "",
            "true or false",
        ),
    ] = True
    any: Annotated[
        Literal["hinfo", "refuse", "forward"],
        _about(
            "What queries for ANY get, which ask for all records of a name and are used to flood others. hinfo: one record that "
            "says nothing. refuse: REFUSED. forward: what the upstreams say. Blocked and local names are answered as usual.",
            "--any",
            "hinfo|refuse|forward",
            "hinfo, refuse or forward",
            choices=("hinfo", "refuse", "forward"),
        ),
    ] = "hinfo"
    block_types: Annotated[
        Many,
        _about(
            "Query types that are answered with no data, such as AAAA where IPv6 does not work.",
            "--block-type",
            "TYPE",
            "types such as AAAA, HTTPS or ANY",
        ),
    ] = ()


class Local(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names that this server answers itself; their records are in `[[record]]` tables and in files, which are watched."""

    name: Annotated[
        str,
        _about(
            "A name that leads to this server, whoever asks.",
            "--own-name",
            "NAME",
            'a name such as mirage.hole, or "" for none',
        ),
    ] = "mirage.hole"
    addresses: Annotated[
        Many,
        _about(
            "Where that name leads to.",
            "--own-address",
            "ADDR",
            "addresses such as 192.168.1.2 and fd00::2",
            default="the addresses of the interface that the client is behind",
        ),
    ] = ()
    domain: Annotated[
        str,
        _about(
            "The domain of this network. It stands behind names without a dot, in hosts files and leases. When there are "
            "such files, or records in it, what they do not know of it does not exist; a route for it changes that.",
            "--local-domain",
            "DOMAIN",
            'a domain such as lan or home.arpa, or "" for none',
        ),
    ] = "lan"
    ttl: Annotated[
        Duration,
        _about("How long clients may remember local data.", "--local-ttl", "TIME", "a time up to 7d, such as 60s"),
    ] = "60s"
    hosts: Annotated[
        Many,
        _about(
            "Hosts files with names of this network. A changed file counts within seconds.",
            "--hosts",
            "FILE",
            "files such as /etc/hosts",
        ),
    ] = ()
    leases: Annotated[
        Many,
        _about(
            "Where DHCP servers write down who has which address: lease files of dnsmasq, ISC dhcpd and Kea (memfile).",
            "--leases",
            "FILE",
            "files such as /var/lib/misc/dnsmasq.leases",
        ),
    ] = ()
    forward_unqualified: Annotated[
        bool,
        _about(
            "Ask upstreams for addresses of names without a dot, too. A route for unqualified names does not need it.",
            "--forward-unqualified",
            "",
            "true or false",
        ),
    ] = False


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much one client may ask. Above it, queries are answered truncated, so that a true client asks again over TCP, then
    refused; a flood is stopped before it is read."""

    queries_per_second: Annotated[
        int,
        _about(
            "Queries a second that one address may ask for long. 0: as many as it likes.",
            "--queries-per-second",
            "N",
            "a whole number from 0 to 1000000",
        ),
    ] = 300
    burst: Annotated[
        int,
        _about(
            "Queries that it may ask at once after a time of silence.",
            "--query-burst",
            "N",
            "a whole number from limits.queries_per_second to 10000000",
        ),
    ] = 3000
    exempt: Annotated[
        Many,
        _about(
            "Networks without a limit, besides this machine itself, such as a router that asks for everybody.",
            "--limit-exempt",
            "NETWORK",
            "a network such as 192.168.1.1",
        ),
    ] = ()
    enforce: Annotated[
        Many,
        _about(
            "Networks that have a limit although they are exempt, such as 127.0.0.2 for a program on this machine.",
            "--limit-enforce",
            "NETWORK",
            "a network such as 127.0.0.2",
        ),
    ] = ()
    answers_per_second: Annotated[
        int,
        _about(
            "How often a second one network (/24, /56) that is not private may get the same answer over UDP, since its "
            "addresses may be forged. 0: as often as it is asked for.",
            "--answers-per-second",
            "N",
            "a whole number from 0 to 1000000",
        ),
    ] = 50
    tcp_connections: Annotated[
        int,
        _about(
            "Open connections of DNS over TCP, of all clients.",
            "--tcp-connections",
            "N",
            "a whole number from 1 to 30000",
        ),
    ] = 1000
    tcp_connections_per_client: Annotated[
        int,
        _about(
            "Open connections of DNS over TCP that one address may have.",
            "--tcp-connections-per-client",
            "N",
            "a whole number from 1 to 30000",
        ),
    ] = 50


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the program says of itself on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _about(
            "The least important message that is still written.",
            "--log-level",
            "LEVEL",
            "debug, info, warning or error",
            choices=LOG_LEVELS,
        ),
    ] = "info"
    format: Annotated[
        Literal["text", "logfmt", "json"],
        _about(
            "text for people, logfmt or json for machines.",
            "--log-format",
            "FORMAT",
            "text, logfmt or json",
            choices=LOG_FORMATS,
        ),
    ] = "text"


class Raw(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration as written: one field a section; those that are repeated are at the end."""

    server: Server = Server()
    web: Web = Web()
    lists: Lists = Lists()
    upstream: Upstream = Upstream()
    cache: Cache = Cache()
    dnssec: Dnssec = Dnssec()
    edns: Edns = Edns()
    blocking: Blocking = Blocking()
    answers: Answers = Answers()
    local: Local = Local()
    limits: Limits = Limits()
    log: Log = Log()
    list: tuple[ListTable, ...] = ()
    client: tuple[ClientTable, ...] = ()
    group: tuple[GroupTable, ...] = ()
    route: tuple[RouteTable, ...] = ()
    record: tuple[RecordTable, ...] = ()


SECTIONS: dict[str, type[Struct]] = {
    "server": Server,
    "web": Web,
    "lists": Lists,
    "upstream": Upstream,
    "cache": Cache,
    "dnssec": Dnssec,
    "edns": Edns,
    "blocking": Blocking,
    "answers": Answers,
    "local": Local,
    "limits": Limits,
    "log": Log,
}


class Setting(NamedTuple):
    """One setting, and how it is written in each place."""

    path: str
    """``server.listen``: section and key."""
    type: Any
    default: object
    doc: str
    flag: str
    metavar: str
    write: str
    """Completes the sentence "write …"."""
    default_text: str
    """For people, when the default is found at run time; else empty."""
    choices: tuple[str, ...]

    @property
    def is_list(self) -> bool:
        return bool(self.type == Many)

    @property
    def opposite(self) -> str:
        """The flag that switches off what is on by default."""
        return f"--no-{self.flag[2:]}"

    @property
    def variables(self) -> tuple[str, str]:
        """The two environment variables that set it: by section and key, and by the flag's name."""
        section, key = self.path.split(".")
        return f"MIRAGE_HOLE_{section}__{key}".upper(), "MIRAGE_HOLE_" + self.flag[2:].replace("-", "_").upper()


@cache
def settings() -> dict[str, Setting]:
    """Every setting by path, in the order of the sections."""
    found = {}
    for section, struct in SECTIONS.items():
        for key, default in zip(struct.__struct_fields__, struct.__struct_defaults__, strict=True):
            annotated = struct.__annotations__[key]
            meta = annotated.__metadata__[0]
            extra = meta.extra
            path = f"{section}.{key}"
            found[path] = Setting(
                path,
                annotated.__origin__,
                default,
                meta.description,
                extra["flag"],
                extra["metavar"],
                extra["write"],
                extra["default"],
                extra["choices"],
            )
    return found
