"""Servers that lie about what is whose: ids, credentials, and the data of another company (ID, SEC)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from bending import Headers, gives, headed
from lies import App, Liar, Lie, answers, rule
from places import all_of, put

from mock_server.http import messages as http
from mock_server.kernel.clock import real_time
from mock_server.kernel.errors import Refusal
from mock_server.kernel.ids import made_uuid
from mock_server.preview import downloads, history
from mock_server.preview import operations as api
from mock_server.preview.account import Account, account_of
from mock_server.preview.runs import ImportRun
from mock_server.scenarios.catalog import World
from mock_server.session import exchange
from mock_server.session.exchange import Exchange as Call
from mock_server.session.session import Session

if TYPE_CHECKING:
    import pytest

    from mock_server.preview.companies import Company

_made_id, _add, _opened, _parsed = Session.made_id, Account._add_import, Account.company, http.parsed


def _prefixed(kind: str, prefix: str) -> Lie:
    """A lie that makes ids of this kind in another form."""

    def made_id(self: Session, wanted: str) -> str:
        made = _made_id(self, wanted)
        return f"{prefix}{UUID(made).hex}" if wanted == kind else made

    return rule(Session.made_id, made_id)


def _numbers(self: Session, kind: str) -> str:
    self._numbers[kind] += 1
    return str(self._numbers[kind]) if kind == "run" else made_uuid(self.key, kind, self._numbers[kind])


def _run_of_company(call: Any) -> ImportRun:
    company = account_of(call.session).company(call.parameters["company_id"])
    found: list[ImportRun] = [run for run in company.imports if run.id == call.parameters["run_id"]]
    if not found:
        raise Refusal(404, "no such import")
    return found[0]


def _counted_by_company(self: Account, company: Company, _: str, *rest: Any) -> ImportRun:
    return _add(self, company, made_uuid("run", len(company.imports)), *rest)


def _sheet_is_template(self: World, company_id: str, template_ids: Any, known: Any) -> Any:
    names = {template.name: template.id for template in self.catalogue.templates}
    return _workbook(self, company_id, template_ids, known or names)


_workbook = World.workbook


def _one_workbook(self: Session, kind: str) -> str:
    return made_uuid("workbook") if kind == "workbook" else _made_id(self, kind)


# -- credentials


def _told_back(app: App, patch: pytest.MonkeyPatch) -> App:
    """A refused body is quoted whole, so that its sender sees what was wrong."""

    async def json(self: Any, *, optional: bool = False) -> Any:
        raw = await self.read()
        body = {} if optional and not raw else _parsed(raw)
        if wrong := self.contract.request_differences(self.operation_id, body):
            raise Refusal(400, f"{wrong[0].text}; got {body}")
        return body

    put(patch, Call.json, json)
    return app


def _quotes_raw(raw: bytes) -> Any:
    try:
        return _parsed(raw)
    except Refusal as refusal:
        raise Refusal(400, f"{refusal.text} in {raw.decode('utf-8', 'replace')}") from refusal


_secrets: list[str] = []


def _keeps_secrets(raw: bytes) -> Any:
    """The credentials that came last are remembered where anybody can tell them."""
    body = _parsed(raw)
    destination = (body.get("connections") or {}) if isinstance(body, dict) else {}
    auth = destination["destination"].get("auth") if isinstance(destination.get("destination"), dict) else None
    _secrets[:] = [auth["token"]] if isinstance(auth, dict) else _secrets
    return body


def _remembering(lie: Lie) -> Lie:
    return all_of(rule((exchange, http.parsed), _keeps_secrets), lie)


def _echoed(status: int, headers: Headers) -> Headers:
    return [*headers, (b"x-destination", _secrets[-1].encode())] if _secrets and status == 201 else headers


def _shown(body: Any) -> None:
    for each in body["connections"]:
        each["secret"] = _secrets[-1]


def _listed(body: Any) -> None:
    if "runs" in body:
        body["company"] = {"destination": {"token": _secrets[-1] if _secrets else None}}


def _not_found(_method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    if status == 404 and path.endswith("/companies") and _secrets:
        return status, {"error": f"{body['error']} for the destination with {_secrets[-1]}"}
    return status, body


# -- another company's data


def _any_run(call: Any) -> ImportRun:
    account_of(call.session).company(call.parameters["company_id"])
    run = account_of(call.session).runs.get(call.parameters["run_id"])
    if not isinstance(run, ImportRun):
        raise Refusal(404, "no such import")
    return run


def _any_sheet(call: Any) -> Any:
    company = _company(call)
    if call.operation_id == "export_csv":
        for other in account_of(call.session).companies.values():
            if any(sheet.id == call.query.get("sheet_id") for sheet in other.sheets):
                return other
    return company


_company, _page = api._company, history.page


def _all_runs(app: App, patch: pytest.MonkeyPatch) -> App:
    """The history is that of the account."""

    def page(company: Company, limit: int, before: int, now: int) -> Any:
        body = _page(company, limit, before, now)
        others = [run for session in app.sessions._open.values() for run in account_of(session).runs.values()]
        more = [
            run.listed(run.life(now)) for run in others if isinstance(run, ImportRun) and run not in company.imports
        ]
        return {**body, "runs": body["runs"] + more}

    put(patch, (api, history.page), page)
    return app


def _last_book(app: App, patch: pytest.MonkeyPatch) -> App:
    """A sheet into which nothing was imported shows what its template got last, whoever sent that."""

    def csv(sheet: Any, book: Any, *, flagged: bool) -> Any:
        for session in app.sessions._open.values():
            companies, now = account_of(session).companies.values(), session.clock.at(real_time())
            if any(sheet in each.sheets and not each.imports for each in companies):
                for theirs, held in [(each, other.book(each, now)) for other in companies for each in other.sheets]:
                    if theirs.template.id == sheet.template.id and held is not None:
                        return honest(theirs, held, flagged=flagged)
        return honest(sheet, book, flagged=flagged)

    honest = downloads.sheet_csv
    put(patch, (api, downloads.sheet_csv), csv)
    return app


LIARS = (
    Liar("ID-01", "prefixes the id of a run", _prefixed("run", "run_"), ("IMP-04",)),
    Liar("ID-01", "numbers its runs", rule(Session.made_id, _numbers), ("IMP-04",)),
    Liar("ID-01", "prefixes the id of a company", _prefixed("company", "cmp_"), ("PROV-03",)),
    Liar("ID-01", "writes the id of a workbook without hyphens", _prefixed("workbook", ""), ("PROV-03",)),
    Liar("ID-02", "counts the runs of each company",
         all_of(rule(Account._add_import, _counted_by_company),
              rule(api._import, _run_of_company))),
    Liar("ID-02", "gives a sheet the id of its template",
         rule(World.workbook, _sheet_is_template)),
    Liar("ID-02", "gives every company one workbook",
         rule(Session.made_id, _one_workbook)),
    Liar("SEC-01", "quotes the whole body that it refuses", _told_back),
    Liar("SEC-01", "quotes what is no JSON", rule((exchange, http.parsed), _quotes_raw)),
    Liar("SEC-01", "tells credentials in a header", _remembering(headed(_echoed)), ("PROV-18",)),
    Liar("SEC-01", "shows the secret of a connection", _remembering(gives("provision_company", _shown)), ("PROV-18",)),
    Liar("SEC-01", "tells credentials in the history", _remembering(gives("list_imports", _listed))),
    Liar("SEC-01", "tells credentials when a source is not found", _remembering(answers(_not_found))),
    Liar("SEC-02", "finds a run under any company", rule(api._import, _any_run)),
    Liar("SEC-02", "finds a sheet under any company", rule(api._company, _any_sheet)),
    Liar("SEC-02", "lists the runs of all companies", _all_runs),
    Liar("SEC-02", "fills an empty sheet with another company's rows", _last_book),
)  # fmt: skip
