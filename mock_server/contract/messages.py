"""One sentence about a wrong JSON body: which member, what was expected, what came.

The contract's schemas decide; this module only finds the words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from mock_server.contract.nearest import counted, cut, shown

_FEW = 1_000  # values; a body of so many is searched for all its faults
_SAMPLE = 20  # entries of each array and object in an extract of a larger one
_WIDE = 100  # members of an object that is no record of known members any longer
_MANY = (dict, list)
_LAYERS = 4  # a body, its members, their entries, and what those hold
_GUARDED = "connections"  # the member that holds a destination's credentials
_FORMATS = {"uuid": "a UUID", "uri": "an absolute URL", "date-time": "an ISO-8601 date"}
_TYPES = {"string": "a string", "integer": "an integer", "number": "a number"} | {
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}


class Difference(NamedTuple):
    """One thing that is wrong with a body: where, the schema's word that it breaks, and a sentence."""

    path: str
    rule: str
    text: str


def complaint(validator: Any, body: Any, document: Mapping[str, Any]) -> str | None:
    """What is wrong with the body by this validator, the outermost fault first; None when nothing is."""
    return next((difference.text for difference in differences(validator, body, document)), None)


def differences(validator: Any, body: Any, document: Mapping[str, Any]) -> list[Difference]:
    """Everything that is wrong with the body, the outermost first; of a large body at least the first thing.

    `document` is what the validator's schema refers into.
    """
    try:
        if validator.is_valid(body):
            return []
        # Each fault that is found costs time and memory, and so does a large value that is at fault: of a million wrong
        # rows a few tell enough, those of the smallest extract that has some.
        layers = () if _is_small(body) else range(_LAYERS)
        names = _names(document) if layers else ()
        for whole in layers:
            extract = _extract(body, whole, names)
            if not validator.is_valid(extract):
                body = extract
                break
        validator.validate(body)
    except ValueError as first:
        if not hasattr(first, "instance_path"):  # jsonschema-rs, on what is nested deeper than it follows
            return [Difference("the body", "depth", "the body is nested too deeply")]
        found = validator.iter_errors(body) if _is_small(body) else [first]
        errors = sorted(found, key=lambda error: len(error.instance_path))
        told = (Difference(_place(error), error.kind.name, sentence(error, document)) for error in errors)
        return list(dict.fromkeys(told))
    return []


def _extract(value: Any, whole: int, names: Collection[str]) -> Any:
    """The value, of which so many layers are whole; of arrays and objects below the first entries, and what has a name.

    Where it is wrong the value is: it lacks nothing that a schema asks for.
    """
    if whole < -_SAMPLE:  # deeper than anything that a schema describes
        return value
    if isinstance(value, list):
        return [_extract(each, whole - 1, names) for each in (value if whole > 0 else value[:_SAMPLE])]
    if isinstance(value, dict):
        if whole > 0 or len(value) <= _WIDE:
            if not any(type(each) in _MANY for each in value.values()):
                return value
            first: Collection[str] = value
        else:
            first = set(islice(value, _SAMPLE)) | (value.keys() & names)
        return {name: _extract(value[name], whole - 1, names) for name in value if name in first}
    return value


def _names(schema: Any) -> frozenset[str]:
    """The names of all members that a schema knows."""
    if isinstance(schema, list):
        return frozenset().union(*map(_names, schema))
    if not isinstance(schema, dict):
        return frozenset()
    known = schema.get("properties")
    return frozenset(known if isinstance(known, dict) else ()).union(*map(_names, schema.values()))


def _place(error: Any) -> str:
    lacking = [error.kind.as_dict()["property"]] if error.kind.name == "required" else []
    return _where([*error.instance_path, *lacking])


def _is_small(body: Any) -> bool:
    """Whether the body holds few values; looks at no more of it than it takes to know."""
    left, seen = [body], 0
    while left:
        value = left.pop()
        inner: Collection[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        seen += len(inner)
        if seen > _FEW:
            return False
        left.extend(inner)
    return True


def sentence(error: Any, document: Mapping[str, Any]) -> str:
    """The error in words."""
    where, kind, said = _where(error.instance_path), error.kind.name, error.kind.as_dict()
    path = error.instance_path
    # A value in `connections`, or a text in place of the body, may hold a secret: of it the JSON type is told (SEC-01).
    may_be_secret = path[0] == _GUARDED if path else isinstance(error.instance, str)
    got = (_KINDS.get(type(error.instance)) if may_be_secret else None) or shown(error.instance)
    match kind:
        case "required":
            return f"{_place(error)} is required and missing"
        case "oneOf" | "anyOf" if names := _alternatives(said["context"]):
            there = [name for name in names if name in error.instance]
            which = f"both {' and '.join(there)}" if there else "neither"
            return f"{where} must have exactly one of {' and '.join(names)}; got {which}"
        case "not":
            return f"{where} has members that do not go together: {got}"
        case "falseSchema":
            beside = _condition(document, error.schema_path)
            return f"{where} is not allowed together with {beside}; got {got}"
    return (
        f"{where} must be {_EXPECTED[kind](said) if kind in _EXPECTED else f'as the contract says ({kind})'}; got {got}"
    )


_EXPECTED: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "type": lambda said: _either([words for name, words in _TYPES.items() if name in said["types"]]),
    "enum": lambda said: _either([shown(option) for option in said["options"]]),
    "const": lambda said: shown(said["expected_value"]),
    "format": lambda said: _FORMATS.get(said["format"], f"of the format {said['format']}"),
    "pattern": lambda said: f"of the pattern {said['pattern']}",
    "minLength": lambda said: f"at least {counted(said['limit'], 'character')} long",
    "maxLength": lambda said: f"at most {counted(said['limit'], 'character')} long",
    "minItems": lambda said: f"an array of at least {counted(said['limit'], 'entry', 'entries')}",
    "maxItems": lambda said: f"an array of at most {counted(said['limit'], 'entry', 'entries')}",
    "minimum": lambda said: f"at least {said['limit']}",
    "maximum": lambda said: f"at most {said['limit']}",
}
"""What the value must be, by the keyword that it breaks."""


def _condition(document: Mapping[str, Any], path: Sequence[str | int]) -> str:
    """The members, and values, that the contract's `if` names for what its `then` forbids."""
    schema: Any = document
    for part in path[: path.index("then")]:
        schema = schema[part]
    rules = schema["if"].get("properties", {})
    values = {name: f" {shown(rule['const'])}" for name, rule in rules.items() if "const" in rule}
    return " and ".join(f"{name}{values.get(name, '')}" for name in schema["if"]["required"])


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _where(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{cut(part)}" if text else cut(part)
    return text or "the body"


def _alternatives(branches: Sequence[Sequence[Any]]) -> list[str]:
    """The members of which exactly one is wanted, when that is all the branches differ in."""
    names = [error.kind.as_dict().get("property") for branch in branches for error in branch]
    return [name for name in names if name] if all(names) else []
