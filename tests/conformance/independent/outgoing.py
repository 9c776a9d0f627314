"""The ways out: CSV and ZIP at once, and exports that post each record to a destination on this machine (CSV, DST)."""

from __future__ import annotations

import csv
import http.client
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
    trouble, results = _trouble(company), []
    if not trouble:
        try:
            results = _write(company, mode, _records(company, mode, _selected(body)))
        except OSError as error:
            trouble = f"The destination cannot be reached: {error.strerror or 'no answer'}"
    good = sum(each["ok"] for each in results)
    counts = {"mode": mode, "total": len(results), "succeeded": good, "failed": len(results) - good}
    export = Export(new_id(), world.now(), {**counts, "results": results}, trouble)
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


def _write(company: Company, mode: str, records: Iterator[tuple[str, Line]]) -> list[dict[str, Any]]:
    """Post each record, and tell how the destination took it (DST-05); of a canary nothing is read back (DST-07)."""
    there = urlsplit(company.connection["base_url"] if company.connection else "")
    connection = http.client.HTTPConnection(there.netloc, timeout=2)
    headers = {"content-type": "application/json", "authorization": "as was given"}
    results = []
    try:
        for number, (template_id, line) in enumerate(records):
            path = f"{there.path}/{number}"
            connection.request("POST", path, json.dumps(line.cells), headers)
            answer = connection.getresponse()
            answer.read()
            ok = answer.status < 300
            confirmed = None if mode == "canary" or not ok else number % 4 != 3
            error = None if ok else "Not accepted"
            place = {"template_id": template_id, "path": path, "status": answer.status, "ok": ok}
            results.append({**place, "error": error, "fields_confirmed": confirmed})
    finally:
        connection.close()
    return results


def _trouble(company: Company) -> str:
    """What stops the whole job before it begins (DST-06)."""
    if company.connection is None:
        return "The company has no destination"
    if not company.connection["auth"]:
        return "The destination asks for credentials"
    local = urlsplit(company.connection["base_url"]).hostname == "127.0.0.1"
    return "" if local else "The destination is not on this machine, and nobody goes there"


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
