"""What a client does when a run parks, and after it has decided (POLL-22, DEC-39 to DEC-41)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.audit.rule import Found
from conformance.preview.client_rules.history import RULES, TERMINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.preview.client_rules.history import History, RunReading


@RULES.add(
    "POLL-22",
    looks_at="Runs that were read as `needs_attention`, and about which nothing was done afterwards.",
    expected="a decision, or further polls: the run waits and is not over",
    mend="Show the questions and send a decision; until then go on polling. needs_attention is no end and no error.",
    closing=True,
)
def _needs_attention_as_end(history: History) -> Iterator[Found]:
    for reading in _abandoned(history, later=False):
        yield Found([reading.call], "the run was read as needs_attention, and then left alone")


@RULES.add(
    "DEC-40",
    looks_at="Runs that parked once more after a decision, were read so, and about which nothing was done afterwards.",
    expected="the same treatment for a second set of questions as for the first",
    mend="Make the decision a part of the polling loop, not a step that comes once.",
    closing=True,
)
def _second_questions_ignored(history: History) -> Iterator[Found]:
    for reading in _abandoned(history, later=True):
        yield Found([reading.call], "the run parked again after a decision, and then was left alone")


def _abandoned(history: History, *, later: bool) -> Iterator[RunReading]:
    """Each run's first reading of its latest parking, when nothing was done about the run after it."""
    for known in history.runs.values():
        parkings = known.parkings
        if not parkings or (len(parkings) > 1) is not later:
            continue
        reading = parkings[-1][0]
        if not known.after(reading.call) and not history.has_looked(known.company_id, history.after(reading.call)):
            yield reading


@RULES.add(
    "DEC-39",
    looks_at="Decisions that were answered with 200 and another status than an end, and no read of the run afterwards.",
    expected="polling that resumes after the decision, at its poll_url",
    mend="Go back to the polling loop after the decision: the run goes on, and may park again.",
    closing=True,
)
def _no_poll_after_decision(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.decisions[-1] if known.decisions else None
        if last is None or last.unclear or not last.ok or last.answer_member("status") in TERMINAL:
            continue
        if not known.is_read_after(last):
            yield Found([last], "the decision was taken, and the run was never read again")


@RULES.add(
    "DEC-41",
    looks_at="Decisions that got no clear answer or a 409, and no read of the run afterwards.",
    expected="a poll that shows what became of the decision",
    mend="Poll after a decision whatever its answer was: the run's status tells whether it was taken.",
    closing=True,
)
def _lost_decision_not_recovered(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.decisions[-1] if known.decisions else None
        if last is not None and (last.unclear or last.status == 409) and not known.is_read_after(last):
            what = "got 409" if last.status == 409 and last.whole else "got no clear answer"
            yield Found([last], f"the decision {what}, and the run was never read again")
