"""Servers that lie where few come: exports, runs that complete with flags, were rejected, canceled, or park again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from deciding import taken
from lies import Liar, Lie
from places import around
from runlies import busy, company_of, histories, run_bodies
from twisting import asks, companies, import_of, looks, starts

from mock_server.data.book import report
from mock_server.http import messages as http
from mock_server.kernel.clock import HOUR
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads
from mock_server.preview.account import Account
from mock_server.preview.exports import ExportRun, Selection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.responses import Response
    from twisting import Answers

    from mock_server.data.book import Book, Sheet
    from mock_server.preview.beats import Complete
    from mock_server.preview.companies import Company, Upload
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun
    from mock_server.session.exchange import Exchange as Call


# -- exports


def _exported(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Lie:
    """A lie about what a completed export is said to be."""

    def bend(honest: Any) -> Any:
        def pieces(self: ExportRun, end: Complete) -> Iterator[bytes]:
            body = orjson.loads(b"".join(honest(self, end)))
            yield orjson.dumps(change(body) or body)

        return pieces

    return around(ExportRun.pieces, bend)


def _hollow_apart(body: dict[str, Any]) -> None:
    told = body["report"]
    told["succeeded"] -= sum(each["fields_confirmed"] is False for each in told["results"])


def _one_error(body: dict[str, Any]) -> None:
    for each in [each for each in body["report"]["results"] if not each["ok"]][1:]:
        each.pop("error", None)


def _no_null(body: dict[str, Any]) -> None:
    for each in body["report"]["results"]:
        if each["fields_confirmed"] is None:
            del each["fields_confirmed"]


def _asks_back(body: dict[str, Any]) -> dict[str, Any] | None:
    return body | {"status": "needs_attention"} if body["report"]["failed"] else None


def _fails_of_one(body: dict[str, Any]) -> dict[str, Any] | None:
    failed = body["report"]["failed"]
    return {"status": "failed", "error": f"{failed} writes were refused"} if failed else None


def _completed_after_all(honest: Any) -> Any:
    def described(self: ExportRun, state: Life) -> dict[str, Any]:
        body: dict[str, Any] = honest(self, state)
        if body["status"] != "failed":
            return body
        told = {"mode": self.mode, "total": 0, "succeeded": 0, "failed": 0, "results": []}
        return {"status": "completed", "report": told}

    return described


def _counts(bend: Callable[[Selection, Sheet, Book, int], int]) -> Lie:
    """A lie about how many rows of a sheet an export writes, by the honest number."""

    def around_count(honest: Any) -> Any:
        def count(self: Selection, sheet: Sheet, book: Book) -> int:
            return bend(self, sheet, book, honest(self, sheet, book))

        return count

    return around(Selection.count, around_count)


def _two_of_each(chosen: Selection, sheet: Sheet, book: Book, honest: int) -> int:
    clean = next(count.clean for count in book.counts if count.sheet.id == sheet.id)
    return min(2, clean) if chosen.first_only and honest else honest


def _flagged_too(chosen: Selection, sheet: Sheet, book: Book, honest: int) -> int:
    if chosen.first_only or chosen.row_filter or not honest:
        return honest
    return honest + next(count.flagged for count in book.counts if count.sheet.id == sheet.id)


async def _replayed_as_import(_: Call, body: Any, answer: Answers) -> Response:
    response = await answer(body)
    if response.status_code != 200:
        return response
    told = orjson.loads(bytes(response.body))
    return http.answer(told | {"poll_url": told["poll_url"].replace("/exports/", "/imports/")})


# -- runs that complete with rows flagged


def _flagged(run: ImportRun, state: Life) -> bool:
    told = run.report(state) if state.status == "completed" else None
    return bool(told and told["invalidCellCount"])


def _nothing_flagged(_run: Any, state: Life, body: dict[str, Any]) -> None:
    if body["status"] == "completed" and state.parkings:
        body["report"]["invalidCellCount"] = 0


def _still_asking(_run: Any, _state: Any, body: dict[str, Any]) -> None:
    if body["status"] == "completed" and body["report"]["invalidCellCount"]:
        body["needs_attention"] = {"questions": [], "proposed_patch": {"summary": "Nothing is left.", "actions": []}}


def _blocks_when(ended: Callable[[ImportRun, Life], bool]) -> Lie:
    """A company is busy while its latest import is under way, or has ended like this."""

    def blocks(company: Company, now: int) -> bool:
        if not company.imports:
            return False
        run = company.imports[-1]
        state = run.life(now)
        return not state.terminal or ended(run, state)

    return busy(blocks)


def _active_when(ended: Callable[[ImportRun, Life], bool]) -> Lie:
    """The look-up shows the latest import for active that has ended like this."""

    async def bend(call: Call, answer: Callable[[], Awaitable[Response]]) -> Response:
        response = await answer()
        imports = company_of(call).imports
        if call.query.get("status") != "active" or not imports:
            return response
        state = imports[-1].life(call.now)
        return http.answer(imports[-1].body(call.now)) if ended(imports[-1], state) else response

    return looks("list_imports", lambda: bend)


# -- runs that were rejected, failed or canceled


async def _anew_after_reject(call: Call, body: Any, answer: Answers) -> Response:
    company, key = companies(call).get(call.parameters["company_id"]), body.get("idempotency_key")
    if company is not None and ("import", key) in company.keys:
        run = company.keys["import", key][1]
        if run.life(call.now).rejected:
            del company.keys["import", key]
    return await answer(body)


async def _rejected_twice(call: Call, body: Any, answer: Answers) -> Response:
    found = import_of(call)
    if found is not None and found[1].rejected and body == {"decision": "reject"}:
        return http.answer(found[0].accepted("failed"))
    return await answer(body)


async def _empty_zip(call: Call, answer: Callable[[], Awaitable[Response]]) -> Response:
    company = companies(call).get(call.parameters["company_id"])
    whole = "sheet_id" not in call.query and call.query.get("filter", "valid") == "valid"
    if whole and company is not None and company.imports and company.imports[-1].life(call.now).rejected:
        return downloads.workbook_zip([(sheet, None) for sheet in company.sheets], flagged=False)
    return await answer()


def _nothing_wrong_any_more(_run: Any, state: Life, body: dict[str, Any]) -> None:
    if body["status"] == "failed" and state.rejected:
        body["report"]["invalidCellCount"] = 0


def _with_its_report(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if body["status"] == "canceled" and state.parkings:
        body["report"] = report(run.parked_book(state), parked=True)


def _later_urls_last(honest: Any) -> Any:
    def request_upload(self: Account, now: int, company_id: str, body: Any) -> Upload:
        upload: Upload = honest(self, now, company_id, body)
        if len(self.companies[company_id].uploads) > 1:
            upload.expires += 23 * HOUR
        return upload

    return request_upload


# -- runs that park again


async def _two_decisions(call: Call, body: Any, answer: Answers) -> Response:
    found = import_of(call)
    if found is not None and found[1].status == "needs_attention" and len(found[1].parkings) > 2:
        raise Refusal(409, "the run was decided twice before")
    return await answer(body)


async def _no_replay_of_the_second(call: Call, body: Any, answer: Answers) -> Response:
    company, key = companies(call).get(call.parameters["company_id"]), body.get("idempotency_key")
    if company is not None and ("import", key) in company.keys:
        state = company.keys["import", key][1].life(call.now)
        if state.status == "needs_attention" and len(state.parkings) > 1:
            raise Refusal(409, "an import of this company is in flight")
    return await answer(body)


def _questions_alike(_run: Any, state: Life, body: dict[str, Any]) -> None:
    if body["status"] == "needs_attention" and len(state.parkings) > 1:
        questions = body["needs_attention"]["questions"]
        for each in questions:
            each["id"] = questions[0]["id"]


def _no_choice(_run: Any, state: Life, body: dict[str, Any]) -> None:
    if body["status"] == "needs_attention" and len(state.parkings) > 1:
        for each in body["needs_attention"]["questions"]:
            each.update(options=[], allow_custom=False)


def _given_up(_run: Any, state: Life, body: dict[str, Any]) -> None:
    if state.rejected and len(state.parkings) > 1:
        for name in set(body) - {"run_id", "status"}:
            del body[name]
        body["status"] = "canceled"


def _drifted(_run: ImportRun, state: Life) -> bool:
    return state.status == "failed" and not state.rejected and state.beat is not None


LIARS = (
    Liar("DST-01", "gives a replayed export the path of an import", asks("start_export", lambda: _replayed_as_import),
         ("DST-09",)),
    Liar("DST-03", "writes two rows of each template as a canary", _counts(_two_of_each)),
    Liar("DST-04", "counts hollow writes neither as succeeded nor as failed", _exported(_hollow_apart)),
    Liar("DST-05", "tells the error of the first refused write alone", _exported(_one_error)),
    Liar("DST-05", "fails as a whole when a single write is refused", _exported(_fails_of_one)),
    Liar("DST-06", "completes an export that its destination did not let begin",
         around(ExportRun.described, _completed_after_all)),
    Liar("DST-07", "leaves `fields_confirmed` out where nothing was read back", _exported(_no_null)),
    Liar("DST-08", "writes rows that were kept flagged", _counts(_flagged_too)),
    Liar("DST-10", "asks back when a write is refused", _exported(_asks_back)),
    Liar("CSV-06", "counts no flagged row once a run was approved", run_bodies(_nothing_flagged),
         ("POLL-11", "DEC-09")),
    Liar("POLL-13", "has a run that completes with flagged rows ask on", run_bodies(_still_asking)),
    Liar("IMP-11", "is busy after a run that completed with flagged rows", _blocks_when(_flagged)),
    Liar("ACT-05", "looks up a run that completed with flagged rows", _active_when(_flagged), ("ACT-02",)),
    Liar("DEC-23", "says yes to decisions on a run that completed with flagged rows",
         taken("completed", when=_flagged), ("DEC-24",)),
    Liar("IDEM-03", "starts anew with the key of a rejected run", starts(_anew_after_reject)),
    Liar("DEC-24", "rejects a run twice", asks("decide", lambda: _rejected_twice), ("DEC-23", "DEC-35")),
    Liar("DEC-33", "gives an empty workbook after a rejection", looks("export_csv", lambda: _empty_zip), ("CSV-02",)),
    Liar("DEC-32", "counts no flagged row once a run was rejected", run_bodies(_nothing_wrong_any_more)),
    Liar("HIST-04", "leaves failed runs out of the history",
         histories(lambda items: [each for each in items if each["status"] != "failed"])),
    Liar("IMP-11", "is busy after a run that could not read its columns", _blocks_when(_drifted)),
    Liar("POLL-16", "leaves a run that was canceled while parked its report", run_bodies(_with_its_report)),
    Liar("ACT-05", "looks up a canceled run", _active_when(lambda _, state: state.status == "canceled"), ("ACT-02",)),
    Liar("UPL-04", "lets a company's second URL last for a day", around(Account.request_upload, _later_urls_last)),
    Liar("DEC-29", "takes two decisions on a run at the most", asks("decide", lambda: _two_decisions)),
    Liar("IDEM-04", "does not find a run that has parked again by its key",
         starts(_no_replay_of_the_second)),
    Liar("QUE-02", "gives all questions of a later parking one id", run_bodies(_questions_alike)),
    Liar("QUE-10", "leaves nothing to answer with in a later parking", run_bodies(_no_choice)),
    Liar("DEC-31", "cancels a run that is rejected at its second parking", run_bodies(_given_up), ("RUN-02", "DEC-32")),
)  # fmt: skip
