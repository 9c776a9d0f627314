"""Calls about which the docs are silent: the answer is noted as the target's reading, and held against nobody but a
target that is known to read the contract as it is written (our own mock).
"""

from __future__ import annotations

from functools import partial
from uuid import uuid4

from conformance.engine.context import skip_if
from conformance.preview.account import BYTES, download, upload, valid_import, with_destination
from conformance.preview.bodies import TERMINAL, at, count, listed, questions
from conformance.preview.checks import Answer, Blocked, Skipped, StateDriver, check
from conformance.preview.checks.exports import follow_export, start_export
from conformance.preview.decision_runs import SPARE, parked_run
from mock_server.contract.nearest import counted

TYPE = "text/csv"


def _note(ctx: StateDriver, point: str, clause: str, what: str, answer: Answer, written: int) -> None:
    """Note the status as the target's reading; it is to be the `written` one where the target reads as the contract."""
    if answer.status is not None and not ctx.memory.lacks(answer):
        ctx.reads(point, f"{what} is answered with {answer.status}")
    if ctx.target.strict:
        ctx.status(clause, answer, written, f"{what} is answered with {written}")


@check("HIST-02")
def a_page_that_cannot_be_is_asked_for(ctx: StateDriver) -> None:
    """Ask for pages of no runs and of too many, and after a cursor that nobody gave."""
    company = ctx.any_company()
    limits = [("limit", each) for each in (1, 100, 0, 101, 1000, "1e1")]
    for name, value in (*limits, ("cursor", "conformance")):
        answer = ctx.client.call("list_imports", company_id=company.id, query={name: value})
        _note(ctx, "OP-08", "HIST-02", f"a {name} of {value}", answer, 200 if value in (1, 100) else 400)


@check("ACT-01")
def runs_of_another_status_are_asked_for(ctx: StateDriver) -> None:
    """Ask for the runs of another status than active."""
    answer = ctx.client.call("list_imports", company_id=ctx.any_company().id, query={"status": "completed"})
    _note(ctx, "OP-10", "ACT-01", "status=completed", answer, 400)


@check("DEC-17", needs=("needs_attention",))
def a_question_is_answered_twice(ctx: StateDriver) -> None:
    """Approve a parked run with two answers to one question."""
    run = parked_run(ctx)
    for question in questions(run.state):
        option = next((each.get("id") for each in listed(question, "options")), None)
        if option is not None:
            answer = ctx.decide(run, "approve", [{"question_id": question.get("id"), "option_id": option}] * 2)
            if not answer.ok:
                ctx.remember(SPARE, run)
            return _note(ctx, "OP-19", "DEC-17", "an approval with two answers to one question", answer, 400)
    raise Skipped("no question of the parked run has an option")


@check("IMP-07", needs=("completed",))
def an_import_names_a_file_that_is_none(ctx: StateDriver) -> None:
    """Start an import of a file that nobody uploaded, and one of such a file and of rows."""
    company, files = ctx.company(fresh=True), [{"name": "conformance.csv", "upload_ref": f"conformance-{uuid4()}"}]
    for what, body in (("an unknown upload_ref", {}), ("files beside rows", valid_import(ctx))):
        answer = ctx.start(company, body | {"files": files})
        _note(ctx, "OP-22", "IMP-07", what, answer, 400)
        if answer.ok and at(ctx.until(ctx.run_of(answer, company, body)), "status") not in TERMINAL:
            return  # what comes next would meet a busy company


@check("UPL-03")
def another_file_is_put_than_was_declared(ctx: StateDriver) -> None:
    """Put a file of another type to an upload URL, one of another size, and then the right one."""
    company = ctx.any_company()
    for what, content, kind in (
        ("a PUT of another Content-Type", BYTES, "application/json"),
        ("a PUT of another size", BYTES * 2, TYPE),
    ):
        url, _ = upload(ctx, company)
        _note(ctx, "OP-04", "UPL-03", what, ctx.client.put_upload(url, content, kind), 400)
        if ctx.target.strict:
            right = ctx.client.put_upload(url, BYTES, TYPE.upper())
            ctx.status("UPL-03", right, 2, "a PUT that was refused does not use the URL up")


@check("DST-01", needs=("completed",))
def an_export_has_nowhere_to_go_or_is_not_alone(ctx: StateDriver) -> None:
    """Start an export of a company without a destination, and two exports of one with a destination."""
    company = with_destination(ctx, "completed")  # first: a company that is lent may have one, and must not be exported
    answer = start_export(ctx, ctx.company(fresh=True), {})
    _note(ctx, "OP-18", "DST-01", "an export without a destination", answer, 400)
    first, second = (start_export(ctx, company, {}) for _ in range(2))
    skip_if(not first.ok, f"the target answers the start of an export with {first.status} (OP-18)")
    _note(ctx, "OP-18", "DST-01", "a second export while one is under way", second, 409)
    follow_export(ctx, company, first)
    for what, selection in (
        ("a selection of an unknown template", {"template_ids": [str(uuid4())]}),
        ("a filter by no column of the company", {"row_filter": {"conformance": "x"}}),
    ):
        answer = start_export(ctx, company, {"selection": selection})
        _note(ctx, "OP-18", "DST-01", what, answer, 400)
        if answer.ok:
            follow_export(ctx, company, answer)


@check("POLL-01", needs=("needs_attention",))
def a_poll_names_its_run(ctx: StateDriver) -> None:
    """Look into the poll of a parked run for the run's id."""
    run = ctx.run("needs_attention", fresh=False)
    named = at(run.state, "run_id")
    ctx.reads("OP-05", "run_id present in a poll" if named is not None else "no run_id in a poll")
    if ctx.target.strict:
        ctx.equal("POLL-01", named, run.id, "a poll names its run", run.polled)


@check("CSV-04", needs=("needs_attention",))
def a_parked_run_shows_its_rows(ctx: StateDriver) -> None:
    """Download the sheets of a parked run."""
    run = ctx.run("needs_attention", fresh=False)
    skip_if(run.company.provisioned is None, "a company that the target file lends may have other rows")
    sheets, read = run.company.sheets, partial(download, ctx, run.company.id)
    try:
        valid, whole = (sum(len(read(sheet, each).rows) for sheet in sheets) for each in ("valid", "all"))
    except Blocked as blocked:
        raise Skipped("the sheets of a parked run cannot be downloaded (OP-31)") from blocked
    ctx.reads("OP-31", f"of a parked run, filter=valid shows {counted(valid, 'row')}, filter=all {whole}")
    if ctx.target.strict:
        inserted, wrong = count(run.state, "inserted") or 0, count(run.state, "invalidCellCount") or 0
        requirement = "a parked run's right rows are shown by filter=valid, all of them by filter=all"
        ctx.equal("CSV-04", (valid, whole), (inserted, inserted + wrong), requirement, run.polled)
