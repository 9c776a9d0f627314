"""Ways to make a lie that shows only to who looks twice, later, at another company, or at many rows."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from places import handled, put
from runlies import company_of, everywhere

from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads
from mock_server.preview import operations as api
from mock_server.preview.account import account_of
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    import pytest
    from lies import App, Lie
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.data.book import Book, Row, Sheet
    from mock_server.preview.companies import Company
    from mock_server.preview.lifecycle import Life
    from mock_server.session.exchange import Exchange as Call

THIRD = 3
_downloading: ContextVar[Call] = ContextVar("downloading")


def told(operation: str, change: Callable[[Call, Any], Any]) -> Lie:
    """A lie about the JSON body of an operation's success: changed in place, or another one given."""

    def bend(honest: Handler) -> Handler:
        async def handler(call: Call) -> Response:
            response = await honest(call)
            body = orjson.loads(response.body)
            changed = change(call, body)
            return answer(body if changed is None else changed, response.status_code)

        return handler

    return handled(operation, bend)


def reread(operation: str, change: Callable[[Call, Any, int], Any]) -> Lie:
    """A lie that knows how often the same was read before, and gets the same status: this time included."""
    seen: Counter[tuple[Any, ...]] = Counter()

    def changed(call: Call, body: Any) -> Any:
        status = body.get("status") if isinstance(body, dict) else None
        key = call.session.id, call.scope["path"], call.scope["query_string"], status
        seen[key] += 1
        return change(call, body, seen[key])

    return told(operation, changed)


def refused(operation: str, instead: Callable[[Call, Refusal, Handler], Awaitable[Response | None]]) -> Lie:
    """A lie about an operation's refusals: `instead` answers, or gives None for the honest refusal."""

    def bend(honest: Handler) -> Handler:
        async def handler(call: Call) -> Response:
            try:
                return await honest(call)
            except Refusal as refusal:
                response = await instead(call, refusal, honest)
                if response is None:
                    raise
                return response

        return handler

    return handled(operation, bend)


def first(operation: str, look: Callable[[Call], Awaitable[Response | None]]) -> Lie:
    """A lie that looks at a call before the honest handler does, and may answer in its place."""

    def bend(honest: Handler) -> Handler:
        async def handler(call: Call) -> Response:
            response = await look(call)
            return await honest(call) if response is None else response

        return handler

    return handled(operation, bend)


async def body_of(call: Call) -> Any:
    """The JSON of a request, which stays to be read; None where it has none."""
    raw = await call.read()
    call.repeat_body(raw)
    try:
        return orjson.loads(raw)
    except ValueError:
        return None


def run_of(call: Call) -> ImportRun:
    """The import of the path."""
    run = account_of(call.session).runs[call.parameters["run_id"]]
    assert isinstance(run, ImportRun)
    return run


def state_of(call: Call) -> Life:
    """What the run of the path is."""
    return run_of(call).life(call.now)


class Download(NamedTuple):
    """One sheet that is about to be written."""

    call: Call
    company: Company
    sheet: Sheet
    flagged: bool
    """Whether all rows are wanted."""
    zipped: bool
    book: Book | None


class _Rows:
    """What is written in the place of a book."""

    def __init__(self, lines: list[Row]) -> None:
        self._lines = lines

    def rows(self, _: str, *, flagged: bool) -> Iterator[Row]:
        """The rows, whatever is asked for."""
        del flagged
        yield from self._lines


def written(change: Callable[[Download, list[Row]], Sequence[Row]]) -> Lie:
    """A lie about which rows a download holds."""
    sheet_csv, workbook_zip = downloads.sheet_csv, downloads.workbook_zip

    def bent(sheet: Sheet, book: Book | None, *, flagged: bool, zipped: bool) -> Any:
        call = _downloading.get()
        rows = [] if book is None else list(book.rows(sheet.id, flagged=flagged))
        return _Rows(list(change(Download(call, company_of(call), sheet, flagged, zipped, book), rows)))

    def one(sheet: Sheet, book: Book | None, *, flagged: bool) -> Any:
        return sheet_csv(sheet, bent(sheet, book, flagged=flagged, zipped=False), flagged=flagged)

    def whole(books: Sequence[tuple[Sheet, Book | None]], *, flagged: bool) -> Any:
        changed = [(sheet, bent(sheet, book, flagged=flagged, zipped=True)) for sheet, book in books]
        return workbook_zip(changed, flagged=flagged)

    def bend(honest: Handler) -> Handler:
        async def export_csv(call: Call) -> Response:
            _downloading.set(call)
            return await honest(call)

        return export_csv

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        put(patch, (api, downloads.sheet_csv), one)
        put(patch, (api, downloads.workbook_zip), whole)
        return handled("export_csv", bend)(app, patch)

    return make


def known_run(call: Call, company: Company) -> ImportRun | None:
    """The company's latest import that has ended, or None."""
    ended = [run for run in company.imports if run.life(call.now).terminal]
    return ended[-1] if ended else None


def elsewhere(make: Callable[[App], Callable[[Call, Refusal, Handler], Awaitable[Response | None]]], *at: str) -> Lie:
    """A lie about refusals of these operations that may look into every account of the server."""

    def lie(app: App, patch: pytest.MonkeyPatch) -> App:
        for operation in at:
            refused(operation, make(app))(app, patch)
        return app

    return lie


def of_any_account(*at: str) -> Lie:
    """A lie that finds companies of other accounts in these operations."""

    def make(app: App) -> Callable[[Call, Refusal, Handler], Awaitable[Response | None]]:
        async def instead(call: Call, refusal: Refusal, honest: Handler) -> Response | None:
            company = call.parameters.get("company_id")
            for session in everywhere(app):
                if refusal.status == 404 and company in account_of(session).companies and session is not call.session:
                    call.session = session
                    return await honest(call)
            return None

        return instead

    return elsewhere(make, *at)
