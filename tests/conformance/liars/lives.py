"""Servers that lie about the life of a run (RUN)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from lies import Liar
from places import all_of, around, handled
from runlies import every_read, histories, lives, run_bodies

from mock_server.data import uploaded as opening
from mock_server.kernel.clock import HOUR, MINUTE
from mock_server.preview import operations
from mock_server.preview.account import account_of
from mock_server.preview.lifecycle import FOREVER
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lies import Lie
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.preview.lifecycle import Life
    from mock_server.session.exchange import Exchange as Call

SECOND = 1_000


def _spelled(status: str, spelling: str) -> Lie:
    def change(_: ImportRun, state: Life, body: dict[str, Any]) -> None:
        if state.status == status:
            body["status"] = spelling

    return run_bodies(change)


def _split(state: Life, *afterwards: Life, after: int = SECOND) -> Iterable[Life]:
    """The state for a while, then the others, the last one for as long as the state would have lasted."""
    if state.until is not None and state.until - state.since <= after * (1 + len(afterwards)):
        return (state,)
    parts = [state, *afterwards]
    ends = [state.since + after * number for number in range(1, len(parts))]
    bounds = zip([state.since, *ends], [*ends, state.until], strict=True)
    return tuple(replace(part, since=since, until=until) for part, (since, until) in zip(parts, bounds, strict=True))


def _endless(state: Life) -> Iterable[Life]:
    return (replace(state, until=FOREVER),) if state.status == "running" else (state,)


def _failed_for_nothing(state: Life) -> Iterable[Life]:
    failed = replace(state, status="failed", says="Something went wrong", end=None)
    return (failed,) if state.status == "completed" and not state.parkings else (state,)


def _queued_after_approval(state: Life) -> Iterable[Life]:
    return (replace(state, status="queued"),) if state.status == "running" and state.parkings else (state,)


def _queued_after_second(state: Life) -> Iterable[Life]:
    return (replace(state, status="queued"),) if state.status == "running" and len(state.parkings) > 1 else (state,)


def _queued_again(state: Life) -> Iterable[Life]:
    again = replace(state, status="queued")
    return _split(state, again, state, after=200) if state.status == "running" else (state,)


def _afterwards(status: str, other: Callable[[Life], Life], after: int = SECOND) -> Lie:
    """A lie that an import of that status turns into another by itself."""
    return lives(lambda state: _split(state, other(state), after=after) if state.status == status else (state,))


def _parked_again(state: Life) -> Iterable[Life]:
    finished = state.status == "completed" and state.parkings
    return _split(state, replace(state, status="needs_attention")) if finished else (state,)


def _renamed(run: ImportRun, body: dict[str, Any], reads: int) -> dict[str, Any] | None:
    if body["status"] != "completed" or reads % 2 == 0:
        return None
    sheets = [{**entry, "templateName": entry["templateName"].upper()} for entry in body["report"]["perSheet"]]
    return body | {"report": body["report"] | {"perSheet": sheets}}


def _ages(run: ImportRun, body: dict[str, Any], reads: int) -> dict[str, Any] | None:
    return body | {"error": f"{body['error']} ({reads} reads ago)"} if body["status"] == "failed" and reads else None


def _emptied(honest: Handler) -> Handler:
    async def export_csv(call: Call) -> Response:
        answer = await honest(call)
        for run in account_of(call.session).company(call.parameters["company_id"]).imports:
            if (state := run.life(call.now)).terminal:
                run.forget(state)
        return answer

    return export_csv


def _answered_once() -> Lie:
    met: set[str] = set()

    def change(items: list[Any]) -> list[Any]:
        fresh = [item for item in items if orjson.dumps(item).decode() not in met]
        met.update(orjson.dumps(item).decode() for item in items)
        return fresh

    return histories(change)


def _approving_reads(honest: Handler) -> Handler:
    async def list_imports(call: Call) -> Response:
        answer = await honest(call)
        company = account_of(call.session).company(call.parameters["company_id"])
        active = None if "status" in call.query else company.active(call.now)
        if active is not None and active[1].status == "needs_attention":
            account_of(call.session).reject(call.later(), active[0].id)
        return answer

    return list_imports


def _rows_of_the_failed() -> Lie:
    def reads(honest: Callable[..., Any]) -> Callable[..., Any]:
        async def own_book(call: Call, company: Any, files: Any, rows: Any) -> Any:
            book, drift = await honest(call, company, files, rows)
            named = [{"Name": next(iter(row.values())), "Email": "failed@example.com"} for row in rows]
            return book or opening.book_of_rows(named, company.sheets, {}), drift

        return own_book

    def shows(honest: Callable[..., Any]) -> Callable[..., Any]:
        return lambda run, state: run.book if state.status == "failed" else honest(run, state)

    return all_of(
        around(operations._own_book, reads),
        around(ImportRun.visible_book, shows),
    )


LIARS = (
    Liar("RUN-01", "spells canceled with two l", _spelled("canceled", "cancelled")),
    Liar("RUN-01", "calls a running import processing", _spelled("running", "processing")),
    Liar("RUN-01", "calls a completed import succeeded", _spelled("completed", "succeeded")),
    Liar("RUN-02", "lets no import come to an end", lives(_endless)),
    Liar("RUN-02", "fails every import of right rows", lives(_failed_for_nothing)),
    Liar("RUN-02", "queues an approved run anew", lives(_queued_after_approval), ("RUN-05",)),
    Liar("RUN-02", "queues a run anew that is approved for the second time", lives(_queued_after_second), ("RUN-05",)),
    Liar(
        "RUN-03",
        "fails a completed run afterwards",
        _afterwards("completed", lambda s: replace(s, status="failed", says="Lost")),
        ("RUN-02", "RUN-04"),
    ),
    Liar(
        "RUN-03",
        "retries a failed run",
        _afterwards("failed", lambda s: replace(s, status="running", says="Retrying")),
        ("RUN-02",),
    ),
    Liar(
        "RUN-03",
        "fails a canceled run in the end",
        _afterwards("canceled", lambda s: replace(s, status="failed", says="Canceled")),
        ("RUN-02",),
    ),
    Liar(
        "RUN-03",
        "forgets after an hour how a run ended",
        _afterwards("completed", lambda s: replace(s, status="canceled"), HOUR),
    ),
    Liar("RUN-04", "names the sheets of a report differently at each read", every_read(_renamed)),
    Liar("RUN-04", "tells the error of a failed run differently at each read", every_read(_ages)),
    Liar("RUN-05", "puts a run back in the queue when its work is retried", lives(_queued_again), ("RUN-02",)),
    Liar("RUN-06", "parks a run that had completed", lives(_parked_again), ("RUN-02", "RUN-03")),
    Liar(
        "RUN-07",
        "resumes a parked run by itself",
        _afterwards("needs_attention", lambda s: replace(s, status="running", says="Going on")),
    ),
    Liar(
        "RUN-07",
        "resumes by itself a run that has been parked for a while",
        _afterwards("needs_attention", lambda s: replace(s, status="running", says="Going on"), 20 * MINUTE),
    ),
    Liar("RUN-08", "empties a sheet by its download", handled("export_csv", _emptied)),
    Liar("RUN-08", "lists a run in the history once", _answered_once()),
    Liar("RUN-08", "rejects a parked run when the history is read", handled("list_imports", _approving_reads)),
    Liar("RUN-09", "leaves the rows of a failed run in the sheet", _rows_of_the_failed()),
)
