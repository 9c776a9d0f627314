"""What histories list, held against the runs that were started and read (HIST), whatever their envelope (OP-08).

The rule that it keeps: what an entry says of a run may lag behind for a moment; that it is there, and where, may not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from conformance.preview.bodies import STATUSES, at, count, entries, identity
from conformance.preview.observed.memory import PARKED, SETTLED, Memory, SeenCompany, SeenRun, contradiction, word
from conformance.preview.observed.runs import TIMED_OUT

if TYPE_CHECKING:
    from conformance.engine.plan import Contradiction
    from conformance.http.client import Answer

Found = Iterator["Contradiction"]
RECENT = 43_200
"""Seconds for which a run surely is one of the recent ones."""
CONSTANT = ("created_at", "poll_url")


def listed(memory: Memory, answer: Answer) -> Found:
    """A page of a company's history."""
    company, items = memory.company(answer), entries(answer.json) if answer.ok else None
    if items is None:
        return
    names = [name for name in map(identity, items) if name is not None]
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        requirement = "a page of the history lists no run twice"
        yield contradiction("HIST-02", requirement, answer, expected="each run once", got=", ".join(repeated))
    texts = list(map(json.dumps, items))
    places = {run.id: at for run in company.runs for at, text in enumerate(texts) if run.id in text}
    yield from _strangers(memory, company, names, answer)
    for run in company.runs:
        if run.id in places:
            yield from _entry(memory, run, items[places[run.id]], answer)
    if not answer.query:
        yield from _first_page(memory, company, places, items, answer)
    if len(names) == len(items):
        yield from _again(company, names, answer)


def _strangers(memory: Memory, company: SeenCompany, names: list[str], answer: Answer) -> Found:
    others = [name for name in names if name in memory.by_id and memory.by_id[name].company is not company]
    if others and all((company.id, name) not in memory.runs for name in others):
        requirement = "a history lists runs of its own company alone"
        yield contradiction("SEC-02", requirement, answer, expected=f"runs of {company.id}", got=", ".join(others))


def _first_page(
    memory: Memory, company: SeenCompany, places: dict[str, int], items: list[Any], answer: Answer
) -> Found:
    named = bool(places) or any(map(identity, items))
    known = [run for run in company.runs if run.started is not None and run.started.alone]
    there = [run for run in known if run.id in places]
    wrong = [(older, newer) for older, newer in pairwise(there) if places[older.id] < places[newer.id]]
    if wrong:
        got = f"run {wrong[0][0].id} before run {wrong[0][1].id}"
        started = (wrong[0][0].started, wrong[0][1].started)
        yield contradiction("HIST-01", "newer runs are listed before older ones", *started, answer, got=got)
    newest = company.runs[-1] if company.runs and company.is_known else None
    if newest is not None and newest in known and (named or not items) and places.get(newest.id) != 0:
        requirement = "the run that was started last is the first of the history"
        yield contradiction("HIST-03", requirement, newest.started, answer, expected=f"run {newest.id} first")
    gone = [run for run in known[known.index(there[0]) :] if run.id not in places] if there else []
    if isinstance(answer.json, dict) and answer.json.get("next_cursor", 0) is None and named:
        met = [run for run in company.runs if run.last is not None and memory.now() - run.since < RECENT]
        gone += [run for run in met if run.id not in places]  # and no page follows
    if gone:
        requirement = "every run since the oldest one on the page is listed"
        first = gone[0].started or gone[0].last
        yield contradiction("HIST-04", requirement, first, answer, expected=f"run {gone[0].id}")
    if company.is_known and len(items) > len(company.runs):
        clause = "RUN-08" if company.refused is None else "IMP-13"
        requirement = "the history lists no run that nobody has started"
        expected, got = f"at most {len(company.runs)} entries", f"{len(items)}"
        yield contradiction(clause, requirement, company.refused, answer, expected=expected, got=got)


def _entry(memory: Memory, run: SeenRun, item: Any, answer: Answer) -> Found:
    """What the history says of one run."""
    within = next((each for each in (item, *_objects(item)) if word(each, "status") in STATUSES), item)
    status, settled = word(within, "status"), memory.now() - run.since >= SETTLED
    if run.end is not None and status in STATUSES and settled and status != run.status:
        requirement = f"the history lists a run that is {run.status} as that"
        clause = "STALE-02" if at(run.end.json, "error") == TIMED_OUT else "RUN-03"
        yield contradiction(clause, requirement, run.end, answer, expected=run.status, got=status)
    elif run.is_parked and status in STATUSES and settled and status != run.status:
        requirement = "the history lists a run as parked that is so before and after"
        said = contradiction("HIST-04", requirement, run.last, answer, expected=str(run.status), got=str(status))
        run.pending.append((PARKED, said))
    if run.end is not None and settled:
        for name in ("inserted", "invalidCellCount"):
            told, known = count(within, name), count(run.end.json, name)
            if told is not None and known is not None and told != known:
                requirement = "the history gives a run's report as its poll does"
                got, expected = f"{name} {told}", f"{name} {known}"
                yield contradiction("RUN-03", requirement, run.end, answer, expected=expected, got=got)
    for name in CONSTANT:
        told = at(within, name)
        before, first = run.facts.setdefault(name, (told, answer))
        if isinstance(told, str) and isinstance(before, str) and told != before:
            requirement = f"{name} of a run stays as it is"
            yield contradiction("RUN-08", requirement, first, answer, expected=before, got=told)


def _objects(item: Any) -> list[Any]:
    return [each for each in item.values() if isinstance(each, dict)] if isinstance(item, dict) else []


def _again(company: SeenCompany, names: list[str], answer: Answer) -> Found:
    """The same page, with no start in between."""
    query, starts = json.dumps(answer.query, sort_keys=True, default=str), len(company.runs) + company.unsure
    before = company.listed.get(query)
    company.listed[query] = starts, names, answer
    if before is not None and company.is_known and before[0] == starts and before[1] != names:
        clause = "HIST-02" if answer.query else "RUN-08"
        requirement = "a page of the history lists the same runs as long as none is started"
        yield contradiction(clause, requirement, before[2], answer)
