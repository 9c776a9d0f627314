"""Ways back to a run: the active look-up and the history (ACT, HIST).

The rule that it keeps: the history is read whatever its envelope and paging (OP-08); what cannot be told from it is
skipped, not guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from conformance.engine.context import block_if, must_come, must_succeed, skip_if
from conformance.preview.account import two_companies
from conformance.preview.bodies import MOVING, TERMINAL, at, documented, entries, entry_names, identity, status_of
from conformance.preview.checks import Answer, Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.checks.runs import TIMED_OUT
from conformance.preview.decision_runs import flagged_run
from conformance.preview.driver import near
from conformance.target.target import Body

NONE = {"run": None}
MOST_PAGES = 8  # pages of one run each that a history of four runs may take until it ends
MORE_RUNS = 9
"""How many further runs are made for a second page; whose pages are longer is not followed."""
CURSORS = ("cursor", "page_token", "next_token", "start_cursor", "starting_after", "after", "token", "next", "page")
"""How a next page is asked for elsewhere."""
CONTRACTS = "next_cursor"
"""The envelope's member that the contract names."""


OFTEN = 3
"""How often it is looked, where the first look may be true and a later one not."""


@check("ACT-01", "ACT-02", "ACT-03", "ACT-05", "ACT-06", "HIST-05", needs=("completed",))
def the_lookup_follows_a_run(ctx: StateDriver) -> None:
    """Look for the active run before a company's first import, while it and a second one move, and after their ends."""
    company = ctx.company(fresh=True)
    with ctx.speaking_of("HIST-05"):
        skip_if(company.provisioned is None, "the companies that the target file lends may have had runs before")
        for history in [ctx.history(company) for _ in range(OFTEN)]:
            if ctx.status("HIST-05", history, 2, "the history of a company without runs is answered with 2xx"):
                empty, requirement = entries(history.json) == [], "the history of a company without runs is empty"
                ctx.require("HIST-05", empty, requirement, history, expected="no runs", got=history.text)
    for before in [ctx.active(company) for _ in range(OFTEN)]:
        none, got = before.ok and before.json == NONE, f"{before.status} {before.text}"
        requirement = "with no import in flight the look-up gives exactly {run: null}"
        ctx.require("ACT-02", none, requirement, before, expected=before.text if none else NO_RUN, got=got)
    for _ in range(2 if ctx.whole else 1):
        run = ctx.begin_run("completed", company)
        _judge_moving(ctx, run)
        _to_its_end(ctx, run)
        _judge_ended(ctx, run, before)


NO_RUN = '{"run": null}'


def _judge_moving(ctx: StateDriver, run: Run) -> None:
    """The look-up gives a run that moves as its poll does, and nothing to a company beside it."""
    polled, found, again = ctx.poll(run), ctx.active(run.company), ctx.poll(run)
    with ctx.speaking_of("ACT-01", "ACT-03", "ACT-06"):
        if at(again.json, "status") in MOVING:
            if at(found.json, "status") is not None and _content(polled) == _content(again):
                same, requirement = _content(found) == _content(polled), "the look-up equals the poll of the moving run"
                ctx.require("ACT-06", same, requirement, polled, found, expected=polled.text, got=found.text)
            _judge_bare(ctx, found, MOVING)
    if ctx.whole and ctx.lent is None:
        beside = ctx.active(two_companies(ctx)[1])
        none, requirement = beside.json == NONE, "another company's run is not active in a company without imports"
        ctx.require("ACT-02", none, requirement, beside, expected=NO_RUN, got=beside.text)


def _judge_ended(ctx: StateDriver, run: Run, before: Answer | None = None) -> None:
    """The look-up gives no run at once after the end of the run, nor at a later look."""
    requirement = f"the look-up gives no run once the run is {status_of(run.state)}"
    for after in [ctx.active(run.company) for _ in range(OFTEN)]:
        own_way = before is not None and (after.status, after.json) == (before.status, before.json)
        ctx.require("ACT-05", own_way or after.json == NONE, requirement, after, expected=NO_RUN, got=after.text)


@check("ACT-05", "HIST-04", needs=("completed", "failed", "canceled", "needs_attention"))
def a_run_that_is_over_is_listed_and_not_active(ctx: StateDriver) -> None:
    """Look for the active run, and for all, of companies whose run is over, however it ended."""
    states = ("completed", "failed", *(("canceled",) if ctx.whole else ()))
    ways: dict[str, Callable[[], Run]] = {f"a {each} run": partial(ctx.run, each, fresh=False) for each in states}
    if ctx.whole:
        ways["a run completed with flagged rows"] = lambda: flagged_run(ctx).run
    for what, way in ways.items():
        with ctx.speaking_of("ACT-05", "HIST-04"):
            run = way()
            block_if(at(run.state, "status") not in TERMINAL, f"{what} is not over", run.polled)
            found = ctx.active(run.company)
            must_come(found)
            over = at(found.json, "status") in TERMINAL or at(found.json, "run_id") == run.id
            requirement = f"the look-up does not give {what}"
            ctx.require("ACT-05", not over, requirement, found, expected=NO_RUN, got=found.text)
            history = ctx.history(run.company)
            place = _places(history, run)[run.id]
            there = place is not None or _tells_of_more(history)
            ctx.require("HIST-04", there, f"{what} is listed", history, expected=run.id, got=history.text)


@check("ACT-01", "ACT-03", "ACT-04", "ACT-06", needs=("needs_attention",))
def the_lookup_finds_a_parked_run(ctx: StateDriver) -> None:
    """Look for the active run of a company whose run is parked, several times."""
    _judge_parked(ctx, ctx.run("needs_attention", fresh=False), OFTEN)


def _judge_parked(ctx: StateDriver, run: Run, often: int = 1) -> None:
    for found in [ctx.active(run.company) for _ in range(often)]:
        if found.json == NONE:
            skip_if(at(ctx.poll(run).json, "error") == TIMED_OUT, "the parked run timed out meanwhile (OP-11)")
        requirement = "a parked run is active: the look-up gives it, with its whole needs_attention block"
        block, wanted = at(found.json, "needs_attention"), at(run.state, "needs_attention")
        holds = wanted is not None and documented(block) == documented(wanted)
        ctx.require("ACT-04", holds, requirement, run.polled, found, expected=run.polled.text, got=found.text)
        block_if(found.json == NONE, "the look-up gives no parked run", found)
        if isinstance(found.json, dict):
            polled, told = (documented(each) | {"needs_attention": None} for each in (run.state, found.json))  # ACT-04
            same, requirement = told == polled, "the look-up equals the poll of the parked run"
            ctx.require("ACT-06", same, requirement, run.polled, found, expected=run.polled.text, got=found.text)
            ctx.reads("OP-05", f"run_id {'absent' if at(found.json, 'run_id') is None else 'present'}")
        _judge_bare(ctx, found, ("needs_attention",))


@check("ACT-01", "ACT-04", "ACT-05", "ACT-06", needs=("needs_attention", "needs_attention_again"), whole=True)
def the_lookup_follows_decisions(ctx: StateDriver) -> None:
    """Look for the active run while it is parked, right after its approval, where it parks again, and after its end."""
    again = ctx.target.states.get("needs_attention_again")
    run = ctx.begin_run("needs_attention_again" if isinstance(again, Body) else "needs_attention")
    ctx.until(run, "needs_attention")
    _judge_parked(ctx, run)
    answers = again.answers if isinstance(again, Body) else None
    must_succeed(ctx.decide(run, "approve", answers), "the approval of the parked run was refused")
    _judge_moving(ctx, run)
    ctx.wait()
    if at(ctx.until(run), "status") == "needs_attention":
        _judge_parked(ctx, run)
        ctx.end(run)
    _judge_ended(ctx, run)


@check("ACT-08", needs=("completed",))
def an_unknown_company_has_no_lookup(ctx: StateDriver) -> None:
    """Look for the active run, and for all runs, of companies that do not exist, some with nearly an id that does."""
    unknown = Company(str(uuid4()))
    answers = {"the look-up": ctx.active(unknown), "the history": ctx.history(unknown)}
    with ctx.speaking_of("ACT-08"):
        run = ctx.run("completed", fresh=False)
        known = run.company.id
        for what, each in {"nearly the id": near(known), "a run's id": run.id}.items():
            answers[f"the look-up, {what}"] = ctx.active(Company(each))
            answers[f"the history, {what}"] = ctx.history(Company(each))
    ctx.each_status("ACT-08", answers, 404, "the look-up of an unknown company is answered with 404")
    with ctx.speaking_of("ACT-08"):
        known = ctx.any_company().id
        odd = {"more behind it": f"{known}x", "its end cut off": known[:-1], "no UUID": "conformance"}
        looks = {what: ctx.active(Company(each)) for what, each in odd.items()}  # OP-23: 404 or 400
        ctx.each_status("ACT-08", looks, 4, "the look-up of what is no company's id is refused")


@check(
    *("HIST-01", "HIST-02", "HIST-03", "HIST-04", "ACT-04", "ACT-06", "ACT-07", "IMP-11"),
    needs=("completed", "needs_attention"),
)
def the_history_lists_newest_first(ctx: StateDriver) -> None:
    """Let imports complete or fail and another one park; read the history at once, then again, then page by page."""
    company = ctx.company(fresh=True)
    ended = _some_that_end(ctx, company)
    answer = ctx.start(company, ctx.body("needs_attention"))
    ctx.status("IMP-11", answer, 2, "once a run is completed a new import is accepted")
    newer = ctx.run_of(answer, company, ctx.body("needs_attention"))
    early = ctx.history(company)
    listed = _places(early, *ended, newer)
    first, requirement = listed[newer.id] == 0, "a run just created is the first of the history"
    ctx.require("HIST-03", first, requirement, early, expected="place 0", got=_shown(listed))
    found = ctx.active(company)
    ctx.until(newer, "needs_attention")
    other = at(found.json, "run_id") not in (None, newer.id) or at(found.json, "status") in TERMINAL
    holds, requirement = found.json != NONE and not other, "beside an older run the look-up gives the most recent one"
    ctx.require("ACT-07", holds, requirement, found, expected=f"run {newer.id}", got=found.text)
    with ctx.speaking_of("ACT-04", "ACT-06"):
        _judge_parked(ctx, newer)  # what the look-up said of it before is not so any more
    runs = [newer, *ended[::-1]]
    known = _judge_listed(ctx, company, runs)
    limited = [_judge_pages(ctx, company, known, limit) for limit in ((1, 2, 3) if ctx.whole else (1,))]
    _judge_rejected(ctx, newer)
    if ctx.whole and not any(limited) and len(known) == len(runs):
        with ctx.speaking_of():
            _judge_long(ctx, company, known)


def _judge_listed(ctx: StateDriver, company: Company, runs: list[Run]) -> list[Run]:
    """The runs, newest first, are all listed in this order; which of them are."""
    late = [ctx.history(company) for _ in range(OFTEN)][-1]
    listed = _places(late, *runs)
    places = [place for run in runs if (place := listed[run.id]) is not None]
    every = len(places) == len(runs)
    with ctx.speaking_of("HIST-04"):
        if not every and len(entries(late.json) or ()) < len(runs) and _tells_of_more(late):
            raise Skipped("a page of the history holds fewer runs")  # OP-08
        requirement = "runs that are over and a parked one are all listed"
        ctx.require("HIST-04", every, requirement, late, expected=f"{len(runs)} runs", got=_shown(listed))
    requirement, expected = "newer runs are listed before older ones", ", ".join(run.id for run in runs)
    ctx.require("HIST-01", places == sorted(places), requirement, late, expected=expected, got=_shown(listed))
    return [run for run in runs if listed[run.id] is not None]


def _some_that_end(ctx: StateDriver, company: Company) -> list[Run]:
    """Imports of the company, one after the other, that are over: oldest first."""
    ways = [state for state in ("failed", "completed") if isinstance(ctx.target.states.get(state), Body)]
    ended = []
    for state in ("completed", *(ways if ctx.whole else ())):
        ended.append(ctx.begin_run(state, company))
        ctx.history(company)  # for the observer: the run is the first of it
        _to_its_end(ctx, ended[-1])
    return ended


def _to_its_end(ctx: StateDriver, run: Run) -> None:
    """See the run to its end; what parks, since the company has such rows already, is rejected (OP-29)."""
    if at(ctx.until(run), "status") == "needs_attention":
        ctx.end(run)


def _judge_rejected(ctx: StateDriver, run: Run) -> None:
    """The last of several runs is over by a rejection: it is not active any more, and still in its place."""
    with suppress(Blocked, Skipped):  # DEC-31
        ctx.end(run)
        _judge_ended(ctx, run)
        ctx.history(run.company)


def _shown(places: dict[str, int | None]) -> str:
    return ", ".join(
        f"run {name} {'is not there' if place is None else f'at place {place}'}" for name, place in places.items()
    )


def _judge_bare(ctx: StateDriver, answer: Answer, statuses: tuple[str, ...]) -> None:
    """The look-up's answer is one object, and it is the run itself (ACT-03, ACT-01), else nothing can be said of it."""
    one = isinstance(answer.json, dict)
    ctx.require("ACT-03", one, "the look-up's answer is one object", answer, expected="an object", got=answer.text)
    bare = answer.ok and at(answer.json, "status") in statuses and "run" not in answer.json
    requirement = f"the look-up gives the run that is {' or '.join(statuses)}, not wrapped"
    given = one and ctx.require("ACT-01", bare, requirement, answer, expected=statuses, got=answer.text)
    block_if(not given, "the look-up does not give the run that is in flight", answer)


def _content(answer: Answer) -> Any:
    """All that is documented of a moving run; its message is among it, and may change at any moment."""
    return documented(answer.json), at(answer.json, "progress_message")


def _places(answer: Answer, *runs: Run) -> dict[str, int | None]:
    """Where each run stands in the history; Skipped when its entries carry no ids (OP-08)."""
    found = entries(answer.json)
    if found is None:
        raise Blocked("the history holds no list of runs", [answer])
    texts = [json.dumps(entry) for entry in found]
    places = {run.id: next((at for at, text in enumerate(texts) if run.id in text), None) for run in runs}
    unnamed = found and not any(map(identity, found)) and set(places.values()) == {None}
    skip_if(unnamed, "the history's entries carry no ids, so no run is found in it")
    return places


def _judge_long(ctx: StateDriver, company: Company, runs: list[Run]) -> None:
    """Where no limit is heeded, import until the history has a page of its own that leads to another."""
    for _ in range(MORE_RUNS):
        if _next(ctx.history(company)) is not None:
            _judge_pages(ctx, company, runs, None)
            return
        runs.insert(0, ctx.begin_run("completed", company))
        _to_its_end(ctx, runs[0])


def _judge_pages(ctx: StateDriver, company: Company, runs: list[Run], limit: int | None) -> bool:
    """Follow the history from page to page: it ends, repeats no run, leaves none out, and goes back in time.

    Whether the limit is heeded.
    """
    pages = _turned(ctx, company, {} if limit is None else {"limit": limit})
    start = _next(pages[0])
    body = pages[0].json
    envelope = "a bare array" if isinstance(body, list) else f"an object with {', '.join(body or ())}"
    ctx.reads("OP-08", f"{envelope}; the next page: {start[0] if start else 'none told'}")
    stuck = len(pages) > 1 and not _differs(pages[-1], pages[-2])
    if stuck and start is not None and start[0] != CONTRACTS and not _is_url(start):
        raise Skipped(f"the history does not say how the page that {start[0]!r} leads to is asked for")
    names = [name for page in pages for name in entry_names(page.json) or ()]
    ended = _next(pages[-1]) is None
    told = ended and any(value is None for _, value in _links(pages[-1]))
    whole = not told or all(any(run.id in page.text for page in pages) for run in runs)
    holds = not stuck and whole and len(set(names)) == len(names) and (ended or company.provisioned is None)
    requirement = "following the history's pages comes to an end, repeats no run and leaves none out"
    ctx.require("HIST-02", holds, requirement, *pages, expected="each run once", got=", ".join(names))
    met = [run for page in pages for run in _met(page, runs)]
    expected = [run.id for run in runs if run.id in met]
    requirement = "from page to page the runs become older"
    ctx.require(
        "HIST-01", stuck or met == expected, requirement, *pages, expected=", ".join(expected), got=", ".join(met)
    )
    return "limit" in pages[0].query and len(entries(pages[0].json) or ()) == limit


def _turned(ctx: StateDriver, company: Company, asked: dict[str, int]) -> list[Answer]:
    """The pages, each from the one before, until one leads nowhere or to itself; without a limit that is refused."""
    first = ctx.client.call("list_imports", company_id=company.id, query=asked)
    pages = [first if first.ok else ctx.history(company)]
    while len(pages) < MOST_PAGES and (link := _next(pages[-1])) is not None:
        pages.append(_page(ctx, company, pages[-1], link, asked))
        if not _differs(pages[-1], pages[-2]):
            break
    return pages


def _met(page: Answer, runs: list[Run]) -> list[str]:
    """The ids of those of the runs that the page lists, in its order."""
    texts = map(json.dumps, entries(page.json) or ())
    return [run.id for text in texts for run in runs if run.id in text]


def _page(ctx: StateDriver, company: Company, page: Answer, told: tuple[str, Any], asked: dict[str, int]) -> Answer:
    """The page that a link leads to: a URL, or a cursor to be sent in a parameter of whatever name."""
    member, link = told
    if _is_url(told):
        return ctx.client.get(link)
    bare = re.sub(r"^next_?", "", member) or "cursor"
    likely = bare[:1].lower() + bare[1:]
    found = page
    for name in dict.fromkeys((likely, *CURSORS, member)):
        found = ctx.client.call("list_imports", company_id=company.id, query={**asked, name: link})
        if found.ok and _differs(found, page):
            return found
    return found


def _next(page: Answer) -> tuple[str, Any] | None:
    """The envelope's member that leads to the next page, and what it says; None at the end."""
    return next((link for link in _links(page) if link[1] and type(link[1]) in {str, int}), None)


def _tells_of_more(page: Answer) -> bool:
    """Whether the envelope tells of more runs than the page lists: by a link, by a flag, or by a figure."""
    found = len(entries(page.json) or ())
    told = any(value is True or (type(value) is int and value > found) for _, value in _members(page))
    return told or _next(page) is not None


def _members(page: Answer) -> list[tuple[str, Any]]:
    """The members of the envelope, and of the objects in it."""
    body = page.json if isinstance(page.json, dict) else {}
    return [pair for each in (body, *body.values()) if isinstance(each, dict) for pair in each.items()]


def _links(page: Answer) -> list[tuple[str, Any]]:
    """Those that are named for a next page; else for a cursor."""
    links = [pair for pair in _members(page) if "next" in pair[0].lower()]
    return links or [pair for pair in _members(page) if pair[0].lower() in {"cursor", "endcursor", "end_cursor"}]


def _is_url(link: tuple[str, Any] | None) -> bool:
    return link is not None and isinstance(link[1], str) and link[1].startswith(("/", "http://", "https://"))


def _differs(page: Answer, other: Answer) -> bool:
    return page.ok and entry_names(page.json) != entry_names(other.json)
