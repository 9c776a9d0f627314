"""Ways to make a lie about decisions: what is refused is taken after all, what is taken has another effect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from lies import App, Lie, rule
from places import put
from rereading import refused
from twisting import import_of

from mock_server.data import uploaded as own
from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview import decisions, lifecycle, runs
from mock_server.preview import operations as api
from mock_server.preview.account import Account
from mock_server.preview.lifecycle import Approved
from mock_server.preview.runs import ImportRun
from mock_server.session.exchange import Exchange as Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest
    from runlies import Handler

    from mock_server.data.book import Fix, Group
    from mock_server.data.uploaded import Table
    from mock_server.preview.lifecycle import Life

Decided = list[tuple["Group", "Fix"]]
_fixes = decisions.fixes
_after = own._after
_life = lifecycle.life
_described = ImportRun.described
_approve = Account.approve


def on_refusal(instead: Callable[[Call, ImportRun, Life, Refusal], Any]) -> Lie:
    """A lie about refused decisions: `instead` acts, gives another answer, or None for the honest one."""

    async def decide(call: Call, refusal: Refusal, _: Handler) -> Any:
        found = import_of(call)
        return instead(call, *found, refusal) if found else None

    return refused("decide", decide)


def decides(handler: Callable[[Call], Any]) -> Lie:
    """A lie that takes decisions by another handler."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        patch.setitem(api.HANDLERS, "decide", handler)
        return app

    return make


def taken(*statuses: str, when: Callable[[ImportRun, Life], bool] = lambda _run, _state: True) -> Lie:
    """A lie that says yes to a decision on a run in one of these statuses, and does nothing."""

    def instead(_: Call, run: ImportRun, state: Life, refusal: Refusal) -> Any:
        meant = refusal.status == 409 and state.status in statuses and when(run, state)
        return answer(run.accepted("running")) if meant else None

    return on_refusal(instead)


def told(status: int, instead: int, *words: str, when: Callable[[ImportRun, Life], bool] = lambda _r, _s: True) -> Lie:
    """A lie that refuses with another status where the honest text holds all the words."""

    def otherwise(_: Call, run: ImportRun, state: Life, refusal: Refusal) -> Any:
        if refusal.status == status and all(word in refusal.text for word in words) and when(run, state):
            raise Refusal(instead, refusal.text)

    return on_refusal(otherwise)


def unread(instead: Callable[[Refusal], Any]) -> Lie:
    """A lie about decisions that are no JSON: `instead` gives the body that is read in their place, or refuses."""
    honest = Call.json

    async def json(self: Call, *, optional: bool = False) -> Any:
        try:
            return await honest(self, optional=optional)
        except Refusal as refusal:
            if self.operation_id != "decide" or "not valid JSON" not in refusal.text:
                raise
            return instead(refusal)

    return rule(Call.json, json)


def answered(change: Callable[[ImportRun, Life, Sequence[Any]], list[Fix | None]]) -> Lie:
    """A lie about what answers mean: one fix for each flagged group."""
    return rule((api, decisions.fixes), change)


def tolerant(known: Callable[[ImportRun, Life, Any], Any]) -> Lie:
    """A lie that reads each answer otherwise before it is checked; one that becomes None is passed over."""

    def change(run: ImportRun, state: Life, answers: Sequence[Any]) -> list[Fix | None]:
        read = [known(run, state, each) for each in answers]
        return _fixes(run, state, [each for each in read if each is not None])

    return answered(change)


def current(run: ImportRun, state: Life, given: Any) -> Any:
    """The answer, or None where it names no current question."""
    return given if given["question_id"] in [each.id for each in run.questions(state)] else None


def carried_out(change: Callable[[Table, Decided], Decided | None]) -> Lie:
    """A lie about what fixes do to a sheet: `change` gives those that are carried out, None for none."""

    def after(table: Table, mine: Decided) -> Table:
        found = change(table, mine)
        return table if found is None else _after(table, found)

    return rule(own._after, after)


def refixed(action: str, fix: Fix) -> Lie:
    """A lie that carries out another fix wherever this action is decided."""
    return carried_out(lambda _, mine: [(group, fix if each.action == action else each) for group, each in mine])


def cells(action: str, change: Callable[[Table, list[int], int], list[int]]) -> Lie:
    """A lie about which rows an action is for: by the sheet, the honest row numbers, and the column's number."""
    honest = own._cells
    doing: list[str] = []

    def chosen(table: Table, group: Group, number: int) -> list[int]:
        found = honest(table, group, number)
        return change(table, found, number) if doing.pop(0) == action else found

    def after(table: Table, mine: Decided) -> Table:
        doing[:] = [fix.action for _, fix in mine]
        return _after(table, mine)

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        put(patch, own._cells, chosen)
        put(patch, own._after, after)
        return app

    return make


def lives(when: Callable[[Life, Sequence[Any]], bool], **members: Any) -> Lie:
    """A lie about what a run is: these members of its life are others where `when` says so."""

    def bent(script: Any, started: Any, events: Any, now: int, stale_after: int) -> Life:
        state = _life(script, started, events, now, stale_after)
        return replace(state, **members) if when(state, events) else state

    return rule((runs, lifecycle.life), bent)


def described(change: Callable[[ImportRun, Life, dict[str, Any]], object]) -> Lie:
    """A lie that changes what a poll says of a run, in place."""

    def bent(self: ImportRun, state: Life) -> dict[str, Any]:
        body = _described(self, state)
        change(self, state, body)
        return body

    return rule(ImportRun.described, bent)


def approves(change: Callable[[Account, ImportRun, Life, Any], object]) -> Lie:
    """A lie that does something right after an approval."""

    def approve(self: Account, now: int, run_id: str, considered: Life, approval: Any, *, answered: bool) -> None:
        _approve(self, now, run_id, considered, approval, answered=answered)
        change(self, cast("ImportRun", self.runs[run_id]), considered, approval)

    return rule(Account.approve, approve)


def approve_now(run: ImportRun, state: Life, fixes: Sequence[Fix | None], *, unresolved: bool = False) -> None:
    """Approve a parked run behind everybody's back."""
    run.approvals.append(run.approved(state, fixes))
    run.events.append(Approved(state.since, answered=True, unresolved=unresolved))
