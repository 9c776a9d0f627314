"""The suite on our own mock, honest or bent: what the tests of the suite and the tables in the docs are made with."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.engine.runner import judge
from conformance.model.results import Outcome, Results
from conformance.preview import suite
from conformance.preview.suite import Mock, mock
from conformance.report import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.engine.plan import Check
    from conformance.model.results import Finding
    from conformance.target.target import Target


PYTHON = re.compile(r"\b(None|True|False)\b|[\[({]'|\(\)|<[\w.]+ (object|at) |\b(set|Counter|UUID|Path)\(")
"""What only Python writes so; who reads a finding may have a server in any language."""


FIRST = "first"
"""A quick run without what is looked at once more at its end."""


def _first_checks() -> Mapping[str, Check]:
    return {name: each for name, each in suite.PREVIEW.checks().items() if not each.last}


def judged(
    *only: str,
    bend: Callable[[Any], Any] | None = None,
    rate_limit: int | None = None,
    strict: bool = True,
    **plan: Any,
) -> Results:
    """What the suite (`only` some clauses of it) says of a mock whose app `bend` may wrap; in a journey at first."""
    with mock(bend=bend, rate_limit=rate_limit) as server:
        return on(server, *only, target=replace(server.target(), strict=strict), **plan)


def on(server: Mock, *only: str, target: Target | None = None, **plan: Any) -> Results:
    """What it says of a mock that runs; `target` is how it is described otherwise. FIRST is a depth, too."""
    driver = suite.driver_of_mock(server)
    members: dict[str, Any] = {"clauses": only, "isolated": False, "max_examples": 0, **plan}
    generation = suite.PREVIEW
    if members.get("depth") == FIRST:
        members["depth"] = "quick"
        generation = replace(generation, checks=_first_checks)
    results = judge(generation, driver if target is None else replace(driver, target=target), suite.Plan(**members))
    odd = [text for each in results.results for finding in each.findings for text in _python(finding)]
    assert not odd, f"a finding speaks Python: {odd}"
    return results


def _python(finding: Finding) -> list[str]:
    """The texts of the finding that speak Python, and do not tell what the server or its client has said so."""
    said = "".join(f"{each.request_body}{each.body}" for each in finding.exchanges)
    told = summary.texts(finding).values()
    return [text for text in told if any(each[0] not in said for each in PYTHON.finditer(text))]


def with_outcome(results: Results, *outcomes: Outcome) -> list[str]:
    """The clauses with one of these outcomes."""
    return [each.clause for each in results.results if each.outcome in outcomes]


def failed(results: Results) -> list[str]:
    """The clauses that the target is said to break."""
    return with_outcome(results, Outcome.FAILED)


def worse_than_passed(results: Results) -> dict[str, str]:
    """Every clause that is neither passed nor skipped, with the outcome and what was found."""
    return {
        each.clause: f"{each.outcome.word}: "
        + "; ".join(f"{f.check}: {f.requirement} {f.reason} got {f.got}" for f in each.findings if f.outcome > 2)
        for each in results.results
        if each.outcome > Outcome.PASSED
    }
