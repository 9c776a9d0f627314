"""Keys (AUTH): a call that must be refused is one that the suite has the right to make otherwise."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from conformance.engine.context import must_come, skip_if
from conformance.http.client import NO_KEY, REVOKED, Key
from conformance.preview.account import FILE, judge_no_run, other_key, two_companies, valid_import
from conformance.preview.bodies import array, at
from conformance.preview.checks import Answer, Run, StateDriver, check
from conformance.preview.driver import new_company


@check("AUTH-02", needs=("completed",))
def every_call_needs_a_key(ctx: StateDriver) -> None:
    """Make each call without a key."""
    ask, company = ctx.client.call, ctx.any_company().id
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
    ctx.each_status("AUTH-02", answers, 401, "a call without a key is answered with 401")
    mute = [answer for answer in answers.values() if not at(answer.json, "error")]
    ctx.require("AUTH-02", not mute, "a call without a key is answered with an error body", *mute)


@check("AUTH-03")
def a_wrong_key_is_refused(ctx: StateDriver) -> None:
    """Read the sources with keys that are malformed or unknown, and a company's imports with an unknown one."""
    company, ask, unknown = ctx.any_company().id, ctx.client.call, f"invalid-{uuid4().hex}"
    keys = {"unknown": unknown, "malformed": "not a key?", "short": "x"}
    answers = {f"sources, {kind} key": ask("list_sources", key=key) for kind, key in keys.items()}
    answers["imports, unknown key"] = ask("list_imports", company_id=company, key=unknown)
    ctx.each_status("AUTH-03", answers, 401, "a malformed or unknown key is answered with 401")


@check("AUTH-04")
def a_revoked_key_is_refused(ctx: StateDriver) -> None:
    """Read the sources and a company's imports with a revoked key."""
    skip_if(not ctx.client.has(REVOKED), "the target file has no revoked_api_key")
    answers = {
        "sources": ctx.client.call("list_sources", key=REVOKED),
        "imports": ctx.client.call("list_imports", company_id=ctx.any_company().id, key=REVOKED),
    }
    ctx.each_status("AUTH-04", answers, 401, "a revoked key is answered with 401")


@check("AUTH-05", "UPL-08")
def one_key_reaches_every_company(ctx: StateDriver) -> None:
    """Read the imports of two companies and ask each for an upload of the same file, with the one key."""
    answers, refs = {}, []
    for number, company in enumerate(two_companies(ctx), 1):
        answers[f"imports of company {number}"] = ctx.history(company)
        upload = ctx.client.call("request_upload", company_id=company.id, body=FILE)
        if upload.status != 400:  # the company was reached; what the request lacks is UPL-01's
            answers[f"upload for company {number}"] = upload
        refs.append(at(upload.json, "upload_ref"))
    ctx.each_status("AUTH-05", answers, 2, "one key reaches every company of the account")
    if all(isinstance(ref, str) for ref in refs):
        ctx.require("UPL-08", refs[0] != refs[1], "two companies' uploads have their own upload_ref", got=refs)


@check("AUTH-06", needs=("completed",))
def another_account_finds_nothing(ctx: StateDriver) -> None:
    """Use a company, its run and its sheet with another account's key."""
    company, ask, key = ctx.any_company(), ctx.client.call, other_key(ctx)
    answers = {
        "the imports": ask("list_imports", company_id=company.id, key=key),
        "an upload": ask("request_upload", company_id=company.id, body=FILE, key=key),
        "the CSV": ask("export_csv", company_id=company.id, key=key),
    }
    for sheet in list(company.sheets)[:1]:
        answers["a sheet"] = ask("export_csv", company_id=company.id, query={"sheet_id": sheet}, key=key)
    with ctx.speaking_of("AUTH-06"):
        answers["an import"] = ask("start_import", company_id=company.id, body=valid_import(ctx), key=key)
    with ctx.speaking_of("AUTH-06"):
        answers |= _foreign_run(ctx, ctx.run("completed", fresh=False), key)
    if ctx.each_status("AUTH-06", answers, 404, "what belongs to another account is answered with 404, never with 403"):
        hidden = at(company.provisioned, "company", "name"), at(company.provisioned, "workbook_id")
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
    if ctx.lent is not None:
        return answers
    body = new_company(str(at(ask("list_sources", key=key).json, "sources", 0, "id")))
    made = ask("provision_company", body=body, key=key).json
    company, own = at(made, "company", "id"), [at(sheet, "id") for sheet in array(made, "sheets")]
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
        before = ctx.history(company)
        ctx.client.call("start_import", company_id=company.id, body=valid_import(ctx), key=NO_KEY)
        judge_no_run(ctx, "AUTH-07", "an import that gets 401 starts no run", before, ctx.history(company))
    with ctx.speaking_of("AUTH-07"):
        run = ctx.run("needs_attention", fresh=False)
        ctx.client.call("decide", company_id=run.company.id, run_id=run.id, body={"decision": "approve"}, key=NO_KEY)
        ctx.wait()
        polled = ctx.client.call("poll_import", company_id=run.company.id, run_id=run.id)
        must_come(polled)
        same = at(polled.json, "status") == "needs_attention"
        ctx.require("AUTH-07", same, "a decision that gets 401 is not taken", polled, got=polled.text)
    with ctx.speaking_of("AUTH-07"):
        ctx.must_provision()
        ctx.company()  # when none can be made, the one below says nothing
        ctx.client.call("provision_company", body=(body := new_company(ctx.source())), key=NO_KEY)
        ctx.status("AUTH-07", ctx.provision(**body), 2, "a company that gets 401 takes neither name nor external_id")
