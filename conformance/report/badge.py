"""A badge of the verdict, as the endpoint of shields.io reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conformance.model.results import Outcome
from conformance.verdict import FAILED, INCOMPLETE, PASSED, counts, judge

if TYPE_CHECKING:
    from conformance.model.results import Results

LABEL = "preview api conformance"
_COLOURS = {PASSED: "brightgreen", FAILED: "red", INCOMPLETE: "orange"}


def render(results: Results) -> str:
    """The JSON of the badge: the verdict, and the must clauses that passed of those that were tried."""
    verdict = judge(results)
    found = counts(result for result in results.results if result.level == "must")
    tried = sum(count for outcome, count in found.items() if outcome > Outcome.SKIPPED)
    figures = f"{found[Outcome.PASSED]} of {tried} must clauses"
    message = {PASSED: figures, FAILED: f"failed, {figures}", INCOMPLETE: f"incomplete, {figures}"}
    badge = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": message.get(verdict.code, verdict.word),
        "color": _COLOURS.get(verdict.code, "lightgrey"),
    }
    return json.dumps(badge) + "\n"
