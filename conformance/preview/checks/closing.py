"""The closing look: what the whole run has met is read again at its end, and hours later where time can be let pass.

The rule that it keeps: it compares nothing itself. Whoever is shown every answer (`preview/observed/`) tells what
contradicts what was answered before; this check sees to it that there is a second answer, and a third.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from conformance.http.client import NO_KEY, OTHER, REVOKED
from conformance.preview.account import fetch, filled_sheets
from conformance.preview.bodies import at, count
from conformance.preview.checks import Company, Run, StateDriver, check
from conformance.preview.checks.hours import (
    Prepared,
    ask_an_hour_later,
    judge_hours_later,
    judge_minutes_later,
    prepare,
)
from conformance.preview.checks.runs import HOUR, TIMED_OUT
from conformance.preview.driver import new_name
from conformance.target.target import Body

if TYPE_CHECKING:
    from conformance.preview.observed.memory import SeenCompany, SeenRun

RUNS, COMPANIES, SHEETS, PAGES, IMPORTS, ENDED, FEW = 12, 4, 4, 3, 3, 6, 2
"""How many of each are looked at, the imports of the company that has most, and the ended runs of a day later: many, or
few in a quick run."""


class Sample(NamedTuple):
    """What is looked at again."""

    runs: list[SeenRun]
    companies: list[SeenCompany]
    sheets: list[tuple[str, str]]
    """Company and sheet."""
    nobodys: str
    """The id of a run that is not there."""


@check(
    *("RUN-02", "RUN-03", "RUN-04", "RUN-07", "RUN-08", "POLL-01", "QUE-03", "PATCH-10", "STALE-01", "STALE-04"),
    *("ACT-01", "ACT-02", "ACT-04", "ACT-05", "ACT-06", "HIST-01", "HIST-02", "HIST-03", "HIST-04", "IDEM-03"),
    *("DEC-23", "DEC-31", "DEC-32", "DEC-33", "DEC-35", "CSV-03", "CSV-04", "CSV-05", "CSV-06", "CSV-07", "RUN-09"),
    *("SRC-01", "TPL-01", "PROV-14", "PROV-16", "UPL-03", "UPL-08", "IDEM-02", "IDEM-04", "IMP-10", "IMP-11"),
    *("AUTH-02", "AUTH-04", "AUTH-05", "AUTH-06", "POLL-17", "HIST-05", "STALE-02"),
    needs=("completed", "failed", "needs_attention", "running"),
    last=True,
)
def what_was_told_is_told_again(ctx: StateDriver) -> None:
    """Read again what the whole run has met, twice, and once more hours later where time can be let pass.

    A quick run looks once: hours later, or else at once.
    """
    _see_to_runs(ctx)
    prepared = prepare(ctx, _free(ctx)) if ctx.whole else Prepared()
    sample = _sample(ctx)
    with ctx.speaking_of():  # what stops it is for the checks whose clauses are about that
        _look_again(ctx, sample, prepared)
    for clause in ("RUN-03", "RUN-04", "RUN-08") if sample.runs else ():
        requirement = "what was met is read again at the end, and hours later where time can be let pass"
        ctx.require(clause, holds=True, requirement=requirement)


def _look_again(ctx: StateDriver, sample: Sample, prepared: Prepared) -> None:
    for _ in range(2 if ctx.whole else 0):
        _look(ctx, sample)
        ctx.wait()
    _repeat_a_start(ctx)
    passed = ctx.advance(HOUR // 6)
    judge_minutes_later(ctx, prepared)
    if passed and ctx.advance(HOUR):
        _look(ctx, sample)
        ask_an_hour_later(ctx, prepared)
        judge_hours_later(ctx, prepared, _free(ctx))
        ctx.advance(22 * HOUR)
        for run in [each for each in sample.runs if each.end is not None][: ENDED if ctx.whole else FEW]:
            ctx.client.call("poll_import", company_id=run.company.id, run_id=run.id)
    elif ctx.whole:
        _look(ctx, Sample(sample.runs[:1], sample.companies[:1], sample.sheets[:1], sample.nobodys))
    else:
        _look(ctx, sample)


def _see_to_runs(ctx: StateDriver) -> None:
    """A run in each state to look at, where the checks before have met none."""
    met = {run.status for run in ctx.memory.runs.values()}
    for state in ("completed", "failed", "needs_attention"):
        if state not in met:
            with ctx.speaking_of():
                ctx.run(state, fresh=False)
    with ctx.speaking_of():
        _see_to_later_imports(ctx)


def _free(ctx: StateDriver) -> SeenCompany | None:
    """The company of which all is known and in which nothing is in flight that has most runs, one completed."""
    at_rest = [each for each in ctx.memory.companies.values() if each.runs and each.at_rest]
    free = [each for each in at_rest if all(run.end is not None for run in each.runs)]
    return max(
        free, key=lambda each: (any(run.status == "completed" for run in each.runs), len(each.runs)), default=None
    )


def _see_to_later_imports(ctx: StateDriver) -> None:
    """More imports, each with a key, in a company in which one has completed, for what is true of the earlier ones."""
    most = _free(ctx)
    if most is None or ctx.client.read_only:
        return
    body = ctx.body("completed")
    for _ in range(max(1, IMPORTS - len(most.runs))):
        run = ctx.begin(Company(most.id), body | {"idempotency_key": new_name()})
        ctx.active(run.company)
        ctx.wait()
        if at(ctx.poll(run).json, "status") == "running":
            ctx.active(run.company)
            ctx.start(run.company, run.body)
        ctx.until(run)


def _sample(ctx: StateDriver) -> Sample:
    """The first and the last run of each state by each way that led there; companies with several runs first."""
    groups: dict[tuple[Any, ...], list[SeenRun]] = {}
    for run in ctx.memory.runs.values():
        if run.last is not None:
            groups.setdefault(_way(run), []).append(run)
    oldest, latest = [each[0] for each in groups.values()], [each[-1] for each in groups.values()]
    runs = list(dict.fromkeys([*oldest, *latest]))[:RUNS]
    return Sample(runs, _companies(ctx, runs)[:COMPANIES], list(_sheets([*latest, *runs]))[:SHEETS], str(uuid4()))


def _companies(ctx: StateDriver, runs: list[SeenRun]) -> list[SeenCompany]:
    """The company with most runs, that of a second parking or a first, one where a run timed out, one without runs."""
    known = sorted(dict.fromkeys(run.company for run in runs), key=lambda each: -len(each.runs))
    parked = sorted((run for run in runs if run.is_parked), key=lambda each: -len(each.taken))
    expired = list(filter(_timed_out, runs))
    empty = [each for each in ctx.memory.companies.values() if each.is_known and not each.runs]
    chosen = [*known[:1], *(run.company for run in (*parked[:1], *expired[:1])), *empty[:1], *known]
    return list(dict.fromkeys(chosen))


def _way(run: SeenRun) -> tuple[Any, ...]:
    """What a run is, how it came to that, and whether others came after it."""
    flagged = bool(count(run.body, "invalidCellCount"))
    later = run is not run.company.runs[-1]
    return run.status, flagged, *run.taken[-1:], str(at(run.body, "error"))[:20] if not run.taken else "", later


def _timed_out(run: SeenRun) -> bool:
    """Whether the run timed out."""
    return run.end is not None and at(run.end.json, "error") == TIMED_OUT


def _sheets(runs: list[SeenRun]) -> Iterator[tuple[str, str]]:
    """Sheets with rows of companies that are at rest: one after a run of each status, if need be."""
    met = set()
    for run in sorted(runs, key=lambda each: not count(each.body, "invalidCellCount")):
        newest = run.company.sheets and run.company.at_rest and run is run.company.runs[-1]
        state = run.status, count(run.body, "inserted") is None
        if newest and run.last is not None and state not in met:
            met.add(state)
            filled = filled_sheets(Run(Company(run.company.id, run.company.sheets), run.id, run.last))
            yield from ((run.company.id, sheet) for sheet in filled[:1])


def _look(ctx: StateDriver, sample: Sample) -> None:
    """Every read once; it is for the observer to compare. First what has to be refused each time."""
    _ask_for_refusals(ctx, sample)
    for run in sample.runs:
        ctx.client.call("poll_import", company_id=run.company.id, run_id=run.id)
    for company in sample.companies:
        ctx.history(Company(company.id))
        ctx.active(Company(company.id))
    for company_id, sheet in sample.sheets:
        for filter_ in ("all", "valid"):
            fetch(ctx, company_id, sheet, filter_)
    for company in sample.companies[:1]:
        _turn_pages(ctx, company)
    ctx.client.call("list_sources")
    ctx.client.call("list_templates")


def _ask_for_refusals(ctx: StateDriver, sample: Sample) -> None:
    """What was refused before: unknown runs, other keys, decisions after the end, starts beside a parking."""
    poll = partial(ctx.client.call, "poll_import")
    for run in sample.runs[:1]:
        unknown = [poll(company_id=run.company.id, run_id=sample.nobodys)]
        if (unknown[0].status or 0) >= 500:  # once it may be a mishap
            unknown += [poll(company_id=run.company.id, run_id=sample.nobodys) for _ in range(2)]
            failing, got = all((each.status or 0) >= 500 for each in unknown), str(unknown[-1].status)
            requirement = "an unknown run is answered with 404"
            ctx.require("POLL-17", not failing, requirement, *unknown, expected="404", got=got)
        for key in (OTHER, REVOKED, NO_KEY):
            if ctx.client.has(key):
                poll(company_id=run.company.id, run_id=run.id, key=key)
    if ctx.client.read_only:
        return
    for decision in ("approve", "reject", "nobody"):
        decided = [run for run in sample.runs if run.end is not None and (*run.taken, "nobody")[:1] == (decision,)]
        for run in sorted(decided, key=lambda each: not _timed_out(each))[:1]:
            ctx.client.call("decide", company_id=run.company.id, run_id=run.id, body={"decision": "approve"})
    parked = [run for run in sample.runs if run.is_parked and run.company.at_rest]
    if parked and isinstance(ctx.target.states.get("completed"), Body):
        ctx.start(Company(parked[0].company.id), ctx.body("completed"))


def _turn_pages(ctx: StateDriver, company: SeenCompany) -> None:
    """The first pages of the history, where they are told as the contract tells them (OP-08)."""
    query: dict[str, Any] = {"limit": 1}
    for _ in range(PAGES):
        page = ctx.client.call("list_imports", company_id=company.id, query=query)
        following = at(page.json, "next_cursor")
        if not isinstance(following, str) or not following:
            return
        query = {"limit": 1, "cursor": following}


def _repeat_a_start(ctx: StateDriver) -> None:
    """The start of a run that has ended and had a key, again, best of one after which others came (IDEM-03)."""
    known = [each for each in ctx.memory.companies.values() if each.at_rest]
    keys = [(company, key, *told) for company in known for key, told in company.keys.items()]
    ended = [each for each in keys if each[3].end is not None and isinstance(each[2], dict)]
    if ended and not ctx.client.read_only:
        company, key, payload, *_ = min(ended, key=lambda each: (each[3] is each[0].runs[-1], -each[4]))
        ctx.start(Company(company.id), payload | {"idempotency_key": key})
