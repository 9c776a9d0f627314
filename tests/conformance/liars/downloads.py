"""Servers that lie about CSV downloads (CSV)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from bending import broken_off
from lies import Liar, Lie, answers, polls, rule
from starlette.responses import Response, StreamingResponse

from mock_server.data import book, csv_file
from mock_server.data.csv_file import write_csv
from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads, runs
from mock_server.preview import operations as api
from mock_server.preview.account import account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Rows = list[tuple[str, ...]]
_READ = csv_file.read_file
WRONG_FILTER = "filter must be"


def _rows(sheet: Any, book: Any, *, flagged: bool) -> Rows:
    return [] if book is None else list(book.rows(sheet.id, flagged=flagged))


def _lines(change: Callable[[Any, Rows, Rows, bool], tuple[Iterable[str], Rows]]) -> Lie:
    """A lie about header and rows: `change` is given sheet, valid rows, all rows and whether all were asked for."""

    def csv(sheet: Any, book: Any, *, flagged: bool) -> Iterator[bytes]:
        right, whole = (_rows(sheet, book, flagged=each) for each in (False, True))
        names, rows = change(sheet, right, whole, flagged)
        return write_csv(list(names), rows)

    return rule(downloads._csv, csv)


def _names(sheet: Any) -> list[str]:
    return [column.name for column in sheet.template.columns]


def _only(valid: Callable[[Rows, Rows], Rows], whole: Callable[[Rows, Rows], Rows]) -> Lie:
    """A lie about which rows there are with each of the filters."""
    return _lines(
        lambda sheet, right, every, flagged: (_names(sheet), (whole if flagged else valid)(right, every)),
    )


def _valid(right: Rows, _every: Rows) -> Rows:
    return right


def _all(_right: Rows, every: Rows) -> Rows:
    return every


def _sorted_columns(sheet: Any, right: Rows, every: Rows, flagged: bool) -> tuple[list[str], Rows]:
    names = _names(sheet)
    order = sorted(range(len(names)), key=names.__getitem__)
    return [names[at] for at in order], [tuple(row[at] for at in order) for row in (every if flagged else right)]


def _blanked(right: Rows, every: Rows) -> Rows:
    """The flagged rows as well, without what they hold."""
    return [row if row in right else ("",) * len(row) for row in every]


def _text(join: Callable[[list[tuple[str, ...]]], str], encoding: str = "utf-8") -> Lie:
    """A lie about how lines become text."""

    def made(names: list[str], rows: Iterable[tuple[str, ...]]) -> Iterator[bytes]:
        yield join([tuple(names), *rows]).encode(encoding, "replace")

    return rule((downloads, write_csv), made)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _joined(cell: Callable[[str], str]) -> Callable[[list[tuple[str, ...]]], str]:
    return lambda lines: "".join(",".join(map(cell, line)) + "\r\n" for line in lines)


def _semicolons(lines: list[tuple[str, ...]]) -> str:
    return "".join(";".join(map(_quoted, line)) + "\r\n" for line in lines)


def _known(query: dict[str, str]) -> dict[str, str]:
    return query if query.get("filter") in {"valid", "all", None} else query | {"filter": "valid"}


def _attached(kind: str | None = None, disposition: str | None = None, status: int = 200) -> Lie:
    """A lie about the answer's headers or code; an empty disposition leaves the header out."""

    def response(content: Iterator[bytes], media_type: str, headers: dict[str, str]) -> Response:
        name = "Content-Disposition"
        sent = {name: headers[name] if disposition is None else disposition}
        return StreamingResponse(
            content, status, {key: value for key, value in sent.items() if value}, kind or media_type
        )

    return rule((downloads, StreamingResponse), response)


def _zip(change: Callable[[list[Any]], list[Any]]) -> Lie:
    """A lie about which sheets, with their books, are in the ZIP."""
    honest = downloads.workbook_zip
    return rule((api, downloads.workbook_zip), lambda books, **flagged: honest(change(list(books)), **flagged))


def _asked(change: Callable[[dict[str, str]], dict[str, str]]) -> Lie:
    """A lie that answers a download as if another query had been sent."""
    honest = api.export_csv

    async def export_csv(call: Any) -> Any:
        return await honest(cast("Any", _Asked(call, change(call.query))))

    return _handled(export_csv)


class _Asked:
    """A call with another query."""

    def __init__(self, call: Any, query: dict[str, str]) -> None:
        self._call, self.query = call, query

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


def _handled(export_csv: Any) -> Lie:
    def make(app: Any, patch: Any) -> Any:
        patch.setitem(api.HANDLERS, "export_csv", export_csv)
        return app

    return make


async def _filter_needed(call: Any) -> Any:
    if "filter" not in call.query:
        raise Refusal(400, f"{WRONG_FILTER} 'valid' or 'all'; got none")
    return await api.export_csv(call)


async def _unknown_sheet_is_empty(call: Any) -> Any:
    company = account_of(call.session).company(call.parameters["company_id"])
    wanted = call.query.get("sheet_id")
    if wanted is not None and wanted not in {sheet.id for sheet in company.sheets}:
        return downloads.sheet_csv(company.sheets[0], None, flagged=True)
    return await api.export_csv(call)


async def _any_sheet(call: Any) -> Any:
    """Finds the sheet in whichever company of the account has it."""
    wanted = call.query.get("sheet_id")
    for company in account_of(call.session).companies.values():
        for sheet in company.sheets:
            if sheet.id == wanted and call.query.get("filter", "valid") in {"valid", "all"}:
                account_of(call.session).company(call.parameters["company_id"])
                flagged = call.query.get("filter") == "all"
                return downloads.sheet_csv(sheet, company.book(sheet, call.now), flagged=flagged)
    return await api.export_csv(call)


async def _makes_a_run(call: Any) -> Any:
    company = account_of(call.session).company(call.parameters["company_id"])
    answered = await api.export_csv(call)
    if company.imports:
        company.imports.append(replace(company.imports[-1], id=call.session.made_id("run")))
    return answered


async def _answers_later(call: Any) -> Any:
    await api.export_csv(call)
    return answer({"run_id": call.session.made_id("run"), "status": "queued"}, 202)


def _counts_the_header(body: Any) -> None:
    if body["status"] == "completed":
        body["report"]["perSheet"][0]["rowCount"] += 1
        body["report"]["inserted"] += 1


def _counts_one_more(rows: Any, *, parked: bool) -> Any:
    made = HONEST_REPORT(rows, parked=parked)
    return made if parked else made | {"invalidCellCount": min(made["invalidCellCount"] + 1, made["inserted"])}


HONEST_REPORT = book.report


def _refused_as(status: int) -> Lie:
    def bend(_method: str, path: str, sent: int, body: Any) -> tuple[int, Any]:
        wrong = path.endswith("/export.csv") and sent == 400 and WRONG_FILTER in str(body.get("error"))
        return (status if wrong else sent), body

    return answers(bend)


def _unknown_sheets_are_malformed(_method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    wrong = path.endswith("/export.csv") and status == 404 and "no sheet" in str(body.get("error"))
    return (400 if wrong else status), body


def _zip_of(*, flagged: bool) -> Lie:
    def zipped(books: Any, **_: Any) -> Any:
        return downloads.workbook_zip(books, flagged=flagged)

    return rule((api, downloads.workbook_zip), zipped)


def _unreadable(*_: Any) -> list[Any]:
    raise csv_file.Drift("no column of the file is known")


def _without_the_last(*of: Any) -> list[Any]:
    return _READ(*of)[:-1]


def _unquoted(*of: Any) -> list[Any]:
    return [tuple(cell.replace('"', "") for cell in row) for row in _READ(*of)]


def _of_sheet(scope: Any, _status: int) -> bool:
    return b"sheet_id" in scope["query_string"]


def _of_workbook(scope: Any, _status: int) -> bool:
    return str(scope["path"]).endswith(".csv") and not _of_sheet(scope, 200)


def _most(body: Any) -> None:
    report = body.get("report")
    if report:
        report["invalidCellCount"] = min(report["invalidCellCount"], 99)


def _mostly_valid(right: Rows, every: Rows) -> Rows:
    """The flagged rows as well, from the fifty-first on."""
    flagged = [row for row in every if row not in right]
    return [*right, *flagged[50:]]


LIARS = (
    Liar("CSV-05", "stops a download after 500 rows", _only(lambda r, _: r[:500], lambda _, e: e[:500])),
    Liar("CSV-04", "leaves out no more than fifty flagged rows", _only(_mostly_valid, _all), ("CSV-06",)),
    Liar("CSV-06", "counts no more than 99 flagged rows", polls(_most), ("POLL-11",)),
    Liar("CSV-01", "calls a sheet plain text", _attached("text/plain")),
    Liar("CSV-01", "shows a sheet inline", _attached(disposition="inline")),
    Liar("CSV-01", "sends a sheet without Content-Disposition", _attached(disposition="")),
    Liar("CSV-01", "answers a download with 203", _attached(status=203), ("CSV-12", "CSV-03", "CSV-09")),
    Liar("CSV-01", "breaks off the download of a sheet", broken_off(_of_sheet)),
    Liar("CSV-02", "breaks off the download of the workbook", broken_off(_of_workbook)),
    Liar("CSV-04", "zips the flagged rows, too", _zip_of(flagged=True), ("CSV-02", "CSV-03")),
    Liar("CSV-05", "zips no flagged rows, were they asked for", _zip_of(flagged=False), ("CSV-02",)),
    Liar("CSV-05", "fails the import of every file", rule(csv_file.read_file, _unreadable)),
    Liar("CSV-02", "zips the first sheet alone", _zip(lambda books: books[:1])),
    Liar("CSV-02", "zips sheets without their rows", _zip(lambda books: [(sheet, None) for sheet, _ in books])),
    Liar(
        "CSV-02",
        "answers for the workbook with the first sheet as CSV",
        rule(
            (api, downloads.workbook_zip),
            lambda books, **flagged: downloads.sheet_csv(*books[0], **flagged),
        ),
    ),
    Liar("CSV-03", "gives all rows when no filter is sent", _asked(lambda query: {"filter": "all"} | query)),
    Liar("CSV-03", "insists on a filter", _handled(_filter_needed)),
    Liar("CSV-04", "leaves flagged rows among the valid ones", _only(_all, _all), ("CSV-06",)),
    Liar("CSV-04", "blanks flagged rows instead of leaving them out", _only(_blanked, _all), ("CSV-06",)),
    Liar("CSV-05", "leaves flagged rows out of all rows", _only(_valid, _valid), ("CSV-06",)),
    Liar("CSV-05", "stops a download after two rows", _only(lambda r, _: r[:2], lambda _, e: e[:2]), ("CSV-07",)),
    Liar("CSV-05", "loses the last row of a file", rule(csv_file.read_file, _without_the_last)),
    Liar("CSV-05", "loses the quotes in a file", rule(csv_file.read_file, _unquoted)),
    Liar("CSV-05", "leaves cells of the last row empty", _only(_valid, lambda _, e: [*e[:-1], ("",) * 6][: len(e)])),
    Liar(
        "CSV-06", "leaves a right row out, too, when rows are flagged", _only(lambda r, e: r[len(r) < len(e) :], _all)
    ),
    Liar("CSV-06", "counts one flagged row too many", rule((runs, book.report), _counts_one_more)),
    Liar("CSV-07", "counts the header as a row that was inserted", polls(_counts_the_header), ("CSV-05",)),
    Liar("CSV-07", "gives the last row twice", _only(_valid, lambda _, every: every + every[-1:]), ("CSV-05",)),
    Liar("CSV-08", "sorts the columns by name", _lines(_sorted_columns), ("TPL-06",)),
    Liar(
        "CSV-08",
        "writes column names in lower case",
        _lines(lambda sheet, right, every, flagged: (map(str.lower, _names(sheet)), every if flagged else right)),
        ("TPL-06",),
    ),
    Liar("CSV-09", "quotes nothing", _text(_joined(str))),
    Liar("CSV-09", "does not double quotes", _text(_joined(lambda cell: f'"{cell}"'))),
    Liar("CSV-09", "doubles quotes with a backslash", _text(_joined(lambda cell: _quoted(cell).replace('""', '\\"')))),
    Liar("CSV-09", "puts a space for a line break", _text(_joined(lambda cell: _quoted(cell.replace("\n", " "))))),
    Liar("CSV-09", "writes Latin-1 and does not say so", _text(_joined(_quoted), "latin-1")),
    Liar("CSV-09", "writes semicolons", _text(_semicolons), ("CSV-08",)),
    Liar("CSV-10", "takes an unknown filter for valid", _asked(_known)),
    Liar("CSV-10", "answers an unknown filter with 404", _refused_as(404)),
    Liar("CSV-11", "gives an empty sheet for one that there is not", _handled(_unknown_sheet_is_empty)),
    Liar("CSV-11", "answers an unknown sheet with 400", answers(_unknown_sheets_are_malformed)),
    Liar("CSV-11", "gives sheets of other companies of the account", _handled(_any_sheet), ("SEC-02",)),
    Liar("CSV-12", "keeps a run for each download", _handled(_makes_a_run)),
    Liar("CSV-12", "answers a download with a run", _handled(_answers_later), ("CSV-01",)),
)
