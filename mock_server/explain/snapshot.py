"""A run as it was at a moment that has passed: by which beat, since when, because of whom, and what came next.

It reads what is stored and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mock_server.kernel.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.recording.journal import Entry, Journal
    from mock_server.scenarios.model import Beat
    from mock_server.session.generation import Run, State
    from mock_server.session.session import Session


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run, what it was, and the session's time then."""

    session: Session
    run: Run
    state: State
    at: int

    def as_json(self, journal: Journal, entry: Entry) -> dict[str, Any]:
        """The run in that state, as JSON; `entry` is the exchange that found it so."""
        run, state = self.run, self.state
        return {
            "run_id": run.id,
            "kind": run.kind,
            "status": state.status,
            "since": iso(state.since),
            "for": max(0, run.time(self.at) - state.since) if run.pace == "time" else None,
            "scenario": run.scenario,
            "pace": run.pace,
            "beat": _place(run.script, state.beat),
            "because": self._because(journal, entry),
        }

    def next(self) -> dict[str, Any] | None:
        """What changes next by itself, when, or what has to happen for it; None when nothing ever will."""
        run, state = self.run, self.state
        if state.terminal:
            return None
        if state.until is None:
            return {"status": None, "at": None, "in": None, "by": "a decision"}
        status = self.session.generation.explainer.next_status(run, state)
        if run.pace != "time":
            return {"status": status, "at": None, "in": None, "by": _PACES[run.pace]}
        return {"status": status, "at": iso(state.until), "in": state.until - self.at, "by": "itself"}

    def _because(self, journal: Journal, entry: Entry) -> dict[str, Any] | None:
        """Which exchange of the journal made it so."""
        explainer = self.session.generation.explainer
        what = explainer.cause(self.state)
        if what is None:
            return None

        def has_caused(each: Entry) -> bool:
            return each.run_id == self.run.id and explainer.has_caused(self.session, each, what)

        earlier = [each for each in journal if each is not entry and _is_earlier(each, entry) and has_caused(each)]
        cause = earlier[-1] if earlier else entry if has_caused(entry) else None
        if cause is None:
            return {"what": what, "by": None, "before": None}
        return {"what": what, "by": cause.id, "before": max(0, self.at - (cause.acted or cause.at))}


_PACES = {"polls": "the next poll", "manual": "an operator's step", "instant": "itself"}


def _is_earlier(one: Entry, other: Entry) -> bool:
    return one.turn is not None and (other.turn is None or one.turn < other.turn)


def _place(script: Sequence[Beat], beat: Beat | None) -> dict[str, Any] | None:
    """Which beat of the script it is, counted from 1; `within` names the branch of a parking that it belongs to."""
    for within, number, count, each in _number_beats(script):
        if each is beat:
            return {"number": number, "of": count, "within": within, "is": each.verb}
    return None


def _number_beats(script: Sequence[Beat], within: str | None = None) -> Iterator[tuple[str | None, int, int, Beat]]:
    for number, beat in enumerate(script, 1):
        yield within, number, len(script), beat
        for name, branch in beat.branches.items():
            yield from _number_beats(branch, f"{name} of beat {number}")
