"""The one place that changes: a session's account, and every change that a call may make to it.

A change is one function without an `await`, so no two of them mix. Each checks everything before it changes anything:
a refused call leaves no trace (AUTH-07, IMP-13, DEC-14).
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from mock_server.data.book import unresolved
from mock_server.data.initial import generated
from mock_server.dialects.dialect import dialect
from mock_server.faults.rules import Faults
from mock_server.kernel.clock import EPOCH, HOUR, MINUTE, Clock
from mock_server.kernel.ids import made_uuid, stand_in
from mock_server.kernel.rate_limit import admit
from mock_server.preview.account import UPLOAD_LASTS, Company, Refusal, Upload
from mock_server.preview.exports import ExportRun
from mock_server.preview.lifecycle import FOREVER, Canceled, Started, decide
from mock_server.preview.preconditions import (
    parked,
    refuse_busy,
    refuse_closed,
    refuse_exporting,
    refuse_lacking,
    taken,
)
from mock_server.preview.readings.requests import IDS_AGAIN
from mock_server.preview.runs import ImportRun, Run
from mock_server.recording.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from mock_server.data.book import Book, Sheet
    from mock_server.dialects.dialect import Dialect
    from mock_server.kernel.settings import Settings
    from mock_server.preview.lifecycle import Life, Status
    from mock_server.preview.runs import Approval
    from mock_server.scenarios.catalog import World
    from mock_server.scenarios.model import Pace, Scenario

WAITED = 10 * MINUTE
"""How long before the session a ready run was started: it has been parked for a while when somebody looks."""


class Change(NamedTuple):
    """A run that changed by itself: when, which, from what, to what."""

    at: int
    run: Run
    before: Status
    after: Status


class Session:
    """One API key's account: catalogue, companies, runs, clock and budget; nothing of it is shared with another key."""

    def __init__(self, key: str, settings: Settings, world: World, real: int) -> None:
        self.key = key
        self.settings = settings
        self.world = world
        self.clock = Clock(since=real, speed=settings.speed)
        self.scenario = settings.scenario
        self.pace: Pace | None = None
        self.dialect = self.dialect_named(settings.dialect)
        self.companies: dict[str, Company] = {}
        self.runs: dict[str, Run] = {}
        self.uploads: dict[str, Upload] = {}
        """By the token of the signed URL."""
        self.journal = Journal(self.uploads)
        self.faults = Faults(settings.seed)
        self.busy = 0
        """How many calls are under way; while there are some, nothing that they may read is given back."""
        self.closed = False
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._budgets: defaultdict[tuple[str, ...], deque[int]] = defaultdict(deque)

    # -- who and when

    def made_id(self, kind: str) -> str:
        """The session's next id of a kind: the same for the same seed, key and order of calls."""
        self._numbers[kind] += 1
        word = self.key if kind == "token" else stand_in(self.key)  # a bundle tells the stand-in, and no token
        return made_uuid(self.settings.seed, word, kind, self._numbers[kind])

    def dialect_named(self, name: str) -> Dialect:
        """The dialect of that name, `random` drawn by the seed and the session; raises UnknownDialect."""
        return dialect(name, self.settings.seed, stand_in(self.key))

    def admit(self, operation_id: str, company_id: str | None, now: int) -> bool:
        """Whether a call stays within the budget of its operation; a call that does not is not counted (RATE-07)."""
        budgets: list[tuple[tuple[str, ...], int | None]] = [((operation_id,), self.settings.rate_limit)]
        if company_id is not None and (company := self._known(company_id)) is not None:
            budgets.append(((operation_id, company_id), self.scenario_of(company).rate_limit))
        return admit([(self._budgets[name], limit) for name, limit in budgets if limit is not None], now)

    def life(self, run_id: str | None, now: int) -> Life | None:
        """The run of that id as it is, or None when there is none, or no id."""
        run = None if run_id is None else self.runs.get(run_id)
        return None if run is None else run.life(now)

    # -- companies

    def company(self, company_id: str) -> Company:
        """The company of that id; Refusal 404 when this account has none (AUTH-06)."""
        company = self._known(company_id)
        if company is None:
            raise Refusal(404, f"no company {company_id!r} in this account", "AUTH-06")
        return company

    def _known(self, company_id: str) -> Company | None:
        known = self.companies.get(company_id)
        if known is None and (scenario := self.world.ready.get(company_id)) is not None:
            known = self._open_ready(scenario)
        return known

    def _open_ready(self, scenario: Scenario) -> Company:
        """The scenario's ready company, opened when it is first asked for."""
        ready, catalogue = scenario.ready, self.world.catalogue
        templates = [each.id for each in catalogue.templates if not ready.sheets or each.name in ready.sheets]
        company = Company(
            id=ready.company,
            name=ready.name,
            external_id=None,
            source=catalogue.sources[0],
            created=EPOCH - 2 * WAITED,
            workbook_id=made_uuid("workbook", ready.company),
            sheets=self.world.workbook(ready.company, templates, ready.sheets),
            destination=made_uuid("destination", ready.company),
            scenario=scenario.name,
        )
        self.companies[company.id] = company
        if ready.run is not None:
            book = self._generated(scenario, company)
            run = self._add_import(company, ready.run, scenario, Started(EPOCH - WAITED), book)
            run.stale_after = max(run.stale_after, HOUR)  # it is there, parked, whatever counts as stale afterwards
        return company

    def provision(self, body: Mapping[str, Any], now: int) -> Company:
        """Create a company from a body of the contract's shape (PROV-01 to PROV-19)."""
        catalogue = self.world.catalogue
        source = next((source for source in catalogue.sources if source.id == body["source"]), None)
        if source is None:
            raise Refusal(404, f"no source {body['source']!r} in this account", "PROV-11")
        known = [template.id for template in catalogue.templates]
        wanted = body.get("template_ids", known)
        if foreign := [template_id for template_id in wanted if template_id not in known]:
            text = f"template_ids names a template that this account does not have: {foreign[0]!r}"
            raise Refusal(400, text, "PROV-15")
        external_id = body.get("external_id")
        for company in self.companies.values():
            if company.name == body["name"] and company.source.id == source.id:
                raise taken(company.name, source)
        if source is catalogue.sources[0] and any(
            each.ready.name == body["name"] for each in self.world.scenarios.values()
        ):
            raise taken(body["name"], source)
        if external_id is not None and any(each.external_id == external_id for each in self.companies.values()):
            raise Refusal(409, f"external_id {external_id!r} is used by another company", "PROV-14")
        scenario = (external_id or "").partition("--")[0]
        if scenario in self.world.scenarios:
            names = {template.name for template in catalogue.templates if template.id in wanted}
            refuse_lacking(self.world.scenarios[scenario], names)
        company_id = self.made_id("company")
        company = Company(
            id=company_id,
            name=body["name"],
            external_id=external_id,
            source=source,
            created=now,
            workbook_id=self.made_id("workbook"),
            sheets=self.world.workbook(company_id, wanted, {}),
            destination=self.made_id("connection") if (body.get("connections") or {}).get("destination") else None,
            scenario=scenario if scenario in self.world.scenarios else None,
        )
        self.companies[company.id] = company
        return company

    def scenario_of(self, company: Company) -> Scenario:
        """The company's own scenario, else the session's."""
        scenarios = self.world.scenarios
        names = (company.scenario, self.scenario, self.settings.scenario, *scenarios)
        return next(scenarios[name] for name in names if name is not None and name in scenarios)

    # -- uploads

    def request_upload(self, company: Company, body: Mapping[str, Any], now: int) -> Upload:
        """Sign a URL for one file (UPL-01, UPL-05)."""
        upload = Upload(
            ref=f"upl_{self.made_id('upload').replace('-', '')}",
            token=self.made_id("token").replace("-", ""),
            company_id=company.id,
            content_type=body.get("content_type"),
            size=body.get("size"),
            expires=now + UPLOAD_LASTS,
        )
        company.uploads[upload.ref] = self.uploads[upload.token] = upload
        return upload

    def receive(self, upload: Upload, file: BinaryIO, now: int) -> None:
        """Keep the file that was put to a signed URL; Refusal 403 for a used or an expired one (UPL-03, UPL-04)."""
        self._refuse_closed()
        refuse_closed(upload, now)
        upload.file = file

    # -- imports

    def replayed(self, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
        """The run that this idempotency key created before, or None; Refusal 409 for another payload (IDEM-05)."""
        if key is None or (kind, key) not in company.keys:
            return None
        known, run = company.keys[kind, key]
        if known != digest:
            clause = "IDEM-05" if kind == "import" else "DST-09"
            raise Refusal(409, f"idempotency_key {key!r} was used before with another payload", clause)
        return run

    def start_import(self, company: Company, request: Start, now: int) -> tuple[ImportRun, bool]:
        """The run of this request, and whether it is a new one (IMP-01, IDEM-01, IDEM-08)."""
        self._refuse_closed()
        again = self.replayed(company, "import", request.key, request.digest)
        if isinstance(again, ImportRun):
            return again, False
        refuse_busy(company, now)
        company.forget_hidden(now)
        scenario, book, flagged = request.scenario, request.book, False
        if not scenario.own_rows:
            book = self._generated(scenario, company)
        elif book is not None:
            flagged = unresolved(book)
        started = Started(now, flagged, request.drift)
        run = self._add_import(company, self.made_id("run"), scenario, started, book)
        if request.key is not None:
            company.keys["import", request.key] = request.digest, run
        run.settled()
        return run, True

    def _generated(self, scenario: Scenario, company: Company) -> Book:
        refuse_lacking(scenario, {sheet.name for sheet in company.sheets})
        return generated(scenario, company.sheets, self.settings.seed)

    def _add_import(
        self, company: Company, run_id: str, scenario: Scenario, started: Started, book: Book | None
    ) -> ImportRun:
        run = ImportRun(
            id=run_id,
            company_id=company.id,
            scenario=scenario.name,
            script=scenario.run,
            pace=self.pace or scenario.pace,
            started=started,
            stale_after=self.settings.stale_after,
            local=max(started.at, EPOCH),  # a ready run is where it is when the session opens, whatever its pace
            book=book,
            ids_again=self.dialect.has(IDS_AGAIN),
        )
        company.imports.append(run)
        self.runs[run.id] = run
        return run

    def reject(self, run: ImportRun, now: int) -> Status:
        """Reject a parked run; the status that it has then (DEC-31)."""
        run.events.append(decide(parked(run, now), run.time(now), approve=False))
        run.shown = False
        return run.life(now).status

    def approve(self, run: ImportRun, considered: Life, approval: Approval, *, answered: bool, now: int) -> None:
        """Approve a parked run, which must still be in the parking that the approval was worked out for (DEC-25)."""
        self._refuse_closed()
        state = parked(run, now)
        if len(state.parkings) != len(considered.parkings):
            raise Refusal(409, "the run has parked anew meanwhile; read it again", "DEC-25")
        left = unresolved(approval.book)
        run.events.append(decide(state, run.time(now), approve=True, answered=answered, unresolved=left))
        run.approvals.append(approval)
        run.shown = False

    # -- exports

    def start_export(self, company: Company, request: StartExport, now: int) -> tuple[ExportRun, bool]:
        """The export of this request, and whether it is a new one (DST-01, DST-09, OP-18)."""
        again = self.replayed(company, "export", request.key, request.digest)
        if isinstance(again, ExportRun):
            return again, False
        self._refuse_closed()
        refuse_exporting(company, now)
        scenario = self.scenario_of(company)
        run = ExportRun(
            id=self.made_id("run"),
            company_id=company.id,
            scenario=scenario.name,
            script=scenario.export,
            pace=self.pace or scenario.pace,
            started=Started(now),
            stale_after=self.settings.stale_after,
            local=now,
            mode=request.mode,
            writes=request.writes,
        )
        company.exports.append(run)
        self.runs[run.id] = run
        if request.key is not None:
            company.keys["export", request.key] = request.digest, run
        run.settled()
        return run, True

    # -- the operator

    def advance(self, real: int, to: int) -> list[Change]:
        """Let the session's time pass until `to`; what changed by itself meanwhile, in order."""
        now = self.clock.at(real)
        self.clock = self.clock.moved(real, max(now, to))
        return self.changes(now, self.clock.at(real))

    def changes(self, after: int, until: int) -> list[Change]:
        """Every change of every run by itself in `after` < t <= `until`, in order."""
        found = [Change(at, run, *moved) for run in self.runs.values() for at, *moved in run.changes(after, until)]
        return sorted(found, key=lambda change: change.at)

    def next_change(self, now: int) -> int | None:
        """When the next run changes its status by itself, or None when none will."""
        return next((change.at for change in self.changes(now, FOREVER)), None)

    def cancel(self, run: Run, now: int) -> None:
        """Stop a run as somebody at the vendor would (OP-16); Refusal 409 when it has ended."""
        if not isinstance(run, ImportRun):
            raise Refusal(409, "only an import can be canceled; the contract knows no canceled export")
        state = run.life(now)
        if state.terminal:
            raise Refusal(409, f"the run is {state.status}, and so has ended; nothing is left to cancel")
        run.events.append(Canceled(run.time(now)))

    def close(self) -> None:
        """End the session: what it holds outside memory is given back as soon as no call is under way."""
        self.closed = True
        self.faults.end()
        self.release()

    def release(self) -> None:
        """Close the files of a session that has ended, unless somebody may still read them."""
        if self.closed and not self.busy:
            for upload in self.uploads.values():
                if upload.file is not None:
                    upload.file.close()

    def _refuse_closed(self) -> None:
        """Refusal 404 for a call that outlived its session: nobody could find what it would make."""
        if self.closed:
            raise Refusal(404, "the session ended while the call was under way")


class Start(NamedTuple):
    """A request to start an import, read and checked. Rows of the caller's own come as a book, or as a drift."""

    scenario: Scenario
    key: str | None
    digest: bytes
    book: Book | None = None
    drift: str | None = None


class StartExport(NamedTuple):
    """A request to start an export, with the rows that it selects counted."""

    mode: str
    key: str | None
    digest: bytes
    writes: tuple[tuple[Sheet, int], ...]
