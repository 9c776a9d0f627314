"""Ways back to a run: the active look-up, the history, and the end of runs whose engine died (ACT, HIST, STALE).

The rule that it keeps: the history is read whatever its envelope and paging (OP-08); what cannot be told from it is
skipped, not guessed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.checks import check
from conformance.checks.imports import entries, named
from conformance.parking import at, shown
from conformance.stage import MOVING, TERMINAL, Blocked, Company, Run, Skipped
from conformance.targetfile import Body, ExistingRun

if TYPE_CHECKING:
    from conformance.client import Answer
    from conformance.stage import Stage

NONE = {"run": None}
TIMED_OUT = "Import timed out"
HOUR = 3_600  # seconds
MOST_PAGES = 6  # pages of one run each that a history of two runs may take until it ends
CURSORS = ("cursor", "page_token", "next_token", "start_cursor", "starting_after", "after", "token", "next", "page")
"""How a next page is asked for elsewhere."""
CONTRACTS = "next_cursor"
"""The envelope's member that the contract names."""


@check("ACT-01", "ACT-02", "ACT-03", "ACT-05", "ACT-06", "HIST-05")
def the_lookup_follows_a_run(stage: Stage) -> None:
    """Look for the active run before the company's first import, while it moves and right after its end."""
    company = stage.company(fresh=True)
    with stage.speaking_of("HIST-05"):
        _judge_empty(stage, company)
    before = _active(stage, company)
    _judge_none(stage, "ACT-02", before, "with no import in flight the look-up gives exactly {run: null}")
    run = stage.started("completed", company)
    polled, found, again = stage.poll(run), _active(stage, company), stage.poll(run)
    if at(again.json, "status") in MOVING:
        _judge_bare(stage, found, MOVING)
        if shown(polled.json) == shown(again.json):
            _judge_equal(stage, "ACT-06", polled, found, "the look-up equals the poll of the moving run")
    ended = stage.until(run, *TERMINAL)
    requirement = f"the look-up gives exactly {{run: null}} once the run is {at(ended, 'status')}"
    _judge_none(stage, "ACT-05", _active(stage, company), requirement)


@check("ACT-01", "ACT-03", "ACT-04", "ACT-06")
def the_lookup_finds_a_parked_run(stage: Stage) -> None:
    """Look for the active run of a company whose run is parked."""
    run = stage.run("needs_attention", fresh=False)
    found = _active(stage, run.company)
    _judge_bare(stage, found, ("needs_attention",))
    block, wanted = at(found.json, "needs_attention"), at(run.state, "needs_attention")
    holds = wanted is not None and shown(block) == shown(wanted)
    requirement = "the look-up gives a parked run with its whole needs_attention block"
    stage.require("ACT-04", holds, requirement, run.polled, found, expected=wanted, got=block)
    _judge_equal(stage, "ACT-06", run.polled, found, "the look-up equals the poll of the parked run")
    stage.reads("OP-05", "run_id present" if at(found.json, "run_id") is not None else "run_id absent")


@check("ACT-08")
def an_unknown_company_has_no_lookup(stage: Stage) -> None:
    """Look for the active run of a company that does not exist."""
    answer = _active(stage, Company(str(uuid4())))
    stage.status("ACT-08", answer, 404, requirement="the look-up of an unknown company is answered with 404")


@check("HIST-01", "HIST-02", "HIST-03", "HIST-04", "ACT-07")
def the_history_lists_newest_first(stage: Stage) -> None:
    """Let one import complete and another park; read the history at once, then again, then page by page."""
    company = stage.company(fresh=True)
    older = stage.started("completed", company)
    stage.until(older, "completed")
    newer = stage.started("needs_attention", company)
    early = stage.client.call("list_imports", company_id=company.id)
    listed = _places(early, older, newer)
    requirement = "a run just created is the first of the history"
    stage.require("HIST-03", listed[newer.id] == 0, requirement, early, expected="place 0", got=listed)
    stage.until(newer, "needs_attention")
    found = _active(stage, company)
    _judge_equal(stage, "ACT-07", newer.polled, found, "beside an older run the look-up gives the most recent one")
    late = stage.client.call("list_imports", company_id=company.id)
    listed = _places(late, older, newer)
    place_of_older, place_of_newer = listed[older.id], listed[newer.id]
    both = place_of_older is not None and place_of_newer is not None
    stage.require("HIST-04", both, "a completed and a parked run are both listed", late, expected="both", got=listed)
    falls = place_of_older is None or place_of_newer is None or place_of_newer < place_of_older
    requirement = "the newer run is listed before the older one"
    stage.require("HIST-01", falls, requirement, late, expected=[newer.id, older.id], got=listed)
    _judge_pages(stage, company, [newer, older])


@check("STALE-05", "RUN-03")
def a_healthy_run_does_not_time_out(stage: Stage) -> None:
    """Start a healthy import, and let half an hour pass; after its end, let hours pass."""
    state = "running" if isinstance(stage.target.states.get("running"), Body) else "completed"
    run = stage.started(state)
    polled = [stage.poll(run)]
    if not stage.advance(HOUR // 2):
        raise Skipped("the target offers no way to let half an hour pass")
    polled.append(stage.poll(run))
    expired = [answer for answer in polled if at(answer.json, "error") == TIMED_OUT]
    got = [at(answer.json, "status") for answer in polled]
    requirement = "a healthy run does not time out within half an hour"
    stage.require("STALE-05", not expired, requirement, *expired, expected="no time-out", got=got)
    before = stage.until(run, *TERMINAL)
    stage.advance(2 * HOUR)
    after = stage.poll(run)
    requirement = f"a {at(before, 'status')} run is the same hours later"
    stage.require("RUN-03", shown(after.json) == shown(before), requirement, after, expected=before, got=after.json)


@check("STALE-01", "STALE-02", "STALE-03", "STALE-04")
def a_dead_run_times_out(stage: Stage) -> None:
    """Read a run whose engine died long ago, look for an active run, and start another import."""
    run = _dead(stage)
    first = run.polled
    error = at(first.json, "error")
    holds = at(first.json, "status") == "failed" and error == TIMED_OUT
    requirement = f"a run whose engine died is failed, {TIMED_OUT!r}"
    stage.require("STALE-01", holds, requirement, first, expected=f"failed, {TIMED_OUT}", got=first.text)
    found = _active(stage, run.company)
    other = at(found.json, "run_id") not in (None, run.id)  # someone else's import, in a company that was lent
    requirement = "the look-up no longer gives the run that timed out"
    stage.require("STALE-02", found.json == NONE or other, requirement, found, expected=NONE, got=found.text)
    stage.advance(HOUR)
    stage.wait()
    later = stage.poll(run)
    with stage.speaking_of("STALE-03"):
        new = stage.start(run.company, stage.body("completed"))
        stage.status("STALE-03", new, 2, requirement="after a time-out a new import is accepted")
    stage.wait()
    last = stage.poll(run)
    revived = [answer for answer in (later, last) if shown(answer.json) != shown(first.json)]
    requirement = "a run that timed out stays as it is"
    got = [answer.json for answer in revived]
    stage.require("STALE-04", not revived, requirement, first, *revived, expected=first.text, got=got)


def _dead(stage: Stage) -> Run:
    """A run whose engine died, more than an hour after that where time can be let pass."""
    way = stage.target.states.get("stale")
    if "stale" in stage.ways:
        run = _known(stage, *stage.ways["stale"]())
    elif isinstance(way, ExistingRun):
        run = _known(stage, way.company, way.run)
    elif isinstance(way, Body):
        run = stage.started("stale")
    else:
        return stage.run("stale")
    if at(stage.poll(run).json, "status") in MOVING:
        if not stage.advance(2 * HOUR):
            if not isinstance(way, Body):
                raise Blocked("the run that should be stale is still at work", [run.polled])
            raise Skipped("the target offers no way to let the hour pass after which a run is stale")
        stage.poll(run)
    if at(run.state, "status") not in (*MOVING, "failed"):
        raise Blocked("the run that should go stale is neither at work nor failed", [run.polled])
    return run


def _known(stage: Stage, company_id: str, run_id: str) -> Run:
    polled = stage.client.call("poll_import", company_id=company_id, run_id=run_id)
    return Run(Company(company_id), run_id, "", None, None, polled)


def _active(stage: Stage, company: Company) -> Answer:
    return stage.client.call("list_imports", company_id=company.id, query={"status": "active"})


def _judge_none(stage: Stage, clause: str, answer: Answer, requirement: str) -> None:
    holds = answer.ok and answer.json == NONE
    stage.require(clause, holds, requirement, answer, expected=NONE, got=f"{answer.status} {answer.text}")


def _judge_empty(stage: Stage, company: Company) -> None:
    """The history of a company without runs (HIST-05)."""
    if company.provisioned is None:
        raise Skipped("the companies that the target file lends may have had runs before")
    answer = stage.client.call("list_imports", company_id=company.id)
    if stage.status("HIST-05", answer, 2, requirement="the history of a company without runs is answered with 2xx"):
        requirement = "the history of a company without runs is empty"
        stage.require("HIST-05", entries(answer.json) == [], requirement, answer, expected="no runs", got=answer.text)


def _judge_bare(stage: Stage, answer: Answer, statuses: tuple[str, ...]) -> None:
    """The look-up's answer is one object, and it is the run itself (ACT-01, ACT-03)."""
    requirement = "the look-up's answer is one object"
    stage.require("ACT-03", isinstance(answer.json, dict), requirement, answer, expected="an object", got=answer.text)
    bare = at(answer.json, "status") in statuses and "run" not in (answer.json or {})
    requirement = f"the look-up gives the run that is {' or '.join(statuses)}, not wrapped"
    stage.require("ACT-01", answer.ok and bare, requirement, answer, expected=statuses, got=answer.text)


def _judge_equal(stage: Stage, clause: str, polled: Answer, found: Answer, requirement: str) -> None:
    holds = found.ok and shown(found.json) == shown(polled.json)
    stage.require(clause, holds, requirement, polled, found, expected=polled.text, got=found.text)


def _places(answer: Answer, *runs: Run) -> dict[str, int | None]:
    """Where each run stands in the history; Skipped when its entries carry no ids (OP-08)."""
    found = entries(answer.json)
    if found is None:
        raise Blocked("the history holds no list of runs", [answer])
    texts = [json.dumps(entry) for entry in found]
    places = {run.id: next((at for at, text in enumerate(texts) if run.id in text), None) for run in runs}
    unnamed = found and all(name == repr(entry) for name, entry in zip(named(found) or [], found, strict=True))
    if unnamed and not any(place is not None for place in places.values()):
        raise Skipped("the history's entries carry no ids, so no run is found in it")
    return places


def _judge_pages(stage: Stage, company: Company, runs: list[Run]) -> None:
    """Follow the history from page to page: it ends, repeats no run and leaves none out (HIST-02)."""
    first = stage.client.call("list_imports", company_id=company.id, query={"limit": 1})
    pages = [first if first.ok else stage.client.call("list_imports", company_id=company.id)]
    while len(pages) < MOST_PAGES and (link := _next(pages[-1])) is not None:
        pages.append(_page(stage, company, pages[-1], *link))
        if not _differs(pages[-1], pages[-2]):
            break
    start = _next(pages[0])
    stage.reads("OP-08", f"{_envelope(pages[0])}; the next page: {start[0] if start else 'none told'}")
    stuck = len(pages) > 1 and not _differs(pages[-1], pages[-2])
    if stuck and start is not None and start[0] != CONTRACTS and not _is_url(start):
        raise Skipped(f"the history does not say how the page that {start[0]!r} leads to is asked for")
    names = [name for page in pages for name in named(entries(page.json)) or ()]
    ended = _next(pages[-1]) is None
    told = ended and any(value is None for _, value in _links(pages[-1]))
    whole = not told or all(any(run.id in page.text for page in pages) for run in runs)
    holds = not stuck and whole and len(set(names)) == len(names) and (ended or company.provisioned is None)
    requirement = "following the history's pages comes to an end, repeats no run and leaves none out"
    stage.require("HIST-02", holds, requirement, *pages, expected="each run once", got=names)


def _page(stage: Stage, company: Company, page: Answer, member: str, link: Any) -> Answer:
    """The page that the link leads to: a URL, or a cursor to be sent in a parameter of whatever name."""
    if _is_url((member, link)):
        return stage.client.get(link)
    bare = re.sub(r"^next_?", "", member) or "cursor"
    likely = bare[:1].lower() + bare[1:]
    found = page
    for name in dict.fromkeys((likely, *CURSORS, member)):
        found = stage.client.call("list_imports", company_id=company.id, query={"limit": 1, name: link})
        if found.ok and _differs(found, page):
            return found
    return found


def _next(page: Answer) -> tuple[str, Any] | None:
    """The envelope's member that leads to the next page, and what it says; None at the end."""
    return next((link for link in _links(page) if link[1] and type(link[1]) in {str, int}), None)


def _links(page: Answer) -> list[tuple[str, Any]]:
    """The members of the envelope, or of an object in it, that are named for a next page; else for a cursor."""
    body = page.json if isinstance(page.json, dict) else {}
    members = [pair for each in (body, *body.values()) if isinstance(each, dict) for pair in each.items()]
    links = [pair for pair in members if "next" in pair[0].lower()]
    return links or [pair for pair in members if pair[0].lower() in {"cursor", "endcursor", "end_cursor"}]


def _is_url(link: tuple[str, Any] | None) -> bool:
    return link is not None and isinstance(link[1], str) and link[1].startswith(("/", "http://", "https://"))


def _differs(page: Answer, other: Answer) -> bool:
    return page.ok and named(entries(page.json)) != named(entries(other.json))


def _envelope(page: Answer) -> str:
    return "a bare array" if isinstance(page.json, list) else f"an object with {', '.join(page.json or ())}"
