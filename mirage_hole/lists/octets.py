r"""Regular expressions that are about the addresses of answers: ``^192\.0\.2\.\d{1,3}$``, as the networks they stand for.

AdGuard Home searches an answer's address as text. Networks are looked up instead, so an expression that spells out four
octets becomes those it fits; any other is one about names.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, collapse_addresses, summarize_address_range
from itertools import product

MAX_NETWORKS = 64
"""Networks of an expression; one with more stays an expression."""

_ADDRESS = re.compile(
    r"(\^?)((?:[0-9]|\\[.d]|\[[0-9\\d-]*\]|\{[0-9,]*\}|[|?*+()]|\(\?:)+?)(?:\((?:\\?/|\[[:\\/]+\])\.\*\)\?)?(\$?)"
)
_ALL = tuple(range(256))


def networks_of(expression: str) -> list[str]:
    """The networks whose addresses the expression fits; none when it is not spelled as four octets, or fits too many."""
    found = _ADDRESS.fullmatch(expression)
    if found is None or not found[1] or not found[3]:
        return []
    parts = found[2].split("\\.")
    if len(parts) != 4:
        return []
    octets = [_fitting(part) for part in parts]
    whole = 0
    while whole < 4 and octets[3 - whole] == _ALL:
        whole += 1
    fixed = octets[: 4 - whole]
    count = 1
    for values in fixed[:-1]:
        count *= len(values)
    if not fixed or not 0 < count <= MAX_NETWORKS:
        return []
    networks: list[IPv4Network] = []
    for upper in product(*fixed[:-1]):
        for first, last in _runs(fixed[-1]):
            low = bytes((*upper, first)).ljust(4, b"\0")
            high = bytes((*upper, last)).ljust(4, b"\xff")
            networks += summarize_address_range(IPv4Address(low), IPv4Address(high))
    collapsed = [str(one) for one in collapse_addresses(networks)]
    return collapsed if len(collapsed) <= MAX_NETWORKS else []


def _fitting(part: str) -> tuple[int, ...]:
    """The octets whose whole text a part of the expression fits."""
    import re2  # here: most lists have no expressions

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 19
    try:
        compiled = re2.compile(part, options)
    except re2.error:
        return ()
    return tuple(one for one in _ALL if compiled.fullmatch(str(one)) is not None)


def _runs(values: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last of each stretch without a gap."""
    runs: list[tuple[int, int]] = []
    for one in values:
        if runs and runs[-1][1] == one - 1:
            runs[-1] = runs[-1][0], one
        else:
            runs.append((one, one))
    return runs
