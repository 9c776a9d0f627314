"""Brings companies and runs into the states in which they are judged, and follows them from there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from conformance.engine.context import Context
from conformance.model.results import Blocked, Skipped
from conformance.preview import company_pool
from conformance.target.commands import CommandFailed, bring
from conformance.target.file import Body, Command, Existing, ExistingRun, Provision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.http.client import Answer

TERMINAL = ("completed", "failed", "canceled")
MOVING = ("queued", "running")
REFUSING, UNREACHABLE = "destination that refuses", "destination out of reach"
"""Ways beside the target file's to a company with a completed import and such a destination."""
_SHOWN = {"stale": "failed", "needs_attention_again": "needs_attention"}
"""The status of a run in those states that are not named as their status."""


@dataclass(slots=True)
class Company:
    """A company that the suite may use, and its sheets by id where provisioning told them."""

    id: str
    sheets: dict[str, str] = field(default_factory=dict)
    """Sheet id to template id; empty for an existing company."""
    provisioned: Any = None


@dataclass(slots=True)
class Run:
    """A run that was brought into a state, the answer that started it, and the latest poll."""

    company: Company
    id: str
    poll_url: str
    body: Any
    started: Answer | None
    polled: Answer

    @property
    def state(self) -> Any:
        """The latest poll's body."""
        return self.polled.json


@dataclass(slots=True, kw_only=True)
class StateDriver(Context):
    """The context of Preview's checks: a context that knows the ways to companies and to runs in each state."""

    held: set[str] = field(default_factory=set)
    """The ids of the runs that this check has begun or looks at, so that none of them is ended under its eyes."""

    @property
    def begun(self) -> dict[str, Run]:
        """The runs in borrowed companies that may be in flight, by id; they outlive a check."""
        return cast("dict[str, Run]", self.known.setdefault("runs in borrowed companies", {}))

    def give_back(self, *, for_good: bool = False) -> None:
        """End what was begun in borrowed companies, but for what later checks may still look at."""
        company_pool.give_back(self, for_good=for_good)

    # -- companies

    def company(self, *, fresh: bool = False) -> Company:
        """A company of the suite's: a new one, or, when looking is enough, one that others look at too."""
        if self.shared is not None and not fresh and "company" in self.shared:
            return cast("Company", self.shared["company"])
        chosen = self.target.company
        if self.client.read_only and isinstance(chosen, Existing) and not fresh:
            return Company(chosen.companies[0])
        if self.client.read_only:
            raise Skipped("--read-only: this needs a company to write in")
        company = self._lent(chosen.companies) if isinstance(chosen, Existing) else self._provisioned()
        if (
            self.shared is not None and not fresh
        ):  # a fresh one is its asker's alone: its rows are nobody else's (SEC-02)
            self.shared["company"] = company
        return company

    def provision(self, **members: Any) -> Answer:
        """Ask for a new company; `members` replace or add to what the suite sends (None leaves one out)."""
        name = f"conformance-{uuid4().hex[:12]}"
        body = {"name": name, "source": self.source(), "external_id": name} | members
        chosen = self.target.company
        if "template_ids" not in body and isinstance(chosen, Provision) and chosen.template_ids is not None:
            body["template_ids"] = list(chosen.template_ids)
        body = {member: value for member, value in body.items() if value is not None}
        answer = self.client.call("provision_company", body=body)
        made = answer.json.get("company") if answer.ok and isinstance(answer.json, dict) else None
        if isinstance(made, dict):
            self.left_behind.append(f"company {made.get('id')}")
        return answer

    def source(self) -> str:
        """The source to provision with: the target file's, else the account's first."""
        if isinstance(self.target.company, Provision) and self.target.company.source is not None:
            return self.target.company.source
        if "source" not in self.known:
            answer = self.client.call("list_sources")
            try:
                self.known["source"] = str(answer.json["sources"][0]["id"])
            except (TypeError, KeyError, IndexError):
                raise Blocked("GET /sources gives no source to provision with", [answer]) from None
        return str(self.known["source"])

    def _provisioned(self) -> Company:
        answer = self.provision()
        try:
            body = answer.json
            sheets = {str(sheet["id"]): str(sheet["template_id"]) for sheet in body["sheets"]}
            return Company(str(body["company"]["id"]), sheets, body)
        except (TypeError, KeyError):
            raise Blocked("a company could not be provisioned", [answer]) from None

    def _lent(self, companies: Sequence[str]) -> Company:
        """The next existing company without an import in flight."""
        found = company_pool.idle(self, companies)
        if found is not None:
            return Company(found)
        if self.begun:
            raise Skipped(f"the target file lends too few companies for this: {len(companies)}")
        raise Blocked("none of the existing companies is without an import in flight")

    # -- runs

    def run(self, state: str, *, fresh: bool = True) -> Run:
        """A run in that state; `fresh=False` when looking at one that others look at too is enough."""
        key = f"run {state}"
        if self.shared is not None and not fresh and key in self.shared:
            known = cast("Run", self.shared[key])
            if isinstance(known.state, dict) and known.state.get("status") == _SHOWN.get(state, state):
                self.held.add(known.id)
                return known  # another one has left the state since, as some targets let a parked run expire: OP-11
        run = self._brought(state)
        if self.shared is not None and not fresh:
            self.shared[key] = run
        return run

    def body(self, state: str) -> dict[str, Any]:
        """The start's body that leads to the state, for a check that starts by itself."""
        way = self.target.states.get(state)
        if not isinstance(way, Body):
            raise Skipped(f"the target file offers no body for {state}")
        # A key belongs to one start (IDEM-01): with the file's own, every later start would be the first one again.
        return {name: value for name, value in way.body.items() if name != "idempotency_key"}

    def start(self, company: Company, body: Any) -> Answer:
        """Start an import."""
        answer = self.client.call("start_import", company_id=company.id, body=body)
        if answer.ok and isinstance(answer.json, dict):
            run_id = str(answer.json.get("run_id"))
            self.left_behind.append(f"run {run_id} of company {company.id}")
            self.held.add(run_id)
            if isinstance(self.target.company, Existing):
                self.begun[run_id] = Run(company, run_id, "", body, answer, answer)
        return answer

    def poll(self, run: Run) -> Answer:
        """Read the run once, and remember the answer."""
        run.polled = self.client.call("poll_import", company_id=run.company.id, run_id=run.id)
        return run.polled

    def decide(self, run: Run, decision: str = "approve", answers: Any = None) -> Answer:
        """Post a decision."""
        body = {"decision": decision} | ({} if answers is None else {"answers": answers})
        return self.client.call("decide", company_id=run.company.id, run_id=run.id, body=body)

    def until(self, run: Run, *statuses: str) -> Any:
        """Poll until the run has one of these statuses (none: until it rests); Blocked when it rests elsewhere."""
        seen = []
        for _ in self.looks():
            answer = self.poll(run)
            status = answer.json.get("status") if isinstance(answer.json, dict) else None
            seen.append(status)
            if status in statuses or (not statuses and status not in MOVING):
                return answer.json
            if status not in MOVING:
                raise Blocked(f"expected {' or '.join(statuses)}; the run is {status}", [answer])
        raise Blocked(f"no {' or '.join(statuses) or 'rest'} in time; seen last: {seen[-1]}", [run.polled])

    def started(self, state: str, company: Company | None = None) -> Run:
        """A run of the body that leads to the state, just started."""
        owner = company or self.company(fresh=True)
        body = self.body(state)
        answer = self.start(owner, body)
        if not answer.ok or not isinstance(answer.json, dict) or "run_id" not in answer.json:
            raise Blocked(f"the import that leads to {state} could not be started", [answer])
        run_id = str(answer.json["run_id"])
        return Run(owner, run_id, str(answer.json.get("poll_url", "")), body, answer, answer)

    def _brought(self, state: str) -> Run:
        if state in self.ways:
            return self._found(*self.ways[state](), state)
        match self.target.states.get(state):
            case None:
                raise Skipped(f"the target file offers no way to {state}")
            case ExistingRun(company, run_id):
                return self._found(company, run_id, state)
            case Command() if self.client.read_only:
                raise Skipped("--read-only: the command that leads there may write")
            case Command(argv):
                try:
                    return self._found(
                        *bring(argv, self.target.folder, self.client.patience(self.target.run_timeout)), state
                    )
                except CommandFailed as failed:
                    raise Blocked(f"the way to {state}: {failed}") from failed
            case Body(_, answers):
                if state == "needs_attention_again":
                    return self._again(answers)
                run = self.started(state)
                self.until(run, state)
                return run

    def _again(self, answers: Any) -> Run:
        run = self.started("needs_attention_again")
        self.until(run, "needs_attention")
        answer = self.decide(run, "approve", answers)
        if not answer.ok:
            raise Blocked("the approval that should park again was refused", [answer])
        # The second parking may look like the first: the same rows can be asked about in the same words, under ids that
        # are used again (OP-20). That an approval leaves its parking is for DEC-03, where it cannot park again.
        self.until(run, "needs_attention")
        return run

    def _found(self, company: str, run_id: str, state: str) -> Run:
        url = f"/api/v1/companies/{company}/imports/{run_id}"
        polled = self.client.call("poll_import", company_id=company, run_id=run_id)
        wanted = _SHOWN.get(state, state)
        shown = polled.json.get("status") if isinstance(polled.json, dict) else None
        if shown != wanted:
            got = f"status {shown!r}" if polled.ok else f"{polled.status or polled.problem}"
            raise Blocked(
                f"the way to {state} gives run {run_id}, which is not {wanted}: its poll says {got}", [polled]
            )
        return Run(Company(company), run_id, url, None, None, polled)
