"""Exports to a destination (DST). Where a start is refused with 4xx nothing more can be asked of the target (OP-18)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from conformance.engine.context import block_if, must_succeed, skip_if
from conformance.preview.account import download, with_destination
from conformance.preview.bodies import MOVING, TERMINAL, array, at, listed
from conformance.preview.checks import Answer, Blocked, Company, Skipped, StateDriver, check
from conformance.preview.driver import REFUSING, UNREACHABLE, new_name

COUNTS = ("total", "succeeded", "failed")


@check("DST-01", "DST-02", "DST-04", "DST-08", "DST-10", needs=("completed",))
def a_full_export_writes_every_right_row(ctx: StateDriver) -> None:
    """Export a completed import, without saying how."""
    company = with_destination(ctx, "completed")
    rows = _right_rows(ctx, company)
    try:
        started, seen = _full(ctx, company)
    except Blocked as blocked:  # a server error is no answer that OP-18 allows, and a run that was started can be read
        answer = blocked.answers[-1]
        if answer.status is not None and not answer.ok:
            ctx.status("DST-01", answer, 2, "an export can be started, or is refused, and then it can be polled")
        raise
    ctx.reads("OP-40", str(started.status))
    if ctx.target.strict:
        ctx.status("DST-01", started, 201, "an export that is started is answered with 201 (OP-40)")
    ctx.shaped(started, "DST-01")
    end, url = f"/companies/{company.id}/exports/{at(started.json, 'run_id')}", at(started.json, "poll_url")
    here = isinstance(url, str) and url.endswith(end)
    ctx.require("DST-01", here, "the poll_url is that of the export", started, expected=f"…{end}", got=url)
    asks = [each for each in seen if at(each.json, "status") == "needs_attention"]
    ctx.require("DST-10", not asks, "an export never needs attention", *asks[:1], got=len(asks))
    report = _report(seen[-1])
    ctx.equal("DST-02", at(report, "mode"), "full", "an export without mode is a full one", seen[-1])
    _judge_report(ctx, report, seen[-1])
    requirement = "a full export writes as many rows as filter=valid has over all sheets"
    ctx.equal("DST-08", _count_written(report), sum(rows.values()), requirement, seen[-1])


@check("DST-08", needs=("needs_attention",))
def flagged_rows_are_not_exported(ctx: StateDriver) -> None:
    """Reject a parked import, and export what the company then has."""
    company = with_destination(ctx, "needs_attention")
    right = sum(_right_rows(ctx, company).values())
    last = follow_export(ctx, company, _begin(ctx, company, {}))[-1]
    wrote = _count_written(_report(last))
    requirement = "an export writes no more than the rows that filter=valid has over all sheets"
    ctx.require("DST-08", wrote is not None and wrote <= right, requirement, last, expected=right, got=wrote)


@check("DST-02", needs=("completed",))
def an_unknown_mode_is_refused(ctx: StateDriver) -> None:
    """Start exports of modes that there are not, after one that is right."""
    company = with_destination(ctx, "completed")
    _full(ctx, company)
    answers = {}
    for mode in ("partial", 1):
        answers[repr(mode)] = start_export(ctx, company, {"mode": mode})
        if answers[repr(mode)].ok:
            follow_export(ctx, company, answers[repr(mode)])  # so that other exports can be started
    requirement = "a mode that is neither full nor canary is refused with a 4xx"  # OP-18
    ctx.each_status("DST-02", answers, 4, requirement)


@check("DST-03", "DST-09", needs=("completed",))
def a_canary_writes_one_row_of_each_template(ctx: StateDriver) -> None:
    """Start a canary export of a completed import with an idempotency key, again with it, and with another payload."""
    company = with_destination(ctx, "completed")
    rows, key = _right_rows(ctx, company), new_name()
    started = _begin(ctx, company, {"mode": "canary", "idempotency_key": key})
    again = start_export(ctx, company, {"mode": "canary", "idempotency_key": key})
    requirement = "an export that is started again with its key is the same run"
    named = at(started.json, "run_id"), at(again.json, "run_id")
    same = again.ok and named[0] == named[1]
    ctx.require("DST-09", same, requirement, started, again, expected=named[0], got=f"{again.status} {named[1]}")
    last = follow_export(ctx, company, started)[-1]
    other = start_export(ctx, company, {"mode": "full", "idempotency_key": key})
    requirement = "a key that started another payload starts no second run"
    alone = not other.ok or at(other.json, "run_id") == named[0]
    ctx.require("DST-09", alone, requirement, started, other, got=f"{other.status} {other.text[:200]}")
    report, filled = _report(last), sum(1 for number in rows.values() if number)
    times = Counter(each.get("template_id") for each in listed(report, "results"))
    wrote = _count_written(report)
    few = wrote is not None and wrote <= filled and all(n <= 1 for n in times.values())
    holds, requirement = few and at(report, "mode") == "canary", "a canary writes at most one row of each template"
    ctx.require("DST-03", holds, requirement, last, expected=f"at most {filled} writes", got=report)


@check("DST-08", needs=("completed",))
def a_selection_narrows_an_export(ctx: StateDriver) -> None:
    """Export the template that has rows alone, and then one without rows alone."""
    company = with_destination(ctx, "completed")
    rows = _right_rows(ctx, company)
    filled = [company.sheets[sheet] for sheet, number in rows.items() if number]
    empty = [company.sheets[sheet] for sheet, number in rows.items() if not number]
    block_if(not filled, "the completed import left no right rows")
    for chosen in filter(None, (filled[:1], empty[:1])):
        wanted = sum(number for sheet, number in rows.items() if company.sheets[sheet] in chosen)
        started = _select(ctx, company, {}, {"template_ids": chosen})
        last = follow_export(ctx, company, started)[-1]
        report = _report(last)
        strange = {each.get("template_id") for each in listed(report, "results")} - set(chosen)
        holds = _count_written(report) == wanted and not strange
        requirement = "an export of selected templates writes the right rows of these alone"
        ctx.require("DST-08", holds, requirement, started, last, expected=f"{wanted} of {chosen}", got=report)


@check("DST-08", needs=("completed",))
def a_row_filter_narrows_an_export(ctx: StateDriver) -> None:
    """Export the rows that have one of the downloaded values in its column, all of them and the first."""
    company = with_destination(ctx, "completed")
    right = _right_rows(ctx, company)
    records = download(ctx, company.id, max(right, key=lambda sheet: right[sheet]), "valid").records
    for column in records[0] if records else ():
        times = Counter(record[column] for record in records)
        value, number = next(((text, times[text]) for text in times if text), ("", 0))
        if 0 < number < len(records):
            break
    else:
        raise Skipped("the completed import left no rows that a value tells from others")
    for body, wanted in (({}, number), ({"mode": "canary"}, 1)):
        started = _select(ctx, company, body, {"row_filter": {column: value}})
        last = follow_export(ctx, company, started)[-1]
        wrote = _count_written(_report(last))
        requirement = "an export of selected rows writes no more than the right rows"
        few = wrote is not None and wrote <= sum(right.values())
        ctx.require("DST-08", few, requirement, started, last, expected=sum(right.values()), got=wrote)
        otherwise = wrote != wanted and not ctx.target.strict
        skip_if(otherwise, "the target reads a row_filter otherwise than as texts by column (OP-18)")
        requirement = f"an export of the rows whose {column!r} is {value!r} writes these"
        ctx.equal("DST-08", wrote, wanted, requirement, started, last)


def _select(ctx: StateDriver, company: Company, body: dict[str, Any], selection: dict[str, Any]) -> Answer:
    """The start of such an export; Skipped where it is refused, as any target may (OP-18) but one of the contract's."""
    started = start_export(ctx, company, body | {"selection": selection})
    if not started.ok and started.status is not None and started.status < 500:
        if ctx.target.strict:
            ctx.status("DST-08", started, 2, "a selection of what the company has is accepted")
        raise Skipped(f"the target answers a selection with {started.status} (OP-18)")
    return started


@check("DST-04", "DST-05", "DST-07")
def a_write_that_fails_is_told_by_its_result(ctx: StateDriver) -> None:
    """Export to a destination that refuses some writes; where none is known to, export a completed import."""
    company = _way_to(ctx, REFUSING)
    last = _full(ctx, company or with_destination(ctx, "completed"))[1][-1]
    body, completes = last.json, company is None or at(last.json, "status") != "failed"
    requirement = "single writes that fail do not fail the run"
    if not completes and not ctx.require("DST-05", completes, requirement, last, expected="completed", got=body):
        raise Skipped("an export that failed has no results")
    report = _report(last)
    _judge_report(ctx, report, last)
    results = listed(report, "results")
    skip_if(not results and not at(report, "failed"), "the export wrote nothing")
    ctx.shaped(last, "DST-07")
    refused = [each for each in results if each.get("ok") is False]
    took = [each for each in refused if _whole(each.get("status")) and each["status"] // 100 == 2]
    unread = [each for each in refused if each.get("fields_confirmed") is not None and each not in took]
    requirement = "fields_confirmed is null where the destination took nothing that could be read back"
    ctx.require("DST-07", not unread, requirement, last, expected=None, got=unread)
    with ctx.speaking_of("DST-05"):
        skip_if(not refused and not at(report, "failed"), "the destination refused no write")
        mute = [each for each in refused if not (_whole(each.get("status")) and isinstance(each.get("error"), str))]
        requirement = "a write that failed has ok false, a status and an error, and the run completes"
        ctx.require("DST-05", bool(refused) and not mute, requirement, last, got=mute or body)


@check("DST-06")
def what_stops_the_job_fails_the_run(ctx: StateDriver) -> None:
    """Export to a destination that cannot be reached; where none is known to be so, export a completed import."""
    company = _way_to(ctx, UNREACHABLE)
    last = _full(ctx, company or with_destination(ctx, "completed"))[1][-1]
    holds = at(last.json, "status") == "failed"
    skip_if(company is None and not holds, "nothing stopped the export")
    ctx.require("DST-06", holds, "an export that was stopped is failed", last, expected="failed", got=last.json)


def _way_to(ctx: StateDriver, way: str) -> Company | None:
    return Company(ctx.ways[way]()[0]) if way in ctx.ways else None


def _full(ctx: StateDriver, company: Company) -> tuple[Answer, list[Answer]]:
    """An export of the company without saying how, one for all checks: its start, and the answers to its polls."""

    def exported() -> tuple[Answer, list[Answer]]:
        started = _begin(ctx, company, {})
        return started, follow_export(ctx, company, started)

    return ctx.share(f"full export of {company.id}", exported)


def _count_written(report: Any) -> int | None:
    """How many rows the export wrote or tried to: the total, or, where that is no sum of its parts, the results."""
    total, succeeded, failed = (at(report, name) for name in COUNTS)
    if not all(_whole(each) for each in (total, succeeded, failed)):
        return None
    return int(total) if total == succeeded + failed else len(listed(report, "results"))


def _right_rows(ctx: StateDriver, company: Company) -> dict[str, int]:
    """How many right rows each sheet has; exports do not change them."""
    key, sheets = f"right rows of {company.id}", company.sheets
    return ctx.share(key, lambda: {each: len(download(ctx, company.id, each, "valid").rows) for each in sheets})


def start_export(ctx: StateDriver, company: Company, body: Any) -> Answer:
    """Start an export of the company."""
    return ctx.client.call("start_export", company_id=company.id, body=body)


def _begin(ctx: StateDriver, company: Company, body: Any) -> Answer:
    answer = start_export(ctx, company, body)
    if answer.status is not None and 400 <= answer.status < 500:
        ctx.reads("OP-18", f"starting an export is answered with {answer.status}")
        raise Skipped(f"the target answers the start of an export with {answer.status} (OP-18)")
    return must_succeed(answer, "the export could not be started")


def follow_export(ctx: StateDriver, company: Company, started: Answer) -> list[Answer]:
    """Poll an export until it is over: all answers."""
    run_id = at(started.json, "run_id")
    block_if(not isinstance(run_id, str), "the start of the export gave no run_id", started)
    seen: list[Answer] = []
    for _ in ctx.looks():
        seen.append(ctx.client.call("poll_export", company_id=company.id, run_id=run_id))
        if at(seen[-1].json, "status") not in (*MOVING, "needs_attention"):
            break
    ended = seen[-1].ok and at(seen[-1].json, "status") in TERMINAL
    block_if(not ended, "the export did not come to an end", seen[-1])
    return seen


def _report(answer: Answer) -> Any:
    status, error = at(answer.json, "status"), at(answer.json, "error")
    skip_if(status != "completed", f"the export ended {status}: {error}")
    return at(answer.json, "report")


def _judge_report(ctx: StateDriver, report: Any, answer: Answer) -> None:
    if not ctx.shaped(answer, "DST-04"):
        return
    total, succeeded, failed = (at(report, name) for name in COUNTS)
    ctx.require("DST-04", total == succeeded + failed, "total is succeeded plus failed", answer, got=report)
    results = array(report, "results")
    if len(results) == total:
        right = sum(at(each, "ok") is True for each in results)
        ctx.equal("DST-04", right, succeeded, "as many results are ok as succeeded", answer)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
