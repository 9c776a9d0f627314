"""The calls of the session: its journal to read, wait for, clear and take as HAR, why one went so, what all showed."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse

from mock_server.admin.call import AdminCall, Answer, route
from mock_server.contract.document import UUID, canonical_id, clause_texts
from mock_server.contract.nearest import shown, suggest
from mock_server.coverage.items import coverage_of
from mock_server.coverage.journals import counts, told_by
from mock_server.explain.text import text
from mock_server.explain.why import why
from mock_server.http.streamed import streamed, written
from mock_server.kernel.clock import SECOND, duration
from mock_server.kernel.errors import Refusal
from mock_server.recording.exchange import exchange, har
from mock_server.recording.journal import ENTRIES, Entry, Journal
from mock_server.recording.waiting import Wanted

LONGEST = 60 * SECOND
"""Milliseconds that a caller may wait for an exchange."""
FEW = 20
"""Exchanges up to which they are told at once."""
_FORMS = ("json", "text")
_FILTERS = ("since", "operation", "run", "status", "strays")
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")
_SECONDS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


def _read(call: AdminCall) -> Answer:
    call.query(*_FILTERS)
    journal, wanted = _search(call)
    return _listing(call, journal, wanted.since, _found(journal, wanted))


async def _wait(call: AdminCall) -> Answer:
    """The exchanges that fit, once so many of them are over, or when the time is up; ClientDisconnect on a hang-up."""
    query = call.query("count", "timeout", *_FILTERS)
    many = query.get("count", "1")
    if not many.isdecimal() or len(many) > 6 or not 1 <= int(many) <= ENTRIES:
        raise Refusal(400, f"count must be a number from 1 to {ENTRIES}; got {shown(many)}")
    count, patience = int(many), _patience(query.get("timeout", "10s"))
    journal, wanted = _search(call)
    hung_up = asyncio.create_task(_hang_up(call))
    try:
        async with asyncio.timeout(patience / SECOND):
            while len(found := _over(journal, wanted)) < count and not (call.session.closed or call.sessions.ending):
                with journal.waiting.joined(wanted, count - len(found)) as over:
                    await asyncio.wait({over, hung_up}, return_when=asyncio.FIRST_COMPLETED)
                if hung_up.done():
                    raise ClientDisconnect
    except TimeoutError:
        found = _over(journal, wanted)
    finally:
        hung_up.cancel()
    return _listing(call, journal, wanted.since, found, met=len(found) >= count, count=len(found))


async def _hang_up(call: AdminCall) -> None:
    """Return when the client hangs up."""
    while (await call.request.receive())["type"] != "http.disconnect":
        pass


def _clear(call: AdminCall) -> dict[str, Any]:
    call.query("strays")
    return {"cleared": _journal(call).clear()}


def _read_har(call: AdminCall) -> Answer:
    call.query(*_FILTERS)
    return streamed(written(har(_found(*_search(call)))))


async def _explain(call: AdminCall) -> Answer:
    form = call.query("format").get("format")
    if form is not None and form not in _FORMS:
        raise Refusal(400, f"format: no format {shown(form)}{suggest(form, _FORMS)}")
    await run_in_threadpool(clause_texts)  # which are read the first time
    explanation = why(call.session, call.sessions.strays, call.request.path_params["id"])
    accepted = call.request.headers.get("accept", "").lower()
    as_text = form == "text" or (form is None and accepted.startswith("text/plain"))
    return PlainTextResponse(text(explanation)) if as_text else explanation


async def _cover(call: AdminCall) -> dict[str, Any]:
    call.query()
    session, dropped, entries = call.session, call.session.journal.dropped, call.exchanges()

    def describe() -> dict[str, Any]:
        items, exchanges = coverage_of(session.generation), [exchange(entry) for entry in entries]
        journals = told_by(session.id, exchanges, dropped)
        return {**counts(journals), "journals": journals, **items.describe(items.met(exchanges))}

    return await run_in_threadpool(describe)


def _listing(call: AdminCall, journal: Journal, since: int, found: list[Entry], **more: Any) -> Answer:
    """The exchanges, and where the next look goes on; `dropped` ones were forgotten, `missed` ones of them unseen."""
    oldest = next((entry.number for entry in journal), journal.latest + 1)
    session = None if journal.stray else call.session.id
    listed = {**more, "requests": map(exchange, found), "next": journal.latest, "kept": len(journal)}
    listed |= {"dropped": journal.dropped, "missed": max(0, oldest - 1 - since), "session": session}
    return {**listed, "requests": list(listed["requests"])} if len(found) <= FEW else streamed(written(listed))


def _search(call: AdminCall) -> tuple[Journal, Wanted]:
    """The journal, and which of its exchanges are asked for; Refusal 400 for a mistake."""
    query, journal, session = call.request.query_params, _journal(call), call.session
    since, operation, run_id, status = query.get("since", "0"), *map(query.get, ("operation", "run", "status"))
    run_id = run_id and canonical_id(run_id)
    if not since.isdecimal() or len(since) > 15:
        raise Refusal(400, f"since must be the number of an exchange, or 0; got {shown(since)}")
    if int(since) > journal.latest:
        raise Refusal(400, f"since must be at most {journal.latest}, the latest exchange's number; got {since}")
    known = (*session.generation.contract.operations, *(each.operation for each in session.generation.signed))
    if operation is not None and operation not in known:
        raise Refusal(400, f"operation: no operation {shown(operation)}{suggest(operation, known)}")
    # An id that the session does not have may become a run of its own.
    if run_id is not None and run_id not in session.account.runs and not UUID.fullmatch(run_id):
        raise Refusal(400, f"run: no run {shown(run_id)}{suggest(run_id, session.account.runs)}")
    if status is not None and not _STATUS.fullmatch(status):
        raise Refusal(400, f"status must be one such as 409, or a class such as 4xx; got {shown(status)}")
    return journal, Wanted(int(since), operation, run_id, status)


def _found(journal: Journal, wanted: Wanted) -> list[Entry]:
    return [entry for entry in journal if wanted.fits(entry)]


def _over(journal: Journal, wanted: Wanted) -> list[Entry]:
    return [entry for entry in _found(journal, wanted) if entry.ended is not None]


def _journal(call: AdminCall) -> Journal:
    return call.sessions.strays if call.flag("strays") else call.session.journal


def _patience(text: str) -> int:
    """Milliseconds of a duration such as `2s`, or of a plain number of seconds."""
    try:
        milliseconds = round(float(text) * SECOND) if _SECONDS.fullmatch(text) else duration(text)
    except ValueError as error:
        raise Refusal(400, f"timeout: {error}") from error
    if milliseconds > LONGEST:
        raise Refusal(400, f"timeout must be at most {LONGEST // SECOND}s; got {text}")
    return milliseconds


ROUTES = [
    route("/requests", GET=_read, DELETE=_clear),
    route("/requests/wait", GET=_wait),
    route("/requests.har", GET=_read_har),
    route("/why/{id}", GET=_explain),
    route("/coverage", GET=_cover),
]
