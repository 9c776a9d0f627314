"""The life of a run, as polls show it, runs whose engine died, and healthy ones that live (RUN, STALE).

The rule that it keeps: between two polls a run may pass through several states, so a change is wrong only when no way
of the contract's state machine leads there. Staleness is judged where the target's clock can be moved, or a run is
named that went stale (OP-11); a way that leads elsewhere is nobody's failure.
"""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from typing import Any

from conformance.engine.context import block_if, cut, must_come, must_succeed, skip_if
from conformance.preview.account import fetch, files_in
from conformance.preview.bodies import MOVING, STATUSES, TERMINAL, at, documented, entry_names, gist, is_same, listed
from conformance.preview.checks import Answer, Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.driver import new_name
from conformance.target.target import Body

APPROVE = "approve"
TIMED_OUT = "Import timed out"
HOUR = 3_600  # seconds
MORE_POLLS = 2
"""How often a run at rest is read on: what changes by itself then, changes within a few reads."""
PATIENCE = 5
"""How often a run is looked at that should be over."""
WATCHED = "watched until "
"""What a journey shares such runs by: nobody has read anything of their companies but the polls."""

KNOWN = "the poll of a known run is answered with 2xx, an object with a string status"

Story = list[tuple[Any, Answer]]
"""Statuses and accepted approvals in the order in which they were seen, each with its answer."""
Step = tuple[tuple[Any, Answer], tuple[Any, Answer]]


@check("RUN-01", "RUN-02", "RUN-05", "RUN-06", "POLL-01", needs=("completed", "needs_attention", "failed", "canceled"))
def runs_move_only_forward(ctx: StateDriver) -> None:
    """Watch runs from their start to their rest and a while longer, one of them through an approval."""
    states = [state for state in ("completed", "needs_attention", "failed") if _starts(ctx, state)]
    skip_if(not states, "the target file offers no body that starts an import")
    stories = [_story(ctx, state) for state in states] + _canceled_story(ctx)
    ctx.require("POLL-01", holds=True, requirement=KNOWN)
    if ctx.target.strict:
        begins = [[word for word, _ in story[:2]] for story in stories if len(story) > 1]
        holds = all(words == ["queued", "running"] for words in begins)
        ctx.require("RUN-02", holds, "a run is queued, and then running", expected="queued, running", got=begins)
    steps = [pair for story in stories for pair in pairwise(story)]
    strange = [each for story in stories for each in story if each[0] not in (*STATUSES, APPROVE)]
    shown, got = [answer for _, answer in strange[:1]], [word for word, _ in strange]
    ctx.require("RUN-01", not strange, "the status is one of the six values", *shown, expected=STATUSES, got=got)
    known = [step for step in steps if {step[0][0], step[1][0]} <= {*STATUSES, APPROVE}]
    forbidden = [step for step in known if not _may_follow(step[0][0], step[1][0])]
    _judge_steps(ctx, "RUN-02", "a run changes only along the documented ways", forbidden)
    back = [step for step in steps if step[1][0] == "queued" and step[0][0] != "queued"]
    _judge_steps(ctx, "RUN-05", "a run that was running is never queued again", back)
    parks = [step for step in steps if step[1][0] == "needs_attention" and step[0][0] in TERMINAL]
    _judge_steps(ctx, "RUN-06", "a run parks only from running", parks)


def _may_follow(before: str, after: str) -> bool:
    """Whether it may be seen next, states between two polls left out; an accepted approval is a step too."""
    match before:
        case "queued":
            return after in STATUSES
        case "running" | "approve":
            return after in STATUSES and after != "queued"
        case "needs_attention":
            return after in {"needs_attention", APPROVE, "failed", "canceled"}  # the last two are open: OP-11, OP-16
    return after == before


@check("RUN-02", needs=("running", "completed", "needs_attention", "needs_attention_again", "failed", "canceled"))
def runs_go_where_their_ways_lead(ctx: StateDriver) -> None:
    """Start imports of right rows, of flagged ones and of useless ones, and let one be canceled."""
    for state in ("running", "completed", "needs_attention", "needs_attention_again", "failed", "canceled"):
        if not _starts(ctx, state) and state not in ctx.ways:
            continue
        with ctx.speaking_of("RUN-02"):
            astray, answers = "", tuple[Answer, ...]()
            try:
                ctx.run(state, fresh=False)
            except Blocked as blocked:
                astray, answers = str(blocked), blocked.answers
                if not ctx.target.strict or (answers and answers[-1].operation != "poll_import"):
                    raise
            ctx.require("RUN-02", not astray, f"the way to {state} leads there", *answers, expected=state, got=astray)


@check("RUN-03", "RUN-04", needs=("completed", "failed", "canceled"))
def an_end_is_final(ctx: StateDriver) -> None:
    """Read runs that have ended again and again."""
    for state in TERMINAL:
        with ctx.speaking_of("RUN-03", "RUN-04"):
            run = ctx.run(state, fresh=False)
            first = run.polled
            later = _polls(ctx, run, MORE_POLLS)
            seen, changed = [*map(_status, later)], [answer for answer in later if _status(answer) != state]
            ctx.require("RUN-03", not changed, f"{state} is final", first, *changed[:1], expected=state, got=seen)
            unequal = [a for a in later if _status(a) == state and documented(a.json) != documented(first.json)]
            got, requirement = unequal[0].text if unequal else "", f"every read of a {state} run gives an equal body"
            ctx.require("RUN-04", not unequal, requirement, first, *unequal[:1], expected=first.text, got=got)


@check("RUN-07", needs=("needs_attention",))
def a_parking_waits_for_a_decision(ctx: StateDriver) -> None:
    """Read a parked run for a while without deciding; where time can be let pass, half an hour of it."""
    run = ctx.run("needs_attention", fresh=False)
    first = run.polled
    ctx.advance(HOUR // 2)
    later = _polls(ctx, run, MORE_POLLS)
    got = [_status(answer) for answer in later]
    left = [answer for answer in later if _status(answer) not in {"needs_attention", "failed", "canceled"}]
    ended = [status for status in got if status in {"failed", "canceled"}]
    if ended:
        ctx.reads("OP-11" if ended[0] == "failed" else "OP-16", f"a parked run ended {ended[0]} without a decision")
    requirement = "a parked run stays parked until it is decided"
    ctx.require("RUN-07", not left, requirement, first, *left[:1], expected="needs_attention", got=got)


@check("RUN-08", needs=("completed", "needs_attention"))
def reads_change_nothing(ctx: StateDriver) -> None:
    """Read a run at rest, the active look-up, the history and the CSV, and then all of them again."""
    for state in ("needs_attention", "completed"):
        with ctx.speaking_of("RUN-08"):
            run = (ctx.shared or {}).get(WATCHED + state)  # unread but for polls: a first read may be what changes it
            if not isinstance(run, Run) or _status(run.polled) != state:
                run = ctx.run(state, fresh=False)
            first, second = _reads(ctx, run), _reads(ctx, run)
            for what, before in first.items():
                after = second[what]
                requirement = f"reading does not change {what} of a company whose run is {state}"
                holds = before.status == after.status and _matter(before) == _matter(after)
                ctx.require("RUN-08", holds, requirement, before, after, expected=before.text, got=after.text)


@check("RUN-09", needs=("failed",))
def a_failed_run_leaves_no_rows(ctx: StateDriver) -> None:
    """Let an import fail by itself, and download every row of the company."""
    run = ctx.run("failed", fresh=False)
    skip_if(not run.company.sheets, "the sheets of the failed run's company are not known, or had rows before")
    cells = [cell for row in listed(run.body, "rows") for cell in row.values()]
    sent = {cell for cell in cells if isinstance(cell, str) and len(cell) > 2}
    filters = ("all", "valid") if ctx.whole else ("all",)
    for sheet, filter_ in ((sheet, filter_) for sheet in run.company.sheets for filter_ in filters):
        answer = fetch(ctx, run.company.id, sheet, filter_)
        must_succeed(answer, "the failed run's company cannot be downloaded")
        rows = list(csv.reader(io.StringIO(answer.text)))
        requirement = "a run that failed by itself inserted no rows"
        got = f"{len(rows) - 1} rows, the first {', '.join(rows[1])}" if rows[1:] else ""
        ctx.require("RUN-09", not rows[1:], requirement, run.polled, answer, expected="a header alone", got=got)
        shown = sorted(sent & {cell for row in rows for cell in row})
        requirement = "none of the rows sent is in the CSV of a company whose only import failed"
        ctx.require("RUN-09", not shown, requirement, run.polled, answer, expected="none", got=", ".join(shown))
    for filter_ in filters if ctx.whole else ():
        files = files_in(fetch(ctx, run.company.id, None, filter_).content)
        requirement = "a run that failed by itself has no rows in the workbook"
        number = sum(len(lines) - 1 for lines in files)
        ctx.require("RUN-09", not number, requirement, run.polled, expected="headers alone", got=f"{number} rows")


def _starts(ctx: StateDriver, state: str) -> bool:
    return isinstance(ctx.target.states.get(state), Body)


def _story(ctx: StateDriver, state: str) -> Story:
    """A run of the body that leads to the state, watched; where it parks it is approved once and watched on."""
    run = ctx.begin_run(state)
    story = _watch(ctx, run)
    if state == "needs_attention" and story[-1][0] == "needs_attention":
        answer = ctx.decide(run)
        story += [(APPROVE, answer), *_watch(ctx, run)] if answer.ok else []
    ctx.remember(WATCHED + state, run)
    return story + [(_status(answer), _must_be_known(ctx, answer)) for answer in _polls(ctx, run, 1)]


def _canceled_story(ctx: StateDriver) -> list[Story]:
    """What the target file's way to a canceled run shows, be it spelled as it may; nothing without such a way."""
    try:
        polled = ctx.run("canceled", fresh=False).polled
    except Skipped:
        return []
    except Blocked as blocked:  # its poll may show a seventh status
        if not blocked.answers or blocked.answers[-1].operation != "poll_import":
            return []
        polled = blocked.answers[-1]
    return [[(_status(polled), polled)]]


def _watch(ctx: StateDriver, run: Run) -> Story:
    story: Story = []
    for _ in ctx.looks():
        story.append((_status(ctx.poll(run)), _must_be_known(ctx, run.polled)))
        if story[-1][0] not in MOVING:
            return story
        if ctx.whole and [word for word, _ in story].count("running") == 1:  # a look that follows at once sees no less
            polls = [_must_be_known(ctx, ctx.poll(run)) for _ in range(MORE_POLLS)]
            story += [(_status(answer), answer) for answer in polls]
            if story[-1][0] not in MOVING:
                return story
    raise Blocked("the run does not come to rest in time", [run.polled])


def _polls(ctx: StateDriver, run: Run, count: int) -> list[Answer]:
    """So many further polls, a little of the target's time apart."""
    answers = []
    for _ in range(count):
        ctx.wait()
        answers.append(ctx.poll(run))
        must_come(run.polled)
    return answers


def _must_be_known(ctx: StateDriver, answer: Answer) -> Answer:
    """The poll of a known run, which is 2xx and has a status (POLL-01), else there is nothing to go on with."""
    told = answer.ok and isinstance(_status(answer), str)
    if not told and answer.status is not None:
        ctx.require("POLL-01", told, KNOWN, answer, expected="2xx with a string status", got=answer.text)
    block_if(not told, "the poll of a known run gave no status", answer)
    return answer


def _judge_steps(ctx: StateDriver, clause: str, requirement: str, wrong: list[Step]) -> None:
    answers = [answer for step in wrong[:1] for _, answer in step]
    got = [f"{before} -> {after}" for (before, _), (after, _) in wrong]
    ctx.require(clause, not wrong, requirement, *answers, expected="no such change", got=got)


def _reads(ctx: StateDriver, run: Run) -> dict[str, Answer]:
    """Every documented read about the run and its company, by what it reads."""
    # First the run: it has been read before, so what a poll does is done.
    answers = {"the run": ctx.poll(run), "the active look-up": ctx.active(run.company)}
    for sheet in list(run.company.sheets)[:1]:
        answers["the CSV"] = fetch(ctx, run.company.id, sheet, "all")
    return answers | {"the history": ctx.history(run.company)}


def _matter(answer: Answer) -> Any:
    """What of an answer has to stay: a history's runs (OP-08), a run's state, a download's text."""
    if answer.operation == "list_imports" and not answer.query:
        return entry_names(answer.json) or answer.content
    return gist(answer.json) if answer.json is not None else answer.content


def _status(answer: Answer) -> Any:
    return at(answer.json, "status")


@check("STALE-01", "STALE-05", "RUN-03", "RUN-04", needs=("running",))
def a_healthy_run_does_not_time_out(ctx: StateDriver) -> None:
    """Start a healthy import, and let half an hour pass; after its end, let hours pass."""
    run = ctx.begin_run("running" if _starts(ctx, "running") else "completed")
    polled = [ctx.poll(run)]
    skip_if(not ctx.advance(HOUR // 2), "the target offers no way to let half an hour pass")
    polled.append(ctx.poll(run))
    expired = [answer for answer in polled if at(answer.json, "error") == TIMED_OUT]
    got = [at(answer.json, "status") for answer in polled]
    requirement = "a healthy run does not time out within half an hour"
    ctx.require("STALE-05", not expired, requirement, *expired, expected="no time-out", got=got)
    ctx.advance(2 * HOUR)
    late = ctx.poll(run)
    for _ in range(PATIENCE):  # an engine may need a moment to see what time it is
        if at(late.json, "status") in MOVING:
            ctx.wait()
            late = ctx.poll(run)
    over, requirement = at(late.json, "status") not in MOVING, "a run in flight is over after some hours, in any way"
    got = at(late.json, "status")
    ctx.require("STALE-01", over, requirement, polled[0], late, expected="completed, failed, or parked", got=got)
    block_if(not over, "blocked by STALE-01: the run does not come to an end", late)
    before = ctx.until(run, *TERMINAL)
    ctx.advance(2 * HOUR)
    after, status = ctx.poll(run), at(before, "status")
    stays = at(after.json, "status") == status
    ctx.require("RUN-03", stays, f"a {status} run is {status} hours later", after, expected=before, got=after.json)
    equal = not stays or documented(after.json) == documented(before)
    requirement = f"the body of a {status} run is the same hours later"
    ctx.require("RUN-04", equal, requirement, after, expected=before, got=after.json)


@check("STALE-01", "STALE-02", "STALE-03", "STALE-04", "ERR-09", "POLL-15", "RUN-09", needs=("completed",))
def a_dead_run_times_out(ctx: StateDriver) -> None:
    """Read a run whose engine died long ago, look for an active run, and start another import."""
    run = dead_run(ctx)
    first = run.polled
    holds = at(first.json, "status") == "failed" and at(first.json, "error") == TIMED_OUT
    requirement = f"a run whose engine died is failed, {TIMED_OUT!r}"
    ctx.require("STALE-01", holds, requirement, first, expected=f"failed, {TIMED_OUT}", got=first.text)
    block_if(at(first.json, "status") in MOVING, "the run does not go stale", first)
    if holds:
        _judge_what_is_left(ctx, run)
    found = ctx.active(run.company)
    block_if(not found.ok and found.status != 404, "the look-up is not answered", found)
    shows = at(found.json, "status") is not None and at(found.json, "run_id") in (None, run.id)  # not another's
    requirement = "the look-up no longer gives the run that timed out"
    ctx.require("STALE-02", not shows, requirement, found, expected={"run": None}, got=found.text)
    with ctx.speaking_of("STALE-03"):
        new = ctx.start(run.company, ctx.body("completed"))
        ctx.status("STALE-03", new, 2, "after a time-out a new import is accepted")
        if new.ok:
            fresh = ctx.run_of(new, run.company, ctx.body("completed"))
            ctx.wait()
            told = at(ctx.poll(fresh).json, "error")
            requirement = "an import that begins after one that timed out has an hour of its own"
            ctx.require("STALE-05", told != TIMED_OUT, requirement, new, fresh.polled, expected="no time-out", got=told)
    ctx.advance(2 * HOUR)
    ctx.wait()
    last = ctx.poll(run)
    same, requirement = is_same(first.json, last), "a run that timed out stays as it is"
    ctx.require("STALE-04", same, requirement, first, last, expected=first.text, got=last.text)


def dead_run(ctx: StateDriver) -> Run:
    """A run whose engine died, more than an hour after that where time can be let pass."""
    way, found = ctx.target.states.get("stale"), None
    if "stale" not in ctx.ways and isinstance(way, Body):
        run = ctx.begin_run("stale")
        status = at(ctx.poll(run).json, "status")
    else:
        owner, run_id = ctx.led_to("stale")
        found = None if "stale" in ctx.ways else _still_found(ctx, Company(owner), run_id)
        run = ctx.read_run(owner, run_id)
        status = at(run.state, "status")
    ended = isinstance(way, Body) and status not in MOVING  # by its engine, as far as one can see
    if status != "failed" and not ended:
        if not ctx.advance(2 * HOUR):
            block_if(not isinstance(way, Body), f"the run that should be stale is {status}", run.polled)
            raise Skipped("the target offers no way to let the hour pass after which a run is stale")
        found = _still_found(ctx, run.company, run.id)
        status, ended = at(ctx.poll(run).json, "status"), False
    _judge_found(ctx, run, found)
    failing = run.polled.status is not None and run.polled.status >= 500 and (ctx.poll(run).status or 0) >= 500
    requirement = "the poll of a run that timed out is answered with 2xx"
    ctx.require("ERR-09", not failing, requirement, run.polled, expected="2xx", got=str(run.polled.status))
    block_if(not run.polled.ok, "the poll of the run that should go stale is not answered with 2xx", run.polled)
    elsewhere = status not in STATUSES or status == "needs_attention" or (ended and status != "failed")
    block_if(elsewhere, f"the run that should go stale is {status}", run.polled)
    return run


def _still_found(ctx: StateDriver, company: Company, run_id: str) -> Answer | None:
    """A look-up that gives the run as one that moves, though it has had a while to notice the time."""
    for _ in range(PATIENCE):
        found = ctx.active(company)
        if at(found.json, "run_id") != run_id or at(found.json, "status") not in MOVING:
            return None
        if "stale" not in ctx.ways:  # time stands still in our own mock, and a wait would lead it on
            ctx.wait()
    return ctx.active(company)


def _judge_found(ctx: StateDriver, run: Run, found: Answer | None) -> None:
    """Whether a look-up gave the run that the poll right after it shows as timed out, and as nothing else before."""
    if found is not None and "STALE-02" in ctx.check.clauses:
        over = at(run.state, "error") == TIMED_OUT
        moving = at(found.json, "run_id") == run.id and at(found.json, "status") in MOVING
        requirement = "the look-up does not give a run that has timed out, though nobody has polled it yet"
        got = found.text
        ctx.require("STALE-02", not (over and moving), requirement, found, run.polled, expected={"run": None}, got=got)


def _judge_what_is_left(ctx: StateDriver, run: Run) -> None:
    """A run that timed out has no report, and where it is all that its company ever had, no row is there."""
    with ctx.speaking_of("POLL-15"):
        report = at(run.state, "report")
        ctx.require("POLL-15", report is None, "a run that timed out has no report", run.polled, got=report)
    with ctx.speaking_of("RUN-09"):
        known = entry_names(ctx.history(run.company).json)
        skip_if(known != [run.id], "the company of the run that timed out may have rows of other imports")
        content = fetch(ctx, run.company.id, None, "all").content
        rows = [line for lines in files_in(content) for line in lines[1:]]
        got = f"{len(rows)} rows, the first {', '.join(rows[0])}" if rows else ""
        requirement = "a company whose only run timed out has no rows"
        ctx.require("RUN-09", not rows, requirement, run.polled, expected="headers alone", got=got)


@check("IDEM-04", "IMP-10", needs=("needs_attention",), whole=True)
def a_parking_of_an_hour_is_one_as_before(ctx: StateDriver) -> None:
    """Let more than an hour pass over a parked run, repeat its start, and start another import."""
    company = ctx.company(fresh=True)
    body = ctx.body("needs_attention") | {"idempotency_key": new_name()}
    run = ctx.begin(company, body)
    ctx.until(run, "needs_attention")
    skip_if(not ctx.advance(HOUR + 100), "the target file offers no way to let time pass")
    again, other = ctx.start(company, body), ctx.start(company, ctx.body("needs_attention"))
    still = at(ctx.poll(run).json, "status") == "needs_attention"
    skip_if(not still, "a parked run ends when nobody decides for an hour (OP-11)")
    holds, got = again.ok and at(again.json, "run_id") == run.id, f"{again.status} {cut(again.text, 200)}"
    requirement = "the same start with the same key gives the existing run while it is parked, an hour later, too"
    ctx.require("IDEM-04", holds, requirement, again, run.polled, expected=f"2xx, run {run.id}", got=got)
    requirement = "a start is refused with 409 while the company's run is parked, an hour later, too"
    ctx.status("IMP-10", other, 409, requirement)
