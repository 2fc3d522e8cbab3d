"""What a query's EDNS options get in every reply: a cookie, the server's name, how long a stream may be idle, padding.

Settled once, when the query comes, so that nothing else on its way has to know of options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import UDP
from mirage_hole.resolver.subnets import option_for
from mirage_hole.wire.codes import EDNS_DO, Rcode
from mirage_hole.wire.options import (
    COOKIE,
    KEEPALIVE,
    NO_COOKIE,
    NSID,
    PROVEN,
    UNPROVEN,
    Extra,
    option,
    read_options,
)
from mirage_hole.wire.query import Malformed
from mirage_hole.wire.subnet import read_subnet

if TYPE_CHECKING:
    from mirage_hole.resolver.cookies import Cookies
    from mirage_hole.resolver.subnets import Subnets
    from mirage_hole.wire.query import Query

PADDED_TO: Final = 468
"""Octets: the block that RFC 8467 4.1 recommends for replies."""

_NOTHING: Final = Extra()
_TENTHS_AT_MOST: Final = 0xFFFF


class Extras:
    """What this server has to offer to clients that ask by an option."""

    def __init__(
        self, *, cookies: Cookies | None = None, nsid: bytes = b"", block: int = PADDED_TO, idle: float = 0.0
    ) -> None:
        """
        Args:
            cookies: makes them; None: options with cookies are ignored.
            nsid: the server's name; empty: it is told to nobody.
            block: octets to a multiple of which replies over TCP are padded; 0: they are not.
            idle: seconds after which an idle stream is closed.
        """
        self.cookies = cookies
        self.subnets: Subnets | None = None
        """What upstreams are told of clients; None: nothing, and clients are not answered by that option either."""
        self._nsid = option(NSID, nsid) if nsid else b""
        self._block = block
        self._keepalive = option(KEEPALIVE, min(int(idle * 10), _TENTHS_AT_MOST).to_bytes(2, "big"))

    def counters(self) -> dict[str, int]:
        """What came of cookies, for the control plane."""
        cookies = self.cookies
        return {
            "cookies_proven": cookies.proven if cookies is not None else 0,
            "cookies_unproven": cookies.unproven if cookies is not None else 0,
        }

    def dress(self, query: Query, client: bytes, transport: int, now: float) -> Query | Malformed:
        """The query with what goes into its reply; malformed when one of its options is.

        Padding is for streams only: over UDP it would make small queries with a forged source into large replies, and
        nothing is hidden by it (RFC 7830 section 6); behind a stream there may be TLS.
        """
        read = read_options(query.options)
        if isinstance(read, str):
            return _malformed(query, read)
        cookie, nsid, keepalive, padded, content = read
        options, standing, block, told = b"", NO_COOKIE, 0, b""
        if content is not None:
            subnet = read_subnet(content)
            if isinstance(subnet, str):
                return _malformed(query, subnet)
            if self.subnets is not None:
                options, told = option_for(subnet), self.subnets.told_of(subnet)
        if cookie and self.cookies is not None:
            back, proven = self.cookies.look(cookie, client, now)
            options += option(COOKIE, back)
            standing = PROVEN if proven else UNPROVEN
        if nsid:
            options += self._nsid
        if transport != UDP:  # RFC 7828 3.3.2: over UDP the option is ignored
            if keepalive:
                options += self._keepalive
            if padded:
                block = self._block
        extra = Extra(options, block, standing, told)
        return query if extra == _NOTHING else query._replace(extra=extra)


def _malformed(query: Query, reason: str) -> Malformed:
    opt = EDNS_DO if query.dnssec_ok else 0
    return Malformed(query.id, query.flags, Rcode.FORMERR, query.question, reason, opt)
