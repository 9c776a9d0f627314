"""Servers that lie about approvals: what is answered, which decision counts, and for whom (DEC)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from bending import gives
from deciding import answered, approve_now, approves, carried_out, decides, described, taken, told
from lies import App, Liar, Lie, answers, rule
from places import put

from mock_server.data import uploaded
from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview import decisions
from mock_server.preview import operations as api
from mock_server.preview.account import Account, account_of
from mock_server.preview.lifecycle import Approved, Rejected
from mock_server.preview.runs import ImportRun
from mock_server.session.exchange import Exchange as Call

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from deciding import Decided

    from mock_server.data.uploaded import Table
    from mock_server.preview.lifecycle import Life

_reject = Account.reject
_decide = api.decide
_fixes = decisions.fixes


def _says(**members: Any) -> Lie:
    """A lie that answers an approval with these members."""
    return _accepts(lambda body: body.update(members))


def _accepts(change: Callable[[dict[str, Any]], object]) -> Lie:
    """A lie that changes the answer to an approval in place."""
    return gives("decide", lambda body: change(body) if body["status"] == "running" else None)


def _learned(app: App, patch: pytest.MonkeyPatch) -> App:
    """The wrong cells of later imports are mended by the answers to earlier ones."""
    after, book = uploaded._after, uploaded.book_of_rows
    kept: dict[tuple[str, Any], str] = {}

    def learns(table: Table, decided: Decided) -> Table:
        for group, fix in decided:
            if fix.action == "set_value" and fix.value != group.fix.value:
                kept.update({(group.column.name, text): fix.value or "" for text in group.samples})
        return after(table, decided)

    def mended(rows: Any, *others: Any) -> Any:
        return book([{name: kept.get((name, text), text) for name, text in row.items()} for row in rows], *others)

    put(patch, uploaded._after, learns)
    put(patch, uploaded.book_of_rows, mended)
    return app


def _answered_with(instead: int) -> Lie:
    def bend(_: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        approved = status == 200 and path.endswith("/decisions") and body["status"] == "running"
        return (instead if approved else status), body

    return answers(bend)


def _wants_answers(app: App, patch: pytest.MonkeyPatch) -> App:
    honest = Call.json

    async def json(self: Call, *, optional: bool = False) -> Any:
        body = await honest(self, optional=optional)
        if self.operation_id == "decide" and body["decision"] == "approve" and not body.get("answers"):
            raise Refusal(400, "answers is required with approve")
        return body

    put(patch, Call.json, json)
    return app


def _stale_read(status: int | None) -> Lie:
    """The first poll after an approval is answered from a cache, or by a replica that does not know the run yet."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        last: dict[str, bytes] = {}
        lagging: set[str] = set()
        honest = ImportRun.body_of

        def body_of(self: ImportRun, state: Life) -> bytes:
            if self.id in lagging:
                lagging.discard(self.id)
                if status is not None:
                    raise Refusal(status, "no import of that id yet")
                return last[self.id]
            last[self.id] = honest(self, state)
            return last[self.id]

        put(patch, (ImportRun, ImportRun.body_of), body_of)
        return approves(lambda _s, run, _l, _a: lagging.add(run.id))(app, patch)

    return make


def _renamed(run: ImportRun, _: Life, body: dict[str, Any]) -> None:
    if run.events:
        body["run_id"] = str(UUID(int=UUID(run.id).int ^ 1))


def _new_run(body: dict[str, Any]) -> None:
    fresh = str(uuid4())
    body.update(run_id=fresh, poll_url=body["poll_url"].replace(body["run_id"], fresh))


def _first_options(run: ImportRun, state: Life, given: Any) -> Any:
    """Without answers every question is taken to be answered by its last option."""
    chosen = _fixes(run, state, given)
    if not given:
        for question in run.questions(state):
            chosen[question.place] = list(question.options.values())[-1]
    return chosen


def _rejects_late(self: Account, now: int, run_id: str) -> Any:
    run: Any = self.runs[run_id]
    state = run.life(now)
    if not state.terminal and run.approvals:
        run.approvals.pop()
        run.events[-1] = Rejected(run.time(now))
        run.kept = None
        return "failed"
    return _reject(self, now, run_id)


def _races(app: App, patch: pytest.MonkeyPatch) -> App:
    """Whether the run is parked is read, and written a little later."""

    async def lying(call: Call) -> Any:
        run = account_of(call.session).runs.get(call.parameters["run_id"])
        free = isinstance(run, ImportRun) and run.life(call.now).status == "needs_attention"
        try:
            await asyncio.sleep(0.1 if free else 0)
            return await _decide(call)
        except Refusal as refusal:
            if free and refusal.status == 409 and isinstance(run, ImportRun):
                return answer(run.accepted("running"))
            raise

    return decides(lying)(app, patch)


def _turn(run: Any) -> None:
    """The run is rejected that was approved, or the other way round."""
    decided = run.events.pop()
    if isinstance(decided, Approved):
        run.approvals.pop()
        run.events.append(Rejected(decided.at))
    else:
        state = run.life(decided.at)
        approve_now(run, state, [group.fix for group in run.parked_book(state).groups])
    run.kept = None


def _jammed(loser: int, *, nobody: bool = False, turns: bool = False) -> Lie:
    """Of decisions that come at one moment the losers get `loser`; or all of them do; or one of the losers counts."""
    at_work: list[str] = []
    turned: set[str] = set()

    async def lying(call: Call) -> Any:
        run_id = call.parameters["run_id"]
        at_work.append(run_id)
        try:
            await asyncio.sleep(0.05)
            if at_work.count(run_id) > 1 and nobody:
                raise Refusal(loser, "another decision on this run is under way")
            return await _decide(call)
        except Refusal as refusal:
            if at_work.count(run_id) > 1 and refusal.status == 409:
                if turns and run_id not in turned:
                    turned.add(run_id)
                    _turn(account_of(call.session).runs[run_id])
                raise Refusal(loser, refusal.text) from refusal
            raise
        finally:
            await asyncio.sleep(0.05)
            at_work.remove(run_id)

    return decides(lying)


def _spreads(reject: bool) -> Lie:
    """A decision is one for every company's run that is parked."""

    def change(account: Account, run: ImportRun, state: Life, _: Any) -> None:
        for other in list(account.runs.values()):
            parked = (
                other.life(state.since) if isinstance(other, ImportRun) and other.company_id != run.company_id else None
            )
            if isinstance(other, ImportRun) and parked is not None and parked.status == "needs_attention":
                if reject:
                    other.events.append(Rejected(parked.since))
                    continue
                fixes = [group.fix for group in other.parked_book(parked).groups]
                other.approvals.append(other.approved(parked, fixes))
                other.events.append(Approved(parked.since))

    return approves(change)


LIARS = (
    Liar("DEC-01", "answers an approval with 201", _answered_with(201)),
    Liar("DEC-01", "answers an approval with 202", _answered_with(202)),
    Liar("DEC-01", "wants answers with every approval", _wants_answers),
    Liar("DEC-02", "says that an approved run is queued", _says(status="queued")),
    Liar("DEC-02", "says that an approved run is completed", _says(status="completed")),
    Liar("DEC-02", "says approved instead of running", _says(status="approved")),
    Liar("DEC-02", "answers an approval without the run's id", _accepts(lambda body: body.pop("run_id"))),
    Liar("DEC-02", "answers an approval without poll_url", _accepts(lambda body: body.pop("poll_url"))),
    Liar(
        "DEC-02",
        "answers an approval with the decision's own URL",
        _accepts(lambda body: body.update(poll_url=f"{body['poll_url']}/decisions")),
    ),
    Liar("DEC-03", "shows the old parking in the first poll after an approval", _stale_read(None)),
    Liar("DEC-03", "finds no run in the first poll after an approval", _stale_read(404)),
    Liar("DEC-04", "gives an approved run another id", described(_renamed)),
    Liar("DEC-04", "goes on under a new id after an approval", _accepts(_new_run), ("DEC-02",)),
    Liar("DEC-05", "applies nothing of the patch", carried_out(lambda _table, _mine: None)),
    Liar("DEC-05", "takes an approval without answers for one with every last option", answered(_first_options)),
    Liar(
        "DEC-24",
        "says yes to a second approval of a parking",
        taken("running", when=lambda run, _: bool(run.approvals)),
    ),
    Liar(
        "DEC-24",
        "calls a second decision a bad request",
        told(409, 400, when=lambda run, s: bool(run.approvals) and s.status == "running"),
    ),
    Liar("DEC-24", "lets a reject follow an approval", rule(Account.reject, _rejects_late)),
    Liar("DEC-25", "lets all concurrent decisions win", _races),
    Liar("DEC-25", "breaks down over concurrent decisions", _jammed(500)),
    Liar("DEC-25", "refuses every one of concurrent decisions", _jammed(409, nobody=True)),
    Liar(
        "DEC-25", "lets another of concurrent decisions count than the one that it accepted", _jammed(409, turns=True)
    ),
    Liar("DEC-36", "mends the rows of later imports by an answer to an earlier one", _learned),
    Liar("DEC-36", "approves the parked runs of all companies", _spreads(reject=False)),
    Liar("DEC-36", "ends the parked runs of other companies", _spreads(reject=True)),
)
