"""The sections about names that are looked up: resolvers, the cache, DNSSEC, options."""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from typing import Annotated, Literal

from msgspec import Struct

from mirage_hole.config.about import Duration, Many, Size, about
from mirage_hole.config.tables import STRATEGIES


class Upstream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who answers what is not blocked."""

    servers: Annotated[
        Many,
        about(
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
        about(
            "How long a query may take, all resolvers together, before its answer is SERVFAIL.",
            "--timeout",
            "TIME",
            "a time from 100ms to 60s, such as 5s",
        ),
    ] = "5s"
    strategy: Annotated[
        Literal["fastest", "weighted", "parallel", "strict", "hedged"],
        about(
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
        about(
            "The group that is asked when none of these resolvers gives an answer.",
            "--fallback-group",
            "NAME",
            "the name of a [[group]]",
            default="none",
        ),
    ] = ""
    bootstrap: Annotated[
        Many,
        about(
            "Resolvers to ask for the addresses of resolvers that are written as names.",
            "--bootstrap",
            "ADDR[:PORT]",
            "the address of a resolver such as 9.9.9.9",
            default="those of upstream.servers that are addresses, else the resolvers of /etc/resolv.conf",
        ),
    ] = ()
    random_case: Annotated[
        bool,
        about(
            "Spell names at random in questions to resolvers, and take only answers that repeat it (0x20): harder to forge. "
            "Resolvers that can't are noticed and asked as usual.",
            "--random-case",
            "",
            "true or false",
        ),
    ] = False
    ecs: Annotated[
        str,
        about(
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
        about(
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
        about(
            "Memory for remembered answers, in each worker.",
            "--cache-size",
            "SIZE",
            "a size from 64KiB to 64GiB, such as 16MiB",
        ),
    ] = "16MiB"
    min_ttl: Annotated[
        Duration,
        about(
            "Keep answers for at least this long, whatever their TTL, and tell clients so. 0s: as long as they say.",
            "--cache-min-ttl",
            "TIME",
            "whole seconds from 0s to 1h, such as 30s",
        ),
    ] = "0s"
    max_ttl: Annotated[
        Duration,
        about(
            "Keep no answer for longer. Less than 1d is also told to clients.",
            "--cache-max-ttl",
            "TIME",
            "whole seconds from 1s to 7d, such as 1d",
        ),
    ] = "1d"
    negative_ttl: Annotated[
        Duration,
        about(
            "Keep no answer for longer that says that a name or a record does not exist.",
            "--cache-negative-ttl",
            "TIME",
            "whole seconds from 0s to 1d, such as 3h",
        ),
    ] = "3h"
    failure_ttl: Annotated[
        Duration,
        about(
            "Ask no sooner again what could not be answered; each further failure doubles it, up to 5m.",
            "--cache-failure-ttl",
            "TIME",
            "a time from 1s to 5m, such as 5s",
        ),
    ] = "5s"
    stale: Annotated[
        Duration,
        about(
            "How long past its time an answer may still serve when no upstream answers. 0s: not at all.",
            "--stale",
            "TIME",
            "a time from 0s to 30d, such as 1d",
        ),
    ] = "1d"
    stale_wait: Annotated[
        Duration,
        about(
            "How long a query waits for a fresh answer before it gets one past its time.",
            "--stale-wait",
            "TIME",
            "a time from 0s to 30s, such as 1.8s",
        ),
    ] = "1.8s"
    stale_ttl: Annotated[
        Duration,
        about(
            "TTL of answers past their time.",
            "--stale-ttl",
            "TIME",
            "whole seconds from 1s to 5m, such as 30s",
        ),
    ] = "30s"
    prefetch: Annotated[
        bool,
        about(
            "Renew answers that people ask for shortly before their time is up.",
            "--prefetch",
            "",
            "true or false",
        ),
    ] = True
    keep: Annotated[
        bool,
        about(
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
        about(
            "File with the trust anchors, DS or DNSKEY records as in a zone file, one a line.",
            "--dnssec-anchors",
            "FILE",
            "a file such as /etc/mirage-hole/anchors",
            default="the root's own keys, which come with the program",
        ),
    ] = ""
    unsigned: Annotated[
        Many,
        about(
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
        about(
            "DNS cookies (RFC 7873): a client that brings one back has proven where it is, and needs no TCP when it asks much.",
            "--cookies",
            "",
            "true or false",
        ),
    ] = True
    nsid: Annotated[
        str,
        about(
            "Name of this server for whoever asks by NSID (RFC 5001), to tell several servers apart. Empty: none is told.",
            "--nsid",
            "TEXT",
            "up to 64 letters, digits and signs, such as dns1.lan",
        ),
    ] = ""
    padding: Annotated[
        int,
        about(
            "Replies over TCP to padded queries are padded to a multiple of so many octets (RFC 8467). 0: none is.",
            "--padding",
            "OCTETS",
            "a whole number from 0 to 4096",
        ),
    ] = 468
