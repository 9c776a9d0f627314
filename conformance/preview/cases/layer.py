"""What is generated for Preview: operations, clauses and right calls, and the states in which the calls are judged.

The driver makes as few companies as it can: one for imports, which is idle again after every case, one to read from,
and one with a destination.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.fuzzing.case import Case, Expected
from conformance.fuzzing.layer import Layer
from conformance.model.results import Blocked, Skipped
from conformance.preview.account import file_of, templates_of, with_connection
from conformance.preview.bodies import MOVING, TERMINAL, at, is_idle, is_same, listed
from conformance.preview.cases.document import DRAWN, UNKNOWN, Facts, document, fill
from conformance.preview.cases.expected import expected
from conformance.preview.cases.walks import play_walks
from conformance.preview.driver import Company, Run, StateDriver
from conformance.preview.response_schema import differences
from conformance.target.target import Body, Provision

if TYPE_CHECKING:
    from conformance.http.client import Answer


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
        self._idle_seen = False
        """Whether the target itself calls the company idle."""
        self._stuck: Blocked | None = None
        """Why no run comes to rest: that is waited for once, for as long as the target file says, and not again."""

    def facts(self, operation: str) -> Facts:
        """Bring what the operation needs; Skipped or Blocked where that cannot be."""
        match operation:
            case "list_sources" | "list_templates":
                return Facts()
            case "provision_company":
                self.ctx.must_provision()
                sources, templates = self._account
                return Facts(sources=sources, templates=templates)
            case "request_upload" | "list_imports":
                return Facts(company=self.company())
            case "start_import":
                company, known = self.idle(), frozenset(columns(self.ctx))
                return Facts(company=company, columns=known, uploads=self._uploads, upload=self._upload)
            case "decide":
                run = self.parked()
                return Facts(company=run.company, run=run)
            case "start_export" | "poll_export":
                return self._exporting(operation)
        if self._stuck is not None and self._completed is None:
            raise self._stuck
        run = self.completed()
        reported = [each.get("sheetId") for each in listed(run.state, "report", "perSheet")]
        sheets = tuple(run.company.sheets) or tuple(each for each in reported if isinstance(each, str))
        return Facts(company=run.company, run=run, sheets=sheets)

    def ready(self, case: Case, facts: Facts) -> tuple[Case, Mapping[str, Any], Expected]:
        """The case as it is sent, the ids in its path, and what the contract requires of the answer."""
        sent = fill(case, facts)
        company_id = None if facts.company is None else facts.company.id
        run_id = UNKNOWN if facts.run is None else facts.run.id
        return sent, {"company_id": company_id, "run_id": run_id, **sent.ids}, expected(sent, facts)

    def renew(self) -> None:
        """Forget every state, so that it is brought anew."""
        self._company = self._parked = self._completed = self._exportable = self._export = None
        self._uploads.clear()  # they are of the company that was left

    def company(self) -> Company:
        """The company for imports."""
        if self._company is None:
            self._company = self.ctx.company(fresh=True)
            self._idle_seen = is_idle(self.ctx.active(self._company))
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
            state = "needs_attention"
            if state in self.ctx.ways or not isinstance(self.ctx.target.states.get(state), Body):
                self._parked = self.ctx.run(state)
            else:
                company, self._company = self.idle(), None  # it is left when the run goes elsewhere
                run = self.ctx.begin_run(state, company)
                self.ctx.until(run, state)
                self._company, self._parked = company, run
        return self._parked

    def completed(self) -> Run:
        """A completed run, to be read; in a company of its own, since elsewhere rows may be there already (OP-29)."""
        if self._completed is None:
            self._completed = self.ctx.run("completed", fresh=False)
        return self._completed

    def rest(self, run: Run) -> None:
        """Let a run come to its end: what parks is rejected; its company is left where that does not end it."""
        self._parked = None if self._parked is run else self._parked
        status = self._wait_for_rest(run)
        if status == "needs_attention" and self.ctx.decide(run, "reject").ok:
            status = self._wait_for_rest(run)
        if status not in TERMINAL and self._company is run.company:
            self._company = None
        if self._company is not None:
            self._idle_seen = is_idle(self.ctx.active(self._company))

    def _wait_for_rest(self, run: Run) -> Any:
        try:
            return at(self.ctx.until(run), "status")
        except Blocked as blocked:
            self._stuck = blocked
            raise

    def effect(self, case: Case, facts: Facts, wanted: Expected) -> tuple[str, bool, Answer] | None:
        """By which clause a refused call leaves all as it was, and whether; with the answer that tells."""
        if case.operation == "decide" and facts.run is not None:
            clause = "DEC-14" if wanted.clause == "ERR-06" else wanted.clause
            before, shown = facts.run.state, self.ctx.poll(facts.run)
            seen, kept = shown.status is not None, is_same(before, shown)
        elif case.operation == "start_import" and facts.company is not None and self._idle_seen:
            clause, shown = "IMP-13", self.ctx.active(facts.company)
            seen = shown.ok and isinstance(shown.json, dict)
            kept = at(shown.json, "status") not in (*MOVING, "needs_attention")
        else:
            return None
        return ("AUTH-07" if wanted.kind == "keyless" else clause, kept, shown) if seen else None

    def settle(self, case: Case, facts: Facts, answer: Answer) -> None:
        """Tidy up after a call that was accepted, and forget what a refused one changed all the same."""
        company, run = facts.company, facts.run
        if case.operation == "decide" and run is not None and run is self._parked:
            if answer.ok and self._wait_for_rest(run) == "needs_attention":
                return  # it parked again, with fresh questions
            if answer.ok or at(run.state, "status") != "needs_attention":
                self.rest(run)
        elif case.operation == "start_import" and answer.ok and company is not None:
            refs = [each.get("upload_ref") for each in listed(case.body, "files")]
            self._uploads |= {ref: True for ref in refs if isinstance(ref, str) and ref in self._uploads}
            run_id = at(answer.json, "run_id")
            if not isinstance(run_id, str):
                self._company = None
                return
            self.ctx.left_behind.append(f"run {run_id} of company {company.id}")
            self.rest(Run(company, run_id, answer, case.body, answer))
        elif case.operation == "provision_company" and answer.ok:
            self.ctx.left_behind.append(f"company {at(answer.json, 'company', 'id')}")
        elif case.operation == "start_export" and answer.ok and company is not None:
            self._wait_for_export(company, answer)

    @cached_property
    def _account(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Every source of the account, the one to provision with first; and the templates to choose from."""
        first = self.ctx.source()
        listing = self.ctx.client.call("list_sources").json
        sources = dict.fromkeys([first, *(str(each.get("id")) for each in listed(listing, "sources"))])
        chosen = self.ctx.target.tenant
        if isinstance(chosen, Provision) and chosen.template_ids:
            return tuple(sources), chosen.template_ids
        return tuple(sources), tuple(str(at(each, "id")) for each in templates_of(self.ctx))

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
        """An export's company has a destination and rows, but where the target lends companies or makes none such."""
        if self._stuck is not None:
            raise self._stuck
        if self._exportable is None and self.ctx.lent is None:
            made, _ = with_connection(self.ctx)
            if made is not None:
                self.ctx.until(self.ctx.begin_run("completed", made), "completed")
            self._exportable = made
        company, run = self._exportable or self.company(), None
        if operation == "poll_export":
            if self._export is None:
                answer = self.ctx.client.call("start_export", company_id=company.id, body={})
                if not answer.ok:
                    raise Skipped(f"the target answers the start of an export with {answer.status} (OP-18)")
                self._wait_for_export(company, answer)
            run = Run(company, str(self._export), self._poll_export(company))
        return Facts(company, run, templates=self._account[1], destination=self._exportable is not None)

    def _wait_for_export(self, company: Company, started: Answer) -> None:
        """Wait until the export is over: another one may not be started before."""
        self._export = str(at(started.json, "run_id"))
        for _ in self.ctx.looks():
            if at(self._poll_export(company).json, "status") not in MOVING:
                return
        self._stuck = Blocked("the export is not over in time")
        raise self._stuck

    def _poll_export(self, company: Company) -> Answer:
        return self.ctx.client.call("poll_export", company_id=company.id, run_id=self._export)


def columns(ctx: StateDriver) -> tuple[str, ...]:
    """The columns of the rows that the target file starts imports with."""
    ways = [way.body for way in ctx.target.states.values() if isinstance(way, Body)]
    return tuple(dict.fromkeys(name for body in ways for row in listed(dict(body), "rows") for name in row))


LAYER = Layer(
    **{each: DRAWN[each] for each in ("everywhere", "by_operation", "walked", "needs", "several", "bodies", "queries")},
    document=lambda ctx, form, **known: document(columns(ctx), form, **known),
    forms=len(DRAWN["forms"]),
    also=(Case("decide", {"decision": "reject"}),),
    subject=CaseDriver,
    differences=differences,
    walk=play_walks,
)
