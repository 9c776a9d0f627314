"""Exports to a destination (DST). Where a start is refused with 4xx nothing more can be asked of the target (OP-18)."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from conformance.engine.context import block_if, cut, must_come, must_succeed, skip_if
from conformance.model.plain import plain
from conformance.preview.account import download, with_destination
from conformance.preview.bodies import MOVING, TERMINAL, array, at, listed
from conformance.preview.checks import Answer, Blocked, Company, Skipped, StateDriver, check
from conformance.preview.driver import REFUSING, UNREACHABLE, new_name

COUNTS = ("total", "succeeded", "failed")
RESULT = ("template_id", "path", "status", "ok", "error", "fields_confirmed")
AT_ONCE = 4


@check("DST-01", "DST-02", "DST-04", "DST-05", "DST-08", "DST-10", "RUN-03", "RUN-04", needs=("completed",))
def a_full_export_writes_every_right_row(ctx: StateDriver) -> None:
    """Export a completed import, without saying how."""
    company = with_destination(ctx, "completed")
    rows = right_rows(ctx, company)
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
    asks = [each for each in seen if at(each.json, "status") == "needs_attention"]
    ctx.require("DST-10", not asks, "an export never needs attention", *asks[:1], got=len(asks))
    report = report_of(seen[-1])
    ctx.equal("DST-02", at(report, "mode"), "full", "an export without mode is a full one", seen[-1])
    judge_report(ctx, report, seen[-1])
    requirement = "a full export writes as many rows as filter=valid has over all sheets"
    ctx.equal("DST-08", count_written(report), sum(rows.values()), requirement, seen[-1])
    _judge_templates(ctx, company, report, seen[-1], rows)
    _judge_end(ctx, company, started, seen[-1])


@check("DST-08", needs=("needs_attention",))
def flagged_rows_are_not_exported(ctx: StateDriver) -> None:
    """Reject a parked import, and export what the company then has; export again after another import."""
    company = with_destination(ctx, "needs_attention")
    right = sum(right_rows(ctx, company).values())
    last = follow_export(ctx, company, begin_export(ctx, company, {}))[-1]
    wrote = count_written(report_of(last))
    requirement = "an export writes no more than the rows that filter=valid has over all sheets"
    ctx.require("DST-08", wrote is not None and wrote <= right, requirement, last, expected=right, got=wrote)
    skip_if(not ctx.whole, "a quick run exports once")
    run = ctx.begin_run("completed", company)
    if at(ctx.until(run), "status") != "completed":  # its rows may clash with those that are there: OP-29
        ctx.end(run)
        return
    (ctx.shared or {}).pop(f"right rows of {company.id}", None)
    now, new = sum(right_rows(ctx, company).values()), len(array(run.body, "rows"))
    last = follow_export(ctx, company, begin_export(ctx, company, {}))[-1]
    wrote = count_written(report_of(last))
    requirement = "an export after a further import writes what filter=valid has then"
    ctx.require("DST-08", wrote in {now, new}, requirement, last, expected=now, got=wrote)


@check("DST-02", needs=("completed",))
def an_unknown_mode_is_refused(ctx: StateDriver) -> None:
    """Start exports of modes that there are not, after one that is right."""
    company = with_destination(ctx, "completed")
    _full(ctx, company)
    answers = {}
    for mode in ("partial", 1, "Full"):
        answers[repr(mode)] = start_export(ctx, company, {"mode": mode})
        if answers[repr(mode)].ok:
            follow_export(ctx, company, answers[repr(mode)])  # so that other exports can be started
    requirement = "a mode that is neither full nor canary is refused with a 4xx"  # OP-18
    ctx.each_status("DST-02", answers, 4, requirement)


@check("DST-01", "DST-03", "DST-04", "DST-09", "RUN-03", "RUN-04", needs=("completed",))
def a_canary_writes_one_row_of_each_template(ctx: StateDriver) -> None:
    """Start a canary export of a completed import with an idempotency key, again with it, and with another payload."""
    company = with_destination(ctx, "completed")
    rows, key = right_rows(ctx, company), new_name()
    body = {"mode": "canary", "idempotency_key": key}
    started = begin_export(ctx, company, body)
    _judge_replay(ctx, company, started, body, "while it is at work")
    last = follow_export(ctx, company, started)[-1]
    _judge_replay(ctx, company, started, body, "after its end")
    other = start_export(ctx, company, {"mode": "full", "idempotency_key": key})
    requirement, known = "a key that started another payload starts no second run", at(started.json, "run_id")
    alone = not other.ok or at(other.json, "run_id") == known
    ctx.require("DST-09", alone, requirement, started, other, got=f"{other.status} {cut(other.text, 200)}")
    if not alone:
        follow_export(ctx, company, other)
    _judge_canary(ctx, company, rows, last)
    with ctx.speaking_of("DST-09", "RUN-03", "RUN-04"):
        if ctx.whole:  # what is new makes no difference to what there was
            newer = begin_export(ctx, company, {"mode": "canary"})
            follow_export(ctx, company, newer)
            requirement, id_ = "an export without a key is a run of its own", at(newer.json, "run_id")
            ctx.require("DST-01", id_ != known, requirement, started, newer, expected="a new run", got=id_)
            _judge_replay(ctx, company, started, body, "after another export")
        _judge_end(ctx, company, started, last)


def _judge_canary(ctx: StateDriver, company: Company, rows: dict[str, int], last: Answer) -> None:
    report, filled = report_of(last), {company.sheets[sheet] for sheet, number in rows.items() if number}
    times = Counter(each.get("template_id") for each in listed(report, "results"))
    wrote = count_written(report)
    requirement = "the report has the mode that the export was started with"
    ctx.equal("DST-04", at(report, "mode"), "canary", requirement, last)
    few = wrote is not None and wrote <= len(filled) and all(n <= 1 for n in times.values())
    every = not ctx.target.destinations or (wrote == len(filled) and not filled - times.keys())
    holds, requirement = few and at(report, "mode") == "canary", "a canary writes the first row of each template, alone"
    ctx.require("DST-03", holds and every, requirement, last, expected=f"{len(filled)} writes", got=report)


def _judge_replay(ctx: StateDriver, company: Company, started: Answer, body: dict[str, Any], when: str) -> None:
    again, known = start_export(ctx, company, body), at(started.json, "run_id")
    same = again.ok and at(again.json, "run_id") == known
    got = f"{again.status} {plain(at(again.json, 'run_id'))}"
    requirement = f"an export that is started again with its key {when} is the same run"
    ctx.require("DST-09", same, requirement, started, again, expected=known, got=got)
    if again.ok and not same:
        follow_export(ctx, company, again)  # so that other exports can be started


@check("DST-09", "POLL-18", needs=("completed", "needs_attention"), whole=True)
def keys_of_exports_are_told_apart(ctx: StateDriver) -> None:
    """Start exports with keys that are alike, with one key for two companies, and with one key at once."""
    company, other = with_destination(ctx, "completed"), with_destination(ctx, "needs_attention")
    key = new_name()
    starts = [(company, key), (company, f"{key}-2"), (company, key[:-1]), (company, key.upper()), (other, key)]
    begun: dict[Any, Answer] = {}
    requirement = "a key that is another one, or of another company, starts an export of its own"
    for owner, each in starts:
        answer = begin_export(ctx, owner, {"mode": "canary", "idempotency_key": each})
        id_ = at(answer.json, "run_id")
        known = [begun[id_]] if id_ in begun else []
        if not ctx.require("DST-09", not known, requirement, *known, answer, expected="a new run", got=id_):
            return
        follow_export(ctx, owner, answer)
        begun[id_] = answer
    stray = ctx.client.call("poll_export", company_id=company.id, run_id=str(id_))
    ctx.status("POLL-18", stray, 404, "the poll of an export of another company is answered with 404")
    body = {"mode": "canary", "idempotency_key": new_name()}
    answers = ctx.client.concurrently([partial(start_export, ctx, company, body)] * AT_ONCE)
    accepted = {at(answer.json, "run_id"): answer for answer in answers if answer.ok}
    requirement = "concurrent starts of an export with one key create one run"
    shown, got = list(accepted.values())[:2], f"{len(accepted)} runs"
    ctx.require("DST-09", len(accepted) <= 1, requirement, *shown, expected="1 run", got=got)
    for answer in accepted.values():
        follow_export(ctx, company, answer)


@check("DST-08", needs=("completed",))
def a_selection_narrows_an_export(ctx: StateDriver) -> None:
    """Export the template that has rows alone, and then one without rows alone."""
    company = with_destination(ctx, "completed")
    rows = right_rows(ctx, company)
    filled = [company.sheets[sheet] for sheet, number in rows.items() if number]
    empty = [company.sheets[sheet] for sheet, number in rows.items() if not number]
    block_if(not filled, "the completed import left no right rows")
    both = [*empty[:1], *filled[:1]] if empty and ctx.whole else []
    for chosen in filter(None, (filled[:1], empty[:1], both)):
        wanted = sum(number for sheet, number in rows.items() if company.sheets[sheet] in chosen)
        started = select_rows(ctx, company, {}, {"template_ids": chosen})
        last = follow_export(ctx, company, started)[-1]
        report = report_of(last)
        strange = {each.get("template_id") for each in listed(report, "results")} - set(chosen)
        holds = count_written(report) == wanted and not strange
        requirement = "an export of selected templates writes the right rows of these alone"
        ctx.require("DST-08", holds, requirement, started, last, expected=f"{wanted} of {plain(chosen)}", got=report)


@check("DST-08", needs=("completed",))
def a_row_filter_narrows_an_export(ctx: StateDriver) -> None:
    """Export the rows that have one of the downloaded values in its column, all of them and the first."""
    company = with_destination(ctx, "completed")
    right = right_rows(ctx, company)
    records = download(ctx, company.id, max(right, key=lambda sheet: right[sheet]), "valid").records
    for column in records[0] if records else ():
        times = Counter(record[column] for record in records)
        value, number = next(((text, times[text]) for text in times if text), ("", 0))
        if 0 < number < len(records):
            break
    else:
        raise Skipped("the completed import left no rows that a value tells from others")
    for body, wanted in (({}, number), ({"mode": "canary"}, 1)):
        started = select_rows(ctx, company, body, {"row_filter": {column: value}})
        last = follow_export(ctx, company, started)[-1]
        wrote = count_written(report_of(last))
        requirement = "an export of selected rows writes no more than the right rows"
        few = wrote is not None and wrote <= sum(right.values())
        ctx.require("DST-08", few, requirement, started, last, expected=sum(right.values()), got=wrote)
        otherwise = wrote != wanted and not ctx.target.strict
        skip_if(otherwise, "the target reads a row_filter otherwise than as texts by column (OP-18)")
        requirement = f"an export of the rows whose {column!r} is {value!r} writes these"
        ctx.equal("DST-08", wrote, wanted, requirement, started, last)


def select_rows(ctx: StateDriver, company: Company, body: dict[str, Any], selection: dict[str, Any]) -> Answer:
    """The start of such an export; Skipped where it is refused, as any target may (OP-18) but one of the contract's."""
    started = start_export(ctx, company, body | {"selection": selection})
    if not started.ok and started.status is not None and started.status < 500:
        if ctx.target.strict:
            ctx.status("DST-08", started, 2, "a selection of what the company has is accepted")
        raise Skipped(f"the target answers a selection with {started.status} (OP-18)")
    return started


@check("DST-04", "DST-05", "DST-07", "DST-08", "DST-10")
def a_write_that_fails_is_told_by_its_result(ctx: StateDriver) -> None:
    """Export to a destination that refuses some writes; where none is known to, export a completed import."""
    company = _with_known(ctx, "refusing", REFUSING)
    there = company or with_destination(ctx, "completed")
    last = _full(ctx, there)[1][-1]
    body, completes = last.json, company is None or at(last.json, "status") != "failed"
    ctx.require("DST-10", holds=True, requirement="an export never needs attention")
    requirement = "single writes that fail do not fail the run"
    if not completes and not ctx.require("DST-05", completes, requirement, last, expected="completed", got=body):
        raise Skipped("an export that failed has no results")
    report = report_of(last)
    judge_report(ctx, report, last)
    if there.sheets:
        requirement = "a write that is refused is counted, too: every right row is tried"
        ctx.equal("DST-08", count_written(report), sum(right_rows(ctx, there).values()), requirement, last)
    results = listed(report, "results")
    skip_if(not results and not at(report, "failed"), "the export wrote nothing")
    ctx.shaped(last, "DST-07")
    refused = [each for each in results if each.get("ok") is False]
    took = [each for each in refused if _whole(each.get("status")) and each["status"] // 100 == 2]
    unread = [each for each in refused if each.get("fields_confirmed") is not None and each not in took]
    requirement = "fields_confirmed is null where the destination took nothing that could be read back"
    if refused:
        ctx.require("DST-07", not unread, requirement, last, expected=None, got=unread)
    with ctx.speaking_of("DST-05"):
        skip_if(not refused and not at(report, "failed"), "the destination refused no write")
        judge_refused(ctx, refused, last)


def judge_refused(ctx: StateDriver, refused: list[dict[str, Any]], last: Answer) -> None:
    """Whether each result of a write that failed tells of it, and there are such results."""
    mute = [each for each in refused if not (_whole(each.get("status")) and at(each, "error"))]
    requirement = "a write that failed has ok false, a status and an error, and the run completes"
    ctx.require("DST-05", bool(refused) and not mute, requirement, last, got=mute or last.json)


@check("DST-06", "RUN-03", "RUN-04")
def what_stops_the_job_fails_the_run(ctx: StateDriver) -> None:
    """Export to a destination that cannot be reached; where none is known to be so, export a completed import."""
    company = _with_known(ctx, "unreachable", UNREACHABLE)
    there = company or with_destination(ctx, "completed")
    started, seen = _full(ctx, there)
    last, holds = seen[-1], at(seen[-1].json, "status") == "failed"
    skip_if(company is None and not holds, "nothing stopped the export")
    if ctx.require("DST-06", holds, "an export that was stopped is failed", last, expected="failed", got=last.json):
        _judge_end(ctx, there, started, last)


def _with_known(ctx: StateDriver, kind: str, way: str) -> Company | None:
    """A company whose destination is known to be of the kind: from the target file, or from the operator."""
    if kind in ctx.target.destinations:
        return with_destination(ctx, "completed", kind)
    return Company(ctx.ways[way]()[0]) if way in ctx.ways else None


def _full(ctx: StateDriver, company: Company) -> tuple[Answer, list[Answer]]:
    """An export of the company without saying how, one for all checks: its start, and the answers to its polls."""

    def exported() -> tuple[Answer, list[Answer]]:
        started = begin_export(ctx, company, {})
        return started, follow_export(ctx, company, started)

    return ctx.share(f"full export of {company.id}", exported)


def count_written(report: Any) -> int | None:
    """How many rows the export wrote or tried to: the total, or, where that is no sum of its parts, the results."""
    total, succeeded, failed = (at(report, name) for name in COUNTS)
    if not all(_whole(each) for each in (total, succeeded, failed)):
        return None
    return int(total) if total == succeeded + failed else len(listed(report, "results"))


def right_rows(ctx: StateDriver, company: Company) -> dict[str, int]:
    """How many right rows each sheet has; exports do not change them."""
    key, sheets = f"right rows of {company.id}", company.sheets
    return ctx.share(key, lambda: {each: len(download(ctx, company.id, each, "valid").rows) for each in sheets})


def start_export(ctx: StateDriver, company: Company, body: Any) -> Answer:
    """Start an export of the company."""
    return ctx.client.call("start_export", company_id=company.id, body=body)


def begin_export(ctx: StateDriver, company: Company, body: Any) -> Answer:
    answer = start_export(ctx, company, body)
    if answer.status is not None and 400 <= answer.status < 500:
        ctx.reads("OP-18", f"starting an export is answered with {answer.status}")
        raise Skipped(f"the target answers the start of an export with {answer.status} (OP-18)")
    _judge_start(ctx, company, must_succeed(answer, "the export could not be started"))
    return answer


def _judge_start(ctx: StateDriver, company: Company, started: Answer) -> None:
    ctx.shaped(started, "DST-01")
    end, url = f"/companies/{company.id}/exports/{plain(at(started.json, 'run_id'))}", at(started.json, "poll_url")
    here = isinstance(url, str) and url.endswith(end)
    ctx.require("DST-01", here, "the poll_url is that of the export", started, expected=f"…{end}", got=url)


def follow_export(ctx: StateDriver, company: Company, started: Answer) -> list[Answer]:
    """Poll an export until it is over: all answers."""
    run_id = at(started.json, "run_id")
    block_if(not isinstance(run_id, str), "the start of the export gave no run_id", started)
    seen: list[Answer] = []
    for _ in ctx.looks():
        seen.append(ctx.client.call("poll_export", company_id=company.id, run_id=run_id))
        if at(seen[-1].json, "status") == "needs_attention":
            ctx.require("DST-10", holds=False, requirement="an export never needs attention", expected="no question",
                        got="needs_attention")  # fmt: skip
        if at(seen[-1].json, "status") not in (*MOVING, "needs_attention"):
            break
    ended = seen[-1].ok and at(seen[-1].json, "status") in TERMINAL
    block_if(not ended, "the export did not come to an end", seen[-1])
    return seen


def report_of(answer: Answer) -> Any:
    status, error = at(answer.json, "status"), at(answer.json, "error")
    skip_if(status != "completed", f"the export ended {status or 'without a status'}: {error or 'no error'}")
    return at(answer.json, "report")


def judge_report(ctx: StateDriver, report: Any, answer: Answer) -> None:
    if not ctx.shaped(answer, "DST-04"):
        return
    total, succeeded, failed = (at(report, name) for name in COUNTS)
    ctx.require("DST-04", total == succeeded + failed, "total is succeeded plus failed", answer, got=report)
    results = listed(report, "results")
    if len(results) == total:
        right = sum(at(each, "ok") is True for each in results)
        ctx.equal("DST-04", right, succeeded, "as many results are ok as succeeded", answer)
    called = [
        each for each in results if each.get("ok") is True and _whole(each.get("status")) and each["status"] > 399
    ]
    ctx.none("DST-05", called, "no write that the destination refused is ok", answer)


def _judge_templates(ctx: StateDriver, company: Company, report: Any, last: Answer, rows: dict[str, int]) -> None:
    """Whether the results are of the templates whose rows there are, where there is one for each row."""
    results = listed(report, "results")
    if len(results) == sum(rows.values()):
        wanted = +Counter({company.sheets[sheet]: number for sheet, number in rows.items()})
        found = Counter(str(each.get("template_id")) for each in results)
        requirement = "a full export writes each template's right rows"
        ctx.require("DST-08", found == wanted, requirement, last, expected=_told(wanted), got=_told(found))


def _judge_end(ctx: StateDriver, company: Company, started: Answer, last: Answer) -> None:
    """Whether an export that is over stays as it was read first, as every run does."""
    status = at(last.json, "status")
    for _ in range(2):
        again = ctx.client.call("poll_export", company_id=company.id, run_id=at(started.json, "run_id"))
        must_come(again)
        stays = at(again.json, "status") == status
        ctx.require(
            "RUN-03", stays, f"an export that is {status} stays so", last, again, expected=status, got=again.text
        )
        same = not stays or _gist(again.json) == _gist(last.json)
        requirement = "every read of an export that is over gives an equal body"
        ctx.require("RUN-04", same, requirement, last, again, expected=last.text, got=again.text)


def _gist(body: Any) -> tuple[Any, ...]:
    """What the contract names of an export that is over; the order of its results is left open."""
    report = at(body, "report")
    results = sorted(plain([each.get(name) for name in RESULT]) for each in listed(report, "results"))
    return at(body, "error"), *(at(report, name) for name in ("mode", *COUNTS)), results


def _told(times: Counter[str]) -> str:
    return ", ".join(f"{number} of template {each}" for each, number in sorted(times.items())) or "none"


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
