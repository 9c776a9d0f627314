"""Servers that are right about a few, and wrong about many: rows, flagged ones, runs, companies, pages."""

from __future__ import annotations

import re
from contextvars import ContextVar
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
from deciding import carried_out, cells
from lies import App, Liar, Lie
from places import all_of, around, handled, put
from rereading import told, written
from runlies import company_of

from mock_server.data import csv_file, uploaded
from mock_server.data import rules as checking
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads, history
from mock_server.preview import operations as api
from mock_server.preview.account import Account
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pytest
    from deciding import Decided
    from rereading import Download
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.data.book import Row
    from mock_server.data.rules import Faults
    from mock_server.data.uploaded import Table
    from mock_server.preview.companies import Company
    from mock_server.session.exchange import Exchange as Call

THOUSAND, PAGE, HUNDRED, TWENTY, FIVE = 1_000, 500, 100, 20, 5


def _rows(change: Callable[[Download, list[Any]], Sequence[Any]], more: int) -> Lie:
    """A lie about downloads of a sheet with more rows than so many."""
    return written(lambda each, rows: change(each, rows) if len(rows) > more else rows)


def _twice_at_piece(_: Download, rows: list[Any]) -> list[Any]:
    return list(chain.from_iterable((row, row) if at % PAGE == 0 else (row,) for at, row in enumerate(rows, 1)))


def _header_again(each: Download, rows: list[Any]) -> list[Any]:
    names = tuple(column.name for column in each.sheet.template.columns)
    return [*rows[:PAGE], names, *rows[PAGE:]]


def _short_zip(each: Download, rows: list[Any]) -> list[Any]:
    return rows[:THOUSAND] if each.zipped else rows


def _unquoted(honest: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
    """Write the rows behind the first page as they are, without quotes."""

    def write_csv(names: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
        found = list(rows)
        yield from honest(names, found[:PAGE])
        yield "".join(",".join(row) + "\r\n" for row in found[PAGE:]).encode()

    return write_csv


def _polled(change: Callable[[dict[str, Any]], object], *statuses: str) -> Lie:
    """A lie about the report of a run in one of these states, wherever its body is shown."""

    def changed(_: Call, body: Any) -> None:
        if isinstance(body, dict) and body.get("status") in statuses and "report" in body:
            change(body["report"])

    return all_of(told("poll_import", changed), told("list_imports", changed))


def _a_page_of_each(report: dict[str, Any]) -> None:
    for each in report["perSheet"]:
        each["rowCount"] = min(each["rowCount"], PAGE)


def _capped(report: dict[str, Any]) -> None:
    report["invalidCellCount"] = min(report["invalidCellCount"], HUNDRED - 1)


def _in_pages(report: dict[str, Any]) -> None:
    report["inserted"] = min(report["inserted"], THOUSAND)
    for each in report["perSheet"]:
        each["rowCount"] = min(each["rowCount"], THOUSAND)


def _capped_questions(_: Call, body: Any) -> None:
    if isinstance(body, dict) and "needs_attention" in body:
        for question in body["needs_attention"]["questions"]:
            question["target"]["affected_count"] = min(question["target"]["affected_count"], HUNDRED)


def _many_samples(_: Call, body: Any) -> None:
    if isinstance(body, dict) and "needs_attention" in body:
        for question in body["needs_attention"]["questions"]:
            if question["target"]["affected_count"] > TWENTY:
                question["target"]["sample_values"] += ["…"]


def _fractions(honest: Handler) -> Handler:
    """Write large counts as numbers with a fraction."""

    async def poll_import(call: Call) -> Response:
        response = await honest(call)
        raw = re.sub(rb'("(?:inserted|rowCount)":)(\d{4,})\b', rb"\1\2.0", bytes(response.body))
        response.body = raw
        response.headers["content-length"] = str(len(raw))
        return response

    return poll_import


def _some(most: int) -> Callable[[Table, list[int], int], list[int]]:
    return lambda _, found, __: found[:most]


def _quietly(most: int) -> Lie:
    """A lie that sets the first cells of a group, and passes the others as if they were right."""
    honest, after = uploaded.check_tables, uploaded._after
    passed: ContextVar[frozenset[tuple[int, int]]] = ContextVar("passed", default=frozenset())

    def fixed(table: Table, mine: Decided) -> Table:
        result = after(table, mine)
        lines = list(result.lines)
        for group, fix in mine:
            number = table.sheet.template.index(group.column.name)
            if fix.action == "set_value":
                for at in list(table.faults[number, group.fails])[most:]:
                    line, was = lines[at], table.lines[at]
                    if line is not None and was is not None:
                        lines[at] = (*line[:number], was[number], *line[number + 1 :])
                        passed.set(passed.get() | {(number, at)})
        return result._replace(lines=lines)

    def faults(template: Any, rows: Sequence[Row | None], linked: Any) -> Faults:
        found = checking.faults(template, rows, linked)
        kept = {place: [at for at in ats if (place[0], at) not in passed.get()] for place, ats in found.items()}
        return {place: ats for place, ats in kept.items() if ats}

    def check_tables(tables: Any, held: Any) -> Any:
        found = honest(list(tables), held)
        passed.set(frozenset())
        return found

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        put(patch, uploaded._after, fixed)
        put(patch, (uploaded, checking.faults), faults)
        put(patch, uploaded.check_tables, check_tables)
        return app

    return make


def _unseen(honest: Callable[..., Faults]) -> Callable[..., Faults]:
    """Check the first page of rows alone."""

    def faults(template: Any, rows: Sequence[Row | None], linked: Any) -> Faults:
        found = {place: [at for at in ats if at < PAGE] for place, ats in honest(template, rows, linked).items()}
        return {place: ats for place, ats in found.items() if ats}

    return faults


def _in_chunks(honest: Callable[..., Faults]) -> Callable[..., Faults]:
    """Look for a value that was there before in the same hundred rows alone."""

    def faults(template: Any, rows: Sequence[Row | None], linked: Any) -> Faults:
        found = dict(honest(template, rows, linked))
        for place in [each for each in found if each[1] == "unique"]:
            number, ats = place[0], []
            for at in found[place]:
                row, start = rows[at], at - at % HUNDRED
                before = [line[number] for line in rows[start:at] if line is not None]
                if row is not None and row[number] in before:
                    ats.append(at)
            found[place] = ats
        return {place: ats for place, ats in found.items() if ats}

    return faults


def _overlapping(honest: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Begin each page but the first with the last run of the page before."""

    def page(company: Company, limit: int, before: int, now: int) -> dict[str, Any]:
        found = honest(company, limit, before, now)
        if before < len(company.imports):
            run = company.imports[before]
            found["runs"] = [run.listed(run.life(now)), *found["runs"]]
        return found

    return page


def _endless(honest: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Name the last page of several as the one that follows it."""

    def page(company: Company, limit: int, before: int, now: int) -> dict[str, Any]:
        found = honest(company, limit, before, now)
        if found["next_cursor"] is None and before < len(company.imports):
            found["next_cursor"] = history._cursor(before)
        return found

    return page


def _by_id(_: Call, body: Any) -> None:
    """Put the runs of one second in the order of their ids."""
    if "runs" in body and len(body["runs"]) > 2:
        body["runs"].sort(key=lambda each: (each["created_at"][:17], each["run_id"]), reverse=True)


def _pages_turned(call: Call, body: Any) -> None:
    if "runs" in body and "cursor" in call.query:
        body["runs"].reverse()


def _latest_companies(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Know the five companies that were provisioned last."""

    def known(self: Account, company_id: str) -> Company | None:
        found: Company | None = honest(self, company_id)
        forgotten = list(self.companies)[:-FIVE]
        return None if company_id in forgotten else found

    return known


def _few_at_once(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Let three companies import side by side, and no fourth."""

    def start_import(self: Account, now: int, company_id: str, request: Any) -> Any:
        others = [each for each in self.companies.values() if each.id != company_id and each.active(now)]
        if len(others) >= FIVE - 2 and not self.companies[company_id].imports:
            raise Refusal(409, "too many imports of this account are in flight")
        return honest(self, now, company_id, request)

    return start_import


def _one_path_one_budget(app: App, patch: pytest.MonkeyPatch) -> App:
    """Count the calls of each URL, not those of each endpoint."""
    path: ContextVar[str] = ContextVar("path", default="")
    honest = Session.admit

    def admit(self: Session, now: int, operation_id: str, own: Any = None) -> bool:
        return honest(self, now, operation_id + path.get(), own)

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        path.set(scope["path"])
        await app(scope, receive, send)

    put(patch, Session.admit, admit)
    return lying


def _of_all_imports(call: Call, body: Any) -> None:
    """Count the flagged rows of all imports of the company together."""
    runs = [run for run in company_of(call).imports if run.life(call.now).status == "completed"]
    reports = [run.report(run.life(call.now)) for run in runs]
    if body["status"] == "completed":
        body["report"]["invalidCellCount"] = sum(each["invalidCellCount"] for each in reports if each is not None)


def _cut_inline(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Take the first thousand rows of a body, and say nothing of the others."""

    def read_rows(rows: Sequence[Mapping[str, Any]], template: Any) -> Any:
        return honest(rows[:THOUSAND], template)

    return read_rows


def _few_answers(_: Table, mine: Decided) -> Decided:
    """Carry out the first two fixes for a sheet alone."""
    return mine[:2]


def _many_and_same(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Compare the first ten thousand bytes of two payloads alone."""

    def identity(body: Mapping[str, Any]) -> Any:
        rows = body.get("rows")
        if rows is None:
            return honest(body)
        raw = orjson.dumps(rows)[: TWENTY * PAGE]
        return honest({**body, "rows": raw.decode("utf-8", "ignore")})

    return identity


LIARS: tuple[Liar, ...] = (
    Liar("CSV-05", "writes the first thousand rows of a sheet", _rows(lambda _, rows: rows[:THOUSAND], THOUSAND),
         ("CSV-07", "CSV-06")),
    Liar("CSV-07", "writes each five hundredth row twice", _rows(_twice_at_piece, PAGE), ("CSV-05", "CSV-06")),
    Liar("CSV-08", "writes the header once more behind five hundred rows", _rows(_header_again, PAGE),
         ("CSV-05", "CSV-07", "CSV-06", "CSV-04")),
    Liar("CSV-02", "writes the first thousand rows of a sheet in a workbook", _rows(_short_zip, THOUSAND),
         ("CSV-05",)),
    Liar("CSV-09", "writes rows without quotes behind the first five hundred",
         around((downloads, csv_file.write_csv), _unquoted), ("CSV-05", "CSV-07")),
    Liar("POLL-10", "counts five hundred rows of a sheet at most", _polled(_a_page_of_each, "completed"),
         ("POLL-08",)),
    Liar("CSV-06", "counts 99 flagged rows at most", _polled(_capped, "completed"), ("POLL-11", "DEC-09")),
    Liar("POLL-11", "counts 99 flagged rows at most at a parking", _polled(_capped, "needs_attention"),
         ("QUE-06",)),
    Liar("CSV-07", "counts a thousand rows at most", _polled(_in_pages, "completed"), ("POLL-12", "POLL-10")),
    Liar("QUE-06", "counts a hundred rows at most in a question",
         all_of(told("poll_import", _capped_questions), told("list_imports", _capped_questions))),
    Liar("QUE-07", "adds an ellipsis to the samples of many rows",
         all_of(told("poll_import", _many_samples), told("list_imports", _many_samples))),
    Liar("FMT-03", "writes counts of a thousand and more with a fraction", handled("poll_import", _fractions),
         ("POLL-08", "POLL-06")),
    Liar("DEC-06", "sets the first hundred cells of a group and takes the others for right", _quietly(HUNDRED),
         ("DEC-05", "DEC-27", "CSV-04")),
    Liar("DEC-07", "drops fifty invalid rows at most", cells("delete_invalid_rows", _some(50)),
         ("DEC-05", "DEC-27")),
    Liar("DEC-09", "keeps fifty rows at most flagged as they are", cells("keep", _some(50)), ("DEC-10",)),
    Liar("DEC-08", "finds duplicates within a hundred rows alone", around((uploaded, checking.faults), _in_chunks),
         ("POLL-11", "CSV-04")),
    Liar("CSV-04", "checks the first five hundred rows of an import alone",
         around((uploaded, checking.faults), _unseen), ("POLL-11", "CSV-06")),
    Liar("CSV-07", "takes a thousand rows of a body and says nothing of the others",
         around(csv_file.read_rows, _cut_inline), ("CSV-05", "IMP-02")),
    Liar("HIST-02", "begins each further page with the last run of the page before",
         around((api, history.page), _overlapping)),
    Liar("HIST-02", "names the last page of several as the next one", around((api, history.page), _endless)),
    Liar("HIST-01", "orders the runs of one minute by their ids", told("list_imports", _by_id), ("HIST-03",)),
    Liar("HIST-01", "turns each further page round", told("list_imports", _pages_turned)),
    Liar("AUTH-05", "knows the five companies alone that were provisioned last",
         around(Account.known, _latest_companies)),
    Liar("IMP-12", "lets no fourth company import beside three others", around(Account.start_import, _few_at_once),
         ("IMP-01", "IMP-02")),
    Liar("RATE-01", "counts the calls of each URL, not of each endpoint", _one_path_one_budget, rate_limit=100),
    Liar("CSV-06", "counts in a report the flagged rows of all imports of the company",
         told("poll_import", _of_all_imports), ("RUN-04", "RUN-03", "POLL-11")),
    Liar("DEC-05", "carries out two actions of a patch on each sheet", carried_out(_few_answers),
         ("DEC-07", "DEC-08", "DEC-27")),
    Liar("IDEM-05", "compares the first ten thousand bytes of two payloads", around(api._identity, _many_and_same)),
)  # fmt: skip
