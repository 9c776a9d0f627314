"""The ways out: CSV and ZIP at once, and exports to a destination that is only imagined (CSV, DST)."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

from independent.imports import API, settled
from independent.model import Export, Refused, new_id, uuid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from independent.model import Company, Line, World

SLOW = 0.05
"""Seconds that an export is queued, and as many that it runs."""


def download(world: World, company: Company, query: dict[str, str]) -> tuple[str, str, bytes]:
    """Media type, file name and content of one sheet or of all."""
    choice = query.get("filter", "valid")  # CSV-03
    if choice not in ("valid", "all"):
        raise Refused(400, "filter: valid or all")  # CSV-10
    settled(world, company)
    if "sheet_id" not in query:
        return "application/zip", "workbook.zip", _workbook(company, choice)
    sheet = uuid(query["sheet_id"], "sheet_id")
    if sheet not in company.sheets:
        raise Refused(404, "this company has no such sheet")  # CSV-11
    return "text/csv; charset=utf-8; header=present", f"{company.sheets[sheet].name}.csv", _csv(company, sheet, choice)


def _csv(company: Company, sheet: str, choice: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)  # CSV-09
    names = [column.name for column in company.sheets[sheet].columns]
    writer.writerow(names)  # CSV-08
    for line in company.rows(sheet):
        if choice == "all" or not line.faults:  # CSV-04, CSV-05
            writer.writerow([line.cells[name] for name in names])
    return text.getvalue().encode()


def _workbook(company: Company, choice: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (sheet, template) in enumerate(company.sheets.items(), 1):
            archive.writestr(f"workbook/{number} {template.name}.csv", _csv(company, sheet, choice))
    return content.getvalue()


def start(world: World, company: Company, body: dict[str, Any], digest: str) -> dict[str, Any]:
    """Start an export; several may go on at a time, and one to nowhere fails later (OP-18)."""
    mode, key = body.get("mode", "full"), body.get("idempotency_key")
    if mode not in ("full", "canary"):
        raise Refused(400, "mode: full or canary")  # DST-02
    if key is not None and ("export", key) in company.keys:
        known, reply = company.keys["export", key]
        if known != digest:
            raise Refused(409, "idempotency_key: used for something else")
        return reply
    settled(world, company)
    results = [_written(number, *each, mode) for number, each in enumerate(_records(company, mode, _selected(body)))]
    good = sum(each["ok"] for each in results)
    counts = {"mode": mode, "total": len(results), "succeeded": good, "failed": len(results) - good}
    export = Export(new_id(), world.now(), {**counts, "results": results}, _trouble(company))
    company.exports[export.id] = export
    url = f"{API}/companies/{company.id}/exports/{export.id}"
    reply = {"run_id": export.id, "status": "queued", "poll_url": url}
    if key is not None:
        company.keys["export", key] = digest, reply
    return reply


def _selected(body: dict[str, Any]) -> tuple[list[Any] | None, dict[str, Any]]:
    selection = body.get("selection") or {}
    if not isinstance(selection, dict):
        raise Refused(400, "selection: an object is required")
    ids, where = selection.get("template_ids"), selection.get("row_filter") or {}
    if not (ids is None or isinstance(ids, list)) or not isinstance(where, dict):
        raise Refused(400, "selection: template_ids is an array and row_filter an object")
    return ids, where


def _records(
    company: Company, mode: str, selected: tuple[list[Any] | None, dict[str, Any]]
) -> Iterator[tuple[str, Line]]:
    """Template id and line of what is written: what passes every rule, narrowed (DST-08), or the first (DST-03)."""
    ids, where = selected
    for sheet, template in company.sheets.items():
        fits = [line for line in company.rows(sheet) if not line.faults and _matches(line, where)]
        if ids is None or template.id in ids:
            yield from ((template.id, line) for line in (fits[:1] if mode == "canary" else fits))


def _matches(line: Line, where: dict[str, Any]) -> bool:
    return all(line.cells.get(name) == str(value) for name, value in where.items())


def _written(number: int, template_id: str, _: Line, mode: str) -> dict[str, Any]:
    """How the destination took the record: the second of each four it refuses, the fourth does not stick (DST-05)."""
    place = {"template_id": template_id, "path": f"/v7/records/{number}"}
    if number % 4 == 1:
        return {**place, "status": 422, "ok": False, "error": "Not accepted", "fields_confirmed": None}
    confirmed = None if mode == "full" and number % 2 == 0 else number % 4 != 3
    return {**place, "status": 202, "ok": True, "error": None, "fields_confirmed": confirmed}


def _trouble(company: Company) -> str:
    """What stops the whole job (DST-06)."""
    if company.connection is None:
        return "The company has no destination"
    return "" if company.connection["auth"] else "The destination asks for credentials"


def poll(world: World, company: Company, run_id: str) -> dict[str, Any]:
    """The export as it is now."""
    export = company.exports.get(uuid(run_id, "run"))
    if export is None:
        raise Refused(404, "this company has no such export")
    age = world.now() - export.created
    if age < 2 * SLOW:
        return {"status": "queued" if age < SLOW else "running"}
    if export.error:
        return {"status": "failed", "error": export.error}
    return {"status": "completed", "report": export.report}
