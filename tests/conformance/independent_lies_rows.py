"""Lies of the independent implementation about rows: many of them, what actions do to them, the second of something."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from typing import Any

from independent import checking, companies, imports, mending, outgoing
from independent.model import MOVING, Company, Refused
from independent_bending import Bent, going, lies, put, rewritten

ROWS: list[Bent] = []
lie = lies(ROWS)

SEEN: Counter[Any] = Counter()
KEPT: dict[Any, Any] = {}


def wider(decided: Any, kind: str, run: Any) -> Any:
    """The decided actions, those of a kind on every line of their sheet that has some fault."""
    return [
        (replace(group, lines=[each for each in run.lines if each.sheet == group.sheet and each.faults]), act)
        if act["action"] == kind
        else (group, act)
        for group, act in decided
    ]


# -- many


@lie("QUE-06", "many", "says of more than twenty rows that a question is about twenty", mending._question)
def twenty_affected(honest: Any, group: Any) -> Any:
    question = honest(group)
    question["target"]["affected_count"] = min(20, question["target"]["affected_count"])
    return question


@lie("CSV-05", "many", "ends a download after five hundred rows", outgoing._csv)
def five_hundred_rows(honest: Any, company: Any, sheet: str, choice: str) -> Any:
    return rewritten(honest(company, sheet, choice), lambda rows: rows[:501])


@lie("POLL-10", "many", "says of a sheet that it has 250 rows when it got more", imports._work)
def rounded_sheet(honest: Any, company: Any, run: Any) -> None:
    honest(company, run)
    for each in (run.report or {}).get("perSheet", ()):
        each["rowCount"] = min(250, each["rowCount"])


@lie("DEC-06", "many", "sets the first twenty of the flagged cells and leaves the others", mending.apply)
def twenty_set(honest: Any, company: Any, run: Any, decided: Any) -> Any:
    few = [(replace(g, lines=g.lines[:20]) if act["action"] == "set_value" else g, act) for g, act in decided]
    return honest(company, run, few)


@lie("DEC-08", "many", "drops one row of a duplicate group, however many there are", mending._dedup)
def one_dropped(honest: Any, company: Any, run: Any, group: Any) -> None:
    values = Counter(line.cells[group.column.name] for line in group.lines)
    twice = [value for value, times in values.items() if times > 1]
    for value in twice:
        same = [line for line in group.lines if line.cells[group.column.name] == value]
        run.lines.remove(same[1])


@lie("POLL-01", "many", "knows the last four runs of a company only", imports.find)
def four_runs(honest: Any, world: Any, company: Any, run_id: str) -> Any:
    run = honest(world, company, run_id)
    if run not in company.runs[-4:]:
        raise Refused(404, "this company has no such import")
    return run


@lie("HIST-02", "many", "leads from the second page of a history back to the first", imports.look_up)
def round_and_round(honest: Any, world: Any, company: Any, query: Any) -> Any:
    answer = honest(world, company, query)
    if "links" in answer and query.get("page") == "2":
        answer["links"]["next"] = f"{imports.API}/companies/{company.id}/imports?page=1"
    return answer


@lie("DEC-10", "many", "follows the first two answers, and for the others its own proposal", mending.chosen)
def two_answers(honest: Any, found: Any, answers: Any) -> Any:
    decided = honest(found, answers)
    late = {each["question_id"] for each in (answers or [])[2:]}
    return [(group, mending._proposed(group) if group.question_id in late else act) for group, act in decided]


# -- what an action does to which rows


@lie("DEC-06", "action", "sets the column's cells of every flagged row, whatever it is flagged for", mending.apply)
def flagged_for_anything(honest: Any, company: Any, run: Any, decided: Any) -> Any:
    return honest(company, run, wider(decided, "set_value", run))


@lie("DEC-07", "action", "drops every flagged row where those with one column's faults are to go", mending.apply)
def dropped_for_anything(honest: Any, company: Any, run: Any, decided: Any) -> Any:
    return honest(company, run, wider(decided, "delete_invalid_rows", run))


@lie("DEC-08", "action", "keeps of duplicates the row that comes first in the alphabet", mending._dedup)
def first_in_the_alphabet(honest: Any, company: Any, run: Any, group: Any) -> None:
    place = {id(line): number for number, line in enumerate(run.lines)}
    ordered = sorted(run.lines, key=lambda line: sorted(line.cells.items()))
    run.lines = ordered
    honest(company, run, replace(group, lines=sorted(group.lines, key=lambda line: sorted(line.cells.items()))))
    run.lines.sort(key=lambda line: place[id(line)])


@lie("DEC-27", "action", "goes on to count the rows that were dropped as invalid ones", imports._work)
def dropped_rows_count(honest: Any, company: Any, run: Any) -> None:
    before = run.report["inserted"] if run.report else 0
    honest(company, run)
    if run.status == "completed" and before:
        run.report["invalidCellCount"] += max(0, before - run.report["inserted"])


@lie("DEC-05", "action", "leaves out of an approved patch the actions that no question is about", mending.chosen)
def silent_actions(honest: Any, found: Any, answers: Any) -> Any:
    decided = honest(found, answers)
    return [(group, group.action("keep") if group.rule == "required" else act) for group, act in decided]


@lie("DEC-28", "action", "takes whatever an answer sets for valid")
def set_is_valid() -> None:
    def apply(honest: Any, company: Any, run: Any, decided: Any) -> Any:
        for group, act in decided:
            if act["action"] == "set_value":
                KEPT.update({(line, group.column.name): act["value"] for line in group.lines})
        return honest(company, run, decided)

    def check(honest: Any, company: Any, run: Any) -> None:
        honest(company, run)
        for line in run.lines:
            line.faults = {name: rule for name, rule in line.faults.items() if (line, name) not in KEPT}

    put(mending.apply, apply)
    put(checking.check, check)


@lie("PATCH-04", "action", "proposes to empty the cells of a required column", mending._proposed)
def emptied_though_required(honest: Any, group: Any) -> Any:
    act = honest(group)
    strict = group.rule == "strict" and act["action"] == "delete_invalid_rows"
    return group.action("set_value", value="") if strict else act


@lie("POLL-11", "action", "counts a row once for each rule that its cells break", imports._work)
def once_a_rule(honest: Any, company: Any, run: Any) -> None:
    honest(company, run)
    if run.report:
        run.report["invalidCellCount"] = sum(len(set(line.faults.values())) for line in run.lines)


@lie(
    "QUE-06",
    "action",
    "counts different values, not rows, where a question tells how many it is about",
    mending._question,
)
def affected_values(honest: Any, group: Any) -> Any:
    question = honest(group)
    question["target"]["affected_count"] = len({line.cells[group.column.name] for line in group.lines})
    return question


# -- the second


@lie("DEC-28", "second", "asks in the second parking what it asked in the first", imports._work)
def same_questions(honest: Any, company: Any, run: Any) -> None:
    before = run.parking
    honest(company, run)
    if run.status == "needs_attention" and before is not None:
        run.parking = before


@lie("DEC-29", "second", "takes no second approval of a run", imports.decide)
def one_approval(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    if SEEN[run_id] and body.get("decision") == "approve":
        raise Refused(409, "the import was decided before")
    answer = honest(world, company, run_id, body)
    SEEN[run_id] += 1
    return answer


@lie("ACT-06", "second", "shows in the active look-up of a run parked again its first parking")
def first_parking() -> None:
    def work(honest: Any, company: Any, run: Any) -> None:
        honest(company, run)
        if run.status == "needs_attention":
            KEPT.setdefault(run.id, deepcopy(run.parking))

    def look_up(honest: Any, world: Any, company: Any, query: Any) -> Any:
        answer = honest(world, company, query)
        if "needs_attention" in answer:
            return {**answer, "needs_attention": KEPT[answer["run_id"]]}
        return answer

    put(imports._work, work)
    put(imports.look_up, look_up)


@lie("CSV-05", "second", "counts the rows of an import's second file, and never brings them")
def lost_file() -> None:
    def lines_of(honest: Any, company: Any, tables: Any) -> Any:
        lines = honest(company, tables)
        if len(tables) > 1:
            KEPT.update(dict.fromkeys(lines[len(honest(company, tables[:1])) :]))
        return lines

    def rows(honest: Any, company: Any, sheet: str) -> Any:
        return [line for line in honest(company, sheet) if line not in KEPT]

    put(checking.lines_of, lines_of)
    put(Company.rows, rows)


@lie("CSV-08", "second", "orders the columns by name in the downloads of all sheets but the first", outgoing._csv)
def ordered_columns(honest: Any, company: Any, sheet: str, choice: str) -> Any:
    first, *_ = company.sheets
    if sheet == first:
        return honest(company, sheet, choice)
    template = company.sheets[sheet]
    columns = tuple(sorted(template.columns, key=lambda column: column.name))
    sheets = {**company.sheets, sheet: replace(template, columns=columns)}
    return honest(replace(company, sheets=sheets), sheet, choice)


@lie("POLL-09", "second", "gives in a company's second report the templates' ids for the sheets'", imports._work)
def templates_for_sheets(honest: Any, company: Any, run: Any) -> None:
    honest(company, run)
    if run is not company.runs[0]:
        for each in (run.report or {}).get("perSheet", ()):
            each["sheetId"] = company.sheets[each["sheetId"]].id


@lie("HIST-04", "second", "lists a company's second and later runs only once they have ended", imports.look_up)
def ended_alone(honest: Any, world: Any, company: Any, query: Any) -> Any:
    answer = honest(world, company, query)
    if "imports" in answer:
        unseen = {run.id for run in company.runs[1:] if going(run)}
        answer["imports"] = [each for each in answer["imports"] if each["id"] not in unseen]
    return answer


@lie("SRC-04", "second", "knows no source but the first when a company is provisioned", companies.provision)
def one_source(honest: Any, world: Any, owner: Any, body: Any) -> Any:
    backstage = str(body.get("name")).startswith("Backstage")
    if body.get("source") in [each.id for each in owner.sources[1:]] and not backstage:
        raise Refused(404, "source: this account has no such source")
    return honest(world, owner, body)


@lie("UPL-06", "second", "finds only the first file that was uploaded for a company", imports._tables)
def one_file(honest: Any, company: Any, body: Any) -> Any:
    refs = list(company.uploads)[1:]
    files = body.get("files")
    for each in files if isinstance(files, list) else ():
        if isinstance(each, dict) and each.get("upload_ref") in refs:
            raise Refused(400, "files: upload_ref names no file that was uploaded for this company")
    return honest(company, body)


@lie("RUN-02", "second", "puts a run back into the queue after its second approval", imports.decide)
def queued_again(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    answer = honest(world, company, run_id, body)
    SEEN[run_id] += 1
    if SEEN[run_id] > 1 and body["decision"] == "approve":
        run = next(run for run in company.runs if run.id == answer["run_id"])
        run.status, run.since = "queued", world.now() + 0.25
    return answer


@lie("IDEM-04", "second", "answers a replay with 409 while its run is parked again")
def no_replay_of_the_second() -> None:
    def decide(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
        answer = honest(world, company, run_id, body)
        SEEN[answer["run_id"]] += 1
        return answer

    def start(honest: Any, world: Any, company: Any, body: Any, digest: str) -> Any:
        answer = honest(world, company, body, digest)
        run = imports.find(world, company, answer["run_id"])
        if SEEN[run.id] and going(run) and run.status not in MOVING:
            raise Refused(409, "an import of this company is under way")
        return answer

    put(imports.decide, decide)
    put(imports.start, start)
