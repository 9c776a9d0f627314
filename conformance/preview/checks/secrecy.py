"""What a company keeps to itself: ids, credentials and rows (PROV-18, PROV-19, ID, SEC)."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from conformance.engine.context import first_of, must_come, skip_if
from conformance.preview.account import FILE, fetch, filled_sheets, templates_of, two_companies
from conformance.preview.bodies import MOVING, array, at, is_uuid
from conformance.preview.checks import Answer, Blocked, Company, Run, StateDriver, check

BASE_URL = "https://destination.example.com/v2"
PIECE = 12
"""The letters of a secret that are enough to tell it from chance."""
_PRIVATE = ("auth", "base_url", "token", "credentials")


@check("PROV-03", "PROV-18", "PROV-19", "SEC-01")
def credentials_never_come_back(ctx: StateDriver) -> None:
    """Provision twice with a destination's credentials, then make calls that could tell them."""
    ctx.must_provision()
    secrets = [f"{uuid4().hex}{uuid4().hex}" for _ in range(2)]
    answers = [ctx.provision(connections=_destination({"kind": "bearer", "token": each})) for each in secrets]
    told = [each for each in answers if any(_tells(each, secret) for secret in secrets)]
    made = at(answers[0].json, "company", "id")
    if not all(each.ok for each in answers) or not isinstance(made, str):
        must_come(*answers)
        ctx.require("SEC-01", not told, "no answer and no error tells credentials", *told)
        raise Blocked("a company with a destination could not be provisioned", answers)
    for answer in answers:
        connections = array(answer.json, "connections")
        shown = [name for each in connections if isinstance(each, dict) for name in _PRIVATE if name in each]
        holds, requirement = answer not in told and not shown, "a connection shows `id`, `kind` and `creds_configured`"
        ctx.require("PROV-18", holds, f"{requirement} alone", answer, got=", ".join(shown))
        configured = [at(each, "creds_configured") for each in connections if at(each, "kind") == "destination"]
        requirement = "`creds_configured` is true after credentials were given"
        ctx.require("PROV-19", configured == [True], requirement, answer, expected="true", got=answer.text)
        named = all(is_uuid(at(each, "id")) for each in connections)
        ctx.require("PROV-03", named, "the id of a connection is a UUID", answer, got=answer.text)
    pried = _prying(ctx, answers[0], made, secrets[0])
    leaks = [*told, *(each for each in pried if any(_tells(each, secret) for secret in secrets))]
    ctx.require("SEC-01", not leaks, "no answer and no error tells credentials", *leaks)


def _destination(auth: Any) -> dict[str, Any]:
    return {"destination": {"base_url": BASE_URL, "auth": auth}}


def _prying(ctx: StateDriver, provisioned: Answer, company: str, secret: str) -> list[Answer]:
    """Answers about the company, and refusals of requests that carry the secret."""
    ask = ctx.client.call
    bad = [{"base_url": BASE_URL, "auth": secret}, {"base_url": 1, "auth": {"token": secret}}, secret]
    answers = [ctx.provision(connections={"destination": each}) for each in bad]
    good = _destination({"token": secret})
    taken: dict[str, Any] = {name: at(provisioned.json, "company", name) for name in ("name", "external_id")}
    wrongs: list[dict[str, Any]] = [
        {"name": None},
        {"source": str(uuid4())},
        *({name: value} for name, value in taken.items() if value),
    ]
    answers += [ctx.provision(connections=good, **wrong) for wrong in wrongs]
    answers.append(ask("provision_company", raw=f'{{"connections": {{"auth": "{secret}"'.encode()))
    answers += [ask("list_imports", company_id=company), ask("list_sources"), ask("list_templates")]
    answers.append(ask("list_imports", company_id=company, query={"status": "active"}))
    answers.append(ask("request_upload", company_id=company, body=FILE))
    answers.append(export := ask("start_export", company_id=company, body={"mode": "canary"}))
    if isinstance(run := at(export.json, "run_id"), str):
        for _ in ctx.looks():  # what stopped it is told at its end
            answers.append(ask("poll_export", company_id=company, run_id=run))
            if at(answers[-1].json, "status") not in MOVING:
                break
    return answers


def _tells(answer: Answer, secret: str) -> bool:
    """Whether the answer has the secret, an end of it that nobody could hit upon, or its base64."""
    told = answer.content.decode("latin-1") + "".join(answer.headers.values())
    pieces = (secret, secret[:PIECE], secret[-PIECE:], b64encode(secret.encode()).decode().rstrip("=")[:PIECE])
    return any(piece in told for piece in pieces)


@check("SEC-02", needs=("completed",))
def a_company_shows_nothing_of_another(ctx: StateDriver) -> None:
    """Ask a second company for the first one's run and sheet, and download its own sheets."""
    run = ctx.run("completed", fresh=False)
    others, ask = (each for each in two_companies(ctx) if each.id != run.company.id), ctx.client.call
    other = first_of(others, "there is no second company")
    answers = {"its run": ask("poll_import", company_id=other.id, run_id=run.id)}
    for sheet in [each for each in run.company.sheets if each not in other.sheets][:1]:  # else ID-02 is broken
        answers["its sheet"] = ask("export_csv", company_id=other.id, query={"sheet_id": sheet})
    ctx.each_status("SEC-02", answers, 404, "another company's run or sheet is not found")
    history = ask("list_imports", company_id=other.id)
    must_come(history)
    requirement = "the history of one company names no run of another"
    ctx.require("SEC-02", run.id not in history.text, requirement, history, got=history.text)
    if ctx.lent is None and "run_id" not in history.text and "status" not in history.text:  # else rows may be its own
        filled = filled_sheets(run)
        templates = {run.company.sheets.get(sheet) for sheet in filled}
        alike = [sheet for sheet, template in other.sheets.items() if template in templates]
        found = _lines(ctx, run.company, filled) & _lines(ctx, other, alike)
        ctx.none("SEC-02", sorted(found), "no row of one company is in the CSV of another")


def _lines(ctx: StateDriver, company: Company, sheets: Iterable[str]) -> set[str]:
    """The rows of a company's sheets, as lines of text."""
    answers = (fetch(ctx, company.id, sheet, "all") for sheet in sheets)
    return {line for each in answers if each.ok for line in each.text.splitlines()[1:] if line.strip(",")}


@check("ID-01", "ID-02", needs=("completed",))
def ids_are_uuids_of_one_thing_each(ctx: StateDriver) -> None:
    """Start imports, each in a company of its own where the suite provisions them, and compare every id."""
    skip_if(ctx.lent is not None and len(ctx.lent) < 2, "the target file names one existing company alone")
    kept = [ctx.shared.get(f"run {state}") for state in ("completed", "needs_attention")] if ctx.shared else []
    runs = [run for run in kept if isinstance(run, Run)]
    runs += [ctx.begin_run("completed") for _ in range(2 - len(runs))]
    ids = [("run", run.id) for run in runs]
    for run in runs:
        if run.company.provisioned is not None:  # a lent company may have had both runs
            ids += [("company", run.company.id), *(("sheet", sheet) for sheet in run.company.sheets)]
            workbook = at(run.company.provisioned, "workbook_id")
            ids += [("workbook", str(workbook))] if workbook is not None else []
    shown = [run.started for run in runs if run.started is not None]
    every = [*(id_ for _, id_ in ids), *(at(each, "id") for each in templates_of(ctx))]
    ctx.none("ID-01", [each for each in every if not is_uuid(each)], "ids are UUIDs", *shown)
    again = [f"{kind} {id_}" for (kind, id_), times in Counter(ids).items() if times > 1]
    ctx.none("ID-02", again, "no id names two things of one kind", *shown)
