"""How the JSON body of a successful answer differs from the contract, each difference with its place."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jsonschema_rs

from conformance.preview import tolerant_schema as relaxed
from mock_server.contract import clause_map
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.http.answer import Answer

TERMINAL = ("completed", "failed", "canceled")
EXPRESSION = jsonschema_rs.Draft202012Validator({"format": "regex"}, validate_formats=True)
PLAIN = {
    "list_sources": "SourceList",
    "list_templates": "TemplateList",
    "provision_company": "ProvisionedCompany",
    "request_upload": "Upload",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is wrong with an answer: the clause that it breaks, and what is wrong."""

    clause: str
    text: str


def differences(operation_id: str, answer: Answer) -> Iterator[Difference]:
    """How the body differs from what the operation answers; of a union the branch that the body itself names."""
    body = answer.json
    match operation_id:
        case "list_imports" if "status" in answer.query:
            yield from _active(body)
        case "list_imports":
            yield from _history(body)
        case "decide":
            decision = str(answer.sent.get("decision")) if isinstance(answer.sent, dict) else ""
            name = {"approve": "Approved", "reject": "Rejected"}.get(decision, "DecisionTaken")
            yield from _against(name, operation_id, decision, body)
        case "start_import" | "start_export":
            kind = "Import" if operation_id == "start_import" else "Export"
            name = f"{kind}Replayed" if may_replay(answer) else f"{kind}Started"
            yield from _against(name, operation_id, "rows" if inline(answer) else "", body)
        case "poll_import" | "poll_export":
            yield from _against(
                "Run" if operation_id == "poll_import" else "ExportRun", operation_id, _status(body), body
            )
        case _:
            yield from _against(PLAIN[operation_id], operation_id, "", body)
            if operation_id == "list_templates":
                yield from _expressions(body)


def may_replay(answer: Answer) -> bool:
    """Whether the answer may be about a run that was started before, by the key that was sent (OP-06)."""
    return isinstance(answer.sent, dict) and "idempotency_key" in answer.sent


def inline(answer: Answer) -> bool:
    """Whether a start sent rows, rather than files."""
    return isinstance(answer.sent, dict) and "rows" in answer.sent


def is_uuid(value: Any) -> bool:
    """Whether it is a UUID as people write it."""
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _active(body: Any) -> Iterator[Difference]:
    if not isinstance(body, dict):
        yield Difference("ACT-03", "expected one object")
    elif "run" in body:
        if body["run"] is not None:
            yield Difference("ACT-01", "/run: expected the run's own members at the top, got them wrapped")
    elif body.get("status") in TERMINAL:
        yield Difference("ACT-05", f"/status: expected a run that is not over, got {body['status']}")
    else:
        yield from _against("Run", "list_imports", _status(body), body)


def _history(body: Any) -> Iterator[Difference]:
    """OP-08: any envelope; of the items only what a run has everywhere, where they have it."""
    lists = [body] if isinstance(body, list) else []
    if isinstance(body, dict):
        lists = [each for each in (body.get("runs"), *body.values()) if isinstance(each, list)]
    if not lists:
        yield Difference("HIST-01", "expected a list of runs, bare or as a member of an object")
        return
    for number, item in enumerate(lists[0]):
        if not isinstance(item, dict):
            continue
        if "run_id" in item and not is_uuid(item["run_id"]):
            yield Difference("ID-01", f"item {number}, /run_id: expected a UUID")
        if "status" in item and item["status"] not in relaxed.STATUSES:
            yield Difference("RUN-01", f"item {number}, /status: expected one of {', '.join(relaxed.STATUSES)}")


def _against(name: str, operation: str, status: str, body: Any) -> Iterator[Difference]:
    """The body against one of the relaxed schemas; a mistake that all items of a list share is told once."""
    try:
        errors = list(relaxed.validator(name).iter_errors(_plain(body)))
    except (ValueError, RecursionError):
        yield Difference("FMT-01", "the body is nested too deeply to be read")
        return
    mistyped = {tuple(error.instance_path) for error in errors if error.kind.name == "type"}
    told: set[tuple[str, ...]] = set()
    for error in errors:
        path = tuple(error.instance_path)
        if path in mistyped and error.kind.name != "type":
            continue  # what has the wrong type breaks other rules only because of it
        if error.kind.name == "required":
            path = (*path, error.kind.property)
        place = tuple("*" if isinstance(part, int) else part for part in path)
        if (*place, error.kind.name) not in told:
            told.add((*place, error.kind.name))
            where = "/" + "/".join(map(str, path))
            yield Difference(_clause(operation, status, place, error), f"{where}: {_told(error)}")


def _clause(operation: str, status: str, place: tuple[str, ...], error: Any) -> str:
    if error.kind.name == "required" and _folded(place[-1]) in map(_folded, error.instance):
        return "FMT-02"
    if error.kind.name == "type" and "integer" in error.kind.types and _is_numeric(error.instance):
        return "FMT-03"
    clause = clause_map.answer_clause(contract.load(), operation, place, error.kind.name, status)
    assert clause is not None, f"{operation} has no clause for {place}"  # noqa: S101 - the contract's own table
    return clause


def _told(error: Any) -> str:
    match error.kind.name:
        case "required":
            near = [name for name in error.instance if _folded(name) == _folded(error.kind.property)]
            return "expected this member, got " + (f"{near[0]}" if near else "none")
        case "type" if error.kind.types == ["null"]:
            return "expected no such member in this status"
        case "type":
            return f"expected {' or '.join(error.kind.types)}, got {_kind(error.instance)}"
    text = str(error.message)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _expressions(body: Any) -> Iterator[Difference]:
    """TPL-04: an expression compiles, in one dialect or another."""
    templates = body.get("templates") if isinstance(body, dict) else None
    for template in templates if isinstance(templates, list) else ():
        columns = template.get("columns") if isinstance(template, dict) else None
        for column in columns if isinstance(columns, list) else ():
            rule = column.get("strictRule") if isinstance(column, dict) else None
            if isinstance(rule, str) and not _compiles(rule):
                yield Difference("TPL-04", f"strictRule: expected a regular expression, got {rule[:200]!r}")


def _compiles(expression: str) -> bool:
    if EXPRESSION.is_valid(expression):
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(expression)
    except (re.error, ValueError, RecursionError, OverflowError):
        return False
    return True


def _status(body: Any) -> str:
    return str(body.get("status")) if isinstance(body, dict) else ""


def _plain(value: Any) -> Any:
    """The body for the validator: no whole number passes as an integer when it was sent with a fraction (FMT-03)."""
    match value:
        case float():
            return 0.5
        case str():
            return value.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to the validator
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {_plain(name): _plain(each) for name, each in value.items()}
    return value


def _is_numeric(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, str) and value.strip("+-").replace(".", "", 1).isdigit())


def _kind(value: Any) -> str:
    if isinstance(value, float):
        return "a number with a fraction"
    kinds = {bool: "a boolean", str: "a string", int: "an integer", list: "an array", dict: "an object"}
    return kinds.get(type(value), "null")


def _folded(name: str) -> str:
    return name.replace("_", "").lower()
