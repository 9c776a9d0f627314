"""Servers that lie about rejects: what they end, and what is left afterwards (DEC-21, DEC-31 to DEC-35)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bending import before, gives, reads
from deciding import approve_now, described, lives, taken, told
from lies import App, Liar, Lie, answers, rule
from places import all_of, put

from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview import account as store
from mock_server.preview import decisions
from mock_server.preview import operations as api
from mock_server.preview import preconditions as refusals
from mock_server.preview.account import Account, account_of
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from mock_server.data.book import Book
    from mock_server.preview.companies import Company
    from mock_server.preview.lifecycle import Life
    from mock_server.session.exchange import Exchange as Call

_parked = refusals.parked
_busy = refusals.refuse_busy
_seen = ImportRun.visible_book
_listed = api.list_imports
_export = api.export_csv


def _as_approval(body: dict[str, Any]) -> None:
    if body.get("decision") == "reject" and body.get("answers"):
        body["decision"] = "approve"


def _applied_all_the_same(app: App, patch: pytest.MonkeyPatch) -> App:
    """A reject ends the run, and its answers mend the rows before."""
    given: list[Any] = []

    def read(body: dict[str, Any]) -> None:
        if body.get("decision") == "reject" and body.get("answers"):
            given.append(body.pop("answers"))

    def mend(account: Account, now: int, run_id: str) -> None:
        run: Any = account.runs[run_id]
        if given and (state := _parked(run, now)):
            run.book = run.parked_book(state).apply_fixes(decisions.fixes(run, state, given.pop()))

    return all_of(reads("decide", read), before(Account.reject, mend))(app, patch)


def _ends_and_refuses(app: App, patch: pytest.MonkeyPatch) -> App:
    async def lying(call: Call) -> Any:
        response = await honest(call)
        if refused:
            raise Refusal(400, "answers come with approve only")
        return response

    refused: list[bool] = []
    honest = api.decide

    def read(body: dict[str, Any]) -> None:
        refused[:] = [True] if body.get("decision") == "reject" and body.pop("answers", None) else []

    patch.setitem(api.HANDLERS, "decide", lying)
    return reads("decide", read)(app, patch)


def _answered_with(instead: int) -> Lie:
    def bend(_: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        rejected = status == 200 and path.endswith("/decisions") and body["status"] == "failed"
        return (instead if rejected else status), body

    return answers(bend)


def _says(**members: Any) -> Lie:
    """A lie that answers a reject with these members."""
    return gives("decide", lambda body: body.update(members) if body["status"] == "failed" else None)


def _approves_it(self: Account, now: int, run_id: str) -> Any:
    run: Any = self.runs[run_id]
    state = _parked(run, now)
    approve_now(run, state, [group.fix for group in run.parked_book(state).groups])
    return "failed"


def _does_nothing(self: Account, now: int, run_id: str) -> Any:
    run: Any = self.runs[run_id]
    _parked(run, now)
    return "failed"


def _reports(change: Callable[[dict[str, Any]], object]) -> Lie:
    """A lie about the poll of a rejected run, changed in place."""
    return described(lambda _, state, body: change(body) if state.rejected else None)


def _shows(book: Callable[[ImportRun, Life, Book], Book | None]) -> Lie:
    """A lie about the rows that are left after a reject."""

    def seen(self: ImportRun, state: Life) -> Book | None:
        found = _seen(self, state)
        return book(self, state, found) if state.rejected and found is not None else found

    return rule(ImportRun.visible_book, seen)


def _patched(_run: ImportRun, _state: Life, book: Book) -> Book:
    return book.apply_fixes([group.fix for group in book.groups])


def _no_download(status: int) -> Lie:
    async def lying(call: Call) -> Any:
        company = account_of(call.session).company(call.parameters["company_id"])
        if company.imports and company.imports[-1].life(call.now).rejected:
            raise Refusal(status, "the last import of this company failed")
        return await _export(call)

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        patch.setitem(api.HANDLERS, "export_csv", lying)
        return app

    return make


def _everything(app: App, patch: pytest.MonkeyPatch) -> App:
    """After a reject flagged rows are given as valid ones."""

    async def lying(call: Call) -> Any:
        company = account_of(call.session).company(call.parameters["company_id"])
        if company.imports and company.imports[-1].life(call.now).rejected:
            call.scope["query_string"] = call.scope["query_string"].replace(b"filter=valid", b"filter=all")
        return await _export(call)

    patch.setitem(api.HANDLERS, "export_csv", lying)
    return app


def _rejected_last(company: Company, now: int) -> bool:
    return bool(company.imports) and company.imports[-1].life(now).rejected


def _still_busy(company: Company, now: int) -> None:
    if _rejected_last(company, now):
        raise Refusal(409, "an import of this company waits for a new file")
    _busy(company, now)


def _no_new_import(app: App, patch: pytest.MonkeyPatch) -> App:
    put(patch, (store, refusals.refuse_busy), _still_busy)
    put(patch, (api, refusals.refuse_busy), _still_busy)
    return app


def _still_active(app: App, patch: pytest.MonkeyPatch) -> App:
    """The active look-up goes on to give a run that was rejected, as it was when it was parked."""
    last: dict[str, bytes] = {}
    honest = ImportRun.body_of

    def body_of(self: ImportRun, state: Life) -> bytes:
        found = honest(self, state)
        if state.status == "needs_attention":
            last[self.company_id] = found
        return found

    async def lying(call: Call) -> Any:
        company = account_of(call.session).company(call.parameters["company_id"])
        if call.query.get("status") == "active" and company.id in last and _rejected_last(company, call.now):
            return answer(last[company.id])
        return await _listed(call)

    put(patch, (ImportRun, ImportRun.body_of), body_of)
    patch.setitem(api.HANDLERS, "list_imports", lying)
    return app


def _revived(run: ImportRun, now: int) -> Life:
    """A run that was rejected can be approved after all."""
    if run.life(now).rejected:
        run.events.pop()
    return _parked(run, now)


def _rejected(_: ImportRun, state: Life) -> bool:
    return state.rejected


def _after_reject(state: Life, _: Sequence[Any]) -> bool:
    return state.rejected


def _both_parked(app: App, patch: pytest.MonkeyPatch) -> App:
    put(patch, (store, refusals.parked), _revived)
    put(patch, (api, refusals.parked), _revived)
    return app


LIARS = (
    Liar("DEC-21", "applies answers that come with a reject, as if it were an approval", reads("decide", _as_approval)),
    Liar("DEC-21", "ends the run as a reject does, and mends its rows by the answers", _applied_all_the_same),
    Liar("DEC-21", "refuses answers with a reject, and rejects the run", _ends_and_refuses),
    Liar("DEC-31", "answers a reject with 202", _answered_with(202)),
    Liar("DEC-31", "answers a reject with 400", _answered_with(400)),
    Liar("DEC-31", "says rejected instead of failed", _says(status="rejected")),
    Liar("DEC-31", "cancels a run that is rejected", lives(_after_reject, status="canceled", rejected=False)),
    Liar(
        "DEC-31",
        "says yes to a reject, and goes on as approved",
        rule(Account.reject, _approves_it),
    ),
    Liar(
        "DEC-31",
        "leaves a run parked that is rejected",
        rule(Account.reject, _does_nothing),
    ),
    Liar("DEC-32", "forgets the report of a rejected run", _reports(lambda body: body.pop("report"))),
    Liar(
        "DEC-32",
        "reports no flagged row after a reject",
        _reports(lambda body: body["report"].update(invalidCellCount=0)),
    ),
    Liar(
        "DEC-32",
        "reports no count of flagged rows after a reject",
        _reports(lambda body: body["report"].pop("invalidCellCount")),
    ),
    Liar("DEC-33", "empties the sheet at a reject", _shows(lambda *_: None)),
    Liar("DEC-33", "applies the patch at a reject", _shows(_patched)),
    Liar("DEC-33", "has no download after a reject", _no_download(404)),
    Liar("DEC-33", "refuses a download after a reject", _no_download(409), ("ERR-06",)),
    Liar("DEC-33", "gives flagged rows as valid ones after a reject", _everything),
    Liar("DEC-34", "takes no new import after a reject", _no_new_import),
    Liar("DEC-34", "gives a rejected run as the active one", _still_active),
    Liar("DEC-35", "approves a run that was rejected", _both_parked),
    Liar("DEC-35", "says yes to an approval after a reject", taken("failed", when=_rejected)),
    Liar("DEC-35", "calls an approval after a reject a bad request", told(409, 400, when=_rejected)),
)
