"""One sentence about a wrong JSON body: which member, what was expected, what came.

The contract's schemas decide; this module only finds the words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 60
_FORMATS = {"uuid": "a UUID", "uri": "an absolute URL", "date-time": "an ISO-8601 date"}
_TYPES = {"null": "null", "string": "a string", "integer": "an integer", "number": "a number"} | {
    "boolean": "true or false",
    "object": "an object",
    "array": "an array",
}


def complaint(validator: Any, body: Any) -> str | None:
    """What is wrong with the body by this validator, the outermost fault first; None when nothing is."""
    try:
        if validator.is_valid(body):
            return None
        errors = list(validator.iter_errors(body))
    except ValueError:  # jsonschema-rs, on what is nested deeper than it follows
        return "the body is nested too deeply"
    return sentence(min(errors, key=lambda error: len(error.instance_path)))


def sentence(error: Any) -> str:
    """The error in words."""
    where, kind, said = _where(error.instance_path), error.kind.name, error.kind.as_dict()
    match kind:
        case "required":
            return f"{_where([*error.instance_path, said['property']])} is required and missing"
        case "oneOf" | "anyOf" if names := _alternatives(said["context"]):
            there = [name for name in names if name in error.instance]
            got = f"both {' and '.join(there)}" if there else "neither"
            return f"{where} must have exactly one of {' and '.join(names)}; got {got}"
        case "not":
            return f"{where} has members that do not go together: {_shown(error.instance)}"
        case "falseSchema":
            return f"{where} is not allowed here; got {_shown(error.instance)}"
    return f"{where} must be {_expected(kind, said)}; got {_shown(error.instance)}"


def _expected(kind: str, said: dict[str, Any]) -> str:
    match kind:
        case "type":
            return " or ".join(_TYPES[name] for name in said["types"])
        case "enum":
            return " or ".join(_shown(option) for option in said["options"])
        case "const":
            return _shown(said["expected_value"])
        case "format":
            return _FORMATS.get(said["format"], f"of the format {said['format']}")
        case "pattern":
            return f"of the pattern {said['pattern']}"
        case "minLength" | "maxLength":
            return f"{_bound(kind)} {said['limit']} characters long"
        case "minItems" | "maxItems":
            return f"an array of {_bound(kind)} {said['limit']} entries"
        case "minimum" | "maximum":
            return f"{_bound(kind)} {said['limit']}"
    return f"as the contract says ({kind})"


def _bound(kind: str) -> str:
    return "at least" if kind.startswith("min") else "at most"


def _where(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the body"


def _alternatives(branches: Sequence[Sequence[Any]]) -> list[str]:
    """The members of which exactly one is wanted, when that is all the branches differ in."""
    names = [error.kind.as_dict().get("property") for branch in branches for error in branch]
    return [name for name in names if name] if all(names) else []


def _shown(value: Any) -> str:
    """The value as a caller would recognise it: JSON, cut short."""
    match value:
        case dict():
            return "an object"
        case list():
            return f"an array of {len(value)} entries"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")
        case _:
            return str(value)
