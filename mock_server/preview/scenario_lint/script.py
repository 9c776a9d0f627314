"""The order of a script's beats: only the contract's transitions may come of it (RUN-02)."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, cast

from mock_server.kernel.clock import HOUR, MINUTE
from mock_server.preview.beats import Complete, Fail, Park, Passing, Review, Work
from mock_server.scenarios.model import every_beat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.contract.yaml_file import Complaint, Document, Place
    from mock_server.preview.beats import RunBeat
    from mock_server.scenarios.model import Beat, Scenario

# DEC-25: a second decision finds another state than the first.
_AT_ONCE = "expected 'work' longer than 0s after a parking: two decisions cannot be taken at one instant (DEC-25)"
STARTED_BEFORE = 10 * MINUTE
"""So long before a session opens its ready run was started."""


EXPORT_BEATS = "queue, work, complete, fail and die"
"""The beats with `exports`, in the order of a script."""


def run_beats(beats: Sequence[Beat]) -> tuple[RunBeat, ...]:
    """The beats as what they are here."""
    return cast("tuple[RunBeat, ...]", tuple(beats))


def every_run_beat(beats: tuple[Beat, ...], name: str) -> Iterator[tuple[Place, RunBeat]]:
    """All beats of a script with their places, those of branches included, in the order of the file."""
    return cast("Iterator[tuple[Place, RunBeat]]", every_beat(beats, (name,)))


def lint(scenario: Scenario, document: Document) -> Iterator[Complaint]:
    """What is wrong with the scripts of import and export."""
    yield from _order(document, ("run",), run_beats(scenario.run))
    yield from _check_places(document, "run", scenario)
    if "export" in document.value:
        yield from _order(document, ("export",), run_beats(scenario.export))
        yield from _check_places(document, "export", scenario)
    yield from _ready(scenario, document)
    for place, beat in every_run_beat(scenario.run, "run"):
        if isinstance(beat, Passing) and beat.lasts > HOUR:  # STALE-01
            text = "more than an hour without progress: the run goes stale and fails before this beat is over"
            yield document.complain("W402", place, text)


def _order(document: Document, place: Place, beats: Sequence[RunBeat]) -> Iterator[Complaint]:
    """The main line of a script: queue first, work around every parking, one end."""
    worked = parked = False
    for index, beat in enumerate(beats):
        here = (*place, index)
        if index and beats[index - 1].ends:
            yield document.complain("E303", here, f"nothing follows '{beats[index - 1].verb}': the run has ended there")
            return
        if beat.first and not all(each.first for each in beats[:index]):
            yield document.complain("E301", here, f"'{beat.verb}' comes only at the beginning (RUN-05)")
        elif parked and not isinstance(beat, Work):
            text = f"expected 'work' after a parking (an approved run is running first), got '{beat.verb}'"
            yield document.complain("E302", here, text)
        elif beat.after_work and not worked:
            yield document.complain("E302", here, f"expected 'work' before '{beat.verb}' (RUN-06)")
        elif parked and not _passes(beats[index:]):
            yield document.complain("E302", here, _AT_ONCE)
        worked = worked or isinstance(beat, Work)
        parked = beat.parks
        yield from _branches(document, here, beat)
    if beats and not beats[-1].ends:
        last = (*place, len(beats) - 1)
        yield document.complain("E304", last, "expected an end after this: complete, fail, cancel or die")


def _branches(document: Document, place: Place, beat: RunBeat) -> Iterator[Complaint]:
    if not isinstance(beat, Park):
        return
    yield from _on_answer(document, (*place, "on_answer"), beat.on_answer)
    here = (*place, "on_reject")
    for index, each in enumerate(beat.on_reject):
        last = index == len(beat.on_reject) - 1
        if not isinstance(each, Fail if last else Work):  # RUN-02
            expected = "'fail' as the last beat" if last else "'work'"
            yield document.complain("E305", (*here, index), f"on_reject: expected {expected}, got '{each.verb}'")


def _on_answer(document: Document, place: Place, beats: Sequence[RunBeat]) -> Iterator[Complaint]:
    """A branch without an end: it begins with work, and the main line goes on with work after it."""
    for index, beat in enumerate(beats):
        here = (*place, index)
        if not isinstance(beat, Work | Park):
            yield document.complain("E305", here, f"on_answer: expected 'work' or 'park', got '{beat.verb}'")
        elif isinstance(beat, Park) and (index == 0 or isinstance(beats[index - 1], Park)):
            yield document.complain("E302", here, "on_answer: expected 'work' before 'park' (RUN-06)")
        # Work at the branch's end needs no time of its own: the main line's follows it.
        elif (
            (index == 0 or isinstance(beats[index - 1], Park)) and _parks(beats[index:]) and not _passes(beats[index:])
        ):
            yield document.complain("E302", here, f"on_answer: {_AT_ONCE}")
        yield from _branches(document, here, beat)


def _parks(beats: Sequence[RunBeat]) -> bool:
    return any(isinstance(beat, Park) for beat in beats)


def _passes(beats: Sequence[RunBeat]) -> bool:
    """Whether the work that these beats begin with takes time at all."""
    return any(beat.lasts for beat in takewhile(lambda each: isinstance(each, Work), beats) if isinstance(beat, Work))


def _check_places(document: Document, name: str, scenario: Scenario) -> Iterator[Complaint]:
    """Beats that the place or the caller's own rows leave no meaning for."""
    beats = scenario.run if name == "run" else scenario.export
    reviews = 0
    for place, beat in every_run_beat(beats, name):
        reviews += isinstance(beat, Review)
        if name == "export":
            yield from _in_export(document, place, beat)
            continue
        if isinstance(beat, Complete):
            yield from _for_export_only(document, place)
        if scenario.own_rows and isinstance(beat, Park):
            yield document.complain("E305", place, "'park' and 'review' exclude each other; 'review' alone asks here")
        if scenario.own_rows and isinstance(beat, Complete) and beat.groups:
            text = "'complete' names no groups beside 'review': the caller's own rows decide"
            yield document.complain("E305", (*place, "complete"), text)
        if isinstance(beat, Review) and reviews > 1:
            yield document.complain("E305", place, "one 'review' is enough: it asks until nothing is left to ask")


def _in_export(document: Document, place: Place, beat: RunBeat) -> Iterator[Complaint]:
    if not beat.exports:  # DST-10
        text = f"an export has only {EXPORT_BEATS}; got '{beat.verb}'"
        yield document.complain("E305", place, text)
    elif isinstance(beat, Complete) and beat.groups:
        yield document.complain(
            "E305", (*place, "complete"), "an export flags no rows; expected nothing after 'complete:'"
        )


def _for_export_only(document: Document, place: Place) -> Iterator[Complaint]:
    value = document.value
    for part in place:
        value = value[part]  # type: ignore[index]
    for name in Complete.members:
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
            case Passing():
                spent += beat.lasts
            case Park() if spent <= STARTED_BEFORE:
                return
            case _:
                break
    text = "the ready run must reach a 'park' within 10m of its start; its script does not"
    yield document.complain("E306", ("ready", "run"), text)
