"""Servers that lie about where an approval leads: to the end, or to another parking (DEC-27 to DEC-30)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deciding import approves, current, described, lives, told, tolerant
from lies import App, Liar, Lie, rule

from mock_server.kernel.errors import Refusal
from mock_server.preview import operations
from mock_server.preview import preconditions as refusals
from mock_server.preview.account import Account
from mock_server.preview.lifecycle import Approved
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from mock_server.preview.lifecycle import Life

_approve = Account.approve
_report = ImportRun.report
_parked = refusals.parked


def _old_count(self: ImportRun, state: Life) -> dict[str, Any] | None:
    found = _report(self, state)
    if found is not None and state.status == "completed" and self.approvals and self.book is not None:
        found["invalidCellCount"] = min(found["inserted"], sum(each.flagged for each in self.book.counts))
    return found


def _as_if(*, unresolved: bool, at_first: bool = False) -> Lie:
    """A lie about whether rows still fail after an approval; `at_first`: after a run's first one alone."""

    def change(_: Account, run: ImportRun, _before: Life, _approval: Any) -> None:
        if not at_first or len(run.approvals) == 1:
            run.events[-1] = Approved(run.events[-1].at, answered=True, unresolved=unresolved)

    return approves(change)


def _again(change: Callable[[ImportRun, dict[str, Any]], object]) -> Lie:
    """A lie about what a run shows when it parks again, changed in place."""

    def bend(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
        if state.status == "needs_attention" and len(state.parkings) > 1:
            change(run, body)

    return described(bend)


def _asks_as_before(app: App, patch: pytest.MonkeyPatch) -> App:
    first: dict[str, Any] = {}

    def change(run: ImportRun, state: Life, body: dict[str, Any]) -> None:
        if state.status == "needs_attention":
            body["needs_attention"] = first.setdefault(run.id, body["needs_attention"])

    return described(change)(app, patch)


def _by_place(run: ImportRun, state: Life, given: Any) -> Any:
    """An answer to a question that is gone is taken for one to the question in its place."""
    asked = run.questions(state)
    return given if current(run, state, given) or len(state.parkings) < 2 else {**given, "question_id": asked[0].id}


def _decided_before(run: ImportRun, now: int) -> Life:
    if run.approvals:
        raise Refusal(409, "the run was decided before")
    return _parked(run, now)


def _first_alone(self: Account, now: int, run_id: str, considered: Life, approval: Any, **named: Any) -> None:
    run = self.runs[run_id]
    if isinstance(run, ImportRun) and not run.approvals:
        _approve(self, now, run_id, considered, approval, **named)


def _once(_: ImportRun, state: Life) -> bool:
    return len(state.parkings) > 1


LIARS = (
    Liar(
        "DEC-27",
        "reports the old count of flagged rows at the end",
        rule(ImportRun.report, _old_count),
    ),
    Liar("DEC-27", "parks once more with nothing left to ask", _as_if(unresolved=True, at_first=True)),
    Liar(
        "DEC-27",
        "fails a run that was approved",
        lives(lambda s, events: s.status == "completed" and bool(events), status="failed", says="Import failed"),
    ),
    Liar("DEC-28", "completes a run whose rows still fail", _as_if(unresolved=False)),
    Liar(
        "DEC-28",
        "parks again without a question or a patch",
        _again(
            lambda _, body: body.update(
                needs_attention={"questions": [], "proposed_patch": {"summary": "", "actions": []}}
            )
        ),
    ),
    Liar("DEC-28", "asks as before when it parks again", _asks_as_before),
    Liar(
        "DEC-28",
        "fails a run whose rows still fail",
        lives(
            lambda s, _: s.status == "needs_attention" and len(s.parkings) > 1,
            status="failed",
            says="Rows still fail",
            until=None,
        ),
    ),
    Liar(
        "DEC-29",
        "takes one decision on a run and no more",
        rule((operations, refusals.parked), _decided_before),
    ),
    Liar(
        "DEC-29",
        "says yes to a further decision, and does nothing",
        rule(Account.approve, _first_alone),
    ),
    Liar(
        "DEC-30",
        "passes over answers to questions that are gone",
        tolerant(lambda run, s, each: current(run, s, each) if len(s.parkings) > 1 else each),
    ),
    Liar("DEC-30", "takes an answer to a question that is gone for the one in its place", tolerant(_by_place)),
    Liar(
        "DEC-30",
        "sees a conflict in an answer to a question that is gone",
        told(400, 409, "no current question", when=_once),
    ),
)
