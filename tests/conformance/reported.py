"""Results as a run might have them, for the tests of the reports."""

from __future__ import annotations

from typing import Any

from conformance.model.clauses import server_clauses
from conformance.model.results import Exchange, Finding, Outcome, Results
from conformance.verdict import collect


def exchange(number: int = 14, **members: Any) -> Exchange:
    usual: dict[str, Any] = {
        "number": number,
        "operation": "decide",
        "method": "POST",
        "url": "http://127.0.0.1:9000/api/v1/companies/c/imports/r/decision",
        "request_headers": {"content-type": "application/json", "x-api-key": "$VERN_API_KEY"},
        "request_body": '{"decision": "approve"}',
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": '{"run_id": "r", "status": "running"}',
        "problem": None,
        "milliseconds": 3,
        "curl": "curl -X POST -H 'x-api-key: '\"$VERN_API_KEY\" http://127.0.0.1:9000/api/v1/companies/c/imports/r/decision",
    }
    return Exchange(**usual | members)


def finding(clause: str, outcome: Outcome, **members: Any) -> Finding:
    usual: dict[str, Any] = {"check": "second_decision"}
    if outcome is Outcome.FAILED:
        usual |= {"requirement": "A second decision is refused.", "expected": "409", "got": "200 running"}
        usual |= {"exchanges": (exchange(),)}
    elif outcome is not Outcome.PASSED:
        usual |= {"reason": f"a reason to be {outcome.word}"}
    return Finding(clause, outcome, **usual | members)


def results(*findings: Finding, **members: Any) -> Results:
    usual: dict[str, Any] = {
        "target": "target.yaml",
        "contract": "preview-1",
        "profile": "full",
        "seed": 7,
        "started": "2026-06-11T09:00:00Z",
        "seconds": 12.34,
        "requests": 103,
        "results": collect(findings, server_clauses()),
        "readings": {"OP-06": "200 and the run's status of now", "OP-100": "a point of a later contract"},
        "left_behind": ("company 0f3a", "run 77"),
    }
    return Results(**usual | members)


def mixed() -> Results:
    """A whole run with every outcome in it."""
    ladder = [Outcome.PASSED] * 12 + [Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.ERROR]
    ladder += [Outcome.NOT_APPLICABLE]
    ids = list(server_clauses())
    return results(*(finding(clause, ladder[number % len(ladder)]) for number, clause in enumerate(ids[:-5])))
