"""The report as workflow commands of GitHub Actions: an annotation for each fault, and one for the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.report import summary
from conformance.verdict import PASSED, aside, judge
from mock_server.contract.escape import cut, line

if TYPE_CHECKING:
    from conformance.model.results import Result, Results

_MOST = 1_500


def render(results: Results) -> str:
    """A line each."""
    verdict, excused = judge(results), aside(results)
    lines = [_annotation(results, each, excused.get(each.clause)) for each in summary.faults(results)]
    word = "notice" if verdict.code == PASSED else "error"
    remarks = "\n".join(map(line, verdict.remarks))
    said = f"{verdict.word}: {line(verdict.headline)}\n{remarks}".strip()
    lines.append(f"::{word} title=Preview API conformance::{_escaped(said)}")
    return "\n".join(lines) + "\n"


def _annotation(results: Results, result: Result, excused: str | None) -> str:
    word = "error" if excused is None else "notice"
    parts = [line(result.text), *([line(excused)] if excused else [])]
    for finding in summary.evidence(result)[:2]:
        parts += [f"{label}: {line(text)}" for label, text in summary.texts(finding).items() if label != "check"]
    parts.append(f"to repeat it: {line(summary.again(results, [result.clause]))}")
    title = f"{result.clause} {result.outcome.word}"
    return f"::{word} title={_escaped(line(title), member=True)}::{_escaped(cut(chr(10).join(parts), _MOST))}"


def _escaped(text: str, *, member: bool = False) -> str:
    """As the runner reads it: nothing in a text ends a line, and in a member nothing begins the next one."""
    for sign in "%\r\n" + (":," if member else ""):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
