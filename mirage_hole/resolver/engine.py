"""The resolver without a network: told what happened and when, it says what to do.

It opens no socket, reads no clock, rolls no dice and writes no log. Forwarding has one point of suspension, the
upstream, so there are no coroutines here: a table of pending questions can be printed, counted and bounded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from mirage_hole.local.store import NOTHING
from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, Subject, encode_subject
from mirage_hole.policy.inside import is_at_home
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver import asking, local, loops, validating
from mirage_hole.resolver.cached import answered_from_cache
from mirage_hole.resolver.crowding import Crowd
from mirage_hole.resolver.effects import CloseStream, EmitRecord, ForgetPackets, SendReply
from mirage_hole.resolver.endings import failure
from mirage_hole.resolver.events import (
    BlockingPaused,
    DrainEnded,
    LocalChanged,
    LoopFound,
    PolicyChanged,
    ProbesDue,
    QueryReceived,
    TimePassed,
    UpstreamReplied,
    UpstreamUnreachable,
    Validated,
)
from mirage_hole.resolver.extras import Extras
from mirage_hole.resolver.pending import KIND_CD, KIND_DO, KIND_GROUP, Case, Exchange, Question, Timers
from mirage_hole.resolver.stages import LOOKED_AT_TWICE, NONRECURSIVE, STAGES, at_the_door, judged_by_policy
from mirage_hole.upstream.groups import Group
from mirage_hole.upstream.routes import Routes
from mirage_hole.wire.bindings import ECH, IPV4HINT, IPV6HINT
from mirage_hole.wire.codes import EdeCode, RRType
from mirage_hole.wire.names import fold
from mirage_hole.wire.query import Malformed, Query, parse_query
from mirage_hole.wire.reply import build_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mirage_hole.cache.answers import AnswerCache
    from mirage_hole.dnssec.anchors import Trust
    from mirage_hole.policy.access import Access
    from mirage_hole.policy.limits import ClientLimits
    from mirage_hole.policy.policy import Policy
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.events import Event
    from mirage_hole.resolver.inspection import Tainted
    from mirage_hole.resolver.pending import Listener
    from mirage_hole.resolver.sinkhole import Sinkhole
    from mirage_hole.resolver.subnets import Subnets
    from mirage_hole.resolver.validating import Validations
    from mirage_hole.upstream.health import Upstream


_HINTS: Final = {int(RRType.A): IPV4HINT, int(RRType.AAAA): IPV6HINT}
_ANY: Final = int(RRType.ANY)


class Engine:
    """Events in, effects out. ``now`` is any clock that only goes forward, in seconds, the same in every call."""

    def __init__(
        self,
        *,
        policy: Policy,
        access: Access,
        sinkhole: Sinkhole,
        cache: AnswerCache,
        upstreams: Sequence[Upstream],
        groups: Sequence[Group] = (),
        routes: Routes | None = None,
        dice: Callable[[], int],
        timeout: float,
        max_in_flight: int = 10_000,
    ) -> None:
        """``dice`` gives random 16-bit numbers; ``timeout`` is in seconds from a query's arrival to SERVFAIL.

        ``upstreams`` may be empty: what is neither blocked nor known is then answered SERVFAIL. ``groups`` has each of them
        at least once, the default group first; empty: all are one group.

        Raises:
            ValueError: more upstreams than a record can tell apart.
        """
        if len(upstreams) > NO_UPSTREAM:
            message = f"{len(upstreams)} upstreams; {NO_UPSTREAM} is the limit"
            raise ValueError(message)
        self.policy = policy
        self.access = access
        self.sinkhole = sinkhole
        self.cache = cache
        self.upstreams = list(upstreams)
        self.groups = list(groups) or [Group(0, "default", self.upstreams)]
        self.routes = routes or Routes()
        self.routed = bool(self.routes)
        """Questions are told apart by more than what is asked: some names have a route, or upstreams are told subnets."""
        self.subnets: Subnets | None = None
        """What upstreams are told of clients; None: nothing."""
        self.limits: ClientLimits | None = None
        self.local = NOTHING
        """Local data: what has answers of its own here."""
        self.tells_apart = policy.judges_clients
        """Answers depend on who asks: by rules or by local data."""
        self.forward_unqualified = False
        """Addresses of names without a dot are asked for like any other's."""
        self.private_reverse = True
        """Reverse zones that only private networks use are answered here."""
        self.private_relay = False
        """iCloud Private Relay's names exist."""
        self.special_names = True
        """Names of special use are answered here."""
        self.canaries = True
        """Names are absent whose absence asks programs to use this resolver."""
        self.paused_until = 0.0
        self.rebinding: frozenset[bytes] | None = frozenset()
        """Names that may lead to private addresses, with all below them; None: every name may."""
        self.blocked_types: frozenset[int] = frozenset()
        """Query types that are answered with no data."""
        self.unusual_types = LOOKED_AT_TWICE | {_ANY}
        """Query types that a stage looks at twice."""
        self.any_is_refused = False
        """Queries for ANY get no record at all where they are not forwarded."""
        self.chaos: dict[bytes, bytes] = {}
        """What is said of the server itself in class CHAOS, by name."""
        self.dropped_parameters: frozenset[int] = frozenset()
        """SvcParamKeys that are taken out of SVCB and HTTPS records."""
        self.tainted: dict[tuple[bytes, bytes], Tainted] = {}
        """Names of which an answer led to what a rule blocks, by client when rules tell clients apart."""
        self.timeout = timeout
        self.dice = dice
        self.max_in_flight = min(max_in_flight, 30_000)
        self.crowd = Crowd(self.max_in_flight)
        self.ready = True
        """False: there are no lists yet, and nobody is answered around them."""
        self.waiting = 0
        """Clients that wait for any question."""
        self.renewing = 0
        """Answers that are asked for once more before their time is up."""
        self.questions: dict[bytes, Question] = {}
        self.exchanges: dict[int, Exchange] = {}
        self.timers = Timers()
        self.not_queries = 0
        """Packets that were no query at all."""
        self.extras = Extras()
        """What clients get that ask by an EDNS option."""
        self.random_case = False
        """Names are spelt at random in questions to upstreams."""
        self.loop_tokens: dict[bytes, int] = {}
        """What the probe of an upstream is called, and the upstream's number; none: loops are not looked for."""
        self.mismatched = 0
        """Upstream messages that answered nothing that was asked: late, forged or broken."""
        self.validates = 0
        """The groups of upstreams whose answers are validated, a bit each, the lowest for group 0."""
        self.validations: Validations | None = None
        """Those under way, and what they share; None: nothing is validated."""
        self._handlers: dict[type, Callable[..., list[Effect]]] = {
            QueryReceived: self._on_query,
            UpstreamReplied: partial(asking.on_reply, self),
            UpstreamUnreachable: partial(asking.on_unreachable, self),
            TimePassed: partial(asking.on_time, self),
            PolicyChanged: self._on_policy,
            BlockingPaused: self._on_pause,
            DrainEnded: self._on_drain_end,
            LocalChanged: partial(local.on_change, self),
            LoopFound: partial(loops.on_loop, self),
            ProbesDue: partial(loops.on_due, self),
            Validated: partial(validating.on_validated, self),
        }

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event, return every effect it causes, in order. Never raises for the content of a packet."""
        return self._handlers[type(event)](event, now)

    def validate(self, trust: Trust) -> None:
        """Validate the answers of the groups of upstreams that are to be, from now on."""
        self.validates = sum(1 << group.number for group in self.groups if group.dnssec)
        self.validations = validating.validations_of(self, trust) if self.validates else None

    @property
    def in_flight(self) -> int:
        """Questions that wait for an upstream."""
        return len(self.questions)

    @property
    def needs_time(self) -> bool:
        """Whether ``TimePassed`` must be told within :data:`mirage_hole.resolver.pending.TICK`."""
        return bool(self.timers)

    def _on_query(self, event: QueryReceived, now: float) -> list[Effect]:  # noqa: C901 - calls cost more than branches
        query = parse_query(event[0])
        limits = self.limits
        stages = STAGES if self.tainted or (limits is not None and limits.busy) else None
        if type(query) is not Query:
            if query is None:
                self.not_queries += 1
                return [CloseStream(event.ticket)]
            if type(query) is Malformed:
                return self._malformed(event, query)
            stages = NONRECURSIVE
        if query[11]:  # type: ignore[misc] # its options
            query = self.extras.dress(query, event.client, event.transport, now)  # type: ignore[arg-type]
            if type(query) is Malformed:
                return self._malformed(event, query)
        case = Case(query, event, now)  # type: ignore[arg-type]
        if self.routed:
            case.ask_group(self.routes.of(case.query.name, case.query.labels))
            if self.subnets is not None:
                self.subnets.mark(case, self.access)
        if self.validates:
            validating.share_answers(self, case)
        if stages is None:
            # No client is over a limit and no name has kin that is blocked: the stages about these have nothing to say.
            # The others are called by name, which is faster than a loop over what the interpreter can't foresee.
            effects = at_the_door(self, case, now)
            if effects is None:
                effects = judged_by_policy(self, case, now)
                if effects is None:
                    effects = answered_from_cache(self, case, now)
                    if effects is None:
                        return asking.seek(self, case, now)
            return effects
        for stage in stages:
            effects = stage(self, case, now)
            if effects is not None:
                return effects
        return asking.seek(self, case, now)

    def _malformed(self, event: QueryReceived, query: Malformed) -> list[Effect]:
        name = fold(query.question[:-4]) or b"\0"
        qtype = int.from_bytes(query.question[-4:-2], "big")
        permitted = self.access.permits(event.client)
        outcome = Outcome.MALFORMED if permitted else Outcome.DROPPED
        told = encode_subject(Subject(outcome, query.rcode, qtype, NO_LIST, 0, b"", 0, NO_UPSTREAM, name))
        record = EmitRecord(event.client, event.transport, 0.0, told)
        if not permitted:
            return [CloseStream(event.ticket), record]
        return [SendReply(event.ticket, build_error(query)), record]

    def block_types(self, types: Iterable[int], *, drop_ech: bool = False, any_answer: str = "hinfo") -> None:
        """Answer these query types with no data, and take hints at addresses of these types out of HTTPS and SVCB records.

        ``drop_ech``: take out the keys for encrypted hellos, too. ``any_answer``: what queries for ANY get, ``hinfo``, ``refuse``
        or ``forward``.
        """
        self.blocked_types = frozenset(types)
        self.unusual_types = LOOKED_AT_TWICE | self.blocked_types | ({_ANY} if any_answer != "forward" else set())
        self.any_is_refused = any_answer == "refuse"
        hints = {_HINTS[kind] for kind in self.blocked_types if kind in _HINTS}
        self.dropped_parameters = frozenset(hints | ({ECH} if drop_ech else set()))

    def tell_subnets(self, subnets: Subnets | None) -> None:
        """Tell upstreams where clients are, from now on; None: nothing of it."""
        self.subnets = self.extras.subnets = subnets
        self.routed = bool(self.routes) or subnets is not None

    def may_lead_inside(self, name: bytes, labels: tuple[int, ...]) -> bool:
        """Whether answers for this name may hold private addresses: it has a route of its own, or is at home."""
        allowed = self.rebinding
        return allowed is None or self.routes.is_conditional(name, labels) or is_at_home(name, labels, allowed)

    def seek(self, case: Case, now: float) -> list[Effect]:
        """Ask an upstream for a case that is not known, or let it wait with those who ask already."""
        return asking.seek(self, case, now)

    def seek_anew(self, case: Case, now: float) -> list[Effect]:
        """A case has another name to ask for than it had, which may be known."""
        return asking.seek_anew(self, case, now)

    def renew(self, key: bytes, now: float, listener: Listener) -> list[Effect]:
        """Ask the question of this key once more, for nobody in particular."""
        kind = key[-1]
        return asking.ask_for(
            self, key[:-5], key[-5] << 8 | key[-4], kind // KIND_GROUP, now, listener, rrclass=key[-3] << 8 | key[-2],
            dnssec_ok=kind & KIND_DO != 0, checking_disabled=kind & KIND_CD != 0,
        )  # fmt: skip

    def named(self, number: int) -> str:
        """An upstream's address and port, for people."""
        upstream = self.upstreams[number]
        host = f"[{upstream.address}]" if ":" in upstream.address else upstream.address
        return f"{host}:{upstream.port}"

    # -- changes from outside --

    def _on_policy(self, event: PolicyChanged, now: float) -> list[Effect]:
        """Who waits is judged again, at once: a rule that has just been made holds for what is in flight, too.

        A question that nobody waits for any more is left to end by itself; its answer is worth keeping.
        """
        self.policy = event.policy
        self.tells_apart = event.policy.judges_clients or self.local.tells_apart
        self.ready = self.ready or event.policy.generation > 0
        self.tainted.clear()
        effects: list[Effect] = [ForgetPackets()]
        elsewhere: list[Case] = []
        for question in self.questions.values():
            waiting = []
            for case in question.waiting:
                if case.chain is not None:  # local data goes before rules
                    waiting.append(case)
                    continue
                case.via = b""
                case.match = None  # it was told in the numbers of the old generation
                case.follow(None, self.routes)
                ended = judged_by_policy(self, case, now)
                if ended is not None:
                    effects += [_as_late_as_it_is(effect, now - case.arrived_at) for effect in ended]
                elif case.key == question.key:
                    waiting.append(case)
                else:
                    elsewhere.append(case)
            self.waiting -= len(question.waiting) - len(waiting)
            question.waiting = waiting
        for case in elsewhere:
            effects += asking.seek_anew(self, case, now)
        return effects

    def _on_pause(self, event: BlockingPaused, _now: float) -> list[Effect]:
        self.paused_until = event.until or 0.0
        return [ForgetPackets()]

    def _on_drain_end(self, _event: DrainEnded, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for question in list(self.questions.values()):
            asking.forget(self, question)
            for listener in question.listeners:
                effects += listener(None, now)
            for case in question.waiting:
                effects += failure(case, EdeCode.OTHER, "the resolver is stopping", now, question.tried[-1])
        return effects


def _as_late_as_it_is(effect: Effect, duration: float) -> Effect:
    """A case that ends by a rule ends at once, as a rule, and its record says so."""
    return effect._replace(duration=duration) if isinstance(effect, EmitRecord) else effect
