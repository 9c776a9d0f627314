"""Lies of the independent implementation about time: later, again, remembered, stale."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from typing import Any

from independent import checking, companies, imports, mending, outgoing
from independent.model import MOVING, Company, Refused
from independent_bending import Bent, active, going, lies, provisioned_anyway, put, running, unnoticed

TIME: list[Bent] = []
lie = lies(TIME)

HOUR = 3_600
SEEN: Counter[Any] = Counter()
KEPT: dict[Any, Any] = {}


# -- later


@lie("RUN-03", "later", "calls a completed run timed out two hours after its end", imports.settled)
def ended_times_out(honest: Any, world: Any, company: Any) -> Any:
    runs = honest(world, company)
    for run in runs:
        if run.status == "completed" and world.now() - run.since > 2 * HOUR:
            run.status, run.error = "failed", "Import timed out"
    return runs


@lie("PATCH-10", "later", "sets the cells it proposes to set once a run has been parked for an hour", imports.settled)
def parked_is_mended(honest: Any, world: Any, company: Any) -> Any:
    runs = honest(world, company)
    for run in runs:
        if run.status == "needs_attention" and world.now() - run.since > HOUR:
            for group in mending.groups(company, run):
                act = mending._proposed(group)
                for line in group.lines if act["action"] == "set_value" else ():
                    line.cells[group.column.name] = act["value"]
    return runs


@lie("POLL-08", "later", "leaves perSheet out of the reports of runs that ended an hour ago", imports.find)
def archived_report(honest: Any, world: Any, company: Any, run_id: str) -> Any:
    run = honest(world, company, run_id)
    if run.status == "completed" and world.now() - run.since > HOUR:
        return replace(run, report={name: value for name, value in run.report.items() if name != "perSheet"})
    return run


@lie("UPL-03", "later", "takes a file at a used URL again once the URL is an hour old", companies.receive)
def used_url_after_an_hour(honest: Any, world: Any, company_id: str, ref: str, kind: str, content: bytes) -> Any:
    wrong = honest(world, company_id, ref, kind, content)
    if wrong == "Expired":
        owner = next(each for each in world.accounts.values() if company_id in each.companies)
        return wrong if owner.companies[company_id].uploads[ref].content is None else None
    return wrong


@lie("STALE-04", "later", "lets an engine come back to a run that was timed out three hours ago", imports.settled)
def late_engine(honest: Any, world: Any, company: Any) -> Any:
    for run in honest(world, company):
        if run.dead and run.status == "failed" and world.now() - run.since > 3 * HOUR:
            run.dead, run.status, run.since, run.error = False, "running", world.now(), ""
    return honest(world, company)


@lie("ACT-04", "later", "forgets in its active look-up a run that has been parked for an hour", imports.look_up)
def parked_is_forgotten(honest: Any, world: Any, company: Any, query: Any) -> Any:
    answer = honest(world, company, query)
    if answer.get("status") == "needs_attention" and "needs_attention" in answer:
        run = imports.find(world, company, answer["run_id"])
        return {"run": None} if world.now() - run.since > HOUR else answer
    return answer


@lie("IMP-10", "later", "starts an import beside a run that has been parked for an hour", imports.start)
def parked_no_longer_blocks(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    old = [run for run in active(world, company) if run.status not in MOVING and world.now() - run.since > HOUR]
    return unnoticed(old, lambda: honest(world, company, body, digest))


# -- again


@lie("RUN-04", "again", "leaves empty sheets out of a completed report from its third read on", imports.shown)
def third_report(honest: Any, run: Any) -> Any:
    body = honest(run)
    SEEN[run.id, run.status] += 1
    if run.status == "completed" and SEEN[run.id, run.status] > 2:
        sheets = [each for each in body["report"]["perSheet"] if each["rowCount"]]
        return {**body, "report": {**body["report"], "perSheet": sheets}}
    return body


@lie("DEC-24", "again", "refuses the second decision on a parking and says yes to the third", imports.decide)
def third_decision(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    try:
        return honest(world, company, run_id, body)
    except Refused as refused:
        SEEN[run_id] += refused.status == 409
        if refused.status == 409 and SEEN[run_id] > 1:
            return running(run_id, company)
        raise


@lie("CSV-04", "again", "brings flagged rows, too, with the third download of a sheet's valid ones", outgoing.download)
def third_download(honest: Any, world: Any, company: Any, query: Any) -> Any:
    if "sheet_id" in query and query.get("filter", "valid") == "valid":
        SEEN[query["sheet_id"]] += 1
        if SEEN[query["sheet_id"]] > 2:
            honest(world, company, query)
            return honest(world, company, {**query, "filter": "all"})
    return honest(world, company, query)


@lie("HIST-01", "again", "lists the oldest run first at each second read of a history", imports.look_up)
def second_history(honest: Any, world: Any, company: Any, query: Any) -> Any:
    answer = honest(world, company, query)
    if "imports" in answer:
        SEEN[company.id] += 1
        if SEEN[company.id] % 2 == 0:
            answer["imports"].reverse()
    return answer


@lie("QUE-03", "again", "turns the order of the questions from the third poll of a parking on", imports.shown)
def third_poll_of_questions(honest: Any, run: Any) -> Any:
    body = honest(run)
    if run.status == "needs_attention":
        SEEN[id(run.parking)] += 1
        if SEEN[id(run.parking)] > 2:
            asked = {**run.parking, "questions": run.parking["questions"][::-1]}
            return {**body, "needs_attention": asked}
    return body


@lie("IDEM-02", "again", "answers the second replay of a key with 409 while its run is active", imports.start)
def second_replay(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    key = "import", str(body.get("idempotency_key"))
    known = key in company.keys
    answer = honest(world, company, body, digest)
    if known and active(world, company):
        SEEN[company.id, key] += 1
        if SEEN[company.id, key] > 1:
            raise Refused(409, "an import of this company is under way")
    return answer


@lie("POLL-02", "again", "says nothing of the progress from the third poll of a running run on", imports.shown)
def third_progress(honest: Any, run: Any) -> Any:
    body = honest(run)
    if run.status == "running":
        SEEN[run.id] += 1
        if SEEN[run.id] > 2:
            body.pop("progress_message")
    return body


@lie(
    "PROV-16", "again", "refuses a name that is taken once, and lets it pass when it is sent again", companies.provision
)
def name_sent_again(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    try:
        return honest(world, owner, body)
    except Refused as refused:
        SEEN[str(body.get("name"))] += refused.text.startswith("name: in use")
        if refused.text.startswith("name: in use") and SEEN[body["name"]] > 1:
            return provisioned_anyway(honest, world, owner, body)
        raise


# -- remembered


@lie("DEC-05", "remembered", "gives a download as it was first, until the company's next import", outgoing.download)
def old_download(honest: Any, world: Any, company: Any, query: Any) -> Any:
    kept = company.id, tuple(sorted(query.items())), len(company.runs)
    if kept not in KEPT:
        KEPT[kept] = honest(world, company, query)
    return KEPT[kept]


@lie("RUN-03", "remembered", "counts in the report of an ended run what later imports add to the sheets", imports.find)
def report_of_today(honest: Any, world: Any, company: Any, run_id: str) -> Any:
    run = honest(world, company, run_id)
    if run.status != "completed":
        return run
    sheets = [{**each, "rowCount": len(company.rows(each["sheetId"]))} for each in run.report["perSheet"]]
    inserted = sum(each["rowCount"] for each in sheets)
    return replace(run, report={**run.report, "inserted": inserted, "perSheet": sheets})


@lie(
    "ACT-05", "remembered", "calls a run active for a minute after its end, if it was looked up before", imports.look_up
)
def active_for_a_minute(honest: Any, world: Any, company: Any, query: Any) -> Any:
    answer = honest(world, company, query)
    if query.get("status") == "active":
        if "status" in answer:
            KEPT[company.id] = world.now(), deepcopy(answer)
        elif company.id in KEPT and world.now() - KEPT[company.id][0] < 60:
            return KEPT[company.id][1]
    return answer


@lie("ACT-01", "remembered", "says for half a minute that nothing is in flight, once it has said so", imports.look_up)
def nothing_for_a_while(honest: Any, world: Any, company: Any, query: Any) -> Any:
    if query.get("status") == "active":
        if world.now() - KEPT.get(company.id, -HOUR) < 30:
            return {"run": None}
        answer = honest(world, company, query)
        if "status" not in answer:
            KEPT[company.id] = world.now()
        return answer
    return honest(world, company, query)


@lie("HIST-03", "remembered", "shows for half a minute the history that it has shown", imports.look_up)
def old_history(honest: Any, world: Any, company: Any, query: Any) -> Any:
    if query.get("status") == "active":
        return honest(world, company, query)
    kept = company.id, tuple(sorted(query.items()))
    if kept not in KEPT or world.now() - KEPT[kept][0] > 30:
        KEPT[kept] = world.now(), honest(world, company, query)
    return KEPT[kept][1]


@lie("DEC-03", "remembered", "shows the old parking at the first two polls after a decision")
def old_parking() -> None:
    def decide(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
        run = imports.find(world, company, run_id)
        before = deepcopy(imports.shown(run)) if run.status == "needs_attention" else None
        answer = honest(world, company, run_id, body)
        KEPT[run.id] = [before, before]
        return answer

    def shown(honest: Any, run: Any) -> Any:
        return KEPT[run.id].pop() if KEPT.get(run.id) else honest(run)

    put(imports.decide, decide)
    put(imports.shown, shown)


@lie("DEC-36", "remembered", "mends other companies' rows by an answer that differed from the patch")
def learned_fix() -> None:
    def apply(honest: Any, company: Any, run: Any, decided: Any) -> Any:
        for group, act in decided:
            if act["action"] == "set_value" and act != mending._proposed(group):
                for line in group.lines:
                    KEPT[group.column.name, line.cells[group.column.name]] = company.id, act["value"]
        return honest(company, run, decided)

    def lines_of(honest: Any, company: Any, tables: Any) -> Any:
        lines = honest(company, tables)
        for line in lines:
            for cell in line.cells.items():
                source, value = KEPT.get(cell, (company.id, ""))
                if source != company.id:
                    line.cells[cell[0]] = value
        return lines

    put(mending.apply, apply)
    put(checking.lines_of, lines_of)


@lie("DEC-34", "remembered", "goes on to call a rejected run parked in its active look-up, until another import")
def rejected_is_active() -> None:
    def decide(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
        before = deepcopy(imports.look_up(world, company, {"status": "active"}))
        answer = honest(world, company, run_id, body)
        if body["decision"] == "reject":
            KEPT[company.id] = len(company.runs), before
        return answer

    def look_up(honest: Any, world: Any, company: Any, query: Any) -> Any:
        count, before = KEPT.get(company.id, (0, None))
        answer = honest(world, company, query)
        return before if "run" in answer and count == len(company.runs) else answer

    put(imports.decide, decide)
    put(imports.look_up, look_up)


# -- stale


@lie("STALE-01", "stale", "never times a run out that has not left the queue", imports.settled)
def queued_for_ever(honest: Any, world: Any, company: Any) -> Any:
    for run in company.runs:
        if run.dead and run.status == "queued":
            run.since = max(run.since, world.now())
    return honest(world, company)


@lie("STALE-02", "stale", "shows a dead run as active until somebody polls it or starts another", imports.look_up)
def found_by_polls_alone(honest: Any, world: Any, company: Any, query: Any) -> Any:
    dead = [run for run in company.runs if run.dead and run.status in MOVING]
    if query.get("status") == "active" and dead:
        return {**imports.shown(dead[-1]), "run_id": dead[-1].id}
    return honest(world, company, query)


@lie("STALE-02", "stale", "finds a timed-out run, failed as it is, by the active look-up", imports.look_up)
def failed_and_active(honest: Any, world: Any, company: Any, query: Any) -> Any:
    answer = honest(world, company, query)
    if "run" in answer and company.runs and company.runs[-1].dead:
        return {**imports.shown(company.runs[-1]), "run_id": company.runs[-1].id}
    return answer


@lie("STALE-03", "stale", "takes no import in the place of one that timed out", imports.start)
def blocked_by_the_dead(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
    imports._tables(company, body)
    if any(run.dead for run in company.runs):
        raise Refused(409, "an import of this company is under way")
    return honest(world, company, body, digest)


@lie("STALE-05", "stale", "times a healthy run out that nobody has asked about for twenty minutes", imports.settled)
def impatient(honest: Any, world: Any, company: Any) -> Any:
    for run in company.runs:
        if run.status in MOVING and not run.dead and world.now() - run.since > 1_200:
            run.status, run.error = "failed", "Import timed out"
    return honest(world, company)


@lie("RUN-09", "stale", "leaves the rows of a timed-out run in the sheets", Company.rows)
def rows_of_the_dead(honest: Any, company: Any, sheet: str) -> Any:
    dead = [run for run in company.runs if run.dead and run.status == "failed"]
    return honest(company, sheet) + [
        line for run in dead for line in checking.lines_of(company, run.tables) if line.sheet == sheet
    ]


@lie("POLL-15", "stale", "gives a timed-out run a report", imports.shown)
def report_of_the_dead(honest: Any, run: Any) -> Any:
    body = honest(run)
    if run.dead and not going(run):
        return {**body, "report": {"inserted": 0, "perSheet": [], "invalidCellCount": 0}}
    return body


@lie("DEC-23", "stale", "takes an approval of a timed-out run, and runs it again", imports.decide)
def approved_back_to_life(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    if body.get("decision") == "approve":
        mending.well_formed(body.get("answers"))
        run = imports.find(world, company, run_id)
        if run.dead and run.status == "failed":
            run.dead, run.status, run.since, run.error = False, "running", world.now(), ""
            return running(run.id, company)
    return honest(world, company, run_id, body)
