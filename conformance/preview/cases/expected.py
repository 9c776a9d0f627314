"""What is required of the answer to any generated call, by operation: its body, its query, its ids, its key.

A call with one fault beside the state is judged by that fault: no key before a wrong id before a wrong input, and of a
body the first fault. An optional member that is null may be taken for absent, and a number for the text that it is
written as: these are no faults. What 1.15 leaves open makes a call open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from conformance.fuzzing.case import Case, Expected, accept, by_any, not_found, open_to, refuse, unless
from conformance.http.client import DEFAULT, NO_KEY
from conformance.preview.bodies import ids, listed, questions
from conformance.preview.cases.document import DRAWN, EXTERNAL_ID
from conformance.preview.response_schema import leaves_open
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conformance.preview.cases.document import Facts

SAFE = 2**53
"""Beyond this a number may come out otherwise than it was sent."""


def is_plain(text: Any) -> bool:
    """Whether it is a text that no implementation has a reason to refuse."""
    return isinstance(text, str) and 0 < len(text) <= 200 and text.isprintable() and text == text.strip()


def is_uuid(text: Any) -> bool:
    """Whether some notation of a UUID is meant."""
    try:
        return bool(UUID(text))
    except (ValueError, AttributeError, TypeError):
        return False


def strangers(value: Any, *known: str) -> list[str]:
    """A doubt when the object has members that nobody documents (OP-26)."""
    if isinstance(value, dict) and set(value) - set(known):
        return ["a call with members that are not documented"]
    return []


def company_body(body: Any, facts: Facts) -> Expected:
    """POST companies."""
    if not isinstance(body, dict):
        return refuse("PROV-08", "a company in the form of no object")
    source = body.get("source")
    unknown = (404,) if is_uuid(source) and source not in facts.sources else ()
    chosen = body.get("template_ids")
    for clause, what in _company_faults(body, facts):
        return refuse(clause, what, *unknown)
    doubts = strangers(body, "name", "source", "external_id", "template_ids", "connections")
    doubts += [f"a null {each}" for each in ("external_id", "template_ids") if each in body and body[each] is None]
    doubts += ["an unusual name"] if not is_plain(body["name"]) else []
    if not body.get("external_id", "x") or not isinstance(body.get("external_id", "x"), str):
        doubts.append("an empty external_id, or a number in its place")
    if isinstance(chosen, list) and (not chosen or len(set(chosen)) < len(chosen)):
        doubts.append("no or repeated template_ids")  # OP-37
    doubts += ["a company with connections"] if "connections" in body else []
    lacking = not_found("PROV-11", "a source that the account lacks")
    return unless(lacking if unknown else accept("PROV-01", "a right company"), doubts)


def _company_faults(body: dict[str, Any], facts: Facts) -> Iterator[tuple[str, str]]:
    name, source, external_id = body.get("name"), body.get("source"), body.get("external_id")
    if name is None:
        yield "PROV-08", "a company without name"
    if isinstance(name, (list, dict)):
        yield "PROV-08", "a name that is an array or object"
    if source is None:
        yield "PROV-09", "a company without source"
    if not is_uuid(source):
        yield "PROV-10", "a source that is no UUID"
    if isinstance(external_id, (list, dict)):
        yield "PROV-12", "an external_id that is an array or object"
    if isinstance(external_id, str) and not EXTERNAL_ID.fullmatch(external_id):
        yield "PROV-12", "an external_id with other characters"
    if isinstance(external_id, str) and len(external_id) > 255:
        yield "PROV-13", "an external_id of more than 255 characters"
    chosen = [] if body.get("template_ids") is None else body["template_ids"]
    if not isinstance(chosen, list):
        yield "PROV-15", "template_ids that are no array"
    elif not all(is_uuid(each) and each in facts.templates for each in chosen):
        known = all(map(is_uuid, chosen))
        yield "PROV-15", "a template that the account lacks" if known else "template_ids that are no UUIDs"


def upload_body(body: Any) -> Expected:
    """POST uploads: which members it needs is open (OP-04)."""
    if not isinstance(body, dict) or strangers(body, "name", "content_type", "size"):
        return open_to("a strange request for an upload")
    size = body.get("size")
    whole = isinstance(size, int) and not isinstance(size, bool) and 0 < size <= 10_000_000
    if is_plain(body.get("name")) and body.get("content_type") == "text/csv" and whole:
        return accept("UPL-01", "a request for an upload")
    return open_to("a request for an upload with odd members")


def import_body(body: Any, facts: Facts) -> Expected:
    """POST imports."""
    if not isinstance(body, dict):
        return refuse("IMP-06", "an import in the form of no object")
    files, rows = body.get("files"), body.get("rows")
    if files is None and rows is None:
        return refuse("IMP-06", "an import with neither files nor rows")
    if files is not None and rows is not None:
        return open_to("an import with files and rows")  # OP-22
    doubts = strangers(body, "files", "rows", "idempotency_key")
    doubts += [f"a null {each}" for each in ("files", "rows") if each in body and body[each] is None]
    if "idempotency_key" in body and not is_plain(body["idempotency_key"]):
        doubts.append("an odd idempotency_key")
    return unless(_rows(rows, facts) if rows is not None else _files(files, facts), doubts)


def _rows(rows: Any, facts: Facts) -> Expected:
    if not isinstance(rows, list):
        return refuse("IMP-06", "an import whose rows are no array")
    if not rows:
        return open_to("an import of no rows")  # OP-22
    if not all(isinstance(row, dict) for row in rows):
        return refuse("IMP-06", "an import with a row that is no object")
    cells = [cell for row in rows for cell in row.values()]
    names = {name for row in rows for name in row}
    usual = all(rows) and all(map(is_plain, names)) and names & facts.columns and all(map(_is_usual, cells))
    return accept("IMP-02", "an import of rows") if usual else open_to("an import of odd rows")


def _is_usual(cell: Any) -> bool:
    """Whether no implementation has a reason to refuse the cell; no clause says what one must refuse."""
    if isinstance(cell, str):
        return cell == "" or is_plain(cell)
    return cell is None or (isinstance(cell, (int, float)) and abs(cell) < SAFE)


def _files(files: Any, facts: Facts) -> Expected:
    if not isinstance(files, list):
        return refuse("IMP-07", "an import whose files are no array")
    if not files:
        return open_to("an import of no files")  # OP-22
    if not all(isinstance(each, dict) and each.get("upload_ref") is not None for each in files):
        return refuse("IMP-07", "an import with a file without upload_ref")
    refs = [each["upload_ref"] for each in files]
    usual = all(isinstance(ref, str) and ref in facts.uploads for ref in refs) and len(set(refs)) == len(refs)
    usual = usual and all(is_plain(each.get("name")) and not strangers(each, "name", "upload_ref") for each in files)
    return accept("IMP-01", "an import of files") if usual else open_to("an import of odd files")  # OP-22


def export_body(body: Any, facts: Facts) -> Expected:
    """POST exports: a start may be refused for many a reason (OP-18), but a mode that there is not must be."""
    mode = body.get("mode") if isinstance(body, dict) else None
    if mode is not None and mode not in ("full", "canary") and facts.destination:
        return by_any(refuse("DST-02", "an export of another mode"))
    return open_to("an export")


def decision_body(body: Any, parked: Any) -> Expected:
    """POST decisions, on a run that shows `parked`."""
    if not isinstance(body, dict):
        return refuse("DEC-15", "a decision in the form of no object")
    word = body.get("decision")
    if word is None:
        return refuse("DEC-15", "a body without decision")
    if word not in ("approve", "reject"):
        return refuse("DEC-16", "a decision that is neither approve nor reject")
    doubts = strangers(body, "decision", "answers")
    if word == "reject":
        doubts += ["answers that come with a reject"] if "answers" in body else []
        return unless(accept("DEC-31", "a reject"), doubts)
    if body.get("answers") in (None, []):
        doubts += ["answers of null or none"] if "answers" in body else []
        return unless(accept("DEC-01", "an approval"), doubts)
    return unless(_answers(body["answers"], questions(parked)), doubts)


def _answers(answers: Any, asked: list[dict[str, Any]]) -> Expected:
    if not isinstance(answers, list):
        return refuse("DEC-17", "a decision whose answers are no array")
    known = {str(each["id"]): each for each in asked if isinstance(each.get("id"), str)}
    for clause, what in _faults(answers, known):
        return refuse(clause, what)
    given = [answer["question_id"] for answer in answers]
    odd = [doubt for answer in answers for doubt in _doubts(answer)]
    odd += ["two answers to one question"] if len(set(given)) < len(given) else []
    if len(given) < len(known):
        return unless(accept("DEC-13", "an approval that leaves questions unanswered"), odd)
    if any("custom" in answer for answer in answers):
        return unless(accept("DEC-12", "an answer by a text of one's own"), odd)
    return unless(accept("DEC-11", "an answer by an option"), odd)


def _faults(answers: list[Any], known: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Clause and what is wrong: what must be refused before what should be; the first one decides."""
    for answer in answers:
        if not isinstance(answer, dict):
            yield "DEC-17", "an answer that is no object"
        elif not isinstance(answer.get("question_id"), str):
            yield "DEC-17", "an answer without question_id"
    if not {answer["question_id"] for answer in answers} <= known.keys():
        yield "DEC-14", "an answer to an unknown question"
    asked = [(known[each["question_id"]], each.get("option_id"), each.get("custom")) for each in answers]
    for _, option, custom in asked:
        if option is None and custom is None:
            yield "DEC-18", "an answer with neither option_id nor custom"
        if option is not None and custom is not None:
            yield "DEC-18", "an answer with option_id and custom"
    if any(option is not None and option not in ids(listed(each, "options")) for each, option, _ in asked):
        yield "DEC-19", "an option that the question does not have"
    if any(isinstance(text, str) and text and each.get("allow_custom") is False for each, _, text in asked):
        yield "DEC-20", "free text to a question that takes none"


def _doubts(answer: dict[str, Any]) -> list[str]:
    found = strangers(answer, "question_id", "option_id", "custom")
    if any(name in answer and answer[name] is None for name in ("option_id", "custom")):
        found.append("an answer with a null")
    custom = answer.get("custom", "x")
    if custom is not None and (not isinstance(custom, str) or custom != custom.strip() or not custom.isprintable()):
        found.append("an answer by an odd text")
    return [*found, "an answer by an empty text"] if custom == "" else found


def expected(case: Case, facts: Facts) -> Expected:
    """The requirement that the answer to a filled-in case has to meet."""
    if case.key is NO_KEY:
        return Expected("AUTH-02", "a call without a key is answered with 401", (401,), (429,), "keyless")
    if case.key is not DEFAULT:
        return Expected("AUTH-03", "a call with a wrong key is answered with 401", (401,), (429,), "keyless")
    if case.content_type is not None:
        return open_to("a body under another content type")  # OP-26
    if case.ids:
        clause = contract.load().clauses(case.operation, 404)[:2][-1]  # AUTH-06 is about any, the next about this one
        also = () if all(map(is_uuid, case.ids.values())) else (400,)  # OP-23
        what = "a run that there is not" if "run_id" in case.ids else "an unknown company"
        return _if_known(case, not_found(clause, what, *also))
    if case.raw is None:
        return _of_input(case, facts)
    if not case.raw and leaves_open(case.operation, "OP-04", "OP-18"):
        return open_to("a call without a body")
    clause = "DEC-22" if case.operation == "decide" else "ERR-11"
    return _if_known(case, refuse(clause, "a body that is not valid JSON"))


def _if_known(case: Case, wrong: Expected) -> Expected:
    """For the start of an export no page names the status (OP-18)."""
    return by_any(wrong) if case.operation == "start_export" else wrong


def _of_input(case: Case, facts: Facts) -> Expected:
    match case.operation:
        case "list_imports":
            return _listing(case)
        case "export_csv":
            return _download(case, facts)
        case "provision_company":
            found = company_body(case.body, facts)
        case "request_upload":
            found = upload_body(case.body)
        case "start_import":
            found = import_body(case.body, facts)
        case "decide":
            found = decision_body(case.body, facts.parked)
        case "start_export":
            found = export_body(case.body, facts)
        case "poll_export":
            found = open_to("a poll of an export")
        case read:
            found = accept(DRAWN["by_operation"][read][0], "a read")
    return unless(found, ["a call with a query that is not documented"] if case.query else [])


def _listing(case: Case) -> Expected:
    status = case.query.get("status")
    doubts = strangers(dict(case.query), "status", "limit", "cursor")
    doubts += ["a page of the history"] if {"limit", "cursor"} & set(case.query) else []  # OP-08
    if "status" in case.query and status != "active":
        doubts.append("a look-up by another status")  # OP-10
    right = accept("HIST-01", "a look at the history") if status is None else accept("ACT-03", "the active look-up")
    return unless(right, doubts)


def _download(case: Case, facts: Facts) -> Expected:
    sheet, chosen = case.query.get("sheet_id"), case.query.get("filter")
    unknown = "sheet_id" in case.query and sheet not in facts.sheets
    doubts = strangers(dict(case.query), "sheet_id", "filter")
    if isinstance(chosen, str) and chosen not in ("", "valid", "all"):
        wrong = refuse("CSV-10", "a filter that is neither valid nor all", *((404,) if unknown else ()))
        # The whole workbook may not be built yet, and that be answered first (CSV-02).
        return wrong if "sheet_id" in case.query else replace(wrong, mute=(*wrong.mute, 501))
    if "filter" in case.query and chosen not in ("valid", "all"):
        doubts.append("an empty or repeated filter")
    if "sheet_id" not in case.query:
        return open_to("a download of the whole workbook", 501)  # CSV-02
    if unknown and (not isinstance(sheet, str) or not sheet):
        doubts.append("an empty or repeated sheet_id")
    if unknown:
        return unless(not_found("CSV-11", "an unknown sheet", *(() if is_uuid(sheet) else (400,))), doubts)  # OP-23
    return unless(accept("CSV-01", "a download of a sheet"), doubts)
