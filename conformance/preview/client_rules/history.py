"""What a client can know: its companies and runs, as the answers that it got in whole have told it.

A rule never asks what a run really was, only what the client was told of it: nobody owes what they cannot know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from conformance.audit.exchange import Seen

TERMINAL = ("completed", "failed", "canceled")
PARKED = "needs_attention"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer told of a run: its status, and the questions of a parked one."""

    seen: Seen
    status: str
    questions: tuple[Any, ...] | None = None
    """None: the run is not parked, or the answer did not show them."""

    @property
    def ids(self) -> tuple[Any, ...]:
        """The ids of its questions."""
        return tuple(each.get("id") for each in self.questions or () if isinstance(each, dict))


@dataclass(slots=True)
class Known:
    """One run, and everything that the client did about it, in order."""

    id: str
    company_id: str | None
    accepted: Seen | None = None
    """The first whole answer that named its `poll_url`."""
    events: list[Seen] = field(default_factory=list)
    polls: list[Seen] = field(default_factory=list)
    decisions: list[Seen] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    @property
    def poll_url(self) -> str | None:
        """Its path, when an answer named it."""
        told = self.accepted.told if self.accepted is not None else None
        url = told.get("poll_url") if isinstance(told, dict) else None
        return url if isinstance(url, str) else None

    @property
    def last(self) -> Reading | None:
        """The latest reading."""
        return self.readings[-1] if self.readings else None

    def read_before(self, seen: Seen) -> list[Reading]:
        """Every reading that the client had when it sent this."""
        return [each for each in self.readings if each.seen.order < seen.order]

    def after(self, seen: Seen) -> list[Seen]:
        """What the client did about the run after this exchange."""
        return [each for each in self.events if each.order > seen.order]

    @property
    def parkings(self) -> list[list[Reading]]:
        """The readings of each parking that the client saw: a decision, or another status, parts two of them."""
        found: list[list[Reading]] = []
        parked = False
        readings = {each.seen.id: each for each in self.readings}
        for event in self.events:
            if event.operation == "decide":
                parked = parked and not event.ok
            elif (reading := readings.get(event.id)) is not None:
                if reading.status == PARKED and parked and _same(found[-1][-1], reading):
                    found[-1].append(reading)
                elif reading.status == PARKED:
                    found.append([reading])
                parked = reading.status == PARKED
        return found


@dataclass(slots=True)
class History:
    """A session's exchanges in order of arrival, and the runs that they are about."""

    exchanges: Sequence[Seen]
    clock: str
    """The mode of the session's clock: `real`, `scaled` or `frozen`."""
    partial: bool = False
    """True when the journal has forgotten what came before."""
    runs: dict[str, Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for seen in self.exchanges:
            self._learn(seen)

    def of(self, *operations: str) -> list[Seen]:
        """The exchanges of these operations."""
        return [each for each in self.exchanges if each.operation in operations]

    def starts(self, operation: str = "start_import") -> dict[str, list[Seen]]:
        """The calls that start an import (or an export), by company."""
        found: dict[str, list[Seen]] = {}
        for each in self.of(operation):
            found.setdefault(each.company_id or "", []).append(each)
        return found

    def after(self, seen: Seen) -> Sequence[Seen]:
        """Everything that came after this exchange."""
        return self.exchanges[seen.order + 1 :]

    def between(self, first: Seen, last: Seen) -> Sequence[Seen]:
        """Everything that came after the one and before the other."""
        return self.exchanges[first.order + 1 : last.order]

    def looked(self, company_id: str | None, among: Iterable[Seen]) -> bool:
        """Whether one of these asked what runs in the company: the active run, the history, or a poll."""
        return any(each.company_id == company_id and (each.look_up or each.poll) for each in among)

    def _learn(self, seen: Seen) -> None:
        run_id = _about(seen)
        if run_id is not None:
            known = self.runs.setdefault(run_id, Known(run_id, seen.company_id))
            known.events.append(seen)
            if seen.operation == "decide":
                known.decisions.append(seen)
            elif seen.poll and seen.method == "GET":
                known.polls.append(seen)
            if known.accepted is None and seen.ok and isinstance(seen.told, dict) and "poll_url" in seen.told:
                known.accepted = seen
        for each in _readings(seen):
            self._read(each, run_id)

    def _read(self, told: tuple[str, Reading], run_id: str | None) -> None:
        about, reading = told
        known = self.runs.setdefault(about, Known(about, reading.seen.company_id))
        if about != run_id:
            known.events.append(reading.seen)
        known.readings.append(reading)


def elapsed(first: Seen, last: Seen) -> int:
    """Milliseconds from the arrival of the one to the arrival of the other, on the clock that shows more of them.

    Who waits lets one of the two pass: its own, or the session's clock that the test holds.
    """
    return max(last.real - first.real, last.at - first.at)


def _about(seen: Seen) -> str | None:
    """The run that the exchange is about, when one is known."""
    if seen.run_id is not None or not seen.look_up or "status=active" not in seen.query:
        return seen.run_id
    told = seen.told if seen.ok and isinstance(seen.told, dict) else {}
    run_id = told.get("run_id", seen.active_run) if "status" in told else None
    return run_id if isinstance(run_id, str) else None


def _readings(seen: Seen) -> Iterator[tuple[str, Reading]]:
    """What the answer told, run by run."""
    if not seen.ok or not (seen.poll or seen.look_up):
        return
    run_id = _about(seen)
    if seen.cut and run_id is not None and seen.before is not None:  # too long for the journal, not for the client
        yield run_id, Reading(seen, seen.before)
    if run_id is not None and isinstance(seen.told, dict) and isinstance(status := seen.told.get("status"), str):
        yield run_id, Reading(seen, status, _questions(seen.told))
    for item in _listed(seen):
        if isinstance(item, dict) and isinstance(item.get("run_id"), str) and isinstance(item.get("status"), str):
            yield item["run_id"], Reading(seen, item["status"])


def _listed(seen: Seen) -> Iterable[Any]:
    """The items of a history, whatever its envelope (OP-08)."""
    if not seen.look_up or isinstance(seen.told, list):
        return seen.told if seen.look_up and isinstance(seen.told, list) else ()
    members = seen.told.values() if isinstance(seen.told, dict) else ()
    return next((each for each in members if isinstance(each, list)), ())


def _questions(told: dict[str, Any]) -> tuple[Any, ...] | None:
    parked = told.get(PARKED)
    questions = parked.get("questions") if isinstance(parked, dict) else None
    return tuple(questions) if isinstance(questions, list) else None


def _same(one: Reading, other: Reading) -> bool:
    """Whether both may show one parking: their questions are equal, or one of them does not show any."""
    return one.questions is None or other.questions is None or one.ids == other.ids
