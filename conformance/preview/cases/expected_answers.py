"""What is required of the answer to any generated call, by operation: its body, its query, its ids, its key.

A call with one fault beside the state is judged by that fault: no key before a wrong id before a wrong input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.fuzzing.expected import Expected, by_any, is_uuid, lost, open_to, refused, strangers, taken, unless
from conformance.http.client import DEFAULT, NO_KEY
from conformance.preview.cases.expected_bodies import exported, imported, provisioned, uploaded
from conformance.preview.cases.expected_decisions import decided

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.fuzzing.case import Case
    from conformance.preview.cases.placeholders import Facts

NOT_FOUND = {
    "request_upload": "UPL-07",
    "start_import": "IMP-08",
    "list_imports": "ACT-08",
    "poll_import": "POLL-17",
    "decide": "DEC-26",
    "export_csv": "CSV-11",
    "start_export": "AUTH-06",
    "poll_export": "AUTH-06",
}
"""The clause of an id that there is not; for exports no page names the status (OP-18)."""
NO_JSON = {"decide": "DEC-22"}
"""The clause of a body that is no JSON, where it is not ERR-11."""


def expected(case: Case, facts: Facts) -> Expected:
    """The requirement that the answer to a filled-in case has to meet."""
    if case.key is not DEFAULT:
        return _keyless(case)
    if case.content_type is not None:
        return open_to("a body under another content type")  # OP-26
    if case.astray:
        return _lost(case)
    if case.raw is not None:
        return _unreadable(case)
    return BY_OPERATION.get(case.operation, _read)(case, facts)


def _keyless(case: Case) -> Expected:
    clause, what = ("AUTH-02", "a call without a key") if case.key is NO_KEY else ("AUTH-03", "a call with a wrong key")
    return Expected(clause, f"{what} is answered with 401", (401,), (429,), "keyless")


def _lost(case: Case) -> Expected:
    also = () if all(map(is_uuid, case.ids.values())) else (400,)  # OP-23
    what = "a run that there is not" if "run_id" in case.ids else "an unknown company"
    found = lost(NOT_FOUND[case.operation], what, *also)
    return by_any(found) if case.operation == "start_export" else found


def _unreadable(case: Case) -> Expected:
    if not case.raw and case.operation in ("request_upload", "start_export"):
        return open_to("a call without a body")
    wrong = refused(NO_JSON.get(case.operation, "ERR-11"), "a body that is not valid JSON")
    return by_any(wrong) if case.operation == "start_export" else wrong


def _body(of: Callable[[Any, Facts], Expected]) -> Callable[[Case, Facts], Expected]:
    """What the body's rules require, of a call whose query has nothing to say."""

    def whole(case: Case, facts: Facts) -> Expected:
        return unless(of(case.body, facts), ["a call with a query that is not documented"] if case.query else [])

    return whole


def _listed(case: Case, _: Facts) -> Expected:
    status = case.query.get("status")
    doubts = strangers(dict(case.query), "status", "limit", "cursor")
    doubts += ["a page of the history"] if {"limit", "cursor"} & set(case.query) else []  # OP-08
    if "status" in case.query and status != "active":
        doubts.append("a look-up by another status")  # OP-10
    right = taken("HIST-01", "a look at the history") if status is None else taken("ACT-03", "the active look-up")
    return unless(right, doubts)


def _downloaded(case: Case, facts: Facts) -> Expected:
    sheet, chosen = case.query.get("sheet_id"), case.query.get("filter")
    unknown = "sheet_id" in case.query and sheet not in facts.sheets
    doubts = strangers(dict(case.query), "sheet_id", "filter")
    if isinstance(chosen, str) and chosen not in ("", "valid", "all"):
        wrong = refused("CSV-10", "a filter that is neither valid nor all", *((404,) if unknown else ()))
        return wrong if "sheet_id" in case.query else _or_501(wrong)
    if "filter" in case.query and chosen not in ("valid", "all"):
        doubts.append("an empty or repeated filter")
    if "sheet_id" not in case.query:
        return open_to("a download of the whole workbook", 501)  # CSV-02
    if unknown and (not isinstance(sheet, str) or not sheet):
        doubts.append("an empty or repeated sheet_id")
    if unknown:
        return unless(lost("CSV-11", "an unknown sheet", *(() if is_uuid(sheet) else (400,))), doubts)  # OP-23
    return unless(taken("CSV-01", "a download of a sheet"), doubts)


def _or_501(wrong: Expected) -> Expected:
    """The same, where a download that is documented as not built yet may be answered so first (CSV-02)."""
    return Expected(wrong.clause, wrong.requirement, wrong.right, (*wrong.mute, 501), wrong.kind)


def _read(case: Case, _: Facts) -> Expected:
    clauses = {"list_sources": "SRC-01", "list_templates": "TPL-01", "poll_import": "POLL-01"}
    doubts = ["a call with a query that is not documented"] if case.query else []
    if case.operation not in clauses:
        return open_to("a poll of an export")
    return unless(taken(clauses[case.operation], "a read"), doubts)


BY_OPERATION: dict[str, Callable[[Case, Facts], Expected]] = {
    "provision_company": _body(provisioned),
    "request_upload": _body(lambda body, _: uploaded(body)),
    "start_import": _body(imported),
    "decide": _body(lambda body, facts: decided(body, facts.parked)),
    "start_export": _body(exported),
    "list_imports": _listed,
    "export_csv": _downloaded,
}
"""How what an operation was asked is read; the others are asked for nothing."""
