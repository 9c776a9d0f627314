"""Errors and form (ERR, FMT): what holds for every call, whatever it is about."""

from __future__ import annotations

import re
from uuid import uuid4

from conformance.engine.context import block_if, must_come
from conformance.http.client import NO_KEY
from conformance.preview.bodies import at
from conformance.preview.checks import Blocked, StateDriver, check

DOCUMENTED = (400, 401, 404, 409, 429, 500)
NOT_JSON = b'{"name": "conformance", "rows": ['
_JSON_TYPE = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)


@check("ERR-01", "ERR-02", "ERR-06")
def refusals_have_one_form(ctx: StateDriver) -> None:
    """Ask for what does not exist, send what is malformed, and repeat an external_id."""
    company, ask = ctx.any_company(), ctx.client.call
    answers = [
        ask("list_templates", key=NO_KEY),
        ask("provision_company", body={}),
        ask("provision_company", raw=NOT_JSON),
        ask("list_imports", company_id=str(uuid4()), query={"status": "active"}),
        ask("poll_import", company_id=company.id, run_id=str(uuid4())),
        ask("export_csv", company_id=company.id, query={"filter": "some"}),
    ]
    taken = at(company.provisioned, "company", "external_id")
    if isinstance(taken, str):
        answers.append(ctx.provision(external_id=taken))
    must_come(*answers)
    refused = [answer for answer in answers if not answer.ok]
    block_if(not refused, "none of the calls that should be refused was", *answers)
    shown = "; ".join(f"{answer.status} {answer.text[:80]}" for answer in refused)
    texts = [(answer, at(answer.json, "error")) for answer in refused]
    no_error = [answer for answer, text in texts if not isinstance(text, str) or not text.strip()]
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
    ctx.status("ERR-09", answer, 2, "a run's failure is no error of the poll, which is 2xx")


@check("ERR-11")
def what_is_no_json_is_refused(ctx: StateDriver) -> None:
    """Provision, request an upload, start an import and an export with bodies that are not JSON."""
    company, ask = ctx.any_company().id, ctx.client.call
    answers = {
        "an upload": ask("request_upload", company_id=company, raw=NOT_JSON),
        "a company": ask("provision_company", raw=NOT_JSON),
        "a company, plain text": ask("provision_company", raw=b"conformance"),
    }
    with ctx.speaking_of("ERR-11"):
        idle = ctx.company(fresh=ctx.lent is not None).id  # a busy one could refuse with 409 (OP-24)
        answers["an import"] = ask("start_import", company_id=idle, raw=NOT_JSON)
    requirement = "a body that is not valid JSON is answered with 400"  # what an error body lacks breaks ERR-01
    ctx.each_status("ERR-11", answers, 400, requirement)
    export = {"an export": ask("start_export", company_id=company, raw=NOT_JSON)}  # OP-18: any 4xx
    ctx.each_status("ERR-11", export, 4, "an export whose body is not JSON is refused")


@check("FMT-01")
def answers_are_json_in_utf8(ctx: StateDriver) -> None:
    """Read the sources and a refusal, and provision a company whose name needs UTF-8."""
    answers = [ctx.client.call("list_sources"), ctx.read_run(ctx.any_company().id, str(uuid4())).polled]
    name = f"conformance-{uuid4().hex[:8]} Zo\u00eb & \u6771\u4eac"
    if ctx.lent is None:
        answers.append(made := ctx.provision(name=name))
        must_come(*answers)
        kept = not made.ok or at(made.json, "company", "name") in (name, None)
        ctx.require("FMT-01", kept, "a name comes back as it was sent, in UTF-8", made, expected=name, got=made.text)
    wrong = [each for each in answers if _JSON_TYPE.fullmatch(each.headers.get("content-type", "")) is None]
    wrong += [each for each in answers if not each.readable]
    got = "; ".join(f"{each.status} {each.headers.get('content-type')}" for each in wrong)
    ctx.require("FMT-01", not wrong, "answers are application/json in UTF-8", *wrong, got=got)


@check("FMT-02", "FMT-03", needs=("completed",))
def a_completed_run_has_the_documented_members(ctx: StateDriver) -> None:
    """Poll a completed run."""
    ctx.shaped(ctx.run("completed", fresh=False).polled, "FMT-02", "FMT-03")


@check("FMT-02", "FMT-03", needs=("needs_attention",))
def a_parked_run_has_the_documented_members(ctx: StateDriver) -> None:
    """Poll a parked run."""
    ctx.shaped(ctx.run("needs_attention", fresh=False).polled, "FMT-02", "FMT-03")
