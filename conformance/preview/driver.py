"""Brings companies and runs into the states in which they are judged, and follows them from there.

The rule that it keeps: a run that the suite began in a borrowed company is ended as soon as no check needs it, so that
the next one finds the company idle; what parks is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from conformance.engine.context import Context, block_if, has_status, must_come, must_succeed, skip_if
from conformance.model.plain import plain
from conformance.model.results import Blocked, Outcome, Skipped
from conformance.preview.bodies import MOVING, TERMINAL, array, at, is_id, is_idle
from conformance.preview.causes import call, lack, lack_of_company, of_all, refusal, unseen
from conformance.preview.response_schema import differences
from conformance.target.commands import CommandFailed, bring
from conformance.target.target import Body, Command, Existing, ExistingRun, Provision
from mock_server.contract.document import clause_texts

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.observed.memory import Memory


ANSWERED = ("needs_attention_again", "completed_with_flags")
"""The states on whose way a run is approved, with the answers that the target file gives."""
REFUSING, UNREACHABLE = "destination that refuses", "destination out of reach"
"""Ways beside the target file's to a company with a completed import and such a destination."""


TOO_EARLY, ENOUGH = "first looks that came too early", 2
"""After so many of them, counted by what has set a run moving, a run that moves is waited for a little before it is
first looked at: where each endpoint takes so many calls a minute, it is the polls that a whole journey waits for."""


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
    polled: Answer
    body: Any = None
    started: Answer | None = None
    decided: str = ""
    """The decision that was taken since the latest poll."""

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
    def memory(self) -> Memory:
        """What was seen of the account so far, by all checks."""
        return cast("Memory", self.observer.memory)

    @property
    def in_flight(self) -> dict[str, Run]:
        """The runs in borrowed companies that may be in flight, by id; they outlive a check."""
        return cast("dict[str, Run]", self.known.setdefault("runs in borrowed companies", {}))

    def give_back(self, *, for_good: bool = False) -> None:
        """End what was begun in borrowed companies, but for what later checks may still look at."""
        wanted = set() if for_good else {run.id for _, run in _shared_runs(self)}
        for _, run in _shared_runs(self):
            if at(run.state, "status") in TERMINAL:
                self.in_flight.pop(run.id, None)
        for run in [each for each in self.in_flight.values() if each.id not in wanted]:
            _end(self, run)

    def shaped(self, answer: Answer, *clauses: str) -> bool:
        """Record of each clause whether it lets the answer be as it is: members, types, forms; whether all do.

        A clause about the entries of arrays is left open where there are none.
        """
        must_come(answer)
        found = differences(answer.operation, answer, to_the_letter=self.target.strict)
        broken = {clause: each.text for each in reversed(found) for clause in (each.place, each.clause)}
        if found and not isinstance(answer.json, dict):
            broken = dict.fromkeys(clauses, found[0].text) | broken  # what is no object has none of the members
        for clause in clauses:
            if clause not in broken and (nothing := unseen(answer, clause)) is not None:
                self.give_up([clause], nothing)
                continue
            got, expected = broken.get(clause, ""), "an answer of the contract's shape"
            self.require(clause, clause not in broken, clause_texts()[clause], answer, expected=expected, got=got)
        return not broken.keys() & set(clauses)

    @property
    def lent(self) -> tuple[str, ...] | None:
        """The companies that the target file lends; None when the suite provisions its own."""
        tenant = self.target.tenant
        return tenant.ids if isinstance(tenant, Existing) else None

    def must_provision(self) -> None:
        """Skipped when the target file lends companies: then the suite makes none of its own."""
        skip_if(self.lent is not None, "the target file names existing companies, so the suite provisions none")

    def company(self, *, fresh: bool = False) -> Company:
        """A company of the suite's: a new one, or, when looking is enough, one that others look at too."""
        return self._company(fresh=True) if fresh else self.share("company", self._company)

    def _company(self, *, fresh: bool = False) -> Company:
        skip_if(self.client.read_only and (fresh or self.lent is None), "--read-only: this needs a company to write in")
        if self.lent is not None:
            return Company(self.lent[0]) if self.client.read_only and self.lent else self._borrow(self.lent)
        answer = self.provision()
        if (company := company_of(answer)) is None:
            raise Blocked(f"a company could not be provisioned{lack_of_company(answer)}", [answer])
        return company

    def any_company(self) -> Company:
        """A company to look at, whatever it is busy with; what is asked of it changes nothing."""
        return self.company() if self.lent is None else Company(self.lent[0])

    def provision(self, **members: Any) -> Answer:
        """Ask for a new company; `members` replace or add to what the suite sends (None leaves one out)."""
        body = new_company(self.source()) | members
        chosen = self.target.tenant
        if "template_ids" not in body and isinstance(chosen, Provision) and chosen.template_ids is not None:
            body["template_ids"] = list(chosen.template_ids)
        body = {member: value for member, value in body.items() if value is not None}
        answer = self.client.call("provision_company", body=body)
        if answer.ok and is_id(company_id := at(answer.json, "company", "id")):
            self.left_behind.append(f"company {company_id}")
        return answer

    def source(self) -> str:
        """The source to provision with: the target file's, else the account's first."""
        if isinstance(self.target.tenant, Provision) and self.target.tenant.source is not None:
            return self.target.tenant.source
        if "source" not in self.known:
            answer = self.client.call("list_sources")
            if not is_id(source := at(answer.json, "sources", 0, "id")):
                raise Blocked(f"GET /sources gives no source to provision with{lack(answer, 'sources/0/id')}", [answer])
            self.known["source"] = source
        return str(self.known["source"])

    def _borrow(self, companies: Sequence[str]) -> Company:
        """The next existing company without an import in flight, if need be after what no check needs now has ended."""
        for _ in range(2):
            for each in map(Company, companies):
                if is_idle(self.active(each)):
                    return each
            # None is: what another check has kept to be looked at is ended, but for this check's own runs.
            ended = {key: run for key, run in self.in_flight.items() if key not in self.held}
            for key, run in _shared_runs(self):
                if run.id in ended:
                    (self.shared or {}).pop(key)
            for run in ended.values():
                _end(self, run)
            if not ended:
                break
        skip_if(self.in_flight, f"the target file lends too few companies for this: {len(companies)}")
        raise Blocked("none of the existing companies is without an import in flight")

    def status(self, clause: str, answer: Answer, wanted: int, requirement: str) -> bool:
        """Record whether the answer has the status; of an operation that is not there others tell."""
        if not has_status(answer.status or 0, wanted) and of_all(clause, answer) and self.memory.lacks(answer):
            return self.each_status(clause, {"": answer}, wanted, requirement)
        return Context.status(self, clause, answer, wanted, requirement)

    def each_status(self, clause: str, answers: Mapping[str, Answer], wanted: int, requirement: str) -> bool:
        """Record whether each of the named answers has the status; of an operation that is not there others tell."""
        wrong = [each for each in answers.values() if not has_status(each.status or 0, wanted)]
        absent = [each for each in wrong if of_all(clause, each) and self.memory.lacks(each)]
        for each in absent[:1]:
            reason = f"{call(each)} is answered with {each.status} every time: is it there?"
            self.leave_open([clause], Outcome.INCONCLUSIVE, reason, [each])
        rest = {name: each for name, each in answers.items() if each not in absent}
        return not (answers and not rest) and Context.each_status(self, clause, rest, wanted, requirement)

    def give_up(self, clauses: Iterable[str], by: Skipped | Blocked, about: str = "") -> None:
        """Record of the clauses that a state could not be reached, with what the call was answered that led there."""
        if isinstance(by, Blocked):
            by = Blocked(f"{by}{refusal(by)}", by.answers)
        Context.give_up(self, clauses, by, about)

    def history(self, company: Company) -> Answer:
        """The company's history, its first page."""
        return self.client.call("list_imports", company_id=company.id)

    def active(self, company: Company) -> Answer:
        """The active look-up of the company."""
        return self.client.call("list_imports", company_id=company.id, query={"status": "active"})

    def run(self, state: str, *, fresh: bool = True) -> Run:
        """A run in that state; `fresh=False` when looking at one that others look at too is enough."""
        known = None if fresh else (self.shared or {}).get(f"run {state}")
        if isinstance(known, Run) and at(known.state, "status") == _shown(state):
            self.held.add(known.id)
            return known  # another one has left the state since, as some targets let a parked run expire: OP-11
        run = self._bring(state)
        if not fresh:
            self.remember(f"run {state}", run)
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
        run_id = at(answer.json, "run_id")
        if answer.ok and is_id(run_id):
            self.left_behind.append(f"run {run_id} of company {company.id}")
            self.held.add(run_id)
            if self.lent is not None:
                self.in_flight[run_id] = Run(company, run_id, answer, body, answer)
        return answer

    def read_run(self, company_id: str, run_id: str) -> Run:
        """A run by its ids, in whatever state it is."""
        return Run(Company(company_id), run_id, self.client.call("poll_import", company_id=company_id, run_id=run_id))

    def poll(self, run: Run) -> Answer:
        """Read the run once, and remember the answer."""
        run.polled = self.client.call("poll_import", company_id=run.company.id, run_id=run.id)
        run.decided = ""
        return run.polled

    def decide(self, run: Run, decision: str = "approve", answers: Any = None) -> Answer:
        """Post a decision."""
        body = {"decision": decision} | ({} if answers is None else {"answers": answers})
        answer = self.client.call("decide", company_id=run.company.id, run_id=run.id, body=body)
        run.decided = decision if answer.ok else run.decided
        return answer

    def until(self, run: Run, *statuses: str) -> Any:
        """Poll until the run has one of these statuses (none: until it rests); Blocked when it rests elsewhere."""
        early = self._wait_if_early(run) if not {*statuses} & {*MOVING} else None
        seen: list[Any] = []
        for _ in self.looks():
            answer = self.poll(run)
            status = at(answer.json, "status")
            if early is not None and not seen and status in MOVING:
                self.known[early] = self.known.get(early, 0) + 1
            seen.append(status)
            if status in statuses or (not statuses and status not in MOVING):
                return answer.json
            block_if(status not in MOVING, f"expected {' or '.join(statuses)}; the run is {plain(status)}", answer)
        raise Blocked(f"no {' or '.join(statuses) or 'rest'} in time; seen last: {seen[-1]}", [run.polled])

    def _wait_if_early(self, run: Run) -> str:
        """Wait where a look at the run would come too early, as it has shown; by what name such looks are counted."""
        early = f"{TOO_EARLY} after {run.decided or 'a start'}"
        moves = run.decided or at(run.state, "status") in MOVING
        if moves and self.known.get(early, 0) >= ENOUGH:
            self.wait()
        return early

    def end(self, run: Run) -> None:
        """Bring a parked run to its end by a rejection."""
        rejected = self.decide(run, "reject")
        must_succeed(rejected, "the parked run could not be brought to an end: its rejection was refused")
        self.until(run, *TERMINAL)

    def begin(self, company: Company, body: Any, what: str = "the import") -> Run:
        """The run that a start of the body begins; Blocked when it begins none."""
        return self.run_of(self.start(company, body), company, body, what)

    def run_of(self, answer: Answer, company: Company, body: Any, what: str = "the import") -> Run:
        """The run that this start of the body began."""
        run_id = at(answer.json, "run_id")
        if not answer.ok or not is_id(run_id):
            raise Blocked(f"{what} could not be started{lack(answer, 'run_id')}", [answer])
        return Run(company, run_id, answer, body, answer)

    def begin_run(self, state: str, company: Company | None = None) -> Run:
        """A run of the body that leads to the state, just started."""
        owner, body = company or self.company(fresh=True), self.body(state)
        return self.begin(owner, body, f"the import that leads to {state}")

    def led_to(self, state: str) -> tuple[str, str]:
        """The ids of the company and the run to which a way leads that is no import of the suite's."""
        if state in self.ways:
            return self.ways[state]()
        match self.target.states.get(state):
            case ExistingRun(company, run_id):
                return company, run_id
            case Command() if self.client.read_only:
                raise Skipped("--read-only: the command that leads there may write")
            case Command(argv):
                try:
                    seconds = self.client.patience(self.target.run_timeout)
                    company, run_id = bring(("company", "run"), argv, self.target.folder, seconds)
                    return company, run_id
                except CommandFailed as failed:
                    raise Blocked(f"the way to {state}: {failed}") from failed
        raise Skipped(f"the target file offers no way to {state}")

    def _bring(self, state: str) -> Run:
        match None if state in self.ways else self.target.states.get(state):
            case Body(_, answers):
                run = self.begin_run(state)
                if state in ANSWERED and at(self.until(run, "needs_attention", _shown(state)), "status") != "completed":
                    # The second parking may look like the first: the same rows can be asked about in the same words,
                    # under ids that are used again (OP-20). That an approval leaves its parking is for DEC-03, where it
                    # cannot park again.
                    refused = f"the approval on the way to {state} was refused"
                    must_succeed(self.decide(run, "approve", answers), refused)
                self.until(run, _shown(state))
                return run
            case _:
                return self._open_run(*self.led_to(state), state)

    def _open_run(self, company: str, run_id: str, state: str) -> Run:
        run = self.read_run(company, run_id)
        if (shown := at(run.state, "status")) != (wanted := _shown(state)):
            got = f"status {plain(shown)}" if run.polled.ok else f"{run.polled.status or run.polled.problem}"
            way = f"the way to {state} gives run {run_id}, which is not {wanted}"
            raise Blocked(f"{way}: its poll says {got}", [run.polled])
        return run


def _shown(state: str) -> str:
    """The status of a run in a state, which is named as that but for three."""
    return "failed" if state == "stale" else state.removesuffix("_again").removesuffix("_with_flags")


def new_name() -> str:
    """A name or a key that nobody has used; by its beginning what the suite has made can be found."""
    return f"conformance-{uuid4().hex[:12]}"


def near(id_: str) -> str:
    """An id that differs from this one in its last character alone."""
    return f"{id_[:-1]}{'1' if id_[-1:] == '0' else '0'}"


def new_company(source: str) -> dict[str, Any]:
    """The body of a new company with a name and an external_id of its own."""
    name = new_name()
    return {"name": name, "source": source, "external_id": name}


def company_of(answer: Answer) -> Company | None:
    """The company that the answer says was made, with its sheets; None where it does not say so."""
    body, sheets = answer.json, array(answer.json, "sheets")
    company_id = at(body, "company", "id")
    if not answer.ok or not is_id(company_id) or not isinstance(at(body, "sheets"), list):
        return None
    told = ((at(each, "id"), at(each, "template_id")) for each in sheets)
    return Company(company_id, {id_: str(template or "") for id_, template in told if is_id(id_)}, body)


def _end(ctx: StateDriver, run: Run) -> None:
    """See the run to its end, once: a target that does not let it end is for DEC-31 to judge."""
    del ctx.in_flight[run.id]
    with suppress(Blocked, Skipped):
        if at(ctx.until(run), "status") == "needs_attention" and ctx.decide(run, "reject").ok:
            ctx.until(run)


def _shared_runs(ctx: StateDriver) -> Iterator[tuple[str, Run]]:
    """The runs that checks of a journey share, by what they are shared as; those of trials among them."""
    for key, value in list((ctx.shared or {}).items()):
        run: Any = getattr(value, "run", value)
        if hasattr(run, "polled"):
            yield key, run
