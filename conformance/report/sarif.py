"""The report as SARIF 2.1.0, for code scanning and for whatever else reads it: a rule a clause, a result a failure.

A clause that could not be judged is a notification of the run, since nobody has done anything wrong yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from conformance.model.results import Outcome, Result, Results
from conformance.report import summary
from conformance.report.dispute import dispute, place
from conformance.verdict import FAILED, INTERRUPTED, PASSED, aside, has_failed, judge
from mock_server.contract.escape import escape, line
from mock_server.version import VERSION

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(results: Results) -> str:
    """The whole log, with one run."""
    verdict = judge(results)
    driver = {
        "name": "vern-conformance",
        "version": VERSION,
        "semanticVersion": VERSION,
        "rules": [_rule(each) for each in results.results],
    }
    invocation = {
        "executionSuccessful": verdict.code in (PASSED, FAILED),
        "exitCode": verdict.code,
        "exitCodeDescription": line(f"{verdict.word}: {verdict.headline}"),
        "toolExecutionNotifications": [_notification(each) for each in summary.unverified(results)],
    }
    if verdict.code == INTERRUPTED:
        invocation["exitSignalName"] = "SIGINT"
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [_result(results, each) for each in results.results if has_failed(each)],
        "properties": {name: line(value) for name, value in summary.facts(results)},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(result: Result) -> dict[str, Any]:
    return {
        "id": line(result.clause),
        "shortDescription": {"text": line(result.text)},
        "help": {"text": "\n".join(dispute(result.clause)) or line(result.text)},
        "defaultConfiguration": {"level": _level(result)},
    }


def _level(result: Result) -> str:
    return "error" if result.level == "must" else "warning"


def _notification(found: summary.Unverified) -> dict[str, Any]:
    level = "warning" if found.outcome is Outcome.INCONCLUSIVE else "note"
    text = f"{found.outcome.word}: {line(found.reason)} ({', '.join(map(line, found.clauses))})"
    return {"level": level, "message": {"text": text}}


def _result(results: Results, result: Result) -> dict[str, Any]:
    found = summary.evidence(result)
    where = {
        "physicalLocation": {
            "artifactLocation": {"uri": "openapi/clauses.yaml"},
            "region": {"startLine": place(result.clause)},
        },
        "logicalLocations": [{"name": line(name), "kind": "function"} for name in _operations(result)],
    }
    entry: dict[str, Any] = {
        "ruleId": line(result.clause),
        "level": _level(result),
        "kind": "fail",
        "message": {"text": escape("\n".join(_said(results, result)))},
        "locations": [where],
        "partialFingerprints": {"clause/v1": line(result.clause)},
        "properties": {"curl": [line(each.curl) for finding in found for each in finding.exchanges][:5]},
    }
    if reason := aside(results).get(result.clause):
        entry["suppressions"] = [{"kind": "external", "justification": line(reason)}]
    return entry


def _operations(result: Result) -> list[str]:
    called = (each.operation for finding in summary.evidence(result) for each in finding.exchanges if each.operation)
    return list(dict.fromkeys(called))


def _said(results: Results, result: Result) -> Iterator[str]:
    yield f"{result.clause}: {line(result.text)}"
    for finding in summary.evidence(result)[:3]:
        yield from (f"{label}: {line(text)}" for label, text in summary.texts(finding).items())
    yield f"to repeat it: {line(summary.again(results, [result.clause]))}"
