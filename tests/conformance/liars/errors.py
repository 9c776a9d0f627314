"""Servers that lie in the form of their answers: error bodies, statuses, JSON (ERR, FMT)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bending import Headers, after, broken_off, gives, headed, reads, refuses_with
from lies import App, Liar, Lie, answers, rule
from places import put
from starlette.responses import Response

from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.preview.runs import ImportRun
from mock_server.server import pipeline
from mock_server.session import exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def _errors(change: Callable[[int, str], Any], *statuses: int) -> Lie:
    """A lie that makes another body of a refusal's status and text; of every refusal when no status is named."""

    def bend(_method: str, _path: str, status: int, body: Any) -> tuple[int, Any]:
        meant = status >= 400 and (not statuses or status in statuses)
        return status, change(status, body["error"]) if meant else body

    return answers(bend)


def _page(app: App, patch: pytest.MonkeyPatch) -> App:
    """Refusals of paths that lead nowhere are the web server's own page."""

    def error(status: int, text: str, headers: Any = None) -> Any:
        if status == 404:
            return Response("<html><h1>404 Not Found</h1></html>", 404, headers, "text/html")
        return honest(status, text, headers)

    honest = http.error
    put(patch, (pipeline, http.error), error)
    put(patch, (exchange, http.error), error)
    return app


def _failing_polls(status: int) -> Lie:
    """A lie that answers the poll of a failed run with this status."""

    def bend(method: str, path: str, got: int, body: Any) -> tuple[int, Any]:
        if method == "GET" and "/imports/" in path and got == 200 and body["status"] == "failed":
            return status, {"error": body["error"]}
        return got, body

    return answers(bend)


def _mended(raw: bytes) -> Any:
    """The beginning of a body that breaks off: as much of it as is an object."""
    try:
        return _parsed(raw)
    except Refusal:
        pairs = re.findall(rb'"(\w+)"\s*:\s*"([^"]*)"', raw)
        return {name.decode(): text.decode() for name, text in pairs}


_parsed = http.parsed


def _typed(kind: bytes, meant: Callable[[int], bool]) -> Lie:
    """A lie that declares JSON to be something else."""

    def change(status: int, headers: Headers) -> Headers:
        return [
            (name, kind if name == b"content-type" and value == b"application/json" and meant(status) else value)
            for name, value in headers
        ]

    return headed(change)


def _plain_name(body: Any) -> None:
    if isinstance(body.get("name"), str):
        body["name"] = body["name"].encode("ascii", "replace").decode()


def _latin(app: App, _: pytest.MonkeyPatch) -> App:
    """JSON is written in Latin-1, where that is enough."""

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        started: list[Any] = []

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start" and scope["path"].endswith("/companies"):
                started.append(message)
            elif started:
                body = message["body"].decode().encode("latin-1", "replace")
                kept = [pair for pair in started[0]["headers"] if pair[0] != b"content-length"]
                await send({**started[0], "headers": [*kept, (b"content-length", str(len(body)).encode())]})
                await send({**message, "body": body})
            else:
                await send(message)

        await app(scope, receive, sent)

    return lying


def _renamed(*path: str, to: str) -> Callable[[Any], None]:
    """A change that gives the member at the end of the path another name, wherever the path is there."""

    def change(value: Any) -> None:
        for holder in _holders(value, path[:-1]):
            if isinstance(holder, dict) and path[-1] in holder:
                holder[to] = holder.pop(path[-1])

    return change


def _floated(*path: str) -> Callable[[Any], None]:
    """A change that writes the number at the end of the path with a fraction."""

    def change(value: Any) -> None:
        for holder in _holders(value, path[:-1]):
            if isinstance(holder, dict) and path[-1] in holder:
                holder[path[-1]] = float(holder[path[-1]])

    return change


def _holders(value: Any, path: tuple[str, ...]) -> list[Any]:
    found = [value]
    for name in path:
        inner = [each[name] for each in found if isinstance(each, dict) and name in each]
        found = [entry for each in inner for entry in (each if isinstance(each, list) else [each])]
    return found


def _runs(change: Callable[[Any], None]) -> Lie:
    """A lie about the body of a run, wherever it is shown."""

    def bend(body: Any) -> Any:
        change(body)
        return body

    return after(ImportRun.described, bend)


def _decided(scope: Any, status: int) -> bool:
    return status == 200 and str(scope["path"]).endswith("/decisions")


def _on(ending: str, change: Callable[[int, str], Any], *statuses: int) -> Lie:
    """A lie about the refusals of one operation."""

    def bend(_method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        meant = status in statuses and re.search(ending, path)
        return status, change(status, body["error"]) if meant else body

    return answers(bend)


def _as_far_as_it_goes(raw: bytes) -> Any:
    """What comes behind a value is nobody's business."""
    try:
        return _parsed(raw)
    except Refusal:
        try:
            return json.JSONDecoder().raw_decode(raw.decode())[0]
        except ValueError as error:
            raise Refusal(400, "the body is not valid JSON") from error


def _chokes(raw: bytes) -> Any:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise Refusal(500, "internal error") from error
    return _parsed(raw)


def _plain_planes(body: Any) -> None:
    if isinstance(body.get("name"), str):
        body["name"] = "".join(mark if ord(mark) < 0x10000 else "\ufffd" for mark in body["name"])


def _twice(app: App, patch: pytest.MonkeyPatch) -> App:
    """The first poll of a failed run tells it; the next ones are an error."""
    seen: set[str] = set()

    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        if method == "GET" and "/imports/" in path and status == 200 and body["status"] == "failed":
            if path in seen:
                return 409, {"error": body["error"]}
            seen.add(path)
        return status, body

    return answers(bend)(app, patch)


def _detail(_: int, text: str) -> Any:
    return {"detail": text}


def _coded(status: int, text: str) -> Any:
    return {"error": text, "code": status}


_PARKED = "needs_attention"
_ACTIONS = (_PARKED, "proposed_patch", "actions")
LIARS = (
    Liar("ERR-01", "says `message` in the place of `error`", _errors(lambda _, text: {"message": text}), ("AUTH-02",)),
    Liar("ERR-01", "says `detail` where a body is wrong", _errors(lambda _, text: {"detail": text}, 400)),
    Liar("ERR-01", "gives the error as an object",
         _errors(lambda status, text: {"error": {"code": status, "is": text}}), ("AUTH-02",)),
    Liar("ERR-01", "leaves the error empty", _errors(lambda _, __: {"error": ""}), ("AUTH-02",)),
    Liar("ERR-01", "answers a refusal with a bare text", _errors(lambda _, text: text), ("AUTH-02",)),
    Liar("ERR-01", "answers 404 with a page of HTML", _page, ("FMT-01",)),
    Liar("ERR-02", "adds a code to its errors", _errors(lambda status, text: {"error": text, "code": f"E{status}"})),
    Liar("ERR-02", "adds the fields to a 400", _errors(lambda _, text: {"error": text, "fields": ["name"]}, 400)),
    Liar("ERR-01", "says `detail` to decisions that come too late", _on("/decisions$", _detail, 409)),
    Liar("ERR-01", "says `detail` where an export is not found", _on("/exports/", _detail, 404)),
    Liar("ERR-01", "says `detail` where an upload is for nobody", _on("/uploads$", _detail, 404)),
    Liar("ERR-01", "says `detail` where a start comes too early", _on("/imports$", _detail, 409)),
    Liar("ERR-01", "has nothing but blanks for an unknown sheet", _on("csv$", lambda *_: {"error": " "}, 404)),
    Liar("ERR-02", "adds a code where no key comes to a poll", _on("/imports/[^/]+$", _coded, 401)),
    Liar("ERR-02", "adds a code where a name is taken", _on("/companies$", _coded, 400)),
    Liar("ERR-02", "adds a code to a decision that is none", _on("/decisions$", _coded, 400)),
    Liar("ERR-06", "forbids another run's decision (403)",
         refuses_with(404, 403, "no import", ending="/decisions"), ("DEC-26",)),
    Liar("ERR-09", "tells a failed run once, and then refuses its poll", _twice, ("RUN-04",)),
    Liar("ERR-11", "reads a body as far as it is JSON", rule((exchange, http.parsed), _as_far_as_it_goes)),
    Liar("ERR-11", "crashes on bytes that are no UTF-8", rule((exchange, http.parsed), _chokes)),
    Liar("FMT-01", "knows no letters beyond the first plane", reads("provision_company", _plain_planes)),
    Liar("ERR-06", "answers 422 where a body is wrong", refuses_with(400, 422), ("PROV-08",)),
    Liar("ERR-06", "answers 410 for a run that is not there", refuses_with(404, 410, "no import"), ("POLL-17",)),
    Liar("ERR-06", "answers 422 to another filter", refuses_with(400, 422, "filter must be"), ("CSV-10",)),
    Liar("ERR-09", "answers the poll of a failed run with 500", _failing_polls(500)),
    Liar("ERR-09", "answers the poll of a failed run with 400", _failing_polls(400), ("ERR-06",)),
    Liar("ERR-11", "crashes on a body that is no JSON", refuses_with(400, 500, "not valid JSON")),
    Liar("ERR-11", "takes as much of a body as it can read", rule((exchange, http.parsed), _mended)),
    Liar("ERR-11", "answers 422 to what is no JSON", refuses_with(400, 422, "not valid JSON"), ("ERR-06",)),
    Liar("ERR-11", "answers 415 to what is no JSON", refuses_with(400, 415, "not valid JSON"), ("ERR-06",)),
    Liar("FMT-01", "calls its JSON text", _typed(b"text/plain; charset=utf-8", lambda _: True)),
    Liar("FMT-01", "calls its errors text", _typed(b"text/plain", lambda status: status >= 400)),
    Liar("FMT-01", "calls its errors problems", _typed(b"application/problem+json", lambda status: status >= 400)),
    Liar("FMT-01", "declares Latin-1", _typed(b"application/json; charset=iso-8859-1", lambda status: status < 300)),
    Liar("FMT-01", "writes Latin-1", _latin),
    Liar("FMT-01", "knows no letters beyond ASCII", reads("provision_company", _plain_name)),
    Liar("FMT-01", "breaks off its answers to decisions", broken_off(_decided), ("DEC-01", "DEC-31")),
    Liar("FMT-01", "breaks off the bodies of its refusals", broken_off(lambda _, status: status >= 400)),
    Liar("FMT-02", "says `per_sheet`", _runs(_renamed("report", "perSheet", to="per_sheet"))),
    Liar("FMT-02", "says `invalid_cell_count`", _runs(_renamed("report", "invalidCellCount", to="invalid_cell_count"))),
    Liar("FMT-02", "says `row_count`", _runs(_renamed("report", "perSheet", "rowCount", to="row_count"))),
    Liar("FMT-02", "says `allowCustom`", _runs(_renamed(_PARKED, "questions", "allow_custom", to="allowCustom"))),
    Liar("FMT-02", "says `affectedCount`",
         _runs(_renamed(_PARKED, "questions", "target", "affected_count", to="affectedCount"))),
    Liar("FMT-02", "says `proposedPatch`", _runs(_renamed(_PARKED, "proposed_patch", to="proposedPatch"))),
    Liar("FMT-02", "says `keyColumn`", _runs(_renamed(*_ACTIONS, "key_column", to="keyColumn"))),
    Liar("FMT-02", "says `needsAttention`", _runs(_renamed(_PARKED, to="needsAttention"))),
    Liar("FMT-02", "says `progressMessage`", _runs(_renamed("progress_message", to="progressMessage"))),
    Liar("FMT-02", "says `runId` of a new run", gives("start_import", _renamed("run_id", to="runId")), ("IMP-01",)),
    Liar("FMT-02", "says `workbookId`", gives("provision_company", _renamed("workbook_id", to="workbookId"))),
    Liar("FMT-02", "says `desired_rule`",
         gives("list_templates", _renamed("templates", "columns", "desiredRule", to="desired_rule")), ("TPL-03",)),
    Liar("FMT-03", "counts what was inserted with a fraction", _runs(_floated("report", "inserted"))),
    Liar("FMT-03", "counts a sheet's rows with a fraction", _runs(_floated("report", "perSheet", "rowCount"))),
    Liar("FMT-03", "counts flagged rows with a fraction", _runs(_floated("report", "invalidCellCount"))),
    Liar("FMT-03", "counts what a question is about with a fraction",
         _runs(_floated(_PARKED, "questions", "target", "affected_count"))),
)  # fmt: skip
