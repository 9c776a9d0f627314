"""Servers that lie about runs that go stale, or ought to: in flight without an end, revived, decided, looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deciding import lives, taken
from lies import App, Liar, Lie
from places import around, put
from runlies import busy, company_of, run_bodies
from twisting import companies, import_of, looks, starts

from mock_server.data.book import report
from mock_server.http import messages as http
from mock_server.kernel.clock import HOUR
from mock_server.preview import history, lifecycle, runs
from mock_server.preview import operations as api
from mock_server.preview.account import Account
from mock_server.preview.beats import Queue
from mock_server.preview.lifecycle import FOREVER, TIMED_OUT, Approved, Life
from mock_server.preview.runs import ImportRun, Run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest
    from starlette.responses import Response
    from twisting import Answers

    from mock_server.data.book import Book
    from mock_server.preview.companies import Company
    from mock_server.session.exchange import Exchange as Call

    Answer = Callable[[], Awaitable[Response]]

_EMPTY = {"inserted": 0, "perSheet": [], "invalidCellCount": 0}
_BACK = 24 * HOUR
"""After how long an engine that was dead comes back."""


def _is_stale(state: Life) -> bool:
    return state.says == TIMED_OUT and state.status == "failed"


def _stale(_: ImportRun, state: Life) -> bool:
    return _is_stale(state)


# -- what becomes of it


def _said(body: dict[str, Any]) -> Callable[[ImportRun, Life, dict[str, Any]], None]:
    """A stale run is said to be this."""

    def change(_: ImportRun, state: Life, told: dict[str, Any]) -> None:
        if _is_stale(state):
            for name in set(told) - {"run_id"}:
                del told[name]
            told.update(body)

    return change


def _never_over_once_late(app: App, patch: pytest.MonkeyPatch) -> App:
    """A run that was approved an hour after its start works on for ever."""
    honest = lifecycle.life

    def life(script: Any, started: Any, events: Any, now: int, stale_after: int) -> Life:
        state = honest(script, started, events, now, stale_after)
        late = any(isinstance(each, Approved) and each.at >= started.at + HOUR for each in events)
        if late and state.status == "completed":
            return replace(state, status="running", until=None, says="Retrying (attempt 2 of 5)", end=None)
        return state

    put(patch, (runs, honest), life)
    return app


def _third_waits(honest: Any) -> Any:
    def start_import(self: Account, now: int, company_id: str, request: Any) -> Any:
        run, new = honest(self, now, company_id, request)
        if new and len(self.companies[company_id].imports) > 2:
            run.script, run.stale_after = (Queue(FOREVER // 2), *run.script), FOREVER
            run._state = None
        return run, new

    return start_import


def _stale_at_birth(honest: Any) -> Any:
    """Whether a run is alive is looked up at its company, and nobody sets that back."""

    def start_import(self: Account, now: int, company_id: str, request: Any) -> Any:
        imports = self.companies[company_id].imports
        before = bool(imports) and _is_stale(imports[-1].life(now))
        run, new = honest(self, now, company_id, request)
        if new and before:
            run.stale_after, run._state = 1, None
        return run, new

    return start_import


def _back_after_a_day(app: App, patch: pytest.MonkeyPatch) -> App:
    honest = Run.life

    def life(self: Run, now: int) -> Life:
        state = honest(self, now)
        if not _is_stale(state) or self.time(now) < state.since + _BACK:
            return state
        return Life("running", state.since + _BACK, None, "Retrying (attempt 2 of 5)", state.parkings)

    put(patch, Run.life, life)
    return app


def _revived_by_its_key(app: App, patch: pytest.MonkeyPatch) -> App:
    revived: dict[str, Life] = {}
    honest = Run.life

    def life(self: Run, now: int) -> Life:
        return revived.get(self.id) or honest(self, now)

    async def bend(call: Call, body: Any, answer: Answers) -> Response:
        company, key = companies(call).get(call.parameters["company_id"]), body.get("idempotency_key")
        if company is not None and ("import", key) in company.keys:
            run = company.keys["import", key][1]
            if _is_stale(run.life(call.now)):
                revived[run.id] = Life("running", call.now, None, "Retrying (attempt 2 of 5)")
        return await answer(body)

    put(patch, Run.life, life)
    return starts(bend)(app, patch)


def _with_report(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if _is_stale(state) and run.book is not None:
        body["report"] = report(run.book, parked=True)


def _rows_stay(honest: Any) -> Any:
    def visible_book(self: ImportRun, state: Life) -> Book | None:
        found: Book | None = self.book if _is_stale(state) else honest(self, state)
        return found

    return visible_book


# -- how it is read


def _polled(change: Callable[[Call, ImportRun, Life], Response | None]) -> Lie:
    """A lie about polls of stale runs; None for the truth."""

    async def bend(call: Call, answer: Answer) -> Response:
        response = await answer()
        found = import_of(call)
        if found is None or not _is_stale(found[1]):
            return response
        return change(call, *found) or response

    return looks("poll_import", lambda: bend)


def _counting(call: Call, run: ImportRun, state: Life) -> Response:
    return http.answer(run.described(state) | {"stale_for_ms": call.now - state.since})


def _gateway(_call: Call, _run: ImportRun, _state: Life) -> Response:
    return http.error(504, TIMED_OUT)


def _gone(call: Call, run: ImportRun, state: Life) -> Response | None:
    return http.error(404, f"no import {run.id} of this company") if call.now >= state.since + HOUR else None


def _completed_by_the_next(call: Call, run: ImportRun, _: Life) -> Response | None:
    if run is company_of(call).imports[-1]:
        return None
    return http.answer({"run_id": run.id, "status": "completed", "report": _EMPTY})


def _looked_up(tell: Callable[[Call, ImportRun, Life], Any]) -> Lie:
    """A lie of the active look-up where the latest run is stale; None for the truth."""

    async def bend(call: Call, answer: Answer) -> Response:
        response = await answer()
        imports = company_of(call).imports
        if call.query.get("status") != "active" or not imports or not _is_stale(imports[-1].life(call.now)):
            return response
        told = tell(call, imports[-1], imports[-1].life(call.now))
        return response if told is None else http.answer(told)

    return looks("list_imports", lambda: bend)


def _for_an_hour(call: Call, run: ImportRun, state: Life) -> Any:
    return run.described(state) if call.now < state.since + HOUR else None


def _unpolled(_: Call, run: ImportRun, __: Life) -> Any:
    polled = run.kept is not None and _is_stale(run.kept[0])
    return None if polled else {"run_id": run.id, "status": "running", "progress_message": "Importing"}


def _wrapped(_: Call, run: ImportRun, state: Life) -> Any:
    return {"run": run.described(state)}


def _listed_as_running(honest: Any) -> Any:
    def listed(self: ImportRun, state: Life) -> dict[str, Any]:
        item: dict[str, Any] = honest(self, state)
        return item | {"status": "running"} if _is_stale(state) else item

    return listed


def _left_out(honest: Any) -> Any:
    def page(company: Company, limit: int, before: int, now: int) -> dict[str, Any]:
        shown: dict[str, Any] = honest(company, limit, before, now)
        stale = {run.id for run in company.imports if _is_stale(run.life(now))}
        return shown | {"runs": [each for each in shown["runs"] if each["run_id"] not in stale]}

    return page


# -- what comes after it


def _blocks(company: Company, now: int, still: Callable[[ImportRun, Life], bool]) -> bool:
    if not company.imports:
        return False
    run = company.imports[-1]
    state = run.life(now)
    return not state.terminal or (_is_stale(state) and still(run, state))


def _unread(company: Company, now: int) -> bool:
    return _blocks(company, now, lambda run, _: run.kept is None or not _is_stale(run.kept[0]))


def _an_hour_more(company: Company, now: int) -> bool:
    return _blocks(company, now, lambda _, state: now < state.since + HOUR)


async def _key_is_free(call: Call, body: Any, answer: Answers) -> Response:
    company, key = companies(call).get(call.parameters["company_id"]), body.get("idempotency_key")
    known = None if company is None else company.keys.get(("import", key))
    if company is not None and known is not None and _is_stale(known[1].life(call.now)):
        del company.keys["import", key]
    return await answer(body)


LIARS = (
    Liar("STALE-01", "says that a stale run is completed", run_bodies(_said({"status": "completed", "report": _EMPTY})),
         ("STALE-04", "RUN-02")),
    Liar("STALE-01", "says that a stale run is canceled",
         lives(lambda state, _: _is_stale(state), status="canceled", says="")),
    Liar("STALE-01", "lets a run work for ever that was approved an hour after its start", _never_over_once_late,
         ("DEC-27", "DEC-05")),
    Liar("STALE-01", "lets a company's third run wait for ever", around(Account.start_import, _third_waits)),
    Liar("STALE-02", "looks up a run that went stale within the hour", _looked_up(_for_an_hour), ("ACT-02", "ACT-05")),
    Liar("STALE-02", "looks a stale run up as a running one until it is polled", _looked_up(_unpolled)),
    Liar("STALE-02", "looks up a stale run within `run`", _looked_up(_wrapped), ("ACT-02", "ACT-05")),
    Liar("STALE-02", "lists a stale run as running", around(ImportRun.listed, _listed_as_running),
         ("STALE-01", "HIST-04")),
    Liar("HIST-04", "leaves stale runs out of the history", around((api, history.page), _left_out)),
    Liar("STALE-03", "is busy with a stale run until somebody reads it", busy(_unread)),
    Liar("STALE-03", "is busy with a stale run for another hour", busy(_an_hour_more)),
    Liar("STALE-04", "lets a run that was stale for a day work again", _back_after_a_day, ("RUN-03",)),
    Liar("STALE-04", "lets a stale run work again when its key comes again", _revived_by_its_key,
         ("RUN-03", "IDEM-03")),
    Liar("STALE-04", "completes a stale run when the next one begins", _polled(_completed_by_the_next), ("RUN-03",)),
    Liar("STALE-05", "holds the import after a stale one for stale", around(Account.start_import, _stale_at_birth),
         ("STALE-03",)),
    Liar("DEC-23", "says yes to a decision on a stale run", taken("failed", when=_stale), ("STALE-04",)),
    Liar("IDEM-03", "starts anew with the key of a stale run", starts(_key_is_free)),
    Liar("RUN-09", "leaves the rows of a stale run in its sheets", around(ImportRun.visible_book, _rows_stay)),
    Liar("POLL-15", "reports the rows of a stale run", run_bodies(_with_report)),
    Liar("RUN-04", "tells how long a run has been stale", _polled(_counting), ("RUN-03",)),
    Liar("ERR-09", "answers a poll of a stale run as a gateway does", _polled(_gateway), ("ERR-06", "STALE-01")),
    Liar("POLL-01", "forgets a run that was stale for an hour", _polled(_gone), ("RUN-03", "RUN-04", "STALE-04")),
)  # fmt: skip
