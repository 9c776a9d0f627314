"""Readings of what a request may hold: what is refused that the mock takes, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.dialects.reading import Heard, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBERS: Mapping[str, frozenset[str]] = {
    "provision_company": frozenset({"name", "source", "external_id", "template_ids", "connections"}),
    "request_upload": frozenset({"name", "content_type", "size"}),
    "start_import": frozenset({"files", "rows", "idempotency_key"}),
    "decide": frozenset({"decision", "answers"}),
    "start_export": frozenset({"mode", "selection", "idempotency_key"}),
}
"""The documented members of each body; a test compares them with the contract's."""


def _strange(heard: Heard) -> tuple[int, str] | None:
    if isinstance(heard.body, dict) and (strange := sorted(heard.body.keys() - MEMBERS[heard.operation])):
        return 400, f"unknown members: {', '.join(strange)}"
    return None


def _other_type(heard: Heard) -> tuple[int, str] | None:
    kind = (heard.content_type or "").partition(";")[0].strip().lower()
    return None if kind == "application/json" else (415, "the body must be application/json")


def _is_decision(heard: Heard) -> bool:
    return heard.operation == "decide" and isinstance(heard.body, dict) and isinstance(heard.body.get("answers"), list)


def _empty_answers(heard: Heard) -> tuple[int, str] | None:
    if _is_decision(heard) and not heard.body["answers"]:
        return 400, "answers is empty"
    return None


def _lenient(heard: Heard) -> Any:
    if not _is_decision(heard):
        return heard.body
    if heard.body.get("decision") == "reject":
        return {name: value for name, value in heard.body.items() if name != "answers"}
    answers = heard.body["answers"]
    if all(isinstance(each, dict) and isinstance(each.get("question_id"), str) for each in answers):
        return heard.body | {"answers": list({each["question_id"]: each for each in answers}.values())}
    return heard.body


def _all_templates(heard: Heard) -> Any:
    if heard.operation == "provision_company" and isinstance(heard.body, dict) and heard.body.get("template_ids") == []:
        return {name: value for name, value in heard.body.items() if name != "template_ids"}
    return heard.body


KNOWN_MEMBERS = Reading("known-members", "OP-26", "refuses bodies with undocumented members: 400", refuses=_strange)
ONLY_JSON = Reading(
    "only-json", "OP-26", "refuses bodies whose Content-Type is not application/json: 415", refuses=_other_type
)
NO_EMPTY_ANSWERS = Reading(
    "no-empty-answers", "OP-19", 'refuses `"answers": []`: 400', refuses=_empty_answers, instead="answers"
)
LENIENT_ANSWERS = Reading(
    "lenient-answers",
    "OP-19",
    "ignores answers that come with a rejection; of two for one question the last counts",
    hears=_lenient,
    instead="answers",
)
ALL_TEMPLATES = Reading("all-templates", "OP-37", 'takes `"template_ids": []` for every template', hears=_all_templates)
IDS_AGAIN = Reading("ids-again", "OP-20", "counts question ids anew in each parking")
"""Runs that start while it is spoken have it; `runs` numbers their questions."""
