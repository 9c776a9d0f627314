"""What polls, active look-ups and decisions say of one run, held against what was said of it before.

The rule that it keeps: a parked run may expire or be canceled by others at any moment (OP-11, OP-16), and one that
moves may end; only what no such thing explains is a contradiction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conformance.preview.bodies import MOVING, STATUSES, array, at, count, documented, listed, questions, status_of
from conformance.preview.observed.memory import (
    ALIVE,
    ONWARD,
    PARKED,
    UNSURE,
    Memory,
    SeenCompany,
    SeenRun,
    contradiction,
    may_have_happened,
    word,
)

if TYPE_CHECKING:
    from conformance.engine.plan import Contradiction
    from conformance.http.client import Answer

TIMED_OUT = "Import timed out"
NONE = "{run: null}"
Found = Iterator["Contradiction"]


def polled(memory: Memory, answer: Answer) -> Found:
    """A poll of a run."""
    run, place = memory.run(answer), (str(answer.ids.get("company_id")), str(answer.ids.get("run_id")))
    if not answer.ok:
        yield from _not_found(memory, run, place, answer)
        return
    if word(answer.json, "status") not in STATUSES:
        return
    if run is None:
        company, run_id = memory.company(answer), place[1]
        if place in memory.missing:
            requirement = "where no run was there is none, as long as none is started"
            yield contradiction("POLL-17", requirement, memory.missing[place], answer, expected="404")
        other = memory.by_id.get(run_id)
        if other is not None and company.provisioned is not None:
            requirement = "a run is found below its own company alone"
            yield contradiction("POLL-18", requirement, other.last or other.started, answer, expected="404")
            return
        run = memory.met(company, run_id)
    told = at(answer.json, "run_id")
    if isinstance(told, str) and told.casefold() != run.id.casefold():
        yield contradiction("POLL-01", "a poll shows the run that was asked for", answer, expected=f"run {run.id}")
    yield from _confirmed(run, answer)
    yield from shown(memory, run, answer)


def _not_found(memory: Memory, run: SeenRun | None, place: tuple[str, str], answer: Answer) -> Found:
    """A poll that is refused."""
    if run is None and answer.status == 404:
        memory.missing.setdefault(place, answer)
    elif place in memory.missing and answer.status in {400, 409}:
        requirement = "the poll of an unknown run is answered with 404 each time"
        yield contradiction("POLL-17", requirement, memory.missing[place], answer, expected="404")
    if run is not None and answer.status in {400, 404, 409}:
        clause = "IMP-05" if run.last is None else "POLL-01"
        requirement = "the poll of a run that was started or read before is answered with 2xx"
        yield contradiction(clause, requirement, run.last or run.started, answer, expected="2xx")


def shown(memory: Memory, run: SeenRun, answer: Answer) -> Found:
    """A body of the run, as a poll gave it."""
    status = word(answer.json, "status")
    yield from _sums(run.company, answer)
    if run.end is not None:
        yield from _after_the_end(run, run.end, answer)
    elif run.last is not None:
        was = run.status
        stays = was == status == "needs_attention"
        if stays and run.decisions and documented(run.body) == documented(answer.json):
            return  # the decision is not to be seen yet: for DEC-03
        if stays and not run.decisions:
            yield from _parked_alike(run.last, answer)
        yield from _step(run, run.last, was, answer)
    memory.saw(run, answer)


def _step(run: SeenRun, before: Answer, was: Any, answer: Answer) -> Found:
    status = word(answer.json, "status")
    got = f"{was}, then {status}"
    if status == "queued" and was != "queued":
        requirement = "a run that was begun is never queued again"
        yield contradiction("RUN-05", requirement, before, answer, expected="no such change", got=got)
        yield contradiction("RUN-02", requirement, before, answer, expected="no such change", got=got)
    if was != "needs_attention":
        return
    if not run.decisions and status in {*MOVING, "completed"}:
        requirement = "a parked run waits for a decision"
        yield contradiction("RUN-07", requirement, before, answer, expected="needs_attention", got=got)
        yield contradiction("RUN-02", requirement, before, answer, expected="no such change", got=got)
    if run.decisions == {"reject"} and status == "completed":
        requirement = "a rejected run ends failed"
        yield contradiction("DEC-31", requirement, before, answer, expected="failed", got=got)


def _after_the_end(run: SeenRun, end: Answer, answer: Answer) -> Found:
    was, status = word(end.json, "status"), word(answer.json, "status")
    if status != was:
        requirement, got = f"a run that is {was} stays so", f"{was}, then {status}"
        yield contradiction("RUN-03", requirement, end, answer, expected=str(was), got=got)
        yield contradiction("RUN-02", requirement, end, answer, expected=str(was), got=got)
        if at(end.json, "error") == TIMED_OUT:
            yield contradiction("STALE-04", "a run that timed out stays so", end, answer, got=got)
        if run.rejected:
            yield contradiction("DEC-31", "a rejected run stays failed", end, answer, got=got)
    elif documented(answer.json) != documented(end.json):
        yield contradiction("RUN-04", f"every read of a {was} run gives an equal body", end, answer)
        yield contradiction("RUN-03", f"what is told of a {was} run changes no more", end, answer)
        if run.rejected and documented(at(answer.json, "report")) != documented(at(end.json, "report")):
            yield contradiction("DEC-32", "the report of a rejected run stays as it is", end, answer)


def _looked_at(run: SeenRun, answer: Answer) -> Found:
    """A body of the run as a look-up gave it, held against its polls before and after."""
    status, last = word(answer.json, "status"), run.last
    if last is None:
        return
    if run.is_parked and status == "needs_attention":
        old, new = documented(last.json), documented(answer.json)
        block = at(old, "needs_attention") != at(new, "needs_attention")
        requirement = "the look-up gives a parked run as its poll does"
        for clause in ("ACT-06", "ACT-04") if block else ("ACT-06",) if old != new else ():
            run.pending.append((PARKED, contradiction(clause, requirement, last, answer)))
    elif run.is_parked:
        requirement = "the look-up gives a run as parked that is so before and after"
        run.pending.append((PARKED, contradiction("ACT-06", requirement, last, answer)))
    elif status == "queued" and run.status == "running":
        yield contradiction("ACT-06", "a run that was begun is not looked up as queued", last, answer)
    elif status == "needs_attention":
        requirement = "the look-up gives no run as parked that is at work before and after"
        run.pending.append((ONWARD, contradiction("ACT-06", requirement, last, answer)))


def _parked_alike(before: Answer, answer: Answer) -> Found:
    old, new = documented(before.json), documented(answer.json)
    if questions(old) != questions(new):
        yield contradiction("QUE-03", "the questions of one parking stay the same", before, answer)
    kept = [[at(body, "report"), at(body, "needs_attention", "proposed_patch")] for body in (old, new)]
    if kept[0] != kept[1]:
        requirement = "what is reported and proposed of a parked run stays the same"
        yield contradiction("PATCH-10", requirement, before, answer)


def _confirmed(run: SeenRun, answer: Answer) -> Found:
    """What was a contradiction to the run's being alive or parked, which this poll shows it still to be."""
    status = word(answer.json, "status")
    parked = status == "needs_attention" and run.is_parked
    onward = status in {*MOVING, "completed"} and UNSURE not in run.decisions and not run.decided_since
    holds = {ALIVE: status in {*MOVING, "needs_attention"}, PARKED: parked, ONWARD: onward}
    for needed, waiting in run.pending:
        if holds[needed]:
            yield contradiction(
                waiting.clause,
                waiting.requirement,
                *waiting.answers,
                answer,
                expected=waiting.expected,
                got=waiting.got,
            )
    run.pending.clear()
    run.decided_since = False


def _sums(company: SeenCompany, answer: Answer) -> Found:
    """What holds of each body by itself, whichever check asked for it."""
    inserted, sheets = count(answer.json, "inserted"), listed(answer.json, "report", "perSheet")
    counts: list[Any] = [each.get("rowCount") for each in sheets]
    whole = at(answer.json, "report", "perSheet") is not None and all(type(each) is int for each in counts)
    if inserted is not None and whole and sum(counts) != inserted:
        got = f"{inserted} inserted, and {', '.join(map(str, counts)) or 'no sheets'}"
        requirement = "the rowCounts of perSheet add up to inserted"
        yield contradiction("POLL-10", requirement, answer, expected="the same sum", got=got)
    if not company.sheets:
        return
    strange = [json.dumps(each.get("sheetId")) for each in sheets if str(each.get("sheetId")) not in company.sheets]
    if strange:
        requirement = "each entry of perSheet is of a sheet of the company"
        yield contradiction("POLL-09", requirement, answer, expected="its sheets", got=", ".join(strange))
    asked = [at(each, "target", "sheet_id") for each in questions(answer.json)]
    if strange := [str(each) for each in asked if isinstance(each, str) and each not in company.sheets]:
        requirement = "each question is about a sheet of the company"
        yield contradiction("QUE-05", requirement, answer, expected="its sheets", got=", ".join(strange))


def looked_up(memory: Memory, answer: Answer) -> Found:
    """An active look-up."""
    company = memory.company(answer)
    if not answer.ok or not isinstance(answer.json, dict):
        return
    status, run_id = word(answer.json, "status"), at(answer.json, "run_id")
    if "run" in answer.json and answer.json["run"] is None:
        for run in [each for each in company.runs if each.is_alive]:
            clause = "ACT-04" if run.status == "needs_attention" else "ACT-01"
            requirement = f"a run that is {run.status} before and after is given by the look-up in between"
            said = contradiction(clause, requirement, run.last or run.started, answer, expected=f"run {run.id}")
            run.pending.append((ALIVE, said))
    elif status in {*MOVING, "needs_attention"}:
        yield from _found(memory, company, run_id, answer)
    elif not status and company.is_known and not any(each.is_alive for each in company.runs):
        yield contradiction("ACT-02", "no run is given when none is in flight", answer, expected=NONE)


def _found(memory: Memory, company: SeenCompany, run_id: Any, answer: Answer) -> Found:
    """A look-up that gives a run which is not over."""
    alive = [each for each in company.runs if each.is_alive]
    run = memory.runs.get((company.id, run_id)) if isinstance(run_id, str) else None
    if run is None and isinstance(run_id, str) and run_id in memory.by_id:
        requirement = "a look-up gives a run of its own company"
        yield contradiction("SEC-02", requirement, answer, expected=f"a run of {company.id}")
    elif run is None and run_id is None and len(alive) == 1 and company.is_known:
        run = alive[0]
    elif run is None and not alive and company.is_known:
        clause, before = "ACT-05" if company.runs else "ACT-02", company.runs[-1].end if company.runs else None
        yield contradiction(clause, "no run is given when none is in flight", before, answer, expected=NONE)
    if run is not None and run.end is not None:
        clause = "STALE-02" if at(run.end.json, "error") == TIMED_OUT else "ACT-05"
        yield contradiction(clause, "a run that is over is not active", run.end, answer, expected=NONE)
    elif run is not None:
        yield from _looked_at(run, answer)


def decided(memory: Memory, answer: Answer) -> Found:
    """A decision."""
    run, decision = memory.run(answer), word(answer.sent, "decision")
    if run is None:
        return
    plain = decision in {"approve", "reject"} and not array(answer.sent, "answers")
    if answer.ok:
        yield from _taken(run, decision, answer)
    elif answer.status == 409 and run.is_parked and plain:
        clause = "DEC-01" if decision == "approve" else "DEC-31"
        requirement = f"{decision} on a run that is parked before and after is taken"
        run.pending.append((PARKED, contradiction(clause, requirement, run.last, answer, expected="200")))
    elif answer.status == 404:
        requirement = "a decision about a run that was read before is not answered with 404"
        yield contradiction("DEC-01", requirement, run.last or run.started, answer, expected="200 or a reason")


def _taken(run: SeenRun, decision: str, answer: Answer) -> Found:
    if run.end is not None:
        requirement = f"a decision about a run that is {status_of(run.end.json)} is refused with 409"
        yield contradiction("DEC-23", requirement, run.end, answer, expected="409")
        if run.rejected:
            requirement = "a reject is final: a decision after it is refused with 409"
            yield contradiction("DEC-35", requirement, run.end, answer, expected="409")
    clause, told, url = (
        "DEC-31" if decision == "reject" else "DEC-02",
        at(answer.json, "run_id"),
        at(answer.json, "poll_url"),
    )
    if isinstance(told, str) and told != run.id:
        yield contradiction(clause, "the answer to a decision names its run", answer, expected=f"run {run.id}")
    if isinstance(url, str) and not url.endswith(path_of(run)):
        yield contradiction(clause, "poll_url is the path of the run", answer, expected=path_of(run), got=url)


def path_of(run: SeenRun) -> str:
    """How the address of its poll ends."""
    return f"/companies/{run.company.id}/imports/{run.id}"


def note_decision(memory: Memory, answer: Answer) -> None:
    """Remember a decision that was or may have been taken, whoever sent it and however the run was spelled."""
    if not may_have_happened(answer):
        return
    decision = word(answer.sent, "decision")
    meant = str(answer.ids.get("run_id")).casefold()
    for run in [each for key, each in memory.runs.items() if key[1].casefold() == meant]:
        run.decisions.add(decision if answer.ok and decision else UNSURE)
        run.taken.append(decision if answer.ok else UNSURE)
        run.decided_since = True
        run.company.changes += 1
