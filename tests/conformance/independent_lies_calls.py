"""Lies of the independent implementation about calls: alike, each by itself, odd."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from independent import companies, imports, mending, outgoing
from independent.model import Refused, Run, new_id
from independent.web import Handler
from independent_bending import (
    DOWNLOADS,
    EXPORTS,
    PROVISIONS,
    STARTS,
    UPLOADS,
    Bent,
    asks,
    keys,
    lies,
    owner_of,
    rewritten,
    with_key,
)

CALLS: list[Bent] = []
lie = lies(CALLS)

SEEN: Counter[Any] = Counter()
KEPT: dict[Any, Any] = {}


# -- alike


@lie("IDEM-05", "alike", "takes two payloads of one length under one key for the same", Handler._call)
def same_length(honest: Any, handler: Any, owner: Any, ids: Any, raw: bytes) -> Any:
    return honest(handler, owner, ids, raw)._replace(digest=str(len(raw)))


@lie("AUTH-03", "alike", "lets a key pass that begins with a right one", Handler._answer)
def begins_like_a_key(honest: Any, handler: Any, raw: bytes) -> Any:
    given = handler.headers.get("x-api-key", "")
    if right := [key for key in handler.world.accounts if given.startswith(key)]:
        with_key(handler, right[0])
    return honest(handler, raw)


@lie("IDEM-06", "alike", "keeps idempotency keys by source, not by company", companies.provision)
def keys_by_source(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    answer = honest(world, owner, body)
    company = owner.companies[answer["company"]["id"]]
    company.keys = KEPT.setdefault(company.source, {})
    return answer


@lie("IMP-11", "alike", "looks at the first 32 characters of an idempotency key", imports.start)
def first_32(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    key = body.get("idempotency_key")
    return honest(world, company, {**body, "idempotency_key": key[:32]} if isinstance(key, str) else body, digest)


@lie("SEC-02", "alike", "takes the sheet of one company for another's with as many rows", outgoing._csv)
def as_many_rows(honest: Any, company: Any, sheet: str, choice: str) -> Any:
    content = honest(company, sheet, choice)
    like = company.sheets[sheet].id, choice, len(company.rows(sheet))
    whose, kept = KEPT.setdefault(like, (company.id, content))
    return content if whose == company.id else kept


@lie("QUE-07", "alike", "gives the samples of an earlier question that reads the same", mending._question)
def earlier_samples(honest: Any, group: Any) -> Any:
    question = honest(group)
    like = group.question_id, len(group.lines)
    question["target"]["sample_values"] = KEPT.setdefault(like, question["target"]["sample_values"])
    return question


@lie("ID-02", "alike", "gives companies of one name under two sources sheets of the same ids", companies.provision)
def ids_from_names(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    answer = honest(world, owner, body)
    company = owner.companies[answer["company"]["id"]]
    for each in answer["sheets"]:
        template = company.sheets.pop(each["id"])
        each["id"] = str(uuid5(NAMESPACE_URL, company.name + template.id))
        company.sheets[each["id"]] = template
    return answer


@lie(
    "UPL-08", "alike", "gives a second file of the same name, kind and size the place of the first", companies.announce
)
def same_place(honest: Any, world: Any, company: Any, body: Any) -> Any:
    like = company.id, body.get("name"), body.get("content_type"), body.get("size")
    answer = honest(world, company, body)
    return KEPT.setdefault(like, answer)


@lie("QUE-02", "alike", "names a question by sheet and column, whatever the rule")
def named_by_column() -> None:
    honest: Any = vars(mending.Group)["question_id"]

    def question_id(group: Any) -> str:
        return f"strict.{group.name}.{group.column.name}" if group.rule == "unique" else str(honest.fget(group))

    mending.Group.question_id = property(question_id)  # type: ignore[assignment,method-assign]  # bent


# -- each by itself


@lie("AUTH-04", "each", "lets a revoked key read the look-ups of imports", Handler._answer)
def revoked_looks_up(honest: Any, handler: Any, raw: bytes) -> Any:
    if asks(handler, "GET", STARTS) and handler.headers.get("x-api-key") == keys()[2]:
        with_key(handler, keys()[0])
    return honest(handler, raw)


@lie("AUTH-02", "each", "announces an upload without a key", Handler._answer)
def uploads_without_a_key(honest: Any, handler: Any, raw: bytes) -> Any:
    if asks(handler, "POST", UPLOADS) and "x-api-key" not in handler.headers:
        with_key(handler, keys()[0])
    return honest(handler, raw)


@lie("AUTH-06", "each", "answers 403 to an upload for a company of another account", Handler._answer)
def forbidden_upload(honest: Any, handler: Any, raw: bytes) -> Any:
    try:
        return honest(handler, raw)
    except Refused as refused:
        place = handler.path.split("/")
        if refused.status == 404 and asks(handler, "POST", UPLOADS):
            refused.status = 403 if any(place[4] in each.companies for each in handler.world.accounts.values()) else 404
        raise


@lie("ERR-02", "each", "adds the field to its 409 when a company is provisioned", Handler._answer)
def conflict_with_field(honest: Any, handler: Any, raw: bytes) -> Any:
    try:
        return honest(handler, raw)
    except Refused as refused:
        if refused.status == 409 and asks(handler, "POST", PROVISIONS):
            return 409, {"error": refused.text, "field": "external_id"}
        raise


@lie("ERR-06", "each", "answers 422 to an export of an unknown mode", Handler._answer)
def unprocessable_mode(honest: Any, handler: Any, raw: bytes) -> Any:
    try:
        return honest(handler, raw)
    except Refused as refused:
        if "mode" in refused.text and refused.status == 400 and asks(handler, "POST", EXPORTS):
            refused.status = 422
        raise


@lie("ERR-01", "each", "puts an object into `error` where a download's filter is wrong", Handler._answer)
def error_of_filter(honest: Any, handler: Any, raw: bytes) -> Any:
    try:
        return honest(handler, raw)
    except Refused as refused:
        if refused.status == 400 and asks(handler, "GET", DOWNLOADS):
            return 400, {"error": {"filter": refused.text}}
        raise


@lie("ERR-11", "each", "reads a body that is no JSON as none when an export is started", Handler._answer)
def export_of_no_json(honest: Any, handler: Any, raw: bytes) -> Any:
    if asks(handler, "POST", EXPORTS):
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            raw = b"{}"
    return honest(handler, raw)


@lie("CSV-11", "each", "brings another company's sheet where all rows are asked for", outgoing.download)
def any_sheet(honest: Any, world: Any, company: Any, query: Any) -> Any:
    sheet = query.get("sheet_id")
    if query.get("filter") == "all" and sheet not in company.sheets:
        for other in owner_of(world, company).companies.values():
            if sheet in other.sheets:
                return honest(world, other, query)
    return honest(world, company, query)


@lie("CSV-04", "each", "leaves flagged rows in the ZIP of the valid ones", outgoing._workbook)
def flagged_in_the_zip(honest: Any, company: Any, choice: str) -> Any:
    return honest(company, "all")


@lie("CSV-12", "each", "enters the download of a workbook in the history of imports", outgoing.download)
def download_as_run(honest: Any, world: Any, company: Any, query: Any) -> Any:
    answer = honest(world, company, query)
    if "sheet_id" not in query:
        report = {"inserted": 0, "perSheet": [], "invalidCellCount": 0}
        company.runs.append(Run(new_id(), world.now(), [], world.now(), "completed", report=report))
    return answer


@lie("DEC-26", "each", "decides another company's run under this company's path", imports.decide)
def any_run(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    for other in owner_of(world, company).companies.values():
        if any(run.id == run_id for run in other.runs):
            return honest(world, other, run_id, body)
    return honest(world, company, run_id, body)


@lie("FMT-01", "each", "calls its answer text when nothing is active", Handler.send)
def nothing_is_text(honest: Any, handler: Any, status: int, content: bytes, **headers: str) -> Any:
    if content == b'{"run": null}':
        headers["Content_Type"] = "text/plain; charset=utf-8"
    return honest(handler, status, content, **headers)


@lie("FMT-03", "each", "tells how many rows a question is about with a fraction", mending._question)
def fraction_of_rows(honest: Any, group: Any) -> Any:
    question = honest(group)
    question["target"]["affected_count"] = float(question["target"]["affected_count"])
    return question


# -- odd


@lie("AUTH-03", "odd", "compares keys without regard to case", Handler._answer)
def key_in_capitals(honest: Any, handler: Any, raw: bytes) -> Any:
    given = handler.headers.get("x-api-key", "").lower()
    if right := [key for key in handler.world.accounts if key.lower() == given]:
        with_key(handler, right[0])
    return honest(handler, raw)


@lie("DEC-16", "odd", "takes a decision in any case and with blanks around it", imports.decide)
def loud_decision(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    decision = body.get("decision")
    read = decision.strip().lower() if isinstance(decision, str) else decision
    return honest(world, company, run_id, {**body, "decision": read})


@lie("DEC-16", "odd", "reads a decision of null as approve", imports.decide)
def null_approves(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    null = "decision" in body and body["decision"] is None
    return honest(world, company, run_id, {**body, "decision": "approve"} if null else body)


@lie("CSV-10", "odd", "takes the filter in any case", outgoing.download)
def loud_filter(honest: Any, world: Any, company: Any, query: Any) -> Any:
    return honest(world, company, {name: text.lower() if name == "filter" else text for name, text in query.items()})


@lie("CSV-09", "odd", "makes a blank of a line break within a cell", outgoing._csv)
def no_breaks(honest: Any, company: Any, sheet: str, choice: str) -> Any:
    return rewritten(
        honest(company, sheet, choice), lambda rows: [[" ".join(cell.splitlines()) for cell in row] for row in rows]
    )


@lie("PROV-07", "odd", "drops the leading zeros of an external_id that it echoes", companies.provision)
def no_leading_zeros(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    answer = honest(world, owner, body)
    if "external_id" in answer["company"]:
        answer["company"]["external_id"] = answer["company"]["external_id"].lstrip("0") or "0"
    return answer


@lie("PROV-12", "odd", "overlooks a line break at the end of an external_id", companies.provision)
def break_at_the_end(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    given = body.get("external_id")
    ends = isinstance(given, str) and given.endswith("\n")
    return honest(world, owner, {**body, "external_id": given[:-1]} if ends else body)


@lie("PROV-10", "odd", "takes the first source where null is given", companies.provision)
def null_source(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    null = "source" in body and body["source"] is None
    return honest(world, owner, {**body, "source": owner.sources[0].id} if null else body)


@lie("ERR-11", "odd", "puts marks in the place of bytes that are no UTF-8", Handler._answer)
def replaced_bytes(honest: Any, handler: Any, raw: bytes) -> Any:
    return honest(handler, raw.decode(errors="replace").encode())


@lie("QUE-07", "odd", "shows wrong values with a capital first", mending._question)
def capital_samples(honest: Any, group: Any) -> Any:
    question = honest(group)
    question["target"]["sample_values"] = [
        value[:1].upper() + value[1:] for value in question["target"]["sample_values"]
    ]
    return question


@lie("DEC-14", "odd", "finds a question by its id in capitals, too", mending.chosen)
def loud_question(honest: Any, found: Any, answers: Any) -> Any:
    real = {group.question_id.lower(): group.question_id for group in found}
    for each in answers or ():
        each["question_id"] = real.get(each["question_id"].lower(), each["question_id"])
    return honest(found, answers)


@lie("DST-02", "odd", "takes the mode of an export in any case", outgoing.start)
def loud_mode(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    mode = body.get("mode", "full")
    return honest(world, company, {**body, "mode": mode.lower() if isinstance(mode, str) else mode}, digest)
