"""Servers that take one thing for another that is like it: of one size, with one beginning, at one moment."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from deciding import tolerant
from lies import App, Liar, Lie, rule
from places import around, handled
from rereading import body_of, elsewhere, first, reread, told, written
from runlies import company_of, everywhere

from conformance.preview.suite import KEY, OTHER
from mock_server.data import csv_file, uploaded
from mock_server.http.messages import answer
from mock_server.kernel.clock import SECOND
from mock_server.kernel.errors import Refusal
from mock_server.preview import operations as api
from mock_server.preview.account import Account, account_of
from mock_server.preview.companies import Company, Ledger
from mock_server.session.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pytest
    from deciding import Decided
    from rereading import Download
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.data.book import Group, Row
    from mock_server.data.templates import Template
    from mock_server.data.uploaded import Table
    from mock_server.preview.companies import Upload
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun, Run
    from mock_server.session.exchange import Exchange as Call

_WORD = 24
"""As many letters of a key are kept as the column of the database has room for."""


def _payloads(digest: Callable[[Mapping[str, Any]], Any]) -> Lie:
    """A lie about which payloads are the same."""

    def identity(body: Mapping[str, Any]) -> tuple[str | None, bytes]:
        payload = {name: value for name, value in body.items() if name != "idempotency_key"}
        return body.get("idempotency_key"), sha256(repr(digest(payload)).encode()).digest()

    return rule(api._identity, identity)


def _cut_keys(honest: Callable[..., Any]) -> Callable[..., Any]:
    def identity(body: Mapping[str, Any]) -> Any:
        key, digest = honest(body)
        return key if key is None else key[:_WORD], digest

    return identity


def _as(right: Callable[[str, str], bool]) -> Lie:
    """A lie that takes a key for one of the two right ones when it is like that; it knows no others."""

    def bend(honest: Callable[..., str]) -> Callable[..., str]:
        def accepted(self: Sessions, key: str | None) -> str:
            given = honest(self, key)
            found = [known for known in (KEY, OTHER) if right(given, known)]
            if not found:
                raise Refusal(401, "the API key is unknown", "AUTH-03")
            return found[0]

        return accepted

    return around(Sessions.accepted, bend)


def _by_beginning(known: Sequence[str], given: str, length: int) -> str | None:
    """The id that begins as the given one does, unless that is known itself."""
    if given in known:
        return None
    return next((each for each in known if len(given) == len(each) and each[:length] == given[:length]), None)


async def _like_sheet(call: Call) -> None:
    company, given = company_of(call), call.query.get("sheet_id", "")
    found = _by_beginning([each.id for each in company.sheets], given, 35)
    if found is not None:
        call.scope["query_string"] = call.scope["query_string"].replace(given.encode(), found.encode())


async def _sheet_of_template(call: Call) -> None:
    """Take another company's sheet for the own one of the same template."""
    company, given = company_of(call), call.query.get("sheet_id", "")
    for other in account_of(call.session).companies.values():
        for sheet in other.sheets:
            if sheet.id == given and other is not company:
                own = [each.id for each in company.sheets if each.template.id == sheet.template.id]
                found = own[0] if own else given
                call.scope["query_string"] = call.scope["query_string"].replace(given.encode(), found.encode())


async def _like_run(call: Call) -> None:
    company, given = company_of(call), call.parameters["run_id"]
    found = _by_beginning([each.id for each in company.imports], given, 35)
    if found is not None:
        call.parameters = {**call.parameters, "run_id": found}
        run = account_of(call.session).runs[found]
        call.subject = call.subject._replace(run=run, state=run.life(call.now))


def _labels(run: ImportRun, state: Life, given: Any) -> Any:
    """The answer, with the id of the option whose id its own begins with."""
    for question in run.questions(state):
        if question.id == given["question_id"] and "option_id" in given and given["option_id"] not in question.options:
            like = [each for each in question.options if given["option_id"].startswith(each)]
            return {**given, "option_id": like[0]} if like else given
    return given


def _numbers(run: ImportRun, state: Life, given: Any) -> Any:
    """The answer, for the question whose id its own begins with."""
    known = [each.id for each in run.questions(state)]
    like = [each for each in known if given["question_id"].startswith(each)]
    return given if given["question_id"] in known or not like else {**given, "question_id": like[0]}


def _samples_of_others() -> Lie:
    """A lie that keeps the samples of a column's failed rule, whosever rows they came from."""
    honest = uploaded._group
    kept: dict[Any, tuple[str, ...]] = {}

    def group(table: Table, number: int, fails: Any, ats: Any, *, accepted: bool) -> Group:
        found = honest(table, number, fails, ats, accepted=accepted)
        return found._replace(samples=kept.setdefault((found.column.name, fails), found.samples))

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        kept.clear()
        return rule(uploaded._group, group)(app, patch)

    return make


def _reports_of_others() -> Lie:
    """A lie that keeps the report of a completed import for every other one with as many rows."""
    kept: dict[Any, int] = {}

    def changed(call: Call, body: Any) -> None:
        if body["status"] == "completed":
            report = body["report"]
            key = call.session.id, report["inserted"]
            report["invalidCellCount"] = kept.setdefault(key, report["invalidCellCount"])

    return told("poll_import", changed)


def _files_by_name(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Give the first file of a name in the place of each later one, whosever it is."""
    kept: dict[Any, Any] = {}

    def files(company: Company, body: Any) -> Any:
        return [(name, kept.setdefault((name, len(company.sheets)), file)) for name, file in honest(company, body)]

    return files


def _newest_of_name(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Give the newest file that a company has put under a name, whatever the reference."""

    def files(company: Company, body: Any) -> Any:
        found = honest(company, body)
        given = [each["upload_ref"] for each in body.get("files", ())]
        newest: dict[Any, Any] = {}
        for upload in company.uploads.values():
            newest[upload.content_type, upload.size] = upload.file or newest.get((upload.content_type, upload.size))
        kinds = [(company.uploads[ref].content_type, company.uploads[ref].size) for ref in given]
        return [(name, newest[kind]) for (name, _), kind in zip(found, kinds, strict=True)]

    return files


def _same_ref(honest: Callable[..., Upload]) -> Callable[..., Upload]:
    """Make the reference of an upload of its company, name and size."""

    def request_upload(self: Account, now: int, company_id: str, body: Mapping[str, Any]) -> Upload:
        upload = honest(self, now, company_id, body)
        word = sha256(f"{company_id}{body['name']}{body.get('size')}".encode()).hexdigest()[:32]
        uploads = self.companies[company_id].uploads
        uploads[f"upl_{word}"] = uploads.pop(upload.ref)
        upload.ref = f"upl_{word}"
        return upload

    return request_upload


def _once(seconds: int, *, ended: bool) -> Lie:
    """A lie that takes a start without a key for the one before it when both bring the same."""
    last: dict[str, tuple[int, Any, str]] = {}

    def bend(honest: Handler) -> Handler:
        async def start_import(call: Call) -> Response:
            body, company = await body_of(call), company_of(call)
            if not isinstance(body, dict) or "idempotency_key" in body:
                return await honest(call)
            at, known, run_id = last.get(company.id, (0, None, ""))
            if known == body and call.now - at <= seconds * SECOND:
                run = account_of(call.session).runs[run_id]
                if run.life(call.now).terminal == ended:
                    return answer(run.accepted(), 201)
            response = await honest(call)
            last[company.id] = call.now, body, orjson.loads(response.body)["run_id"]
            return response

        return start_import

    return handled("start_import", bend)


def _taken_like(like: Callable[[str, str], bool], status: int) -> Lie:
    """A lie that refuses an external id, or a name, for one that it is like."""
    honest = Account._refuse_taken

    def refuse_taken(self: Account, name: str, source_id: str, external_id: str | None) -> None:
        honest(self, name, source_id, external_id)
        for each in self.companies.values():
            if status == 409 and external_id and each.external_id and like(each.external_id, external_id):
                raise Refusal(409, f"external_id {external_id!r} is used by another company")
            if status == 400 and each.source.id == source_id and like(each.name, name):
                raise Refusal(400, "a company of this name exists already for the source")

    return rule(Account._refuse_taken, refuse_taken)


def _wildcard(known: str, given: str) -> bool:
    """What `LIKE` of a database makes of an underscore."""
    pattern = re.escape(given).replace("_", ".").lower()
    return known != given and re.fullmatch(pattern, known.lower()) is not None


def _distinct(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Take rows that are the same in each column for one."""

    def read_rows(rows: Sequence[Mapping[str, Any]], template: Template) -> Any:
        return list(dict.fromkeys(honest(rows, template)))

    return read_rows


def _beside(change: Callable[[list[Row | None], Table, Group, int], None], *actions: str) -> Lie:
    """A lie that does more to a sheet than what is decided: for each group with such a fix, in the rows after it."""
    honest = uploaded._after

    def after(table: Table, decisions: Decided) -> Table:
        result = honest(table, decisions)
        lines = list(result.lines)
        for group, fix in decisions:
            if fix.action in actions:
                change(lines, table, group, table.sheet.template.index(group.column.name))
        return result._replace(lines=lines)

    return rule(uploaded._after, after)


def _flagged(table: Table, group: Group, number: int) -> list[Row]:
    """The rows of a group as they were before its fix."""
    return [line for at in table.faults[number, group.fails] if (line := table.lines[at]) is not None]


def _everywhere_in_row(lines: list[Row | None], table: Table, group: Group, number: int) -> None:
    """Set cells beside the flagged one that hold the same text as it does."""
    for at in table.faults[number, group.fails]:
        was, line = table.lines[at], lines[at]
        if was is not None and line is not None and was[number]:
            lines[at] = tuple(line[number] if cell == was[number] else cell for cell in line)


def _longer_ones(lines: list[Row | None], table: Table, group: Group, number: int) -> None:
    """Drop rows, too, whose key begins with that of a duplicate."""
    for text in {line[number] for line in _flagged(table, group, number)}:
        for at, line in enumerate(lines):
            if line is not None and line[number].startswith(text) and line[number] != text:
                lines[at] = None


def _namesakes(lines: list[Row | None], table: Table, group: Group, number: int) -> None:
    """Drop rows, too, that have the name of one that is dropped."""
    names = {line[0] for line in _flagged(table, group, number) if line[0]}
    lines[:] = [None if line is not None and line[0] in names else line for line in lines]


def _of_the_account(honest: Callable[..., Run | None]) -> Callable[..., Run | None]:
    """Find a key of another company's whose payload is the same."""

    def replayed(self: Ledger, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
        if (run := honest(self, company, kind, key, digest)) is not None or key is None:
            return run
        for other in self.companies.values():
            if other.keys.get((kind, key), (b"",))[0] == digest:
                return other.keys[kind, key][1]
        return None

    return replayed


def _mixed_up(app: App) -> Callable[[Call, Refusal, Handler], Any]:
    """Find the company of another account that has the same name as the one of the path's."""

    async def instead(call: Call, refusal: Refusal, honest: Handler) -> Response | None:
        given = call.parameters.get("company_id")
        for session in everywhere(app):
            for other in list(account_of(session).companies.values()):
                if refusal.status != 404 or other.id != given or session is call.session:
                    continue
                for own in account_of(call.session).companies.values():
                    if own.name == other.name:
                        call.parameters = {**call.parameters, "company_id": own.id}
                        return await honest(call)
        return None

    return instead


def _newest_download() -> Lie:
    """A lie that gives one company's rows to another when both ask for as many at the same moment."""
    kept: dict[Any, tuple[str, list[Any]]] = {}

    def changed(each: Download, rows: list[Any]) -> list[Any]:
        key = each.call.session.id, each.call.now, each.sheet.name, each.flagged, len(rows)
        if not rows or each.zipped:
            return rows
        return kept.setdefault(key, (each.company.id, rows))[1]

    return written(changed)


def _history_of_namesake(call: Call, body: Any, _: int) -> Any:
    """Show the runs of the companies of one name as one history."""
    company = company_of(call)
    if "runs" not in body or "cursor" in call.query:
        return None
    others = [
        each
        for each in account_of(call.session).companies.values()
        if each.name == company.name and each is not company
    ]
    body["runs"] += [run.listed(run.life(call.now)) for each in others for run in each.imports]
    return body


LIARS: tuple[Liar, ...] = (
    Liar("IDEM-05", "compares payloads by their size alone",
         _payloads(lambda payload: len(orjson.dumps(payload)))),
    Liar("IMP-11", "keeps the first 24 letters of a key alone", around(api._identity, _cut_keys),
         ("IMP-01", "IMP-02", "IDEM-01", "IDEM-05")),
    Liar("AUTH-03", "takes a key that begins with a right one", _as(lambda key, known: key.startswith(known))),
    Liar("AUTH-03", "takes the beginning of a right key for it",
         _as(lambda key, known: len(key) > 14 and known.startswith(key))),
    Liar("CSV-11", "finds a sheet though the last letter of its id is wrong", first("export_csv", _like_sheet)),
    Liar("CSV-11", "gives the own sheet of the same template for another company's",
         first("export_csv", _sheet_of_template), ("AUTH-06",)),
    Liar("POLL-17", "finds a run though the last letter of its id is wrong", first("poll_import", _like_run)),
    Liar("DEC-19", "takes an option id that begins with a right one", tolerant(_labels)),
    Liar("DEC-14", "takes a question id that begins with a right one", tolerant(_numbers), ("DEC-30",)),
    Liar("QUE-07", "shows the samples of the first company whose rows failed the same rule", _samples_of_others(),
         ("SEC-02",)),
    Liar("POLL-11", "gives the count of flagged rows of another import with as many rows", _reports_of_others(),
         ("CSV-06", "SEC-02", "DEC-27", "DEC-09")),
    Liar("SEC-02", "reads the file of another company that has the same name", around(api._files, _files_by_name),
         ("UPL-06", "CSV-05")),
    Liar("UPL-06", "reads the newest file of the same size and type, whichever is named",
         around(api._files, _newest_of_name), ("CSV-05", "IMP-01")),
    Liar("UPL-08", "makes the reference of an upload of its name and size", around(Account.request_upload, _same_ref)),
    Liar("IMP-09", "takes a start with the same rows at the same moment for the one in flight",
         _once(1, ended=False)),
    Liar("IMP-11", "takes a start with the same rows within a minute for the one that has ended",
         _once(60, ended=True)),
    Liar("PROV-01", "takes an underscore in an external id for any letter", _taken_like(_wildcard, 409),
         ("PROV-07",)),
    Liar("PROV-01", "takes names for the same that begin with the same 32 letters",
         _taken_like(lambda known, given: known[:32] == given[:32] and len(given) > len(known[:32]), 400)),
    Liar("CSV-05", "takes rows that are the same in each column for one", around(csv_file.read_rows, _distinct),
         ("CSV-07", "DEC-08")),
    Liar("DEC-06", "sets the cells beside a flagged one, too, that hold the same text",
         _beside(_everywhere_in_row, "set_value"), ("DEC-05",)),
    Liar("DEC-08", "drops a row whose key begins with that of a duplicate",
         _beside(_longer_ones, "dedup_keep_first"), ("DEC-05",)),
    Liar("DEC-07", "drops rows that have the name of an invalid one",
         _beside(_namesakes, "delete_invalid_rows"), ("DEC-05",)),
    Liar("IDEM-06", "finds another company's run where both key and payload are the same",
         around(Ledger.replayed, _of_the_account), ("ID-02", "SEC-02", "AUTH-06")),
    Liar("AUTH-06", "answers for the own company that has the name of another account's",
         elsewhere(_mixed_up, "list_imports", "export_csv")),
    Liar("SEC-02", "gives the rows of whichever company asked first for as many", _newest_download(),
         ("CSV-05", "CSV-04")),
    Liar("SEC-02", "shows the runs of companies of one name in one history",
         reread("list_imports", _history_of_namesake), ("HIST-01", "POLL-18", "HIST-02", "HIST-05")),
)  # fmt: skip
