"""The report as JSON: the whole Results value, which can be read back, and the verdict that follows from it.

Its form is `openapi/results.schema.json`. Members keep their order, so that two runs can be compared line by line.
Half characters become U+FFFD, since many readers of JSON refuse them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import jsonschema_rs

from conformance.model.results import Exchange, Finding, Outcome, Result, Results
from conformance.report import terminal
from conformance.verdict import FAILED, INCOMPLETE, PASSED, counts, judge, tried_of
from mock_server.contract.document import data

FORMAT = 1
"""The version of the report's form; it rises when a reader of an older one would be misled."""

_PLAIN = ["target", "contract", "profile", "seed", "started", "seconds", "requests", "interrupted", "unreachable"]
_FINDING = [each.name for each in fields(Finding) if each.name not in {"outcome", "exchanges"}]
LABEL = "preview api conformance"
_COLOURS = {PASSED: "brightgreen", FAILED: "red", INCOMPLETE: "orange"}
_OUTCOMES = {outcome.word: outcome for outcome in Outcome}
_HALF_CHARACTERS = re.compile("[\ud800-\udfff]")


def render(results: Results) -> str:
    """The whole document, as text that UTF-8 can hold."""
    document = json.loads(_HALF_CHARACTERS.sub("\ufffd", json.dumps(_document(results), ensure_ascii=False)))
    tidy = _read(document)
    for entry, result in zip(document["results"], tidy.results, strict=True):
        if result.outcome > Outcome.PASSED:
            entry["told"] = terminal.fault(tidy, result)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _document(results: Results) -> dict[str, Any]:
    verdict, found = judge(results), counts(results.results)
    return {
        "format": FORMAT,
        **{name: getattr(results, name) for name in _PLAIN},
        "suite": dict(results.suite),
        "answers": results.answers,
        "settings": dict(sorted(results.settings.items())),
        "verdict": {
            "exit_code": verdict.code,
            "word": verdict.word,
            "headline": verdict.headline,
            "remarks": list(verdict.remarks),
            "counts": {outcome.word: found[outcome] for outcome in Outcome},
            "tried": {level: tried_of(results, level)[0] for level in ("must", "should")},
            "untried": {level: tried_of(results, level)[1] for level in ("must", "should")},
        },
        "results": [
            {
                **{name: getattr(result, name) for name in ("clause", "level", "text")},
                "outcome": result.outcome.word,
                "told": None,
                "findings": [_finding(finding) for finding in result.findings],
            }
            for result in results.results
        ],
        "readings": dict(sorted(results.readings.items())),
        "left_behind": list(results.left_behind),
    }


def badge(results: Results) -> str:
    """The JSON of a badge, as the endpoint of shields.io reads it: the verdict, and the must clauses that passed."""
    verdict = judge(results)
    found = counts(result for result in results.results if result.level == "must")
    tried = sum(count for outcome, count in found.items() if outcome > Outcome.SKIPPED)
    figures = f"{found[Outcome.PASSED]} of {tried} must clauses"
    message = {PASSED: figures, FAILED: f"failed, {figures}", INCOMPLETE: f"incomplete, {figures}"}
    shield = {"message": message.get(verdict.code, verdict.word), "color": _COLOURS.get(verdict.code, "lightgrey")}
    return json.dumps({"schemaVersion": 1, "label": LABEL, **shield}) + "\n"


def from_json(text: str | bytes) -> Results:
    """The results that a report was made from; raises ValueError for what is no report of this form."""
    document = json.loads(text)
    form = jsonschema_rs.validator_for(json.loads(data("openapi", "results.schema.json").read_text("utf-8")))
    for error in form.iter_errors(document):
        where = "/".join(map(str, error.instance_path)) or "the document"
        raise ValueError(f"no report of vern-conformance --json: {where}: {error.message}")
    return _read(document)


def _read(document: Mapping[str, Any]) -> Results:
    return Results(
        **{name: document[name] for name in _PLAIN},
        results=tuple(_result(each) for each in document["results"]),
        readings=document["readings"],
        left_behind=tuple(document["left_behind"]),
        settings=document["settings"],
        suite=document.get("suite", {}),
        answers=document.get("answers", ""),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    plain = {name: getattr(finding, name) for name in _FINDING}
    exchanges = [asdict(each) for each in finding.exchanges]
    return {"outcome": finding.outcome.word, **plain, "exchanges": exchanges}


def _result(found: Mapping[str, Any]) -> Result:
    findings = tuple(
        Finding(
            outcome=_OUTCOMES[each["outcome"]],
            exchanges=tuple(Exchange(**exchange) for exchange in each["exchanges"]),
            **{name: each[name] for name in _FINDING},
        )
        for each in found["findings"]
    )
    return Result(found["clause"], found["level"], found["text"], _OUTCOMES[found["outcome"]], findings)
