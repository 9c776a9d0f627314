"""A run as it was at a moment that has passed: by which beat, since when, because of whom, and what came next.

It looks at what is stored and changes nothing. Pure but for the session that it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from mock_server.kernel.clock import iso
from mock_server.preview.lifecycle import life
from mock_server.scenarios.model import Park

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import Run
    from mock_server.recording.journal import Entry, Journal
    from mock_server.scenarios.model import Beat


@dataclass(frozen=True, slots=True)
class Moment:
    """A run, what it was, and the session's time then."""

    run: Run
    state: Life
    at: int

    def described(self, journal: Journal, entry: Entry) -> dict[str, Any]:
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
        happened = [event for event in run.events if event.at <= state.since]
        coming = life(run.script, run.started, happened, state.until, run.stale_after)
        if run.pace != "time":
            return {"status": coming.status, "at": None, "in": None, "by": _PACES[run.pace]}
        return {"status": coming.status, "at": iso(state.until), "in": state.until - self.at, "by": "itself"}

    def _because(self, journal: Journal, entry: Entry) -> dict[str, Any] | None:
        """Which exchange of the journal made it so."""
        if self.state.rejected:
            what = "rejected"
        elif self.state.status == "running" and self.state.parkings:
            what = "approved"
        elif self.state.status in {"queued", "running"}:
            what = "started"
        else:
            return None
        itself = entry if entry.run_id == self.run.id and _did(entry, what) else None
        made = _latest(journal, entry, self.run.id, what) or itself
        if made is None:
            return {"what": what, "by": None, "before": None}
        return {"what": what, "by": made.id, "before": max(0, self.at - (made.acted or made.at))}


_PACES = {"polls": "the next poll", "manual": "an operator's step", "instant": "itself"}
_STARTS = {"import": "start_import", "export": "start_export"}


def _latest(journal: Iterable[Entry], entry: Entry, run_id: str, what: str) -> Entry | None:
    """The latest exchange before this one that did that to the run."""
    found = None
    for each in journal:
        if each.run_id == run_id and each.number != entry.number and _earlier(each, entry) and _did(each, what):
            found = each
    return found


def _earlier(one: Entry, other: Entry) -> bool:
    return one.turn is not None and (other.turn is None or one.turn < other.turn)


def _did(entry: Entry, what: str) -> bool:
    """Whether the exchange started, approved or rejected a run; the answer may have been lost on its way."""
    if what == "started":
        return entry.operation in _STARTS.values() and (entry.status == 201 or entry.lost)
    return entry.operation == "decide" and (entry.status == 200 or entry.lost) and _decision(entry) == what


def _decision(entry: Entry) -> str | None:
    try:
        return {"approve": "approved", "reject": "rejected"}.get(orjson.loads(entry.request.body)["decision"])
    except (ValueError, KeyError, TypeError):  # cut, or no decision at all
        return None


def _place(script: Sequence[Beat], beat: Beat | None) -> dict[str, Any] | None:
    """Which beat of the script it is, counted from 1; `within` names the branch of a parking that it belongs to."""
    for within, number, count, each in _numbered(script):
        if each is beat:
            return {"number": number, "of": count, "within": within, "is": type(each).__name__.lower()}
    return None


def _numbered(script: Sequence[Beat], within: str | None = None) -> Iterator[tuple[str | None, int, int, Beat]]:
    for number, beat in enumerate(script, 1):
        yield within, number, len(script), beat
        if isinstance(beat, Park):
            yield from _numbered(beat.on_answer, f"on_answer of beat {number}")
            yield from _numbered(beat.on_reject, f"on_reject of beat {number}")
