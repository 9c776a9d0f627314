"""Starting an import, and when one may be started (IMP).

The rule that it keeps: whether a start had an effect is told by the company's history, its rows and the run itself,
read before and after, never by the answer to the start alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from conformance.engine.context import block_if, cut, must_succeed, skip_if
from conformance.model.plain import plain
from conformance.preview.account import fetch, file_of
from conformance.preview.bodies import (
    TERMINAL,
    at,
    documented,
    is_idle,
    is_same,
    listed,
    names,
    new_entries,
    status_of,
    told_new,
)
from conformance.preview.checks import Answer, Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.checks.polls import judge_sheets
from conformance.preview.driver import near, new_name
from conformance.preview.made_rows import pattern_for

BESIDE = "a start was accepted beside an import in flight"
AT_ONCE = 6


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


@check(
    *("IMP-02", "IMP-03", "IMP-04", "IMP-05", "IMP-11", "RUN-03", "RUN-04", "CSV-05", "POLL-09"),
    needs=("completed",),
    whole=True,
)
def a_further_import_is_one_of_its_own(ctx: StateDriver) -> None:
    """Import rows, others in the same company, and these again: each is a run, and changes no earlier one."""
    company = ctx.company(fresh=True)
    pattern = pattern_for(ctx, company)
    rows = pattern.rows(5)
    first = ctx.begin(company, {"rows": rows[:3]})
    before, told = ctx.until(first), first.polled
    skip_if(at(before, "status") != "completed", f"the import of right rows is {status_of(before)}")
    _download_all(ctx, company)  # so that whoever remembers a download has one to remember
    second = _start_further(ctx, company, rows[3:])
    end = ctx.until(second)
    with ctx.speaking_of("CSV-05", "POLL-09"):
        skip_if(at(end, "status") != "completed", f"a further import of right rows is {status_of(end)}")
        judge_sheets(ctx, second, second.polled)
        found = "\n".join(_download_all(ctx, company))
        unique = [
            str(row[each.name]) for row in rows[3:] for each in pattern.columns if each.unique and each.name in row
        ]
        missing = [each for each in unique if each not in found]
        ctx.none("CSV-05", missing, "filter=all has every row of the company's latest import", second.polled)
    third = _start_further(ctx, company, rows[3:])
    ctx.until(third)
    after = ctx.poll(first)
    stays = at(after.json, "status") == "completed"
    requirement = "a completed run is the same after the company's next imports"
    ctx.require("RUN-03", stays, requirement, told, after, expected="completed", got=cut(after.text, 300))
    same = not stays or documented(after.json) == documented(before)
    ctx.require("RUN-04", same, requirement, told, after, expected=told.text, got=after.text)


def _start_further(ctx: StateDriver, company: Company, rows: list[Any]) -> Run:
    """A further import of the company, whose start is judged as that of the first."""
    earlier = [str(each) for each in names(ctx, company) or ()]
    answer = ctx.start(company, {"rows": rows})
    ctx.status("IMP-11", answer, 2, "once the run is terminal a new import is accepted")
    _judge_start(ctx, "IMP-02", company, answer)
    run = ctx.run_of(answer, company, {"rows": rows})
    requirement = "a start without a key gives a new run, whatever it sends"
    ctx.require("IMP-11", run.id not in earlier, requirement, answer, expected="a new run", got=run.id)
    polled = ctx.poll(run)
    ctx.status("IMP-05", polled, 2, "the poll_url of a run just started can be read at once")
    return run


def _download_all(ctx: StateDriver, company: Company) -> list[str]:
    return [fetch(ctx, company.id, sheet, each).text for sheet in company.sheets for each in ("all", "valid")]


@check("IMP-01", "IMP-03", "IMP-04", needs=("completed",))
def an_import_of_a_file_starts_queued(ctx: StateDriver) -> None:
    """Upload the rows as a CSV file, and start an import of it."""
    company = ctx.company(fresh=True)
    body = _file(ctx, company)
    _judge_start(ctx, "IMP-01", company, ctx.start(company, body))


@check("IMP-06", "IMP-07", "IMP-13", needs=("completed",))
def a_malformed_start_is_refused(ctx: StateDriver) -> None:
    """Start imports without rows and files, and with malformed files, of a company that has none in flight."""
    company, key = ctx.company(fresh=True), new_name()
    if ctx.whole:  # so that there are rows that could be lost
        ctx.until(ctx.begin(company, ctx.body("completed")), "completed")
    before, rows = names(ctx, company), _rows(ctx, company)
    good = listed(_file(ctx, company), "files") if ctx.whole else []
    neither: list[Any] = [{}, {"idempotency_key": new_name()}, {"rows": None}, {"files": None}]
    malformed: list[Any] = ["a.csv", [{"name": "a.csv"}], [{"name": "a.csv", "upload_ref": None}], ["a.csv"]]
    malformed += [[*good, {"name": "a.csv"}], good[0]] if good else []
    answers = [ctx.start(company, body) for body in neither]
    for answer in answers:
        ctx.status("IMP-06", answer, 400, "a start with neither files nor rows is refused with 400")
    _stop_if_accepted("a malformed start was not refused", *answers)
    answers = [ctx.start(company, {"files": files, "idempotency_key": key}) for files in malformed]
    for answer in answers:
        ctx.status("IMP-07", answer, 400, "a start with malformed files is refused with 400")
    _stop_if_accepted("a malformed start was not refused", *answers)
    kept, requirement = names(ctx, company) == before, "a start refused with 400 creates no run"
    ctx.require("IMP-13", kept, requirement, *answers, expected="the same history", got="another one")
    same, requirement = _rows(ctx, company) == rows, "a start refused with 400 inserts no rows"
    ctx.require("IMP-13", same, requirement, *answers, expected="the same rows", got="others")
    body = {"files": good} if good else ctx.body("completed")
    used = ctx.start(company, body | {"idempotency_key": key})
    requirement = "a start refused with 400 consumes neither its idempotency_key nor its upload_ref"
    ctx.status("IMP-13", used, 2, requirement)


@check("IMP-08", needs=("completed",))
def an_unknown_company_starts_nothing(ctx: StateDriver) -> None:
    """Start an import of companies that do not exist, one of them with nearly the id of one that does."""
    for unknown in (str(uuid4()), near(ctx.any_company().id)):
        answer = ctx.client.call("start_import", company_id=unknown, body=ctx.body("completed"))
        ctx.status("IMP-08", answer, 404, "a start for an unknown company is refused with 404")


@check("IMP-09", "IMP-10", "IMP-11", "IMP-13", needs=("completed", "needs_attention"))
def one_import_at_a_time(ctx: StateDriver) -> None:
    """Start further imports while one is in flight, while it is parked, and after its end."""
    clean, flagged, key = ctx.body("completed"), ctx.body("needs_attention"), new_name()
    company = ctx.company(fresh=True)
    earlier = names(ctx, company)
    run = ctx.begin_run("needs_attention", company)
    moving = _start_beside(ctx, company, clean, flagged, key)
    parked, rows = ctx.until(run, "needs_attention"), _rows(ctx, company)
    before = names(ctx, company)
    new = new_entries(before, earlier)
    requirement = "a start refused with 409 creates no run: the history has one run more than before the first start"
    ctx.require("IMP-09", new is None or len(new) <= 1, requirement, *moving, expected="1 new run", got=told_new(new))
    later = {"files": []} if not ctx.whole else _file(ctx, company)  # OP-22
    refused = [ctx.start(company, clean), *([ctx.start(company, later)] if ctx.whole else [])]
    for answer in refused:
        ctx.status("IMP-10", answer, 409, "a start is refused with 409 while the company's run is parked")
    _stop_if_accepted(BESIDE, *refused)
    after, again = names(ctx, company), ctx.poll(run)
    unchanged = after == before and is_same(parked, again) and _rows(ctx, company) == rows
    requirement = "a start refused with 409 changes neither history nor rows, nor the run in flight"
    ctx.require("IMP-13", unchanged, requirement, *refused, again, expected="all as it was", got=cut(again.text, 500))
    ctx.end(run)
    _judge_quiet(ctx, run, before)
    last = _start_anew(ctx, run, clean, key)
    if ctx.whole and at(ctx.until(last), "status") in TERMINAL:
        answer, requirement = ctx.start(company, later), "a start refused with 409 does not consume its upload_ref"
        ctx.status("IMP-13", answer, 2, requirement)


def _start_beside(
    ctx: StateDriver, company: Company, clean: dict[str, Any], flagged: dict[str, Any], key: str
) -> list[Answer]:
    """The answers to starts beside a run of the flagged rows that is in flight, which are to be refused."""
    bodies = {"without a key": clean, "with a new key": flagged | {"idempotency_key": key}, "of the same": flagged}
    answers = {f"a start {what}": ctx.start(company, body) for what, body in bodies.items()}
    for what, answer in answers.items():
        ctx.status("IMP-09", answer, 409, f"{what} is refused with 409 while an import is in flight")
    _stop_if_accepted(BESIDE, *answers.values())
    return [*answers.values()]


def _judge_quiet(ctx: StateDriver, ended: Run, before: list[str] | None) -> None:
    """What was refused is not made up for once the company is free."""
    now, idle = names(ctx, ended.company), ctx.active(ended.company)
    more = now is not None and before is not None and len(now) > len(before)  # OP-08: what tells runs apart is open
    quiet = not more and (is_idle(idle) or not idle.ok)
    requirement = "a start refused with 409 is not made up for when the run in its way has ended"
    ctx.require("IMP-13", quiet, requirement, ended.polled, idle, expected="no further run", got=cut(idle.text, 500))


@check("IMP-02", "IMP-09", "IMP-13", needs=("needs_attention",), whole=True)
def of_concurrent_starts_one_is_accepted(ctx: StateDriver) -> None:
    """Send starts without a key, and with a key of its own each, at the same moment."""
    company, body = ctx.company(fresh=True), ctx.body("needs_attention")
    earlier = names(ctx, company)
    bodies = [body if place % 2 else body | {"idempotency_key": new_name()} for place in range(AT_ONCE)]
    answers = ctx.client.concurrently([partial(ctx.start, company, each) for each in bodies])
    accepted = [answer for answer in answers if answer.ok]
    requirement = "of starts at one moment one is accepted"
    statuses = ", ".join(str(answer.status) for answer in answers)
    for clause in ("IMP-02", "IMP-09"):
        ctx.require(clause, bool(accepted), requirement, *answers[:3], expected="one 201", got=statuses)
    if not accepted:
        return
    runs = {plain(at(answer.json, "run_id")) for answer in accepted}
    first = ctx.run_of(accepted[0], company, body)
    lives = at(ctx.until(first), "status") == "needs_attention"  # so it was in flight when the others came
    skip_if(not lives and len(runs) > 1, "a run that was started may have been over before the next start came")
    requirement = "of starts at one moment one is accepted, and the others are refused with 409"
    refused = sum(answer.status == 409 for answer in answers)
    holds = len(runs) == 1 and refused == AT_ONCE - 1
    ctx.require("IMP-09", holds, requirement, *answers[:4], expected=f"one 201, {AT_ONCE - 1} times 409", got=statuses)
    new = new_entries(names(ctx, company), earlier)
    few, requirement = new is None or len(new) <= 1, "a start refused with 409 creates no run"
    ctx.require("IMP-13", few, requirement, *answers[:4], expected="1 new run", got=told_new(new))


@check("IMP-11", "ACT-05", needs=("completed", "failed", "canceled"), whole=True)
def a_company_is_free_after_each_end(ctx: StateDriver) -> None:
    """Start an import after one that completed, after one that failed, and after one that was canceled."""
    clean = ctx.body("completed")
    for state in TERMINAL:
        with ctx.speaking_of("IMP-11", "ACT-05"):
            run = ctx.run(state)
            idle = ctx.active(run.company)
            requirement = f"once the run is {state} the look-up gives no run"
            ctx.require(
                "ACT-05", is_idle(idle), requirement, run.polled, idle, expected="no run", got=cut(idle.text, 300)
            )
            answer = ctx.start(run.company, clean)
            ctx.status("IMP-11", answer, 2, f"once the run is {state} a new import is accepted")


def _stop_if_accepted(what: str, *answers: Answer) -> None:
    """Stop a check whose start was not refused: that was told, and breaks one clause."""
    accepted = [answer for answer in answers if answer.ok]
    block_if(accepted, what, *accepted)


def _start_anew(ctx: StateDriver, ended: Run, clean: dict[str, Any], key: str) -> Run:
    """After the run's end the company is free, and so is the key of a start that was refused for another payload."""
    body = clean | {"idempotency_key": key}
    last = ctx.start(ended.company, body)
    if last.status == 409:
        without = ctx.start(ended.company, clean)
        ctx.status("IMP-11", without, 2, "once the run is terminal a new import is accepted")
        block_if(not without.ok, "whether the key was consumed cannot be told: no start is accepted", last, without)
    else:
        ctx.status("IMP-11", last, 2, "once the run is terminal a new import is accepted")
    holds = last.ok and at(last.json, "run_id") != ended.id
    requirement = "a start refused with 409 does not consume its idempotency_key"
    ctx.require("IMP-13", holds, requirement, last, expected="2xx with a new run", got=f"{last.status} {last.text}")
    return ctx.run_of(last, ended.company, body)


def _judge_start(ctx: StateDriver, clause: str, company: Company, answer: Answer) -> None:
    ctx.status(clause, answer, 201, "a well-formed start is answered with 201")
    must_succeed(answer, "a well-formed start was refused")
    block_if(not ctx.shaped(answer, clause, "IMP-03", "IMP-04"), "the answer to the start is not whole", answer)
    path = f"/companies/{company.id}/imports/{at(answer.json, 'run_id')}"
    root, url = urlsplit(ctx.target.base_url).path.rstrip("/"), at(answer.json, "poll_url")
    requirement = "poll_url is the relative path of the company and the run"
    ctx.require("IMP-04", url in {root + path, f"/api/v1{path}"}, requirement, answer, expected=root + path, got=url)


def _file(ctx: StateDriver, company: Company) -> dict[str, Any]:
    """The body that imports the rows which complete as a file."""
    body = ctx.body("completed")
    if "files" in body:
        return body
    if not isinstance(body.get("rows"), list):
        raise Skipped("the body that leads to completed has no rows to make a file of")
    return file_of(ctx, company, body["rows"])


def _rows(ctx: StateDriver, company: Company) -> list[list[str]]:
    """The lines of the company's sheets, flagged ones too, where its sheets are known."""
    answers = [fetch(ctx, company.id, sheet, "all") for sheet in (company.sheets if ctx.whole else ())]
    return [sorted(answer.text.splitlines()) for answer in answers]
