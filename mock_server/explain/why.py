"""Why an exchange went as it did: what the call came upon, what refused it, what was legal then, what comes next.

Explaining looks at what is stored, changes nothing, and has something to say of any id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from mock_server.contract.clause_map import request_clause
from mock_server.contract.document import clause_texts
from mock_server.contract.nearest import nearest
from mock_server.explain.snapshot import Moment
from mock_server.kernel.clock import iso
from mock_server.kernel.rate_limit import WINDOW
from mock_server.preview import decisions
from mock_server.preview import next_calls as advice
from mock_server.preview.account import account_of
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from mock_server.contract.document import Contract
    from mock_server.preview.lifecycle import Life
    from mock_server.recording.journal import Entry, Journal
    from mock_server.session.session import Session

_ID = re.compile(r"(stray-)?([0-9]{1,15})")


def why(session: Session, strays: Journal, name: str) -> dict[str, Any]:
    """The explanation of the exchange of that id, or of why there is none."""
    found = _ID.fullmatch(name)
    journal = strays if found and found[1] else session.journal
    entry = next(reversed(list(journal)), None) if name == "last" else journal.find(int(found[2])) if found else None
    return _missing(name, journal, found) if entry is None else _Explanation(session, journal, entry).told()


def _missing(name: str, journal: Journal, found: re.Match[str] | None) -> dict[str, Any]:
    """What there is to say of an id that names no exchange, or one that was forgotten."""
    kept = [entry.id for entry in journal]
    there = f"kept are {kept[0]} to {kept[-1]}" if kept else "none is kept"
    if found is None:
        text = "no exchange has such an id" if name != "last" else "there was no exchange yet"
        text += "; an id is what x-mock-request-id says: a number, or stray- and a number without an accepted key"
    elif 1 <= int(found[2]) <= journal.latest:
        text = f"the exchange is forgotten: {journal.dropped} were dropped, or cleared"
    else:
        text = "there was no such exchange yet in this session"
    return {"id": name, "found": False, "said": f"{text}; {there}", "kept": kept[:1] + kept[-1:]}


@dataclass(frozen=True, slots=True)
class _Explanation:
    """One exchange, and where it stands."""

    session: Session
    journal: Journal
    entry: Entry

    @property
    def contract(self) -> Contract:
        return self.session.world.contract

    @property
    def at(self) -> int:
        """The session's time for which the answer was worked out."""
        return self.entry.at if self.entry.acted is None else self.entry.acted

    def told(self) -> dict[str, Any]:
        entry, moment = self.entry, self._moment()
        return {
            "id": entry.id,
            "found": True,
            "call": f"{entry.method} {entry.path}" + (f"?{entry.query}" if entry.query else ""),
            "operation": entry.operation,
            "nearest": self._nearest(),
            "at": None if entry.stray else iso(self.at),
            "status": entry.status,
            "under_way": entry.ended is None,
            "lost": entry.lost,
            "fault": entry.fault,
            "dialect": entry.dialect,
            "example": entry.example,
            "refusal": self._refusal(),
            "clause": self._clause(),
            "clauses": self._clauses(),
            "differences": self._differences(),
            "run": None if moment is None else moment.described(self.journal, entry),
            "after": None if entry.after is None else entry.after.status,
            "known": self._known(),
            "legal": self._legal(moment),
            "next": self._next(moment),
        }

    def _moment(self) -> Moment | None:
        """The run that the call was about, as it came upon it; what was in flight for a call about a company."""
        entry, runs = self.entry, account_of(self.session).runs
        if entry.flight is not None and entry.flight[0] in runs:
            return Moment(runs[entry.flight[0]], cast("Life", entry.flight[1]), self.at)
        state, run = entry.before or entry.after, runs.get(entry.run_id or "")
        return None if run is None or state is None else Moment(run, cast("Life", state), self.at)

    def _nearest(self) -> dict[str, str] | None:
        """For a path or method that the contract lacks: the operation that was most likely meant."""
        entry = self.entry
        if entry.operation is not None:
            return None
        if entry.stray and self.contract.match(entry.method, entry.path).operation is not None:
            return None
        near = self.contract.nearest(entry.method, entry.path)
        return {"operation": near.id, "method": near.method, "path": near.route}

    def _refusal(self) -> str | None:
        """What the mock knows of a refusal; of an answer that was kept, its own words."""
        entry = self.entry
        if not entry.refused:
            return None
        try:
            return str(orjson.loads(entry.answer.body)["error"])
        except (ValueError, KeyError, TypeError):  # cut, bent, or no body of the contract's
            return entry.note

    def _clause(self) -> dict[str, str] | None:
        clause = self.entry.clause
        return None if clause is None else {"id": clause, "text": clause_texts().get(clause, "")}

    def _clauses(self) -> list[str]:
        """The clauses that the contract names for such an answer."""
        entry = self.entry
        if entry.status is None or entry.operation not in self.contract.operations:
            return []
        return self.contract.clauses(entry.operation, entry.status)

    def _differences(self) -> list[dict[str, Any]]:
        """How the body of a refused call differs from what the contract, or the parked run, takes."""
        entry = self.entry
        if entry.status != 400 or entry.operation not in self.contract.operations or not entry.request.size:
            return []
        if entry.request.cut:
            text = f"the body has {entry.request.size} bytes, and not all are kept: the refusal names the first one"
            return [{"path": "the body", "text": text, "clause": None}]
        try:
            body = orjson.loads(entry.request.body)
        except ValueError as error:
            return [{"path": "the body", "text": f"no valid JSON: {error}", "clause": "ERR-11"}]
        found = self.contract.request_differences(entry.operation, body)
        if not found:
            return self._answers(body)
        return [
            {"path": each.path, "text": each.text, "clause": request_clause(self.contract, entry.operation, each)}
            for each in found
        ]

    def _answers(self, body: Any) -> list[dict[str, Any]]:
        """The answers of a decision that did not fit the questions of the parking."""
        entry, run = self.entry, account_of(self.session).runs.get(self.entry.run_id or "")
        parked = entry.before is not None and entry.before.status == "needs_attention"
        if entry.operation != "decide" or not parked or not isinstance(run, ImportRun) or run.book is None:
            return []
        assert entry.before is not None  # noqa: S101 - `parked` says so
        wrong = decisions.refusals(run, cast("Life", entry.before), body.get("answers") or ())
        return [{"path": each.text.partition(" ")[0], "text": each.text, "clause": each.clause} for each in wrong]

    def _known(self) -> str | None:
        """For a company or run that is not there: which are."""
        entry, company_id = self.entry, self.entry.id_of("company_id")
        if entry.status != 404 or entry.stray or company_id is None:
            return None
        company = account_of(self.session).companies.get(company_id)
        if company is None:
            return _some(
                "companies of this session", entry.id_of("company_id") or "", list(account_of(self.session).companies)
            )
        runs = company.exports if entry.operation == "poll_export" else company.imports
        if entry.run_id is None:
            return _some("sheets of this company", "", [sheet.id for sheet in company.sheets])
        return _some(f"runs of company {company.id}", entry.run_id, [run.id for run in runs])

    def _legal(self, moment: Moment | None) -> list[dict[str, str]]:
        """The calls that were legal at that moment."""
        entry, contract = self.entry, self.contract
        ids = {"company_id": entry.id_of("company_id") or "{company_id}"}
        if entry.stray:
            match = contract.match(entry.method, entry.path)
            return (
                advice.again(contract, match.operation.id, "with an accepted key in x-api-key [AUTH-01]", {})
                if match.operation is not None
                else []
            )
        if entry.status == 429 and entry.operation in contract.operations:
            ids |= {"run_id": entry.run_id or "{run_id}"}
            return advice.again(contract, entry.operation, "after 1 to 2 s, and then longer [RATE-04]", ids)
        if moment is not None:
            run = moment.run
            return advice.of_run(
                contract, run.kind, moment.state.status, {"company_id": run.company_id, "run_id": run.id}
            )
        if entry.id_of("company_id") in account_of(self.session).companies:
            return advice.of_company(contract, ids)
        return advice.of_nobody(contract)

    def _next(self, moment: Moment | None) -> dict[str, Any] | None:
        entry = self.entry
        if entry.status == 429 and entry.fault is None:
            return self._budget()
        return None if moment is None else moment.next()

    def _budget(self) -> dict[str, Any] | None:
        """When the next call of a throttled operation is admitted, as the journal can tell."""
        entry, session = self.entry, self.session
        company = account_of(self.session).companies.get(entry.id_of("company_id") or "")
        own = None if company is None else account_of(self.session).scenario_of(company).rate_limit
        free = [
            _frees(
                [each.at for each in self._counted() if company_id in {None, each.id_of("company_id")}], limit, entry.at
            )
            for limit, company_id in ((session.settings.rate_limit, None), (own, entry.id_of("company_id")))
        ]
        at = max((each for each in free if each is not None), default=None)
        return None if at is None else {"status": None, "at": iso(at), "in": at - entry.at, "by": "the rate limit"}

    def _counted(self) -> list[Entry]:
        """The calls that the budget of the exchange's operation had admitted in the last 60 s."""
        entry = self.entry
        return [
            each
            for each in self.journal
            if each.number < entry.number
            and each.operation == entry.operation
            and each.status != 429
            and each.at > entry.at - WINDOW
        ]


def _frees(calls: list[int], limit: int | None, now: int) -> int | None:
    """When a call would be admitted after these, or None when it is at once."""
    if limit is None or len(calls) < limit:
        return None
    return max(now, sorted(calls)[-limit] + WINDOW)


def _some(what: str, wanted: str, ids: list[str]) -> str:
    """Which there are, the nearest first, and no more than a person reads."""
    if not ids:
        return f"{what}: none"
    near = nearest(wanted, ids)
    shown = list(dict.fromkeys([near, *ids[-3:]] if near else ids[-3:]))
    return f"{what}: {', '.join(shown)}" + (f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else "")
