"""The report as JUnit XML: one test case a clause, its area as class name; what could not be judged is skipped.

A target that cannot be judged at all is an error of its own, so that a reader of this file alone never sees green.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.clauses import area_of
from conformance.report import summary
from conformance.report.legible import legible, line
from conformance.results import Outcome
from conformance.verdict import counts, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.results import Exchange, Finding, Result, Results

SUITE = "vern-conformance"
_TAGS = {Outcome.FAILED: "failure", Outcome.ERROR: "error"}


def render(results: Results) -> str:
    """The whole document."""
    found = counts(results.results)
    lost = int(results.unreachable is not None)
    figures = {
        "tests": len(results.results) + lost,
        "failures": found[Outcome.FAILED],
        "errors": found[Outcome.ERROR] + lost,
        "skipped": found[Outcome.SKIPPED] + found[Outcome.INCONCLUSIVE] + found[Outcome.NOT_APPLICABLE],
    }
    shared = {name: str(figure) for name, figure in figures.items()} | {"time": f"{results.seconds:.3f}"}
    root = Element("testsuites", {"name": SUITE, **shared})
    suite = SubElement(root, "testsuite", {"name": SUITE, **shared, "timestamp": line(results.started)})
    _properties(suite, results)
    if results.unreachable is not None:
        case = SubElement(suite, "testcase", {"classname": "TARGET", "name": "the target can be reached"})
        SubElement(case, "error", {"message": line(results.unreachable)})
    for result in results.results:
        _case(suite, results, result)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _properties(suite: Element, results: Results) -> None:
    verdict = judge(results)
    told = {**dict(summary.facts(results)), "exit_code": str(verdict.code), "verdict": verdict.headline}
    holder = SubElement(suite, "properties")
    for name, value in told.items():
        SubElement(holder, "property", {"name": name, "value": line(value)})


def _case(suite: Element, results: Results, result: Result) -> None:
    name = f"{line(result.clause)} {line(result.text)}"
    case = SubElement(suite, "testcase", {"classname": line(area_of(result.clause)), "name": name})
    holder = SubElement(case, "properties")
    SubElement(holder, "property", {"name": "level", "value": line(result.level)})
    if result.outcome is Outcome.PASSED:
        return
    if result.outcome not in _TAGS:
        said = f"{result.outcome.word}: {line(summary.reason(result))}"
        SubElement(case, "skipped", {"message": said})
        return
    found = summary.evidence(result)
    message = next((each.requirement or each.reason for each in found), "") or result.text
    fault = SubElement(case, _TAGS[result.outcome], {"message": line(message), "type": line(result.level)})
    lines = [text for finding in found for text in _finding(finding)]
    fault.text = legible("\n".join([*lines, f"to repeat it: {summary.again(results, [result.clause])}"]))


def _finding(finding: Finding) -> Iterator[str]:
    said = {
        "check": finding.check,
        "required": finding.requirement,
        "expected": finding.expected,
        "got": finding.got,
        "reason": finding.reason,
    }
    yield from (f"{label}: {text}" for label, text in said.items() if text)
    for exchange in finding.exchanges:
        yield from _exchange(exchange)
    yield ""


def _exchange(exchange: Exchange) -> Iterator[str]:
    yield f"exchange {exchange.number}:"
    for arrow, text in zip("><", summary.dialogue(exchange), strict=True):
        yield from (f"{arrow} {each}" for each in text.split("\n"))
    yield exchange.curl
