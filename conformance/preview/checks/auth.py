"""Keys (AUTH): a call that must be refused is one that the suite has the right to make otherwise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from conformance.engine.context import must_come, skip_if
from conformance.http.client import DEFAULT, NO_KEY, OTHER, REVOKED, Key
from conformance.model.results import Outcome
from conformance.preview.account import FILE, judge_no_run, other_key, two_companies, valid_import, with_destination
from conformance.preview.bodies import array, at
from conformance.preview.checks import Answer, Company, Run, StateDriver, check
from conformance.preview.checks.exports import follow_export, start_export
from conformance.preview.checks.runs import TIMED_OUT
from conformance.preview.driver import new_company
from conformance.preview.each_call import calls_of_company, calls_of_run, made


def _each_call(ctx: StateDriver, clause: str, key: Key | str) -> dict[str, Answer]:
    """The answers to a call of each operation with this key."""
    ask = ctx.client.call
    answers = {"the sources": ask("list_sources", key=key), "the templates": ask("list_templates", key=key)}
    answers["a company"] = ask("provision_company", body=new_company(ctx.source()), key=key)
    answers |= made(calls_of_company(ctx, ctx.any_company(), {"rows": [{}]}), key)
    with ctx.speaking_of(clause):
        answers |= made(calls_of_run(ctx, ctx.run("completed", fresh=False)), key)
    if answers["an export"].status in {404, 405, 501}:  # OP-18: there may be no exports at all
        del answers["an export"]
    return answers


@check("AUTH-02", needs=("completed",))
def every_call_needs_a_key(ctx: StateDriver) -> None:
    """Make each call without a key, and one with an empty key."""
    answers = _each_call(ctx, "AUTH-02", NO_KEY)
    answers["the imports, empty key"] = ctx.client.call("list_imports", company_id=ctx.any_company().id, key="")
    ctx.each_status("AUTH-02", answers, 401, "a call without a key is answered with 401")
    mute = [answer for answer in answers.values() if not at(answer.json, "error")]
    ctx.require("AUTH-02", not mute, "a call without a key is answered with an error body", *mute)


@check("AUTH-03", "AUTH-05", needs=("completed",))
def a_wrong_key_is_refused(ctx: StateDriver) -> None:
    """Make each call with an unknown key, and read a company's imports with keys that are malformed or nearly right."""
    ask, unknown = ctx.client.call, _unknown()
    answers = {
        f"sources, {kind} key": ask("list_sources", key=key)
        for kind, key in {"malformed": "not a key?", "short": "x", "wild": "%"}.items()
    }
    answers["sources, unknown key"] = ask("list_sources", key=unknown)
    ctx.each_status("AUTH-03", answers, 401, "a malformed or unknown key is answered with 401")
    company = ctx.any_company().id
    ctx.each_status(
        "AUTH-03", _each_call(ctx, "AUTH-03", unknown), 401, "an unknown key is answered with 401 by each call"
    )
    near = {what: ask("list_imports", company_id=company, key=key) for what, key in _nearly(ctx).items()}
    ctx.each_status("AUTH-03", near, 4, "a key that only resembles the account's opens nothing of the account")
    wrong = _beside(ctx, partial(ask, "list_imports", company_id=company), unknown)
    ctx.each_status("AUTH-03", wrong, 401, "an unknown key is answered with 401 beside calls with the right one")


def _beside(ctx: StateDriver, call: Callable[..., Answer], key: Key | str) -> dict[str, Answer]:
    """The answers to calls with the key that come at the same moment as ours, which are answered as ever (AUTH-05)."""
    answers = ctx.client.concurrently([partial(call, key=DEFAULT), partial(call, key=key)] * AT_ONCE)
    ours, theirs = ({f"call {at}": each for at, each in enumerate(half, 1)} for half in (answers[::2], answers[1::2]))
    ctx.each_status("AUTH-05", ours, 2, "the account's key is good beside calls with another one")
    return theirs


AT_ONCE = 4


def _unknown() -> str:
    return f"invalid-{uuid4().hex}"


def _nearly(ctx: StateDriver) -> dict[str, str]:
    """Keys that begin with the right one, contain it, are its beginning, or differ in the case of letters."""
    right = ctx.target.api_key
    known = {right, ctx.target.other_api_key, ctx.target.revoked_api_key, ""}
    near = {
        "more behind it": f"{right}x",
        "more before it": f"x{right}",
        "more beside it": f"{right} x",
        "its end cut off": right[:-1].strip(),
        "its beginning cut off": right[1:].strip(),
        "letters in the other case": right.swapcase(),
    }
    return {what: key for what, key in near.items() if key not in known}


@check("AUTH-04", needs=("completed",))
def a_revoked_key_is_refused(ctx: StateDriver) -> None:
    """Make each call with a revoked key."""
    skip_if(not ctx.client.has(REVOKED), "the target file has no revoked_api_key")
    ctx.each_status("AUTH-04", _each_call(ctx, "AUTH-04", REVOKED), 401, "a revoked key is answered with 401")


@check("AUTH-02", "AUTH-03", "AUTH-04", "AUTH-06", "SEC-02", needs=("completed",), whole=True)
def an_export_needs_the_account_s_key(ctx: StateDriver) -> None:
    """Poll an export without a key, with an unknown, a revoked and another account's key, and under another company."""
    company = with_destination(ctx, "completed")
    started = start_export(ctx, company, {"mode": "canary"})
    run = at(started.json, "run_id")
    skip_if(not started.ok or not isinstance(run, str), f"the start of an export is answered with {started.status}")
    kinds: list[tuple[str, Key | str, int]] = [("AUTH-02", NO_KEY, 401), ("AUTH-03", _unknown(), 401)]
    for clause, key, status in (*kinds, ("AUTH-04", REVOKED, 401), ("AUTH-06", OTHER, 404)):
        if isinstance(key, Key) and not ctx.client.has(key):
            ctx.leave_open([clause], Outcome.SKIPPED, "the target file has no such key")
            continue
        answer = ctx.client.call("poll_export", company_id=company.id, run_id=run, key=key)
        ctx.status(clause, answer, status, f"an export's poll without the account's key is answered with {status}")
    other = ctx.client.call("poll_export", company_id=two_companies(ctx)[1].id, run_id=run)
    ctx.status("SEC-02", other, 404, "a company's export is not found under another company")
    follow_export(ctx, company, started)


@check("AUTH-05", "UPL-08")
def one_key_reaches_every_company(ctx: StateDriver) -> None:
    """Read the imports of two companies and ask each for an upload of the same file, with the one key."""
    answers, refs = {}, []
    for number, company in enumerate(two_companies(ctx), 1):
        answers[f"imports of company {number}"] = ctx.history(company)
        answers[f"active import of company {number}"] = ctx.active(company)
        upload = ctx.client.call("request_upload", company_id=company.id, body=FILE)
        if upload.status != 400:  # the company was reached; what the request lacks is UPL-01's
            answers[f"upload for company {number}"] = upload
        refs.append(at(upload.json, "upload_ref"))
    ctx.each_status("AUTH-05", answers, 2, "one key reaches every company of the account")
    if all(isinstance(ref, str) for ref in refs):
        ctx.require("UPL-08", refs[0] != refs[1], "two companies' uploads have their own upload_ref", got=refs)


@check("AUTH-05", "AUTH-06", needs=("completed", "needs_attention"))
def another_account_finds_nothing(ctx: StateDriver) -> None:
    """Use a company, its runs and its sheets with another account's key, and look whether that did anything."""
    company, key = ctx.any_company(), other_key(ctx)
    runs: list[Run] = []
    body: dict[str, Any] = {"rows": [{}]}
    for state in ("completed", "needs_attention"):
        with ctx.speaking_of("AUTH-06"):
            runs.append(ctx.run(state, fresh=False))
    with ctx.speaking_of("AUTH-06"):
        body = valid_import(ctx)
    answers = _under_its_own(ctx, company, runs[0], key) if runs and ctx.lent is None else {}
    before = ctx.history(company)
    answers |= made(calls_of_company(ctx, company, body), key)
    for run in runs:
        known = at(run.state, "status")
        answers |= {f"{name}, {known} run": each for name, each in made(calls_of_run(ctx, run), key).items()}
        _judge_undecided(ctx, "AUTH-06", "another account's decision changes no run", run)
    for query in ({}, {"status": "active"}):
        call = partial(ctx.client.call, "list_imports", company_id=company.id, query=query)
        kind = "look-up" if query else "imports"
        answers |= {f"{kind} beside ours, {what}": each for what, each in _beside(ctx, call, key).items()}
    if not answers["an export"].ok and answers["an export"].status != 403:
        del answers["an export"]  # OP-18: how it is refused is left open
    judge_no_run(ctx, "AUTH-06", "another account's calls start no run", before, ctx.history(company))
    if ctx.each_status("AUTH-06", answers, 404, "what belongs to another account is answered with 404, never with 403"):
        hidden = at(company.provisioned, "company", "name"), at(company.provisioned, "workbook_id")
        secrets = [each for each in hidden if isinstance(each, str) and each and each != company.id]  # OP-34
        told = [each for each in answers.values() if any(secret in each.text for secret in secrets)]
        ctx.require("AUTH-06", not told, "nothing about another account's things is disclosed", *told)


def _judge_undecided(ctx: StateDriver, clause: str, requirement: str, run: Run) -> None:
    """Whether the run is what it was before the decisions with a wrong key, or has expired meanwhile (OP-11)."""
    known, polled = at(run.state, "status"), ctx.read_run(run.company.id, run.id).polled
    must_come(polled)
    same = at(polled.json, "status") == known or at(polled.json, "error") == TIMED_OUT
    ctx.require(clause, same, requirement, polled, expected=known, got=polled.text)


def _under_its_own(ctx: StateDriver, like: Company, run: Run, key: Key) -> dict[str, Answer]:
    """Calls by another account about the run and its sheets, under a company of its own with our company's name."""
    right = new_company(_source_of(ctx, key))
    bodies = right | {"name": at(like.provisioned, "company", "name")}, right  # where names are one account's alone
    answers = (ctx.client.call("provision_company", body=body, key=key) for body in bodies)
    told = next((answer.json for answer in answers if answer.ok), None)
    company, own = at(told, "company", "id"), [at(sheet, "id") for sheet in array(told, "sheets")]
    if not isinstance(company, str):
        return {}
    ctx.left_behind.append(f"company {company} of the other account")
    strange = Run(Company(company, {each: "" for each in run.company.sheets if each not in own}), run.id, run.polled)
    calls = calls_of_run(ctx, strange) | {
        name: call for name, call in calls_of_company(ctx, strange.company, {}).items() if "sheet" in name
    }  # a sheet that both have is for ID-02
    history = ctx.client.call("list_imports", company_id=company, key=key)
    hidden = run.id not in history.text
    ctx.require("AUTH-06", hidden, "another account's run is in no history", history, got=history.text)
    return {f"{name} under another company": each for name, each in made(calls, key).items()}


def _source_of(ctx: StateDriver, key: Key) -> str:
    return str(at(ctx.client.call("list_sources", key=key).json, "sources", 0, "id"))


@check("AUTH-07", needs=("needs_attention",))
def what_gets_401_does_not_happen(ctx: StateDriver) -> None:
    """Start an import, decide and provision without a key and with wrong ones, then look whether anything happened."""
    keys: list[Key | str] = [NO_KEY, _unknown(), *([REVOKED] if ctx.client.has(REVOKED) else [])]
    with ctx.speaking_of("AUTH-07"):
        company = ctx.company(fresh=True)
        before = ctx.history(company)
        for key in keys:
            ctx.client.call("start_import", company_id=company.id, body=valid_import(ctx), key=key)
        judge_no_run(ctx, "AUTH-07", "an import that gets 401 starts no run", before, ctx.history(company))
        right = ctx.start(company, valid_import(ctx))
        ctx.status("AUTH-07", right, 2, "after imports that got 401 one with the right key is accepted")
    with ctx.speaking_of("AUTH-07"):
        run = ctx.run("needs_attention", fresh=False)
        for key in keys:
            made(calls_of_run(ctx, run), key)
        ctx.wait()
        _judge_undecided(ctx, "AUTH-07", "a decision that gets 401 is not taken", run)
    with ctx.speaking_of("AUTH-07"):
        ctx.must_provision()
        ctx.company()  # when none can be made, the one below says nothing
        body = new_company(ctx.source())
        for key in keys:
            ctx.client.call("provision_company", body=body, key=key)
        ctx.status("AUTH-07", ctx.provision(**body), 2, "a company that gets 401 takes neither name nor external_id")
