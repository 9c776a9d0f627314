"""The form of scenario and account files: their JSON Schemas, and what a schema says badly, said well.

A file that is in order is told so in microseconds. Only for one that is not, a slower walk finds each mistake, its
place, and the word that was probably meant. That each beat and step has exactly one verb, with only the modifiers of
that verb, is checked here too: as a schema it would double every complaint.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from mock_server.contract.document import data
from mock_server.contract.nearest import meant
from mock_server.contract.yaml_file import kind
from mock_server.scenarios.builder import BEAT_VERBS, FAULT_VERBS
from mock_server.scenarios.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.contract.yaml_file import Complaint, Document, Place

BEAT_MODIFIERS: Mapping[str, tuple[str, ...]] = {
    "queue": ("say",),
    "work": ("say",),
    "die": ("say",),
    "park": ("on_answer", "on_reject"),
    "complete": ("refused", "status", "error", "hollow"),
}
_WHERE = ("operation", "while", "call", "every", "chance", "times", "for")
FAULT_MODIFIERS: Mapping[str, tuple[str, ...]] = {**dict.fromkeys(FAULT_VERBS, _WHERE), "delay": ("up_to", *_WHERE)}
_VERBS = {
    "beat": (BEAT_VERBS, BEAT_MODIFIERS),
    "step": (STEPS.verbs, {verb: word.members for verb, word in STEPS.words.items()}),
    "fault": (FAULT_VERBS, FAULT_MODIFIERS),
}
_KNOWN = {
    what: frozenset((*verbs, *(name for names in modifiers.values() for name in names)))
    for what, (verbs, modifiers) in _VERBS.items()
}


def complaints(document: Document, schema_name: str) -> list[Complaint]:
    """What is wrong with the form of a `scenario` or `account` file, or of `faults` alone; [] when nothing is."""
    found: list[Complaint] = []
    if not _quick(schema_name).is_valid(document.value):
        schema = _schema(schema_name)
        found += _unknown_members(document, schema, schema, (), document.value)
        found += _mismatches(document, schema)
    if schema_name == "scenario":
        found += _verbs(document)
    if schema_name != "account":
        for index, fault in _entries(document.value.get("faults")):
            found += _one_verb(document, ("faults", index), fault, "fault")
    return found


@lru_cache(maxsize=3)
def _schema(name: str) -> dict[str, Any]:
    if name == "faults":  # a part of a scenario
        whole = _schema("scenario")
        return {
            **whole,
            "required": ["faults"],
            "properties": {"faults": whole["properties"]["faults"] | {"minItems": 0}},
        }
    schema: dict[str, Any] = json.loads(data("openapi", f"{name}.schema.json").read_text("utf-8"))
    return schema


@lru_cache(maxsize=3)
def _quick(name: str) -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(_schema(name))


def _unknown_members(document: Document, root: Any, schema: Any, place: Place, value: Any) -> Iterator[Complaint]:
    definition = schema.get("$ref", "").rsplit("/", 1)[-1]
    if definition:
        schema = root["definitions"][definition]
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_members(document, root, schema.get("items", {}), (*place, index), item)
    if not isinstance(value, dict):
        return
    known = schema.get("properties", {})
    for name, member in value.items():
        if name in known:
            yield from _unknown_members(document, root, known[name], (*place, name), member)
        elif schema.get("additionalProperties") is False:
            allowed = _allowed(definition, value) or tuple(known)
            yield document.complain(
                "E201", (*place, name), f"unknown member '{name}'{meant(name, allowed, known)}", key=True
            )


def _allowed(definition: str, value: Mapping[str, Any]) -> tuple[str, ...]:
    """What a beat or step may still have beside its verb, or the verbs when it has none; () for anything else."""
    if definition not in _VERBS:
        return ()
    verbs, modifiers = _VERBS[definition]
    given = [verb for verb in verbs if verb in value]
    return modifiers.get(given[0], ()) or given[:1] if given else verbs  # type: ignore[return-value]


def _mismatches(document: Document, schema: Any) -> Iterator[Complaint]:
    """Everything else that the schema forbids: missing members, types, forms, words, sizes."""
    from jsonschema import Draft7Validator  # noqa: PLC0415 - slow to import; a file in order never needs it

    for error in Draft7Validator(schema).iter_errors(document.value):
        place = tuple(error.absolute_path)
        name = next((repr(part) for part in reversed(place) if isinstance(part, str)), "the file")
        limit: Any = error.validator_value
        wrong = _WRONG.get(str(error.validator))
        hint = error.schema.get("patternErrorMessage") if isinstance(error.schema, dict) else None
        if error.validator == "required":
            for missing in sorted(set(limit) - set(error.instance)):
                yield document.complain("E202", place, f"{name} lacks the member '{missing}'")
        elif hint is not None and error.validator in {"type", "pattern"}:
            code = "E203" if error.validator == "type" else "E204"
            yield document.complain(code, place, f"{name}: {_lower(hint)} Got {kind(error.instance)}")
        elif error.validator == "enum":
            words = [str(word) for word in limit if word is not None]
            text = f"{name}: expected one of these words, got {kind(error.instance)}{meant(str(error.instance), words)}"
            yield document.complain("E204", place, text)
        elif wrong is not None:
            code, text = wrong
            yield document.complain(code, place, f"{name}: expected {text.format(_words(limit))}, got {_got(error)}")


_WRONG = {
    "type": ("E203", "{}"),
    "minimum": ("E204", "at least {}"),
    "maximum": ("E204", "at most {}"),
    "minLength": ("E204", "a text that is not empty"),
    "maxLength": ("E204", "at most {} characters"),
    "minItems": ("E204", "at least {} entry"),
    "maxItems": ("E204", "at most {} entries"),
    "uniqueItems": ("E204", "no entry twice"),
}
_TYPES = {
    "array": "a list",
    "object": "members",
    "string": "text (in quotes if it looks like a number)",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def _words(limit: Any) -> str:
    kinds = limit if isinstance(limit, list) else [limit]
    return " or ".join(_TYPES.get(str(each), str(each)) for each in kinds)


def _got(error: Any) -> str:
    if error.validator in {"uniqueItems", "minItems"}:
        return ", ".join(map(str, error.instance)) or "none"
    return f"{len(error.instance)}" if error.validator in {"maxLength", "maxItems"} else kind(error.instance)


def _lower(hint: str) -> str:
    return hint[:1].lower() + hint[1:]


def _verbs(document: Document) -> Iterator[Complaint]:
    """Each beat and step has one verb, and no modifier of another one."""
    value = document.value
    for name in ("run", "export"):
        yield from _beats(document, (name,), value.get(name))
    for index, play in _entries(value.get("plays")):
        for position, step in _entries(play.get("steps")):
            place: Place = ("plays", index, "steps", position)
            yield from _one_verb(document, place, step, "step")
            yield from _by_verb(document, place, step)


def _beats(document: Document, place: Place, beats: Any) -> Iterator[Complaint]:
    for index, beat in _entries(beats):
        here = (*place, index)
        yield from _one_verb(document, here, beat, "beat")
        for name in ("on_answer", "on_reject"):
            yield from _beats(document, (*here, name), beat.get(name))


def _entries(values: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    if isinstance(values, list):
        yield from ((index, value) for index, value in enumerate(values) if isinstance(value, dict))


def _one_verb(document: Document, place: Place, value: dict[str, Any], what: str) -> Iterator[Complaint]:
    verbs, modifiers = _VERBS[what]
    given = [name for name in value if name in verbs]
    known = _KNOWN[what]
    if len(given) > 1:
        others = " and ".join(f"'{name}'" for name in given[1:])
        text = f"a {what} has one verb; this one has '{given[0]}' and also {others}: each takes an entry of its own"
        yield document.complain("E205", (*place, given[1]), text, key=True)
    elif not given and all(name in known for name in value):
        yield document.complain("E205", place, f"a {what} needs a verb, one of: {', '.join(verbs)}")
    elif given:
        allowed = modifiers.get(given[0], ())
        for name in value:
            if name in known and name != given[0] and name not in allowed:
                may = f"it may have: {', '.join(allowed)}" if allowed else "it has no further members"
                text = f"'{name}' does not belong to '{given[0]}'; {may}"
                yield document.complain("E206", (*place, name), text, key=True)


def _by_verb(document: Document, place: Place, step: dict[str, Any]) -> Iterator[Complaint]:
    """What the same name means under two verbs: `rows` to send or to count, a `see` that may be empty."""
    rows = step.get("rows")
    if "start" in step and isinstance(rows, int):
        yield document.complain("E203", (*place, "rows"), f"'rows': expected the rows to send, got {kind(rows)}")
    if "download" in step and isinstance(rows, list):
        yield document.complain("E203", (*place, "rows"), "'rows': expected how many rows the file has, got a list")
    if "see" in step and step["see"] is None and not {"refused", "lost"} & step.keys():
        yield document.complain("E204", (*place, "see"), "'see': expected a status, or `refused` or `lost` beside it")
