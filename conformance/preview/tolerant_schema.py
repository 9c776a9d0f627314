"""The contract's answers as the suite judges them: in every reading of an open point that it accepts.

Made from the contract's own document. Members that nobody documents are fine; documented ones are where they belong.
"""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

import jsonschema_rs

from mock_server.contract import document as contract

STATUSES = contract.load().run_statuses.every
_LOOSE_FORMATS = ("uri", "regex")  # an address is text to its reader; dialects of expressions differ

# A member of one status that has no business in another, POLL-03, POLL-05, POLL-13, POLL-16. Null counts as absent.
_ABSENT = {
    "RunQueued": ("report", "needs_attention", "error"),
    "RunRunning": ("report", "needs_attention", "error"),
    "RunNeedsAttention": ("error",),
    "RunCompleted": ("needs_attention", "error"),
    "RunCanceled": ("report", "needs_attention", "error", "questions"),
    "Connection": ("auth",),  # PROV-18
}
# OP-28: what may be null inside a question.
_NULLABLE = {
    "Question": ("prompt", "context", "relevant_columns", "options"),
    "QuestionTarget": ("column", "sample_values", "error"),
    "QuestionOption": ("label",),
    "WriteResult": ("error",),  # OP-18, as above
}
_NOT_REQUIRED = {
    "ExportQueued": ("progress_message",),  # OP-18
    "ExportRunning": ("progress_message",),  # OP-18
    "ExportFailed": ("error",),  # OP-18
}


@lru_cache(maxsize=1)
def schemas() -> dict[str, Any]:
    """The contract's schemas by name, relaxed."""
    found: dict[str, Any] = _relax(deepcopy(contract.load().document["components"]["schemas"]))
    for name, members in _ABSENT.items():
        found[name]["properties"] |= {member: {"type": "null"} for member in members}
    for name, members in _NULLABLE.items():
        for member in members:
            found[name]["properties"][member] = _or_null(found[name]["properties"][member])
    for name, members in _NOT_REQUIRED.items():
        found[name]["required"] = [each for each in found[name]["required"] if each not in members]
        for member in members:
            found[name]["properties"].pop(member)
    _amend(found)
    return found


@lru_cache(maxsize=64)
def validator(name: str) -> Any:
    """The check of a body against one of the schemas."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas()}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _amend(found: dict[str, Any]) -> None:
    """What has to be said of single schemas."""
    found["QuestionTarget"]["properties"]["sample_values"]["items"] = {"type": ["string", "null"]}  # OP-28
    found["WriteResult"]["then"]["properties"] = {"error": {"type": "string"}}  # DST-05
    found["Upload"]["properties"]["upload_url"]["pattern"] = "^https?://"  # UPL-01
    found["ImportReplayed"]["properties"]["status"] = {"type": "string", "enum": list(STATUSES)}  # OP-06
    found["ExportReplayed"]["properties"]["status"] = {"type": "string", "enum": list(STATUSES)}  # OP-06
    found["ExportRun"]["properties"]["status"]["enum"].append("canceled")  # OP-16
    for name, kind in (("ImportPollUrl", "imports"), ("ExportPollUrl", "exports")):
        # Relative to the origin; the API may lie deeper there than at the vendor's.
        found[name]["pattern"] = f"^/(?!/).*/companies/[^/?#]+/{kind}/[^/?#]+$"
    report = found["RunFailed"]["properties"]["report"]
    found["RunFailed"]["properties"]["report"] = {"if": {"type": "object"}, "then": report, "else": {"type": "null"}}
    found["Approved"] = deepcopy(found["DecisionTaken"])
    found["Approved"]["properties"]["status"] = {"type": "string", "const": "running"}  # DEC-02
    found["Rejected"] = {  # OP-14
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "string", "enum": ["failed", "running"]}},
    }
    column = found["Column"]
    column["properties"] |= {member: _or_null(column["properties"][member]) for member in ("strictRule", "linkRule")}
    column["then"]["properties"] = {"strictRule": {"type": "string"}, "linkRule": {"type": "null"}}
    column["else"]["properties"] = {"strictRule": {"type": "null"}}
    column["else"]["then"]["properties"] = {"linkRule": {"type": "array"}}
    column["else"]["else"]["properties"] = {"linkRule": {"type": "null"}}


def _relax(schema: Any) -> Any:
    """A schema that lets unknown members be, and of a union judges the branch that a body names, not all of them."""
    if isinstance(schema, list):
        return [_relax(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: _relax(value)
        for name, value in schema.items()
        if not (name == "additionalProperties" and value is False)
        and not (name == "format" and value in _LOOSE_FORMATS)
    }
    return _branch(kept) if "discriminator" in kept else kept


def _branch(union: dict[str, Any]) -> dict[str, Any]:
    member, mapping = union["discriminator"]["propertyName"], union["discriminator"]["mapping"]
    return {
        "type": "object",
        "required": [member],
        "properties": {member: {"type": "string", "enum": list(mapping)}},
        "allOf": [
            {"if": {"required": [member], "properties": {member: {"const": value}}}, "then": {"$ref": schema}}
            for value, schema in mapping.items()
        ],
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*kinds, "null"]}
