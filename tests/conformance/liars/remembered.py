"""Servers that lie because they remember: what changed is told as it was, what ended changes with the next import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from bending import asked, key_of, with_key
from lies import App, Liar, Lie
from places import all_of, around, put
from runlies import company_of, run_bodies
from twisting import anew, companies, import_of, looks, starts

from mock_server.data.book import report
from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.preview import account, preconditions, uploads
from mock_server.preview.account import Account, account_of
from mock_server.preview.companies import Company, Ledger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest
    from starlette.responses import Response
    from twisting import Answers, Look

    from mock_server.data.book import Book, Sheet
    from mock_server.preview.companies import Upload
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun
    from mock_server.session.exchange import Exchange as Call

    Answer = Callable[[], Awaitable[Response]]

_SOON = 1_000
"""Milliseconds until an index knows of what is new."""


def _read(response: Response) -> bytes:
    return bytes(response.body)


# -- look-ups and histories


def _active(tell: Callable[[dict[str, bytes], str, bytes], bytes]) -> Lie:
    """A lie of the active look-up that knows what it told of each company: by that, the company and the truth."""

    def new() -> Look:
        memory: dict[str, bytes] = {}

        async def bend(call: Call, answer: Answer) -> Response:
            response = await answer()
            if call.query.get("status") != "active":
                return response
            return http.answer(tell(memory, call.parameters["company_id"], _read(response)))

        return bend

    return looks("list_imports", new)


def _ended(memory: dict[str, bytes], company: str, truth: bytes) -> bytes:
    if b'"run":null' in truth:
        return memory.pop(company, truth)
    memory[company] = truth
    return truth


def _not_begun(memory: dict[str, bytes], company: str, truth: bytes) -> bytes:
    if b'"run":null' not in truth:
        return memory.pop(company, truth)
    memory[company] = truth
    return truth


def _decided(memory: dict[str, bytes], company: str, truth: bytes) -> bytes:
    if b'"needs_attention"' in truth:
        memory[company] = truth
    elif b'"run":null' not in truth:
        return memory.pop(company, truth)
    return truth


def _first_parking(memory: dict[str, bytes], company: str, truth: bytes) -> bytes:
    told = orjson.loads(truth)
    if told.get("status") != "needs_attention":
        return truth
    return memory.setdefault(f"{company} {told['run_id']}", truth)


def _old_page() -> Look:
    memory: dict[Any, tuple[int, bytes]] = {}

    async def bend(call: Call, answer: Answer) -> Response:
        response = await answer()
        key, known = (call.parameters["company_id"], str(call.query)), len(company_of(call).imports)
        before, body = memory.get(key, (known, _read(response)))
        memory[key] = known, _read(response)
        return response if "status" in call.query or before == known else http.answer(body)

    return bend


# -- polls


def _older(change: Callable[[ImportRun, Life, Company, int], dict[str, Any] | None]) -> Lie:
    """A lie about ended runs that are not their company's latest: what they are said to be, None for the truth."""

    async def bend(call: Call, answer: Answer) -> Response:
        response = await answer()
        found = import_of(call)
        if found is None or not found[1].terminal:
            return response
        company = company_of(call)
        if found[0] is company.imports[-1]:
            return response
        body = change(*found, company, call.now)
        return response if body is None else http.answer(body)

    return looks("poll_import", lambda: bend)


def _report_lost(run: ImportRun, state: Life, _company: Company, _now: int) -> dict[str, Any] | None:
    told: dict[str, Any] = orjson.loads(run.body_of(state))
    return {name: each for name, each in told.items() if name != "report"} if state.rejected else None


def _report_of_latest(run: ImportRun, state: Life, company: Company, now: int) -> dict[str, Any] | None:
    told: dict[str, Any] = orjson.loads(run.body_of(state))
    latest = company.imports[-1]
    newer = latest.report(latest.life(now)) if state.status == "completed" else None
    return None if newer is None else told | {"report": newer}


def _superseded(_run: ImportRun, state: Life, _company: Company, _now: int) -> dict[str, Any] | None:
    return {"status": "canceled"} if state.status == "failed" else None


def _archived(run: ImportRun, _state: Life, _company: Company, _now: int) -> dict[str, Any] | None:
    raise Refusal(404, f"no import {run.id} of this company")


def _not_there_yet() -> Look:
    seen: set[str] = set()

    async def bend(call: Call, answer: Answer) -> Response:
        found = import_of(call)
        if found is not None and found[0].id not in seen:
            seen.add(found[0].id)
            if found[0] in company_of(call).imports[1:]:
                raise Refusal(404, "no such import of this company")
        return await answer()

    return bend


def _first_report(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
    if body["status"] == "needs_attention" and len(state.parkings) > 1 and run.book is not None:
        body["report"] = report(run.book.reveal(state.parkings[0].beat), parked=True)


def _known_anywhere() -> Look:
    """Who polled a run once made it known by its id alone."""
    known: set[str] = set()

    async def bend(call: Call, answer: Answer) -> Response:
        run_id = call.parameters["run_id"]
        try:
            response = await answer()
        except Refusal:
            run = account_of(call.session).runs.get(run_id)
            if run_id not in known or run is None:
                raise
            return http.answer(run.body(call.now))
        known.add(run_id)
        return response

    return bend


def _known_to_all() -> Look:
    """What was told of a path is told to whoever asks."""
    told: dict[str, bytes] = {}

    async def bend(call: Call, answer: Answer) -> Response:
        path = call.scope["path"]
        try:
            response = await answer()
        except Refusal:
            if path not in told:
                raise
            return http.answer(told[path])
        told[path] = _read(response)
        return response

    return bend


def _kept_for_all() -> Lie:
    last: list[str] = []

    def bend(scope: Any) -> None:
        if scope["method"] == "GET" and scope["path"].endswith(("/sources", "/templates")):
            if key := key_of(scope):
                last[:] = [key] if not key.startswith(("invalid", "revoked")) else last
            elif last:
                with_key(scope, last[0])

    return asked(bend)


# -- downloads


def _book_of_the_parking() -> Lie:
    memory: dict[tuple[str, str], Book | None] = {}

    def bend(honest: Any) -> Any:
        def book(self: Company, sheet: Sheet, now: int) -> Book | None:
            found: Book | None = honest(self, sheet, now)
            active = self.active(now)
            if active is not None and active[1].status == "needs_attention":
                memory[self.id, sheet.id] = found
            return memory.get((self.id, sheet.id), found) if active is None else found

        return book

    async def once(call: Call, answer: Answer) -> Response:
        response, company = await answer(), company_of(call)
        for sheet in company.sheets if company.active(call.now) is None else ():
            memory.pop((company.id, sheet.id), None)
        return response

    return all_of(around(Company.book, bend), looks("export_csv", lambda: once))


def _whatever_the_filter() -> Look:
    memory: dict[Any, str] = {}

    async def bend(call: Call, answer: Answer) -> Response:
        company, query = companies(call).get(call.parameters["company_id"]), call.query
        if company is not None and "sheet_id" in query and query.get("filter", "valid") in {"valid", "all"}:
            run = company.imports[-1] if company.imports else None
            state = None if run is None else (run.id, run.life(call.now).since)
            chosen = memory.setdefault((company.id, query["sheet_id"], state), query.get("filter", "valid"))
            call.scope = {**call.scope, "query_string": urlencode(query | {"filter": chosen}).encode()}
        return await answer()

    return bend


def _sheet_of_anybody() -> Look:
    known: dict[str, str] = {}

    async def bend(call: Call, answer: Answer) -> Response:
        sheet = call.query.get("sheet_id", "")
        try:
            response = await answer()
        except Refusal:
            if sheet not in known or known[sheet] not in companies(call):
                raise
            call.parameters = {"company_id": known[sheet]}
            return await answer()
        known[sheet] = call.parameters["company_id"]
        return response

    return bend


# -- keys, names, files


def _old_keys(forget: Callable[[Company, str, bytes], bytes | None]) -> Lie:
    """A lie about a key whose import is not the company's latest: with which payload it is known, None for none."""

    def bend(honest: Any) -> Any:
        def replayed(self: Ledger, company: Company, kind: str, key: str | None, digest: bytes) -> Any:
            if kind == "import" and key is not None and (kind, key) in company.keys:
                known, run = company.keys[kind, key]
                if run is not company.imports[-1]:
                    left = forget(company, key, known)
                    return None if left is None else run
            return honest(self, company, kind, key, digest)

        return replayed

    return around(Ledger.replayed, bend)


def _slow_index(honest: Any) -> Any:
    def refuse(self: Account, name: str, source_id: str, external_id: str | None) -> None:
        now = max((each.created for each in self.companies.values()), default=0)
        new = any(e.external_id == external_id and e.created > now - _SOON for e in self.companies.values())
        honest(self, name, source_id, None if new else external_id)

    return refuse


def _free_again(app: App, patch: pytest.MonkeyPatch) -> App:
    free: set[str] = set()
    honest = preconditions.refuse_closed

    def refuse_closed(upload: Upload, now: int) -> None:
        if upload.ref not in free:
            honest(upload, now)
        elif upload.file is not None:
            upload.file.close()

    async def bend(_: Call, body: Any, answer: Answers) -> Response:
        response = await answer(body)
        free.update(each["upload_ref"] for each in body.get("files", ()))
        return response

    for module in (uploads, account):
        put(patch, (module, honest), refuse_closed)
    return starts(bend)(app, patch)


LIARS = (
    Liar("ACT-05", "looks up a run that has ended once more as it was", _active(_ended), ("ACT-02", "DEC-34")),
    Liar("ACT-01", "says once more that no run is in flight", _active(_not_begun), ("ACT-04", "ACT-06")),
    Liar("ACT-06", "looks up a run that was decided once more as it was parked", _active(_decided)),
    Liar("ACT-06", "looks up the first parking during the second", _active(_first_parking), ("ACT-04",)),
    Liar("HIST-03", "shows a page of the history once more as it was", looks("list_imports", _old_page),
         ("HIST-01", "HIST-04")),
    Liar("DEC-32", "loses the report of a rejected run with the next import", _older(_report_lost),
         ("RUN-03", "RUN-04")),
    Liar("RUN-04", "shows the latest report for each completed run", _older(_report_of_latest), ("RUN-03",)),
    Liar("RUN-03", "calls a failed run canceled once another import has begun", _older(_superseded),
         ("RUN-04", "STALE-04")),
    Liar("POLL-01", "knows an ended run until the next import begins", _older(_archived),
         ("RUN-03", "RUN-04", "STALE-04")),
    Liar("IMP-05", "does not find a company's second run at its first read", looks("poll_import", _not_there_yet),
         ("POLL-01",)),
    Liar("POLL-11", "tells in the second parking the report of the first", run_bodies(_first_report),
         ("QUE-06", "DEC-28")),
    Liar("POLL-18", "knows a run by its id alone once it was polled", looks("poll_import", _known_anywhere)),
    Liar("AUTH-06", "tells another account what it told of a run before", looks("poll_import", _known_to_all),
         ("POLL-18", "POLL-19", "SEC-02")),
    Liar("AUTH-02", "gives whoever has no key the lists that it gave before", anew(_kept_for_all)),
    Liar("DEC-05", "gives a download once more as it was while the run was parked", anew(_book_of_the_parking),
         ("CSV-06", "DEC-06", "DEC-07", "DEC-08")),
    Liar("CSV-04", "gives the same download whatever the second filter is", looks("export_csv", _whatever_the_filter),
         ("CSV-03", "CSV-05", "CSV-06")),
    Liar("CSV-11", "gives any company a sheet that was downloaded before", looks("export_csv", _sheet_of_anybody),
         ("SEC-02",)),
    Liar("IDEM-03", "remembers a company's latest key alone", _old_keys(lambda *_: None)),
    Liar("IDEM-05", "forgets with which payload a key came once another import has begun",
         _old_keys(lambda _company, _key, known: known)),
    Liar("PROV-14", "learns after a second that an external id is in use", around(Account._refuse_taken, _slow_index)),
    Liar("UPL-03", "takes another file at a URL once the first was imported", _free_again),
)  # fmt: skip
