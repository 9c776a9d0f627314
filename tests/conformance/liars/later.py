"""Servers that say something true at once, and something false some minutes or an hour after."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bending import before, reads
from deciding import approve_now, on_refusal
from lies import App, Liar, Lie, rule
from places import all_of, around, put
from rereading import first, run_of, state_of, told, written
from runlies import busy, company_of

from mock_server.http.messages import answer
from mock_server.kernel.clock import HOUR, MINUTE, SECOND, real_time
from mock_server.kernel.errors import Refusal
from mock_server.preview import account, lifecycle, preconditions, runs, uploads
from mock_server.preview.account import Account, account_of
from mock_server.preview.companies import Ledger
from mock_server.preview.lifecycle import TIMED_OUT, Life
from mock_server.preview.runs import ImportRun
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from rereading import Download
    from starlette.responses import Response

    from mock_server.preview.companies import Company, Upload
    from mock_server.preview.runs import Run
    from mock_server.session.exchange import Exchange as Call

_WORKING = "Retrying (attempt 2 of 5)"


def _aging(when: Callable[[Life], bool], wait: int, **then: Any) -> Lie:
    """A lie about what a run is after so long in such a state."""
    honest = lifecycle.life

    def life(*given: Any) -> Life:
        state, now = honest(*given), given[3]
        if not when(state):
            return state
        turns = state.since + wait
        return replace(state, until=turns) if now < turns else replace(state, since=turns, **then)

    return rule((runs, lifecycle.life), life)


def _timed_out(state: Life) -> bool:
    return state.status == "failed" and state.says == TIMED_OUT and not state.rejected


def _ended(call: Call, after: int, *statuses: str) -> bool:
    """Whether the run of the path has been in one of these states for so long."""
    state = state_of(call)
    return state.status in statuses and call.now - state.since >= after


def _parked(call: Call, company: Company, after: int) -> bool:
    """Whether the company's run has been parked for so long."""
    active = company.active(call.now)
    return active is not None and active[1].status == "needs_attention" and call.now - active[1].since >= after


def _free_again(status: int, after: int) -> Lie:
    """A lie that takes a name or an external id a second time when so much time has passed."""
    honest = Account._refuse_taken

    def refuse_taken(self: Account, name: str, source_id: str, external_id: str | None) -> None:
        try:
            honest(self, name, source_id, external_id)
        except Refusal as refusal:
            now = self.session.clock.at(real_time())
            wanted = (name, source_id) if status == 400 else external_id
            taken = [
                each.created
                for each in self.companies.values()
                if wanted in {each.external_id, (each.name, each.source.id)}
            ]
            old = all(now - created >= after for created in taken)
            if refusal.status != status or not taken or not old:
                raise

    return rule(Account._refuse_taken, refuse_taken)


def _reopened() -> Lie:
    """A lie that takes a second file five minutes after the first."""
    used: dict[str, int] = {}
    honest = preconditions.refuse_closed

    def refuse_closed(upload: Upload, now: int) -> None:
        if upload.file is None or now < used.get(upload.token, now) + 5 * MINUTE:
            honest(upload, now)
        elif upload.file is not None:
            upload.file.close()

    return all_of(
        before(Account.receive, lambda _, now, token, __: used.setdefault(token, now)),
        *(around((module, preconditions.refuse_closed), lambda _: refuse_closed) for module in (account, uploads)),
    )


def _hour_anew(self: Account, now: int, company_id: str, _: Any) -> None:
    for upload in self.companies[company_id].uploads.values():
        if now - upload.expires < HOUR:
            upload.expires = now + HOUR


def _forgetful(when: Callable[[Life, int], bool]) -> Lie:
    """A lie that does not know an import's key any more when its run is like that."""

    def bend(honest: Callable[..., Run | None]) -> Callable[..., Run | None]:
        def replayed(self: Ledger, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
            run, now = honest(self, company, kind, key, digest), self.session.clock.at(real_time())
            return None if isinstance(run, ImportRun) and when(run.life(now), now) else run

        return replayed

    return around(Ledger.replayed, bend)


async def _answers_itself(call: Call) -> None:
    company = company_of(call)
    if _parked(call, company, 30 * MINUTE):
        run, state = company.imports[-1], company.imports[-1].life(call.now)
        approve_now(run, state, [group.fix for group in run.parked_book(state).groups])
        call.subject = call.subject._replace(state=run.life(call.now))


def _zombie(call: Call, body: Any) -> Any:
    runs_so_far = company_of(call).imports
    if body != {"run": None} or not runs_so_far:
        return None
    state = runs_so_far[-1].life(call.now)
    if not _timed_out(state) or call.now - state.since < HOUR:
        return None
    return {"run_id": runs_so_far[-1].id, "status": "running", "progress_message": _WORKING}


def _polled(change: Callable[[Any], Any], after: int, *statuses: str) -> Lie:
    """A lie about what a poll says of a run that has been so for so long."""
    return told("poll_import", lambda call, body: change(body) if _ended(call, after, *statuses) else None)


def _counts_flagged(body: Any) -> None:
    report = body["report"]
    report["inserted"] += report["invalidCellCount"]
    report["perSheet"][0]["rowCount"] += report["invalidCellCount"]


def _without_report(body: Any) -> None:
    if "inserted" in body.get("report", ()):
        del body["report"]


def _renamed(call: Call, body: Any) -> None:
    if isinstance(body, dict) and "needs_attention" in body and _parked(call, company_of(call), 15 * MINUTE):
        for question in body["needs_attention"]["questions"]:
            question["id"] += "-r1"


def _by_old_names(body: Any) -> None:
    for each in body.get("answers") or ():
        if isinstance(each, dict) and isinstance(each.get("question_id"), str):
            each["question_id"] = each["question_id"].removesuffix("-r1")


async def _expired_review(call: Call) -> None:
    if isinstance(account_of(call.session).runs.get(call.parameters["run_id"]), ImportRun):
        run = run_of(call)
        if run.company_id == call.parameters["company_id"] and _ended(call, HOUR, "needs_attention"):
            raise Refusal(409, "the review of this run has expired")


async def _gone(call: Call) -> None:
    if call.subject.run is not None and _ended(call, HOUR, "completed", "failed", "canceled"):
        raise Refusal(404, "no such import")


def _no_longer_found(call: Call, body: Any) -> Any:
    return {"run": None} if "needs_attention" in body and _parked(call, company_of(call), HOUR) else None


def _last(each: Download) -> tuple[ImportRun, Life] | None:
    runs_so_far = each.company.imports
    return (runs_so_far[-1], runs_so_far[-1].life(each.call.now)) if runs_so_far else None


def _old(each: Download, when: Callable[[Life], bool]) -> ImportRun | None:
    found = _last(each)
    return found[0] if found and when(found[1]) and each.call.now - found[1].since >= HOUR else None


def _of_the_dead(each: Download, rows: list[Any]) -> list[Any]:
    run = _old(each, _timed_out)
    return rows if run is None or run.book is None else list(run.book.rows(each.sheet.id, flagged=each.flagged))


def _purged(each: Download, rows: list[Any]) -> list[Any]:
    if each.book is None or _old(each, lambda state: state.status == "completed") is None:
        return rows
    return list(each.book.rows(each.sheet.id, flagged=False))


def _taken_later(when: Callable[[Life], bool]) -> Lie:
    """A lie that says yes to a decision on such a run an hour after its end, and does nothing."""

    def instead(call: Call, run: ImportRun, state: Life, refusal: Refusal) -> Response | None:
        meant = refusal.status == 409 and when(state) and call.now - state.since >= HOUR
        return answer(run.accepted("running")) if meant else None

    return on_refusal(instead)


def _carried_out_after_all(app: App, patch: pytest.MonkeyPatch) -> App:
    """Start a throttled import all the same, before the company's next call."""
    waiting: dict[str, tuple[Any, bytes]] = {}
    free: ContextVar[bool] = ContextVar("free", default=False)
    honest = Session.admit
    put(patch, Session.admit, lambda self, *given: free.get() or honest(self, *given))

    async def unsent(_: Any) -> None:
        pass

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        pieces: list[bytes] = []

        async def received() -> Any:
            message = await receive()
            pieces.append(message.get("body", b""))
            return message

        async def sent(message: Any) -> None:
            if message.get("status") == 429 and scope["method"] == "POST" and scope["path"].endswith("/imports"):
                waiting[scope["path"]] = {**scope}, b"".join(pieces)
            await send(message)

        for path in [each for each in waiting if scope["path"].startswith(each)]:
            again, raw = waiting.pop(path)

            async def repeated(raw: bytes = raw) -> Any:
                return {"type": "http.request", "body": raw, "more_body": False}

            free.set(True)
            await app(again, repeated, unsent)
            free.set(False)
        await app(scope, received, sent)

    return lying


def _locked_out() -> Lie:
    until: dict[tuple[str, str], int] = {}

    def bend(honest: Callable[..., bool]) -> Callable[..., bool]:
        def admit(self: Session, now: int, operation_id: str, own: Any = None) -> bool:
            key = self.id, operation_id
            if now >= until.get(key, 0):
                if honest(self, now, operation_id, own):
                    return True
                until[key] = now + 10 * MINUTE
            return False

        return admit

    return around(Session.admit, bend)


def _cooling(company: Company, now: int) -> bool:
    if not company.imports:
        return False
    state = company.imports[-1].life(now)
    return not state.terminal or now - state.since < 20 * SECOND


def _blocking(company: Company, now: int) -> bool:
    active = company.active(now)
    return active is not None and (active[1].status != "needs_attention" or now - active[1].since < HOUR)


LIARS: tuple[Liar, ...] = (
    Liar("PROV-14", "frees an external id an hour after it was taken", _free_again(409, HOUR)),
    Liar("PROV-16", "looks for a name among the companies of the last hour alone", _free_again(400, HOUR)),
    Liar("UPL-03", "takes another file at a used URL five minutes later", _reopened()),
    Liar("UPL-04", "lets the hour of a URL begin anew when the company asks for another",
         before(Account.request_upload, _hour_anew)),
    Liar("IDEM-04", "forgets the key of a run that has been parked for an hour",
         _forgetful(lambda state, now: state.status == "needs_attention" and now - state.since >= HOUR)),
    Liar("IDEM-02", "forgets a key as soon as its run has left the queue",
         _forgetful(lambda state, _: state.status == "running"), ("IDEM-01",)),
    Liar("RUN-03", "times a run out an hour after it was completed",
         _aging(lambda state: state.status == "completed", HOUR, status="failed", says=TIMED_OUT, end=None),
         ("RUN-04", "RUN-02")),
    Liar("RUN-03", "cancels a rejected run two hours later",
         _aging(lambda state: state.terminal and state.rejected, 2 * HOUR, status="canceled", rejected=False),
         ("RUN-04", "RUN-02", "DEC-32")),
    Liar("RUN-07", "applies the proposed patch when nobody has answered for half an hour",
         all_of(first("poll_import", _answers_itself), first("list_imports", _answers_itself)), ("PATCH-10",)),
    Liar("STALE-04", "brings a run that has timed out to life two hours later",
         _aging(_timed_out, 2 * HOUR, status="running", says=_WORKING), ("RUN-03", "RUN-02", "STALE-02", "STALE-03")),
    Liar("STALE-02", "looks a timed out run up again an hour after", told("list_imports", _zombie), ("ACT-05",)),
    Liar("RUN-09", "shows the rows of a timed out run an hour later", written(_of_the_dead), ("STALE-04",)),
    Liar("RUN-04", "forgets which rows are flagged an hour after the end",
         _polled(lambda body: body["report"].update(invalidCellCount=0), HOUR, "completed"), ("RUN-03", "CSV-06")),
    Liar("POLL-01", "does not know a run any more an hour after its end",
         first("poll_import", _gone), ("RUN-03", "RUN-04", "DEC-32")),
    Liar("DEC-32", "keeps the report of a rejected run for half an hour",
         _polled(_without_report, 30 * MINUTE, "failed"), ("RUN-04", "RUN-03")),
    Liar("DEC-33", "gives the rows of a rejected import back an hour later",
         written(lambda each, rows: [] if _old(each, lambda state: state.rejected) else rows)),
    Liar("CSV-05", "drops the flagged rows of a completed import an hour later",
         written(_purged), ("CSV-06", "CSV-07", "DEC-09")),
    Liar("PATCH-10", "counts the flagged rows as inserted after ten minutes at the parking",
         _polled(_counts_flagged, 10 * MINUTE, "needs_attention"), ("QUE-03",)),
    Liar("QUE-03", "gives its questions other ids after a quarter of an hour",
         all_of(told("poll_import", _renamed), told("list_imports", _renamed), reads("decide", _by_old_names))),
    Liar("DEC-01", "takes no decision an hour after the parking",
         first("decide", _expired_review), ("DEC-11", "DEC-12", "DEC-31")),
    Liar("ACT-04", "does not look a run up that has been parked for an hour",
         told("list_imports", _no_longer_found), ("ACT-01", "ACT-06")),
    Liar("IMP-10", "lets an import begin beside one that has been parked for an hour", busy(_blocking), ("IMP-09",)),
    Liar("IMP-11", "refuses an import for twenty seconds after the end of the one before",
         busy(_cooling), ("DEC-34", "STALE-03")),
    Liar("RATE-07", "queues a throttled start and carries it out afterwards", _carried_out_after_all, rate_limit=100),
    Liar("RATE-08", "locks a key out for ten minutes once it was throttled", _locked_out(), rate_limit=100),
    Liar("DEC-35", "takes an approval of a run that was rejected an hour ago",
         _taken_later(lambda state: state.rejected), ("DEC-23",)),
    Liar("DEC-23", "takes a decision on a run that was completed an hour ago",
         _taken_later(lambda state: state.status == "completed"), ("DEC-24",)),
)  # fmt: skip
