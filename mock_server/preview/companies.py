"""What an account holds, its companies, their uploads and runs, and all that is asked of it; `account` changes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import orjson

from mock_server.contract.nearest import shown
from mock_server.kernel.clock import EPOCH, HOUR
from mock_server.kernel.errors import Refusal
from mock_server.preview.intents import Intents
from mock_server.preview.lifecycle import before
from mock_server.preview.runs import ImportRun, Run
from mock_server.session.generation import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.data.book import Book, Sheet
    from mock_server.data.templates import Link, Source
    from mock_server.preview.exports import ExportRun
    from mock_server.preview.lifecycle import Life
    from mock_server.recording.journal import Entry
    from mock_server.scenarios.model import Scenario
    from mock_server.session.exchange import Exchange
    from mock_server.session.session import Session

UPLOAD_LASTS = HOUR  # UPL-04


@dataclass(slots=True)
class Upload:
    """A signed URL, and what was put there: nothing yet, or one file (UPL-03)."""

    ref: str
    token: str
    company_id: str
    content_type: str | None
    size: int | None
    expires: int
    file: BinaryIO | None = None


@dataclass(slots=True)
class Company:
    """A customer of the account's: its workbook, and everything that was started for it."""

    id: str
    name: str
    external_id: str | None
    source: Source
    created: int
    workbook_id: str
    sheets: tuple[Sheet, ...]
    destination: str | None = None
    """The id of its destination connection; credentials are never stored (PROV-18, SEC-01)."""
    scenario: str | None = None
    """The scenario that the company was made for."""
    imports: list[ImportRun] = field(default_factory=list)
    exports: list[ExportRun] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[bytes, Run]] = field(default_factory=dict)
    """Kind of run and idempotency key (IDEM-06) to the payload's digest and the run it created."""
    keeping: list[ImportRun] = field(default_factory=list)
    """The imports that still have their rows, in the order of their start."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a thread works out what a start or a decision makes, so that simultaneous ones do it once."""

    def active(self, now: int) -> tuple[ImportRun, Life] | None:
        """The one import in flight, with its state, or None (ACT-01, ACT-02)."""
        if self.imports and not (state := self.imports[-1].life(now)).terminal:
            return self.imports[-1], state
        return None

    def books(self, now: int) -> Iterator[Book]:
        """What the imports so far left in the sheets, the newest first: it hides what came before (OP-29)."""
        for run in reversed(self.keeping):
            book = run.visible_book(run.life(now))
            if book is not None:
                yield book

    def hidden(self, now: int) -> list[ImportRun]:
        """The ended imports whose rows newer ones hide for good, or that were never shown (OP-29)."""
        covered: set[str] = set()
        found = []
        for run in reversed(self.keeping):
            state = run.life(now)
            book = run.visible_book(state)
            sheets = set() if book is None else {count.sheet.id for count in book.counts}
            if state.terminal and sheets <= covered:
                found.append(run)
            covered |= sheets if state.terminal else set()
        return found

    def book(self, sheet: Sheet, now: int) -> Book | None:
        """The book that fills the sheet now, or None while it is empty."""
        books = self.books(now)
        return next((book for book in books if any(count.sheet.id == sheet.id for count in book.counts)), None)

    def linked(self, now: int) -> dict[Link, tuple[Sheet, int, Book]]:
        """For every link of the workbook's columns the sheet, column number and book in which values may be found."""
        found = {}
        for link in {link for sheet in self.sheets for column in sheet.template.columns for link in column.links}:
            for sheet in self.sheets:
                if sheet.template.id == link.template_id and (book := self.book(sheet, now)) is not None:
                    found[link] = (sheet, sheet.template.index(link.column), book)
        return found


class Ledger:
    """The companies, uploads and runs of one API key, as they are asked for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.log = session.log
        """The session's: an account changes through the same door."""
        self.companies: dict[str, Company] = {}
        self.runs: dict[str, Run] = {}
        self.tokens: dict[str, Upload] = {}
        """The uploads by the token of their signed URL."""
        self.stored = 0
        """Bytes of all files that were put to them, or are on their way."""
        self.intents = Intents(session.generation.contract)
        self._unended: dict[str, Run] = {}
        """The runs that had not ended when somebody looked last."""

    def company(self, company_id: str) -> Company:
        """The company of that id; Refusal 404 when this account has none (AUTH-06)."""
        company = self.known(company_id)
        if company is None:
            raise Refusal(404, f"no company {shown(company_id)} in this account", "AUTH-06")
        return company

    def known(self, company_id: str) -> Company | None:
        """The company of that id, or None; a ready company is opened when it is first asked for."""
        known = self.companies.get(company_id)
        if known is None and company_id in self.session.world.ready:
            known = self.open_ready(EPOCH, company_id)
        return known

    def open_ready(self, now: int, company_id: str, /) -> Company:
        """Open the ready company of a scenario; a change, and so the account's."""
        raise NotImplementedError

    def scenario_of(self, company: Company) -> Scenario:
        """The company's own scenario, else the session's."""
        session = self.session
        scenarios = session.world.scenarios
        found = scenarios.get(company.scenario or session.scenario) or scenarios.get(session.scenario)
        return found or scenarios.get(session.settings.scenario) or next(iter(scenarios.values()))

    def running(self, now: int) -> list[Run]:
        """The runs that have not ended at `now`, in the order of their start."""
        for run in [run for run in self._unended.values() if run.life(now).terminal]:
            del self._unended[run.id]
        return list(self._unended.values())

    def subject(self, operation: str, ids: Mapping[str, str], preferred: str | None, now: int) -> Subject:
        """What a call is about, as it is when the call arrives.

        The scenario by whose faults it may be hit is the run's, else the preferred one, the company's, the session's.
        """
        scenarios, company_id, run_id = self.session.world.scenarios, ids.get("company_id"), ids.get("run_id")
        company = None if company_id is None else self.companies.get(company_id) or self.known(company_id)
        own = None if company is None else self.scenario_of(company)
        budget = None if own is None or own.rate_limit is None or company is None else (company.id, own.rate_limit)
        if run_id is not None and (run := self.runs.get(run_id)) is not None:
            return Subject(run, run.life(now), None, scenarios.get(run.scenario), budget)
        if company_id is None:
            return Subject(None, None, None, scenarios.get(self.session.scenario), None)
        flight = None
        if company is not None and run_id is None:
            runs = company.exports if operation == "start_export" else company.imports
            if runs and not (state := runs[-1].life(now)).terminal:
                flight = runs[-1].id, state
        if operation == "start_import" and preferred is not None:
            own = scenarios.get(preferred)
        return Subject(None, None, flight, own, budget)

    def observe(self, entry: Entry, path: str, body: bytes, now: int) -> None:
        """A call is over; note what its run has become. `body` is the beginning of its body."""
        run_id, operation, intents = entry.ids.get("run_id"), entry.operation, self.intents
        if operation is not None and (operation in intents.counted or intents.unanswered):
            intents.note((operation, path, body), run_id, entry.status, lost=entry.lost, done=entry.had_effect)
        if run_id is not None and (run := self.runs.get(run_id)) is not None:
            entry.after = run.life(now)

    def unread(self, entry: Entry, path: str, body: bytes) -> None:
        """The client of a call that is over did not read its answer."""
        if entry.operation in self.intents.counted:
            self.intents.forget_answer((entry.operation, path, body), entry.ids.get("run_id"), done=entry.had_effect)

    def scenarios(self) -> set[str]:
        """The names of the scenarios that it has used."""
        names = {run.scenario for run in self.runs.values()}
        return names | {company.scenario for company in self.companies.values() if company.scenario is not None}

    def earlier(self, exchange: Exchange) -> tuple[bytes, str] | None:
        """For a stale read: the body before the present one, and what it shows, in words; None when there is none."""
        run_id, now = exchange.parameters.get("run_id"), exchange.now
        if run_id is not None:
            run: Run | None = self.runs[run_id]
        else:
            imports = self.companies[exchange.parameters["company_id"]].imports
            run = imports[-1] if imports and "status" in exchange.query else None
        if run is None or (isinstance(run, ImportRun) and run.book is None and run.told is not None):
            return None
        was, is_now = before(run.script, run.started, run.events, run.time(now), run.stale_after), run.life(now)
        if was is None and run_id is not None:
            return None
        words = f"it shows {'no run' if was is None else was.status}, and the run is {is_now.status}"
        return orjson.dumps({"run": None} if was is None else run.described(was)), words

    def replayed(self, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
        """The run that this idempotency key created before, or None; Refusal 409 for another payload (IDEM-05)."""
        if key is None or (kind, key) not in company.keys:
            return None
        known, run = company.keys[kind, key]
        if known != digest:
            clause = "IDEM-05" if kind == "import" else "DST-09"
            raise Refusal(409, f"idempotency_key {shown(key)} was used before with another payload", clause)
        return run
