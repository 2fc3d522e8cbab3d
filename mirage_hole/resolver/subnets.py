"""Which part of whose address upstreams are told (RFC 7871), and who may have the answer.

A question that tells a subnet is a question of its own, in the cache and in flight: its key has the subnet's number where the
class would be. So an answer for one subnet is never given to another, whatever scope it has; and the packet cache keeps them
apart as well, since the option is part of the query's octets.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.policy.inside import is_inside
from mirage_hole.wire.codes import RRClass
from mirage_hole.wire.options import SUBNET, option
from mirage_hole.wire.subnet import IPV4, IPV6, Subnet, read_subnet, scope_in

if TYPE_CHECKING:
    from mirage_hole.policy.access import Access
    from mirage_hole.resolver.pending import Case
    from mirage_hole.wire.query import Query
    from mirage_hole.wire.scan import Reply

IPV4_BITS: Final = 24
IPV6_BITS: Final = 56
"""The most that is told (RFC 7871 11.1)."""
MOST: Final = 4096
"""Subnets that are told apart; further ones are not passed on."""

_NUMBERED: Final = 0x8000
_IN: Final = RRClass.IN.to_bytes(2, "big")
_NOTHING: Final = b"\0\1\0\0"
"""A prefix of no length: tell nobody of us (RFC 7871 7.1.2)."""
_SCOPE_AT: Final = 7


class Subnets:
    """What is told of clients, by number."""

    def __init__(self, everybody: bytes = b"") -> None:
        """``everybody``: the option's content for all questions; empty: each client's own, if it sends one."""
        self.everybody = everybody
        self._contents = [everybody]
        self._numbers: dict[bytes, int] = {}

    def told_of(self, subnet: Subnet) -> bytes:
        """What upstreams are told for a client that sends this: a prefix cut short, or empty for nothing of its own.

        Networks that are private mean nothing outside, and are nobody's business there (RFC 7871 11.1).
        """
        if not subnet.length:
            return _NOTHING
        if self.everybody or is_inside(subnet.address):
            return b""
        return subnet.cut(IPV4_BITS, IPV6_BITS).content()

    def mark(self, case: Case, access: Access) -> None:
        """Give a case the key of its client's subnet. Strangers, whose case ends soon, leave nothing behind."""
        extra = case.query.extra
        if extra is None or not extra.subnet or not access.permits(case.asked.client):
            return
        number = self._numbers.get(extra.subnet)
        if number is None:
            number = len(self._contents)
            if number > MOST:
                return
            self._numbers[extra.subnet] = number
            self._contents.append(extra.subnet)
        key = case.key
        case.key = key[:-3] + (_NUMBERED | number).to_bytes(2, "big") + key[-1:]

    def content_of(self, key: bytes) -> bytes:
        """What upstreams are told with the question of this key; empty for nothing."""
        number = key[-3] << 8 | key[-2]
        return self._contents[number ^ _NUMBERED] if number & _NUMBERED else self.everybody

    def text_of(self, key: bytes) -> str:
        """The subnet that the answers to the question of this key are for, in CIDR notation; empty: everybody."""
        if not is_for_few(key):
            return ""
        subnet = read_subnet(self.content_of(key))
        assert isinstance(subnet, Subnet)  # it was made here
        return f"{ip_address(subnet.address)}/{subnet.length}"

    def scoped(self, key: bytes, message: bytes, reply: Reply) -> Reply | None:
        """An upstream's reply that knows its scope; None when it is for another subnet. ``message``: the same whole."""
        content = self.content_of(key)
        if not content:
            return reply
        scope = scope_in(message, content)
        if scope is None:
            return None
        return reply._replace(traits=reply.traits | scope << 8) if scope and is_for_few(key) else reply


def subnets_of(setting: str) -> Subnets | None:
    """What a setting means: ``strip``, ``forward``, or a network in CIDR notation, which is told for everybody.

    Raises:
        ValueError: it is none of these.
    """
    if setting == "strip":
        return None
    if setting == "forward":
        return Subnets()
    network = ip_network(setting)
    octets = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return Subnets(Subnet(IPV4 if network.version == 4 else IPV6, network.prefixlen, octets).content())


def is_for_few(key: bytes) -> bool:
    """Whether the answers to the question of this key are for one subnet alone."""
    return key[-3] & _NUMBERED >> 8 != 0


def question_of(key: bytes) -> bytes:
    """The question section of a question's key: folded name, type, class."""
    return key[:-3] + _IN


def option_for(subnet: Subnet) -> bytes:
    """The option that goes back to a client, for an answer that is for everybody (RFC 7871 7.2.1)."""
    return option(SUBNET, subnet.content())


def with_scope(query: Query, traits: int) -> Query:
    """The query whose reply's option has the scope that is in the traits. Its client's option stands first."""
    extra = query.extra
    if extra is None or not extra.subnet:
        return query
    options = extra.options
    options = options[:_SCOPE_AT] + bytes((traits >> 8,)) + options[_SCOPE_AT + 1 :]
    return query._replace(extra=extra._replace(options=options))
