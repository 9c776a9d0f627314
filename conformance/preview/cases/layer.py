"""What is generated for Preview: operations, clauses and right calls, and the states in which the calls are judged.

The driver makes as few companies as it can: one for imports, which is idle again after every case, one to read from,
and one with a destination.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.fuzzing.case import Case, Expected
from conformance.fuzzing.layer import Grammar, Layer
from conformance.model.results import Blocked, Skipped
from conformance.preview.account import file_of, templates_of, with_connection
from conformance.preview.bodies import MOVING, TERMINAL, at, listed
from conformance.preview.cases.document import FILE, FORMS, SHEETS, SOURCE, UNKNOWN, UPLOAD, Facts, document, fill
from conformance.preview.cases.expected import expected
from conformance.preview.cases.walks import CLAUSES, play_walks
from conformance.preview.decision_runs import is_same
from conformance.preview.driver import Company, Run, StateDriver
from conformance.preview.response_schema import Difference, differences
from conformance.target.target import Body, Provision

if TYPE_CHECKING:
    from conformance.http.client import Answer


PATIENCE = 4
"""So many times a state is brought anew within one operation because an answer said that it was another."""


class CaseDriver:
    """Preview as the subject of generated calls."""

    def __init__(self, ctx: StateDriver) -> None:
        if ctx.client.read_only:
            raise Skipped("--read-only: what is generated creates companies and runs")
        self.ctx = ctx
        self._company: Company | None = None
        self._parked: Run | None = None
        self._completed: Run | None = None
        self._exportable: Company | None = None
        self._export: str | None = None
        self._uploads: dict[str, bool] = {}
        """Reference of an upload to whether an import had it."""
        self._catalogue: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._idle_seen = False
        self._renewals = 0
        self._stuck: Blocked | None = None
        """Why no run comes to rest: that is waited for once, for as long as the target file says, and not again."""

    def begin(self) -> None:
        """A new operation: what was renewed before is forgiven."""
        self._renewals = 0

    def facts(self, operation: str) -> Facts:
        """Bring what the operation needs; Skipped or Blocked where that cannot be."""
        match operation:
            case "list_sources" | "list_templates":
                return Facts()
            case "provision_company":
                self.ctx.must_provision()
                sources, templates = self._account()
                return Facts(sources=sources, templates=templates)
            case "request_upload" | "list_imports":
                return Facts(company=self.company())
            case "start_import":
                return Facts(company=self.idle(), columns=frozenset(columns(self.ctx)), upload=self._upload)
            case "decide":
                run = self.parked()
                return Facts(company=run.company, run=run)
            case "start_export" | "poll_export":
                return self._exporting(operation)
        if self._stuck is not None and self._completed is None:
            raise self._stuck
        run = self.completed()
        return Facts(company=run.company, run=run, sheets=_sheets(run))

    def fill(self, case: Case, facts: Facts) -> Case:
        """The case as it is sent."""
        return fill(case, facts)

    def ids(self, case: Case, facts: Facts) -> Mapping[str, Any]:
        """The ids in the call's path: the case's own, else those of the state."""
        company_id = None if facts.company is None else facts.company.id
        return {"company_id": company_id, "run_id": UNKNOWN if facts.run is None else facts.run.id, **case.ids}

    def expected(self, case: Case, facts: Facts) -> Expected:
        """What the contract requires of the answer to a filled-in case."""
        return expected(case, replace(facts, uploads=frozenset(self._uploads)))

    def differences(self, answer: Answer) -> Sequence[Difference]:
        """How the answer differs from the contract's shape."""
        return differences(answer.operation, answer)

    def kept_by(self, case: Case, wanted: Expected) -> str:
        """The clause by which a refused call has no effect."""
        if wanted.kind == "keyless":
            return "AUTH-07"
        if case.operation == "start_import":
            return "IMP-13"
        return wanted.clause if wanted.clause != "ERR-06" else "DEC-14"

    def renew(self) -> bool:
        """Forget every state, so that it is brought anew; False when that was done often enough."""
        self._renewals += 1
        if self._renewals > PATIENCE:
            return False
        self._company = self._parked = self._completed = self._exportable = self._export = None
        self._uploads.clear()  # they are of the company that was left
        return True

    def company(self) -> Company:
        """The company for imports."""
        if self._company is None:
            self._company = self.ctx.company(fresh=True)
            self._look()
        return self._company

    def idle(self) -> Company:
        """The company with no import in flight."""
        if self._stuck is not None:
            raise self._stuck
        if self._parked is not None and self._parked.company is self._company:
            self.rest(self._parked)
        return self.company()

    def parked(self) -> Run:
        """A run that waits for a decision."""
        if self._parked is None:
            way = self.ctx.target.states.get("needs_attention")
            if isinstance(way, Body) and "needs_attention" not in self.ctx.ways:
                run = self._start("needs_attention")
            else:
                run = self.ctx.run("needs_attention")
            self._parked = run
        return self._parked

    def completed(self) -> Run:
        """A completed run, to be read; in a company of its own, since elsewhere rows may be there already (OP-29)."""
        if self._completed is None:
            self._completed = self.ctx.run("completed", fresh=False)
        return self._completed

    def _start(self, state: str) -> Run:
        """A run of the company for imports, in that state; a company in which it went elsewhere is left."""
        company, self._company = self.idle(), None
        run = self.ctx.begin_run(state, company)
        self.ctx.until(run, state)
        self._company = company
        return run

    def rest(self, run: Run) -> None:
        """Let a run come to its end: what parks is rejected; its company is left where that does not end it."""
        self._parked = None if self._parked is run else self._parked
        status = self._wait_for_rest(run)
        if status == "needs_attention" and self.ctx.decide(run, "reject").ok:
            status = self._wait_for_rest(run)
        if status not in TERMINAL and self._company is run.company:
            self._company = None
        self._look()

    def _wait_for_rest(self, run: Run) -> Any:
        try:
            return at(self.ctx.until(run), "status")
        except Blocked as blocked:
            self._stuck = blocked
            raise

    def effect(self, case: Case, facts: Facts) -> tuple[bool, Answer] | None:
        """Whether a refused call left all as it was, with the answer that tells; None where nobody can see."""
        if case.operation == "decide" and facts.run is not None:
            before = facts.run.state
            polled = self.ctx.poll(facts.run)
            if polled.status is None:
                return None
            return is_same(before, polled), polled
        if case.operation == "start_import" and facts.company is not None and self._idle_seen:
            found = self.ctx.active(facts.company)
            if not found.ok or not isinstance(found.json, dict):
                return None
            return found.json.get("status") not in (*MOVING, "needs_attention"), found
        return None

    def settle(self, case: Case, facts: Facts, answer: Answer) -> None:
        """Tidy up after a call that was accepted, and forget what a refused one changed all the same."""
        if case.operation == "decide" and facts.run is self._parked and facts.run is not None:
            self._settle_decision(facts.run, answer)
        elif case.operation == "start_import" and answer.ok and facts.company is not None:
            refs = [each.get("upload_ref") for each in listed(case.body, "files")]
            self._uploads |= {ref: True for ref in refs if isinstance(ref, str) and ref in self._uploads}
            run_id = at(answer.json, "run_id")
            if not isinstance(run_id, str):
                self._company = None
                return
            self.ctx.left_behind.append(f"run {run_id} of company {facts.company.id}")
            self.rest(Run(facts.company, run_id, answer, case.body, answer))
        elif case.operation == "provision_company" and answer.ok:
            self.ctx.left_behind.append(f"company {at(answer.json, 'company', 'id')}")
        elif case.operation == "start_export" and answer.ok and facts.company is not None:
            self._export = str(at(answer.json, "run_id"))
            self._wait_for_export(facts.company)

    def _settle_decision(self, run: Run, answer: Answer) -> None:
        if answer.ok and self._wait_for_rest(run) == "needs_attention":
            return  # it parked again, with fresh questions
        if answer.ok or at(run.state, "status") != "needs_attention":
            self.rest(run)

    def _look(self) -> None:
        """See whether the target itself calls the company idle."""
        if self._company is not None:
            self._idle_seen = self.ctx.is_idle(self._company)

    def _account(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Every source of the account, the one to provision with first; and the templates to choose from."""
        if self._catalogue is None:
            first = self.ctx.source()
            listing = self.ctx.client.call("list_sources").json
            sources = [str(each.get("id")) for each in listed(listing, "sources")]
            chosen = self.ctx.target.tenant
            if isinstance(chosen, Provision) and chosen.template_ids:
                templates = list(chosen.template_ids)
            else:
                templates = [str(at(each, "id")) for each in templates_of(self.ctx)]
            self._catalogue = tuple(dict.fromkeys([first, *sources])), tuple(templates)
        return self._catalogue

    def _upload(self, others: Collection[str]) -> str:
        """The reference of a file with the target's clean rows that no import had; or one that is nobody's."""
        free = [ref for ref, had in self._uploads.items() if not had and ref not in others]
        if free:
            return free[0]
        way = self.ctx.target.states.get("completed")
        rows = listed(dict(way.body), "rows") if isinstance(way, Body) else []
        try:
            body = file_of(self.ctx, self.company(), rows, columns(self.ctx) or ("Name",))
        except Blocked:
            return str(uuid4())
        ref = str(body["files"][0]["upload_ref"])
        self._uploads[ref] = False
        return ref

    def _exporting(self, operation: str) -> Facts:
        if self._stuck is not None:
            raise self._stuck
        if self._exportable is None:
            self._exportable = self._with_destination()
        company = self._exportable or self.company()
        if operation == "poll_export" and self._export is None:
            answer = self.ctx.client.call("start_export", company_id=company.id, body={})
            if not answer.ok:
                raise Skipped(f"the target answers the start of an export with {answer.status} (OP-18)")
            self._export = str(at(answer.json, "run_id"))
            self._wait_for_export(company)
        run = None
        if operation == "poll_export" and self._export is not None:
            run = Run(company, self._export, self._poll_export(company))
        return Facts(company, run, templates=self._account()[1], destination=self._exportable is not None)

    def _with_destination(self) -> Company | None:
        """A new company with a destination and rows; None where the target lends companies or takes no connections."""
        if self.ctx.lent is not None:
            return None
        company, _ = with_connection(self.ctx)
        if company is None:
            return None
        self.ctx.until(self.ctx.begin_run("completed", company), "completed")
        return company

    def _wait_for_export(self, company: Company) -> None:
        """Wait until the export is over: another one may not be started before."""
        for _ in self.ctx.looks():
            if at(self._poll_export(company).json, "status") not in MOVING:
                return
        self._stuck = Blocked("the export is not over in time")
        raise self._stuck

    def _poll_export(self, company: Company) -> Answer:
        return self.ctx.client.call("poll_export", company_id=company.id, run_id=self._export)


def _sheets(run: Run) -> tuple[str, ...]:
    """The sheets of the run's company, as far as they are known."""
    reported = [each.get("sheetId") for each in listed(run.state, "report", "perSheet")]
    return tuple(run.company.sheets) or tuple(each for each in reported if isinstance(each, str))


def columns(ctx: StateDriver) -> tuple[str, ...]:
    """The columns of the rows that the target file starts imports with."""
    ways = [way.body for way in ctx.target.states.values() if isinstance(way, Body)]
    return tuple(dict.fromkeys(name for body in ways for row in listed(dict(body), "rows") for name in row))


BY_OPERATION: dict[str, tuple[str, ...]] = {
    "list_sources": ("SRC-01",),
    "list_templates": ("TPL-01",),
    "provision_company": (
        *("PROV-01", "PROV-08", "PROV-09", "PROV-10", "PROV-11", "PROV-12", "PROV-13", "PROV-15"),
        "ERR-11",
    ),
    "request_upload": ("UPL-01", "UPL-07", "ERR-11"),
    "start_import": ("IMP-01", "IMP-02", "IMP-06", "IMP-07", "IMP-08", "IMP-13", "ERR-11", "AUTH-07"),
    "decide": (
        *("DEC-01", "DEC-11", "DEC-12", "DEC-13", "DEC-14", "DEC-15", "DEC-16", "DEC-17", "DEC-18", "DEC-19"),
        *("DEC-20", "DEC-22", "DEC-26", "DEC-31", "AUTH-07"),
    ),
    "list_imports": ("HIST-01", "ACT-03", "ACT-08"),
    "poll_import": ("POLL-01", "POLL-17"),
    "export_csv": ("CSV-01", "CSV-10", "CSV-11"),
    "start_export": ("DST-02", "AUTH-06", "ERR-11"),
    "poll_export": ("AUTH-06",),
}


def grammar(ctx: StateDriver) -> Grammar:
    """What the calls are drawn from, with the columns of the target's own rows."""
    return Grammar(
        document=partial(document, columns(ctx)),
        forms=len(FORMS),
        several=("provision_company", "start_import", "decide"),
        bodies={
            "provision_company": {"name": "Company", "source": SOURCE},
            "request_upload": {"name": "conformance.csv", "content_type": "text/csv", "size": 8},
            "start_import": {"files": [{"name": FILE, "upload_ref": UPLOAD}]},
            "decide": {"decision": "approve"},
            "start_export": {"mode": "canary"},
        },
        queries={"export_csv": {"sheet_id": SHEETS[0]}},
        also=(Case("decide", {"decision": "reject"}),),
    )


LAYER = Layer(
    everywhere=("ERR-06", "AUTH-02", "AUTH-03"),
    by_operation=BY_OPERATION,
    walked=CLAUSES,
    needs=("completed", "needs_attention"),
    subject=CaseDriver,
    grammar=grammar,
    walk=play_walks,
)
