"""The report for a terminal, 80 columns wide: faults with their evidence, the clauses, open points, the figures last.

Lines to paste (curl, the command to repeat) are never broken, however long they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from conformance.report import summary
from conformance.report.dispute import dispute
from conformance.verdict import judge
from mock_server.contract.escape import cut, escape, line
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.model.results import Exchange, Result, Results

WIDTH = 80
MARKS = {outcome: letter for outcome, (_, letter, _) in summary.SIGNS.items()}
"""The letter that stands for a clause in the matrix."""

_COLOURS = {outcome: colour for outcome, (_, _, colour) in summary.SIGNS.items()}
_VERDICT_COLOURS = {0: "green", 1: "red"}
_FINDINGS = 3
_EXCHANGES = 2
_LEFT = 6
_BODY = 800
_MARKS_A_LINE = 24
_LABEL = 10


def render(results: Results, *, colour: bool = False, quiet: bool = False) -> str:
    """The whole report, or, `quiet`, the faults in a line each and the verdict; `colour` is for terminals alone."""
    text = "\n".join(_lines(results, quiet=quiet)) + "\n"
    return text if colour else click.unstyle(text)


def fault(results: Results, result: Result) -> str:
    """What is said of one clause that failed, without colour."""
    return click.unstyle("\n".join(_fault(results, result)))


def _lines(results: Results, *, quiet: bool) -> Iterator[str]:
    if results.unreachable is not None and not results.interrupted:
        yield f"unreachable: {line(results.unreachable)}"
        return
    yield from _list(results)
    if quiet:
        yield _headline(results)
        return
    for result in summary.faults(results):
        yield from _fault(results, result)
    for title, part in _PARTS.items():
        if lines := list(part(results)):
            yield from (click.style(title, bold=True), *lines, "")
    yield from _verdict(results)


def _list(results: Results) -> Iterator[str]:
    """Each fault in a line, so that a reader sees all of them before the evidence of any."""
    for result in (found := summary.faults(results)):
        said = f"{line(result.clause):<9} ({line(result.level)}) {line(result.text)}"
        mark = click.style(f"{result.outcome.word.upper():<7}", fg=_COLOURS[result.outcome], bold=True)
        yield f"{mark} {said if len(said) <= WIDTH - 8 else f'{said[: WIDTH - 9]}…'}"
    if found:
        yield ""


def _fault(results: Results, result: Result) -> Iterator[str]:
    mark = click.style(result.outcome.word.upper(), fg=_COLOURS[result.outcome], bold=True)
    yield f"{mark}  {click.style(line(result.clause), bold=True)} ({line(result.level)})"
    yield from _wrapped(line(result.text))
    found = summary.evidence(result)
    for finding in found[:_FINDINGS]:
        yield ""
        for label, text in summary.texts(finding).items():
            yield from _labelled(label, cut(line(text), _BODY))
        for exchange in finding.exchanges[:_EXCHANGES]:
            yield from _exchange(exchange)
        if len(finding.exchanges) > _EXCHANGES:
            yield f"  … and {counted(len(finding.exchanges) - _EXCHANGES, 'more exchange')}; --json has them all"
    if len(found) > _FINDINGS:
        yield f"  … and {counted(len(found) - _FINDINGS, 'more finding')} about this clause; --json has them all"
    yield from ("", "  to repeat it:", f"    {line(summary.again(results, [result.clause]))}")
    if said := dispute(result.clause):
        yield "  to dispute it:"
        for each in said:
            yield from wrap(each, WIDTH, initial_indent="    ", subsequent_indent="      ")
    yield ""


def _exchange(exchange: Exchange) -> Iterator[str]:
    yield f"  exchange {exchange.number}" + (f" ({line(exchange.operation)})" if exchange.operation else "")
    for arrow, text in zip("><", summary.dialogue(exchange), strict=True):
        for each in escape(cut(text, _BODY)).split("\n"):
            yield from wrap(each, WIDTH, initial_indent=f"    {arrow} ", subsequent_indent=f"    {arrow}   ")
    yield f"    {escape(exchange.curl)}"


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


def _readings(results: Results) -> Iterator[str]:
    for reading in summary.readings(results):
        if reading.reading != summary.NOT_SEEN:
            yield from _labelled(line(reading.open_point), f"{line(reading.question)}: {line(reading.reading)}", 8)
    for clause, note in summary.notes(results):
        yield from _labelled(line(clause), line(note), 8)


def _unverified(results: Results) -> Iterator[str]:
    for each in summary.unverified(results):
        yield from _wrapped(f"{each.outcome.word}: {line(cut(each.reason, _BODY))}")
        yield from _wrapped(line(", ".join(each.clauses)), indent="    ")
        if each.exchange is not None:
            yield from _exchange(each.exchange)


def _left_behind(results: Results) -> Iterator[str]:
    yield from (f"  {line(thing)}" for thing in results.left_behind[:_LEFT])
    if len(results.left_behind) > _LEFT:
        yield f"  … and {len(results.left_behind) - _LEFT} more; --json has them all"


def _verdict(results: Results) -> Iterator[str]:
    facts = "; ".join(f"{name} {line(value)}" for name, value in summary.facts(results))
    yield from _wrapped(facts, indent="")
    for remark in judge(results).remarks:
        yield from _wrapped(line(remark), indent="")
    yield _headline(results)


def _headline(results: Results) -> str:
    verdict = judge(results)
    text = "\n".join(wrap(f"{verdict.word}: {line(verdict.headline)}", WIDTH))
    return click.style(text, fg=_VERDICT_COLOURS.get(verdict.code, "yellow"), bold=True)


_PARTS = {
    "Clauses": _matrix,
    "Open points: how this implementation reads them": _readings,
    "Not verified": _unverified,
    "Left behind": _left_behind,
}


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _labelled(label: str, text: str, width: int = 10) -> list[str]:
    return wrap(text, WIDTH, initial_indent=f"  {label:<{width}}", subsequent_indent=" " * (width + 2))
