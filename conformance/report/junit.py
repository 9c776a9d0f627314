"""The report as JUnit XML: one test case a clause, its area as class name; what could not be judged is skipped.

A reader of this file alone sees what the exit code says: a failure that decides nothing is skipped, with the reason,
and a verdict that is not `passed` while no clause shows why is an error of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.model.clauses import area_of
from conformance.model.results import Outcome
from conformance.report import summary
from conformance.report.escape import legible, line
from conformance.verdict import PASSED, aside, counts, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.model.results import Exchange, Finding, Result, Results

SUITE = "vern-conformance"
_TAGS = {Outcome.FAILED: "failure", Outcome.ERROR: "error"}


def render(results: Results) -> str:
    """The whole document."""
    verdict, excused, found = judge(results), aside(results), counts(results.results)
    failed = sum(each.outcome is Outcome.FAILED and each.clause not in excused for each in results.results)
    untold = verdict.code != PASSED and not failed and not found[Outcome.ERROR]
    figures = {
        "tests": len(results.results) + untold,
        "failures": failed,
        "errors": found[Outcome.ERROR] + untold,
        "skipped": len(results.results) - failed - found[Outcome.ERROR] - found[Outcome.PASSED],
    }
    shared = {name: str(figure) for name, figure in figures.items()} | {"time": f"{results.seconds:.3f}"}
    root = Element("testsuites", {"name": SUITE, **shared})
    suite = SubElement(root, "testsuite", {"name": SUITE, **shared, "timestamp": line(results.started)})
    _properties(suite, results)
    if untold:
        case = SubElement(suite, "testcase", {"classname": "VERDICT", "name": "the verdict is passed"})
        error = SubElement(case, "error", {"message": line(f"{verdict.word}: {verdict.headline}")})
        error.text = legible("\n".join(verdict.remarks))
    for result in results.results:
        _case(suite, results, result, excused)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _properties(suite: Element, results: Results) -> None:
    verdict = judge(results)
    told = {**dict(summary.facts(results)), "exit_code": str(verdict.code), "verdict": verdict.headline}
    holder = SubElement(suite, "properties")
    for name, value in told.items():
        SubElement(holder, "property", {"name": name, "value": line(value)})


def _case(suite: Element, results: Results, result: Result, excused: Mapping[str, str]) -> None:
    name = f"{line(result.clause)} {line(result.text)}"
    case = SubElement(suite, "testcase", {"classname": line(area_of(result.clause)), "name": name})
    holder = SubElement(case, "properties")
    SubElement(holder, "property", {"name": "level", "value": line(result.level)})
    if result.outcome is Outcome.PASSED:
        return
    if result.outcome is Outcome.FAILED and result.clause in excused:
        SubElement(case, "skipped", {"message": line(excused[result.clause])})
        return
    if result.outcome not in _TAGS:
        said = f"{result.outcome.word}: {line(summary.reason(result))}"
        skipped = SubElement(case, "skipped", {"message": said})
        skipped.text = legible("\n".join(text for each in summary.evidence(result) for text in _finding(each))) or None
        return
    found = summary.evidence(result)
    message = next((each.requirement or each.reason for each in found), "") or result.text
    fault = SubElement(case, _TAGS[result.outcome], {"message": line(message), "type": line(result.level)})
    lines = [text for finding in found for text in _finding(finding)]
    fault.text = legible("\n".join([*lines, f"to repeat it: {summary.again(results, [result.clause])}"]))


def _finding(finding: Finding) -> Iterator[str]:
    yield from (f"{label}: {text}" for label, text in summary.told(finding).items())
    for exchange in finding.exchanges:
        yield from _exchange(exchange)
    yield ""


def _exchange(exchange: Exchange) -> Iterator[str]:
    yield f"exchange {exchange.number}:"
    for arrow, text in zip("><", summary.dialogue(exchange), strict=True):
        yield from (f"{arrow} {each}" for each in text.split("\n"))
    yield exchange.curl
