"""The readings of the Preview API, each a function beside its name, the open point that it reads and what it does.

They stand in the order in which they change an answer: its members and what is in them, what a request may hold, status
codes and what an error says, the envelope of the history; what adds to all that comes last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from mock_server.contract.document import API, load
from mock_server.dialects.dialect import READINGS as OF_ANY_API
from mock_server.dialects.dialect import Answer, Dialects, Reading, Readings, RequestBody

TALK = "Lecture de 3 feuilles … ✅\nencore un instant. " * 12
EVERY_STATUS = ("report", "error", "needs_attention")
TEXTS = {400: "Bad request", 404: "Not found", 409: "Conflict", 415: "Unsupported media type", 500: "Internal error"}
THROTTLED = 429  # RATE-02: its text is fixed
IDS_AGAIN = "ids-again"
"""The reading by which runs that start meanwhile count the ids of their questions anew in each parking."""
READINGS = Readings()
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_run(answer: Answer) -> bool:
    """Whether the body is an import as a poll shows it."""
    if answer.operation == "list_imports":
        return answer.has_json and isinstance(answer.body, dict) and "status" in answer.body
    return answer.operation == "poll_import" and answer.has_json


def is_page(answer: Answer) -> bool:
    """Whether the body is a page of the history, in the mock's own form."""
    is_history = answer.operation == "list_imports" and answer.has_json
    return is_history and isinstance(answer.body, dict) and "runs" in answer.body


def _of_imports(change: Callable[[dict[str, Any]], None]) -> Callable[[Answer], None]:
    """Change each body of an import, in polls and in the active look-up alike (ACT-06)."""

    def change_answer(answer: Answer) -> None:
        if is_run(answer):
            change(answer.body)

    return change_answer


def _of_reports(change: Callable[[dict[str, Any]], None]) -> Callable[[Answer], None]:
    """Change the report of each run that is parked, or was rejected, wherever it is told."""

    def change_answer(answer: Answer) -> None:
        runs = [answer.body] if is_run(answer) else answer.body["runs"] if is_page(answer) else ()
        for run in runs:
            if run["status"] != "completed" and "report" in run:
                change(run["report"])

    return change_answer


# -- members, and what is in them


@READINGS.add("bare-company", "OP-02", "leaves `connections` and `external_id` out where none was given", minimal=True)
def _bare_company(answer: Answer) -> None:
    if answer.operation == "provision_company" and answer.ok:
        if not answer.body["connections"]:
            del answer.body["connections"]
        if answer.body["company"]["external_id"] is None:
            del answer.body["company"]["external_id"]


@READINGS.add("no-run-id", "OP-05", "says no `run_id` in polls and in the active look-up", minimal=True)
@_of_imports
def _no_run_id(body: dict[str, Any]) -> None:
    body.pop("run_id", None)


@READINGS.add("no-parked-sums", "OP-09", "leaves `perSheet` out while a run is parked or was rejected", minimal=True)
@_of_reports
def _no_parked_sums(report: dict[str, Any]) -> None:
    report.pop("perSheet", None)


@READINGS.add("bare-history", "OP-08", "shows no `report` in the history", minimal=True, extended=False)
def _bare_history(answer: Answer) -> None:
    if is_page(answer):
        for run in answer.body["runs"]:
            run.pop("report", None)


@READINGS.add(
    "nulls-in-catalogue",
    "SRC-02",
    "has null for every logo and for every template's description",
    minimal=True,
    extended=False,
)
def _nulls_in_catalogue(answer: Answer) -> None:
    if answer.ok and answer.operation == "list_sources":
        for source in answer.body["sources"]:
            source["logo_url"] = None
    if answer.ok and answer.operation == "list_templates":
        for template in answer.body["templates"]:
            template["description"] = None


@READINGS.add("nothing-inserted-yet", "OP-21", "counts nothing as inserted while a run is parked")
@_of_reports
def _nothing_inserted(report: dict[str, Any]) -> None:
    for counts, name in ((report, "inserted"), *((sheet, "rowCount") for sheet in report.get("perSheet", ()))):
        counts[name] = 0


@READINGS.add("bare-exports", "OP-18", "says nothing but `status` while an export runs or has failed")
def _bare_exports(answer: Answer) -> None:
    if answer.operation == "poll_export" and answer.has_json:
        for name in ("progress_message", "error"):
            answer.body.pop(name, None)


@READINGS.add(
    "talkative",
    "OP-27",
    "talks at length in `progress_message`, in another language, over several lines",
    rivals="progress",
)
@_of_imports
def _talk(body: dict[str, Any]) -> None:
    if "progress_message" in body:
        body["progress_message"] = TALK


@READINGS.add("silent", "OP-27", "has an empty `progress_message`", rivals="progress", extended=False)
@_of_imports
def _be_silent(body: dict[str, Any]) -> None:
    if "progress_message" in body:
        body["progress_message"] = ""


def _questions(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (body.get("needs_attention") or {}).get("questions", ())


@READINGS.add(
    "null-texts", "OP-28", "has null for a question's `context`, `relevant_columns`, `sample_values` and `error`"
)
@_of_imports
def _null_texts(body: dict[str, Any]) -> None:
    for question in _questions(body):
        question.update(context=None, relevant_columns=None)
        question["target"].update(sample_values=None, error=None)


@READINGS.add("no-options", "OP-28", "offers no options where free text is taken", extended=False)
@_of_imports
def _no_options(body: dict[str, Any]) -> None:
    for question in _questions(body):
        if question["allow_custom"]:
            question["options"] = []


@READINGS.add("null-members", "POLL-20", "has null for the members that a run's status has no use for")
@_of_imports
def _null_members(body: dict[str, Any]) -> None:
    for name in EVERY_STATUS:
        body.setdefault(name, None)


# -- what a request may hold: what is refused that the mock takes, and the other way round

READINGS.append(Reading(IDS_AGAIN, "OP-20", "counts question ids anew in each parking"))


def _is_decision(body: RequestBody) -> bool:
    return body.operation == "decide" and isinstance(body.value, dict) and isinstance(body.value.get("answers"), list)


@READINGS.add("no-empty-answers", "OP-19", 'refuses `"answers": []`: 400', by="refuse", rivals="answers")
def _refuse_empty_answers(body: RequestBody) -> tuple[int, str] | None:
    return (400, "answers is empty") if _is_decision(body) and not body.value["answers"] else None


@READINGS.add(
    "lenient-answers",
    "OP-19",
    "ignores answers that come with a rejection; of two for one question the last counts",
    by="change_body",
    rivals="answers",
    extended=False,
)
def _take_lenient_answers(body: RequestBody) -> Any:
    if not _is_decision(body):
        return body.value
    if body.value.get("decision") == "reject":
        return {name: value for name, value in body.value.items() if name != "answers"}
    answers = body.value["answers"]
    if all(isinstance(each, dict) and isinstance(each.get("question_id"), str) for each in answers):
        return body.value | {"answers": list({each["question_id"]: each for each in answers}.values())}
    return body.value


@READINGS.add("known-members", "OP-26", "refuses bodies with undocumented members: 400", by="refuse")
def _refuse_strange_members(body: RequestBody) -> tuple[int, str] | None:
    if isinstance(body.value, dict) and (strange := sorted(body.value.keys() - load().request_members(body.operation))):
        return 400, f"unknown members: {', '.join(strange)}"
    return None


@READINGS.add("only-json", "OP-26", "refuses bodies whose Content-Type is not application/json: 415", by="refuse")
def _refuse_other_types(body: RequestBody) -> tuple[int, str] | None:
    kind = (body.content_type or "").partition(";")[0].strip().lower()
    return None if kind == "application/json" else (415, "the body must be application/json")


@READINGS.add("all-templates", "OP-37", 'takes `"template_ids": []` for every template', by="change_body")
def _take_all_templates(body: RequestBody) -> Any:
    if body.operation == "provision_company" and isinstance(body.value, dict) and body.value.get("template_ids") == []:
        return {name: value for name, value in body.value.items() if name != "template_ids"}
    return body.value


# -- status codes, and what an error says


@READINGS.add(
    "upload-codes", "OP-04", "answers an upload request with 200, its PUT with 204, and a closed URL with 410"
)
def _upload_codes(answer: Answer) -> None:
    if answer.operation == "request_upload" and answer.status == 201:
        answer.status = 200
    if answer.operation == "put_upload":
        answer.status = {200: 204, 403: 410}.get(answer.status, answer.status)


@READINGS.add("signed-query", "OP-04", "signs upload URLs in their query")
def _sign_in_query(answer: Answer) -> None:
    if answer.operation == "request_upload" and answer.has_json:
        answer.body["upload_url"] += "?signature=a%2Fb%3D&expires=3600"


@READINGS.add(
    "replay-as-first",
    "OP-06",
    "answers a repeated `idempotency_key` as it answered the first call: 201 and `queued`",
)
def _replay_as_first(answer: Answer) -> None:
    if answer.operation in load().starts and answer.status == 200 and answer.has_json:
        answer.status, answer.body["status"] = 201, "queued"


@READINGS.add("export-200", "OP-40", "answers the start of an export with 200", rivals="export-code", extended=False)
def _start_export_with_200(answer: Answer) -> None:
    if answer.operation == "start_export" and answer.status == 201:
        answer.status = 200


@READINGS.add("export-202", "OP-40", "answers the start of an export with 202", rivals="export-code")
def _start_export_with_202(answer: Answer) -> None:
    if answer.operation == "start_export" and answer.status == 201:
        answer.status = 202


@READINGS.add("rejects-later", "OP-14", "answers a rejection with `running`")
def _reject_later(answer: Answer) -> None:
    if answer.operation == "decide" and answer.has_json:
        answer.body["status"] = "running"


@READINGS.add("malformed-ids", "OP-23", "answers ids that are no UUID with 400")
def _refuse_malformed_ids(answer: Answer) -> None:
    ids = answer.path.removeprefix(API).split("/")[2:5:2]  # those of the company, and of the run
    if answer.operation is not None and answer.status == 404 and not all(map(_UUID.fullmatch, ids)):
        answer.status = 400


@READINGS.add("wrong-method", "OP-26", "answers a wrong method with 404 instead of 405")
def _wrong_method(answer: Answer) -> None:
    if answer.status == 405:
        answer.status = 404
        answer.headers.pop("allow", None)


@READINGS.add("same-text", "OP-34", "says the same of every error of a status")
def _same_text(answer: Answer) -> None:
    if answer.status >= 400 and answer.status != THROTTLED and answer.body is not None:
        answer.body = {"error": TEXTS.get(answer.status, "Something went wrong")}


@READINGS.add("no-zip", "CSV-02", "has not built the download of a whole workbook: 501")
def _no_zip(answer: Answer) -> None:
    if answer.operation == "export_csv" and answer.ok and "sheet_id" not in answer.query:
        answer.status, answer.body = 501, {"error": "Downloads of the whole workbook are not there yet"}
        answer.headers = {"content-type": "application/json"}


# -- the history


def _is_other_status(answer: Answer) -> bool:
    other = answer.query.get("status", "active") != "active"
    return answer.operation == "list_imports" and answer.status == 400 and other


@READINGS.add(
    "status-empty", "OP-10", "answers `?status=` with another word with an empty history", rivals="other-status"
)
def _status_empty(answer: Answer) -> None:
    if _is_other_status(answer):
        answer.status, answer.body = 200, {"runs": [], "next_cursor": None}


@READINGS.add(
    "status-unknown", "OP-10", "answers `?status=` with another word with 404", rivals="other-status", extended=False
)
def _status_unknown(answer: Answer) -> None:
    if _is_other_status(answer):
        answer.status, answer.body = 404, {"error": "no such list"}


@READINGS.add("history-data", "OP-08", "gives the history as `data`, `has_more` and `next`", rivals="history")
def _history_data(answer: Answer) -> None:
    if is_page(answer):
        runs, cursor = answer.body["runs"], answer.body["next_cursor"]
        answer.body = {"data": runs, "has_more": cursor is not None, "next": cursor}


@READINGS.add(
    "history-renamed",
    "OP-08",
    "gives the history as `imports`, each with `id`, `state` and `started_at`",
    rivals="history",
    extended=False,
)
def _history_renamed(answer: Answer) -> None:
    if is_page(answer):
        names = {"id": "run_id", "state": "status", "started_at": "created_at"}
        items = [{new: run[old] for new, old in names.items()} for run in answer.body["runs"]]
        answer.body = {"imports": items, "next_cursor": answer.body["next_cursor"]}


@READINGS.add("history-array", "OP-08", "gives the history as a bare array", rivals="history", extended=False)
def _history_array(answer: Answer) -> None:
    if is_page(answer):
        answer.body = answer.body["runs"]


# -- what adds to an answer as all the other ones have made it


def _add_members(value: Any) -> Any:
    """The value with members that nobody documented in each of its objects."""
    if isinstance(value, list):
        return [_add_members(each) for each in value]
    if isinstance(value, dict):
        extra = {"object": "preview", "_rev": 7, "_links": {"self": None}}
        return {name: _add_members(each) for name, each in value.items()} | extra
    return value


@READINGS.add("unknown-members", "POLL-20", "adds members that nobody documented to every object")
def _add_unknown_members(answer: Answer) -> None:
    if answer.has_json and answer.body != {"run": None}:  # ACT-02 and ERR-02: exactly that
        answer.body = _add_members(answer.body)


@READINGS.add("csv-charset", "CSV-01", "names charset and header line of a CSV")
def _name_charset(answer: Answer) -> None:
    if answer.operation == "export_csv" and answer.headers.get("content-type", "").startswith("text/csv"):
        answer.headers["content-type"] = "text/csv; charset=utf-8; header=present"


DIALECTS = Dialects(*READINGS, *OF_ANY_API)
