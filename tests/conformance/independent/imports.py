"""Imports from their start to their end: the life of a run, its polls and look-ups, and decisions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from independent import checking, mending
from independent.model import MOVING, Refused, Run, new_id, stamp, uuid

if TYPE_CHECKING:
    from independent.model import Company, World

API = "/api/v1"
QUEUED, RUNNING = 0.02, 0.04
"""Seconds that a run stays so."""
BATCH, LONGER = 8, 0.5
"""Rows that an engine takes at once, and the seconds that a run with more of them takes in addition."""
STALE = 3_600
PAGE = 5


def start(world: World, company: Company, body: dict[str, Any], digest: str) -> dict[str, Any]:
    """Start a run, or give the first answer again to a key that was used before."""
    key = body.get("idempotency_key")
    if key is not None and (not isinstance(key, str) or not key):
        raise Refused(400, "idempotency_key: a text is required")
    tables = _tables(company, body)
    if key is not None and ("import", key) in company.keys:
        known, reply = company.keys["import", key]
        if known != digest:
            raise Refused(409, "idempotency_key: used for something else")  # IDEM-05
        return reply  # OP-06: to the letter as it was given first
    if any(each.status not in ("completed", "failed", "canceled") for each in settled(world, company)):
        raise Refused(409, "an import of this company is under way")  # IMP-09, IMP-10
    run = Run(new_id(), world.now(), tables, world.now())
    company.runs.append(run)
    reply = {"run_id": run.id, "status": "queued", "poll_url": poll_url(company, run)}
    if key is not None:
        company.keys["import", key] = digest, reply
    return reply


def _tables(company: Company, body: dict[str, Any]) -> list[bytes | list[dict[str, Any]]]:
    """What is to be imported; files and rows together are fine, and so are no rows at all (OP-22)."""
    files, rows = body.get("files"), body.get("rows")
    if files is None and rows is None:
        raise Refused(400, "files or rows: one of them is required")  # IMP-06
    if rows is not None and not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise Refused(400, "rows: an array of objects is required")
    if files is not None and not (isinstance(files, list) and all(isinstance(each, dict) for each in files)):
        raise Refused(400, "files: an array of objects is required")  # IMP-07
    tables: list[bytes | list[dict[str, Any]]] = [] if rows is None else [rows]
    for each in files or ():
        upload = company.uploads.get(str(each.get("upload_ref")))
        if upload is None or upload.content is None:
            raise Refused(400, "files: upload_ref names no file that was uploaded for this company")
        tables.append(upload.content)
    return tables


def poll_url(company: Company, run: Run) -> str:
    """The path to poll the run at."""
    return f"{API}/companies/{company.id}/imports/{run.id}"


def settled(world: World, company: Company) -> list[Run]:
    """The company's runs, each as far as it has come by now."""
    now = world.now()
    for run in company.runs:
        while run.status in MOVING:
            due = run.since + (STALE if run.dead else _pace(run))
            if now < due:
                break
            run.since = due
            _go_on(company, run)
    return company.runs


def _pace(run: Run) -> float:
    rows = sum(len(table) for table in run.tables if isinstance(table, list))
    return QUEUED if run.status == "queued" else RUNNING + (LONGER if rows > BATCH else 0)


def _go_on(company: Company, run: Run) -> None:
    """The run's next step."""
    if run.dead:
        run.status, run.error = "failed", "Import timed out"  # STALE-01
    elif run.status == "queued":
        run.status = "running"
    elif run.rejected:
        run.status, run.error = "failed", "Turned down by the reviewer"  # DEC-31
    else:
        _work(company, run)


def _work(company: Company, run: Run) -> None:
    try:
        run.lines = run.lines or checking.lines_of(company, run.tables)
    except checking.Unreadable as unreadable:
        run.status, run.error = "failed", str(unreadable)
        return
    run.tables = []  # a line that was dropped does not come back
    checking.check(company, run)
    found = mending.groups(company, run)
    flagged = sum(bool(line.faults) for line in run.lines)
    # OP-21: the flagged rows are in the sheet and count; OP-09: no perSheet before the end.
    run.report = {"inserted": len(run.lines), "invalidCellCount": flagged}
    # OP-12: what links to nothing yet is no reason to stop; the other sheet may come later.
    if any(group.rule != "link" for group in found):
        run.status, run.parking = "needs_attention", mending.parking(found)
        return
    run.status, run.parking = "completed", None
    run.report["perSheet"] = [
        {"templateName": template.name, "sheetId": sheet, "rowCount": sum(each.sheet == sheet for each in run.lines)}
        for sheet, template in company.sheets.items()
    ]


def shown(run: Run) -> dict[str, Any]:
    """The run as a poll shows it, without its id (OP-05)."""
    match run.status:
        case "queued" | "running":
            return {"status": run.status, "progress_message": f"Your import is {run.status}"}
        case "needs_attention":
            return {"status": run.status, "report": run.report, "needs_attention": run.parking}
        case "completed":
            return {"status": run.status, "report": run.report}
        case "failed":
            kept = {"report": run.report} if run.rejected else {}  # DEC-32
            return {"status": run.status, "error": run.error, **kept}
        case _:
            return {"status": run.status}


def find(world: World, company: Company, run_id: str) -> Run:
    """The company's run of that id."""
    wanted = uuid(run_id, "run")
    for run in settled(world, company):
        if run.id == wanted:
            return run
    raise Refused(404, "this company has no such import")


def look_up(world: World, company: Company, query: dict[str, str]) -> dict[str, Any]:
    """The active run, or a page of the history; another `status` narrows the history (OP-10)."""
    runs = settled(world, company)[::-1]
    wanted = query.get("status")
    if wanted == "active":
        active = [run for run in runs if run.status in (*MOVING, "needs_attention")]
        return {**shown(active[0]), "run_id": active[0].id} if active else {"run": None}
    listed = [run for run in runs if wanted in (None, run.status)]
    page = int(query["page"]) if re.fullmatch("[1-9][0-9]{0,5}", query.get("page", "")) else 1
    here = listed[(page - 1) * PAGE : page * PAGE]
    more = f"{API}/companies/{company.id}/imports?page={page + 1}" if page * PAGE < len(listed) else None
    # OP-08
    return {
        "imports": [{"id": run.id, "state": run.status, "started_at": stamp(run.created)} for run in here],
        "as_of": stamp(world.now()),
        "links": {"next": more},
    }


def decide(world: World, company: Company, run_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Approve or reject."""
    decision, answers = body.get("decision"), body.get("answers")
    if decision not in ("approve", "reject"):
        raise Refused(400, "decision: approve or reject")  # DEC-15, DEC-16
    if decision == "approve":
        mending.well_formed(answers)
    run = find(world, company, run_id)
    if run.status != "needs_attention":
        raise Refused(409, f"the import is {run.status}, and waits for no decision")  # DEC-23, DEC-24
    if decision == "approve":
        mending.apply(company, run, mending.chosen(mending.groups(company, run), answers))
    else:
        run.rejected = True  # OP-19: answers that come along are not read
    run.status, run.since = "running", world.now()
    # OP-14: a reject, too, takes a moment to come to its end.
    return {"run_id": run.id, "status": "running", "poll_url": poll_url(company, run)}
