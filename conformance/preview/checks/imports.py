"""Starting an import, the keys that make a start repeatable, and uploads of the files that it names (IMP, IDEM, UPL).

The rule that it keeps: whether a start had an effect is told by the company's history and the run itself, read before
and after, never by the answer to the start alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from conformance.engine.context import block_if, must_succeed, skip_if
from conformance.preview.account import BYTES, FILE, file_of, templates_of, upload
from conformance.preview.bodies import array, at, is_same, names, new_entries
from conformance.preview.checks import Answer, Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.driver import new_name
from conformance.target.target import Body

BESIDE = "a start was accepted beside an import in flight"
STARTS_AT_ONCE = 8
LONG_PAST = 7200
"""Seconds: well over the hour, about, that an upload URL lives."""


@check("IMP-02", "IMP-03", "IMP-04", "IMP-05", needs=("completed",))
def an_import_of_rows_starts_queued(ctx: StateDriver) -> None:
    """Start an import of inline rows, and read its poll_url at once."""
    body, company = ctx.body("completed"), ctx.company(fresh=True)
    answer = ctx.start(company, body)
    if "rows" in body:
        _judge_start(ctx, "IMP-02", company, answer)
    else:
        with ctx.speaking_of("IMP-02"):
            raise Skipped("the body that leads to completed has no inline rows")
    run_id, url = at(answer.json, "run_id"), at(answer.json, "poll_url")
    if not isinstance(url, str) or not url.endswith(f"/companies/{company.id}/imports/{run_id}") or url[0] != "/":
        raise Blocked("the start gave no poll_url that could be the run's", [answer])  # IMP-04
    polled = ctx.client.get(url)
    if ctx.status("IMP-05", polled, 2, "the poll_url of a run just started can be read at once"):
        told = at(polled.json, "run_id")  # OP-05: only where it is there
        here, requirement = told in (None, run_id), "the poll_url of a run just started leads to that run"
        ctx.require("IMP-05", here, requirement, answer, polled, expected=run_id, got=told)


@check("IMP-01", "IMP-03", "IMP-04", needs=("completed",))
def an_import_of_a_file_starts_queued(ctx: StateDriver) -> None:
    """Upload the rows as a CSV file, and start an import of it."""
    body, company = ctx.body("completed"), ctx.company(fresh=True)
    if "files" not in body:
        if not isinstance(body.get("rows"), list):
            raise Skipped("the body that leads to completed has no rows to make a file of")
        body = file_of(ctx, company, body["rows"])
    _judge_start(ctx, "IMP-01", company, ctx.start(company, body))


@check("IMP-06", "IMP-07", "IMP-13", needs=("completed",))
def a_malformed_start_is_refused(ctx: StateDriver) -> None:
    """Start imports without rows and files, and with malformed files, of a company that has none in flight."""
    company, key = ctx.company(fresh=True), new_name()
    before = names(ctx, company)
    neither, malformed = "neither files nor rows", "malformed files"
    bodies: list[tuple[str, str, Any]] = [
        ("IMP-06", neither, {}),
        ("IMP-06", neither, {"idempotency_key": new_name()}),
        ("IMP-07", malformed, {"files": "a.csv"}),
        ("IMP-07", malformed, {"files": [{"name": "a.csv"}], "idempotency_key": key}),
    ]
    answers = [ctx.start(company, body) for _, _, body in bodies]
    for (clause, what, _), answer in zip(bodies, answers, strict=True):
        ctx.status(clause, answer, 400, f"a start with {what} is refused with 400")
    _stop_if_accepted("a malformed start was not refused", *answers)
    ctx.equal("IMP-13", names(ctx, company), before, "a start refused with 400 creates no run", *answers)
    used = ctx.start(company, ctx.body("completed") | {"idempotency_key": key})
    ctx.status("IMP-13", used, 2, "a start refused with 400 does not consume its idempotency_key")


@check("IMP-08", needs=("completed",))
def an_unknown_company_starts_nothing(ctx: StateDriver) -> None:
    """Start an import of a company that does not exist."""
    answer = ctx.client.call("start_import", company_id=str(uuid4()), body=ctx.body("completed"))
    ctx.status("IMP-08", answer, 404, "a start for an unknown company is refused with 404")


@check("IMP-09", "IMP-10", "IMP-11", "IMP-13", needs=("completed", "needs_attention"))
def one_import_at_a_time(ctx: StateDriver) -> None:
    """Start further imports while one is in flight, while it is parked, and after its end."""
    clean, flagged, key = ctx.body("completed"), ctx.body("needs_attention"), new_name()
    company = ctx.company(fresh=True)
    earlier = names(ctx, company)
    run = ctx.begin_run("needs_attention", company)
    moving = [ctx.start(company, clean), ctx.start(company, flagged | {"idempotency_key": key})]
    for answer, what in zip(moving, ("without a key", "with a new key"), strict=True):
        ctx.status("IMP-09", answer, 409, f"a start {what} is refused with 409 while an import is in flight")
    _stop_if_accepted(BESIDE, *moving)
    parked = ctx.until(run, "needs_attention")
    before = names(ctx, company)
    new = new_entries(before, earlier)
    requirement = "a start refused with 409 creates no run: the history has one run more than before the first start"
    ctx.require("IMP-09", new is None or len(new) <= 1, requirement, *moving, expected="1 new run", got=new)
    third = ctx.start(company, clean)
    ctx.status("IMP-10", third, 409, "a start is refused with 409 while the company's run is parked")
    _stop_if_accepted(BESIDE, third)
    after, again = names(ctx, company), ctx.poll(run)
    unchanged = after == before and is_same(parked, again)
    requirement = "a start refused with 409 changes neither the history nor the run in flight"
    ctx.require("IMP-13", unchanged, requirement, third, again, expected=parked, got=again.json)
    ctx.end(run)
    _start_anew(ctx, run, clean, key)


def _stop_if_accepted(what: str, *answers: Answer) -> None:
    """Stop a check whose start was not refused: that was told, and breaks one clause."""
    accepted = [answer for answer in answers if answer.ok]
    block_if(accepted, what, *accepted)


def _start_anew(ctx: StateDriver, ended: Run, clean: dict[str, Any], key: str) -> None:
    """After the run's end the company is free, and so is the key of a start that was refused for another payload."""
    last = ctx.start(ended.company, clean | {"idempotency_key": key})
    if last.status == 409:
        without = ctx.start(ended.company, clean)
        ctx.status("IMP-11", without, 2, "once the run is terminal a new import is accepted")
        block_if(not without.ok, "whether the key was consumed cannot be told: no start is accepted", last, without)
    else:
        ctx.status("IMP-11", last, 2, "once the run is terminal a new import is accepted")
    holds = last.ok and at(last.json, "run_id") != ended.id
    requirement = "a start refused with 409 does not consume its idempotency_key"
    ctx.require("IMP-13", holds, requirement, last, expected="2xx with a new run", got=f"{last.status} {last.text}")


def _judge_start(ctx: StateDriver, clause: str, company: Company, answer: Answer) -> None:
    ctx.status(clause, answer, 201, "a well-formed start is answered with 201")
    must_succeed(answer, "a well-formed start was refused")
    block_if(not ctx.shaped(answer, clause, "IMP-03", "IMP-04"), "the answer to the start is not whole", answer)
    path = f"/companies/{company.id}/imports/{at(answer.json, 'run_id')}"
    root, url = urlsplit(ctx.target.base_url).path.rstrip("/"), at(answer.json, "poll_url")
    requirement = "poll_url is the relative path of the company and the run"
    ctx.require("IMP-04", url in {root + path, f"/api/v1{path}"}, requirement, answer, expected=root + path, got=url)


@check("IDEM-01", "IDEM-02", "IDEM-03", "IDEM-04", "IDEM-05", "IDEM-07", needs=("completed", "needs_attention"))
def a_key_starts_one_run(ctx: StateDriver) -> None:
    """Repeat a start with its key while the run moves, while it is parked, and after its end; then with other rows."""
    company = ctx.company(fresh=True)
    earlier = names(ctx, company)
    body = ctx.body("needs_attention") | {"idempotency_key": new_name()}
    run = ctx.begin(company, body)
    moving = ctx.start(company, body)
    if moving.ok:
        known, got = moving.status in (200, 201), f"{moving.status} {moving.text[:200]}"
        ctx.require("IDEM-07", known, "a replay is answered with 200 or 201", moving, expected="200 or 201", got=got)
        ctx.reads("OP-06", f"{moving.status}, with status {at(moving.json, 'status')!r} while the run is active")
    _judge_replay(ctx, "IDEM-02", run, moving, "while the run is active")
    parked = ctx.until(run, "needs_attention")
    _judge_replay(ctx, "IDEM-04", run, ctx.start(company, body), "while the run is parked")
    other = ctx.body("completed") | {"idempotency_key": body["idempotency_key"]}
    _judge_conflict(ctx, run, other, parked)
    new = new_entries(names(ctx, company), earlier)
    same_run = not moving.ok or at(moving.json, "run_id") == run.id  # a refusal is IDEM-02's
    requirement = "the same start with the same key gives the same run, and no second one"
    holds = same_run and (new is None or len(new) <= 1)
    ctx.require("IDEM-01", holds, requirement, moving, expected=f"run {run.id} alone", got=new)
    ctx.end(run)
    ended = run.state
    if _judge_replay(ctx, "IDEM-03", run, ctx.start(company, body), "after the run's end"):
        _judge_conflict(ctx, run, other, ended)


@check("IDEM-06", "IMP-12", needs=("completed", "needs_attention"))
def companies_import_side_by_side(ctx: StateDriver) -> None:
    """Start an import of one company, and of another while the first is in flight, with one key and other rows."""
    key = {"idempotency_key": new_name()}
    requirement = "a company without an import in flight starts one, whatever other companies do"
    first = ctx.start(ctx.company(fresh=True), ctx.body("needs_attention") | key)
    if first.status == 409:  # for want of an import of its own, it is others' that keep it from starting one
        ctx.status("IMP-12", first, 2, requirement)
    must_succeed(first, "the first import was not accepted")
    company = ctx.company(fresh=True)
    second = ctx.start(company, ctx.body("completed") | key)
    answer = second if second.ok else ctx.start(company, ctx.body("completed"))
    if not ctx.status("IMP-12", answer, 2, requirement):
        raise Blocked("the second company can start no import at all", [second, answer])
    requirement = "a key that another company used starts a run of its own"
    if ctx.status("IDEM-06", second, 2, requirement):
        ids = {str(at(each.json, "run_id")) for each in (first, second)}
        ctx.require("IDEM-06", len(ids) == 2, requirement, first, second, expected="two runs", got=ids)


@check("IDEM-08", needs=("completed",))
def concurrent_starts_with_one_key_are_one(ctx: StateDriver) -> None:
    """Send eight equal starts with one key at once."""
    company = ctx.company(fresh=True)
    earlier = names(ctx, company)
    body = ctx.body("completed") | {"idempotency_key": new_name()}
    answers = ctx.client.concurrently([partial(ctx.start, company, body)] * STARTS_AT_ONCE)
    accepted = [answer for answer in answers if answer.ok]
    block_if(not accepted, "none of the concurrent starts was accepted", *answers[:2])
    ids = {str(at(answer.json, "run_id")) for answer in accepted}
    new = new_entries(names(ctx, company), earlier)
    holds = len(ids) == 1 and (new is None or len(new) <= 1)
    requirement = "concurrent starts with one key create one run"
    ctx.require("IDEM-08", holds, requirement, *accepted[:3], expected="1 run", got=f"{ids}; new in history: {new}")


def _judge_replay(ctx: StateDriver, clause: str, run: Run, answer: Answer, when: str) -> bool:
    requirement = f"the same start with the same key gives the existing run {when}"
    holds, got = answer.ok and at(answer.json, "run_id") == run.id, f"{answer.status} {answer.text}"
    return ctx.require(clause, holds, requirement, answer, expected=f"2xx, run {run.id}", got=got)


def _judge_conflict(ctx: StateDriver, run: Run, other: dict[str, Any], before: Any) -> None:
    refused = ctx.start(run.company, other)
    status = before.get("status") if isinstance(before, dict) else before
    requirement = f"a used key with clearly different rows is refused with 409; its run is {status}"
    ctx.status("IDEM-05", refused, 409, requirement)
    after = ctx.poll(run)
    requirement = "a used key with different rows leaves the existing run as it is"
    ctx.require("IDEM-05", is_same(before, after), requirement, refused, after, expected=before, got=after.json)


@check("UPL-01")
def an_upload_is_signed(ctx: StateDriver) -> None:
    """Request an upload with name, content type and size."""
    answer = ctx.client.call("request_upload", company_id=ctx.any_company().id, body=FILE)
    if ctx.status("UPL-01", answer, 2, "a request for an upload is answered with 2xx"):
        ctx.shaped(answer, "UPL-01")


@check("UPL-03")
def an_upload_url_works_once(ctx: StateDriver) -> None:
    """Put a file to an upload URL, then put it there again."""
    url, _ = upload(ctx, ctx.any_company())
    first = ctx.client.put_upload(url, BYTES, "text/csv")
    if ctx.status("UPL-03", first, 2, "the first PUT to an upload URL is accepted"):
        second = ctx.client.put_upload(url, BYTES, "text/csv")
        ctx.each_status("UPL-03", {"the second PUT": second}, 4, "a second PUT to an upload URL is refused")
        ctx.reads("OP-04", f"the first PUT is answered with {first.status}, a second one with {second.status}")


@check("UPL-06")
def an_upload_can_be_imported(ctx: StateDriver) -> None:
    """Upload a CSV file and start an import of it."""
    company = ctx.company(fresh=True)
    # The rows of the target file's clean import; without those, the first template's header.
    template, way = templates_of(ctx)[0], ctx.target.states.get("completed")
    rows = array(way.body, "rows") if isinstance(way, Body) else []
    columns = None if rows else [str(at(column, "name")) for column in array(template, "columns")]
    answer = ctx.start(company, file_of(ctx, company, rows, columns, f"{at(template, 'name')}.csv"))
    ctx.status("UPL-06", answer, 2, "an import takes the upload_ref of an upload of its company")
    if answer.ok and isinstance(at(answer.json, "run_id"), str) and ctx.lent is not None:
        ctx.until(ctx.run_of(answer, company, None))  # so that the company can be used again


@check("UPL-07")
def an_unknown_company_gets_no_upload(ctx: StateDriver) -> None:
    """Request an upload for a company that does not exist."""
    answer = ctx.client.call("request_upload", company_id=str(uuid4()), body=FILE)
    ctx.status("UPL-07", answer, 404, "an unknown company is answered with 404")


@check("UPL-08")
def uploads_have_references_of_their_own(ctx: StateDriver) -> None:
    """Request two uploads of the same file for one company."""
    company = ctx.any_company()
    refs = [upload(ctx, company)[1], upload(ctx, company)[1]]
    ctx.require("UPL-08", refs[0] != refs[1], "no two uploads have the same upload_ref", got=refs)


@check("UPL-04")
def an_upload_url_expires(ctx: StateDriver) -> None:
    """Put a file to an upload URL two hours after it was given."""
    url, _ = upload(ctx, ctx.any_company())
    skip_if(not ctx.advance(LONG_PAST), "the target file offers no way to let time pass")
    late = ctx.client.put_upload(url, BYTES, "text/csv")
    young = late.ok and not ctx.target.strict
    skip_if(young, "the target's clock may move runs alone, so the upload URL may not have aged (OP-39)")
    ctx.each_status("UPL-04", {"the late PUT": late}, 4, "an upload URL of more than an hour is refused")
