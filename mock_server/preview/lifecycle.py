"""The rules about runs, all of them, and nowhere else.

`life(script, started, events, now)` folds a scenario's beats over what happened and says what the run is at `now`, and
until when that holds. It reads no clock and stores nothing: a second decision, a stale run and time travel are
consequences of the fold, not features.

    queued -> running -> completed | failed | needs_attention
    needs_attention -> running (approve) | failed (reject)
    queued, running, needs_attention -> canceled
    queued, running -> failed "Import timed out" (no progress for `stale_after`)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.preview.beats import Complete, RunBeat
    from mock_server.scenarios.model import Beat

Status = Literal["queued", "running", "needs_attention", "completed", "failed", "canceled"]

STATUSES = contract.load().run_statuses
TERMINAL = frozenset(STATUSES.terminal)
TRANSITIONS = STATUSES.onward  # RUN-02
TIMED_OUT = "Import timed out"  # STALE-01
REJECTED = "The proposed fix was rejected, so the import ended without it"
FOREVER = 1 << 62


class Started(NamedTuple):
    """A run was accepted at `at`. With the caller's own rows: whether some are flagged, and why none can be read."""

    at: int
    flagged: bool = False
    drift: str | None = None


class Approved(NamedTuple):
    """A parked run was approved: with answers of the caller's own, or not; with rows that still fail, or not."""

    at: int
    answered: bool = False
    unresolved: bool = False


class Rejected(NamedTuple):
    """A parked run was rejected."""

    at: int


class Canceled(NamedTuple):
    """Somebody at the vendor stopped the run (OP-16)."""

    at: int


Event = Approved | Rejected | Canceled


class Parking(NamedTuple):
    """One stay at `needs_attention`; `again` when an approval left rows flagged, so that nothing new came to light."""

    beat: Beat
    again: bool


@dataclass(frozen=True, slots=True)
class Life:
    """What a run is from `since` until `until` (None: until somebody acts, or for ever)."""

    status: Status
    since: int
    until: int | None
    says: str = ""
    """The progress message of a queued or running run, the error of a failed one."""
    parkings: tuple[Parking, ...] = ()
    """Every parking so far, the present one included."""
    rejected: bool = False
    end: Complete | None = None
    """The beat that completed the run."""
    beat: Beat | None = field(default=None, compare=False, repr=False)
    """The beat of the script that makes it so; None where no beat does: rejected, canceled, timed out."""

    @property
    def terminal(self) -> bool:
        """True when nothing can change any more (RUN-03)."""
        return self.status in TERMINAL


def life(script: Sequence[Beat], started: Started, events: Sequence[Event], now: int, stale_after: int) -> Life:
    """What the run is at `now`; an event after `now` has not happened yet."""
    happened = [event for event in events if event.at <= now]
    for state in states(script, started, happened, stale_after):
        if state.until is None or now < state.until:
            return state
    raise AssertionError("the last state of a run has no end")  # pragma: no cover - states() closes with one


def before(
    script: Sequence[Beat], started: Started, events: Sequence[Event], now: int, stale_after: int
) -> Life | None:
    """What the run was before it became what it is at `now`: its latest state of another status, or None."""
    present, found = life(script, started, events, now, stale_after), None
    for state in states(script, started, [event for event in events if event.at <= now], stale_after):
        if state == present:
            break
        if state.status != present.status:
            found = state
    return found


def states(script: Sequence[Beat], started: Started, events: Sequence[Event], stale_after: int) -> Iterator[Life]:
    """Every state of the run in order; each begins where the one before ends, and the last one has no end."""
    canceled = next((event.at for event in events if isinstance(event, Canceled)), FOREVER)
    decisions = (event for event in events if not isinstance(event, Canceled))
    beats = cast("tuple[RunBeat, ...]", tuple(script))
    for state in Fold(started, stale_after, decisions, beats, started.at).states():
        ends = FOREVER if state.until is None else state.until
        if state.terminal or ends <= canceled:
            yield state
            continue
        if state.since < canceled:
            yield replace(state, until=canceled)
        yield Life("canceled", canceled, None, parkings=state.parkings)
        return


@dataclass(slots=True)
class Fold:
    """A run on its way through a script: each beat says what the run is, and moves it on."""

    started: Started
    stale_after: int
    decisions: Iterator[Approved | Rejected]
    rest: tuple[RunBeat, ...]
    """The beats that are still to come."""
    at: int
    parkings: tuple[Parking, ...] = ()
    again: bool = False
    """Whether the latest approval left rows flagged."""
    rejected: bool = False
    over: bool = False

    def states(self) -> Iterator[Life]:
        """Every state of the run, as if nobody canceled it."""
        while not self.over:
            beat, self.rest = self.rest[0], self.rest[1:]
            yield from beat.apply(self)

    def pass_time(self, beat: RunBeat, status: Status, says: str, lasts: int) -> Iterator[Life]:
        """The run is in this status for so long, or until it times out for lack of progress (STALE-01, OP-36)."""
        since, self.at = self.at, self.at + min(lasts, self.stale_after)
        yield Life(status, since, self.at, says, self.parkings, beat=beat)
        if lasts > self.stale_after:
            self.over = True
            yield Life("failed", self.at, None, TIMED_OUT, self.parkings)

    def park(
        self, beat: RunBeat, on_answer: Sequence[RunBeat] = (), on_reject: Sequence[RunBeat] = ()
    ) -> Iterator[Life]:
        """The run is parked until it is decided, and goes on as the decision says; without one it stays parked."""
        self.parkings = (*self.parkings, Parking(beat, self.again))
        decision = next(self.decisions, None)
        until = None if decision is None else decision.at
        yield Life("needs_attention", self.at, until, parkings=self.parkings, beat=beat)
        if decision is None:
            self.over = True
            return
        self.at = decision.at
        if isinstance(decision, Rejected):
            yield from self.reject(beat, on_reject)
            return
        self.again = decision.unresolved
        if decision.unresolved:  # DEC-28: the run works again, and parks as before
            self.rest = (*takewhile(lambda each: each.becomes == "running", self.rest), beat, *self.rest)
        elif decision.answered:
            self.rest = (*on_answer, *self.rest)

    def reject(self, beat: RunBeat, on_reject: Sequence[RunBeat]) -> Iterator[Life]:
        """The run fails, at once or after beats of the script's own (DEC-31)."""
        self.rejected, self.rest = True, tuple(on_reject)
        if not on_reject:
            yield self.end(beat, "failed", REJECTED)

    def end(self, beat: RunBeat, status: Status, says: str = "", completed_by: Complete | None = None) -> Life:
        """The run is over; of a rejected one no beat of the script is the reason."""
        self.over = True
        reason = None if self.rejected else beat
        return Life(status, self.at, None, says, self.parkings, self.rejected, completed_by, reason)
