"""Readings of what a request may hold: what is refused that the mock takes, and the other way round."""

from __future__ import annotations

from typing import Any

from mock_server.contract.document import load
from mock_server.dialects.dialect import Reading, RequestBody


def _strange(body: RequestBody) -> tuple[int, str] | None:
    if isinstance(body.value, dict) and (strange := sorted(body.value.keys() - load().request_members(body.operation))):
        return 400, f"unknown members: {', '.join(strange)}"
    return None


def _other_type(body: RequestBody) -> tuple[int, str] | None:
    kind = (body.content_type or "").partition(";")[0].strip().lower()
    return None if kind == "application/json" else (415, "the body must be application/json")


def _is_decision(body: RequestBody) -> bool:
    return body.operation == "decide" and isinstance(body.value, dict) and isinstance(body.value.get("answers"), list)


def _empty_answers(body: RequestBody) -> tuple[int, str] | None:
    if _is_decision(body) and not body.value["answers"]:
        return 400, "answers is empty"
    return None


def _lenient(body: RequestBody) -> Any:
    if not _is_decision(body):
        return body.value
    if body.value.get("decision") == "reject":
        return {name: value for name, value in body.value.items() if name != "answers"}
    answers = body.value["answers"]
    if all(isinstance(each, dict) and isinstance(each.get("question_id"), str) for each in answers):
        return body.value | {"answers": list({each["question_id"]: each for each in answers}.values())}
    return body.value


def _all_templates(body: RequestBody) -> Any:
    if body.operation == "provision_company" and isinstance(body.value, dict) and body.value.get("template_ids") == []:
        return {name: value for name, value in body.value.items() if name != "template_ids"}
    return body.value


IDS_AGAIN = "ids-again"
"""The reading by which runs that start meanwhile count the ids of their questions anew in each parking."""
READINGS = (
    Reading(IDS_AGAIN, "OP-20", "counts question ids anew in each parking"),
    Reading("no-empty-answers", "OP-19", 'refuses `"answers": []`: 400', refuse=_empty_answers, rivals="answers"),
    Reading(
        "lenient-answers",
        "OP-19",
        "ignores answers that come with a rejection; of two for one question the last counts",
        change_body=_lenient,
        rivals="answers",
        extended=False,
    ),
    Reading("known-members", "OP-26", "refuses bodies with undocumented members: 400", refuse=_strange),
    Reading("only-json", "OP-26", "refuses bodies whose Content-Type is not application/json: 415", refuse=_other_type),
    Reading("all-templates", "OP-37", 'takes `"template_ids": []` for every template', change_body=_all_templates),
)
