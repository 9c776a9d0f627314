"""The order of a script's beats: only the contract's transitions may come of it (RUN-02)."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from mock_server.kernel.clock import HOUR, MINUTE
from mock_server.scenarios.model import Cancel, Complete, Die, Fail, Park, Queue, Review, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.contract.yaml_file import Complaint, Document, Place
    from mock_server.scenarios.model import Beat, Scenario

_EXPORT = (Queue, Work, Complete, Fail, Die)
_ENDS = (Complete, Fail, Cancel, Die)
_AFTER_WORK = (Park, Review, Complete)
# DEC-25: a second decision finds another state than the first.
_AT_ONCE = "expected 'work' longer than 0s after a parking: two decisions cannot be taken at one instant (DEC-25)"
STARTED_BEFORE = 10 * MINUTE
"""So long before a session opens its ready run was started."""


def every(beats: Sequence[Beat], place: Place) -> Iterator[tuple[Place, Beat]]:
    """All beats with their places, those of branches included, in the order of the file."""
    for index, beat in enumerate(beats):
        here = (*place, index)
        yield here, beat
        if isinstance(beat, Park):
            yield from every(beat.on_answer, (*here, "on_answer"))
            yield from every(beat.on_reject, (*here, "on_reject"))


def lint(scenario: Scenario, document: Document) -> Iterator[Complaint]:
    """What is wrong with the scripts of import and export."""
    yield from _order(document, ("run",), scenario.run)
    yield from _allowed(document, "run", scenario)
    if "export" in document.value:
        yield from _order(document, ("export",), scenario.export)
        yield from _allowed(document, "export", scenario)
    yield from _ready(scenario, document)
    for place, beat in every(scenario.run, ("run",)):
        if isinstance(beat, Queue | Work) and beat.lasts > HOUR:  # STALE-01
            text = "more than an hour without progress: the run goes stale and fails before this beat is over"
            yield document.complain("W402", place, text)


def _order(document: Document, place: Place, beats: Sequence[Beat]) -> Iterator[Complaint]:
    """The main line of a script: queue first, work around every parking, one end."""
    worked = parked = False
    for index, beat in enumerate(beats):
        here = (*place, index)
        if index and isinstance(beats[index - 1], _ENDS):
            yield document.complain(
                "E303", here, f"nothing follows '{verb(beats[index - 1])}': the run has ended there"
            )
            return
        if isinstance(beat, Queue) and not all(isinstance(each, Queue) for each in beats[:index]):
            yield document.complain("E301", here, "'queue' comes only at the beginning (RUN-05)")
        elif parked and not isinstance(beat, Work):
            text = f"expected 'work' after a parking (an approved run is running first), got '{verb(beat)}'"
            yield document.complain("E302", here, text)
        elif isinstance(beat, _AFTER_WORK) and not worked:
            yield document.complain("E302", here, f"expected 'work' before '{verb(beat)}' (RUN-06)")
        elif parked and not _passes(beats[index:]):
            yield document.complain("E302", here, _AT_ONCE)
        worked = worked or isinstance(beat, Work)
        parked = isinstance(beat, Park | Review)
        yield from _branches(document, here, beat)
    if beats and not isinstance(beats[-1], _ENDS):
        last = (*place, len(beats) - 1)
        yield document.complain("E304", last, "expected an end after this: complete, fail, cancel or die")


def _branches(document: Document, place: Place, beat: Beat) -> Iterator[Complaint]:
    if not isinstance(beat, Park):
        return
    yield from _on_answer(document, (*place, "on_answer"), beat.on_answer)
    here = (*place, "on_reject")
    for index, each in enumerate(beat.on_reject):
        last = index == len(beat.on_reject) - 1
        if not isinstance(each, Fail if last else Work):  # RUN-02
            expected = "'fail' as the last beat" if last else "'work'"
            yield document.complain("E305", (*here, index), f"on_reject: expected {expected}, got '{verb(each)}'")


def _on_answer(document: Document, place: Place, beats: Sequence[Beat]) -> Iterator[Complaint]:
    """A branch without an end: it begins with work, and the main line goes on with work after it."""
    for index, beat in enumerate(beats):
        here = (*place, index)
        if not isinstance(beat, Work | Park):
            yield document.complain("E305", here, f"on_answer: expected 'work' or 'park', got '{verb(beat)}'")
        elif isinstance(beat, Park) and (index == 0 or isinstance(beats[index - 1], Park)):
            yield document.complain("E302", here, "on_answer: expected 'work' before 'park' (RUN-06)")
        # Work at the branch's end needs no time of its own: the main line's follows it.
        elif (
            (index == 0 or isinstance(beats[index - 1], Park)) and _parks(beats[index:]) and not _passes(beats[index:])
        ):
            yield document.complain("E302", here, f"on_answer: {_AT_ONCE}")
        yield from _branches(document, here, beat)


def _parks(beats: Sequence[Beat]) -> bool:
    return any(isinstance(beat, Park) for beat in beats)


def _passes(beats: Sequence[Beat]) -> bool:
    """Whether the work that these beats begin with takes time at all."""
    return any(beat.lasts for beat in takewhile(lambda each: isinstance(each, Work), beats) if isinstance(beat, Work))


def _allowed(document: Document, name: str, scenario: Scenario) -> Iterator[Complaint]:
    """Beats that the place or the caller's own rows leave no meaning for."""
    beats = scenario.run if name == "run" else scenario.export
    reviews = 0
    for place, beat in every(beats, (name,)):
        reviews += isinstance(beat, Review)
        if name == "export":
            yield from _in_export(document, place, beat)
            continue
        if isinstance(beat, Complete):
            yield from _for_export_only(document, place)
        if scenario.own_rows and isinstance(beat, Park):
            yield document.complain("E305", place, "'park' and 'review' exclude each other; 'review' alone asks here")
        if scenario.own_rows and isinstance(beat, Complete) and beat.flagged:
            text = "'complete' names no groups beside 'review': the caller's own rows decide"
            yield document.complain("E305", (*place, "complete"), text)
        if isinstance(beat, Review) and reviews > 1:
            yield document.complain("E305", place, "one 'review' is enough: it asks until nothing is left to ask")


def _in_export(document: Document, place: Place, beat: Beat) -> Iterator[Complaint]:
    if not isinstance(beat, _EXPORT):  # DST-10
        text = f"an export has only queue, work, complete, fail and die; got '{verb(beat)}'"
        yield document.complain("E305", place, text)
    elif isinstance(beat, Complete) and beat.flagged:
        yield document.complain(
            "E305", (*place, "complete"), "an export flags no rows; expected nothing after 'complete:'"
        )


def _for_export_only(document: Document, place: Place) -> Iterator[Complaint]:
    value = document.value
    for part in place:
        value = value[part]  # type: ignore[index]
    for name in ("refused", "status", "error", "hollow"):
        if name in value:
            text = f"'{name}' belongs to the 'complete' of an export; an import writes to no destination"
            yield document.complain("E305", (*place, name), text, key=True)


def _ready(scenario: Scenario, document: Document) -> Iterator[Complaint]:
    """A run that waits from the beginning must have come to its parking in ten minutes."""
    if scenario.ready.run is None:
        return
    spent = 0
    for beat in scenario.run:
        match beat:
            case Queue(lasts) | Work(lasts):
                spent += lasts
            case Park() if spent <= STARTED_BEFORE:
                return
            case _:
                break
    text = "the ready run must reach a 'park' within 10m of its start; its script does not"
    yield document.complain("E306", ("ready", "run"), text)


def verb(beat: Beat) -> str:
    """The word for a beat in a file."""
    return type(beat).__name__.lower()
