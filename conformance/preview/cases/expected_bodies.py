"""What is required of the answer to a body: provisioning, uploads, imports and exports.

The first fault decides the clause. An optional member that is null may be taken for absent, and a number for the text
that it is written as: these are no faults.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from conformance.fuzzing.expected import (
    Expected,
    by_any,
    is_plain,
    is_uuid,
    lost,
    open_to,
    refused,
    strangers,
    taken,
    unless,
)

if TYPE_CHECKING:
    from conformance.preview.cases.placeholders import Facts

EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
SAFE = 2**53
"""Beyond this a number may come out otherwise than it was sent."""
Fault = tuple[str, str] | None
"""Clause and what is wrong."""


def provisioned(body: Any, facts: Facts) -> Expected:
    """POST companies."""
    if not isinstance(body, dict):
        return refused("PROV-08", "a company in the form of no object")
    source = body.get("source")
    unknown = (404,) if is_uuid(source) and source not in facts.sources else ()
    if fault := _name_fault(body) or _source_fault(body) or _external_id_fault(body) or _templates_fault(body, facts):
        clause, what = fault
        return refused(clause, what, *unknown)
    doubts = strangers(body, "name", "source", "external_id", "template_ids", "connections")
    doubts += [f"a null {each}" for each in ("external_id", "template_ids") if each in body and body[each] is None]
    doubts += ["an unusual name"] if not is_plain(body["name"]) else []
    if not body.get("external_id", "x") or not isinstance(body.get("external_id", "x"), str):
        doubts.append("an empty external_id, or a number in its place")
    chosen = body.get("template_ids")
    if isinstance(chosen, list) and (not chosen or len(set(chosen)) < len(chosen)):
        doubts.append("no or repeated template_ids")  # OP-37
    doubts += ["a company with connections"] if "connections" in body else []
    expected = lost("PROV-11", "a source that the account lacks") if unknown else taken("PROV-01", "a right company")
    return unless(expected, doubts)


def _name_fault(body: dict[str, Any]) -> Fault:
    if body.get("name") is None:
        return "PROV-08", "a company without name"
    return ("PROV-08", "a name that is an array or object") if isinstance(body["name"], (list, dict)) else None


def _source_fault(body: dict[str, Any]) -> Fault:
    if body.get("source") is None:
        return "PROV-09", "a company without source"
    return None if is_uuid(body["source"]) else ("PROV-10", "a source that is no UUID")


def _external_id_fault(body: dict[str, Any]) -> Fault:
    given = body.get("external_id")
    if given is None:
        return None
    if isinstance(given, (list, dict)):
        return "PROV-12", "an external_id that is an array or object"
    if not isinstance(given, str):
        return None
    if not EXTERNAL_ID.fullmatch(given):
        return "PROV-12", "an external_id with other characters"
    return ("PROV-13", "an external_id of more than 255 characters") if len(given) > 255 else None


def _templates_fault(body: dict[str, Any], facts: Facts) -> Fault:
    given = body.get("template_ids")
    if given is None:
        return None
    if not isinstance(given, list):
        return "PROV-15", "template_ids that are no array"
    if not all(is_uuid(each) for each in given):
        return "PROV-15", "template_ids that are no UUIDs"
    return None if set(given) <= set(facts.templates) else ("PROV-15", "a template that the account lacks")


def uploaded(body: Any) -> Expected:
    """POST uploads: which members it needs is open (OP-04)."""
    if not isinstance(body, dict) or strangers(body, "name", "content_type", "size"):
        return open_to("a strange request for an upload")
    size = body.get("size")
    whole = isinstance(size, int) and not isinstance(size, bool) and 0 < size <= 10_000_000
    if is_plain(body.get("name")) and body.get("content_type") == "text/csv" and whole:
        return taken("UPL-01", "a request for an upload")
    return open_to("a request for an upload with odd members")


def imported(body: Any, facts: Facts) -> Expected:
    """POST imports."""
    if not isinstance(body, dict):
        return refused("IMP-06", "an import in the form of no object")
    files, rows = body.get("files"), body.get("rows")
    if files is None and rows is None:
        return refused("IMP-06", "an import with neither files nor rows")
    if files is not None and rows is not None:
        return open_to("an import with files and rows")  # OP-22
    doubts = strangers(body, "files", "rows", "idempotency_key")
    doubts += [f"a null {each}" for each in ("files", "rows") if each in body and body[each] is None]
    if "idempotency_key" in body and not is_plain(body["idempotency_key"]):
        doubts.append("an odd idempotency_key")
    return unless(_rows(rows, facts) if rows is not None else _files(files, facts), doubts)


def _rows(rows: Any, facts: Facts) -> Expected:
    if not isinstance(rows, list):
        return refused("IMP-06", "an import whose rows are no array")
    if not rows:
        return open_to("an import of no rows")  # OP-22
    if not all(isinstance(row, dict) for row in rows):
        return refused("IMP-06", "an import with a row that is no object")
    cells = [cell for row in rows for cell in row.values()]
    names = {name for row in rows for name in row}
    usual = all(rows) and all(map(is_plain, names)) and names & facts.columns and all(map(_is_usual, cells))
    return taken("IMP-02", "an import of rows") if usual else open_to("an import of odd rows")


def _is_usual(cell: Any) -> bool:
    """Whether no implementation has a reason to refuse the cell; no clause says what one must refuse."""
    if isinstance(cell, str):
        return cell == "" or is_plain(cell)
    return cell is None or (isinstance(cell, (int, float)) and abs(cell) < SAFE)


def _files(files: Any, facts: Facts) -> Expected:
    if not isinstance(files, list):
        return refused("IMP-07", "an import whose files are no array")
    if not files:
        return open_to("an import of no files")  # OP-22
    if not all(isinstance(each, dict) and each.get("upload_ref") is not None for each in files):
        return refused("IMP-07", "an import with a file without upload_ref")
    refs = [each["upload_ref"] for each in files]
    usual = all(isinstance(ref, str) and ref in facts.uploads for ref in refs) and len(set(refs)) == len(refs)
    usual = usual and all(is_plain(each.get("name")) and not strangers(each, "name", "upload_ref") for each in files)
    return taken("IMP-01", "an import of files") if usual else open_to("an import of odd files")  # OP-22


def exported(body: Any, facts: Facts) -> Expected:
    """POST exports: a start may be refused for many a reason (OP-18), but a mode that there is not must be."""
    mode = body.get("mode") if isinstance(body, dict) else None
    if mode is not None and mode not in ("full", "canary") and facts.destination:
        return by_any(refused("DST-02", "an export of another mode"))
    return open_to("an export")
