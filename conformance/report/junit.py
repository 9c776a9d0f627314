"""JUnit XML as CI services read it: what a case is, and the report with one case a clause, its area as class name.

A reader of this file alone sees what the exit code says: a failure that the verdict does not count is skipped, with the
reason, and a verdict that is not `passed` while no clause shows why is an error of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.model.clauses import area_of
from conformance.model.results import Finding, Outcome, Result, Results
from conformance.report import summary
from conformance.report.dispute import dispute
from conformance.verdict import PASSED, aside, judge
from mock_server.contract.escape import escape, line

SUITE = "vern-conformance"
_FIGURES = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_TAGS = {Outcome.FAILED: "failure", Outcome.ERROR: "error"}


class Case(NamedTuple):
    """One test case: passed, unless its outcome says otherwise. Its texts may be of any origin."""

    classname: str
    name: str
    outcome: str = ""
    """The element that says how it ended: `failure`, `error`, `skipped`, or `system-out` for what is only said."""
    message: str = ""
    kind: str = ""
    text: str = ""
    level: str = ""


def document(name: str, title: str, cases: Sequence[Case], facts: Mapping[str, str], **suite: str) -> str:
    """The document of one suite; `facts` are its properties, and `suite` what else is known of it."""
    shared = {"tests": str(len(cases))}
    shared |= {word: str(sum(case.outcome == tag for case in cases)) for word, tag in _FIGURES.items()}
    root = Element("testsuites", {"name": name, **shared})
    holder = SubElement(root, "testsuite", {"name": title, **shared, **suite})
    _properties(holder, facts)
    for case in cases:
        element = SubElement(holder, "testcase", {"classname": line(case.classname), "name": line(case.name)})
        _properties(element, {"level": case.level} if case.level else {})
        if case.outcome:
            told = {"message": line(case.message), "type": line(case.kind)}
            end = SubElement(element, case.outcome, {word: text for word, text in told.items() if text})
            end.text = escape(case.text) or None
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _properties(element: Element, facts: Mapping[str, str]) -> None:
    holder = SubElement(element, "properties") if facts else element
    for name, value in facts.items():
        SubElement(holder, "property", {"name": name, "value": line(value)})


def render(results: Results) -> str:
    """The whole report."""
    verdict, excused = judge(results), aside(results)
    cases = [_case(results, result, excused) for result in results.results]
    if verdict.code != PASSED and not any(case.outcome in {"failure", "error"} for case in cases):
        said = f"{verdict.word}: {verdict.headline}"
        cases.insert(0, Case("VERDICT", "the verdict is passed", "error", said, text="\n".join(verdict.remarks)))
    facts = {**dict(summary.facts(results)), "exit_code": str(verdict.code), "verdict": verdict.headline}
    return document(SUITE, SUITE, cases, facts, time=f"{results.seconds:.3f}", timestamp=line(results.started))


def _case(results: Results, result: Result, excused: Mapping[str, str]) -> Case:
    place, level = (area_of(result.clause), f"{result.clause} {result.text}"), result.level
    found = summary.evidence(result)
    text = "\n".join(each for finding in found for each in _finding(finding))
    if result.outcome is Outcome.PASSED:
        return Case(*place, level=level)
    if result.outcome is Outcome.FAILED and result.clause in excused:
        return Case(*place, "skipped", excused[result.clause], level=level)
    if result.outcome not in _TAGS:
        return Case(*place, "skipped", f"{result.outcome.word}: {summary.reason(result)}", text=text, level=level)
    message = next((each.requirement or each.reason for each in found), "") or result.text
    text += f"\nto repeat it: {summary.again(results, [result.clause])}"
    text += "".join(f"\nto dispute it: {each}" for each in dispute(result.clause))
    return Case(*place, _TAGS[result.outcome], message, result.level, text.lstrip("\n"), level)


def _finding(finding: Finding) -> Iterator[str]:
    yield from (f"{label}: {text}" for label, text in summary.texts(finding).items())
    for exchange in finding.exchanges:
        yield f"exchange {exchange.number}:"
        for arrow, text in zip("><", summary.dialogue(exchange), strict=True):
            yield from (f"{arrow} {each}" for each in text.split("\n"))
        yield exchange.curl
    yield ""
