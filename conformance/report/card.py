"""A report card as text, JSON, JUnit XML or Markdown, with what its reader expects or has left out; and its rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.audit.card import GATING, RULES, Rule, counted
from conformance.model import clauses
from conformance.report.escape import as_markdown
from conformance.report.junit import Case, document
from mock_server.contract.escape import lines as as_lines

SHOWN = 8
"""Exchanges that are named one by one."""
CELL = 2_000
"""Characters of a text that a table shows."""


@dataclass(frozen=True, slots=True)
class Report:
    """A card, and what its reader says about it."""

    card: Mapping[str, Any]
    expected: Mapping[str, str] = field(default_factory=dict)
    """Codes of findings that are expected, with the reason."""
    disabled: Mapping[str, str] = field(default_factory=dict)
    """Codes of rules that were left out, with the reason."""

    @property
    def failures(self) -> Sequence[Mapping[str, Any]]:
        """The findings that fail the card: errors and warnings that nobody expects."""
        return [
            each for each in self.card["findings"] if each["severity"] in GATING and each["code"] not in self.expected
        ]

    @property
    def stale(self) -> Sequence[str]:
        """The codes that are expected and were not found, though they were looked for."""
        found = {each["code"] for each in self.card["findings"]}
        left_out = {*self.disabled, *(code for code, rule in RULES.items() if self.card["ongoing"] and rule.closing)}
        return [code for code in self.expected if code not in found | left_out]

    @property
    def failed(self) -> bool:
        """Whether something is to be mended: in the client, or in the list of what is expected."""
        return bool(self.failures or self.stale)

    @property
    def headline(self) -> str:
        """The card in one sentence."""
        counts, card = self.card["counts"], self.card
        told = ", ".join(counted(number, severity) for severity, number in counts.items() if number) or "no finding"
        lost = f"; {counted(card['forgotten'], 'earlier exchange')} forgotten" if card["forgotten"] else ""
        where = f"clock {card['clock']}, dialect {card['dialect']}"
        return f"{told} in {counted(card['exchanges'], 'exchange')} ({where}{lost})"

    def remarks(self) -> Iterator[str]:
        """What the reader has said, and where it does not hold."""
        for code in self.stale:
            yield f"{code} was not found, but the baseline expects it ({self.expected[code]}); take the entry out"
        for code, reason in self.expected.items():
            if any(each["code"] == code for each in self.card["findings"]):
                yield f"{code} is expected: {reason}"
        for code, reason in self.disabled.items():
            yield f"{code} is left out: {reason}"


def text(report: Report) -> str:
    """The report for a person at a terminal."""
    lines = [f"report card: {report.headline}"]
    for each in report.card["findings"]:
        known = " (expected)" if each["code"] in report.expected else ""
        run = f", run {each['run_id']}" if each["run_id"] else ""
        lines += ["", f"{each['severity']} {each['code']} [{each['clause']}]{known}: {_where(each)}{run}"]
        lines += [f"  {detail}" for detail in _details(each)]
    if remarks := list(report.remarks()):
        lines += ["", *remarks]
    if report.card["findings"]:
        lines += ["", "`vern-mock why EXCHANGE` tells more of an exchange; docs/report-card.md of a code."]
    return as_lines(lines)  # one line of a terminal each, whatever a client has put into its ids


def as_json(report: Report) -> str:
    """Everything, as JSON: the card, and what its reader says about it."""
    reader = {"expected": dict(report.expected), "stale": list(report.stale), "disabled": dict(report.disabled)}
    return json.dumps({**report.card, **reader, "failed": report.failed}, indent=2) + "\n"


def junit(report: Report) -> str:
    """The report as JUnit XML: one test case for each rule, and one for each stale expectation."""
    cases = [_case(report, rule) for rule in RULES.values()]
    cases += [
        Case("baseline", code, "failure", f"{code} was not found; take the entry out", "stale") for code in report.stale
    ]
    return document("vern-mock audit", report.headline, cases, {})


def _case(report: Report, rule: Rule) -> Case:
    found = [each for each in report.card["findings"] if each["code"] == rule.code]
    place = (rule.clause, f"{rule.code}: {rule.expected}")
    text = "\n\n".join("\n".join([_where(each), *_details(each)]) for each in found)
    expected = None if rule.code in report.stale else report.expected.get(rule.code)
    if reason := expected or report.disabled.get(rule.code):
        return Case(*place, "skipped", reason)
    if any(each in report.failures for each in found):
        return Case(*place, "failure", found[0]["happened"], found[0]["severity"], text)
    return Case(*place, "system-out" if found else "", text=text)


def markdown(report: Report) -> str:
    """The report for the page of a CI job."""
    sign = "❌" if report.failed else "✅"
    lines = [f"## {sign} Report card of the client", "", f"**{_cell(report.headline)}**", ""]
    if report.card["findings"]:
        lines += ["| severity | code | clause | where | what happened | how to mend it |", "|---|---|---|---|---|---|"]
    for each in report.card["findings"]:
        said = each["happened"] + (f" ({each['measured']})" if each["measured"] else "")
        cells = (each["severity"], each["code"], each["clause"], _where(each), said, each["mend"])
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    if remarks := list(report.remarks()):
        lines += ["", *(f"- {_cell(each)}" for each in remarks)]
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {"text": text, "json": as_json, "junit": junit, "markdown": markdown}
"""What a report can be written as."""


def rules() -> str:
    """Every rule, and every client clause that none judges, as two tables in Markdown."""
    judged = ["| code | clause | severity | what it looks at | how to mend it |", "|---|---|---|---|---|"]
    for rule in RULES.values():
        severity = " or ".join(dict.fromkeys((rule.severity_at("frozen"), rule.severity_at("real"))))
        looks = rule.looks_at + (f" Measured {rule.measures}." if rule.measures else "")
        shown = looks + (" Judged when the client is done." if rule.closing else "")
        judged.append(f"| `{rule.code}` | {rule.clause} | {severity} | {shown} | {rule.mend} |")
    without = ["| clause | why no exchange shows it |", "|---|---|"]
    without += [f"| {clause.id} | {clause.no_rule} |" for clause in clauses.load().values() if clause.no_rule]
    return "\n".join([*judged, "", *without]) + "\n"


def _where(finding: Mapping[str, Any]) -> str:
    ids = finding["exchanges"]
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"{'exchange' if len(ids) == 1 else 'exchanges'} {', '.join(ids[:SHOWN])}{more}"


def _details(finding: Mapping[str, Any]) -> list[str]:
    labels = ("happened", "measured", "expected", "mend")
    return [f"{label}: {finding[label]}" for label in labels if finding[label]]


def _cell(text: str) -> str:
    return as_markdown(text, CELL)
