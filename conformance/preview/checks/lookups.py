"""Ways back to a run: the active look-up and the history (ACT, HIST).

The rule that it keeps: the history is read whatever its envelope and paging (OP-08); what cannot be told from it is
skipped, not guessed.
"""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

from conformance.engine.context import block_if, skip_if
from conformance.preview.bodies import MOVING, TERMINAL, at, documented, entries, entry_names, identity
from conformance.preview.checks import Answer, Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.checks.runs import TIMED_OUT

NONE = {"run": None}
MOST_PAGES = 6  # pages of one run each that a history of two runs may take until it ends
CURSORS = ("cursor", "page_token", "next_token", "start_cursor", "starting_after", "after", "token", "next", "page")
"""How a next page is asked for elsewhere."""
CONTRACTS = "next_cursor"
"""The envelope's member that the contract names."""


@check("ACT-01", "ACT-02", "ACT-03", "ACT-05", "ACT-06", "HIST-05", needs=("completed",))
def the_lookup_follows_a_run(ctx: StateDriver) -> None:
    """Look for the active run before the company's first import, while it moves and right after its end."""
    company = ctx.company(fresh=True)
    with ctx.speaking_of("HIST-05"):
        skip_if(company.provisioned is None, "the companies that the target file lends may have had runs before")
        history = ctx.history(company)
        if ctx.status("HIST-05", history, 2, "the history of a company without runs is answered with 2xx"):
            empty, requirement = entries(history.json) == [], "the history of a company without runs is empty"
            ctx.require("HIST-05", empty, requirement, history, expected="no runs", got=history.text)
    before = ctx.active(company)
    requirement = "with no import in flight the look-up gives exactly {run: null}"
    none = before.ok and before.json == NONE
    ctx.require("ACT-02", none, requirement, before, expected=NONE, got=f"{before.status} {before.text}")
    run = ctx.begin_run("completed", company)
    polled, found, again = ctx.poll(run), ctx.active(company), ctx.poll(run)
    with ctx.speaking_of("ACT-01", "ACT-03", "ACT-06"):
        if at(again.json, "status") in MOVING:
            _judge_bare(ctx, found, MOVING)
            if _content(polled) == _content(again):
                same, requirement = _content(found) == _content(polled), "the look-up equals the poll of the moving run"
                ctx.require("ACT-06", same, requirement, polled, found, expected=polled.text, got=found.text)
    ended = ctx.until(run, *TERMINAL)
    after = ctx.active(company)
    requirement = f"the look-up gives no run once the run is {at(ended, 'status')}"
    none = after.json == NONE or (after.status, after.json) == (before.status, before.json)  # be it in its own way
    ctx.require("ACT-05", none, requirement, after, expected=NONE, got=after.text)


@check("ACT-01", "ACT-03", "ACT-04", "ACT-06", needs=("needs_attention",))
def the_lookup_finds_a_parked_run(ctx: StateDriver) -> None:
    """Look for the active run of a company whose run is parked."""
    run = ctx.run("needs_attention", fresh=False)
    found = ctx.active(run.company)
    if found.json == NONE:
        skip_if(at(ctx.poll(run).json, "error") == TIMED_OUT, "the parked run timed out meanwhile (OP-11)")
    requirement = "a parked run is active: the look-up gives it, with its whole needs_attention block"
    block, wanted = at(found.json, "needs_attention"), at(run.state, "needs_attention")
    if found.json != NONE:
        _judge_bare(ctx, found, ("needs_attention",))
    holds = wanted is not None and documented(block) == documented(wanted)
    ctx.require("ACT-04", holds, requirement, run.polled, found, expected=wanted, got=found.text)
    block_if(found.json == NONE, "the look-up gives no parked run", found)
    polled, told = (documented(each) | {"needs_attention": None} for each in (run.state, found.json))  # ACT-04
    ctx.equal("ACT-06", told, polled, "the look-up equals the poll of the parked run", run.polled, found)
    ctx.reads("OP-05", "run_id present" if at(found.json, "run_id") is not None else "run_id absent")


@check("ACT-08")
def an_unknown_company_has_no_lookup(ctx: StateDriver) -> None:
    """Look for the active run of a company that does not exist."""
    answer = ctx.active(Company(str(uuid4())))
    ctx.status("ACT-08", answer, 404, "the look-up of an unknown company is answered with 404")


@check("HIST-01", "HIST-02", "HIST-03", "HIST-04", "ACT-07", "IMP-11", needs=("completed", "needs_attention"))
def the_history_lists_newest_first(ctx: StateDriver) -> None:
    """Let one import complete and another park; read the history at once, then again, then page by page."""
    company = ctx.company(fresh=True)
    older = ctx.begin_run("completed", company)
    ctx.until(older, "completed")
    answer = ctx.start(company, ctx.body("needs_attention"))
    ctx.status("IMP-11", answer, 2, "once a run is completed a new import is accepted")
    newer = ctx.run_of(answer, company, ctx.body("needs_attention"))
    early = ctx.history(company)
    listed = _places(early, older, newer)
    first, requirement = listed[newer.id] == 0, "a run just created is the first of the history"
    ctx.require("HIST-03", first, requirement, early, expected="place 0", got=listed)
    found = ctx.active(company)
    ctx.until(newer, "needs_attention")
    other = at(found.json, "run_id") not in (None, newer.id) or at(found.json, "status") in TERMINAL
    holds, requirement = found.json != NONE and not other, "beside an older run the look-up gives the most recent one"
    ctx.require("ACT-07", holds, requirement, found, expected=f"run {newer.id}", got=found.text)
    late = ctx.history(company)
    listed = _places(late, older, newer)
    place_of_older, place_of_newer = listed[older.id], listed[newer.id]
    both = place_of_older is not None and place_of_newer is not None
    with ctx.speaking_of("HIST-04"):
        if not both and len(entries(late.json) or ()) == 1 and _tells_of_more(late):
            raise Skipped("a page of the history holds a single run")  # OP-08
        ctx.require("HIST-04", both, "a completed and a parked run are both listed", late, expected="both", got=listed)
    falls = place_of_older is None or place_of_newer is None or place_of_newer < place_of_older
    requirement = "the newer run is listed before the older one"
    ctx.require("HIST-01", falls, requirement, late, expected=[newer.id, older.id], got=listed)
    _judge_pages(ctx, company, [run for run in (newer, older) if listed[run.id] is not None])


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


def _judge_pages(ctx: StateDriver, company: Company, runs: list[Run]) -> None:
    """Follow the history from page to page: it ends, repeats no run and leaves none out (HIST-02)."""
    first = ctx.client.call("list_imports", company_id=company.id, query={"limit": 1})
    pages = [first if first.ok else ctx.history(company)]
    while len(pages) < MOST_PAGES and (link := _next(pages[-1])) is not None:
        pages.append(_page(ctx, company, pages[-1], *link))
        if not _differs(pages[-1], pages[-2]):
            break
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
    ctx.require("HIST-02", holds, requirement, *pages, expected="each run once", got=names)


def _page(ctx: StateDriver, company: Company, page: Answer, member: str, link: Any) -> Answer:
    """The page that the link leads to: a URL, or a cursor to be sent in a parameter of whatever name."""
    if _is_url((member, link)):
        return ctx.client.get(link)
    bare = re.sub(r"^next_?", "", member) or "cursor"
    likely = bare[:1].lower() + bare[1:]
    found = page
    for name in dict.fromkeys((likely, *CURSORS, member)):
        found = ctx.client.call("list_imports", company_id=company.id, query={"limit": 1, name: link})
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
