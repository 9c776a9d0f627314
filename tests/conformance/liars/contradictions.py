"""Servers that contradict themselves: right at first, and otherwise at a later read, or an hour after.

Each is found by whoever remembers what was answered before, or by the closing look.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from lies import Liar, answers, rule
from places import around, handled
from runlies import company_of, histories, lives, looked_up

from liars.lives import _afterwards
from mock_server.data.csv_file import write_csv
from mock_server.http import messages as http
from mock_server.kernel.clock import HOUR, MINUTE, iso
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads
from mock_server.preview.account import Account, account_of
from mock_server.preview.lifecycle import FOREVER
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest
    from lies import App, Lie
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.preview.lifecycle import Life
    from mock_server.session.exchange import Exchange as Call


def _anew(lie: Callable[..., Lie], *given: Any) -> Lie:
    """A lie that begins to count anew with each server."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        return lie(*given)(app, patch)

    return make


def _from_the(number: int, ending: str, change: Callable[[Any], Any], method: str = "GET") -> Lie:
    """A lie about each 2xx of that method and end of a path from its so-manieth on."""
    times = Counter[str]()

    def bend(asked: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        if asked == method and path.endswith(ending) and status < 300:
            times[ending] += 1
            if times[ending] >= number:
                return status, change(body)
        return status, body

    return answers(bend)


def _aged(after: int, change: Callable[[ImportRun, Life, dict[str, Any]], None]) -> Lie:
    """A lie about a run, which its poll tells as soon as it has been in its state for so long."""

    def bend(honest: Handler) -> Handler:
        async def poll_import(call: Call) -> Response:
            answer = await honest(call)
            body = orjson.loads(answer.body)
            run = account_of(call.session).runs.get(call.parameters["run_id"])
            if isinstance(run, ImportRun) and call.now - run.life(call.now).since >= after:
                change(run, run.life(call.now), body)
            return http.answer(body)

        return poll_import

    return handled("poll_import", bend)


def _reported(**members: Any) -> Callable[[ImportRun, Life, dict[str, Any]], None]:
    def change(_: ImportRun, state: Life, body: dict[str, Any]) -> None:
        if state.status == "completed":
            body["report"] |= members

    return change


def _without_report(_: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if state.rejected:
        body.pop("report", None)


def _shorter_patch(_: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if state.status == "needs_attention":
        body["needs_attention"]["proposed_patch"]["actions"].pop()


def _other_prompt(_: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if state.status == "needs_attention":
        body["needs_attention"]["questions"][-1]["prompt"] += " (reminder)"


def _of_earlier_runs(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Lie:
    """A lie about runs that were not the last of their company any more when they were polled."""

    def bend(honest: Handler) -> Handler:
        async def poll_import(call: Call) -> Response:
            answer = await honest(call)
            latest = company_of(call).imports[-1].id
            body = orjson.loads(answer.body)
            return answer if call.parameters["run_id"] == latest else http.answer(change(body))

        return poll_import

    return handled("poll_import", bend)


def _nothing_inserted(body: dict[str, Any]) -> dict[str, Any]:
    if "report" in body:
        sheets = [sheet | {"rowCount": 0} for sheet in body["report"]["perSheet"]]
        body["report"] |= {"inserted": 0, "perSheet": sheets}
    return body


def _listed(change: Callable[[Any, int, dict[str, Any]], dict[str, Any]]) -> Lie:
    """A lie about an entry of the history; it knows the run and the time."""

    def bend(honest: Handler) -> Handler:
        async def list_imports(call: Call) -> Response:
            answer = await honest(call)
            body = orjson.loads(answer.body)
            if "runs" not in body:
                return answer
            runs = {run.id: run for run in company_of(call).imports}
            return http.answer(body | {"runs": [change(runs[it["run_id"]], call.now, it) for it in body["runs"]]})

        return list_imports

    return handled("list_imports", bend)


def _last_status(run: Any, now: int, item: dict[str, Any]) -> dict[str, Any]:
    over = run.life(now).terminal and now - run.life(now).since > 5_000
    return item | {"status": "running"} if over else item


def _middle_gone(items: list[Any]) -> list[Any]:
    return [items[0], *items[2:]] if len(items) > 2 else items


def _second_looked_up() -> Lie:
    times = Counter[str]()

    def change(body: Any) -> Any:
        if body.get("status") != "needs_attention":
            return body
        times[body["run_id"]] += 1
        return body if times[body["run_id"]] < 2 else {"run": None}

    return looked_up(change)


def _reading(change: Callable[[int, list[tuple[str, ...]]], list[tuple[str, ...]]], *filters: str) -> Lie:
    """A lie about the rows of a download that knows how often the sheet was downloaded so."""
    times = Counter[Any]()

    def csv(sheet: Any, book: Any, *, flagged: bool) -> Iterator[bytes]:
        rows = [] if book is None else list(book.rows(sheet.id, flagged=flagged))
        if rows and ("all" if flagged else "valid") in filters:
            times[sheet.id, flagged, id(book)] += 1
            rows = change(times[sheet.id, flagged, id(book)], rows)
        return write_csv([column.name for column in sheet.template.columns], rows)

    return rule(downloads._csv, csv)


def _shortened(number: int, rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return rows[:-1] if number > 2 else rows


def _upper(number: int, rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [tuple(map(str.upper, row)) for row in rows] if number > 2 else rows


def _workbook_again() -> Lie:
    first: list[str] = []

    def change(body: Any) -> Any:
        first.append(body["workbook_id"])
        return body | {"workbook_id": first[0]}

    return _from_the(1, "/companies", change, "POST")


def _same_ref() -> Lie:
    given: list[str] = []

    def change(body: Any) -> Any:
        given.append(body["upload_ref"])
        return body | {"upload_ref": given[0] if len(given) > 3 else given[-1]}

    return _from_the(1, "/uploads", change, "POST")


def _loud_names(body: Any) -> Any:
    return body | {"sheets": [sheet | {"name": sheet["name"].upper()} for sheet in body["sheets"]]}


def _fewer(name: str) -> Callable[[Any], Any]:
    return lambda body: body | {name: body[name][:-1]}


def _optional(body: Any) -> Any:
    for template in body["templates"]:
        template["columns"][0]["required"] = False
    return body


def _restarts(state: Life) -> Iterable[Life]:
    return (replace(state, until=FOREVER),) if state.status == "running" and not state.parkings else (state,)


def _key_of_the_last_run(honest: Callable[..., Any]) -> Callable[..., Any]:
    """A key counts until the next import of its company."""

    def replayed(session: Account, company: Any, kind: str, key: str | None, digest: bytes) -> Any:
        run = honest(session, company, kind, key, digest)
        return run if kind != "import" or run is None or run is company.imports[-1] else None

    return replayed


def _decides_about_ended(honest: Handler) -> Handler:
    async def decide(call: Call) -> Response:
        try:
            return await honest(call)
        except Refusal:
            run = account_of(call.session).runs.get(call.parameters["run_id"])
            if isinstance(run, ImportRun) and run.life(call.now).rejected:
                return http.answer(run.accepted("running"))
            raise

    return decide


LIARS = (
    Liar("SRC-01", "lists a source less from the third time on", _anew(_from_the, 3, "/sources", _fewer("sources"))),
    Liar("TPL-01", "lists a template less from the third time on",
         _anew(_from_the, 3, "/templates", _fewer("templates"))),
    Liar("TPL-01", "requires fewer columns from the third read on", _anew(_from_the, 3, "/templates", _optional)),
    Liar("ID-02", "gives every company the workbook of the first", _anew(_workbook_again)),
    Liar("PROV-06", "names the sheets of every company but the first in capitals",
         _anew(_from_the, 2, "/companies", _loud_names, "POST")),
    Liar("UPL-08", "gives the first upload_ref again from the fourth upload on", _anew(_same_ref)),
    Liar("RUN-03", "forgets after three quarters of an hour that a run was rejected",
         _afterwards("failed", lambda s: replace(s, status="canceled", end=None), 45 * MINUTE), ("RUN-02", "RUN-04")),
    Liar("RUN-04", "reports nothing of a completed run an hour later",
         _aged(HOUR, _reported(inserted=0, perSheet=[]))),
    Liar("RUN-04", "counts the rows of an earlier run as gone once another has begun",
         _of_earlier_runs(_nothing_inserted)),
    Liar("RUN-03", "shows an earlier run as canceled once another has begun",
         _of_earlier_runs(lambda body: {"run_id": body["run_id"], "status": "canceled"}), ("RUN-02",)),
    Liar("DEC-32", "has no report of a rejected run an hour later", _aged(HOUR, _without_report), ("RUN-04",)),
    Liar("PATCH-10", "proposes an action less when a run has been parked for an hour", _aged(HOUR, _shorter_patch)),
    Liar("QUE-03", "asks in other words when a run has been parked for an hour", _aged(HOUR, _other_prompt)),
    Liar("RUN-07", "completes a run by itself that has been parked for fifty minutes",
         _afterwards("needs_attention", lambda s: replace(s, status="completed"), 50 * MINUTE), ("RUN-02",)),
    Liar("RUN-03", "lists a run as running some seconds after its end", _listed(_last_status)),
    Liar("RUN-08", "dates every run anew at each read of the history",
         _listed(lambda _, now, item: item | {"created_at": iso(now)})),
    Liar("HIST-04", "leaves the second of three runs out of the history", histories(_middle_gone)),
    Liar("ACT-04", "finds a parked run once", _anew(_second_looked_up), ("ACT-01",)),
    Liar("CSV-05", "leaves the last row out of filter=all from the third download on",
         _anew(_reading, _shortened, "all"), ("RUN-08",)),
    Liar("CSV-04", "leaves the last row out of filter=valid from the third download on",
         _anew(_reading, _shortened, "valid"), ("RUN-08", "CSV-06")),
    Liar("RUN-08", "writes cells in capitals from the third download on", _anew(_reading, _upper, "all", "valid")),
    Liar("STALE-01", "lets an import of right rows be running for ever", lives(_restarts)),
    Liar("IDEM-03", "forgets a key once another import of the company has begun",
         around(Account.replayed, _key_of_the_last_run)),
    Liar("DEC-35", "takes decisions about rejected runs, and does nothing",
         handled("decide", _decides_about_ended), ("DEC-23",)),
)  # fmt: skip
