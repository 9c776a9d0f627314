"""An account of the Preview API, and every change that a call may make to it: the generation's half of the one door.

Each change checks everything before it changes anything (AUTH-07, IMP-13, DEC-14); see `session.store`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar

from mock_server.contract.document import canonical_id
from mock_server.contract.nearest import counted, shown
from mock_server.data import generated
from mock_server.data.book import Book, Sheet, has_open_groups
from mock_server.kernel.clock import EPOCH, HOUR, MINUTE
from mock_server.kernel.errors import Refusal
from mock_server.kernel.ids import made_uuid
from mock_server.preview.companies import UPLOAD_LASTS, Company, Ledger, Upload
from mock_server.preview.exports import ExportRun
from mock_server.preview.lifecycle import Approved, Canceled, Life, Rejected, Started, Status
from mock_server.preview.preconditions import (
    parked,
    refuse_busy,
    refuse_closed,
    refuse_exporting,
    refuse_lacking,
    taken,
)
from mock_server.preview.readings import IDS_AGAIN
from mock_server.preview.runs import Approval, ImportRun, Run
from mock_server.scenarios.model import Scenario, every_beat
from mock_server.session.store import change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mock_server.data.generated import GeneratedBook
    from mock_server.session.session import Session

R = TypeVar("R", bound=Run)
WAITED = 10 * MINUTE
"""How long before the session a ready run was started: it has been parked for a while when somebody looks."""

_MORE = "end its session (DELETE /_mock/session), or start the mock with a larger --max"


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


def generate_book(scenario: Scenario, sheets: Sequence[Sheet], seed: int) -> GeneratedBook:
    """The book of a scripted scenario, before anything came to light: what its beats declare, in these sheets."""
    groups = [(beat, group) for _, beat in every_beat(scenario.run) for group in beat.groups]
    return generated.generate(scenario.data, groups, sheets, seed)


def account_of(session: Session) -> Account:
    """The account of a session that speaks this generation."""
    account: Any = session.account
    return account  # type: ignore[no-any-return] # its generation made it


class Account(Ledger):
    """The companies, uploads and runs of one API key, and what changes in them."""

    # -- companies

    @change
    def open_ready(self, _now: int, company_id: str) -> Company:
        """Open the ready company of a scenario, with the run that waits there."""
        world = self.session.world
        scenario, catalogue = world.ready[company_id], world.catalogue
        ready = scenario.ready
        templates = [each.id for each in catalogue.templates if not ready.sheets or each.name in ready.sheets]
        company = Company(
            id=ready.id,
            name=ready.name,
            external_id=None,
            source=catalogue.sources[0],
            created=EPOCH - 2 * WAITED,
            workbook_id=made_uuid("workbook", ready.id),
            sheets=world.workbook(ready.id, templates, ready.sheets),
            destination=made_uuid("destination", ready.id),
            scenario=scenario.name,
        )
        self.companies[company.id] = company
        if ready.run is not None:
            book = self._generated(scenario, company)
            run = self._add_import(company, ready.run, scenario, Started(EPOCH - WAITED), book)
            run.stale_after = max(run.stale_after, HOUR)  # it is there, parked, whatever counts as stale afterwards
        return company

    @change
    def provision(self, now: int, body: Mapping[str, Any]) -> Company:
        """Create a company from a body of the contract's shape (PROV-01 to PROV-19)."""
        session, catalogue = self.session, self.session.world.catalogue
        source = next((each for each in catalogue.sources if each.id == canonical_id(body["source"])), None)
        if source is None:
            raise Refusal(404, f"no source {body['source']!r} in this account", "PROV-11")
        known = [template.id for template in catalogue.templates]
        wanted: list[str] = []
        for each in dict.fromkeys(body.get("template_ids", known)):
            wanted.append(canonical_id(each))
            if wanted[-1] not in known:
                text = f"template_ids names a template that this account does not have: {each!r}"
                raise Refusal(400, text, "PROV-15")
        external_id = body.get("external_id")
        self._refuse_taken(body["name"], source.id, external_id)
        scenario = session.world.scenarios.get((external_id or "").partition("--")[0])
        if scenario is not None:
            refuse_lacking(scenario, {template.name for template in catalogue.templates if template.id in wanted})
        company_id = session.made_id("company")
        company = self.companies[company_id] = Company(
            id=company_id,
            name=body["name"],
            external_id=external_id,
            source=source,
            created=now,
            workbook_id=session.made_id("workbook"),
            sheets=session.world.workbook(company_id, wanted, {}),
            destination=session.made_id("connection") if (body.get("connections") or {}).get("destination") else None,
            scenario=None if scenario is None else scenario.name,
        )
        return company

    def _refuse_taken(self, name: str, source_id: str, external_id: str | None) -> None:
        """Refusal for a name or an external id that another company has (PROV-14, PROV-16)."""
        world = self.session.world
        first = world.catalogue.sources[0]
        ready = source_id == first.id and any(each.ready.name == name for each in world.scenarios.values())
        for company in self.companies.values():
            if company.name == name and company.source.id == source_id:
                raise taken(name, company.source)
        if ready:
            raise taken(name, first)
        if external_id is not None and any(each.external_id == external_id for each in self.companies.values()):
            raise Refusal(409, f"external_id {shown(external_id)} is used by another company", "PROV-14")

    # -- uploads

    @change
    def request_upload(self, now: int, company_id: str, body: Mapping[str, Any]) -> Upload:
        """Sign a URL for one file (UPL-01, UPL-05); Refusal 413 beyond what a session may have."""
        if len(self.tokens) >= self.session.settings.max_uploads:
            raise Refusal(413, f"this account has {counted(len(self.tokens), 'upload')} already; {_MORE}-uploads")
        upload = Upload(
            ref=f"upl_{self.session.made_id('upload').replace('-', '')}",
            token=self.session.made_id("token").replace("-", ""),
            company_id=company_id,
            content_type=body.get("content_type"),
            size=body.get("size"),
            expires=now + UPLOAD_LASTS,
        )
        self.companies[company_id].uploads[upload.ref] = self.tokens[upload.token] = upload
        return upload

    def refuse_beyond(self, size: int) -> None:
        """Refusal 413 when the account's files would have too many bytes with so many more."""
        limit = self.session.settings.max_upload_bytes
        if self.stored + size > limit:
            raise Refusal(
                413, f"this account's files would have more than {limit} bytes together; {_MORE}-upload-bytes"
            )

    @change
    def receive(self, now: int, token: str, file: BinaryIO) -> None:
        """Keep the file that was put to a signed URL; Refusal 403 for a used or an expired one (UPL-03, UPL-04)."""
        refuse_closed(self.tokens[token], now)
        self.tokens[token].file = file

    # -- imports

    @change
    def start_import(self, now: int, company_id: str, request: Start) -> tuple[ImportRun, bool]:
        """The run of this request, and whether it is a new one (IMP-01, IDEM-01, IDEM-08)."""
        company = self.companies[company_id]
        again = self.replayed(company, "import", request.key, request.digest)
        if isinstance(again, ImportRun):
            return again, False
        refuse_busy(company, now)
        scenario, book, flagged = request.scenario, request.book, False
        if not scenario.own_rows:
            book = self._generated(scenario, company)
        elif book is not None:
            flagged = has_open_groups(book)
        self._forget_hidden(company, now)
        run = self._add_import(
            company, self.session.made_id("run"), scenario, Started(now, flagged, request.drift), book
        )
        if request.key is not None:
            company.keys["import", request.key] = request.digest, run
        run.settle()
        self.log.about(run.id)
        return run, True

    def _generated(self, scenario: Scenario, company: Company) -> Book:
        refuse_lacking(scenario, {sheet.name for sheet in company.sheets})
        return generate_book(scenario, company.sheets, self.session.settings.seed)

    def _add_import(
        self, company: Company, run_id: str, scenario: Scenario, started: Started, book: Book | None
    ) -> ImportRun:
        own = {"script": scenario.run, "book": book, "ids_again": self.session.dialect.has(IDS_AGAIN)}
        run = self._add_run(ImportRun, company, run_id, scenario, started, **own)
        company.imports.append(run)
        if book is not None:
            company.keeping.append(run)
        return run

    def _add_run(
        self, kind: type[R], company: Company, run_id: str, scenario: Scenario, started: Started, **own: Any
    ) -> R:
        run = kind(
            id=run_id,
            company_id=company.id,
            scenario=scenario.name,
            pace=self.session.pace or scenario.pace,
            started=started,
            stale_after=self.session.settings.stale_after,
            local=max(started.at, EPOCH),  # a ready run is where it is when the session opens, whatever its pace
            **own,
        )
        self.runs[run.id] = self._unended[run.id] = run
        return run

    def _forget_hidden(self, company: Company, now: int) -> None:
        """Give back the rows of ended imports that newer ones hide for good, or that were never shown (OP-29).

        Nothing can happen to such a run any more: what it is stands in the log for all that happened to it.
        """
        for run in company.hidden(now):
            run.forget(run.life(now))
            company.keeping.remove(run)
            keys = [(kind, key, digest) for (kind, key), (digest, known) in company.keys.items() if known is run]
            self.log.replace(run.id, "Account.restore", company.id, run, keys)

    @change
    def restore(self, _now: int, company_id: str, run: ImportRun, keys: Iterable[tuple[str, str, bytes]]) -> None:
        """Put an ended run back whose rows were given back."""
        company = self.companies[company_id]
        if company_id not in self.session.world.ready or run.id != self.session.world.ready[company_id].ready.run:
            self.session.made_id("run")
        company.imports.append(run)
        self.runs[run.id] = run
        company.keys.update({(kind, key): (digest, run) for kind, key, digest in keys})
        self.log.about(run.id)

    @change
    def reject(self, now: int, run_id: str) -> Status:
        """Reject a parked run; the status that it has then (DEC-31)."""
        run = self._import(run_id)
        parked(run, now)
        run.events.append(Rejected(run.time(now)))
        run.shown = False
        return run.life(now).status

    @change
    def approve(self, now: int, run_id: str, considered: Life, approval: Approval, *, answered: bool) -> None:
        """Approve a parked run, which must still be in the parking that the approval was worked out for (DEC-25)."""
        run = self._import(run_id)
        state = parked(run, now)
        if len(state.parkings) != len(considered.parkings):
            raise Refusal(409, "the run has parked anew meanwhile; read it again", "DEC-25")
        run.events.append(Approved(run.time(now), answered, has_open_groups(approval.book)))
        run.approvals.append(approval)
        run.shown = False

    def _import(self, run_id: str) -> ImportRun:
        run = self.runs[run_id]
        assert isinstance(run, ImportRun), "a decision is about an import"  # noqa: S101 - the handler has looked
        self.log.about(run_id)
        return run

    # -- exports

    @change
    def start_export(self, now: int, company_id: str, request: StartExport) -> tuple[ExportRun, bool]:
        """The export of this request, and whether it is a new one (DST-01, DST-09, OP-18)."""
        company = self.companies[company_id]
        again = self.replayed(company, "export", request.key, request.digest)
        if isinstance(again, ExportRun):
            return again, False
        refuse_exporting(company, now)
        scenario = self.scenario_of(company)
        own = {"script": scenario.export, "mode": request.mode, "writes": request.writes}
        run = self._add_run(ExportRun, company, self.session.made_id("run"), scenario, Started(now), **own)
        company.exports.append(run)
        if request.key is not None:
            company.keys["export", request.key] = request.digest, run
        run.settle()
        return run, True

    # -- a run's own time, and its operator

    @change
    def count_poll(self, _now: int, run_id: str) -> None:
        """A poll of a state that was shown before lets the next change happen."""
        self.runs[run_id].poll()
        self.log.about(run_id)

    def settle(self, now: int, company: Company) -> None:
        """With pace `instant`: a read comes after all that happens by itself."""
        for runs in (company.imports, company.exports):
            if runs and runs[-1].pace == "instant" and runs[-1].unsettled:
                self.settle_run(now, runs[-1].id)

    @change
    def settle_run(self, _now: int, run_id: str) -> None:
        """Let everything happen to the run that happens by itself."""
        self.runs[run_id].settle()
        self.log.about(run_id)

    @change
    def step(self, _now: int, run_id: str) -> None:
        """Let the run's own time pass to its next change."""
        self.runs[run_id].step()
        self.log.about(run_id)

    @change
    def cancel(self, now: int, run_id: str) -> None:
        """Stop a run as somebody at the vendor would (OP-16); Refusal 409 when it has ended."""
        run = self.runs[run_id]
        if not isinstance(run, ImportRun):
            raise Refusal(409, "only an import can be canceled; the contract knows no canceled export")
        state = run.life(now)
        if state.terminal:
            raise Refusal(409, f"the run is {state.status}, and so has ended; nothing is left to cancel")
        run.events.append(Canceled(run.time(now)))
        self.log.about(run_id)

    def close(self) -> None:
        """Close the files that were put to signed URLs, and let everything go."""
        for upload in self.tokens.values():
            if upload.file is not None:
                upload.file.close()
        for held in (self.tokens, self.companies, self.runs, self._unended):
            held.clear()
