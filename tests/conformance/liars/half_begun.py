"""Servers that lie when they refuse to begin: no import, company, file or export, and a part of it all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lies import App, Liar, Lie
from places import all_of, around, put
from runlies import company_of
from twisting import asks, refused

from mock_server.data import csv_file
from mock_server.data import uploaded as own
from mock_server.data.csv_file import Drift
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads, preconditions, uploads
from mock_server.preview import operations as api
from mock_server.preview.account import account_of
from mock_server.preview.companies import Company
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from starlette.responses import Response
    from twisting import Answers, Bend

    from mock_server.data.book import Book, Sheet
    from mock_server.preview.companies import Upload
    from mock_server.session.exchange import Exchange as Call

# -- refused starts


def _sheets_emptied(app: App, patch: pytest.MonkeyPatch) -> App:
    """The sheets are emptied before a start is looked at."""
    empty: dict[str, int] = {}

    def done(call: Call, _: Any, refusal: Refusal) -> None:
        if refusal.status == 400:
            empty[call.parameters["company_id"]] = len(company_of(call).imports)

    def bend(honest: Any) -> Any:
        def book(self: Company, sheet: Sheet, now: int) -> Book | None:
            found: Book | None = None if empty.get(self.id) == len(self.imports) else honest(self, sheet, now)
            return found

        return book

    return all_of(refused("start_import", done), around(Company.book, bend))(app, patch)


def _rows_added(app: App, patch: pytest.MonkeyPatch) -> App:
    """Rows of a start that is refused as the second are shown with those of the first."""
    added: dict[str, tuple[int, list[Any]]] = {}
    write: Any = downloads.sheet_csv

    def done(call: Call, body: Any, refusal: Refusal) -> None:
        if refusal.status == 409 and isinstance(body.get("rows"), list):
            company = company_of(call)
            lines = csv_file.read_rows(body["rows"], company.sheets[0].template)
            added[company.sheets[0].id] = len(company.imports), lines

    def sheet_csv(sheet: Any, book: Any, *, flagged: bool) -> Response:
        shown = book
        if book is not None and sheet.id in added:
            rows = [*book.rows(sheet.id, flagged=flagged), *added[sheet.id][1]]
            shown = own.check_tables([(sheet, rows, frozenset())], {})
        response: Response = write(sheet, shown, flagged=flagged)
        return response

    put(patch, (api, write), sheet_csv)
    return refused("start_import", done)(app, patch)


def _key_of_the_refused(call: Call, body: Any, refusal: Refusal) -> None:
    """The payload of a refused replay takes the place of the first one's."""
    key = body.get("idempotency_key")
    if refusal.status == 409 and "another payload" in refusal.text:
        keys = company_of(call).keys
        keys["import", key] = api._identity(body)[1], keys["import", key][1]


def _rows_of_the_refused(call: Call, body: Any, refusal: Refusal) -> None:
    """The run is given the rows of a replay that is refused."""
    if refusal.status != 409 or "another payload" not in refusal.text or not isinstance(body.get("rows"), list):
        return
    run = company_of(call).keys["import", body["idempotency_key"]][1]
    if isinstance(run, ImportRun) and run.book is not None and not run.approvals:
        run.book = own.book_of_rows(body["rows"], company_of(call).sheets, {})
        run.kept = None


def _key_used_by_busy(call: Call, body: Any, refusal: Refusal) -> None:
    """A start that meets another run uses up its key, for that run."""
    key = body.get("idempotency_key")
    company = company_of(call)
    if refusal.status == 409 and key is not None and ("import", key) not in company.keys:
        company.keys["import", key] = api._identity(body)[1], company.imports[-1]


def _first_files_stay(app: App, patch: pytest.MonkeyPatch) -> App:
    """Of an import that fails on its second file, the rows of the first one stay in the sheets."""
    stays: dict[str, Book] = {}
    honest, book_of_files = Company.book, own.book_of_files

    def read(files: Any, sheets: Any, held: Any, room: Any = None) -> Any:
        try:
            return book_of_files(files, sheets, held, room)
        except Drift:
            for sheet in sheets if len(files) > 1 else ():
                stays[sheet.id] = book_of_files(files[:1], sheets, held, None)
            raise

    def book(self: Company, sheet: Sheet, now: int) -> Book | None:
        last = self.imports[-1] if self.imports else None
        if last is not None and last.book is None and sheet.id in stays and last.life(now).status == "failed":
            return stays[sheet.id]
        return honest(self, sheet, now)

    put(patch, own.book_of_files, read)
    put(patch, Company.book, book)
    return app


def _blocked_by_strangers(app: App, patch: pytest.MonkeyPatch) -> App:
    """A start without a good key takes the lock of the company, and the next start finds it taken."""
    locked: set[str] = set()
    honest = preconditions.refuse_busy

    def refuse_busy(company: Company, now: int) -> None:
        if company.id in locked:
            locked.discard(company.id)
            raise Refusal(409, "an import of this company is in flight")
        honest(company, now)

    put(patch, (api, honest), refuse_busy)

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                parts = scope["path"].split("/")
                locked.update(parts[4:5] if scope["method"] == "POST" and parts[5:] == ["imports"] else ())
            await send(message)

        await app(scope, receive, sent if scope["path"].startswith("/api/") else send)

    return lying


# -- companies, files, exports


def _reserved(member: str, wanted: Callable[[Refusal], bool]) -> Lie:
    """A refused company takes its name or external id all the same."""

    def new() -> Bend:
        taken: set[Any] = set()

        async def bend(call: Call, body: Any, answer: Answers) -> Response:
            mine = call.session.key, body.get(member)
            try:
                if mine[1] is not None and mine in taken:
                    raise Refusal(409 if member == "external_id" else 400, f"{member} is in use")
                return await answer(body)
            except Refusal as refusal:
                if wanted(refusal) and isinstance(mine[1], str):
                    taken.add(mine)
                raise

        return bend

    return asks("provision_company", new)


def _second_file_counts(app: App, patch: pytest.MonkeyPatch) -> App:
    """A second file is refused, and lies in the place of the first."""
    honest = uploads.put

    async def lying(call: Call) -> Response:
        upload: Upload = account_of(call.session).tokens[call.scope["path"].removeprefix(uploads.PREFIX)]
        if call.scope["method"] != "PUT" or upload.file is None:
            return await honest(call)
        upload.file.seek(0)
        upload.file.truncate()
        async for piece in call.pieces(1 << 30):
            upload.file.write(piece)
        raise Refusal(403, "this upload URL was used before")

    put(patch, uploads.put, lying)
    return app


LIARS = (
    Liar("IMP-13", "empties the sheets before it refuses a start", _sheets_emptied),
    Liar("IMP-09", "adds the rows of a start that it refuses to the sheets", _rows_added, ("IMP-13",)),
    Liar("IMP-13", "uses up the key of a start that meets another run", refused("start_import", _key_used_by_busy)),
    Liar("IDEM-05", "takes the payload that it refused for that of the key",
         refused("start_import", _key_of_the_refused), ("IDEM-01", "IDEM-03", "IMP-13")),
    Liar("IDEM-05", "gives the run the rows of a payload that it refuses",
         refused("start_import", _rows_of_the_refused), ("IMP-13",)),
    Liar("RUN-09", "leaves the rows of the first file when the second cannot be read", _first_files_stay),
    Liar("AUTH-07", "finds a company busy after a start without a good key", _blocked_by_strangers),
    Liar("PROV-14", "takes the name of a company that it refuses for its external id",
         _reserved("name", lambda refusal: refusal.status == 409)),
    Liar("PROV-11", "takes the external id of a company that it refuses for its source",
         _reserved("external_id", lambda refusal: refusal.status == 404), ("PROV-01",)),
    Liar("PROV-16", "takes the external id of a company that it refuses for its name",
         _reserved("external_id", lambda refusal: "exists already" in refusal.text), ("PROV-01",)),
    Liar("PROV-15", "takes the name of a company that it refuses for its templates",
         _reserved("name", lambda refusal: "template_ids" in refusal.text), ("PROV-01",)),
    Liar("UPL-03", "puts a file that it refuses in the place of the first", _second_file_counts),
)  # fmt: skip
