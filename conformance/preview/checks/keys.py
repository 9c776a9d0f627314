"""The keys that make a start repeatable (IDEM).

The rule that it keeps: whether a start had an effect is told by the company's history and the run itself, read before
and after, never by the answer to the start alone. Payloads that are told apart are clearly different ones (OP-07).
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from conformance.engine.context import block_if, cut, must_succeed, skip_if
from conformance.model.plain import plain
from conformance.preview.account import file_of
from conformance.preview.bodies import TERMINAL, array, at, is_same, names, new_entries, status_of, told_new
from conformance.preview.checks import Answer, Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.decision_runs import AGAIN
from conformance.preview.driver import new_name
from conformance.preview.made_rows import pattern_for
from conformance.target.target import Body

STARTS_AT_ONCE = 8
TURNED = (string.ascii_letters + string.digits).translate({ord(each): None for each in "zZ9"})
MUCH, MANY = 700, 30
"""Characters of a cell, and how many rows have one such, so that a payload has more than twenty thousand."""
LONG = 100
"""Characters of a long key's beginning."""


@check("IDEM-01", "IDEM-02", "IDEM-03", "IDEM-04", "IDEM-05", "IDEM-07", needs=("completed", "needs_attention"))
def a_key_starts_one_run(ctx: StateDriver) -> None:
    """Repeat a start with its key while the run moves, while it is parked, and after its end; then with other rows."""
    company = ctx.company(fresh=True)
    earlier = names(ctx, company)
    body = ctx.body("needs_attention") | {"idempotency_key": new_name()}
    run = ctx.begin(company, body)
    moving = ctx.start(company, body)
    if moving.ok:
        known, got = moving.status in (200, 201), f"{moving.status} {cut(moving.text, 200)}"
        ctx.require("IDEM-07", known, "a replay is answered with 200 or 201", moving, expected="200 or 201", got=got)
        ctx.reads("OP-06", f"{moving.status}, with status {plain(at(moving.json, 'status'))} while the run is active")
    _judge_replay(ctx, "IDEM-02", run, moving, "while the run is active")
    if ctx.whole and ctx.until(run, "running", "needs_attention")["status"] == "running":
        _judge_replay(ctx, "IDEM-02", run, ctx.start(company, body), "while the run is at work")
    parked = ctx.until(run, "needs_attention")
    _judge_replay(ctx, "IDEM-04", run, ctx.start(company, body), "while the run is parked")
    other = ctx.body("completed") | {"idempotency_key": body["idempotency_key"]}
    for each in (other, *_others(body)[:1]):
        _judge_conflict(ctx, run, each, parked)
    new = new_entries(names(ctx, company), earlier)
    same_run = not moving.ok or at(moving.json, "run_id") == run.id  # a refusal is IDEM-02's
    requirement = "the same start with the same key gives the same run, and no second one"
    holds = same_run and (new is None or len(new) <= 1)
    ctx.require("IDEM-01", holds, requirement, moving, expected=f"run {run.id} alone", got=told_new(new))
    ctx.end(run)
    ended = run.state
    if _judge_replay(ctx, "IDEM-03", run, ctx.start(company, body), "after the run's end"):
        for each in (other, *_others(body)[1:]):
            _judge_conflict(ctx, run, each, ended)


@check("IDEM-01", "IDEM-03", "IDEM-05", "IMP-11", needs=("completed",), whole=True)
def keys_that_are_alike_are_told_apart(ctx: StateDriver) -> None:
    """Start an import with a key, and further ones with keys that are like it; then repeat each."""
    company, key, clean = ctx.company(fresh=True), new_name(), ctx.body("completed")
    with suppress(Skipped, Blocked):  # a payload that is clearly another one only at its very end
        pattern = pattern_for(ctx, company)
        clean = {"rows": [row | {pattern.text_column: "x" * MUCH} for row in pattern.rows(MANY)]}
    long = new_name().ljust(LONG, "x")
    runs = _start_each(ctx, company, clean, (key, f"{key}-2", key[:-1], key.upper(), f"{long}1", f"{long}2"))
    if not runs:
        return
    before = names(ctx, company)
    for body, run in runs[:3]:
        _judge_replay(ctx, "IDEM-03", run, ctx.start(company, body), "after the end of later ones, too")
    new = new_entries(names(ctx, company), before)
    ctx.require(
        "IDEM-01", not new, "a replay of an earlier start creates no run", expected="no new run", got=told_new(new)
    )
    first, run = runs[0]
    for other in _others(first):
        _judge_conflict(ctx, run, other, run.state)


def _start_each(
    ctx: StateDriver, company: Company, clean: dict[str, Any], keys: Iterable[str]
) -> list[tuple[dict[str, Any], Run]]:
    """An import with each of the keys that are accepted, one after the other; none where one starts no new run."""
    runs: list[tuple[dict[str, Any], Run]] = []
    for each in keys:
        body = clean | {"idempotency_key": each}
        answer = ctx.start(company, body)
        if answer.status == 400:  # OP-06: how a key has to look is not said
            continue
        known = [run.id for _, run in runs]
        fresh = answer.ok and at(answer.json, "run_id") not in known
        got, requirement = f"{answer.status} {cut(answer.text, 200)}", "a key that was not used starts a run of its own"
        for clause in ("IDEM-01", "IMP-11"):
            ctx.require(clause, fresh, requirement, answer, expected="2xx, a new run", got=got)
        if not fresh:
            return []
        runs.append((body, run := ctx.run_of(answer, company, body)))
        if at(ctx.until(run), "status") == "needs_attention":  # its rows are there already: OP-29
            ctx.end(run)
    block_if(len(runs) < 2, "no two keys are accepted")
    return runs


@check("IDEM-02", "IDEM-03", "IDEM-05", "IMP-09", needs=("completed", "needs_attention"), whole=True)
def an_earlier_key_is_known_beside_a_run_in_flight(ctx: StateDriver) -> None:
    """Repeat the start of a run that is over while the company's next one is parked, and that one's, too."""
    company = ctx.company(fresh=True)
    earlier = ctx.body("completed") | {"idempotency_key": new_name()}
    over = ctx.begin(company, earlier)
    ctx.until(over)
    now = ctx.body("needs_attention") | {"idempotency_key": new_name()}
    run = ctx.begin(company, now)
    _judge_replay(ctx, "IDEM-02", run, ctx.start(company, now), "while the run is active, and another is over")
    parked = ctx.until(run)
    skip_if(at(parked, "status") != "needs_attention", "beside earlier rows the run does not park")
    _judge_replay(ctx, "IDEM-03", over, ctx.start(company, earlier), "while another run is in flight")
    crossed = now | {"idempotency_key": earlier["idempotency_key"]}
    _judge_conflict(ctx, over, crossed, over.state)
    requirement = "of one payload with another key no second import is started"
    again = ctx.start(company, now | {"idempotency_key": new_name()})
    ctx.status("IMP-09", again, 409, requirement)


@check("IDEM-06", "IMP-12", needs=("completed",), whole=True)
def companies_start_at_one_moment(ctx: StateDriver) -> None:
    """Start imports of two companies at the same moment, with one key."""
    companies, body = [ctx.company(fresh=True), ctx.company(fresh=True)], ctx.body("completed")
    skip_if(companies[0].id == companies[1].id, "the target file lends one company only")
    body |= {"idempotency_key": new_name()}
    answers = ctx.client.concurrently([partial(ctx.start, each, body) for each in companies])
    requirement = "companies that start an import at the same moment start one each"
    started = [ctx.status("IMP-12", answer, 2, requirement) for answer in answers]
    if all(started):
        polls = [ctx.poll(ctx.run_of(answer, each, body)) for each, answer in zip(companies, answers, strict=True)]
        own = all(poll.ok for poll in polls) and len({at(answer.json, "run_id") for answer in answers}) == 2
        requirement = "a key that two companies use at the same moment starts a run of each"
        got = ", ".join(plain(at(answer.json, "run_id")) for answer in answers)
        ctx.require("IDEM-06", own, requirement, *answers, *polls, expected="two runs", got=got)


@check("IDEM-02", "IDEM-03", "IDEM-05", needs=("completed",), whole=True)
def a_key_counts_for_files_too(ctx: StateDriver) -> None:
    """Start an import of a file with a key, repeat it, and send the key with another file, and with rows."""
    company, rows = ctx.company(fresh=True), array(ctx.body("completed"), "rows")
    skip_if(not rows, "the body that leads to completed has no rows to make a file of")
    key = {"idempotency_key": new_name()}
    body = file_of(ctx, company, rows) | key
    run = ctx.begin(company, body)
    _judge_replay(ctx, "IDEM-02", run, ctx.start(company, body), "of files while the run is active")
    ended = ctx.until(run)
    skip_if(at(ended, "status") not in TERMINAL, f"the import of a file is {status_of(ended)}")
    _judge_replay(ctx, "IDEM-03", run, ctx.start(company, body), "of files after the run's end")
    for other in _others({"rows": rows})[:1]:
        _judge_conflict(ctx, run, file_of(ctx, company, other["rows"]) | key, ended)
        _judge_conflict(ctx, run, other | key, ended)


@check("IDEM-04", needs=("needs_attention_again",), whole=True)
def a_key_is_known_at_the_second_parking(ctx: StateDriver) -> None:
    """Repeat the start of a run that has parked, was approved, and has parked again."""
    way, company = ctx.target.states.get(AGAIN), ctx.company(fresh=True)
    body = ctx.body(AGAIN) | {"idempotency_key": new_name()}
    run = ctx.begin(company, body)
    ctx.until(run, "needs_attention")
    decided = ctx.decide(run, "approve", way.answers if isinstance(way, Body) else None)
    must_succeed(decided, "the approval that should park again was refused")
    ctx.until(run, "needs_attention")
    _judge_replay(ctx, "IDEM-04", run, ctx.start(company, body), "while the run is parked for the second time")


@check("IDEM-06", "IMP-12", needs=("completed", "needs_attention"))
def companies_import_side_by_side(ctx: StateDriver) -> None:
    """Start an import of one company, and of others while the first is in flight, with one key."""
    key = {"idempotency_key": new_name()}
    requirement = "a company without an import in flight starts one, whatever other companies do"
    flagged, clean = ctx.body("needs_attention") | key, ctx.body("completed") | key
    owner = ctx.company(fresh=True)
    first = ctx.start(owner, flagged)
    if first.status == 409:  # for want of an import of its own, it is others' that keep it from starting one
        ctx.status("IMP-12", first, 2, requirement)
    must_succeed(first, "the first import was not accepted")
    company = ctx.company(fresh=True)
    second = ctx.start(company, clean)
    answer = second if second.ok else ctx.start(company, ctx.body("completed"))
    if not ctx.status("IMP-12", answer, 2, requirement):
        raise Blocked("the second company can start no import at all", [second, answer])
    started = [(owner, flagged, first), (company, clean, second)]
    if ctx.whole and ctx.lent is None:
        started.append((third := ctx.company(fresh=True), flagged, ctx.start(third, flagged)))
    requirement = "a key that another company used starts a run of its own"
    accepted = [ctx.status("IDEM-06", answer, 2, requirement) for _, _, answer in started]
    if all(accepted):
        ids = [plain(at(answer.json, "run_id")) for _, _, answer in started]
        answers = [answer for _, _, answer in started]
        own = len(set(ids)) == len(ids)
        ctx.require("IDEM-06", own, requirement, *answers, expected=f"{len(ids)} runs", got=", ".join(ids))
        for owner, body, answer in started if ctx.whole else ():
            _judge_replay(ctx, "IDEM-06", ctx.run_of(answer, owner, body), ctx.start(owner, body), "of its own company")


@check("IDEM-08", needs=("completed",))
def concurrent_starts_with_one_key_are_one(ctx: StateDriver) -> None:
    """Send eight equal starts with one key at once."""
    company = ctx.company(fresh=True)
    earlier = names(ctx, company)
    body = ctx.body("completed") | {"idempotency_key": new_name()}
    answers = ctx.client.concurrently([partial(ctx.start, company, body)] * STARTS_AT_ONCE)
    accepted = [answer for answer in answers if answer.ok]
    block_if(not accepted, "none of the concurrent starts was accepted", *answers[:2])
    ids = {plain(at(answer.json, "run_id")) for answer in accepted}
    broken = [answer for answer in answers if not answer.ok and answer.status is not None]
    requirement = "each of the concurrent starts with one key is answered with the run that there is"
    told = ", ".join(str(answer.status) for answer in answers)
    ctx.require("IDEM-08", not broken, requirement, *broken[:2], expected="2xx from each", got=told)
    later = ctx.start(company, body)
    ids |= {plain(at(later.json, "run_id"))} if later.ok else set()
    new = new_entries(names(ctx, company), earlier)
    holds = len(ids) == 1 and (new is None or len(new) <= 1)
    requirement = "concurrent starts with one key create one run"
    got = f"{', '.join(sorted(ids))}; in the history: {told_new(new)}"
    ctx.require("IDEM-08", holds, requirement, *accepted[:3], expected="1 run", got=got)


def _others(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The body with rows of the same number and size that are others: every row, or the last one."""
    rows = array(body, "rows")
    turned = [{name: _turn(value) for name, value in row.items()} for row in rows if isinstance(row, dict)]
    if not rows or len(turned) != len(rows) or turned[-1] == rows[-1]:
        return []
    return [body | {"rows": turned}, body | {"rows": [*rows[:-1], turned[-1]]}]


def _turn(value: Any) -> Any:
    """The value with each letter and each figure replaced by the one that follows it."""
    if not isinstance(value, str):
        return value
    return value.translate({ord(each): chr(ord(each) + 1) for each in TURNED})


def _judge_replay(ctx: StateDriver, clause: str, run: Run, answer: Answer, when: str) -> bool:
    """Whether the start gave the run; what breaks it for one moment breaks the rule for any (IDEM-01)."""
    requirement = f"the same start with the same key gives the existing run {when}"
    holds, got = answer.ok and at(answer.json, "run_id") == run.id, f"{answer.status} {answer.text}"
    for each in (clause,) if holds else dict.fromkeys((clause, "IDEM-01")):
        ctx.require(each, holds, requirement, answer, expected=f"2xx, run {run.id}", got=got)
    return holds


def _judge_conflict(ctx: StateDriver, run: Run, other: dict[str, Any], before: Any) -> None:
    refused = [ctx.start(run.company, other) for _ in range(2 if ctx.whole else 1)]
    status = (at(before, "status") if isinstance(before, dict) else before) or "not to be read"
    requirement = f"a used key with clearly different rows is refused with 409; its run is {status}"
    for answer in refused:
        ctx.status("IDEM-05", answer, 409, requirement)
    after = ctx.poll(run)
    requirement = "a used key with different rows leaves the existing run as it is"
    got = cut(after.text, 500)
    ctx.require("IDEM-05", is_same(before, after), requirement, *refused, after, expected=str(status), got=got)
