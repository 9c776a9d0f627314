"""The contract as cases are drawn from it, with words for what the target has, and how a case's words are filled in.

Requests keep the rules that they have in the contract, but for what `openapi/generated.yaml` says. Where two forms of a
request exclude each other, each has a document of its own. Answers keep their links alone. Everything that is created
begins with `conformance-`, so that it can be found; an `idempotency_key` is nobody's yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.fuzzing.case import PLACEHOLDER
from conformance.preview.bodies import at, questions
from conformance.preview.driver import Company, Run, new_name
from conformance.preview.tolerant_schema import merged, overlay
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conformance.fuzzing.case import Case

DRAWN = overlay("generated")
UNKNOWN, UPLOAD = "{unknown}", "{upload}"
EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]*")


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
    uploads: Collection[str] = frozenset()
    upload: Callable[[Collection[str]], str] | None = None
    """Gives the reference of a file that was put there for no import yet, other than the given ones."""
    destination: bool = False
    """Whether the company is known to have a destination and rows to write."""

    @property
    def parked(self) -> Any:
        """What the run showed last."""
        return self.run.state if self.run is not None else None


def fill(case: Case, facts: Facts) -> Case:
    """The case as it is sent: its words replaced, and what may be there only once made new."""
    fresh, named = new_name(), set[str]()
    body, query = (_worded(each, facts, named, None) for each in (case.body, dict(case.query)))
    if not isinstance(body, dict):
        return replace(case, body=body, query=query)
    if case.operation == "provision_company":
        if isinstance(name := body.get("name"), str) and name:
            body["name"] = f"{fresh} {name}"
        if isinstance(given := body.get("external_id"), str) and given:  # as long, and right or wrong as it was
            rest = given[len(fresh) :]
            hidden = not EXTERNAL_ID.fullmatch(given) and EXTERNAL_ID.fullmatch(rest)
            body["external_id"] = fresh + (given if hidden else rest)
    elif isinstance(key := body.get("idempotency_key"), str) and key:
        body["idempotency_key"] = fresh
    return replace(case, body=body, query=query)


def _worded(value: Any, facts: Facts, named: set[str], question: Any) -> Any:
    """The value with every word replaced; no two files of a case are one upload, which `named` has."""
    match value:
        case dict():
            if word := PLACEHOLDER.fullmatch(str(value.get("question_id"))):
                question = at(questions(facts.parked), int(word["number"] or 0)) if word["kind"] == "question" else None
            return {name: _worded(each, facts, named, question) for name, each in value.items()}
        case list():
            return [_worded(each, facts, named, question) for each in value]
        case str() if word := PLACEHOLDER.fullmatch(value):
            return _thing(word["kind"], int(word["number"] or 0), facts, named, question)
    return value


def _thing(kind: str, number: int, facts: Facts, named: set[str], question: Any) -> Any:
    """What the target has in the place of a word; where it has none, the id of nothing."""
    match kind:
        case "upload" if facts.upload is not None:
            named.add(ref := facts.upload(named))
            return ref
        case "question" if question is not None:
            return question.get("id")
        case "option":
            option = at(question, "options", number, "id")
            return option if option is not None else at(question, "options", 0, "id") or str(uuid4())
    known = {"file": ("conformance.csv",), "source": facts.sources, "template": facts.templates, "sheet": facts.sheets}
    things = known.get(kind, ())
    return things[number % len(things)] if things else str(uuid4())


def document(columns: Iterable[str], form: int = 0, *, known: bool = True) -> dict[str, Any]:
    """The contract's document to draw requests of a form from; `columns` are those that the target's rows have.

    Requests name but `known` things, each kind by one word, or now and then also what there is not: where a request is
    to have one fault alone, that would be another one.
    """
    whole: dict[str, Any] = deepcopy(contract.load().document)
    whole["security"] = []  # keys are tried by themselves
    for parameter in whole["components"]["parameters"].values():
        parameter.pop("examples", None)  # a target may well have the very thing that an example names
    for operation in _operations(whole["paths"].values()):
        media = operation.get("requestBody", {}).get("content", {}).values()
        for each in (*operation.get("parameters", ()), *media):
            each.pop("examples", None)
        for status, answer in operation["responses"].items():
            operation["responses"][status] = {"description": "", "links": answer.get("links", {})}
    schemas = whole["components"]["schemas"]
    for patch in (DRAWN["requests"], {} if known else DRAWN["unknown"], DRAWN["forms"][form]):
        schemas = merged(schemas, patch)
    schemas["ImportRow"]["properties"] = dict.fromkeys(columns, schemas["ImportRow"]["additionalProperties"])
    whole["components"]["schemas"] = schemas
    sheets = ["{sheet 0}"] if known else ["{sheet 0}", "{sheet 1}", UNKNOWN]
    query = whole["paths"]["/companies/{company_id}/export.csv"]["get"]["parameters"]
    query[0]["schema"] = {"type": "string", "enum": sheets}
    return whole


def walks() -> dict[str, Any]:
    """The contract's document to draw walks from: its links among imports, and bodies that say what they mean."""
    whole = document(())
    whole["paths"] = {path: whole["paths"][path] for path in DRAWN["walks"]}
    imports = contract.load().about("import")
    for path, bodies in DRAWN["walks"].items():
        for operation in _operations([whole["paths"][path]]):
            operation["parameters"] = [each for each in operation.get("parameters", ()) if each.get("name") == "status"]
            if "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"]["schema"] = {"enum": bodies}
            for response in operation["responses"].values():
                links, target = response["links"], contract.load().resolved
                response["links"] = {
                    name: link for name, link in links.items() if target(link)["operationId"] in imports
                }
    return whole


def _operations(paths: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [value for path in paths for name, value in path.items() if name != "parameters"]
