"""Why an exchange went as it did: what the call met, what refused it, what was legal then, what comes next.

Explaining looks at what is stored, changes nothing, and has something to say of any id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

from mock_server.contract.clause_map import request_clause
from mock_server.contract.document import Contract, clause_texts
from mock_server.kernel.clock import iso
from mock_server.kernel.rate_limit import admitted_at
from mock_server.scenarios.model import every_beat

if TYPE_CHECKING:
    from mock_server.recording.journal import Entry, Journal
    from mock_server.scenarios.model import Beat
    from mock_server.session.generation import Run, State
    from mock_server.session.session import Session

_ID = re.compile(r"(stray-)?([0-9]{1,15})")


def why(session: Session, strays: Journal, name: str) -> dict[str, Any]:
    """The explanation of the exchange of that id, or of why there is none."""
    match = _ID.fullmatch(name)
    journal = strays if match and match[1] else session.journal
    entry = next(reversed(list(journal)), None) if name == "last" else journal.find(int(match[2])) if match else None
    return _missing(name, journal, match) if entry is None else _Explanation(session, journal, entry).as_json()


def _missing(name: str, journal: Journal, match: re.Match[str] | None) -> dict[str, Any]:
    """What there is to say of an id that names no exchange, or one that was forgotten."""
    kept = [entry.id for entry in journal]
    there = f"kept are {kept[0]} to {kept[-1]}" if kept else "none is kept"
    if match is None:
        text = "no exchange has such an id" if name != "last" else "there was no exchange yet"
        text += "; an id is what x-mock-request-id says: a number, or stray- and a number without an accepted key"
    elif 1 <= int(match[2]) <= journal.latest:
        text = f"the exchange is forgotten: {journal.dropped} were dropped, or cleared"
    else:
        text = "there was no such exchange yet in this session"
    return {"id": name, "found": False, "said": f"{text}; {there}", "kept": kept[:1] + kept[-1:]}


class _Explanation(NamedTuple):
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

    def as_json(self) -> dict[str, Any]:
        entry, snapshot, clause = self.entry, self._snapshot(), self.entry.clause
        then = self._left(snapshot)
        throttled, clauses = entry.status == 429 and entry.fault is None, list[str]()
        if entry.operation in self.contract.operations:
            clauses = self.contract.clauses(entry.operation, entry.status or 0)
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
            "kept": {"request": entry.request.missing, "answer": entry.answer.missing},
            "refusal": self._refusal(),
            "clause": None if clause is None else {"id": clause, "text": clause_texts().get(clause, "")},
            "clauses": clauses,
            "differences": self._differences(),
            "run": None if snapshot is None else snapshot.as_json(self.journal, entry),
            "after": None if entry.after is None else entry.after.status,
            "known": None if entry.stray else self.session.generation.explainer.known_ids(self.session, entry),
            "legal": self._legal(then),
            "next": self._budget() if throttled else None if then is None else then.next(),
        }

    def _snapshot(self) -> _Snapshot | None:
        """The run that the call was about, as it came upon it; what was in flight for a call about a company."""
        entry, runs = self.entry, self.session.account.runs
        for run_id, state in filter(None, (entry.flight, (entry.run_id or "", entry.before or entry.after))):
            if run_id in runs and state is not None:
                return _Snapshot(self.session, runs[run_id], cast("State", state), self.at)
        return None

    def _left(self, found: _Snapshot | None) -> _Snapshot | None:
        """The run as the call left it, when it decided about it; else as it came upon it."""
        entry = self.entry
        if found is None or entry.after is None or not entry.had_effect or found.run.id != entry.run_id:
            return found
        return found._replace(state=cast("State", entry.after))

    def _nearest(self) -> dict[str, str] | None:
        """For a path or method that the contract lacks: the operation that was most likely meant."""
        entry = self.entry
        strayed = entry.stray and self.contract.match(entry.method, entry.path).operation is not None
        if strayed or entry.operation is not None:
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

    def _differences(self) -> list[dict[str, Any]]:
        """How the body of a refused call differs from what the contract, or the parked run, takes."""
        entry = self.entry
        if entry.status != 400 or entry.operation not in self.contract.operations or not entry.request.size:
            return []
        if entry.request.cut:
            text = f"{entry.request.missing}: the refusal names the first one"
            return [{"path": "the body", "text": text, "clause": None}]
        try:
            body = orjson.loads(entry.request.body)
        except ValueError as error:
            return [{"path": "the body", "text": f"no valid JSON: {error}", "clause": "ERR-11"}]
        differences = self.contract.request_differences(entry.operation, body)
        if not differences:
            return self.session.generation.explainer.wrong_members(self.session, entry, body)
        return [
            {"path": each.path, "text": each.text, "clause": request_clause(self.contract, entry.operation, each)}
            for each in differences
        ]

    def _legal(self, snapshot: _Snapshot | None) -> list[dict[str, str]]:
        entry, contract = self.entry, self.contract
        if entry.stray:
            operation = contract.match(entry.method, entry.path).operation
            remark = "with an accepted key in x-api-key [AUTH-01]"
            return [] if operation is None else [operation.described({}, remark)]
        if entry.status == 429 and entry.operation in contract.operations:
            ids = {name: value for name, value in entry.all_ids().items() if value is not None}
            remark = "after 1 to 2 s, and then longer [RATE-04]"
            return [contract.operations[entry.operation].described(ids, remark)]
        run, state = (None, None) if snapshot is None else (snapshot.run, snapshot.state)
        return self.session.generation.explainer.legal_calls(self.session, entry, run, state)

    def _budget(self) -> dict[str, Any] | None:
        """When the next call of a throttled operation is admitted, as the journal can tell."""
        entry, account = self.entry, self.session.account
        calls = [
            each
            for each in self.journal
            if each.number < entry.number and each.operation == entry.operation and each.status != 429
        ]
        budgets = [] if self.session.settings.rate_limit is None else [(calls, self.session.settings.rate_limit)]
        if (own := account.subject(entry.operation or "", entry.ids, None, entry.at).budget) is not None:
            budgets.append(([each for each in calls if own[0] in each.ids.values()], own[1]))
        at = max((admitted_at([each.at for each in passed], limit, entry.at) for passed, limit in budgets), default=0)
        if at <= entry.at:
            return None
        return {"status": None, "at": iso(at), "in": at - entry.at, "by": "the rate limit"}


class _Snapshot(NamedTuple):
    """A run as it was at a moment that has passed, and the session's time then."""

    session: Session
    run: Run
    state: State
    at: int

    def as_json(self, journal: Journal, entry: Entry) -> dict[str, Any]:
        run, state = self.run, self.state
        return {
            "run_id": run.id,
            "kind": run.kind,
            "status": state.status,
            "since": iso(state.since),
            "for": max(0, run.time(self.at) - state.since) if run.pace == "time" else None,
            "scenario": run.scenario,
            "pace": run.pace,
            "beat": _place(run.script, state.beat),
            "because": self._because(journal, entry),
        }

    def next(self) -> dict[str, Any] | None:
        """What changes next by itself, when, or what has to happen for it; None when nothing ever will."""
        run, state = self.run, self.state
        if state.terminal:
            return None
        if state.until is None:
            return {"status": None, "at": None, "in": None, "by": "a decision"}
        status = self.session.generation.explainer.next_status(run, state)
        if run.pace != "time":
            return {"status": status, "at": None, "in": None, "by": _PACES[run.pace]}
        return {"status": status, "at": iso(state.until), "in": state.until - self.at, "by": "itself"}

    def _because(self, journal: Journal, entry: Entry) -> dict[str, Any] | None:
        explainer = self.session.generation.explainer
        what = explainer.cause(self.state)
        if what is None:
            return None

        def has_caused(each: Entry) -> bool:
            return each.run_id == self.run.id and explainer.has_caused(self.session, each, what)

        turn = inf if entry.turn is None else entry.turn
        earlier = [each for each in journal if each is not entry and each.turn is not None and each.turn < turn]
        cause = next((each for each in (*reversed(earlier), entry) if has_caused(each)), None)
        if cause is None:
            return {"what": what, "by": None, "before": None}
        return {"what": what, "by": cause.id, "before": max(0, self.at - (cause.acted or cause.at))}


_PACES = {"polls": "the next poll", "manual": "an operator's step", "instant": "itself"}


def _place(script: Sequence[Beat], beat: Beat | None) -> dict[str, Any] | None:
    """Which beat of the script it is, counted from 1; `within` names the branch of a parking that it belongs to."""
    every = list(every_beat(tuple(script)))
    for place, each in every:
        if each is beat:
            count = sum(other[:-1] == place[:-1] for other, _ in every)
            within = f"{place[-2]} of beat {int(place[-3]) + 1}" if len(place) > 1 else None
            return {"number": int(place[-1]) + 1, "of": count, "within": within, "is": each.verb}
    return None
