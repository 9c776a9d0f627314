"""The contract's operations: one handler each, of the operation's own name. `generation` finds them in `HANDLERS`."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from starlette.responses import Response, StreamingResponse

from mock_server.contract.document import canonical_id
from mock_server.contract.nearest import shown
from mock_server.data import uploaded as opening
from mock_server.data.csv_file import Drift, Room, TooManyRows, cell_text
from mock_server.http.messages import JSON, answer, canonical
from mock_server.http.turn import in_thread
from mock_server.kernel.errors import Refusal
from mock_server.preview.account import Start, StartExport, account_of
from mock_server.preview.decisions import fixes
from mock_server.preview.downloads import sheet_csv, workbook_zip
from mock_server.preview.exports import ExportRun, Selection
from mock_server.preview.history import asked, page
from mock_server.preview.preconditions import parked, refuse_busy, refuse_unconnected
from mock_server.preview.runs import Approval, ImportRun, created_at
from mock_server.scenarios.catalog import UnknownScenario

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mock_server.data.templates import Link, Template
    from mock_server.data.uploaded import UploadedBook
    from mock_server.preview.companies import Company
    from mock_server.preview.lifecycle import Life
    from mock_server.scenarios.model import Scenario
    from mock_server.session.exchange import Exchange

MAGIC_LINKS = "/magic-links/"
LARGE = 5_000
"""Rows from which on a decision is worked out in a thread, so that nobody else waits for it."""


async def list_sources(call: Exchange) -> Response:
    """The account's sources (SRC-01, SRC-02)."""
    sources = call.session.world.catalogue.sources
    return answer({"sources": [{"id": each.id, "name": each.name, "logo_url": each.logo_url} for each in sources]})


async def list_templates(call: Exchange) -> Response:
    """The account's templates (TPL-01 to TPL-06)."""
    return answer({"templates": [_template(each) for each in call.session.world.catalogue.templates]})


def _template(template: Template) -> dict[str, Any]:
    columns = []
    for column in template.columns:
        described: dict[str, Any] = {
            "name": column.name,
            "description": column.description,
            "required": column.required,
            "unique": column.unique,
            "desiredRule": column.rule,
        }
        if column.rule == "strict":
            described["strictRule"] = column.pattern
        if column.rule == "link":
            described["linkRule"] = [
                {"templateId": link.template_id, "columnName": link.column} for link in column.links
            ]
        columns.append(described)
    return {"id": template.id, "name": template.name, "description": template.description, "columns": columns}


async def provision_company(call: Exchange) -> Response:
    """Create a company with its workbook (PROV-01 to PROV-19)."""
    body = await call.json()
    wanted = {name: body[name] for name in ("name", "source", "template_ids", "external_id") if name in body}
    if "template_ids" in wanted:
        wanted["template_ids"] = list(dict.fromkeys(wanted["template_ids"]))
    if (body.get("connections") or {}).get("destination"):
        wanted["connections"] = {"destination": True}  # the store keeps no credentials (PROV-18)
    company = account_of(call.session).provision(call.later(), wanted)
    call.entry.came_of_it(company_id=company.id)
    connections = [{"id": company.destination, "kind": "destination", "creds_configured": True}]
    body = {
        "company": {
            "id": company.id,
            "name": company.name,
            "external_id": company.external_id,
            "created_at": created_at(company.created),
        },
        "workbook_id": company.workbook_id,
        "sheets": [{"id": sheet.id, "name": sheet.name, "template_id": sheet.template.id} for sheet in company.sheets],
        "connections": connections if company.destination else [],  # OP-02
        "magic_link_url": f"{call.origin}{MAGIC_LINKS}{company.id}",
    }
    return answer(body, 201)


async def request_upload(call: Exchange) -> Response:
    """Sign a URL for one file (UPL-01)."""
    company = _company(call)
    body = await call.json()
    upload = account_of(call.session).request_upload(call.later(), company.id, body)
    return answer({"upload_url": f"{call.origin}/uploads/{upload.token}", "upload_ref": upload.ref}, 201)


async def start_import(call: Exchange) -> Response:
    """Start an import, or find the one that the same idempotency key started (IMP-01 to IMP-13, IDEM-01 to IDEM-08)."""
    company, account = _company(call), account_of(call.session)
    body = await call.json()
    key, digest = await call.aside(lambda: _identity(body))
    scenario, applied = _scenario(call, company)
    async with company.changing:
        start = Start(scenario, key, digest)
        if account.replayed(company, "import", key, digest) is None:
            _refuse_many(call, body)
            files = _files(company, body)
            refuse_busy(company, call.later())
            if scenario.own_rows:
                book, drift = await _own_book(call, company, files, body.get("rows", ()))
                start = Start(scenario, key, digest, book, drift)
        run, new = account.start_import(call.later(), company.id, start)
    call.entry.came_of_it(run_id=run.id, new=new)
    if not new:
        return answer(run.accepted(run.life(call.later()).status))  # OP-06
    return answer(run.accepted(), 201, {"Preference-Applied": f"scenario={applied}"} if applied else None)


def _scenario(call: Exchange, company: Company) -> tuple[Scenario, str | None]:
    """The scenario of a new import, and its name when the caller's Prefer header chose it."""
    name = call.preferred("scenario")
    if name is None:
        return account_of(call.session).scenario_of(company), None
    try:
        return call.session.world.scenario(name), name
    except UnknownScenario as unknown:
        raise Refusal(400, f"Prefer: {unknown}") from unknown


def _identity(body: Mapping[str, Any]) -> tuple[str | None, bytes]:
    """The idempotency key, and a digest of everything else in which member order does not count (OP-07)."""
    payload = {name: value for name, value in body.items() if name != "idempotency_key"}
    return body.get("idempotency_key"), sha256(canonical(payload)).digest()


def _refuse_many(call: Exchange, body: Mapping[str, Any]) -> None:
    """Refusal 413 for more files, or more rows beside none, than an import may have (OP-35)."""
    settings = call.sessions.settings
    for name, most in (("files", settings.max_files), ("rows", settings.max_rows)):
        if (count := len(body.get(name, ()))) > most:
            raise Refusal(413, f"{name} has {count} entries; at most {most} are taken (--max-{name})")


def _files(company: Company, body: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Name and content of each file of the request; Refusal 400 for a reference to nothing (OP-22)."""
    files = []
    for number, file in enumerate(body.get("files", ())):
        upload = company.uploads.get(file["upload_ref"])
        if upload is None or upload.file is None:
            what = "names no upload of this company" if upload is None else "was requested, but no file was put there"
            raise Refusal(400, f"files[{number}].upload_ref {shown(file['upload_ref'])} {what}")
        files.append((file["name"], upload.file))
    return files


async def _own_book(
    call: Exchange, company: Company, files: Sequence[tuple[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> tuple[UploadedBook | None, str | None]:
    """The caller's own rows, read and checked in a thread; or why they cannot be brought into the sheet."""
    linked, room = company.linked(call.later()), Room(call.sessions.settings.max_rows)

    def read() -> UploadedBook:
        held: dict[Link, frozenset[str]] = {
            link: frozenset(row[number] for row in book.rows(sheet.id, flagged=True))
            for link, (sheet, number, book) in linked.items()
        }
        if files:
            return opening.book_of_files(files, company.sheets, held, room)
        return opening.book_of_rows(rows, company.sheets, held)

    try:
        return await in_thread(read), None
    except Drift as drift:
        return None, str(drift)
    except OSError as error:
        raise Refusal(
            507, f"an uploaded file cannot be read again: {error.strerror or error}; upload it anew"
        ) from error
    except TooManyRows as many:
        raise Refusal(413, str(many)) from None


async def list_imports(call: Exchange) -> Response:
    """The active run (ACT-01 to ACT-08), or a page of the company's history (HIST-01 to HIST-05)."""
    company, query = _company(call), call.query
    limit, before = asked(company, query)  # wrong ones are wrong beside a status, too
    if "status" not in query:
        return answer(page(company, limit, before, call.now))
    if query["status"] != "active":  # OP-10
        raise Refusal(400, f"status must be 'active' when it is given; got {shown(query['status'])}")
    active = company.active(call.now)
    return answer(active[0].body(call.now) if active else {"run": None})


async def poll_import(call: Exchange) -> Response:
    """What the run is now (POLL-01 to POLL-19)."""
    run = _import(call)
    if run.pace == "time":
        return answer(run.body_of(cast("Life", call.subject.state)))
    if run.pace == "polls":
        account_of(call.session).count_poll(call.now, run.id)
    return answer(run.body(call.now))


async def decide(call: Exchange) -> Response:
    """Take a decision on a parked run (DEC-01 to DEC-35)."""
    run, account = _import(call), account_of(call.session)
    body = await call.json()
    if body["decision"] == "reject":
        status = account.reject(call.later(), run.id)
        call.entry.came_of_it()
        return answer(run.accepted(status))
    answers = body.get("answers") or ()
    parked(run, call.later())
    async with account.companies[run.company_id].changing:
        state = parked(run, call.later())

        def consider() -> Approval:
            return run.approved(state, fixes(run, state, answers))

        approval = await in_thread(consider) if run.rows(state) > LARGE else consider()
        account.approve(call.later(), run.id, state, approval, answered=bool(answers))
    call.entry.came_of_it()
    return answer(run.accepted("running"))


async def export_csv(call: Exchange) -> Response:
    """One sheet as CSV, or the workbook as ZIP, streamed (CSV-01 to CSV-12)."""
    company, query = _company(call), call.query
    sheets = {sheet.id: sheet for sheet in company.sheets}
    if "sheet_id" in query and query["sheet_id"] not in sheets:  # CSV-11
        raise Refusal(404, f"no sheet {shown(query['sheet_id'])} in this company's workbook", "CSV-11")
    chosen = query.get("filter", "valid")  # CSV-03
    if chosen not in {"valid", "all"}:  # CSV-10
        raise Refusal(400, f"filter must be 'valid' or 'all'; got {shown(chosen)}", "CSV-10")
    books = [(sheet, company.book(sheet, call.now)) for sheet in company.sheets]
    if "sheet_id" not in query:
        return workbook_zip(books, flagged=chosen == "all")
    sheet = sheets[query["sheet_id"]]
    return sheet_csv(sheet, company.book(sheet, call.now), flagged=chosen == "all")


async def start_export(call: Exchange) -> Response:
    """Start a destination export, or find the one that the same idempotency key started (DST-01, DST-09)."""
    company, account = _company(call), account_of(call.session)
    body = await call.json(optional=True)
    key, digest = await call.aside(lambda: _identity(body))
    again = account.replayed(company, "export", key, digest)
    writes: tuple[Any, ...] = ()
    if again is None:
        refuse_unconnected(company)
        chosen = _selection(company, body)
        books = [(sheet, book) for sheet in company.sheets if (book := company.book(sheet, call.later())) is not None]
        writes = await in_thread(lambda: tuple((sheet, chosen.count(sheet, book)) for sheet, book in books))
    start = StartExport(body.get("mode", "full"), key, digest, writes)
    run, new = account.start_export(call.later(), company.id, start)
    call.entry.came_of_it(run_id=run.id, new=new)
    return answer(run.accepted(), 201) if new else answer(run.accepted(run.life(call.later()).status))


def _selection(company: Company, body: Mapping[str, Any]) -> Selection:
    """Which rows an export writes (DST-08); Refusal 400 for a template or column that the company does not have."""
    selection = body.get("selection") or {}
    ids = [canonical_id(each) for each in selection["template_ids"]] if "template_ids" in selection else None
    known = {sheet.template.id: sheet.template for sheet in company.sheets}
    if foreign := [each for each in ids or () if each not in known]:
        raise Refusal(400, f"selection.template_ids names a template that this company does not have: {foreign[0]!r}")
    wanted = {name: cell_text(value) for name, value in (selection.get("row_filter") or {}).items()}
    columns = {column.name for template in known.values() for column in template.columns}
    if strange := [name for name in wanted if name not in columns]:
        raise Refusal(400, f"selection.row_filter names a column that no sheet has: {shown(strange[0])}")
    return Selection(None if ids is None else frozenset(ids), wanted, body.get("mode") == "canary")


async def poll_export(call: Exchange) -> Response:
    """What the export is now (DST-04 to DST-07, DST-10)."""
    company, account = _company(call), account_of(call.session)
    run = account.runs.get(call.parameters["run_id"])
    if not isinstance(run, ExportRun) or run.company_id != company.id:
        raise Refusal(404, f"no export {shown(call.parameters['run_id'])} of this company")
    if run.pace == "polls":
        account.count_poll(call.now, run.id)
    state = run.life(call.now)
    if state.end is not None:
        return StreamingResponse(run.pieces(state.end), media_type=JSON)
    return answer(run.body(call.now))


def _company(call: Exchange) -> Company:
    account = account_of(call.session)
    company = account.company(call.parameters["company_id"])
    if call.operation_id != "decide":  # two decisions at one instant must meet the same parking (DEC-25)
        account.settle(call.now, company)
    return company


def _import(call: Exchange) -> ImportRun:
    """The run of the path; Refusal 404 unless it is an import of the path's company (POLL-17, POLL-18, DEC-26)."""
    run = call.subject.run
    if not isinstance(run, ImportRun) or run.company_id != call.parameters["company_id"]:
        account_of(call.session).company(call.parameters["company_id"])
        # POLL-18 is the rule for a run that there is, but under another company.
        clause = "DEC-26" if call.operation_id == "decide" else "POLL-17" if run is None else "POLL-18"
        raise Refusal(404, f"no import {shown(call.parameters['run_id'])} of this company", clause)
    if run.pace == "instant":
        _company(call)
    return run


HANDLERS: dict[str, Callable[[Exchange], Awaitable[Response]]] = {
    handler.__name__: handler
    for handler in (
        list_sources,
        list_templates,
        provision_company,
        request_upload,
        start_import,
        list_imports,
        poll_import,
        decide,
        export_csv,
        start_export,
        poll_export,
    )
}
