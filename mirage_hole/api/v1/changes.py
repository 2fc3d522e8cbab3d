"""Changes of the state, as handlers see them: one way to make one, and what may be wrong with it as problem documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.parts import needed
from mirage_hole.config.problem import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from mirage_hole.api.v1.route import Call
    from mirage_hole.config.load import Loaded
    from mirage_hole.config.problem import Problem
    from mirage_hole.config.read import Reading
    from mirage_hole.store.changes import Change
    from mirage_hole.store.state import Done, StateStore

MAX_FAULTS = 20
T = TypeVar("T")


class WrongState(Exception):  # noqa: N818 - reads as what it is at the raise
    """What would come of a change means nothing; nothing was changed."""

    def __init__(self, reading: Reading) -> None:
        super().__init__("\n".join(map(str, reading.loaded.problems)))
        self.problems: list[Problem] = reading.loaded.problems
        self.loaded: Loaded = reading.loaded


class Overruled(Exception):  # noqa: N818 - reads as what it is at the raise
    """The configuration file has something of the same name, which would count instead; nothing was changed."""

    def __init__(self, table: str, key: str | int, place: str) -> None:
        super().__init__(f"{table} {key} is said in {place}, and that counts; change it there")
        self.place = place


class Changed(NamedTuple):
    """A change that is made."""

    done: Done[Any]
    reading: Reading | None
    """What the settings come to now, if it was about them."""


class Changes(Protocol):
    """Makes changes and lets the server follow them: :class:`mirage_hole.runtime.state_changes.StateChanges`."""

    @property
    def store(self) -> StateStore:
        """For reading, in a thread."""

    async def look(self) -> Reading:
        """What the settings come to, as far as what is stored means anything."""

    async def change(self, who: str, what: str, target: str, work: Callable[[Change], T]) -> Changed:
        """Change something, and have the server follow.

        Raises:
            WrongState, Overruled: nothing was changed.
            OSError: the disk does not take it.
            Exception: what ``work`` raises.
        """

    async def undo(self, number: int, who: str) -> Changed:
        """Take a change back, and have the server follow.

        Raises:
            KeyError: there is no such change.
            CantUndo: something has changed since.
            WrongState, Overruled, OSError: as :meth:`change`.
        """


def changes_of(call: Call[Any, Any]) -> Changes:
    """The part.

    Raises:
        Refusal: 503: there is none.
    """
    return needed(call.parts.changes, "state that can be changed")


def refuse(problem: WrongState | Overruled | OSError, mine: tuple[str, str | int] | None = None) -> NoReturn:
    """Say it as a problem document.

    Args:
        problem: why nothing was changed.
        mine: table and key of the row that is changed: its fields are those of the body.

    Raises:
        Refusal: 409, 422 or 503.
    """
    if isinstance(problem, Overruled):
        raise Refusal(409, f"{problem}.", [Fault("name", f"is in {problem.place}", "another, or change it there")])
    if isinstance(problem, WrongState):
        faults = [_fault(one, problem.loaded, mine) for one in problem.problems[:MAX_FAULTS]]
        detail = "; ".join(str(one) for one in problem.problems[:5])
        raise Refusal(422, f"Nothing was changed: {detail}", faults)
    why = problem.strerror or str(problem)
    raise Refusal(503, f"Nothing can be changed for now: {why}.", headers={"Retry-After": "30"})


def _fault(problem: Problem, loaded: Loaded, mine: tuple[str, str | int] | None) -> Fault:
    where = problem.setting
    head, dot, field = where.partition(".")
    if mine is not None and loaded.stored_rows.get(head) == mine:
        where = field if dot else "body"
    value = "" if problem.value is None else f"{shown(problem.value)}: "
    return Fault(where, f"{value}{problem.problem}", problem.instead.removeprefix("write "))
