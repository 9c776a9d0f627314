"""Readings of status codes, of what an error says, and of the history's envelope (OP-04 to OP-40)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mock_server.contract.document import API, load
from mock_server.dialects.dialect import Answer, Reading
from mock_server.preview.readings.bodies import is_page

TEXTS = {400: "Bad request", 404: "Not found", 409: "Conflict", 415: "Unsupported media type", 500: "Internal error"}
THROTTLED = 429  # RATE-02: its text is fixed
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _upload_codes(answer: Answer) -> None:
    if answer.operation == "request_upload" and answer.status == 201:
        answer.status = 200
    if answer.operation == "put_upload":
        answer.status = {200: 204, 403: 410}.get(answer.status, answer.status)


def _sign_in_query(answer: Answer) -> None:
    if answer.operation == "request_upload" and answer.has_json:
        answer.body["upload_url"] += "?signature=a%2Fb%3D&expires=3600"


def _replay_as_first(answer: Answer) -> None:
    if answer.operation in load().starts and answer.status == 200 and answer.has_json:
        answer.status, answer.body["status"] = 201, "queued"


def _reject_later(answer: Answer) -> None:
    if answer.operation == "decide" and answer.has_json:
        answer.body["status"] = "running"


def _refuse_malformed_ids(answer: Answer) -> None:
    ids = answer.path.removeprefix(API).split("/")[2:5:2]  # those of the company, and of the run
    if answer.operation is not None and answer.status == 404 and not all(map(_UUID.fullmatch, ids)):
        answer.status = 400


def _wrong_method(answer: Answer) -> None:
    if answer.status == 405:
        answer.status = 404
        answer.headers.pop("allow", None)


def _same_text(answer: Answer) -> None:
    if answer.status >= 400 and answer.status != THROTTLED and answer.body is not None:
        answer.body = {"error": TEXTS.get(answer.status, "Something went wrong")}


def _start_export_with(status: int) -> Callable[[Answer], None]:
    def change_answer(answer: Answer) -> None:
        if answer.operation == "start_export" and answer.status == 201:
            answer.status = status

    return change_answer


def _no_zip(answer: Answer) -> None:
    if answer.operation == "export_csv" and answer.ok and "sheet_id" not in answer.query:
        answer.status, answer.body = 501, {"error": "Downloads of the whole workbook are not there yet"}
        answer.headers = {"content-type": "application/json"}


def _answer_other_status(status: int, body: dict[str, Any]) -> Callable[[Answer], None]:
    """Another answer to `?status=` with a word that is not `active`."""

    def change_answer(answer: Answer) -> None:
        other = answer.query.get("status", "active") != "active"
        if answer.operation == "list_imports" and answer.status == 400 and other:
            answer.status, answer.body = status, dict(body)

    return change_answer


def _page(envelope: Callable[[list[Any], str | None], Any]) -> Callable[[Answer], None]:
    def change_answer(answer: Answer) -> None:
        if is_page(answer):
            answer.body = envelope(answer.body["runs"], answer.body["next_cursor"])

    return change_answer


def _rename(runs: list[Any], cursor: str | None) -> dict[str, Any]:
    items = [{"id": run["run_id"], "state": run["status"], "started_at": run["created_at"]} for run in runs]
    return {"imports": items, "next_cursor": cursor}


READINGS = (
    Reading(
        "upload-codes",
        "OP-04",
        "answers an upload request with 200, its PUT with 204, and a closed URL with 410",
        _upload_codes,
    ),
    Reading("signed-query", "OP-04", "signs upload URLs in their query", _sign_in_query),
    Reading(
        "replay-as-first",
        "OP-06",
        "answers a repeated `idempotency_key` as it answered the first call: 201 and `queued`",
        _replay_as_first,
    ),
    Reading(
        "export-200",
        "OP-40",
        "answers the start of an export with 200",
        _start_export_with(200),
        rivals="export-code",
        extended=False,
    ),
    Reading(
        "export-202", "OP-40", "answers the start of an export with 202", _start_export_with(202), rivals="export-code"
    ),
    Reading("rejects-later", "OP-14", "answers a rejection with `running`", _reject_later),
    Reading("malformed-ids", "OP-23", "answers ids that are no UUID with 400", _refuse_malformed_ids),
    Reading("wrong-method", "OP-26", "answers a wrong method with 404 instead of 405", _wrong_method),
    Reading("same-text", "OP-34", "says the same of every error of a status", _same_text),
    Reading("no-zip", "CSV-02", "has not built the download of a whole workbook: 501", _no_zip),
    Reading(
        "status-empty",
        "OP-10",
        "answers `?status=` with another word with an empty history",
        _answer_other_status(200, {"runs": [], "next_cursor": None}),
        rivals="other-status",
    ),
    Reading(
        "status-unknown",
        "OP-10",
        "answers `?status=` with another word with 404",
        _answer_other_status(404, {"error": "no such list"}),
        rivals="other-status",
        extended=False,
    ),
    Reading(
        "history-data",
        "OP-08",
        "gives the history as `data`, `has_more` and `next`",
        _page(lambda runs, cursor: {"data": runs, "has_more": cursor is not None, "next": cursor}),
        rivals="history",
    ),
    Reading(
        "history-renamed",
        "OP-08",
        "gives the history as `imports`, each with `id`, `state` and `started_at`",
        _page(_rename),
        rivals="history",
        extended=False,
    ),
    Reading(
        "history-array",
        "OP-08",
        "gives the history as a bare array",
        _page(lambda runs, _: runs),
        rivals="history",
        extended=False,
    ),
)
