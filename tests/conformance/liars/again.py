"""Servers that say something true at the first read or call, and something false at the second or third."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
from bending import asked, key_of, with_key
from deciding import on_refusal
from lies import App, Liar, Lie, rule
from places import all_of, around
from rereading import THIRD, body_of, first, known_run, refused, reread, told, written
from runlies import company_of, everywhere

from mock_server.http.messages import answer
from mock_server.kernel.errors import Refusal
from mock_server.preview import account, decisions, preconditions, uploads
from mock_server.preview import operations as api
from mock_server.preview.account import Account
from mock_server.preview.companies import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest
    from rereading import Download
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.preview.companies import Company, Upload
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun, Run
    from mock_server.session.exchange import Exchange as Call

_STALE_COPY = {"status": "running", "progress_message": "Cleaning your data"}


def _polled(change: Callable[[Any], Any], *statuses: str) -> Lie:
    """A lie of a poll that sees a run in one of these states for the third time."""

    def changed(_: Call, body: Any, times: int) -> Any:
        return change(body) if body["status"] in statuses and times == THIRD else None

    return reread("poll_import", changed)


def _from_a_copy(_: Call, body: Any, times: int) -> Any:
    return _STALE_COPY if body["status"] == "completed" and times % THIRD == 0 else None


def _queued_again(_: Call, body: Any, times: int) -> None:
    if body["status"] == "running" and times == THIRD:
        body["status"] = "queued"


def _turned(_: Call, body: Any, times: int) -> None:
    if body["status"] == "needs_attention" and times >= THIRD:
        body["needs_attention"]["questions"].reverse()


def _no_patch(body: Any) -> None:
    del body["needs_attention"]["proposed_patch"]


def _downloads(change: Callable[[Download, list[Any]], Sequence[Any]], times: int = THIRD) -> Lie:
    """A lie of a download from the third time on."""
    seen: Counter[Any] = Counter()

    def changed(each: Download, rows: list[Any]) -> Sequence[Any]:
        run = known_run(each.call, each.company)
        if run is None:
            return rows
        key = run.id, each.sheet.id, each.flagged, each.zipped
        seen[key] += 1
        return change(each, rows) if seen[key] >= times else rows

    return written(changed)


def _with_flagged(each: Download, rows: list[Any]) -> list[Any]:
    return rows if each.book is None else list(each.book.rows(each.sheet.id, flagged=True))


def _kept_look_ups() -> Lie:
    """A look-up that keeps what it said of a run first, for as long as the run is in flight."""
    said: dict[str, Any] = {}

    def changed(_: Call, body: Any) -> Any:
        return said.setdefault(body["run_id"], body) if "run_id" in body else None

    return told("list_imports", changed)


def _back_in_flight(call: Call, body: Any, times: int) -> Any:
    runs = company_of(call).imports
    return orjson.loads(runs[-1].body(call.now)) if body == {"run": None} and runs and times >= THIRD else None


def _nothing_at_all(call: Call, body: Any, times: int) -> Any:
    return {} if body == {"run": None} and not company_of(call).imports and times >= THIRD else None


def _oldest_first(_: Call, body: Any, times: int) -> None:
    if "runs" in body and times >= THIRD:
        body["runs"].reverse()


def _without_newest(_: Call, body: Any, times: int) -> None:
    if len(body.get("runs", ())) > 1 and times >= THIRD:
        del body["runs"][0]


def _sorted_columns(_: Call, body: Any, times: int) -> None:
    for template in body["templates"] if times >= THIRD else ():
        template["columns"].sort(key=lambda each: each["name"])


def _unknown_breaks() -> Lie:
    """A lie that stumbles over an unknown run that is asked for a third time."""
    seen: Counter[Any] = Counter()

    async def instead(call: Call, refusal: Refusal, _: Handler) -> None:
        seen[call.session.id, call.scope["path"]] += 1
        if refusal.status == 404 and seen[call.session.id, call.scope["path"]] >= THIRD:
            raise Refusal(500, "something went wrong")

    return refused("poll_import", instead)


def _known_connection(app: App, patch: pytest.MonkeyPatch) -> App:
    """Let a call without a key pass on a connection that brought a right one before."""
    keys: dict[Any, str] = {}

    def change(scope: Any) -> None:
        key = key_of(scope)
        if key and key in app.sessions._open:
            keys[scope["client"]] = key
        elif not key and scope["client"] in keys:
            with_key(scope, keys[scope["client"]])

    lying: App = asked(change)(app, patch)
    return lying


def _worn_down(app: App, patch: pytest.MonkeyPatch) -> App:
    """Take a revoked key for a right one when it comes for the third time."""
    seen: Counter[str] = Counter()

    def change(scope: Any) -> None:
        key = key_of(scope)
        if key.startswith("revoked"):
            seen[key] += 1
            sessions = list(everywhere(app))
            if seen[key] >= THIRD and sessions:
                with_key(scope, sessions[-1].key)

    lying: App = asked(change)(app, patch)
    return lying


def _replays(kind: str, change: Callable[[Any, Run, int], Run | None]) -> Lie:
    """A lie about the replay of a key, by how often it was replayed."""
    seen: Counter[Any] = Counter()

    def bend(honest: Callable[..., Run | None]) -> Callable[..., Run | None]:
        def replayed(self: Ledger, company: Company, asked_for: str, key: str | None, digest: bytes) -> Run | None:
            run = honest(self, company, asked_for, key, digest)
            if run is None or asked_for != kind:
                return run
            seen[run.id] += 1
            return change(self, run, seen[run.id])

        return replayed

    return around(Ledger.replayed, bend)


def _used_up(_: Ledger, run: Run, times: int) -> Run:
    if times > 2:  # each replay of an import looks twice
        raise Refusal(409, "this idempotency_key was used before")
    return run


def _overwriting() -> Lie:
    """A lie that keeps the payload of a replay that it has refused in the place of the first one."""

    def bend(honest: Callable[..., Run | None]) -> Callable[..., Run | None]:
        def replayed(self: Ledger, company: Company, kind: str, key: str | None, digest: bytes) -> Run | None:
            try:
                return honest(self, company, kind, key, digest)
            except Refusal:
                company.keys[kind, str(key)] = digest, company.keys[kind, str(key)][1]
                raise

        return replayed

    return around(Ledger.replayed, bend)


def _second_try(status: int, *words: str) -> Lie:
    """A lie about decisions: what was refused is taken when it comes again, and does nothing."""
    seen: Counter[str] = Counter()

    def instead(_: Call, run: ImportRun, state: Life, refusal: Refusal) -> Response | None:
        if refusal.status != status or not all(word in refusal.text for word in words) or not state.parkings:
            return None
        seen[run.id] += 1
        return answer(run.accepted("running")) if seen[run.id] > 1 else None

    return on_refusal(instead)


def _taken_at_last() -> Lie:
    """A lie that takes an external id which is in use when it is asked for a third time."""
    seen: Counter[Any] = Counter()
    honest = Account._refuse_taken

    def refuse_taken(self: Account, name: str, source_id: str, external_id: str | None) -> None:
        try:
            honest(self, name, source_id, external_id)
        except Refusal as refusal:
            seen[self.session.id, external_id] += 1
            if refusal.status != 409 or seen[self.session.id, external_id] < 2:
                raise

    return rule(Account._refuse_taken, refuse_taken)


def _once_refused() -> Lie:
    """A lie that refuses the second file of a URL, and takes the third."""
    seen: Counter[str] = Counter()
    honest = preconditions.refuse_closed

    def refuse_closed(upload: Upload, now: int) -> None:
        if upload.file is not None:
            seen[upload.token] += 1
        if upload.file is None or seen[upload.token] == 1:
            honest(upload, now)
        else:
            upload.file.close()

    return all_of(
        *(around((module, preconditions.refuse_closed), lambda _: refuse_closed) for module in (account, uploads))
    )


def _no_pardon_twice() -> Lie:
    """A lie that refuses an unknown question once, and passes over it afterwards."""
    seen: Counter[str] = Counter()

    def fixes(run: ImportRun, state: Life, answers: Sequence[Any]) -> Any:
        try:
            return decisions.fixes(run, state, answers)
        except Refusal:
            seen[run.id] += 1
            known = [each.id for each in run.questions(state)]
            if seen[run.id] == 1 or all(each["question_id"] in known for each in answers):
                raise
            return decisions.fixes(run, state, [each for each in answers if each["question_id"] in known])

    return rule((api, decisions.fixes), fixes)


def _delivered() -> Lie:
    """A lie that counts flagged rows as dealt with once they were downloaded twice."""
    seen: Counter[str] = Counter()

    def changed(each: Download, rows: list[Any]) -> list[Any]:
        run = known_run(each.call, each.company)
        if run is not None and each.flagged:
            seen[run.id] += 1
        return rows

    def polled(call: Call, body: Any) -> None:
        if body["status"] == "completed" and seen[call.parameters["run_id"]] > 1:
            body["report"]["invalidCellCount"] = 0

    return all_of(written(changed), told("poll_import", polled))


def _shorter_zip(each: Download, rows: list[Any]) -> Sequence[Any]:
    return rows[:-1] if each.zipped else rows


async def _same_body_twice(call: Call) -> Response | None:
    """Answer a decision that repeats the one before it, to the letter, as it was answered then."""
    body, subject = await body_of(call), call.subject
    if subject.run is None or not isinstance(body, dict):
        return None
    run: Any = subject.run
    state = run.life(call.now)
    answered = state.status == "running" and bool(state.parkings)
    return answer(run.accepted("running")) if answered and body == {"decision": "approve"} else None


def _lists_shrink(_: Call, body: Any, times: int) -> None:
    if times >= THIRD:
        for source in body["sources"]:
            if source["logo_url"] is None:
                del source["logo_url"]


def _exports_anew() -> Lie:
    """A lie that starts an export anew when its key comes for the third time."""

    def change(_: Ledger, run: Run, times: int) -> Run | None:
        return run if times <= 2 else None

    return _replays("export", change)


LIARS: tuple[Liar, ...] = (
    Liar("POLL-04", "leaves the patch out when a parked run is read for the third time",
         _polled(_no_patch, "needs_attention"), ("QUE-03",)),
    Liar("RUN-03", "reads every third poll of a completed run from a copy that lags behind",
         reread("poll_import", _from_a_copy), ("RUN-04", "RUN-02")),
    Liar("RUN-04", "knows no flagged rows when a completed run is read for the third time",
         _polled(lambda body: body["report"].update(invalidCellCount=0), "completed")),
    Liar("RUN-05", "says `queued` once more when it has said `running` twice",
         reread("poll_import", _queued_again), ("RUN-02", "RUN-06")),
    Liar("QUE-03", "turns the questions round from the third read on", reread("poll_import", _turned)),
    Liar("CSV-06", "loses the last row when all rows are downloaded a third time",
         _downloads(lambda each, rows: rows[:-1] if each.flagged and not each.zipped else rows),
         ("CSV-05", "CSV-07")),
    Liar("CSV-04", "gives flagged rows, too, when the valid ones are downloaded a third time",
         _downloads(lambda each, rows: rows if each.zipped else _with_flagged(each, rows)),
         ("CSV-03", "CSV-06", "DEC-09")),
    Liar("CSV-02", "loses a row of each sheet when the workbook is downloaded again",
         _downloads(_shorter_zip, 2), ("CSV-05",)),
    Liar("ACT-06", "keeps what it said of the run in flight when it was looked up first", _kept_look_ups(),
         ("ACT-04",)),
    Liar("ACT-05", "finds the ended run once more when it is looked up for the third time",
         reread("list_imports", _back_in_flight), ("ACT-02",)),
    Liar("ACT-02", "answers `{}` when a company without runs is looked up a third time",
         reread("list_imports", _nothing_at_all)),
    Liar("HIST-01", "gives the oldest run first when the history is read a third time",
         reread("list_imports", _oldest_first), ("HIST-03",)),
    Liar("HIST-03", "leaves the newest run out when the history is read a third time",
         reread("list_imports", _without_newest), ("HIST-04",)),
    Liar("TPL-06", "sorts the columns by name when the templates are listed a third time",
         reread("list_templates", _sorted_columns)),
    Liar("SRC-02", "leaves out a logo that is null when the sources are listed a third time",
         reread("list_sources", _lists_shrink)),
    Liar("POLL-17", "answers 500 when an unknown run is polled a third time", _unknown_breaks(), ("ERR-06",)),
    Liar("AUTH-02", "needs no key on a connection that brought one before", _known_connection, ("AUTH-07",)),
    Liar("AUTH-04", "takes a revoked key when it comes for the third time", _worn_down),
    Liar("IDEM-01", "takes a key for a conflict when it is repeated a second time",
         _replays("import", _used_up), ("IDEM-02", "IDEM-03", "IDEM-04", "IDEM-08")),
    Liar("IDEM-05", "remembers the payload of a replay that it has refused", _overwriting(), ("IDEM-01",)),
    Liar("DEC-24", "takes a second decision on a parking when it is repeated",
         _second_try(409, "the run is running"), ("DEC-23",)),
    Liar("DEC-24", "answers an approval without answers as before when it is sent again",
         first("decide", _same_body_twice), ("DEC-25", "DEC-23")),
    Liar("PROV-14", "takes an external id that is in use when it is asked for again", _taken_at_last()),
    Liar("UPL-03", "refuses the second file of a URL and takes the third", _once_refused()),
    Liar("DEC-14", "refuses an unknown question once and passes over it afterwards", _no_pardon_twice(), ("DEC-30",)),
    Liar("RUN-08", "counts flagged rows as dealt with once they were downloaded twice", _delivered(),
         ("RUN-04", "CSV-06")),
    Liar("DST-09", "starts an export anew when its key comes for the third time", _exports_anew()),
)  # fmt: skip
