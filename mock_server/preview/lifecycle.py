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
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Literal

from mock_server.scenarios.model import Cancel, Complete, Die, Fail, Park, Queue, Review, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.scenarios.model import Beat

Status = Literal["queued", "running", "needs_attention", "completed", "failed", "canceled"]

TERMINAL: frozenset[Status] = frozenset({"completed", "failed", "canceled"})
TRANSITIONS: dict[Status, frozenset[Status]] = {  # RUN-02
    "queued": frozenset({"running", "failed", "canceled"}),
    "running": frozenset({"needs_attention", "completed", "failed", "canceled"}),
    "needs_attention": frozenset({"running", "failed", "canceled"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "canceled": frozenset(),
}
TIMED_OUT = "Import timed out"  # STALE-01
REJECTED = "The proposed fix was rejected, so the import ended without it"
FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Started:
    """A run was accepted at `at`. With the caller's own rows: whether some are flagged, and why none can be read."""

    at: int
    flagged: bool = False
    drift: str | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """A parked run was approved: with answers of the caller's own, or not; with rows that still fail, or not."""

    at: int
    answered: bool = False
    unresolved: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """A parked run was rejected."""

    at: int


@dataclass(frozen=True, slots=True)
class Canceled:
    """Somebody at the vendor stopped the run (OP-16)."""

    at: int


Event = Approved | Rejected | Canceled


@dataclass(frozen=True, slots=True)
class Parking:
    """One stay at `needs_attention`; `again` when an approval left rows flagged, so that nothing new came to light."""

    beat: Park | Review
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


class Refused(Exception):
    """A decision on a run that is not parked; the text names its status (DEC-23, DEC-24, DEC-35)."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"the run is {status}; a decision is possible only while it is needs_attention")
        self.status = status


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
    for state in _uncanceled(script, started, events, stale_after):
        ends = FOREVER if state.until is None else state.until
        if state.terminal or ends <= canceled:
            yield state
            continue
        if state.since < canceled:
            yield replace(state, until=canceled)
        yield Life("canceled", canceled, None, parkings=state.parkings)
        return


def decide(state: Life, now: int, *, approve: bool, answered: bool = False, unresolved: bool = False) -> Event:
    """The event that a decision makes of a parked run; raises Refused for any other (DEC-23, DEC-24)."""
    if state.status != "needs_attention":
        raise Refused(state.status)
    return Approved(now, answered, unresolved) if approve else Rejected(now)


def _uncanceled(script: Sequence[Beat], started: Started, events: Sequence[Event], stale_after: int) -> Iterator[Life]:
    at, rest = started.at, tuple(script)
    decisions = (event for event in events if not isinstance(event, Canceled))
    parkings: tuple[Parking, ...] = ()
    again = False
    while True:
        beat, rest = rest[0], rest[1:]
        match beat:
            case Queue() | Work() | Die():
                spell = _spell(beat, at, stale_after, parkings)
                yield from spell
                if len(spell) > 1:
                    return
                at = spell[0].until or at
            case Review() if started.drift is not None:
                yield Life("failed", at, None, started.drift, beat=beat)
                return
            case Review() if not started.flagged:
                rest = tuple(dropwhile(lambda each: isinstance(each, Work), rest))  # nothing to run again
            case Park() | Review():
                parkings = (*parkings, Parking(beat, again))
                decision = next(decisions, None)
                yield Life("needs_attention", at, decision.at if decision else None, parkings=parkings, beat=beat)
                if not isinstance(decision, Approved):
                    if decision is not None:
                        yield from _rejected(beat, decision.at, stale_after, parkings)
                    return
                at, again = decision.at, decision.unresolved
                rest = _approved(beat, decision, rest)
            case _:
                yield _end(beat, at, parkings)
                return


def _approved(beat: Park | Review, decision: Approved, rest: tuple[Beat, ...]) -> tuple[Beat, ...]:
    """What follows an approval: the re-run, and the same parking once more when rows still fail (DEC-28)."""
    if decision.unresolved:
        return (*_rerun(rest), beat, *rest)
    if decision.answered and isinstance(beat, Park):
        return (*beat.on_answer, *rest)
    return rest


def _rerun(rest: Sequence[Beat]) -> tuple[Beat, ...]:
    """The beats that re-run the import after a decision: the ones up to the next that does not merely take time."""
    return tuple(takewhile(lambda beat: isinstance(beat, (Work, Die)), rest))


def _spell(beat: Queue | Work | Die, at: int, stale_after: int, parkings: tuple[Parking, ...]) -> list[Life]:
    """The beat's own state; followed by the time-out when it makes no progress for too long (STALE-01, OP-36)."""
    status: Status = "queued" if isinstance(beat, Queue) else "running"
    lasts = FOREVER if isinstance(beat, Die) else beat.lasts
    if lasts <= stale_after:
        return [Life(status, at, at + lasts, beat.say, parkings, beat=beat)]
    dead = at + stale_after
    spell = Life(status, at, dead, beat.say, parkings, beat=beat)
    return [spell, Life("failed", dead, None, TIMED_OUT, parkings)]


def _rejected(beat: Park | Review, at: int, stale_after: int, parkings: tuple[Parking, ...]) -> Iterator[Life]:
    """The way from a rejection to its end: `failed`, at once or after beats of the script's own (DEC-31)."""
    reason = REJECTED
    for each in beat.on_reject if isinstance(beat, Park) else ():
        match each:
            case Work():
                yield from (spell := _spell(each, at, stale_after, parkings))
                if len(spell) > 1:
                    return
                at += each.lasts
            case Fail():
                reason = each.error
            case _:
                raise AssertionError(f"a rejected run cannot {each}")  # pragma: no cover - the loader refuses it
    yield Life("failed", at, None, reason, parkings, rejected=True)


def _end(beat: Beat, at: int, parkings: tuple[Parking, ...]) -> Life:
    match beat:
        case Complete():
            return Life("completed", at, None, parkings=parkings, end=beat, beat=beat)
        case Fail():
            return Life("failed", at, None, beat.error, parkings, beat=beat)
        case Cancel():
            return Life("canceled", at, None, parkings=parkings, beat=beat)
        case _:
            raise AssertionError(f"a run cannot end with {beat}")  # pragma: no cover - the loader refuses it
