"""The report for a terminal, 80 columns wide: verdict, clauses, what to mend first, all that failed; then the rest.

Lines to paste (curl, the command to repeat) are never broken, however long they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from conformance.model.results import Outcome
from conformance.report import details, summary
from conformance.report.details import WIDTH, labelled, wrapped
from conformance.report.dispute import ABOUT
from conformance.verdict import aside, judge
from mock_server.contract.escape import cut, line
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.model.results import Result, Results

MARKS = {outcome: letter for outcome, (_, letter, _) in summary.SIGNS.items()}
"""The letter that stands for a clause in the matrix."""

_COLOURS = {outcome: colour for outcome, (_, _, colour) in summary.SIGNS.items()}
_VERDICT_COLOURS = {0: "green", 1: "red"}
_TEXT = 800
_NAMED = 8
"""Clauses that a line names one by one."""
_MARKS_A_LINE = 24
_LABEL = 10


def render(results: Results, *, colour: bool = False, quiet: bool = False) -> str:
    """The whole report, or, `quiet`, its first screen; `colour` is for terminals alone."""
    text = "\n".join(_lines(results, quiet=quiet)) + "\n"
    return text if colour else click.unstyle(text)


def fault(results: Results, result: Result) -> str:
    """What is said of one clause that failed, without colour."""
    return click.unstyle("\n".join(details.fault(results, result)))


def _lines(results: Results, *, quiet: bool) -> Iterator[str]:
    if results.unreachable is not None and not results.interrupted:
        yield f"not judged: {line(results.unreachable)}"
        return
    yield from _verdict(results)
    yield from _parts(results, _FIRST)
    if quiet:
        return
    for result in (found := summary.faults(results)):
        yield from ("", *details.fault(results, result))
    if found:
        yield from ("", *wrapped(ABOUT, indent=""))
    yield from _parts(results, _THEN)
    yield ""
    yield from wrapped("; ".join(f"{name} {line(value)}" for name, value in summary.facts(results)), indent="")
    yield _headline(results)


def _verdict(results: Results) -> Iterator[str]:
    yield _headline(results)
    told = set(aside(results).values())  # beside the clause that each is about
    for remark in judge(results).remarks:
        if remark not in told:
            yield from wrapped(line(remark), indent="")


def _parts(results: Results, parts: Mapping[str, Callable[[Results], Iterator[str]]]) -> Iterator[str]:
    for title, part in parts.items():
        if lines := list(part(results)):
            yield from ("", click.style(title, bold=True), *lines)


def _causes(results: Results) -> Iterator[str]:
    """What other clauses wait for: a failed clause, or what the reason says."""
    for cause in summary.causes(results):
        number = sum(map(len, cause.reasons.values()))
        wait = f"{counted(number, 'clause')} {'waits' if number == 1 else 'wait'}"
        why = [
            line(reason).removeprefix(f"blocked by {cause.clause}: ").removesuffix(f" ({cause.clause})")
            + (f" ({len(ids)})" if len(ids) < number else "")
            for reason, ids in cause.reasons.items()
        ]
        ids = [clause for group in cause.reasons.values() for clause in group]
        named = f" ({line(', '.join(ids))})" if number <= _NAMED else ""
        text = cut(f"{wait}{' for it' if cause.clause else ''}: {'; '.join(why)}", _TEXT)
        yield from labelled(line(cause.clause) or MARKS[Outcome.INCONCLUSIVE], f"{text}{named}", _LABEL)


def _failed(results: Results) -> Iterator[str]:
    """Each fault with what came instead, so that a reader sees all of them before the evidence of any."""
    excused = aside(results)
    for result in summary.faults(results):
        found = details.findings(result)
        number = sum(each.outcome is result.outcome for each in found)
        more = f" [1 of {number} findings]" if number > 1 else ""
        said = (details.brief(found[0]) if found else line(result.text)) + more
        first, *rest = labelled(line(result.clause), said, _LABEL) or [f"  {line(result.clause)}"]
        name = line(result.clause)
        yield first.replace(name, click.style(name, fg=_COLOURS[result.outcome], bold=True), 1) if name else first
        yield from rest
        if why := excused.get(result.clause):
            yield from labelled("", line(why).removeprefix(f"{name} failed, ").removeprefix("but "), _LABEL)
        elif result.outcome is Outcome.ERROR:
            yield from labelled("", "the suite's own error", _LABEL)


def _matrix(results: Results) -> Iterator[str]:
    for area in summary.areas(results):
        tally = wrap(area.tally, WIDTH - _LABEL - _MARKS_A_LINE - 2)
        parts = [area.results[at : at + _MARKS_A_LINE] for at in range(0, len(area.results), _MARKS_A_LINE)]
        for number, (part, said) in enumerate(zip_longest(parts, tally)):
            outcomes = [each.outcome for each in part or ()]
            marks = "".join(click.style(MARKS[outcome], fg=_COLOURS[outcome]) for outcome in outcomes)
            name = line(area.id) if number == 0 else ""
            yield f"  {name:<6}  {marks}{' ' * (_MARKS_A_LINE - len(outcomes))}  {said or ''}".rstrip()
    present = {result.outcome for result in results.results}
    if legend := [f"{mark} {outcome.word}" for outcome, mark in MARKS.items() if outcome in present]:
        yield from ("", f"  {'   '.join(legend)}")


def _unjudged(results: Results) -> Iterator[str]:
    for each in summary.unverified(results):
        see = f" (see {line(each.behind)})" if each.behind not in each.reason else ""
        yield from wrapped(f"{each.outcome.word}: {line(cut(each.reason, _TEXT))}{see}")
        yield from wrapped(line(summary.named(each.clauses, results)), indent="    ")
        if each.exchange is not None and not each.behind:
            yield from details.exchange(each.exchange, each.reason)


def _readings(results: Results) -> Iterator[str]:
    for reading in summary.readings(results):
        if reading.reading != summary.NOT_SEEN:
            yield from labelled(line(reading.open_point), f"{line(reading.question)}: {line(reading.reading)}", 8)
    for clause, note in summary.notes(results):
        yield from labelled(line(clause), line(note), 8)


def _left_behind(results: Results) -> Iterator[str]:
    if number := len(results.left_behind):
        yield f"  {number} that the run made and nothing in the contract removes; --json names them"


def _headline(results: Results) -> str:
    verdict = judge(results)
    text = "\n".join(wrapped(f"{verdict.word}: {line(verdict.headline)}", indent=""))
    return click.style(text, fg=_VERDICT_COLOURS.get(verdict.code, "yellow"), bold=True)


_FIRST = {"Clauses": _matrix, "Mend first": _causes, "Failed": _failed}
"""The first screen, title to lines."""
_THEN = {
    "Not judged": _unjudged,
    "Open points: how this implementation reads them": _readings,
    "Left behind": _left_behind,
}
