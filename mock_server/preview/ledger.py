"""What an account of the Preview API holds, and everything that is asked of it; `account` changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from mock_server.kernel.clock import EPOCH
from mock_server.kernel.errors import Refusal
from mock_server.preview.intents import Intents
from mock_server.preview.lifecycle import before
from mock_server.preview.runs import ImportRun, Run
from mock_server.session.generation import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.preview.companies import Company, Upload
    from mock_server.recording.journal import Entry
    from mock_server.scenarios.model import Scenario
    from mock_server.session.exchange import Exchange
    from mock_server.session.session import Session
    from mock_server.session.store import Log


class Ledger:
    """The companies, uploads and runs of one API key, as they are asked for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.companies: dict[str, Company] = {}
        self.runs: dict[str, Run] = {}
        self.tokens: dict[str, Upload] = {}
        """The uploads by the token of their signed URL."""
        self.intents = Intents(session.generation.contract)
        self._unended: dict[str, Run] = {}
        """The runs that had not ended when somebody looked last."""

    @property
    def log(self) -> Log:
        """The session's log: an account changes through the same door."""
        return self.session.log

    # -- what is asked

    def company(self, company_id: str) -> Company:
        """The company of that id; Refusal 404 when this account has none (AUTH-06)."""
        company = self.known(company_id)
        if company is None:
            raise Refusal(404, f"no company {company_id!r} in this account", "AUTH-06")
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
            intents.note((operation, path, body), run_id, entry.status, lost=entry.lost)
        if run_id is not None and (run := self.runs.get(run_id)) is not None:
            entry.after = run.life(now)

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
            raise Refusal(409, f"idempotency_key {key!r} was used before with another payload", clause)
        return run
