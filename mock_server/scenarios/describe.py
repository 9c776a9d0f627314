"""A scenario told in words: what happens to a run, beat by beat, for a person who chooses one.

Pure: values in, lines out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from mock_server.contract.nearest import counted
from mock_server.faults.rules import told
from mock_server.kernel.clock import spoken
from mock_server.scenarios.model import Cancel, Complete, Die, Fail, Park, Queue, Review, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.scenarios.model import Beat, Fault, Flagged, Scenario

PACES = {
    "time": "time: the run goes on as time passes",
    "polls": "polls: each poll moves the run on by one beat",
    "manual": "manual: an operator moves the run, POST /_mock/runs/{run_id}/step",
    "instant": "instant: every beat is over at once",
}


def run_lines(scenario: Scenario) -> list[str]:
    """What happens to an import; a line that begins with spaces belongs to the one before."""
    return list(_told(scenario.run))


def export_lines(scenario: Scenario) -> list[str]:
    """What happens to a destination export."""
    return list(_told(scenario.export))


def fault_lines(scenario: Scenario) -> list[str]:
    """What goes wrong on the wire."""
    return [_fault(fault) for fault in scenario.faults]


def _fault(fault: Fault) -> str:
    which = {
        "call": f"from the {_nth(fault.call or 0)} of its calls on",
        "every": f"every {_nth(fault.every or 0)} of its calls",
        "chance": f"{100 * (fault.chance or 0):.3g} % of its calls",
    }
    said = [which[name] for name in which if getattr(fault, name) is not None]
    said += [f"while the run is `{fault.status}`"] if fault.status else []
    said += [counted(fault.times, "time")] if fault.times else []
    said += [f"for {spoken(fault.lasts)}"] if fault.lasts is not None else []
    return f"{told(fault)} ({fault.operation or 'any operation'}{''.join(f', {each}' for each in said)})"


def _nth(number: int) -> str:
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _told(beats: Sequence[Beat]) -> Iterator[str]:
    for beat in beats:
        match beat:
            case Queue():
                yield f'waits in `queued` for {spoken(beat.lasts)}: "{beat.say}"'
            case Work():
                yield f'is `running` for {spoken(beat.lasts)}: "{beat.say}"'
            case Die():
                yield f'the engine dies: still `running` ("{beat.say}"), then `failed`, "Import timed out"'
            case Park():
                yield "parks at `needs_attention` until a decision"
                yield from (f"  {_group(group)}" for group in beat.flagged)
                yield from _branch("approved with answers", beat.on_answer)
                yield from _branch("rejected", beat.on_reject)
            case Review():
                yield "parks at `needs_attention` for as long as rows that you sent are flagged"
            case Complete():
                yield "is `completed`"
                yield from (f"  {_group(group)}" for group in beat.flagged)
                yield from _writes(beat)
            case Fail():
                yield f'is `failed`: "{beat.error}"'
            case Cancel():
                yield "is `canceled`"
            case _:
                assert_never(beat)


def _branch(when: str, beats: Sequence[Beat]) -> Iterator[str]:
    if beats:
        yield f"  when {when}:"
        yield from (f"    {line}" for line in _told(beats))


def _writes(beat: Complete) -> Iterator[str]:
    if beat.refused:
        yield f"  {counted(beat.refused, 'write')} refused by the destination with {beat.status}: {beat.error}"
    if beat.hollow:
        yield f"  {counted(beat.hollow, 'write')} accepted but found missing afterwards"


def _group(group: Flagged) -> str:
    wrong = f"{counted(group.rows, 'row')} flagged: {group.sheet}.{group.column} {_FAILURES[group.fails]}"
    match group.fix:
        case "set_value":
            fix = f"map to {group.value!r}" if group.value else "clear the cells"
        case "delete_invalid_rows":
            fix = "remove the rows"
        case "dedup_keep_first":
            fix = "keep the first of each"
        case "keep":
            fix = "keep them flagged"
    return f"{wrong}; proposed: {fix}" + ("" if group.ask else " (no question asks about it)")


_FAILURES = {
    "required": "is empty",
    "strict": "breaks its rule",
    "link": "names nothing that is there",
    "unique": "is not unique",
}
