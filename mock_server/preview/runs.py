"""A run as it is stored, what it is at a moment, and the bodies that the contract gives it.

Stored is only what happened: when the run started, what was decided, which book a decision made. Everything else is
derived from that and `now`, and kept as bytes for as long as it holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mock_server.contract.document import API
from mock_server.data.book import Book, Fix, report
from mock_server.http.messages import as_json
from mock_server.kernel.clock import iso
from mock_server.preview.lifecycle import Event, Life, Started, Status, life, states
from mock_server.preview.questions import Question, needs_attention, questions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.scenarios.model import Beat, Pace


@dataclass(slots=True)
class Run(ABC):
    """What happened to one import or export."""

    id: str
    company_id: str
    scenario: str
    script: Sequence[Beat]
    pace: Pace
    started: Started
    stale_after: int
    events: list[Event] = field(default_factory=list)
    local: int = 0
    """The run's own time, for every pace but `time`."""
    shown: bool = False
    """With pace `polls`: whether a poll has shown the state of `local`."""
    kept: tuple[Life, bytes] | None = None
    """The poll's bytes, and the state that they show."""
    _state: Life | None = None
    """What the run was when somebody looked last; it holds until its `until`, or the next event."""
    _events: int = 0

    kind = "import"

    @property
    def poll_url(self) -> str:
        """The origin-relative path of the run (IMP-04)."""
        return f"{API}/companies/{self.company_id}/{self.kind}s/{self.id}"

    def time(self, now: int) -> int:
        """The time that this run is asked about when the session's clock shows `now`."""
        return now if self.pace == "time" else self.local

    def life(self, now: int) -> Life:
        """What the run is when the session's clock shows `now`."""
        time, known = now if self.pace == "time" else self.local, self._state
        if known is not None and self._events == len(self.events) and time >= known.since:
            if known.until is None or time < known.until:
                return known
        elif known is not None and time < known.since:  # somebody looks back: what is known of now stays known
            return life(self.script, self.started, self.events, time, self.stale_after)
        self._events = len(self.events)
        self._state = life(self.script, self.started, self.events, time, self.stale_after)
        return self._state

    def transitions(self, after: int, until: int) -> Iterator[tuple[int, Status, Status]]:
        """Every change of status by itself in `after` < t <= `until`: when, from what, to what."""
        if self.pace != "time":
            return
        before: Life | None = None
        for state in states(self.script, self.started, self.events, self.stale_after):
            if before is not None and before.status != state.status and after < state.since <= until:
                yield state.since, before.status, state.status
            before = state

    def step(self) -> None:
        """Let the run's own time pass to its next change; a run that waits for somebody stays where it is."""
        until = self.life(self.local).until
        if until is not None:
            self.local, self.shown = until, False

    @property
    def unsettled(self) -> bool:
        """With pace `instant`: whether something is left that happens by itself."""
        return self.pace == "instant" and self.life(self.local).until is not None

    def settle(self) -> None:
        """With pace `instant`: let everything happen that happens by itself."""
        while self.unsettled:
            self.step()

    def poll(self) -> None:
        """With pace `polls`: a poll of a state that was shown before lets the next change happen."""
        if self.shown:
            self.step()
        self.shown = True

    def body(self, now: int) -> bytes:
        """The poll's answer."""
        return self.body_of(self.life(now))

    def body_of(self, state: Life) -> bytes:
        """The poll's answer in the state that the run is in, made once."""
        kept = self.kept
        if kept is None or kept[0] is not state:
            kept = self.kept = state, as_json(self.described(state))
        return kept[1]

    @abstractmethod
    def described(self, state: Life) -> dict[str, Any]:
        """The poll's answer in that state, as a value."""

    def accepted(self, status: Status = "queued") -> dict[str, Any]:
        """The answer to a start or a decision (IMP-01, DEC-02)."""
        return {"run_id": self.id, "status": status, "poll_url": self.poll_url}


@dataclass(slots=True)
class Approval:
    """What an approval made: the book after it, and how many questions the parking before it had asked."""

    book: Book
    asked: int


@dataclass(slots=True)
class ImportRun(Run):
    """An import: a run with a book of rows. `book` is None when no rows could be read (column drift)."""

    book: Book | None = None
    approvals: list[Approval] = field(default_factory=list)
    ids_again: bool = False
    """Whether the ids of questions begin anew in each parking (OP-20); else none comes twice."""
    told: dict[str, Any] | None = None
    """The last report of an ended run whose rows were given back."""

    def parked_book(self, state: Life) -> Book:
        """The book of the latest parking, before any decision on it."""
        number = len(state.parkings)
        book = self.approvals[number - 2].book if number > 1 else self.book
        assert book is not None, "a run parks only with rows"  # noqa: S101 - drift ends a run before it can park
        parking = state.parkings[-1]
        return book if parking.again else book.reveal(parking.beat)

    def visible_book(self, state: Life) -> Book | None:
        """The book that the company's sheets show; None when the run shows nothing (RUN-09)."""
        if self.book is None:
            return None
        if state.status == "completed" and state.end is not None:
            book = self.approvals[len(state.parkings) - 1].book if state.parkings else self.book
            return book.reveal(state.end)
        waiting = state.parkings and not state.terminal
        return self.parked_book(state) if waiting or state.rejected else None

    def questions(self, state: Life) -> tuple[Question, ...]:
        """The questions of the parking that the run is in."""
        earlier = () if self.ids_again else self.approvals[: len(state.parkings) - 1]
        asked = sum(approval.asked for approval in earlier)
        return questions(self.parked_book(state).groups, asked)

    def described(self, state: Life) -> dict[str, Any]:
        """The contract's body of the run's status: exactly its documented members, and `run_id` (OP-05)."""
        body: dict[str, Any] = {"run_id": self.id, "status": state.status}
        match state.status:
            case "queued" | "running":
                body["progress_message"] = state.says
            case "needs_attention":
                book = self.parked_book(state)
                body["report"] = report(book, parked=True)
                body["needs_attention"] = needs_attention(book.groups, self.questions(state))
            case "completed":
                body["report"] = self.report(state)
            case "failed":
                body["error"] = state.says
                if state.rejected:  # DEC-32, OP-17
                    body["report"] = self.report(state)
        return body

    def report(self, state: Life) -> dict[str, Any] | None:
        """The report that the run has in this state, or None."""
        if self.book is None:
            return self.told
        if state.status == "completed":
            book = self.visible_book(state)
            return report(book, parked=False) if book else None
        if state.status == "needs_attention" or state.rejected:
            return report(self.parked_book(state), parked=True)
        return None

    def listed(self, state: Life) -> dict[str, Any]:
        """The run as an item of the company's history (OP-08)."""
        item: dict[str, Any] = {"run_id": self.id, "status": state.status}
        item |= {"created_at": created_at(self.started.at), "poll_url": self.poll_url}
        return item | {"report": found} if (found := self.report(state)) else item

    def forget(self, state: Life) -> None:
        """Give back the rows of an ended run; what it answers stays as it is."""
        if self.book is not None:
            self.body(state.since)
            self.told, self.book = self.report(state), None
            self.approvals.clear()

    def rows(self, state: Life) -> int:
        """How many rows a decision on the parked run would go through."""
        return sum(count.clean + count.flagged for count in self.parked_book(state).counts)

    def approved(self, state: Life, fixes: Sequence[Fix | None]) -> Approval:
        """What this approval would make of the parked book; nothing is changed yet."""
        return Approval(self.parked_book(state).apply_fixes(fixes), len(self.questions(state)))


def created_at(instant: int) -> str:
    """The date of an event, to the second, so that the same calls give the same dates in every run."""
    return iso(instant - instant % 1_000)
