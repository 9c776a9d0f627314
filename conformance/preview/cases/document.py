"""The contract as cases are drawn from it, with words for what the target has, and how a case's words are filled in.

Requests keep the rules that they have in the contract, and take no members beside the documented ones, which nobody
judges (OP-26). Where two forms of a request exclude each other, each has a document of its own: what is wrong with one
form would be hidden by the other (OP-19, OP-22). Answers keep their links alone. Everything that is created begins with
`conformance-`, so that it can be found; an `idempotency_key` is nobody's yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.http.messages import UNSET
from conformance.preview.bodies import at, questions
from conformance.preview.driver import Company, Run, new_name
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conformance.fuzzing.case import Case


UNKNOWN = "{unknown}"
SOURCE, FILE, UPLOAD = "{source}", "{file}", "{upload}"
TEMPLATES = ("{template 0}", "{template 1}")
SHEETS = ("{sheet 0}", "{sheet 1}")
QUESTIONS = ("{question 0}", "{question 1}")
OPTIONS = ("{option 0}", "{option 1}")
WORDS = frozenset((UNKNOWN, SOURCE, FILE, UPLOAD, *TEMPLATES, *SHEETS, *QUESTIONS, *OPTIONS))
"""Every word that stands for something else."""
DESTINATION = "https://destination.invalid/api"
"""The only destination that a generated company may have: nobody is called there."""
EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to be named in a call, in the state in which the call is judged."""

    company: Company | None = None
    run: Run | None = None
    """An import for the operations of imports, an export's ids for those of exports."""
    sources: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()
    uploads: frozenset[str] = frozenset()
    upload: Callable[[Collection[str]], str] | None = None
    """Gives the reference of a file that was put there for no import yet, other than the given ones."""
    destination: bool = False
    """Whether the company is known to have a destination and rows to write."""

    @property
    def parked(self) -> Any:
        """What the run showed last."""
        return self.run.state if self.run is not None else None


def fill(case: Case, facts: Facts) -> Case:
    """The case as it is sent."""
    fresh, filler = new_name(), _Filler(facts)
    body = _at_once(case.operation, filler.worded(case.body), fresh)
    return replace(case, body=body, query={name: filler.worded(value) for name, value in case.query.items()})


class _Filler:
    """Replaces the words of one case by what they stand for; no two files of a case are one upload."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._named: set[str] = set()

    def worded(self, value: Any) -> Any:
        """The value with every word replaced."""
        match value:
            case dict() if "question_id" in value:
                question = self._question(value["question_id"])
                return {name: self._answer(name, each, question) for name, each in value.items()}
            case dict():
                return {name: self.worded(each) for name, each in value.items()}
            case list():
                return [self.worded(each) for each in value]
            case str() if value in WORDS:
                return self._thing(value)
        return value

    def _thing(self, word: str) -> str:
        facts = self._facts
        if word == FILE:
            return "conformance.csv"
        if word == SOURCE and facts.sources:
            return facts.sources[0]
        if word == UPLOAD and facts.upload is not None:
            self._named.add(ref := facts.upload(self._named))
            return ref
        for words, things in ((TEMPLATES, facts.templates), (SHEETS, facts.sheets)):
            if word in words and things:
                return things[words.index(word) % len(things)]
        return str(uuid4())

    def _question(self, word: Any) -> Any:
        """The parked run's question that the word stands for; None when it is none of its questions."""
        asked = questions(self._facts.parked)
        number = QUESTIONS.index(word) if isinstance(word, str) and word in QUESTIONS else len(asked)
        return asked[number] if number < len(asked) else None

    def _answer(self, name: str, value: Any, question: Any) -> Any:
        if name == "question_id" and question is not None:
            return question.get("id")
        if name == "option_id" and isinstance(value, str) and value in OPTIONS:
            option = at(question, "options", OPTIONS.index(value), "id")
            return option if option is not None else at(question, "options", 0, "id") or str(uuid4())
        return self.worded(value)


def _at_once(operation: str, body: Any, fresh: str) -> Any:
    """The body with what may be there only once made new."""
    if not isinstance(body, dict) or body is UNSET:
        return body
    made = dict(body)
    if operation == "provision_company":
        if isinstance(name := body.get("name"), str) and name:
            made["name"] = f"{fresh} {name}"
        if isinstance(given := body.get("external_id"), str) and given:
            made["external_id"] = _external_id(given, fresh)
    elif isinstance(key := body.get("idempotency_key"), str) and key:
        made["idempotency_key"] = fresh
    return made


def _external_id(given: str, fresh: str) -> str:
    """A new one, as long as the given one, and right or wrong as it was."""
    rest = given[len(fresh) :]
    if EXTERNAL_ID.fullmatch(given):
        return fresh + rest
    return fresh + (rest if rest and not EXTERNAL_ID.fullmatch(rest) else given)


CREDENTIALS = {"kind": "bearer", "token": "secret-of-the-conformance-suite"}
CELL = {"type": ["string", "number", "boolean", "null"]}
CLOSED = (
    *("ProvisionRequest", "ConnectionsRequest", "DestinationRequest", "UploadRequest"),
    *("ImportRequest", "ImportFile", "DecisionRequest", "Answer", "ExportRequest", "ExportSelection"),
)
"""The schemas whose unknown members nobody judges."""
FORMS: tuple[dict[str, tuple[str, ...]], ...] = (
    {"ImportRequest": ("rows",), "Answer": ("option_id",), "ProvisionRequest": ("external_id", "template_ids")},
    {"ImportRequest": ("files",), "Answer": ("custom",), "ProvisionRequest": ("connections",)},
)
"""The members that requests of a form have, and those of the other forms have not."""

WALKED: dict[str, tuple[str, ...]] = {
    "/companies": ("company",),
    "/companies/{company_id}/imports": ("needs_attention", "completed"),
    "/companies/{company_id}/imports/{run_id}": (),
    "/companies/{company_id}/imports/{run_id}/decisions": ("approve", "reject"),
}
"""The paths that walks go by, and what their bodies stand for."""


def document(columns: Iterable[str], form: int = 0, *, known: bool = True) -> dict[str, Any]:
    """The contract's document to draw requests of a form from; `columns` are those that the target's rows have.

    Requests name but `known` things, each kind by one word, or now and then also what there is not: where a request is
    to have one fault alone, that would be another one.
    """
    whole: dict[str, Any] = deepcopy(contract.load().document)
    whole["security"] = []  # keys are tried by themselves
    for parameter in whole["components"]["parameters"].values():
        parameter.pop("examples", None)  # a target may well have the very thing that an example names
    for path in whole["paths"].values():
        for operation in (value for name, value in path.items() if name != "parameters"):
            _without_examples(operation)
            answers = operation["responses"].items()
            operation["responses"] = {
                status: {"description": "", "links": answer.get("links", {})} for status, answer in answers
            }
    schemas = whole["components"]["schemas"]
    for name in CLOSED:
        schemas[name]["additionalProperties"] = False
    for place, words in _words().items():
        _put(schemas, place, _one_of(words[:1] if known else words))
    _formed(schemas, form)
    schemas["ImportRow"]["properties"] = dict.fromkeys(columns, CELL)
    schemas["ImportRow"]["maxProperties"] = 8
    schemas["DecisionRequest"]["properties"]["answers"] |= {"minItems": 1, "maxItems": 3}
    # What is under `auth` is taken for a secret from then on, wherever it occurs.
    schemas["DestinationRequest"]["properties"]["auth"] = {"type": "object", "enum": [CREDENTIALS]}
    schemas["UploadRequest"]["properties"]["size"]["maximum"] = 10_000_000
    query = whole["paths"]["/companies/{company_id}/export.csv"]["get"]["parameters"]
    query[0]["schema"] = _one_of(SHEETS[:1] if known else (*SHEETS, UNKNOWN))
    return whole


def walks() -> dict[str, Any]:
    """The contract's document to draw walks from: its links among imports, and bodies that say what they mean."""
    whole = document(())
    for path in [each for each in whole["paths"] if each not in WALKED]:
        del whole["paths"][path]
    for path, bodies in WALKED.items():
        for operation in (value for name, value in whole["paths"][path].items() if name != "parameters"):
            operation["parameters"] = [each for each in operation.get("parameters", ()) if each.get("name") == "status"]
            if "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"]["schema"] = {"enum": list(bodies)}
            for response in operation["responses"].values():
                response["links"] = {
                    name: link for name, link in response.get("links", {}).items() if _leads_to_import(link, whole)
                }
    return whole


def _leads_to_import(link: dict[str, Any], whole: dict[str, Any]) -> bool:
    target = whole["components"]["links"][link["$ref"].rpartition("/")[2]] if "$ref" in link else link
    return target["operationId"] in ("start_import", "list_imports", "poll_import", "decide")


def _formed(schemas: dict[str, Any], form: int) -> None:
    """Leave the members of one form, required where forms exclude each other; and no rule that speaks of several."""
    for name, members in FORMS[form].items():
        others = {other for each in FORMS for other in each[name]} - set(members)
        schema = schemas[name]
        if schema.pop("if", None) is not None:
            schema["required"] = [*schema.get("required", ()), *members]
        for keyword in ("allOf", "then"):
            schema.pop(keyword, None)
        schema["properties"] = {each: value for each, value in schema["properties"].items() if each not in others}
        for member in members:
            if schema["properties"][member].get("type") == "array":
                schema["properties"][member]["maxItems"] = 3
    for keyword in ("if", "then"):
        schemas["DecisionRequest"].pop(keyword)


def _words() -> dict[tuple[str, ...], tuple[str, ...]]:
    return {
        ("ProvisionRequest", "source"): (SOURCE, UNKNOWN),
        ("ProvisionRequest", "template_ids", "items"): (*TEMPLATES, UNKNOWN),
        ("DestinationRequest", "base_url"): (DESTINATION,),
        ("UploadRequest", "content_type"): ("text/csv",),
        ("ImportFile", "name"): (FILE,),
        ("ImportFile", "upload_ref"): (UPLOAD, UNKNOWN),
        ("DecisionRequest", "decision"): ("approve",),  # answers come with nothing else
        ("Answer", "question_id"): (*QUESTIONS, UNKNOWN),
        ("Answer", "option_id"): (*OPTIONS, UNKNOWN),
        ("ExportSelection", "template_ids", "items"): (*TEMPLATES, UNKNOWN),
    }


def _one_of(words: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


def _put(schemas: dict[str, Any], place: tuple[str, ...], schema: dict[str, Any]) -> None:
    name, member, *rest = place
    there = schemas[name]["properties"]
    if rest:
        there[member]["items"] = schema
    else:
        there[member] = schema


def _without_examples(operation: dict[str, Any]) -> None:
    """Drop the examples, which name ids of no use at a target."""
    for parameter in operation.get("parameters", ()):
        parameter.pop("examples", None)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media.pop("examples", None)
