"""What is wrong with a scenario or account file: its form, by its JSON Schema, and what a scenario file means.

A file that is in order is told so in microseconds. Only for one that is not, a slower walk finds each mistake, its
place, and the word that was probably meant. That each beat, step and fault has exactly one verb, with only the members
of that verb, is checked here too: as a schema it would double every complaint.

E1xx the text, E2xx the form, E3xx the meaning; W4xx are warnings, which keep no file from being used. Each complaint
says where, what, what was expected, and the nearest right word. The schema's `x-complaints` says what each code means.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import nearest, suggest
from mock_server.contract.yaml_file import Complaint, Document, Place, kind
from mock_server.contract.yaml_schema import KINDS, Part, load_schema, walk

if TYPE_CHECKING:
    from mock_server.contract.words import Vocabulary
    from mock_server.data.templates import Catalogue
    from mock_server.faults.model import Fault
    from mock_server.scenarios.model import Language, Scenario

    Entries = Mapping[str, Vocabulary[Any]]
    """The vocabulary of each definition of a schema whose entries have one verb."""


# -- the form


def is_in_order(document: Document, schema: str, alone: str = "") -> bool:
    """Whether a file obeys its schema, or the list that stands `alone` of it; verbs are not looked at."""
    return bool(_quick(schema, alone).is_valid(document.value))


def complaints(document: Document, schema: str, entries: Entries, alone: str = "") -> Iterator[Complaint]:
    """What is wrong with the form of a file, verbs included, each found when it is asked for."""
    return (each for part in walk(_schema(schema, alone), document.value) for each in _wrong(document, part, entries))


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


# -- the meaning of a scenario


def lint(
    scenario: Scenario, document: Document, language: Language, catalogue: Catalogue, clause_ids: Collection[str] | None
) -> Iterator[Complaint]:
    """Everything that is wrong with the meaning of a well-formed scenario; `clause_ids` None: they are not checked."""
    if clause_ids is not None:
        for index, clause in enumerate(scenario.clauses):
            if clause not in clause_ids:
                near = nearest(re.sub(r"-(\d)$", r"-0\1", clause), sorted(clause_ids))  # DEC-9 means DEC-09
                hint = f"; did you mean {near}?" if near else "; openapi/clauses.yaml lists all"
                yield document.complain("E321", ("clauses", index), f"no clause {clause!r}{hint}")
    yield from lint_faults(scenario.faults, document, language)
    yield from language.lint(scenario, document, catalogue)


def lint_faults(faults: Sequence[Fault], document: Document, language: Language) -> Iterator[Complaint]:
    """What is wrong with the meaning of well-formed faults."""
    for index, fault in enumerate(faults):
        place: Place = ("faults", index)
        ways = ("call", "every", "chance")
        which = [name for name in ways if getattr(fault, name) is not None]
        for name in which[1:]:
            text = f"'{which[0]}' and '{name}' say two things about which calls; give one of {', '.join(ways)}"
            yield document.complain("E351", (*place, name), text, key=True)
        for name, text in fault.contradictions():
            yield document.complain("E351", (*place, name), text)
        operation = fault.operation
        if operation is not None and fault.bends is not None and operation not in fault.bends:
            text = f"'{fault.verb}' cannot bend {operation}; it can: {', '.join(fault.bends)}"
            yield document.complain("E352", (*place, "operation"), text)
        elif fault.status is not None and operation not in {None, *(about := language.targets()["about_runs"])}:
            text = f"'while' is about a run, and {operation} names none; these do: {', '.join(about)}"
            yield document.complain("E352", (*place, "while"), text, key=True)
