"""Who really asks, when a proxy stands in front: what trusted proxies say is believed, what anybody else says is not.

X-Forwarded-For is read from its right end, where the nearest proxy wrote: the first address that is no trusted proxy's is the
client; what stands left of it is the client's own claim. Forwarded (RFC 7239) is read in the same way.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from mirage_hole.api.access.visitor import address_of
from mirage_hole.api.problems import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multidict import CIMultiDict, CIMultiDictProxy

    Headers = CIMultiDictProxy[str] | CIMultiDict[str]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_HOPS: Final = 32
MAX_CHAIN: Final = 4096
"""Characters of a chain."""
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2
_PAIR = re.compile(rf'({_TOKEN})=({_TOKEN}|"(?:[^"\\]|\\[\t -~])*")')
_NODE = re.compile(r"\[([0-9A-Fa-f:.%\w]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?|([0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)")


class Visitor(NamedTuple):
    """Whoever asks, as far as it can be believed."""

    client: str
    """Address; empty when there is none."""
    scheme: str
    host: str
    """What the visitor's browser has as ``Host``."""


class _Hop(NamedTuple):
    """What one proxy says of whoever asked it."""

    client: str
    scheme: str = ""
    host: str = ""


class Proxies:
    """The proxies that are believed (``web.trusted_proxies``)."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(ip_network(one) for one in networks)

    def trusts(self, peer: Address | None) -> bool:
        """Whether this address is a trusted proxy's."""
        return peer is not None and within(peer, self._networks)

    def visitor(self, peer: str, headers: Headers, *, scheme: str, host: str) -> Visitor:
        """Who asks.

        Args:
            peer: the address at the other end of the connection.
            headers: of the request.
            scheme: of the connection.
            host: the header ``Host``.

        Raises:
            Refusal: 400: a trusted proxy says what can't be read or contradicts itself.
        """
        at = address_of(peer)
        if at is None or not self.trusts(at):
            return Visitor(str(at) if at is not None else peer, scheme, host)
        old = _x_forwarded(headers)
        new = _forwarded(headers)
        told = [self._client(hops, at, name) for hops, name in ((old, "X-Forwarded-For"), (new, "Forwarded")) if hops]
        if len(told) == 2 and told[0].client != told[1].client:
            # A proxy that writes one of them passes on the other as the client wrote it.
            _refuse(
                "Forwarded",
                "names another client than X-Forwarded-For",
                "one of them alone; the proxy removes the other",
            )
        hop = told[0] if told else _Hop(str(at))
        proto = (hop.scheme or _last(headers, "X-Forwarded-Proto") or scheme).lower()
        if proto not in {"http", "https"}:
            _refuse("X-Forwarded-Proto", f"{proto[:20]!r} is no scheme of the web", "http or https")
        return Visitor(hop.client, proto, hop.host or _last(headers, "X-Forwarded-Host") or host)

    def _client(self, hops: Sequence[_Hop], peer: Address, name: str) -> _Hop:
        """The first from the right that is no proxy of ours; if all are, the one farthest away."""
        hop = _Hop(str(peer))
        for hop in reversed(hops):
            found = _address(hop.client, name)
            hop = hop._replace(client=str(found))
            if not self.trusts(found):
                break
        return hop


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks."""
    return any(address.version == network.version and address in network for network in networks)


def _x_forwarded(headers: Headers) -> list[_Hop]:
    chain = _chain(headers, "X-Forwarded-For")
    if not chain:
        return []
    hops = [one.strip() for one in chain.split(",")]
    if len(hops) > MOST_HOPS:
        _refuse("X-Forwarded-For", f"{len(hops)} proxies are too many", f"at most {MOST_HOPS}")
    schemes = [one.strip() for one in _chain(headers, "X-Forwarded-Proto").split(",")]
    if len(schemes) == len(hops):  # each proxy has added its own
        return [_Hop(hop, scheme) for hop, scheme in zip(hops, schemes, strict=True)]
    return [_Hop(hop) for hop in hops]


def _forwarded(headers: Headers) -> list[_Hop]:
    """The elements of Forwarded (RFC 7239 section 4)."""
    chain = _chain(headers, "Forwarded")
    if not chain:
        return []
    hops: list[_Hop] = []
    element: dict[str, str] = {}
    at = 0
    while True:
        pair = _PAIR.match(chain, at)
        if pair is None:
            _refuse("Forwarded", f"can't be read at character {at + 1}", "for=192.0.2.1;proto=https, as RFC 7239 says")
        name, value = pair[1].lower(), pair[2]
        if name in element:
            _refuse("Forwarded", f"says {name} twice of one proxy", "it once")
        element[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        at = pair.end()
        space = len(chain) - len(chain[at:].lstrip(" \t"))
        between = chain[space : space + 1]
        if between in {",", ""}:
            hops.append(_Hop(element.get("for", ""), element.get("proto", ""), element.get("host", "")))
            element = {}
            if len(hops) > MOST_HOPS:
                _refuse("Forwarded", "names too many proxies", f"at most {MOST_HOPS}")
        elif between != ";":
            _refuse(
                "Forwarded", f"can't be read at character {space + 1}", "for=192.0.2.1;proto=https, as RFC 7239 says"
            )
        if not between:
            return hops
        rest = chain[space + 1 :]
        at = len(chain) - len(rest.lstrip(" \t"))


def _chain(headers: Headers, name: str) -> str:
    """All lines of a list header as one (RFC 9110 section 5.3)."""
    chain = ", ".join(headers.getall(name, ())).strip()
    if len(chain) > MAX_CHAIN:
        _refuse(name, "is too long", f"at most {MAX_CHAIN} characters")
    return chain


def _last(headers: Headers, name: str) -> str:
    """What the nearest proxy says."""
    return _chain(headers, name).rpartition(",")[2].strip()


def _address(text: str, name: str) -> Address:
    """An address as proxies write it: plain, with a port, IPv6 in brackets."""
    node = _NODE.fullmatch(text)
    address = address_of(node[1] or node[2] or node[3]) if node is not None else None
    if address is None:
        what = f"{text[:60]!r} is no address, so it is not known who asks"
        _refuse(name, what, "a proxy that writes the client's address")
    return address


def _refuse(where: str, what: str, instead: str) -> NoReturn:
    raise Refusal(400, "The proxy in front of this server says what can't be believed.", [Fault(where, what, instead)])
