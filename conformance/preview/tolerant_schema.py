"""The contract's answers as the suite judges them: in every reading of an open point that it accepts.

Made from the contract's own document, and from what `openapi/tolerant.yaml` says besides. Members that nobody documents
are fine; documented ones are where they belong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs
import yaml

from mock_server.contract import document as contract

_LOOSE_FORMATS = ("uri", "regex")  # an address is text to its reader; dialects of expressions differ


@lru_cache(maxsize=1)
def schemas() -> dict[str, Any]:
    """The contract's schemas by name, relaxed."""
    found: dict[str, Any] = merged(_relax(contract.load().document["components"]["schemas"]), overlay("tolerant"))
    return found


@lru_cache(maxsize=64)
def validator(name: str) -> Any:
    """The check of a body against one of the schemas."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas()}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def overlay(name: str) -> Any:
    """What `openapi/NAME.yaml` says beside the contract."""
    return yaml.safe_load(contract.data("openapi", f"{name}.yaml").read_text("utf-8"))


def merged(value: Any, patch: Any) -> Any:
    """The value with a patch merged into a copy of it, as RFC 7396 says: null takes a member out."""
    if not isinstance(patch, dict):
        return patch
    found = dict(value) if isinstance(value, dict) else {}
    for name, each in patch.items():
        if each is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), each)
    return found


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
    if "discriminator" not in kept:
        return kept
    member, mapping = kept["discriminator"]["propertyName"], kept["discriminator"]["mapping"]
    return {
        "type": "object",
        "required": [member],
        "properties": {member: {"type": "string", "enum": list(mapping)}},
        "allOf": [
            {"if": {"required": [member], "properties": {member: {"const": value}}}, "then": {"$ref": branch}}
            for value, branch in mapping.items()
        ],
    }
