"""Servers that lie in a poll (POLL)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bending import gives, refuses_with
from lies import Liar, answers
from places import around
from runlies import everywhere, run_bodies

from mock_server.data.uploaded import UploadedBook
from mock_server.kernel.errors import Refusal
from mock_server.preview import operations
from mock_server.preview.account import account_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from lies import App, Lie

    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun
    from mock_server.session.exchange import Exchange as Call

    Change = Callable[[dict[str, Any]], None]


def _in(status: str, change: Change) -> Lie:
    """A lie about runs of that status."""

    def told(_: ImportRun, __: Life, body: dict[str, Any]) -> None:
        if body["status"] == status:
            change(body)

    return run_bodies(told)


def _without(status: str, *path: str) -> Lie:
    """A lie that leaves the member at the end of the path out."""

    def change(body: dict[str, Any]) -> None:
        for name in path[:-1]:
            body = body[name]
        body.pop(path[-1])

    return _in(status, change)


def _with(status: str, member: str, value: Any) -> Lie:
    """A lie that gives a top member of the body another value."""
    return _in(status, lambda body: body.update({member: value}))


def _reporting(status: str, **counts: Any) -> Lie:
    """A lie that gives members of the report other values; a function makes them of the report."""

    def change(body: dict[str, Any]) -> None:
        report = body["report"]
        report |= {name: value(report) if callable(value) else value for name, value in counts.items()}

    return _in(status, change)


def _each_sheet(status: str, change: Callable[[dict[str, Any]], Any]) -> Lie:
    """A lie about every entry of perSheet."""
    return _reporting(status, perSheet=lambda report: [entry | change(entry) for entry in report["perSheet"]])


def _queued_is_202(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    moving = method == "GET" and "/imports/" in path and body.get("status") in {"queued", "running"}
    return (202 if moving else status), body


def _asked_by_id(body: dict[str, Any]) -> None:
    block = body["needs_attention"]
    block["questions"] = {question["id"]: question for question in block["questions"]}


def _cells(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if state.status == "needs_attention":
        body["report"]["invalidCellCount"] = sum(group.rows for group in run.parked_book(state).groups)


def _rules(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    """Every rule that a row breaks counts."""
    if state.status == "needs_attention" and isinstance(book := run.parked_book(state), UploadedBook):
        broken = [{(at, rule) for (_, rule), ats in table.faults.items() for at in ats} for table in book.tables]
        body["report"]["invalidCellCount"] = sum(map(len, broken))


def _cells_beyond(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    """Every cell of a row counts, also the right ones."""
    if state.status == "needs_attention":
        body["report"]["invalidCellCount"] *= 6


def _only_right(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    """Counts the right rows of each sheet, and all rows in the sum."""
    if state.status == "needs_attention":
        body["report"]["inserted"] += body["report"]["invalidCellCount"]


def _reports_failure(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if state.status == "failed" and not state.rejected:
        body["report"] = {"inserted": 0, "perSheet": [], "invalidCellCount": 0}


def _of_any_company(app: App, patch: pytest.MonkeyPatch) -> App:
    """Looks a run up by its id alone, within the account."""

    def bend(honest: Callable[[Call], ImportRun]) -> Callable[[Call], ImportRun]:
        def found(call: Call) -> ImportRun:
            account_of(call.session).company(call.parameters["company_id"])
            run: Any = account_of(call.session).runs.get(call.parameters["run_id"])
            return run if run is not None and call.operation_id == "poll_import" else honest(call)

        return found

    return around(operations._import, bend)(app, patch)


def _of_any_account(app: App, patch: pytest.MonkeyPatch) -> App:
    """Looks a run up in all accounts."""

    def bend(honest: Callable[[Call], ImportRun]) -> Callable[[Call], ImportRun]:
        def found(call: Call) -> ImportRun:
            runs: Any = {run_id: run for session in everywhere(app) for run_id, run in account_of(session).runs.items()}
            run = runs.get(call.parameters["run_id"])
            strange = run is None or run.company_id != call.parameters["company_id"]
            return honest(call) if strange or call.operation_id != "poll_import" else run

        return found

    return around(operations._import, bend)(app, patch)


def _forbidden(app: App, patch: pytest.MonkeyPatch) -> App:
    """Tells that the company is another account's."""

    def bend(honest: Callable[[Call], ImportRun]) -> Callable[[Call], ImportRun]:
        def found(call: Call) -> ImportRun:
            company = call.parameters["company_id"]
            if company not in account_of(call.session).companies and any(
                company in account_of(each).companies for each in everywhere(app)
            ):
                raise Refusal(403, "this company belongs to another account")
            return honest(call)

        return found

    return around(operations._import, bend)(app, patch)


def _unknown_is_queued(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    unknown = method == "GET" and status == 404 and "/imports/" in path and "no import" in body["error"]
    return (200, {"status": "queued", "progress_message": "Waiting"}) if unknown else (status, body)


def _unknown_is_empty(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    return status, {} if method == "GET" and status == 404 and "/imports/" in path else body


LIARS = (
    Liar("POLL-01", "answers the poll of a moving run with 202", answers(_queued_is_202)),
    Liar("POLL-01", "wraps a run in an object", gives("poll_import", lambda body: {"run": body})),
    Liar("POLL-01", "leaves the status of a completed run out", _without("completed", "status")),
    Liar("POLL-01", "answers with a status that is a number", gives("poll_import", lambda body: body | {"status": 3})),
    Liar("POLL-02", "has no progress_message for a queued run", _without("queued", "progress_message")),
    Liar("POLL-02", "has null as progress_message of a running run", _with("running", "progress_message", None)),
    Liar("POLL-02", "tells progress in per cent", _with("running", "progress_message", 50)),
    Liar("POLL-03", "has a report while a run is at work", _with("running", "report", {"inserted": 0})),
    Liar("POLL-03", "has an error text while a run is queued", _with("queued", "error", "not yet")),
    Liar("POLL-04", "parks without a report", _without("needs_attention", "report")),
    Liar("POLL-04", "parks without a proposed_patch", _without("needs_attention", "needs_attention", "proposed_patch")),
    Liar("POLL-04", "gives the questions by id", _in("needs_attention", _asked_by_id)),
    Liar("POLL-05", "has an error text while a run is parked", _with("needs_attention", "error", "4 rows are flagged")),
    Liar(
        "POLL-06", "does not say how many rows a parked run inserted", _without("needs_attention", "report", "inserted")
    ),
    Liar("POLL-06", "gives the counts of a parked run as texts", _reporting("needs_attention", inserted="3")),
    Liar("POLL-07", "parks with no row flagged", _reporting("needs_attention", invalidCellCount=0)),
    Liar("POLL-08", "leaves perSheet out of a completed run's report", _without("completed", "report", "perSheet")),
    Liar("POLL-08", "leaves invalidCellCount out when it is 0", _without("completed", "report", "invalidCellCount")),
    Liar(
        "POLL-09",
        "names a sheet by its template's id",
        _each_sheet("completed", lambda e: {"sheetId": "1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310"}),
    ),
    Liar("POLL-09", "names no template in perSheet", _each_sheet("completed", lambda e: {"templateName": None})),
    Liar(
        "POLL-09",
        "names a sheet of a parked run by a word",
        _each_sheet("needs_attention", lambda e: {"sheetId": "contacts"}),
    ),
    Liar("POLL-10", "counts flagged rows in inserted and not in perSheet", run_bodies(_only_right)),
    Liar(
        "POLL-10",
        "counts a row too many in perSheet",
        _each_sheet("completed", lambda e: {"rowCount": e["rowCount"] + 1}),
    ),
    Liar("POLL-11", "counts bad cells", run_bodies(_cells)),
    Liar("POLL-11", "counts a row once for each rule that it breaks", run_bodies(_rules)),
    Liar(
        "POLL-12",
        "flags more rows than it inserted",
        _reporting("completed", invalidCellCount=lambda r: r["inserted"] + 1),
    ),
    Liar("POLL-12", "has a negative count of flagged rows", _reporting("completed", invalidCellCount=-1)),
    Liar("POLL-12", "flags more rows than were sent", run_bodies(_cells_beyond), ("POLL-11",)),
    Liar(
        "POLL-13",
        "has an empty needs_attention when a run completed",
        _with("completed", "needs_attention", {"questions": []}),
    ),
    Liar("POLL-13", "has an empty error when a run completed", _with("completed", "error", "")),
    Liar("POLL-14", "does not say why a run failed", _without("failed", "error")),
    Liar("POLL-14", "says an empty text about why a run failed", _with("failed", "error", "")),
    Liar("POLL-15", "has a report for a run that failed by itself", run_bodies(_reports_failure)),
    Liar("POLL-16", "has an error for a canceled run", _with("canceled", "error", "Canceled by an operator")),
    Liar(
        "POLL-16",
        "has a report for a canceled run",
        _with("canceled", "report", {"inserted": 0, "invalidCellCount": 0}),
    ),
    Liar("POLL-17", "takes every unknown run for a queued one", answers(_unknown_is_queued), ("POLL-18", "POLL-19")),
    Liar("POLL-17", "answers 400 for an unknown run", refuses_with(404, 400, "no import", method="GET")),
    Liar("POLL-17", "has no error text for an unknown run", answers(_unknown_is_empty), ("ERR-01",)),
    Liar("POLL-18", "finds a run by its id alone", _of_any_company),
    Liar("POLL-19", "finds a run of another account", _of_any_account, ("AUTH-06",)),
    Liar("POLL-19", "answers 403 for another account's company", _forbidden, ("AUTH-06",)),
)
