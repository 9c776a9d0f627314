"""Lies of the independent implementation about effects: together, half done, seldom reached."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

from independent import companies, imports, mending, outgoing
from independent.model import MOVING, Company, Refused, Run, new_id
from independent.web import Handler
from independent_bending import (
    DECIDES,
    DOWNLOADS,
    PROVISIONS,
    STARTS,
    Bent,
    active,
    asks,
    company_of,
    keys,
    lies,
    provisioned_anyway,
    put,
    running,
    unnoticed,
    with_key,
)

EFFECTS: list[Bent] = []
lie = lies(EFFECTS)

SEEN: Counter[Any] = Counter()
KEPT: dict[Any, Any] = {}
MOMENT = 0.03
"""Seconds between a look and the act that relies on it."""


# -- together


@lie("IMP-09", "together", "takes two imports of a company that come at the same moment", Handler._answer)
def two_starts(honest: Any, handler: Any, raw: bytes) -> Any:
    company = company_of(handler)
    if company is None or not asks(handler, "POST", STARTS):
        return honest(handler, raw)
    with handler.world.lock:
        free = not active(handler.world, company)
    time.sleep(MOMENT)
    with handler.world.lock:
        return unnoticed(active(handler.world, company) if free else [], lambda: honest(handler, raw))


@lie("IDEM-08", "together", "makes two runs of two starts with one key at the same moment", Handler._answer)
def two_of_one_key(honest: Any, handler: Any, raw: bytes) -> Any:
    company = company_of(handler)
    if company is None or not asks(handler, "POST", STARTS) or b"idempotency_key" not in raw:
        return honest(handler, raw)
    try:
        key = "import", str(json.loads(raw)["idempotency_key"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return honest(handler, raw)
    with handler.world.lock:
        free = key not in company.keys and not active(handler.world, company)
    time.sleep(MOMENT)
    with handler.world.lock:
        if free and key in company.keys:
            del company.keys[key]
            return unnoticed(active(handler.world, company), lambda: honest(handler, raw))
        return honest(handler, raw)


@lie("DEC-25", "together", "says yes to both of two decisions at the same moment", Handler._answer)
def two_decisions(honest: Any, handler: Any, raw: bytes) -> Any:
    company = company_of(handler)
    if company is None or not asks(handler, "POST", DECIDES):
        return honest(handler, raw)
    run_id = handler.path.split("/")[6]
    with handler.world.lock:
        parked = [run.id for run in active(handler.world, company) if run.status == "needs_attention"]
    time.sleep(MOMENT)
    try:
        return honest(handler, raw)
    except Refused as refused:
        if refused.status == 409 and run_id in parked:
            return 200, running(run_id, company)
        raise


@lie("PROV-16", "together", "provisions two companies of one name that come at the same moment", Handler._answer)
def two_companies(honest: Any, handler: Any, raw: bytes) -> Any:
    owner = handler.world.accounts.get(handler.headers.get("x-api-key", ""))
    if owner is None or not asks(handler, "POST", PROVISIONS):
        return honest(handler, raw)
    with handler.world.lock:
        taken = {each.name for each in owner.companies.values()}
    time.sleep(MOMENT)
    try:
        return honest(handler, raw)
    except Refused as refused:
        if refused.text.startswith("name: in use") and (body := json.loads(raw))["name"] not in taken:
            with handler.world.lock:
                return 201, provisioned_anyway(companies.provision, handler.world, owner, body)
        raise


@lie("SEC-02", "together", "gives two downloads at the same moment the content of one", Handler._answer)
def one_buffer(honest: Any, handler: Any, raw: bytes) -> Any:
    if not asks(handler, "GET", DOWNLOADS):
        return honest(handler, raw)
    KEPT["buffer"] = honest(handler, raw)
    time.sleep(MOMENT)
    return KEPT["buffer"]


@lie("IMP-12", "together", "answers 409 to a company whose import comes at the moment of another's", Handler._answer)
def one_at_a_time(honest: Any, handler: Any, raw: bytes) -> Any:
    company = company_of(handler)
    if company is None or not asks(handler, "POST", STARTS):
        return honest(handler, raw)
    others = [each for each, count in SEEN.items() if count and each != company.id]
    SEEN[company.id] += 1
    try:
        time.sleep(MOMENT)
        if others:
            raise Refused(409, "an import is under way")
        return honest(handler, raw)
    finally:
        SEEN[company.id] -= 1


@lie("ID-02", "together", "gives two companies that are made at the same moment one workbook", Handler._answer)
def one_workbook(honest: Any, handler: Any, raw: bytes) -> Any:
    if not asks(handler, "POST", PROVISIONS):
        return honest(handler, raw)
    status, answer = honest(handler, raw)
    KEPT["workbook"] = answer["workbook_id"]
    time.sleep(MOMENT)
    return status, {**answer, "workbook_id": KEPT["workbook"]}


# -- half done


@lie(
    "DEC-14",
    "half",
    "sets the cells of the answers before one to an unknown question, and then refuses",
    imports.decide,
)
def first_answers(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    try:
        return honest(world, company, run_id, body)
    except Refused as refused:
        if "there is no question" in refused.text:
            run = imports.find(world, company, run_id)
            found = {group.question_id: group for group in mending.groups(company, run)}
            for answer in body["answers"]:
                if group := found.get(answer["question_id"]):
                    act = mending._answered(group, answer)
                    for line in group.lines if act["action"] == "set_value" else ():
                        line.cells[group.column.name] = act["value"]
        raise


@lie("PROV-14", "half", "keeps the name of a company that is refused for its external_id", companies.provision)
def reserved_name(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    try:
        return honest(world, owner, body)
    except Refused as refused:
        if refused.status == 409:
            ghost = Company(new_id(), body["name"], None, body["source"].lower(), {}, None)
            owner.companies[ghost.id] = ghost
        raise


@lie("IMP-13", "half", "spends the key of a start that is refused because another run is active", imports.start)
def spent_key(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    try:
        return honest(world, company, body, digest)
    except Refused as refused:
        if refused.status == 409 and body.get("idempotency_key") and "under way" in refused.text:
            run = active(world, company)[-1]
            reply = {"run_id": run.id, "status": "queued", "poll_url": imports.poll_url(company, run)}
            company.keys["import", body["idempotency_key"]] = digest, reply
        raise


@lie("AUTH-07", "half", "answers 401 to a decision without a right key, and takes it", Handler._answer)
def decided_without_a_key(honest: Any, handler: Any, raw: bytes) -> Any:
    try:
        return honest(handler, raw)
    except Refused as refused:
        if refused.status == 401 and asks(handler, "POST", DECIDES):
            with_key(handler, keys()[0])
            try:
                honest(handler, raw)
            except Refused:
                raise refused from None
        raise


@lie("IDEM-05", "half", "answers 409 to another payload and remembers it as the key's", imports.start)
def other_payload_kept(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    try:
        return honest(world, company, body, digest)
    except Refused as refused:
        key = "import", body.get("idempotency_key")
        if refused.status == 409 and key in company.keys:
            company.keys[key] = digest, company.keys[key][1]
        raise


@lie("DEC-22", "half", "answers 400 to a decision that is no JSON, and 409 to the right one after it", Handler._answer)
def spoilt_parking(honest: Any, handler: Any, raw: bytes) -> Any:
    if not asks(handler, "POST", DECIDES):
        return honest(handler, raw)
    if KEPT.pop(handler.path, False):
        raise Refused(409, "the import is being decided")
    try:
        return honest(handler, raw)
    except Refused as refused:
        KEPT[handler.path] = "is not JSON" in refused.text
        raise


@lie("DEC-23", "half", "answers 409 to a reject of a run at work, which ends by it all the same", imports.decide)
def early_reject(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    try:
        return honest(world, company, run_id, body)
    except Refused as refused:
        if refused.status == 409 and body["decision"] == "reject":
            run = imports.find(world, company, run_id)
            run.rejected = run.rejected or run.status in MOVING
        raise


@lie("IMP-09", "half", "answers 409 to a second start, and has a canceled run of it in the history", imports.start)
def refused_run(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    try:
        return honest(world, company, body, digest)
    except Refused as refused:
        if "under way" in refused.text:
            company.runs.append(Run(new_id(), world.now(), [], world.now(), "canceled"))
        raise


@lie("UPL-03", "half", "refuses a second PUT, and keeps its bytes instead of the first", companies.receive)
def second_bytes(honest: Any, world: Any, company_id: str, ref: str, kind: str, content: bytes) -> Any:
    wrong = honest(world, company_id, ref, kind, content)
    if wrong == "AlreadyUsed":
        owner = next(each for each in world.accounts.values() if company_id in each.companies)
        owner.companies[company_id].uploads[ref].content = content
    return wrong


# -- seldom reached


@lie("DST-03", "seldom", "writes as a canary the first row of each import, not of each template", outgoing._records)
def canary_of_each_import(honest: Any, company: Any, mode: str, selected: Any) -> Any:
    if mode != "canary":
        yield from honest(company, mode, selected)
        return
    full = list(honest(company, "full", selected))
    for template in dict.fromkeys(each for each, _ in full):
        for run in company.runs:
            yield from [pair for pair in full if pair[0] == template and pair[1] in run.lines][:1]


def exported(change: Any) -> Any:
    """What stands in the place of the start of an export, if an export is changed once it is made."""

    def start(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
        before = set(company.exports)
        answer = honest(world, company, body, digest)
        for made in set(company.exports) - before:
            change(company, company.exports[made])
        return answer

    return start


@lie("DST-04", "seldom", "counts flagged rows, which it does not write, in the total of an export")
def total_of_all() -> None:
    def change(company: Any, export: Any) -> None:
        export.report["total"] += sum(bool(line.faults) for sheet in company.sheets for line in company.rows(sheet))

    put(outgoing.start, exported(change))


@lie("DST-05", "seldom", "tells the error of the first write that failed, and none of the others")
def first_error() -> None:
    def change(company: Any, export: Any) -> None:
        for each in [each for each in export.report["results"] if not each["ok"]][1:]:
            each["error"] = None

    put(outgoing.start, exported(change))


@lie("DST-06", "seldom", "completes an export, of nothing, when nobody answers at the destination")
def empty_success() -> None:
    def change(company: Any, export: Any) -> None:
        if "cannot be reached" in export.error:
            export.error = ""

    put(outgoing.start, exported(change))


@lie("DST-07", "seldom", "says `skipped` of the fields of a write that failed")
def skipped_fields() -> None:
    def change(company: Any, export: Any) -> None:
        for each in export.report["results"]:
            each["fields_confirmed"] = each["fields_confirmed"] if each["ok"] else "skipped"

    put(outgoing.start, exported(change))


@lie("DST-08", "seldom", "writes flagged rows, too, when templates are selected", outgoing._records)
def flagged_when_selected(honest: Any, company: Any, mode: str, selected: Any) -> Any:
    yield from honest(company, mode, selected)
    for sheet, template in company.sheets.items():
        if template.id in (selected[0] or ()) and mode == "full":
            yield from ((template.id, line) for line in company.rows(sheet) if line.faults)


@lie("DST-09", "seldom", "starts a canary anew for a key that was used before", outgoing.start)
def canary_anew(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    if body.get("mode") == "canary":
        body = {name: value for name, value in body.items() if name != "idempotency_key"}
    return honest(world, company, body, digest)


@lie("CSV-06", "seldom", "counts flagged rows no more once they were kept", imports._work)
def kept_count_no_more(honest: Any, company: Any, run: Any) -> None:
    honest(company, run)
    if run.status == "completed":
        run.report["invalidCellCount"] = sum(bool(line.faults) and not line.kept for line in run.lines)


@lie("DEC-09", "seldom", "brings rows that were kept with the valid ones of a sheet", outgoing._csv)
def kept_is_valid(honest: Any, company: Any, sheet: str, choice: str) -> Any:
    faults = [(line, line.faults) for line in company.rows(sheet) if line.kept]
    for line, _ in faults:
        line.faults = {}
    try:
        return honest(company, sheet, choice)
    finally:
        for line, before in faults:
            line.faults = before


@lie("POLL-16", "seldom", "gives an error with a canceled run", imports.shown)
def error_of_canceled(honest: Any, run: Any) -> Any:
    body = honest(run)
    return {**body, "error": "Stopped by an operator"} if run.status == "canceled" else body


@lie("IMP-11", "seldom", "takes no import after a canceled one", imports.start)
def blocked_by_canceled(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    imports._tables(company, body)
    if any(run.status == "canceled" for run in company.runs):
        raise Refused(409, "an import of this company is under way")
    return honest(world, company, body, digest)


@lie("DEC-35", "seldom", "takes an approval after a reject, once the run has failed by it", imports.decide)
def reject_taken_back(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    run = imports.find(world, company, run_id)
    if run.status == "failed" and run.rejected and body.get("decision") == "approve":
        run.rejected, run.status, run.error = False, "needs_attention", ""
    return honest(world, company, run_id, body)


@lie("SEC-01", "seldom", "quotes the credentials in the error of an export that failed")
def credentials_quoted() -> None:
    def change(company: Any, export: Any) -> None:
        if export.error and company.connection:
            export.error += f" (with {json.dumps(company.connection['auth'])})"

    put(outgoing.start, exported(change))


@lie("POLL-14", "seldom", "gives no error with a run that was rejected in its second parking")
def no_error_of_the_second() -> None:
    def decide(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
        answer = honest(world, company, run_id, body)
        SEEN[answer["run_id"]] += 1
        return answer

    def shown(honest: Any, run: Any) -> Any:
        body = honest(run)
        return {**body, "error": ""} if run.rejected and SEEN[run.id] > 1 and "error" in body else body

    put(imports.decide, decide)
    put(imports.shown, shown)
