"""Keys, errors and form: what holds for every call, whatever it is about (AUTH, ERR, FMT).

A call that must be refused is one that the suite has the right to make otherwise, so that a single cause is there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.http.client import NO_KEY, REVOKED
from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.catalogue import (
    FILE,
    any_company,
    each_status,
    entries,
    heard,
    is_error,
    lent,
    may_provision,
    member,
    new_company,
    other_key,
    two_companies,
    valid_import,
)
from conformance.preview.checks.imports import listing
from conformance.preview.checks.register import check

if TYPE_CHECKING:
    from conformance.http.client import Answer, Key
    from conformance.preview.driver import Run, StateDriver

DOCUMENTED = (400, 401, 404, 409, 429, 500)
NOT_JSON = b'{"name": "conformance", "rows": ['
_JSON_TYPE = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)


@check("AUTH-02", needs=("completed",))
def every_call_needs_a_key(ctx: StateDriver) -> None:
    """Make each call without a key."""
    ask, company = ctx.client.call, any_company(ctx).id
    answers = {
        "the sources": ask("list_sources", key=NO_KEY),
        "the templates": ask("list_templates", key=NO_KEY),
        "a company": ask("provision_company", body=new_company(ctx.source()), key=NO_KEY),
        "an upload": ask("request_upload", company_id=company, body=FILE, key=NO_KEY),
        "an import": ask("start_import", company_id=company, body={"rows": [{}]}, key=NO_KEY),
        "the imports": ask("list_imports", company_id=company, key=NO_KEY),
        "the CSV": ask("export_csv", company_id=company, key=NO_KEY),
        "an export": ask("start_export", company_id=company, body={"mode": "canary"}, key=NO_KEY),
    }
    with ctx.speaking_of("AUTH-02"):
        run = ctx.run("completed", fresh=False)
        of_run: dict[str, Any] = {"company_id": run.company.id, "run_id": run.id, "key": NO_KEY}
        answers["a poll"] = ask("poll_import", **of_run)
        answers["a decision"] = ask("decide", body={"decision": "approve"}, **of_run)
    requirement = "a call without a key is answered with 401 and an error body"
    each_status(ctx, "AUTH-02", answers, 401, requirement=requirement, body=True)


@check("AUTH-03")
def a_wrong_key_is_refused(ctx: StateDriver) -> None:
    """Read the sources with keys that are malformed or unknown, and a company's imports with an unknown one."""
    company, answers = any_company(ctx).id, {}
    unknown = f"invalid-{uuid4().hex}"
    for kind, key in {"unknown": unknown, "malformed": "not a key?", "short": "x"}.items():
        answers[f"sources, {kind} key"] = ctx.client.call("list_sources", key=key)
    answers["imports, unknown key"] = ctx.client.call("list_imports", company_id=company, key=unknown)
    each_status(ctx, "AUTH-03", answers, 401, requirement="a malformed or unknown key is answered with 401")


@check("AUTH-04")
def a_revoked_key_is_refused(ctx: StateDriver) -> None:
    """Read the sources and a company's imports with a revoked key."""
    if not ctx.client.has(REVOKED):
        raise Skipped("the target file has no revoked_api_key")
    answers = {
        "sources": ctx.client.call("list_sources", key=REVOKED),
        "imports": ctx.client.call("list_imports", company_id=any_company(ctx).id, key=REVOKED),
    }
    each_status(ctx, "AUTH-04", answers, 401, requirement="a revoked key is answered with 401")


@check("AUTH-05", "UPL-08")
def one_key_reaches_every_company(ctx: StateDriver) -> None:
    """Read the imports of two companies and ask each for an upload of the same file, with the one key."""
    answers, refs = {}, []
    for number, company in enumerate(two_companies(ctx), 1):
        answers[f"imports of company {number}"] = ctx.client.call("list_imports", company_id=company.id)
        upload = ctx.client.call("request_upload", company_id=company.id, body=FILE)
        if upload.status != 400:  # the company was reached; what the request lacks is UPL-01's
            answers[f"upload for company {number}"] = upload
        refs.append(member(upload.json, "upload_ref"))
    each_status(ctx, "AUTH-05", answers, 2, requirement="one key reaches every company of the account")
    if all(isinstance(ref, str) for ref in refs):
        ctx.require("UPL-08", refs[0] != refs[1], "two companies' uploads have their own upload_ref", got=refs)


@check("AUTH-06", needs=("completed",))
def another_account_finds_nothing(ctx: StateDriver) -> None:
    """Use a company, its run and its sheet with another account's key."""
    company, ask, key = any_company(ctx), ctx.client.call, other_key(ctx)
    answers = {
        "the imports": ask("list_imports", company_id=company.id, key=key),
        "an upload": ask("request_upload", company_id=company.id, body=FILE, key=key),
        "the CSV": ask("export_csv", company_id=company.id, key=key),
    }
    for sheet in list(company.sheets)[:1]:
        answers["a sheet"] = ask("export_csv", company_id=company.id, query={"sheet_id": sheet}, key=key)
    with ctx.speaking_of("AUTH-06"):
        body = valid_import(ctx)
        answers["an import"] = ask("start_import", company_id=company.id, body=body, key=key)
    with ctx.speaking_of("AUTH-06"):
        answers |= _foreign_run(ctx, ctx.run("completed", fresh=False), key)
    requirement = "what belongs to another account is answered with 404, never with 403"
    if each_status(ctx, "AUTH-06", answers, 404, requirement=requirement):
        hidden = member(company.provisioned, "company", "name"), member(company.provisioned, "workbook_id")
        secrets = [each for each in hidden if isinstance(each, str) and each and each != company.id]  # OP-34
        told = [each for each in answers.values() if any(secret in each.text for secret in secrets)]
        ctx.require("AUTH-06", not told, "nothing about another account's things is disclosed", *told)


def _foreign_run(ctx: StateDriver, run: Run, key: Key) -> dict[str, Answer]:
    """Polls and decisions by another account: under the owner's company, and under a company of its own."""
    ask, decision = ctx.client.call, {"decision": "approve"}
    answers = {
        "a run": ask("poll_import", company_id=run.company.id, run_id=run.id, key=key),
        "a decision": ask("decide", company_id=run.company.id, run_id=run.id, body=decision, key=key),
    }
    if lent(ctx) is not None:
        return answers
    body = new_company(str(member(ask("list_sources", key=key).json, "sources", 0, "id")))
    made = ask("provision_company", body=body, key=key).json
    company, own = member(made, "company", "id"), [member(sheet, "id") for sheet in entries(made, "sheets")]
    if isinstance(company, str):
        ctx.left_behind.append(f"company {company} of the other account")
        answers["a run under another company"] = ask("poll_import", company_id=company, run_id=run.id, key=key)
        for sheet in [each for each in run.company.sheets if each not in own][:1]:  # else ID-02 is broken
            query = {"sheet_id": sheet}
            answers["a sheet under another company"] = ask("export_csv", company_id=company, query=query, key=key)
    return answers


@check("AUTH-07", needs=("needs_attention",))
def what_gets_401_does_not_happen(ctx: StateDriver) -> None:
    """Start an import, decide and provision without a key, then look whether anything happened."""
    with ctx.speaking_of("AUTH-07"):
        company = ctx.company(fresh=True)
        before = ctx.client.call("list_imports", company_id=company.id)
        ctx.client.call("start_import", company_id=company.id, body=valid_import(ctx), key=NO_KEY)
        after = ctx.client.call("list_imports", company_id=company.id)
        heard(before, after)
        same, requirement = listing(after) == listing(before), "an import that gets 401 starts no run"
        ctx.require("AUTH-07", same, requirement, before, after, expected=before.text, got=after.text)
    with ctx.speaking_of("AUTH-07"):
        run = ctx.run("needs_attention", fresh=False)
        body = {"decision": "approve"}
        ctx.client.call("decide", company_id=run.company.id, run_id=run.id, body=body, key=NO_KEY)
        ctx.wait()
        polled = ctx.client.call("poll_import", company_id=run.company.id, run_id=run.id)
        heard(polled)
        same = member(polled.json, "status") == "needs_attention"
        ctx.require("AUTH-07", same, "a decision that gets 401 is not taken", polled, got=polled.text)
    with ctx.speaking_of("AUTH-07"):
        may_provision(ctx)
        ctx.company()  # when none can be made, the one below says nothing
        body = new_company(ctx.source())
        ctx.client.call("provision_company", body=body, key=NO_KEY)
        made = ctx.provision(**body)
        ctx.status("AUTH-07", made, 2, requirement="a company that gets 401 takes neither name nor external_id")


@check("ERR-01", "ERR-02", "ERR-06")
def refusals_have_one_form(ctx: StateDriver) -> None:
    """Ask for what does not exist, send what is malformed, and repeat an external_id."""
    company, ask = any_company(ctx), ctx.client.call
    answers = [
        ask("list_templates", key=NO_KEY),
        ask("provision_company", body={}),
        ask("provision_company", raw=NOT_JSON),
        ask("list_imports", company_id=str(uuid4()), query={"status": "active"}),
        ask("poll_import", company_id=company.id, run_id=str(uuid4())),
        ask("export_csv", company_id=company.id, query={"filter": "some"}),
    ]
    taken = member(company.provisioned, "company", "external_id")
    if isinstance(taken, str):
        answers.append(ctx.provision(external_id=taken))
    heard(*answers)
    refused = [answer for answer in answers if not answer.ok]
    if not refused:
        raise Blocked("none of the calls that should be refused was", answers)
    shown = "; ".join(f"{answer.status} {answer.text[:80]}" for answer in refused)
    no_error = [answer for answer in refused if not is_error(answer)]
    ctx.require("ERR-01", not no_error, "an error body is an object with a text in `error`", *no_error, got=shown)
    if len(no_error) < len(refused):  # the others break ERR-01, which is one failure
        more = [answer for answer in refused if answer not in no_error and set(answer.json) - {"error"}]
        ctx.require("ERR-02", not more, "an error body has no member besides `error`", *more, got=shown)
    other = [answer for answer in refused if answer.status not in DOCUMENTED]
    ctx.require("ERR-06", not other, "the documented statuses alone are used", *other, expected=DOCUMENTED, got=shown)


@check("ERR-09", needs=("failed",))
def a_failed_run_is_a_successful_poll(ctx: StateDriver) -> None:
    """Poll a run that failed."""
    try:
        answer = ctx.run("failed", fresh=False).polled
    except Blocked as blocked:
        polls = [each for each in blocked.answers if each.operation == "poll_import" and not each.ok]
        if not polls:
            raise
        # A poll that is refused may be the lie itself, or a passing trouble: the second one tells.
        answer = ctx.client.call("poll_import", **polls[-1].ids)
        if answer.ok:
            raise
    ctx.status("ERR-09", answer, 2, requirement="a run's failure is no error of the poll, which is 2xx")


@check("ERR-11")
def what_is_no_json_is_refused(ctx: StateDriver) -> None:
    """Provision, request an upload, start an import and an export with bodies that are not JSON."""
    company, ask = any_company(ctx).id, ctx.client.call
    answers = {
        "an upload": ask("request_upload", company_id=company, raw=NOT_JSON),
        "a company": ask("provision_company", raw=NOT_JSON),
        "a company, plain text": ask("provision_company", raw=b"conformance"),
    }
    with ctx.speaking_of("ERR-11"):
        idle = ctx.company(fresh=lent(ctx) is not None).id  # a busy one could refuse with 409 (OP-24)
        answers["an import"] = ask("start_import", company_id=idle, raw=NOT_JSON)
    requirement = "a body that is not valid JSON is answered with 400"  # what an error body lacks breaks ERR-01
    each_status(ctx, "ERR-11", answers, 400, requirement=requirement)
    export = {"an export": ask("start_export", company_id=company, raw=NOT_JSON)}  # OP-18: any 4xx
    each_status(ctx, "ERR-11", export, 4, requirement="an export whose body is not JSON is refused")


@check("FMT-01")
def answers_are_json_in_utf8(ctx: StateDriver) -> None:
    """Read the sources and a refusal, and provision a company whose name needs UTF-8."""
    answers = [
        ctx.client.call("list_sources"),
        ctx.client.call("poll_import", company_id=any_company(ctx).id, run_id=str(uuid4())),
    ]
    name = f"conformance-{uuid4().hex[:8]} Zo\u00eb & \u6771\u4eac"
    if lent(ctx) is None:
        answers.append(made := ctx.provision(name=name))
        heard(*answers)
        kept = not made.ok or member(made.json, "company", "name") in (name, None)
        ctx.require("FMT-01", kept, "a name comes back as it was sent, in UTF-8", made, expected=name, got=made.text)
    wrong = [each for each in answers if _JSON_TYPE.fullmatch(each.headers.get("content-type", "")) is None]
    wrong += [each for each in answers if not each.readable]
    got = "; ".join(f"{each.status} {each.headers.get('content-type')}" for each in wrong)
    ctx.require("FMT-01", not wrong, "answers are application/json in UTF-8", *wrong, got=got)


@check("FMT-02", "FMT-03", needs=("completed",))
def a_completed_run_has_the_documented_members(ctx: StateDriver) -> None:
    """Poll a completed run."""
    run = ctx.run("completed", fresh=False)
    report = member(run.state, "report")
    lacking = _lacking(report, "report", "inserted", "perSheet", "invalidCellCount")
    for sheet in entries(report, "perSheet"):
        lacking += _lacking(sheet, "report.perSheet[]", "templateName", "sheetId", "rowCount")
    counts = [member(report, "inserted"), member(report, "invalidCellCount")]
    _named(ctx, run, lacking, counts + [member(sheet, "rowCount") for sheet in entries(report, "perSheet")])


@check("FMT-02", "FMT-03", needs=("needs_attention",))
def a_parked_run_has_the_documented_members(ctx: StateDriver) -> None:
    """Poll a parked run."""
    run = ctx.run("needs_attention", fresh=False)
    asked, patch = member(run.state, "needs_attention"), member(run.state, "needs_attention", "proposed_patch")
    lacking = _lacking(member(run.state, "report"), "report", "inserted", "invalidCellCount")
    lacking += _lacking(asked, "needs_attention", "questions", "proposed_patch")
    lacking += _lacking(patch, "proposed_patch", "summary", "actions")
    for question in entries(asked, "questions"):
        lacking += _lacking(question, "questions[]", *_QUESTION)
        lacking += _lacking(member(question, "target"), "target", *_TARGET)
    for action in entries(patch, "actions"):
        lacking += _lacking(action, "actions[]", "sheet_id", "column", "action")
    counts = [member(run.state, "report", "inserted"), member(run.state, "report", "invalidCellCount")]
    counts += [member(each, "target", "affected_count") for each in entries(asked, "questions")]
    _named(ctx, run, lacking, counts)


_QUESTION = ("id", "prompt", "context", "target", "relevant_columns", "options", "allow_custom")
_TARGET = ("sheet_id", "column", "affected_count", "sample_values", "error")


def _lacking(value: Any, where: str, *names: str) -> list[str]:
    """The members that the object does not have."""
    return [f"{where}.{name}" for name in names if not isinstance(value, dict) or name not in value]


def _named(ctx: StateDriver, run: Run, lacking: list[str], counts: list[Any]) -> None:
    """Record whether a member lacks, and whether each count that is there is an integer, written without a fraction."""
    ctx.require("FMT-02", not lacking, "members are named as documented", run.polled, got=f"no {', '.join(lacking)}")
    wrong = [count for count in counts if count is not None and type(count) is not int]
    ctx.require("FMT-03", not wrong, "counts are JSON numbers without a fraction", run.polled, got=wrong)
