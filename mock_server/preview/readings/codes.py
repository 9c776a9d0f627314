"""Readings of status codes, of what an error says, and of the history's envelope (OP-04 to OP-40)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mock_server.dialects.reading import Reading, Said

if TYPE_CHECKING:
    from collections.abc import Callable

STARTS = ("start_import", "start_export")
TEXTS = {400: "Bad request", 404: "Not found", 409: "Conflict", 415: "Unsupported media type", 500: "Internal error"}
THROTTLED = 429  # RATE-02: its text is fixed
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _upload_codes(said: Said) -> None:
    if said.operation == "request_upload" and said.status == 201:
        said.status = 200
    if said.operation == "put_upload":
        said.status = {200: 204, 403: 410}.get(said.status, said.status)


def _signed(said: Said) -> None:
    if said.operation == "request_upload" and said.told:
        said.body["upload_url"] += "?signature=a%2Fb%3D&expires=3600"


def _as_first(said: Said) -> None:
    if said.operation in STARTS and said.status == 200 and said.told:
        said.status, said.body["status"] = 201, "queued"


def _rejects_later(said: Said) -> None:
    if said.operation == "decide" and said.told:
        said.body["status"] = "running"


def _malformed_ids(said: Said) -> None:
    if said.operation is not None and said.status == 404 and not all(map(_UUID.fullmatch, said.ids)):
        said.status = 400


def _wrong_method(said: Said) -> None:
    if said.status == 405:
        said.status = 404
        said.headers.pop("allow", None)


def _same_text(said: Said) -> None:
    if said.status >= 400 and said.status != THROTTLED and said.body is not None:
        said.body = {"error": TEXTS.get(said.status, "Something went wrong")}


def _export_coded(status: int) -> Callable[[Said], None]:
    def says(said: Said) -> None:
        if said.operation == "start_export" and said.status == 201:
            said.status = status

    return says


def _no_zip(said: Said) -> None:
    if said.operation == "export_csv" and said.ok and "sheet_id" not in said.query:
        said.status, said.body = 501, {"error": "Downloads of the whole workbook are not there yet"}
        said.headers = {"content-type": "application/json"}


def _other_status(status: int, body: dict[str, Any]) -> Callable[[Said], None]:
    """Another answer to `?status=` with a word that is not `active`."""

    def says(said: Said) -> None:
        asked = said.query.get("status", "active") != "active"
        if said.operation == "list_imports" and said.status == 400 and asked:
            said.status, said.body = status, dict(body)

    return says


def _page(envelope: Callable[[list[Any], str | None], Any]) -> Callable[[Said], None]:
    def says(said: Said) -> None:
        if said.is_page:
            said.body = envelope(said.body["runs"], said.body["next_cursor"])

    return says


def _data(runs: list[Any], cursor: str | None) -> dict[str, Any]:
    return {"data": runs, "has_more": cursor is not None, "next": cursor}


def _renamed(runs: list[Any], cursor: str | None) -> dict[str, Any]:
    items = [{"id": run["run_id"], "state": run["status"], "started_at": run["created_at"]} for run in runs]
    return {"imports": items, "next_cursor": cursor}


UPLOAD_CODES = Reading(
    "upload-codes",
    "OP-04",
    "answers an upload request with 200, its PUT with 204, and a closed URL with 410",
    _upload_codes,
)
SIGNED_QUERY = Reading("signed-query", "OP-04", "signs upload URLs in their query", _signed)
REPLAY_AS_FIRST = Reading(
    "replay-as-first",
    "OP-06",
    "answers a repeated `idempotency_key` as it answered the first call: 201 and `queued`",
    _as_first,
)
REJECTS_LATER = Reading("rejects-later", "OP-14", "answers a rejection with `running`", _rejects_later)
MALFORMED_IDS = Reading("malformed-ids", "OP-23", "answers ids that are no UUID with 400", _malformed_ids)
WRONG_METHOD = Reading("wrong-method", "OP-26", "answers a wrong method with 404 instead of 405", _wrong_method)
SAME_TEXT = Reading("same-text", "OP-34", "says the same of every error of a status", _same_text)
EXPORT_200 = Reading(
    "export-200", "OP-40", "answers the start of an export with 200", _export_coded(200), instead="export-code"
)
EXPORT_202 = Reading(
    "export-202", "OP-40", "answers the start of an export with 202", _export_coded(202), instead="export-code"
)
NO_ZIP = Reading("no-zip", "CSV-02", "has not built the download of a whole workbook: 501", _no_zip)
STATUS_IGNORED = Reading(
    "status-empty",
    "OP-10",
    "answers `?status=` with another word with an empty history",
    _other_status(200, {"runs": [], "next_cursor": None}),
    instead="other-status",
)
STATUS_UNKNOWN = Reading(
    "status-unknown",
    "OP-10",
    "answers `?status=` with another word with 404",
    _other_status(404, {"error": "no such list"}),
    instead="other-status",
)
HISTORY_DATA = Reading(
    "history-data", "OP-08", "gives the history as `data`, `has_more` and `next`", _page(_data), instead="history"
)
HISTORY_RENAMED = Reading(
    "history-renamed",
    "OP-08",
    "gives the history as `imports`, each with `id`, `state` and `started_at`",
    _page(_renamed),
    instead="history",
)
HISTORY_ARRAY = Reading(
    "history-array", "OP-08", "gives the history as a bare array", _page(lambda runs, _: runs), instead="history"
)
