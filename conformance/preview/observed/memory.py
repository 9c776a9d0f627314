"""What was seen of an account so far: companies, their runs and sheets, and which calls may have changed them.

The rule that it keeps: an address is what was sent, to the letter; a call that may have had an effect counts for every
spelling of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.engine.plan import Contradiction
from conformance.preview.bodies import MOVING, TERMINAL, at

if TYPE_CHECKING:
    from conformance.http.client import Answer

UNSURE = "unsure"
"""What stands among a run's decisions for one of which nobody knows whether it was taken."""
SETTLED = 20.0
"""Seconds after which a list shows how a run ended; until then it may lag behind."""
PARKED, ALIVE, ONWARD = "parked", "alive", "onward"
"""What the next poll of a run has to show of it, so that what was said before is a contradiction."""


@dataclass(slots=True, eq=False)
class SeenRun:
    """A run that was started or read."""

    company: SeenCompany
    id: str
    started: Answer | None = None
    last: Answer | None = None
    """The latest answer that showed it."""
    end: Answer | None = None
    """The first answer that showed it ended."""
    since: float = 0.0
    """When it was first seen as it is."""
    decisions: set[str] = field(default_factory=set)
    """Which were or may have been taken since its latest parking was seen."""
    taken: list[str] = field(default_factory=list)
    """All of them, in order."""
    decided_since: bool = False
    """Whether a decision was or may have been taken since its latest poll."""
    pending: list[tuple[str, Contradiction]] = field(default_factory=list)
    """What will be a contradiction if the next poll shows it parked or alive as before."""
    facts: dict[str, tuple[Any, Answer]] = field(default_factory=dict)
    """What lists said of it that never changes."""

    @property
    def status(self) -> str:
        """The status that it was seen in last."""
        shown = self.last or self.started
        return "" if shown is None else word(shown.json, "status")

    @property
    def body(self) -> Any:
        """The body that it was seen with last."""
        return None if self.last is None else self.last.json

    @property
    def is_alive(self) -> bool:
        """Whether it was seen before its end, and not after."""
        return self.end is None and (self.started is not None or self.last is not None)

    @property
    def is_parked(self) -> bool:
        """Whether it was parked when it was seen last, and nobody can have decided since."""
        return self.status == "needs_attention" and not self.decisions

    @property
    def rejected(self) -> bool:
        """Whether it surely was rejected."""
        return bool(self.taken) and self.taken[-1] == "reject"


@dataclass(slots=True, eq=False)
class SeenCompany:
    """A company that was provisioned or read."""

    id: str
    provisioned: Answer | None = None
    """The answer that made it; None for one of which nobody knows what happened before."""
    sheets: dict[str, str] = field(default_factory=dict)
    """Sheet id to template id."""
    runs: list[SeenRun] = field(default_factory=list)
    """In the order of their starts; runs that the suite did not start come as they are met."""
    unsure: int = 0
    """How many starts may have begun a run of which nothing is known."""
    others: bool = False
    """Whether somebody else starts runs in it, or exports from it."""
    refused: Answer | None = None
    """The latest start that was refused."""
    keys: dict[str, tuple[Any, SeenRun, float]] = field(default_factory=dict)
    """Idempotency key to the payload without it, the run, and when that was."""
    changes: int = 0
    """How often its rows may have changed."""
    listed: dict[str, tuple[int, list[str], Answer]] = field(default_factory=dict)
    """By query: how many runs there were, what the page listed, and the answer."""
    downloads: dict[tuple[str, str], Any] = field(default_factory=dict)
    """By sheet and filter the latest download."""

    @property
    def is_known(self) -> bool:
        """Whether all that ever happened in it is known."""
        return self.provisioned is not None and not self.others and not self.unsure

    @property
    def at_rest(self) -> bool:
        """Whether all is known, and nothing moves."""
        return self.is_known and all(run.end is not None or run.is_parked for run in self.runs)


NOT_THERE = 404, 405, 501


class Memory:
    """All companies and runs that were seen, by their ids as they were sent."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.companies: dict[str, SeenCompany] = {}
        self.runs: dict[tuple[str, str], SeenRun] = {}
        self.by_id: dict[str, SeenRun] = {}
        self.named: dict[str, str] = {}
        """Every id and reference that was given out, and for what."""
        self.taken: dict[tuple[Any, ...], Answer] = {}
        """What can be taken once: external ids, and names for a source."""
        self.templates: dict[str, Any] = {}
        self.catalogue: dict[str, tuple[Any, Answer]] = {}
        self.missing: dict[tuple[str, str], Answer] = {}
        """Addresses of runs at which there was none."""
        self.there: set[str | None] = set()
        """The operations that have answered as if they were there."""
        self.nowhere = Counter[str | None]()
        """How often each was answered as if it were not, though all that its address names is."""
        self.exports: dict[tuple[str, str], Answer] = {}
        """Exports that have ended, by company and run."""

    def note_whether_there(self, answer: Answer) -> None:
        """Whether the answer to a call with the account's key is one that an operation gives which is not there."""
        if answer.status not in NOT_THERE:
            self.there.add(answer.operation)
        elif self._names_what_is(answer):
            self.nowhere[answer.operation] += 1

    def lacks(self, answer: Answer) -> bool:
        """Whether the operation was answered as if it were not there, whenever it was called."""
        nowhere = answer.status in NOT_THERE and self.nowhere[answer.operation] > 1
        return nowhere and answer.operation not in self.there

    def _names_what_is(self, answer: Answer) -> bool:
        company, run = (str(answer.ids.get(each)) for each in ("company_id", "run_id"))
        seen, query = self.companies.get(company), answer.query
        known = "company_id" not in answer.ids or (seen is not None and seen.provisioned is not None)
        plain = query.get("status", "active") == "active" and query.keys() <= {"status"}
        return known and plain and ("run_id" not in answer.ids or (company, run) in self.runs)

    def company(self, answer: Answer) -> SeenCompany:
        """The company of the address."""
        return self.company_of(str(answer.ids.get("company_id")))

    def company_of(self, company_id: str) -> SeenCompany:
        """The company with this id."""
        return self.companies.setdefault(company_id, SeenCompany(company_id))

    def run(self, answer: Answer) -> SeenRun | None:
        """The run of the address, where it is known."""
        return self.runs.get((str(answer.ids.get("company_id")), str(answer.ids.get("run_id"))))

    def met(self, company: SeenCompany, run_id: str, started: Answer | None = None) -> SeenRun:
        """A run that was not known before."""
        run = SeenRun(company, run_id, started, since=self.now())
        company.runs.append(run)
        company.others = company.others or started is None
        self.runs[company.id, run_id] = run
        self.by_id.setdefault(run_id, run)
        return run

    def alike(self, company_id: object) -> Iterator[SeenCompany]:
        """The companies that this spelling of an id may mean."""
        meant = str(company_id).casefold()
        return (each for key, each in list(self.companies.items()) if key.casefold() == meant)

    def saw(self, run: SeenRun, answer: Answer) -> None:
        """Remember the answer as the latest that shows the run."""
        status = word(answer.json, "status")
        if status != run.status:
            run.company.changes += 1
            run.since = self.now()
        if run.end is None and status in TERMINAL:
            run.end = answer
        if status not in MOVING:
            run.decisions.clear()
        run.last = answer


def word(value: Any, *path: str) -> str:
    """The text at the end of the path; empty where there is none."""
    there = at(value, *path)
    return there if isinstance(there, str) else ""


def may_have_happened(answer: Answer) -> bool:
    """Whether a call with this answer may have had an effect."""
    return answer.status is None or not 400 <= answer.status < 500


def contradiction(
    clause: str, requirement: str, *answers: Answer | None, expected: str = "", got: str | None = None
) -> Contradiction:
    """What the answers say against each other; without other words, what the last of them says and the first."""
    shown = tuple(answer for answer in answers if answer is not None)
    told = f"{shown[-1].status} {shown[-1].text}" if got is None else got
    wanted = expected or (shown[0].text if len(shown) > 1 else "")
    return Contradiction(clause, requirement, wanted, told, shown)
