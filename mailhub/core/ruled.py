"""A plan while rules are carried out on it, and what came of it: values, and the sums over them.

What rules want is carried out by `core.applying`; nothing is decided or written here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailhub.core.plan import Plan
from mailhub.model.decision import Decision, Once, Refusal
from mailhub.model.message import Arrival, Copy, Note, Rendered
from mailhub.model.queue import QueueSender
from mailhub.policy.consequences import Consequence
from mailhub.ports import Besides, Body, Companion


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message that is about to be committed. `forwarder`: from its sender to the one with which
    it goes on, None for the same. `queued`: what entries of it in the queue share. `decisions`: by
    account, kept between tries. `user`: who logged in to submit it."""

    sender: str
    body: Body
    rendered: Rendered
    token: str
    now: int
    queued: QueueSender
    forwarder: Callable[[str], Awaitable[str | None]]
    consequence: Consequence = Consequence.ADD
    named: bool = False
    score: float = 0.0
    visited: frozenset[str] = frozenset()
    orcpt: Mapping[str, str] = field(default_factory=dict)
    decisions: dict[int, Decision] = field(default_factory=dict)
    user: str = ""


@dataclass(slots=True)
class Applied:
    """`plan`: with the copies and entries of the message as it came. `places`: for each copy of
    the plan before, which arrival stands for it; None: it is kept nowhere. `refusals`: of accounts
    that do not want it."""

    plan: Plan
    besides: Besides | None = None
    places: Sequence[int | None] = ()
    refusals: Mapping[int, Refusal] = field(default_factory=dict)

    def arrivals(self, found: Sequence[Arrival]) -> list[Arrival | None]:
        """For each copy of the plan before, where it went."""
        if self.besides is None:
            return list(found)
        return [None if place is None else found[place] for place in self.places]

    def close(self) -> None:
        """Ends the bodies that were made."""
        for one in self.besides.messages if self.besides is not None else ():
            one.body.close()


@dataclass(frozen=True, slots=True)
class Place:
    """Which message, 0 for the one that came, and which of its copies."""

    message: int
    copy: int


class Making:
    """A plan that rules are being carried out on."""

    def __init__(self, case: Case, made: Plan) -> None:
        self.case = case
        self._made = made
        self.onward = list(made.onward)
        self.copies: list[Copy] = []
        self.messages: list[Companion] = []
        self.places: list[Place | None] = []
        self.refusals: dict[int, Refusal] = {}
        self.marks: list[tuple[int, Once]] = []
        self.notes: list[Note] = []

    def keep(self, message: int, copy: Copy) -> Place:
        """One copy of a message, 0 for the one that came."""
        if not message:
            self.copies.append(copy)
            return Place(0, len(self.copies) - 1)
        made = self.messages[message - 1]
        self.messages[message - 1] = replace(made, copies=(*made.copies, copy))
        return Place(message, len(made.copies))

    def note(self, account: int, decision: Decision) -> None:
        """Why it went where it went, for the journal; nothing where no rule said anything."""
        if decision.reasons or not decision.filed:
            detail = {
                "transaction": self.case.token,
                "message_id": self.case.rendered.message_id,
                "by": list(decision.reasons),
            }
            kind = "filtered" if decision.filed else "dropped"
            self.notes.append(Note(account, kind, detail))

    def close(self) -> None:
        """Ends what was begun."""
        for one in self.messages:
            one.body.close()

    def applied(self) -> Applied:
        """What came of it."""
        plan = replace(self._made, copies=tuple(self.copies), onward=tuple(self.onward))
        besides = Besides(tuple(self.messages), tuple(self.marks), tuple(self.notes))
        starts = [0]
        for copies in (self.copies, *(one.copies for one in self.messages)):
            starts.append(starts[-1] + len(copies))
        places = [None if one is None else starts[one.message] + one.copy for one in self.places]
        return Applied(plan, besides, places, self.refusals)
