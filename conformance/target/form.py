"""The form of a target file: one walk beside `openapi/target.schema.json` finds every mistake, its place and a remedy.

The rule that it keeps: every code is in `CODES` and stays what it is; messages tell kinds of values, never texts.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from conformance.target.rules import KEYS, broken
from conformance.target.variables import Unset
from mock_server.contract.document import data
from mock_server.contract.nearest import meant, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.contract.yaml_file import Complaint, Document, Place

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
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "text (in quotes if it looks like a number)"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "array": ((list,), "a list"),
    "object": ((dict,), "members"),
    "null": ((type(None),), "nothing"),
}
_BESIDE_A_WAY = "answers"  # unknown in six of the seven states, which has a rule and a code of its own


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema of a target file."""
    found: dict[str, Any] = json.loads(data("openapi", "target.schema.json").read_text("utf-8"))
    return found


def mistakes(document: Document, value: Mapping[str, Any]) -> Iterator[Complaint]:
    """What is wrong with the members of a target file; `value` is what it holds with its variables filled in."""
    return _walk(document, schema(), (), value)


def _walk(document: Document, form: Mapping[str, Any], place: Place, value: Any) -> Iterator[Complaint]:
    if "$ref" in form:
        form = schema()["definitions"][form["$ref"].rsplit("/", 1)[-1]]
    kinds = form["type"] if isinstance(form["type"], list) else [form["type"]]
    if not any(_is(value, kind) for kind in kinds):
        expected = _KINDS[kinds[0]][1]
        text = f"{_name(place)}: expected {expected}, got {_kind(value)}{_remedy(place, value)}"
        yield document.complain("T203", place, text)
        return
    for code, below, text in broken(place, value):
        yield document.complain(code, (*place, *below), f"{_name(place)} {text}", key=not isinstance(value, str))
    match value:
        case dict() if "properties" in form:
            yield from _members(document, form, place, value)
        case list():
            yield from _entries(document, form, place, value)
        case str():
            yield from _text(document, form, place, value)
        case int() | float():
            yield from _number(document, form, place, value)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, _KINDS[kind][0]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _kind(value: Any) -> str:
    """What a value is, without telling it: a key may be all digits."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case float():
            return "a number"
    return next(words for types, words in _KINDS.values() if isinstance(value, types))


def _name(place: Place) -> str:
    return next((f"'{part}'" for part in reversed(place) if isinstance(part, str)), "the file")


def _remedy(place: Place, value: Any) -> str:
    if place[-1:] == ("command",) and isinstance(value, str):
        return '; give the program and each argument as an entry of their own, as in ["./make-stale.sh", "--now"]'
    return "; leave the member out if there is none" if value is None else ""


def _members(document: Document, form: Mapping[str, Any], place: Place, value: Any) -> Iterator[Complaint]:
    known = form["properties"]
    for name in form.get("required", ()):
        if name not in value:
            yield document.complain("T202", place, f"{_name(place)} lacks the member '{name}'", key=True)
    for name, member in value.items():
        here = (*place, name)
        shown, colon, _ = name.partition(":")  # without a space behind its colon, all of `api_key:secret` is a name
        remedy = "; put a space behind the colon" if colon else ""
        if name in known:
            yield from _walk(document, known[name], here, member)
        elif place == ("states",):
            yield document.complain("T207", here, unknown("state", shown, known) + remedy, key=True)
        elif place[:1] != ("states",) or name != _BESIDE_A_WAY:
            yield document.complain("T201", here, f"unknown member '{shown}'{meant(shown, known)}{remedy}", key=True)


def _entries(document: Document, form: Mapping[str, Any], place: Place, value: list[Any]) -> Iterator[Complaint]:
    if len(value) < form.get("minItems", 0):
        yield document.complain("T205", place, f"{_name(place)}: expected at least one entry, got none")
    seen: set[str] = set()
    for index, entry in enumerate(value):
        here = (*place, index)
        yield from _walk(document, form["items"], here, entry)
        if form.get("uniqueItems") and isinstance(entry, str) and not isinstance(entry, Unset):
            if entry.casefold() in seen:
                yield document.complain("T205", here, f"{_name(place)}: expected no entry twice; remove this one")
            seen.add(entry.casefold())


def _text(document: Document, form: Mapping[str, Any], place: Place, value: str) -> Iterator[Complaint]:
    if isinstance(value, Unset) or place == ("base_url",) or place[-1] in KEYS:
        return  # told already, or looked at by a rule that knows more
    if len(value) < form.get("minLength", 0):
        yield document.complain("T205", place, f"{_name(place)}: expected text that is not empty")
    elif "pattern" in form and not re.fullmatch(form["pattern"].removesuffix(_OR_A_VARIABLE), value):
        expected = "a UUID, such as c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
        yield document.complain("T206", place, f"{_name(place)}: expected {expected}, got text of another form")


def _number(document: Document, form: Mapping[str, Any], place: Place, value: float) -> Iterator[Complaint]:
    least, above, most = form.get("minimum"), form.get("exclusiveMinimum"), form.get("maximum")
    if least is not None and value < least:
        yield document.complain("T204", place, f"{_name(place)}: expected at least {least}, got {value}")
    elif above is not None and value <= above:
        yield document.complain("T204", place, f"{_name(place)}: expected more than {above}, got {value}")
    elif most is not None and value > most:
        yield document.complain("T204", place, f"{_name(place)}: expected at most {most}, got {value}")
