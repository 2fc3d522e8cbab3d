"""The sections about what is answered, and how much: blocks, what is done to answers, local names, limits."""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from typing import Annotated, Literal

from msgspec import Struct

from mirage_hole.config.about import BLOCK_MODES, Duration, Many, about


class Blocking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the answer to a blocked name looks like."""

    mode: Annotated[
        Literal["null", "nxdomain", "nodata", "refused", "ip"],
        about(
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
        about(
            "The answer to A questions in mode ip.",
            "--block-ipv4",
            "ADDR",
            "an IPv4 address such as 192.168.1.2",
            default="none",
        ),
    ] = ""
    ipv6: Annotated[
        str,
        about(
            "The answer to AAAA questions in mode ip.",
            "--block-ipv6",
            "ADDR",
            "an IPv6 address such as fd00::2",
            default="none",
        ),
    ] = ""
    ttl: Annotated[
        Duration,
        about(
            "How long clients may remember that a name is blocked.",
            "--block-ttl",
            "TIME",
            "whole seconds from 0s to 1d, such as 10s",
        ),
    ] = "10s"
    until_loaded: Annotated[
        Literal["open", "closed"],
        about(
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
        about(
            "Take away answers that lead from a name outside to a private address (DNS rebinding). Names with a route, local "
            "names and those of answers.rebinding_allow may lead there.",
            "--rebinding-protection",
            "",
            "true or false",
        ),
    ] = True
    rebinding_allow: Annotated[
        Many,
        about(
            "Domains whose answers may hold private addresses.",
            "--rebinding-allow",
            "DOMAIN",
            "domains such as plex.direct",
        ),
    ] = ()
    ech: Annotated[
        Literal["keep", "drop"],
        about(
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
        about(
            "Answer names of special use here (localhost, local, home.arpa, internal, onion, reverse zones of private "
            "networks and their like), so that no question about them leaves the network. Names with a route are asked for.",
            "--special-names",
            "",
            "true or false",
        ),
    ] = True
    canaries: Annotated[
        bool,
        about(
            "Say that use-application-dns.net, mask.icloud.com and mask-h2.icloud.com do not exist, which asks browsers and "
            "iCloud Private Relay not to go around this resolver.",
            "--canaries",
            "",
            "true or false",
        ),
    ] = True
    private_relay: Annotated[
        bool,
        about(
            "Let iCloud Private Relay's names exist all the same, so that Apple's devices may go around this resolver.",
            "--private-relay",
            "",
            "true or false",
        ),
    ] = False
    private_reverse: Annotated[
        bool,
        about(
            "Among the names of special use are the reverse zones of private networks. false: they are asked of the "
            "upstreams; a route for a network does that for its zone alone.",
            "--private-reverse",
            "",
            "true or false",
        ),
    ] = True
    any: Annotated[
        Literal["hinfo", "refuse", "forward"],
        about(
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
        about(
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
        about(
            "A name that leads to this server, whoever asks.",
            "--own-name",
            "NAME",
            'a name such as mirage.hole, or "" for none',
        ),
    ] = "mirage.hole"
    addresses: Annotated[
        Many,
        about(
            "Where that name leads to.",
            "--own-address",
            "ADDR",
            "addresses such as 192.168.1.2 and fd00::2",
            default="the addresses of the interface that the client is behind",
        ),
    ] = ()
    domain: Annotated[
        str,
        about(
            "The domain of this network. It stands behind names without a dot, in hosts files and leases. When there are "
            "such files, or records in it, what they do not know of it does not exist; a route for it changes that.",
            "--local-domain",
            "DOMAIN",
            'a domain such as lan or home.arpa, or "" for none',
        ),
    ] = "lan"
    ttl: Annotated[
        Duration,
        about("How long clients may remember local data.", "--local-ttl", "TIME", "a time up to 7d, such as 60s"),
    ] = "60s"
    hosts: Annotated[
        Many,
        about(
            "Hosts files with names of this network. A changed file counts within seconds.",
            "--hosts",
            "FILE",
            "files such as /etc/hosts",
        ),
    ] = ()
    leases: Annotated[
        Many,
        about(
            "Where DHCP servers write down who has which address: lease files of dnsmasq, ISC dhcpd and Kea (memfile).",
            "--leases",
            "FILE",
            "files such as /var/lib/misc/dnsmasq.leases",
        ),
    ] = ()
    forward_unqualified: Annotated[
        bool,
        about(
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
        about(
            "Queries a second that one address may ask for long. 0: as many as it likes.",
            "--queries-per-second",
            "N",
            "a whole number from 0 to 1000000",
        ),
    ] = 300
    burst: Annotated[
        int,
        about(
            "Queries that it may ask at once after a time of silence.",
            "--query-burst",
            "N",
            "a whole number from limits.queries_per_second to 10000000",
        ),
    ] = 3000
    exempt: Annotated[
        Many,
        about(
            "Networks without a limit, besides this machine itself, such as a router that asks for everybody.",
            "--limit-exempt",
            "NETWORK",
            "a network such as 192.168.1.1",
        ),
    ] = ()
    enforce: Annotated[
        Many,
        about(
            "Networks that have a limit although they are exempt, such as 127.0.0.2 for a program on this machine.",
            "--limit-enforce",
            "NETWORK",
            "a network such as 127.0.0.2",
        ),
    ] = ()
    answers_per_second: Annotated[
        int,
        about(
            "How often a second one network (/24, /56) that is not private may get the same answer over UDP, since its "
            "addresses may be forged. 0: as often as it is asked for.",
            "--answers-per-second",
            "N",
            "a whole number from 0 to 1000000",
        ),
    ] = 50
    tcp_connections: Annotated[
        int,
        about(
            "Open connections of DNS over TCP, of all clients.",
            "--tcp-connections",
            "N",
            "a whole number from 1 to 30000",
        ),
    ] = 1000
    tcp_connections_per_client: Annotated[
        int,
        about(
            "Open connections of DNS over TCP that one address may have.",
            "--tcp-connections-per-client",
            "N",
            "a whole number from 1 to 30000",
        ),
    ] = 50
