"""Whom a name is asked of: its route, the group, and who comes after it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.forwarding import forwarding, with_addresses
from mirage_hole.runtime.upstream_names import read_known
from mirage_hole.upstream.routes import Routes
from mirage_hole.wire.names import from_text, labels_of, to_text

if TYPE_CHECKING:
    from mirage_hole.config.settled import Endpoint, Settled
    from mirage_hole.runtime.forwarding import Forwarding, GroupPlan

_MOST: Final = 4  # upstreams that are named; of more, how many more there are


def whom(settled: Settled, name: bytes) -> str:
    """The upstreams that a name (folded wire form) is asked of."""
    plan = forwarding(with_addresses(settled, read_known(settled.state_directory)))
    routes = Routes(
        {from_text(domain): number for domain, number in plan.routes},
        plan.unqualified if plan.unqualified >= 0 else None,
    )
    labels = labels_of(name)
    number = routes.of(name, labels)
    group = plan.groups[number]
    said = _group(group, plan, named=number > 0 and any(one.name == group.name for one in settled.groups))
    why = _route(routes, name, labels)
    if group.fallback >= 0:
        said += f", else {_group(plan.groups[group.fallback], plan, named=True)}"
    return f"{said}; {why}" if why else said


def _route(routes: Routes, name: bytes, labels: tuple[int, ...]) -> str:
    domain = next((name[at:] for at in (*labels, len(name) - 1) if name[at:] in routes.domains), None)
    unqualified = len(labels) == 1 and routes.unqualified is not None
    if domain is not None and not (unqualified and domain == b"\0"):
        return f"the route for {to_text(domain)}"
    return "the route for unqualified names" if unqualified else ""


def _group(group: GroupPlan, plan: Forwarding, *, named: bool) -> str:
    servers: list[Endpoint] = [plan.upstreams[one] for one in group.upstreams]
    if not servers:
        return "the machine's own resolvers"
    words = ", ".join(str(one) for one in servers[:_MOST])
    more = f" and {len(servers) - _MOST} more" if len(servers) > _MOST else ""
    how = f" ({group.strategy})" if len(servers) > 1 else ""
    return f"group {group.name}: {words}{more}{how}" if named else f"{words}{more}{how}"
