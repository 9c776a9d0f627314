"""The form of a target file: one walk beside `openapi/target.schema.json` finds every mistake, its place and a remedy.

The rule that it keeps: every code is in `CODES` and stays what it is; messages tell kinds of values, never texts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from conformance.preview.target_file.rules import KEYS, broken_rules
from conformance.target.variables import Unset
from mock_server.contract.nearest import suggest, unknown
from mock_server.contract.yaml_schema import KINDS, load_schema, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.contract.yaml_file import Complaint, Document
    from mock_server.contract.yaml_schema import Part

CODES: Mapping[str, str] = {
    "T100": "The file is not YAML.",
    "T101": "The file cannot be read.",
    "T102": "The file is not UTF-8.",
    "T103": "A member is given twice.",
    "T104": "The file does not hold members.",
    "T105": "The file holds a second document.",
    "T106": "An anchor or an alias is used.",
    "T107": "A tag is used.",
    "T108": "A member's name is not text.",
    "T109": "A number is one that JSON cannot carry.",
    "T111": "An environment variable is not set.",
    "T112": "A `${` is not followed by a variable's name and `}`.",
    "T113": "An environment variable is not UTF-8.",
    "T201": "A member is unknown here.",
    "T202": "A member is missing.",
    "T203": "A value is of another kind than expected.",
    "T204": "A number is too small or too large.",
    "T205": "A list or a text is empty, or a list has an entry twice.",
    "T206": "An id is not a UUID.",
    "T207": "A state is unknown.",
    "T211": "A state has no way to it, or more than one.",
    "T212": "Answers stand where the suite approves nothing.",
    "T213": "A body starts no import.",
    "T214": "An answer is not exactly one of an option and a text.",
    "T215": "A command cannot be started.",
    "T216": "The clock's command is not told the seconds.",
    "T221": "The base URL is not one to put an operation's path behind.",
    "T222": "A key cannot be sent in a header.",
    "T223": "Two keys are the same.",
    "T224": "Companies are to be provisioned and existing, or neither.",
}
"""Every code of a complaint about a target file, and what it means. T1xx: its text; T2xx: its members."""

_OR_A_VARIABLE = r"|\$\{"  # the end of a schema's pattern, for editors; here each variable has its value
_BESIDE_A_WAY = "answers"  # unknown in six of the seven states, which has a rule and a code of its own


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema of a target file whose variables are filled in."""
    found: dict[str, Any] = _without_variables(load_schema("target"))
    return found


def _without_variables(form: Any) -> Any:
    if isinstance(form, dict):
        return {name: _without_variables(each) for name, each in form.items()}
    return form.removesuffix(_OR_A_VARIABLE) if isinstance(form, str) else form


def mistakes(document: Document, value: Mapping[str, Any]) -> Iterator[Complaint]:
    """What is wrong with the members of a target file; `value` is what it holds with its variables filled in."""
    for part in walk(schema(), value):
        yield from _wrong(document, part)


def _wrong(document: Document, part: Part) -> Iterator[Complaint]:
    place, value = part.place, part.value
    # What could not be filled in was told; some texts have a rule that knows more than the schema.
    silent = isinstance(value, Unset) or place == ("base_url",) or place[-1:] in {(key,) for key in KEYS}
    for keyword, limit in part.mistakes():
        if keyword == "additionalProperties":
            yield from _unknown_member(document, part, limit)
        elif keyword != "uniqueItems" and not (silent and keyword in {"minLength", "pattern"}):
            code, text = _text(part, keyword, limit)
            yield document.complain(code, place, f"{part.name}{text}", key=keyword == "required")
    if part.has_its_type:
        for code, below, text in broken_rules(place, value):
            yield document.complain(code, (*place, *below), f"{part.name} {text}", key=not isinstance(value, str))
    if isinstance(value, list) and part.schema.get("uniqueItems"):
        yield from _repeated(document, part)


def _text(part: Part, keyword: str, limit: Any) -> tuple[str, str]:
    """Code and text of a mistake; the text does not tell the value, since a key may be all digits."""
    match keyword:
        case "type":
            return "T203", f": expected {KINDS[part.types[0]][1]}, got {_kind(part.value)}{_remedy(part)}"
        case "required":
            return "T202", f" lacks the member '{limit}'"
        case "minItems":
            return "T205", ": expected at least one entry, got none"
        case "minLength":
            return "T205", ": expected text that is not empty"
        case "pattern":
            expected = "a UUID, such as c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
            return "T206", f": expected {expected}, got text of another form"
    bound = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}[keyword]
    return "T204", f": expected {bound} {limit}, got {part.value}"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case float():
            return "a number"
    return next(words for types, words in KINDS.values() if isinstance(value, types))


def _remedy(part: Part) -> str:
    if part.place[-1:] == ("command",) and isinstance(part.value, str):
        return '; give the program and each argument as an entry of their own, as in ["./make-stale.sh", "--now"]'
    return "; leave the member out if there is none" if part.value is None else ""


def _unknown_member(document: Document, part: Part, name: str) -> Iterator[Complaint]:
    known, here = part.schema["properties"], (*part.place, name)
    shown, colon, _ = name.partition(":")  # without a space behind its colon, all of `api_key:secret` is a name
    remedy = "; put a space behind the colon" if colon else ""
    if part.place == ("states",):
        yield document.complain("T207", here, unknown("state", shown, known) + remedy, key=True)
    elif part.place[:1] != ("states",) or name != _BESIDE_A_WAY:
        yield document.complain("T201", here, f"unknown member '{shown}'{suggest(shown, known)}{remedy}", key=True)


def _repeated(document: Document, part: Part) -> Iterator[Complaint]:
    """Entries that were there before, in capital letters or small ones."""
    seen: set[str] = set()
    for index, entry in enumerate(part.value):
        if isinstance(entry, str) and not isinstance(entry, Unset):
            if entry.casefold() in seen:
                text = f"{part.name}: expected no entry twice; remove this one"
                yield document.complain("T205", (*part.place, index), text)
            seen.add(entry.casefold())
