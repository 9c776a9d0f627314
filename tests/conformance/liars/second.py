"""Servers that are right about the first, and wrong about the second: company, import, file, sheet, question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bending import reads
from lies import App, Liar, Lie, rule
from places import all_of, around, handled, put
from rereading import first, known_run, told, written
from runlies import company_of

from mock_server.data import book as books
from mock_server.data import uploaded
from mock_server.data.csv_file import write_csv
from mock_server.kernel.clock import HOUR
from mock_server.kernel.errors import Refusal
from mock_server.preview import decisions, downloads
from mock_server.preview import operations as api
from mock_server.preview.account import Account, account_of
from mock_server.preview.companies import Ledger
from mock_server.preview.exports import ExportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest
    from rereading import Download
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.data.book import Book, Fix, Sheet
    from mock_server.data.templates import Column
    from mock_server.preview.beats import Complete
    from mock_server.preview.companies import Company, Upload
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun, Run
    from mock_server.session.exchange import Exchange as Call


def _latest_alone(honest: Callable[..., Run | None]) -> Callable[..., Run | None]:
    """Forget the keys of a company but that of its latest import."""

    def replayed(self: Ledger, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
        run = honest(self, company, kind, key, digest)
        return None if kind == "import" and company.imports and run is not company.imports[-1] else run

    return replayed


def _as_before(app: App, patch: pytest.MonkeyPatch) -> App:
    """Give a company that names no templates those of the one before."""
    kept: list[Any] = []

    def change(body: Any) -> None:
        if "template_ids" in body:
            kept[:] = [body["template_ids"]]
        elif kept:
            body["template_ids"] = kept[0]

    return reads("provision_company", change)(app, patch)


def _echo(call: Call, body: Any) -> None:
    if body["company"]["external_id"] is None:
        known = [each.external_id for each in account_of(call.session).companies.values() if each.external_id]
        body["company"]["external_id"] = known[-1] if known else None


def _not_first(change: Callable[[Any], object]) -> Lie:
    """A lie about each company of an account but the first."""

    def changed(call: Call, body: Any) -> None:
        if len(account_of(call.session).companies) > 1:
            change(body)

    return told("provision_company", changed)


def _unconfigured(body: Any) -> None:
    for each in body["connections"]:
        each["creds_configured"] = False


def _numbered(body: Any) -> None:
    for each in body["sheets"][1:]:
        each["name"] += " (2)"


def _not_first_import(change: Callable[[Company, Any], object]) -> Lie:
    """A lie about the answer to each start but a company's first."""

    def changed(call: Call, body: Any) -> None:
        company = company_of(call)
        if len(company.imports) > 1 and body["run_id"] == company.imports[-1].id:
            change(company, body)

    return told("start_import", changed)


def _kept_downloads() -> Lie:
    """A lie that keeps what a company's ended import left in a sheet, whatever is imported afterwards."""
    kept: dict[Any, Any] = {}

    def changed(each: Download, rows: list[Any]) -> list[Any]:
        if known_run(each.call, each.company) is None or not rows:
            return rows
        found: list[Any] = kept.setdefault((each.company.id, each.sheet.id, each.flagged, each.call.session.id), rows)
        return found

    return written(changed)


def _one_of_each(_: Call, body: Any) -> None:
    if "runs" in body:
        del body["runs"][1:]
        body["next_cursor"] = None


def _newer_report(call: Call, body: Any) -> None:
    last = company_of(call).imports[-1]
    state = last.life(call.now)
    if body["status"] == "completed" == state.status:
        body["report"] = last.report(state)


async def _last_alone(call: Call) -> None:
    run = call.subject.run
    if run is not None and len(company_of(call).imports) > 1 and company_of(call).imports[-1].id != run.id:
        raise Refusal(404, "no such import")


def _first_file(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Read the first file of an import that goes to a sheet, and no other one."""

    def files(company: Company, body: Any) -> Any:
        return honest(company, body)[:1]

    return files


def _looked_at_one(body: Any) -> None:
    if isinstance(body.get("files"), list) and isinstance(body["files"][0], dict):
        body["files"] = [each for each in body["files"] if each is body["files"][0] or "upload_ref" in each]


def _by_template(_: Call, body: Any) -> None:
    report = body.get("report") or {}
    for each in report.get("perSheet", ())[1:]:
        each["sheetId"] = each["sheetId"][:8] + body["run_id"][8:]


def _inline(honest: Handler) -> Handler:
    """Say of the first sheet alone that it is an attachment."""

    async def export_csv(call: Call) -> Response:
        response, sheets = await honest(call), company_of(call).sheets
        if call.query.get("sheet_id", sheets[0].id) != sheets[0].id:
            del response.headers["content-disposition"]
        return response

    return export_csv


def _sheets_of(each: Download) -> list[str]:
    return [sheet.id for sheet in each.company.sheets]


def _all_of_second(each: Download, rows: list[Any]) -> list[Any]:
    if each.book is None or each.sheet.id == _sheets_of(each)[0]:
        return rows
    return list(each.book.rows(each.sheet.id, flagged=True))


def _other_order(app: App, patch: pytest.MonkeyPatch) -> App:
    """Write the last column of the second template first."""
    second = app.world.catalogue.templates[1].id
    honest = downloads._csv

    def csv(sheet: Sheet, book: Book | None, *, flagged: bool) -> Iterator[bytes]:
        if sheet.template.id != second:
            return honest(sheet, book, flagged=flagged)
        names = [column.name for column in sheet.template.columns]
        rows = iter(()) if book is None else book.rows(sheet.id, flagged=flagged)
        return write_csv([names[-1], *names[:-1]], ((row[-1], *row[:-1]) for row in rows))

    put(patch, downloads._csv, csv)
    return app


def _without_empty(app: App, patch: pytest.MonkeyPatch) -> App:
    """Leave the sheets without a row out of a workbook."""
    honest = downloads.workbook_zip

    def whole(found: Sequence[tuple[Sheet, Book | None]], *, flagged: bool) -> Any:
        return honest([(sheet, book) for sheet, book in found if book is not None], flagged=flagged)

    put(patch, (api, downloads.workbook_zip), whole)
    return app


def _by_number(_: Call, body: Any) -> None:
    for column in body["templates"][1]["columns"]:
        column["unique"] = int(column["unique"])


def _questions(change: Callable[[list[Any]], object]) -> Lie:
    """A lie about the questions of a parking, wherever they are shown."""

    def changed(_: Call, body: Any) -> None:
        if isinstance(body, dict) and "needs_attention" in body:
            change(body["needs_attention"]["questions"])

    return all_of(told("poll_import", changed), told("list_imports", changed))


def _first_columns(found: list[Any]) -> None:
    for each in found[1:]:
        each["relevant_columns"] = found[0]["relevant_columns"]


def _all_a(found: list[Any]) -> None:
    for option in (option for each in found[1:] for option in each["options"]):
        option["id"] = "a"


def _learned(app: App, patch: pytest.MonkeyPatch) -> App:
    """Propose to everybody what somebody has answered for the same column."""
    learned: dict[Any, Fix] = {}
    honest = books.proposed_fix

    def proposed(column: Column, fails: Any) -> Fix:
        return learned.get((column.name, fails)) or honest(column, fails)

    def fixes(run: ImportRun, state: Life, answers: Sequence[Any]) -> list[Fix | None]:
        found = decisions.fixes(run, state, answers)
        for group, fix in zip(run.parked_book(state).groups, found, strict=True):
            if fix is not None and answers:
                learned[group.column.name, group.fails] = fix
        return found

    put(patch, (uploaded, books.proposed_fix), proposed)
    put(patch, (api, decisions.fixes), fixes)
    return app


def _for_ever(upload: Upload) -> Upload:
    if upload.token and upload.ref:
        upload.expires += 24 * HOUR
    return upload


def _second_for_ever(honest: Callable[..., Upload]) -> Callable[..., Upload]:
    def request_upload(self: Account, now: int, company_id: str, body: Any) -> Upload:
        upload = honest(self, now, company_id, body)
        return _for_ever(upload) if len(self.companies[company_id].uploads) > 1 else upload

    return request_upload


def _first_report() -> Lie:
    """A lie that shows the report of a company's first export for each later one."""
    kept: dict[str, list[bytes]] = {}
    honest = ExportRun.pieces

    def pieces(self: ExportRun, end: Complete) -> Iterator[bytes]:
        yield from kept.setdefault(self.company_id, list(honest(self, end)))

    return rule(ExportRun.pieces, pieces)


LIARS: tuple[Liar, ...] = (
    Liar("IDEM-03", "remembers the key of a company's latest import alone",
         around(Ledger.replayed, _latest_alone)),
    Liar("PROV-05", "gives a company that names no templates those of the one before", _as_before, ("PROV-04",)),
    Liar("PROV-07", "echoes the external id of the company before to one that has none",
         told("provision_company", _echo), ("SEC-02",)),
    Liar("PROV-19", "says of all companies but the first that they have no credentials", _not_first(_unconfigured)),
    Liar("PROV-06", "numbers the second sheet of all companies but the first", _not_first(_numbered)),
    Liar("IMP-04", "gives the URL of the first run when a company imports again",
         _not_first_import(lambda company, body: body.update(poll_url=company.imports[0].poll_url))),
    Liar("IMP-03", "says that a company's second import is running",
         _not_first_import(lambda _, body: body.update(status="running"))),
    Liar("CSV-05", "keeps what the first import left in a sheet for all downloads afterwards", _kept_downloads(),
         ("CSV-07", "DEC-05")),
    Liar("HIST-04", "has a history of one run, the latest", told("list_imports", _one_of_each), ("HIST-02",)),
    Liar("RUN-04", "shows the newest report of a company in each of its runs", told("poll_import", _newer_report),
         ("RUN-03", "SEC-02")),
    Liar("RUN-03", "does not know a run any more when another has begun", first("poll_import", _last_alone),
         ("RUN-04", "POLL-01")),
    Liar("UPL-06", "reads the first file of an import alone", around(api._files, _first_file),
         ("CSV-05", "CSV-07", "IMP-01")),
    Liar("IMP-07", "passes over a second file without `upload_ref`", reads("start_import", _looked_at_one)),
    Liar("POLL-09", "names no sheet of the company in the second entry of a report",
         told("poll_import", _by_template), ("ACT-06",)),
    Liar("CSV-01", "does not say of the second sheet that it is an attachment", handled("export_csv", _inline)),
    Liar("CSV-08", "writes the last column of the second template first", _other_order, ("TPL-06",)),
    Liar("CSV-04", "gives the flagged rows of the second sheet among the valid ones", written(_all_of_second),
         ("CSV-06", "CSV-03")),
    Liar("CSV-02", "leaves the sheets without a row out of a workbook", _without_empty),
    Liar("TPL-03", "writes `unique` of the second template as 0 or 1", told("list_templates", _by_number)),
    Liar("QUE-08", "names the columns of the first question in the second", _questions(_first_columns)),
    Liar("QUE-09", "gives all options of the second question one id", _questions(_all_a), ("DEC-11", "DEC-10")),
    Liar("DEC-36", "proposes to every company what one has answered for the same column", _learned),
    Liar("UPL-04", "lets the second URL of a company live for a day",
         around(Account.request_upload, _second_for_ever)),
    Liar("DST-04", "shows the report of a company's first export for each later one", _first_report(),
         ("DST-03", "DST-02", "DST-08")),
)  # fmt: skip
