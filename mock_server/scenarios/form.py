"""The form of scenario and account files: their JSON Schemas, and what a schema says badly, said well.

A file that is in order is told so in microseconds. Only for one that is not, a slower walk finds each mistake, its
place, and the word that was probably meant. That each beat, step and fault has exactly one verb, with only the members
of that verb, is checked here too: as a schema it would double every complaint.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import suggest
from mock_server.contract.yaml_file import Complaint, Document, kind
from mock_server.contract.yaml_schema import KINDS, Part, load_schema, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.contract.words import Vocabulary

    Entries = Mapping[str, Vocabulary[Any]]
    """The vocabulary of each definition of a schema whose entries have one verb."""


def is_in_order(document: Document, schema: str, alone: str = "") -> bool:
    """Whether a file obeys its schema, or the list that stands `alone` of it; verbs are not looked at."""
    return bool(_quick(schema, alone).is_valid(document.value))


def complaints(document: Document, schema: str, entries: Entries, alone: str = "") -> list[Complaint]:
    """What is wrong with the form of a file, verbs included; [] when nothing is."""
    return [each for part in walk(_schema(schema, alone), document.value) for each in _wrong(document, part, entries)]


@lru_cache(maxsize=8)
def _schema(name: str, alone: str) -> dict[str, Any]:
    whole = load_schema(name)
    if not alone:
        return whole
    return {**whole, "required": [alone], "properties": {alone: whole["properties"][alone] | {"minItems": 0}}}


@lru_cache(maxsize=8)
def _quick(name: str, alone: str) -> Any:
    import jsonschema_rs  # noqa: PLC0415 - our own files were checked before a start

    return jsonschema_rs.Draft7Validator(_schema(name, alone))


def _wrong(document: Document, part: Part, entries: Entries) -> Iterator[Complaint]:
    vocabulary = entries.get(part.definition)
    for keyword, limit in part.mistakes():
        if keyword == "additionalProperties":
            known = part.schema["properties"]
            allowed = tuple(known) if vocabulary is None else vocabulary.may_have(part.value) or tuple(known)
            text = f"unknown member '{limit}'{suggest(limit, allowed, known)}"
            yield document.complain("E201", (*part.place, limit), text, key=True)
        else:
            yield document.complain(_CODES.get(keyword, "E204"), part.place, _text(part, keyword, limit))
    if vocabulary is not None and isinstance(part.value, dict):
        for name, code, text in vocabulary.misfits(part.value):
            place = part.place if name is None else (*part.place, name)
            yield document.complain(code, place, text, key=code in {"E205", "E206"})


_CODES = {"required": "E202", "type": "E203"}
_LIMITS = {
    "type": "{}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "a text that is not empty",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entry",
    "maxItems": "at most {} entries",
    "uniqueItems": "no entry twice",
}


def _text(part: Part, keyword: str, limit: Any) -> str:
    if keyword == "required":
        return f"{part.name} lacks the member '{limit}'"
    hint = part.schema.get("patternErrorMessage")
    if hint is not None and keyword in {"type", "pattern"}:
        return f"{part.name}: {hint[:1].lower()}{hint[1:]} Got {kind(part.value)}"
    if keyword == "enum":
        words = [str(word) for word in limit if word is not None]
        return f"{part.name}: expected one of these words, got {kind(part.value)}{suggest(str(part.value), words)}"
    expected = " or ".join(KINDS[each][1] for each in part.types) if keyword == "type" else limit
    got = kind(part.value)
    if keyword in {"uniqueItems", "minItems"}:
        got = ", ".join(map(str, part.value)) or "none"
    elif keyword in {"maxLength", "maxItems"}:
        got = f"{len(part.value)}"
    return f"{part.name}: expected {_LIMITS[keyword].format(expected)}, got {got}"
