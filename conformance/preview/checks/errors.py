"""What holds for every call, whatever it is about: errors, form and the rate limit (ERR, FMT, RATE).

The checks of the rate limit spend whole budgets, so they run last, and only when they are asked for: the one that
spends the budget of starting imports comes after the one that still has to start one. How many calls a minute pass is
approximate: anything from 60 to 200 will do, however the minute is cut (OP-25).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from conformance.engine.context import block_if, cut, must_come, skip_if
from conformance.http.client import NO_KEY
from conformance.preview.account import FILE, fetch, judge_no_run, other_key, valid_import, with_destination
from conformance.preview.bodies import at
from conformance.preview.checks import Answer, Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.driver import new_company
from conformance.preview.each_call import calls_of_company, calls_of_run, made
from mock_server.contract.nearest import counted

DOCUMENTED = (400, 401, 404, 409, 429, 500)
NOT_JSON = b'{"name": "conformance", "rows": ['
_JSON_TYPE = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)


@check("ERR-01", "ERR-02", "ERR-06", needs=("completed", "needs_attention"))
def refusals_have_one_form(ctx: StateDriver) -> None:
    """Ask each operation for what does not exist, send it what is malformed, comes at a wrong time, or has no key."""
    refused = [answer for answer in _refusals(ctx) if not answer.ok]
    must_come(*refused)
    block_if(not refused, "none of the calls that should be refused was")
    texts = [(answer, at(answer.json, "error")) for answer in refused]
    no_error = [answer for answer, text in texts if not isinstance(text, str) or not text.strip()]
    requirement, got = "an error body is an object with a text in `error`", _told(no_error or refused)
    ctx.require("ERR-01", not no_error, requirement, *no_error, got=got)
    if len(no_error) < len(refused):  # the others break ERR-01, which is one failure
        more = [answer for answer in refused if answer not in no_error and set(answer.json) - {"error"}]
        ctx.require("ERR-02", not more, "an error body has no member besides `error`", *more, got=_told(more))
    other = [each for each in refused if each.status not in DOCUMENTED and each.operation != "start_export"]  # OP-18
    expected = ", ".join(map(str, DOCUMENTED))
    ctx.require("ERR-06", not other, "documented statuses alone are used", *other, expected=expected, got=_told(other))


def _told(answers: list[Answer]) -> str:
    return "; ".join(f"{answer.operation}: {answer.status} {cut(answer.text, 80)}" for answer in answers[:5])


def _refusals(ctx: StateDriver) -> list[Answer]:
    """Answers to calls that no server takes: of each operation, and for each reason."""
    company, ask = ctx.any_company(), ctx.client.call
    answers = [
        ask("list_sources", key=NO_KEY),
        ask("list_templates", key=NO_KEY),
        ask("provision_company", body=new_company(ctx.source()), key=NO_KEY),
        ask("provision_company", body={}),
        ask("provision_company", raw=NOT_JSON),
        ask("provision_company", body=new_company(str(uuid4()))),
        ask("request_upload", company_id=company.id, body={}),
        ask("export_csv", company_id=company.id, query={"filter": "some"}),
        ask("export_csv", company_id=company.id, query={"sheet_id": str(uuid4())}),
        ask("start_export", company_id=company.id, body={"mode": "conformance"}),
        ask("poll_import", company_id=company.id, run_id=str(uuid4())),
        ask("poll_import", company_id=company.id, run_id="conformance's \u00e9"),
        ask("poll_export", company_id=company.id, run_id=str(uuid4())),
    ]
    if isinstance(taken := at(company.provisioned, "company", "external_id"), str):
        answers.append(ctx.provision(external_id=taken))
    if isinstance(taken := at(company.provisioned, "company", "name"), str):
        answers.append(ctx.provision(name=taken))
    return answers + _further_refusals(ctx, company) if ctx.whole else answers


def _further_refusals(ctx: StateDriver, company: Company) -> list[Answer]:
    """Of each call without a key, below an unknown company or run, and at a wrong time."""
    answers = [*made(calls_of_company(ctx, company, {"rows": [{}]}), NO_KEY).values()]
    answers += made(calls_of_company(ctx, Company(str(uuid4())), {"rows": [{}]})).values()
    for state in ("completed", "needs_attention"):
        with suppress(Skipped, Blocked):
            run = ctx.run(state, fresh=False)
            answers += made(calls_of_run(ctx, run), NO_KEY).values()
            elsewhere = Run(run.company, str(uuid4()), run.polled)
            answers += made(calls_of_run(ctx, elsewhere)).values()
            answers += [ctx.decide(run, "conformance"), ctx.start(run.company, {})]
            answers += [ctx.start(run.company, valid_import(ctx))] if state != "completed" else [ctx.decide(run)]
    return answers


@check("ERR-09", needs=("failed",))
def a_failed_run_is_a_successful_poll(ctx: StateDriver) -> None:
    """Poll a run that failed, several times."""
    try:
        run = ctx.run("failed", fresh=False)
        answers = [run.polled, *(ctx.read_run(run.company.id, run.id).polled for _ in range(2))]
    except Blocked as blocked:
        polls = [each for each in blocked.answers if each.operation == "poll_import" and not each.ok]
        if not polls:
            raise
        # A poll that is refused may be the lie itself, or a passing trouble: the second one tells.
        answers = [ctx.client.call("poll_import", **polls[-1].ids)]
        if answers[0].ok:
            raise
    for answer in answers:
        ctx.status("ERR-09", answer, 2, "a run's failure is no error of the poll, which is 2xx")


@check("ERR-11", needs=("needs_attention", "completed"))
def what_is_no_json_is_refused(ctx: StateDriver) -> None:
    """Send each operation bodies that are not JSON, or are followed by something that is not."""
    company, ask, right = ctx.any_company().id, ctx.client.call, new_company(ctx.source())
    provision = partial(ask, "provision_company")
    answers = {
        "an upload": ask("request_upload", company_id=company, raw=NOT_JSON),
        "a company": provision(raw=NOT_JSON),
        "a company, plain text": provision(raw=b"conformance"),
        "a company, with an empty body": provision(raw=b"", headers={"content-type": "application/json"}),
        "a company, more behind it": provision(raw=_json(right) + b" x"),
        "a company, two of them": provision(raw=_json(right) * 2),
        "a company, single quotes": provision(raw=_json(right).replace(b'"', b"'")),
    }
    _send_runs_no_json(ctx, answers)
    requirement = "a body that is not valid JSON is answered with 400"  # what an error body lacks breaks ERR-01
    ctx.each_status("ERR-11", answers, 400, requirement)
    exports = {"an export": ask("start_export", company_id=company, raw=NOT_JSON)}  # OP-18: any 4xx
    with ctx.speaking_of("ERR-11"):
        able = with_destination(ctx, "completed") if ctx.whole else ctx.any_company()
        exports["an export with a destination"] = ask("start_export", company_id=able.id, raw=NOT_JSON)
    ctx.each_status("ERR-11", exports, 4, "an export whose body is not JSON is refused")
    no_text = provision(raw=_json(right | new_company(ctx.source())).replace(b"conformance-", b"conformance-\xff", 1))
    must_come(no_text)
    taken = no_text.ok or no_text.status == 400  # some read such bytes as a mark that stands for them
    ctx.require("ERR-11", taken, "bytes that are no UTF-8 are refused with 400", no_text, got=str(no_text.status))
    if ctx.lent is None and ctx.whole:
        ctx.status("ERR-11", ctx.provision(**right), 2, "what is refused as no JSON makes no company")


def _send_runs_no_json(ctx: StateDriver, answers: dict[str, Answer]) -> None:
    """Add what a start and a decision answer, as far as there is a company and a run for them."""
    ask = ctx.client.call
    with ctx.speaking_of("ERR-11"):
        idle = ctx.company(fresh=ctx.lent is not None).id  # a busy one could refuse with 409 (OP-24)
        answers["an import"] = ask("start_import", company_id=idle, raw=NOT_JSON)
        answers["an import, more behind it"] = ask("start_import", company_id=idle, raw=_json(valid_import(ctx)) + b"]")
    with ctx.speaking_of("ERR-11"):
        run = ctx.run("needs_attention", fresh=False)
        decide = partial(ask, "decide", company_id=run.company.id, run_id=run.id)
        answers["a decision"] = decide(raw=NOT_JSON)
        answers["a decision, more behind it"] = decide(raw=b'{"decision": "approve"}}')


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


NAMES = ("Zo\u00eb & \u6771\u4eac", "\U0001f3e2 \u05e9\u05dc\u05d5\u05dd \u2014 \u201eq\u201c \u00df")
"""Names that need two, three and four bytes for a letter."""


@check("FMT-01")
def answers_are_json_in_utf8(ctx: StateDriver) -> None:
    """Read lists and refusals, request an upload, and provision companies whose names need UTF-8."""
    company, ask = ctx.any_company(), ctx.client.call
    answers = [ask("list_sources"), ask("list_templates"), ctx.history(company), ctx.active(company)]
    answers += [ctx.read_run(company.id, str(uuid4())).polled, ask("provision_company", key=NO_KEY, body={})]
    answers.append(ask("request_upload", company_id=company.id, body=FILE))
    for name in NAMES if ctx.lent is None else ():
        answers.append(told := ctx.provision(name=f"conformance-{uuid4().hex[:8]} {name}"))
        must_come(*answers)
        kept = not told.ok or at(told.json, "company", "name") in (told.sent["name"], None)
        requirement = "a name comes back as it was sent, in UTF-8"
        ctx.require("FMT-01", kept, requirement, told, expected=told.sent["name"], got=told.text)
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


FEWEST, MOST, WRITTEN = 60, 200, 100
WINDOW = 61
"""Seconds after which a minute is over, by whichever clock."""
WINDOWS = 2
"""How many of them a throttled call may take to pass again."""
LOOKS, A_LOOK = 100, 0.05
"""How many waits are enough where the target's time was moved, and one takes less than so many seconds: there real time
does not pass, and only a clock that moves runs alone (OP-39) would need it to."""
AT_ONCE, A_FEW = 10, 4
TOO_MANY = {"error": "Too many requests"}


class Burst(NamedTuple):
    """As many calls as it took until none of those made at the same moment passed, or until too many had."""

    passed: int
    refused: tuple[Answer, ...]
    last: Answer

    @property
    def fits(self) -> bool:
        """True when the number of calls that passed is one that the documentation allows."""
        return FEWEST <= self.passed <= MOST and bool(self.refused)


def _burst(ctx: StateDriver, call: Callable[[], Answer]) -> Burst:
    passed, refused, begun = 0, [], ctx.now()
    while True:
        answers = ctx.client.concurrently([call] * AT_ONCE)
        must_come(*answers)
        throttled = [answer for answer in answers if answer.status == 429]
        passed += len(answers) - len(throttled)
        refused += throttled
        slow = passed > MOST and ctx.now() - begun > WINDOW
        block_if(slow, f"{counted(passed, 'call')} took the target longer than a minute", answers[-1])
        if passed > MOST or len(throttled) == len(answers):
            return Burst(passed, tuple(refused), answers[-1])


def _refused_elsewhere(ctx: StateDriver, company: Company) -> list[Answer]:
    """The refusals of two more endpoints, whose budgets are spent, too; a poll still passes then (RATE-05)."""
    refused: list[Answer] = []
    sheet = next(iter(company.sheets), None)
    calls = {"look-ups": partial(ctx.history, company), "downloads": partial(fetch, ctx, company.id, sheet)}
    with ctx.speaking_of("RATE-01"):
        for what, call in calls.items() if ctx.whole else ():
            burst = _burst(ctx, call)
            requirement, got = f"of more than about 100 {what} a minute some get 429", f"{burst.passed} passed"
            ctx.require("RATE-01", bool(burst.refused), requirement, burst.last, expected=f"at most {MOST}", got=got)
            refused += burst.refused
    poll = ctx.read_run(company.id, str(uuid4())).polled
    must_come(poll)
    ctx.require("RATE-05", poll.status != 429, "polls have a budget of their own", poll, expected="404", got=poll.text)
    return refused


def _after_the_window(ctx: StateDriver, call: Callable[[], Answer]) -> Answer:
    """The first answer that is no 429, once the window has passed by the target's clock or by ours; else the last.

    By ours it passes without a call, since a target may count those that it refuses, too.
    """
    moved = ctx.advance(WINDOW)
    answer = call()
    for _ in range(WINDOWS):
        if answer.status == 429:
            begun, looks = ctx.now(), 0
            while (passed := ctx.now() - begun) < WINDOW and not (moved and looks > LOOKS and passed < looks * A_LOOK):
                ctx.wait()
                looks += 1
            answer = call()
    return answer


def _burst_of_one_window(ctx: StateDriver, call: Callable[[], Answer]) -> Burst:
    """A burst that begins with its window; a second one where the first does not fit."""
    ctx.advance(WINDOW)  # what was asked before counts no more, where the clock moves it
    burst = _burst(ctx, call)
    if burst.fits:
        return burst
    _after_the_window(ctx, call)  # what was asked before may have counted, or the burst lain across two windows
    ctx.advance(WINDOW)
    again = _burst(ctx, call)
    return again if again.fits or burst.passed < FEWEST else min(burst, again, key=lambda each: each.passed)


@check("RATE-01", "RATE-02", "RATE-03", "RATE-05", "RATE-06", "RATE-08")
def an_endpoint_takes_so_many_calls_a_minute(ctx: StateDriver) -> None:
    """Read the templates until it is too often, then the sources, then the templates with another key, and later."""
    call, company = partial(ctx.client.call, "list_templates"), ctx.any_company()
    with ctx.client.unthrottled():
        burst = _burst_of_one_window(ctx, call)
        requirement = "about 100 calls a minute pass, more get 429"
        got = f"{burst.passed} passed, {len(burst.refused)} got 429"
        if ctx.target.strict:
            exact = burst.passed == WRITTEN
            ctx.require("RATE-01", exact, "100 calls a minute pass (OP-25)", burst.last, expected=WRITTEN, got=got)
        ctx.require("RATE-01", burst.fits, requirement, burst.last, expected=f"{FEWEST} to {MOST}", got=got)
        passed = counted(burst.passed, "call")
        ctx.reads("OP-25", f"{passed} passed, the next got 429" if burst.refused else "no 429 was seen")
        block_if(not burst.refused, f"{passed} in a minute, and no 429", burst.last)
        with ctx.speaking_of("RATE-06"):
            other = ctx.client.call("list_templates", key=other_key(ctx))
            ctx.status("RATE-06", other, 2, "another key has a budget of its own")
        others = {"the sources": ctx.client.call("list_sources"), "the imports": ctx.history(company)}
        ctx.each_status("RATE-05", others, 2, "another endpoint has a budget of its own")
        refused = [*burst.refused, *_refused_elsewhere(ctx, company)]
        odd = [answer for answer in refused if answer.json != TOO_MANY or "retry-after" in answer.headers]
        ctx.shaped((odd or refused)[0], "RATE-02", "RATE-03")
        later = [_after_the_window(ctx, call), *(call() for _ in range(A_FEW))]
        passed_again = {f"call {number}": each for number, each in enumerate(later, 1)}
        ctx.each_status("RATE-08", passed_again, 2, "the throttled call succeeds once the window has passed")


@check("RATE-07", needs=("needs_attention",))
def a_throttled_decision_is_not_taken(ctx: StateDriver) -> None:
    """Send malformed decisions on a parked run until they get 429, then a good one, and look at the run."""
    run = ctx.run("needs_attention")
    with ctx.client.unthrottled():
        decide = partial(ctx.client.call, "decide", company_id=run.company.id, run_id=run.id)
        _throttle(ctx, partial(decide, body={"decision": "conformance"}), partial(decide, body={"decision": "approve"}))
    before = at(run.state, "needs_attention")
    ctx.wait()
    after = ctx.poll(run)
    must_come(after)
    same = at(after.json, "status") == "needs_attention" and at(after.json, "needs_attention") == before
    ctx.require("RATE-07", same, "a decision that gets 429 is not taken", after, got=after.text)


@check("RATE-07")
def a_throttled_import_does_not_start(ctx: StateDriver) -> None:
    """Send malformed imports until they get 429, then a good one, and look at the company's imports."""
    company, body = ctx.company(fresh=True), valid_import(ctx)
    before = ctx.history(company)
    with ctx.client.unthrottled():
        start = partial(ctx.client.call, "start_import", company_id=company.id)
        _throttle(ctx, partial(start, body={}), partial(start, body=body))
    ctx.wait()
    judge_no_run(ctx, "RATE-07", "an import that gets 429 starts no run", before, ctx.history(company))


def _throttle(ctx: StateDriver, bad: Callable[[], Answer], good: Callable[[], Answer]) -> None:
    """Make a call that is refused with 400 until it gets 429, and then a good one, which gets 429, too."""
    refused = _burst(ctx, bad).refused
    skip_if(not refused, "calls that are refused with 400 do not count here, so a good one cannot be throttled")
    answer = good()
    block_if(answer.status != 429, "the call came when the budget was not spent any more", answer)
