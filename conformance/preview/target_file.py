"""A target file, loaded whole or not at all: with every mistake by file, line and column, and no key in a complaint.

No message repeats a text of the file, since any may be a secret put in a wrong place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from conformance.preview.driver import ANSWERED
from conformance.target.target import (
    REQUEST_TIMEOUT,
    REQUESTS_PER_MINUTE,
    RUN_TIMEOUT,
    Body,
    Command,
    Existing,
    ExistingRun,
    Provision,
    Target,
    Way,
    key_mistake,
    url_mistake,
)
from conformance.target.variables import Unset, fill_in
from mock_server.contract.document import data
from mock_server.contract.nearest import nearest, suggest, unknown
from mock_server.contract.yaml_file import BadFiles, Complaint, Document, Place
from mock_server.contract.yaml_reader import read
from mock_server.contract.yaml_schema import KINDS, Part, load_schema, walk

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["CODES", "STATES", "load", "template"]


def load(path: Path, environment: Mapping[str, str] | None = None) -> Target:
    """The target of a file; `environment` None: the process's. Raises BadFiles with everything that is wrong."""
    try:
        document = read(path)
    except BadFiles as bad:
        raise BadFiles([_discreet(complaint) for complaint in bad.complaints]) from None
    found: list[Complaint] = []
    value = fill_in(document, os.environ if environment is None else environment, found)
    found += mistakes(document, value)
    if found:
        raise BadFiles(found)
    return _target(value, path)


def template() -> str:
    """The text of a new target file, in order as it stands: with all else there is in comments.

    `# Words`, behind one space, are for people; any other `#` is removed to put members to use.
    """
    return data("openapi", "target.template.yaml").read_text("utf-8")


_UNQUOTED = {
    "E104": "expected members (`name: value`), but the file is empty or holds something else",
    "E106": "anchors and aliases are not used here; put text that begins with & or * in quotes",
    "E107": "tags are not used here; put text that begins with ! in quotes",
    "E109": "this is not a number that JSON can carry; put it in quotes if it is text",
}
"""What the YAML reader says by quoting the file, said without."""


def _discreet(complaint: Complaint) -> Complaint:
    """A YAML reader's complaint as one about a target file: its own code, and nothing quoted that may be a key."""
    message = _UNQUOTED.get(complaint.code, complaint.message)
    if complaint.code == "E100":
        message = re.sub(r"'[^'<]{5,}'", "'…'", message)
    elif complaint.code == "E103":  # of `{api_key:secret}` the name is all of it
        message = re.sub(r":.*'", ":…'", message)
    return Complaint(complaint.file, complaint.line, complaint.column, f"T{complaint.code[1:]}", message)


def _target(value: Mapping[str, Any], path: Path) -> Target:
    timeouts = value.get("timeouts") or {}
    clock = value.get("clock")
    return Target(
        base_url=value["base_url"].rstrip("/"),
        api_key=value["api_key"],
        other_api_key=value.get("other_api_key"),
        revoked_api_key=value.get("revoked_api_key"),
        requests_per_minute=int(value.get("requests_per_minute", REQUESTS_PER_MINUTE)),
        tenant=_tenant(value.get("company") or {}),
        states={state: _way(way) for state, way in (value.get("states") or {}).items()},
        destinations=dict(value.get("destination") or {}),
        advance=tuple(clock["advance"]["command"]) if clock else None,
        run_timeout=float(timeouts.get("run", RUN_TIMEOUT)),
        request_timeout=float(timeouts.get("request", REQUEST_TIMEOUT)),
        path=path,
    )


def _tenant(value: Mapping[str, Any]) -> Provision | Existing:
    if "existing" in value:
        return Existing(tuple(value["existing"]))
    provision = value.get("provision") or {}
    templates = provision.get("template_ids")
    return Provision(provision.get("source"), None if templates is None else tuple(templates))


def _way(value: Mapping[str, Any]) -> Way:
    match value:
        case {"run": {"company": company, "run": run}}:
            return ExistingRun(company, run)
        case {"command": argv}:
            return Command(tuple(argv))
    answers = value.get("answers")
    return Body(value["body"], None if answers is None else tuple(answers))


CODES: Mapping[str, str] = load_schema("target")["x-codes"]
"""Every code of a complaint about a target file, and what it means. T1xx: its text; T2xx: its members."""

_OR_A_VARIABLE = r"|\$\{"  # the end of a schema's pattern, for editors; here each variable has its value


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema of a target file whose variables are filled in."""
    found: dict[str, Any] = _without_variables(load_schema("target"))
    return found


def _without_variables(form: Any) -> Any:
    if isinstance(form, dict):
        return {name: _without_variables(each) for name, each in form.items()}
    return form.removesuffix(_OR_A_VARIABLE) if isinstance(form, str) else form


STATES = tuple(schema()["properties"]["states"]["properties"])
"""The states that a target file can give a way to."""


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
    elif part.place[:1] != ("states",) or name != "answers":  # unknown in most of the states: T212
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


KEYS = ("api_key", "other_api_key", "revoked_api_key")
WAYS = ("body", "run", "command")

Mistake = tuple[str, tuple[str, ...], str]
"""Code, member below the value that was looked at (or none), and the end of a sentence that begins with its name."""


def broken_rules(place: Place, value: Any) -> Iterator[Mistake]:
    """What the rule for this place finds wrong with the value there.

    The table leaves open a position in a list, and the name of a state.
    """
    named = ("*" if isinstance(part, int) else part for part in place)
    rule = _RULES.get(tuple("*" if place[0] == "states" and at == 1 else part for at, part in enumerate(named)))
    if rule is not None and not isinstance(value, Unset):
        yield from rule(place, value)


def _told(code: str, wrong: str | None) -> Iterator[Mistake]:
    if wrong is not None:
        yield code, (), wrong


def _different_keys(_: Place, file: Mapping[str, Any]) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    for name in KEYS:
        key = file.get(name)
        if not isinstance(key, str) or isinstance(key, Unset) or not key:
            continue
        if first.setdefault(key, name) != name:
            yield "T223", (name,), f"has the same key as {first[key]} and as {name}; what it may do cannot be both"


def _one_company(_: Place, company: Mapping[str, Any] | None) -> Iterator[Mistake]:
    ways = ("provision", "existing")
    if company is not None and all(way in company for way in ways):
        yield "T224", ("existing",), "has 'provision' and also 'existing'; the suite does one of them"
    elif company is not None and not _attempted(company, ways):
        yield "T224", (), "has neither 'provision' nor 'existing'; give one, or leave the member out"


def _one_way(place: Place, state: Mapping[str, Any]) -> Iterator[Mistake]:
    given = [way for way in state if way in WAYS]
    if len(given) > 1:
        others = " and ".join(f"'{way}'" for way in given[1:])
        yield "T211", (given[1],), f"has '{given[0]}' and also {others}; there is one way to a state"
    elif not _attempted(state, WAYS):
        yield "T211", (), f"has no way to it; give one of: {', '.join(WAYS)}, or leave the state out"
    if "answers" in state and place[-1] not in ANSWERED:
        yield "T212", ("answers",), f"has 'answers', which belong to {' and '.join(ANSWERED)} alone"
    elif "answers" in state and given and "body" not in given:
        yield "T212", ("answers",), f"has 'answers' beside '{given[0]}', which leads all the way; they belong to 'body'"


def _attempted(value: Mapping[str, Any], words: tuple[str, ...]) -> bool:
    """Whether a member has one of these names, or one that is probably meant to be: that is told by itself."""
    return any(nearest(name, words) for name in value if name != "answers")


def _body(_: Place, body: Mapping[str, Any]) -> Iterator[Mistake]:
    if not body.keys() & {"rows", "files"}:  # OP-22
        near = next((found for name in body if (found := nearest(name, ("rows", "files")))), None)
        hint = f"; did you mean '{near}'?" if near else ""
        yield "T213", (), f"has neither 'rows' nor 'files', so it starts no import{hint}"


def _answer(_: Place, answer: Mapping[str, Any]) -> Iterator[Mistake]:
    if "option_id" in answer and "custom" in answer:  # OP-19
        yield "T214", (), "has an entry with 'option_id' and also 'custom'; an answer is one of them"
    elif not _attempted({name: None for name in answer if name != "question_id"}, ("option_id", "custom")):
        yield "T214", (), "has an entry with neither 'option_id' nor 'custom'; an answer is one of them"


def _command(_: Place, command: list[Any]) -> Iterator[Mistake]:
    if any("\0" in part for part in command if isinstance(part, str)):
        yield "T215", (), "has a zero character in it, which no argument can hold"
    elif command and isinstance(command[0], str) and not command[0].strip():
        yield "T215", (), "begins with an empty text; its first entry is the program"


def _advance(place: Place, command: list[Any]) -> Iterator[Mistake]:
    yield from _command(place, command)
    told = any(isinstance(part, Unset) or (isinstance(part, str) and "{seconds}" in part) for part in command)
    if command and not told:
        yield "T216", (), 'has no entry with {seconds}; pass it on, as in ["./advance.sh", "{seconds}"]'


_RULES: Mapping[Place, Callable[[Place, Any], Iterator[Mistake]]] = {
    (): _different_keys,
    ("base_url",): lambda _, url: _told("T221", url_mistake(url)),
    **{(each,): lambda _, key: _told("T222", key_mistake(key)) for each in KEYS},
    ("company",): _one_company,
    ("states", "*"): _one_way,
    ("states", "*", "body"): _body,
    ("states", "*", "answers", "*"): _answer,
    ("states", "*", "command"): _command,
    ("clock", "advance", "command"): _advance,
}
