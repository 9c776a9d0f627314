"""Servers that keep a rule of all operations in all of them but one."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import orjson
from bending import asked, headed, key_of, reads, with_key
from lies import App, Liar, Lie, answers
from places import around, handled
from rereading import body_of, first, of_any_account, refused, told
from runlies import company_of, everywhere

from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview import operations as api
from mock_server.preview.account import account_of
from mock_server.preview.companies import Company, Ledger
from mock_server.preview.runs import ImportRun
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.preview.runs import Run
    from mock_server.session.exchange import Exchange as Call

    Place = Callable[[str, str, bytes], bool]


def _let_in(key: Callable[[str], bool], place: Place) -> Lie:
    """A lie that takes a wrong key for a right one in one place, by method, path and query."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        def change(scope: Any) -> None:
            if key(key_of(scope)) and place(scope["method"], scope["path"], scope["query_string"]):
                owners = [each for each in everywhere(app) if _owns(each, scope["path"])] or list(everywhere(app))
                if owners:
                    with_key(scope, owners[-1].key)

        lying: App = asked(change)(app, patch)
        return lying

    return make


def _owns(session: Session, path: str) -> bool:
    return any(each in path for each in account_of(session).companies)


def _revoked(key: str) -> bool:
    return key.startswith("revoked")


def _at(method: str, ending: str, query: bytes = b"") -> Place:
    return lambda asked_with, path, given: asked_with == method and path.endswith(ending) and query in given


def _in_place(
    status: int, ending: str, change: Callable[[Any], Any], instead: int | None = None, method: str = ""
) -> Lie:
    """A lie about the errors of one status in one place: another body, or another status."""

    def bend(asked_with: str, path: str, got: int, body: Any) -> tuple[int, Any]:
        if got != status or ending not in path or not asked_with.startswith(method):
            return got, body
        return instead or got, change(body)

    return answers(bend)


def _same(body: Any) -> Any:
    return body


def _done_all_the_same(app: App, _: pytest.MonkeyPatch) -> App:
    """Provision a company before its key is looked at."""

    async def unsent(_message: Any) -> None:
        pass

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        keys = [each.key for each in everywhere(app)]
        if scope["path"] != "/api/v1/companies" or not keys or not _revoked(key_of(scope)):
            await app(scope, receive, send)
            return
        message = await receive()

        async def again() -> Any:
            return message

        right = {**scope, "headers": list(scope["headers"])}
        with_key(right, keys[-1])
        await app(right, again, unsent)
        await app(scope, again, send)

    return lying


async def _empty_export(call: Call) -> None:
    """Read a body that is no JSON as none."""
    if await body_of(call) is None:
        call.repeat_body(b"")


async def _no_company_no_runs(call: Call, refusal: Refusal, _: Handler) -> Response | None:
    """Give those who are nobody's company an empty history."""
    meant = refusal.status == 404 and "status" not in call.query
    return answer({"runs": [], "next_cursor": None}) if meant else None


async def _all_of_other_sheet(call: Call, refusal: Refusal, honest: Handler) -> Response | None:
    """Find the sheet of another company where all rows are asked for."""
    for company in account_of(call.session).companies.values():
        ids = {sheet.id for sheet in company.sheets} if call.query.get("filter") == "all" else ()
        if refusal.status == 404 and call.query.get("sheet_id") in ids:
            call.parameters = {**call.parameters, "company_id": company.id}
            return await honest(call)
    return None


async def _any_filter(call: Call) -> None:
    """Take any filter of a whole workbook for the usual one."""
    if "sheet_id" not in call.query and call.query.get("filter", "all") not in {"all", "valid"}:
        call.scope["query_string"] = b""


def _used_up(by: str) -> Lie:
    """A lie that gives the file of an upload away with the first start that names it and is `taken` or `refused`."""

    def bend(honest: Handler) -> Handler:
        used: set[str] = set()

        async def start_import(call: Call) -> Response:
            body = await body_of(call)
            refs = _refs(body)
            if refs & used:
                raise Refusal(400, "upload_ref names no upload of this company")
            try:
                response = await honest(call)
            except Refusal:
                used.update(refs if by == "refused" else ())
                raise
            used.update(refs if by == "taken" else ())
            return response

        return start_import

    return handled("start_import", bend)


def _refs(body: Any) -> set[str]:
    files = body.get("files") if isinstance(body, dict) else None
    found = files if isinstance(files, list) else []
    return {str(each["upload_ref"]) for each in found if isinstance(each, dict) and "upload_ref" in each}


def _without_files(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Leave the files out when payloads are compared."""
    return lambda body: honest({name: value for name, value in body.items() if name != "files"})


def _exports_of_all(honest: Callable[..., Run | None]) -> Callable[..., Run | None]:
    """Find the export of any company by its key."""

    def replayed(self: Ledger, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
        run = honest(self, company, kind, key, digest)
        for other in self.companies.values() if run is None and kind == "export" else ():
            if (kind, key) in other.keys:
                return other.keys[kind, str(key)][1]
        return run

    return replayed


def _foreign_dropped(app: App, patch: pytest.MonkeyPatch) -> App:
    """Pass over the templates that the account lacks, behind the first one."""
    known = [each.id for each in app.world.catalogue.templates]

    def change(body: Any) -> None:
        ids = body.get("template_ids")
        if isinstance(ids, list) and len(ids) > 1:
            body["template_ids"] = [ids[0], *(each for each in ids[1:] if each in known)]

    return reads("provision_company", change)(app, patch)


def _decides_anywhere(honest: Handler) -> Handler:
    """Take a decision on any run of the account, whatever company is in the path."""

    async def decide(call: Call) -> Response:
        run = call.subject.run
        if isinstance(run, ImportRun) and call.parameters["company_id"] in account_of(call.session).companies:
            call.parameters = {**call.parameters, "company_id": run.company_id}
        return await honest(call)

    return decide


def _known_elsewhere(app: App, patch: pytest.MonkeyPatch) -> App:
    """Say of a run of another account that it cannot be decided."""

    async def instead(call: Call, refusal: Refusal, _: Handler) -> None:
        runs = [run for session in everywhere(app) for run in account_of(session).runs]
        if refusal.status == 404 and call.parameters["run_id"] in runs:
            raise Refusal(409, "the run is not waiting for a decision")

    return refused("decide", instead)(app, patch)


def _budget(name: Callable[[str], str]) -> Lie:
    """A lie about which operations share a budget."""

    def bend(honest: Callable[..., bool]) -> Callable[..., bool]:
        def admit(self: Session, now: int, operation_id: str, own: Any = None) -> bool:
            return honest(self, now, name(operation_id), own)

        return admit

    return around(Session.admit, bend)


def _uncounted(honest: Callable[..., bool]) -> Callable[..., bool]:
    """Let every decision pass."""

    def admit(self: Session, now: int, operation_id: str, own: Any = None) -> bool:
        return operation_id == "decide" or honest(self, now, operation_id, own)

    return admit


def _come_back(app: App, patch: pytest.MonkeyPatch) -> App:
    """Tell whoever is throttled at a download when to come back."""
    path: ContextVar[str] = ContextVar("path", default="")

    def change(status: int, headers: Any) -> Any:
        return [*headers, (b"retry-after", b"60")] if status == 429 and path.get().endswith(".csv") else headers

    inner = headed(change)(app, patch)

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        path.set(scope["path"])
        await inner(scope, receive, send)

    return lying


def _numbered_connection(_: Call, body: Any) -> None:
    for at, each in enumerate(body["connections"], 1):
        each["id"] = f"conn_{at}"


def _told_secret(honest: Handler) -> Handler:
    """Repeat the connections of a company whose external id is in use."""

    async def provision_company(call: Call) -> Response:
        body = await body_of(call)
        try:
            return await honest(call)
        except Refusal as refusal:
            if refusal.status != 409 or "connections" not in body:
                raise
            raise Refusal(409, f"{refusal.text}: {orjson.dumps(body['connections']).decode()}") from refusal

    return provision_company


def _typed(honest: Handler) -> Handler:
    """Give the history as text."""

    async def list_imports(call: Call) -> Response:
        response = await honest(call)
        if "status" not in call.query:
            response.headers["content-type"] = "text/plain; charset=utf-8"
        return response

    return list_imports


def _quiet_export(call: Call, body: Any) -> None:
    if body["status"] == "queued":
        body["poll_url"] = body["poll_url"].replace("/exports/", "/imports/")
    del call


async def _of_no_account(call: Call) -> None:
    """Let an export of another company be read under this company's path."""
    run = account_of(call.session).runs.get(call.parameters["run_id"])
    if run is not None and run.kind == "export":
        company_of(call)
        call.parameters = {**call.parameters, "company_id": run.company_id}


LIARS: tuple[Liar, ...] = (
    Liar("AUTH-04", "gives downloads for a revoked key", _let_in(_revoked, _at("GET", "/export.csv"))),
    Liar("AUTH-04", "signs upload URLs for a revoked key", _let_in(_revoked, _at("POST", "/uploads"))),
    Liar("AUTH-04", "takes decisions with a revoked key", _let_in(_revoked, _at("POST", "/decisions")),
         ("AUTH-07",)),
    Liar("AUTH-02", "looks the active run up without a key",
         _let_in(lambda key: not key, _at("GET", "/imports", b"status=active"))),
    Liar("AUTH-03", "answers 403 when exports are started with an unknown key",
         _in_place(401, "/exports", _same, 403), ("AUTH-02", "AUTH-04", "ERR-06")),
    Liar("AUTH-06", "shows the history of another account's company", of_any_account("list_imports"),
         ("SEC-02", "POLL-19", "ACT-08")),
    Liar("AUTH-06", "signs upload URLs for another account's company", of_any_account("request_upload"),
         ("UPL-07",)),
    Liar("AUTH-06", "gives downloads of another account's company", of_any_account("export_csv"),
         ("SEC-02", "CSV-11")),
    Liar("AUTH-07", "provisions a company before it looks at a revoked key", _done_all_the_same),
    Liar("ACT-08", "gives an unknown company an empty history", refused("list_imports", _no_company_no_runs),
         ("AUTH-06",)),
    Liar("ERR-01", "says `message` where an unknown sheet is downloaded",
         _in_place(404, "/export.csv", lambda body: {"message": body["error"]}), ("ERR-02",)),
    Liar("ERR-02", "names the field when a decision is malformed",
         _in_place(400, "/decisions", lambda body: {**body, "field": "answers"})),
    Liar("ERR-02", "adds `status` where a company is unknown in an upload",
         _in_place(404, "/uploads", lambda body: {**body, "status": 404})),
    Liar("ERR-11", "answers 422 when an upload is asked for with malformed JSON",
         _in_place(400, "/uploads", _same, 422), ("ERR-06",)),
    Liar("ERR-11", "starts an export when the body is no JSON", first("start_export", _empty_export)),
    Liar("ERR-06", "answers 410 for an unknown run that is to be decided",
         _in_place(404, "/decisions", _same, 410), ("DEC-26", "AUTH-06")),
    Liar("CSV-11", "finds another company's sheet where all rows are asked for",
         refused("export_csv", _all_of_other_sheet), ("SEC-02",)),
    Liar("CSV-10", "takes any filter of a whole workbook", first("export_csv", _any_filter)),
    Liar("IDEM-01", "does not find the upload any more when a start with files is repeated",
         _used_up("taken"), ("IDEM-02", "IDEM-03", "IDEM-04")),
    Liar("IMP-13", "gives an upload away with a start that was refused", _used_up("refused")),
    Liar("IDEM-05", "compares rows alone, and no files", around(api._identity, _without_files)),
    Liar("DST-09", "finds the export of another company by its key", around(Ledger.replayed, _exports_of_all),
         ("SEC-02",)),
    Liar("PROV-15", "passes over a template that the account lacks behind the first", _foreign_dropped,
         ("PROV-04",)),
    Liar("DEC-26", "decides on a run of another company of the account", handled("decide", _decides_anywhere),
         ("POLL-18",)),
    Liar("DEC-26", "answers 409 for a decision on another account's run", _known_elsewhere, ("AUTH-06",)),
    Liar("RATE-05", "has one budget for polls and downloads",
         _budget(lambda name: "export_csv" if name == "poll_import" else name), rate_limit=100),
    Liar("RATE-01", "does not count decisions", around(Session.admit, _uncounted), rate_limit=100),
    Liar("RATE-02", "says it otherwise where downloads are throttled",
         _in_place(429, "/export.csv", lambda _: {"error": "Download limit reached"}), rate_limit=100),
    Liar("RATE-03", "tells whoever is throttled at a download when to come back", _come_back, rate_limit=100),
    Liar("PROV-03", "numbers the connections", told("provision_company", _numbered_connection), ("ID-01",)),
    Liar("SEC-01", "repeats the credentials when the external id is in use",
         handled("provision_company", _told_secret), ("PROV-18",)),
    Liar("FMT-01", "gives the history as text", handled("list_imports", _typed)),
    Liar("DST-01", "names an import in the URL of an export", told("start_export", _quiet_export)),
    Liar("SEC-02", "shows the exports of one company under another", first("poll_export", _of_no_account),
         ("AUTH-06", "POLL-18")),
)  # fmt: skip
