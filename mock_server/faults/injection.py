"""What becomes of a call that a fault strikes: withheld from the service, delivered twice, answered with what was.

The rule that it keeps: a fault never corrupts a session. A call that arrives does at once all that it ever does, by the
same handlers; what a fault bends is the answer, and that is the wire's affair.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from mock_server.faults.rules import strike
from mock_server.faults.transport import html_page
from mock_server.http.messages import answer, error, read
from mock_server.http.prefer import preferred
from mock_server.preview.account import Refusal
from mock_server.preview.lifecycle import before
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.responses import Response
    from starlette.types import Message, Scope

    from mock_server.faults.rules import Strike
    from mock_server.http.messages import Call
    from mock_server.preview.runs import Run
    from mock_server.preview.session import Session
    from mock_server.scenarios.model import Scenario

    Handler = Callable[[Call], Awaitable[Response]]

TOO_MANY = "Too many requests"  # RATE-02
BROKEN = "something went wrong at Vern; the call was not carried out"


def struck(session: Session, operation: str, scope: Scope, parameters: Mapping[str, str], now: int) -> Strike | None:
    """The fault that strikes this call, the operator's before those of the scenario that it is about; or None."""
    faults, run = session.faults, session.runs.get(parameters.get("run_id", ""))
    company_id = parameters.get("company_id")
    scenario = _scenario(session, operation, scope, run, company_id)
    if scenario is None or not scenario.faults:
        armed = faults.own
    else:
        armed = [*faults.own, *faults.scripted(scenario.name, company_id, scenario.faults, now)]
    return strike(armed, operation, None if run is None else run.life(now).status, now) if armed else None


def _scenario(
    session: Session, operation: str, scope: Scope, run: Run | None, company_id: str | None
) -> Scenario | None:
    """The scenario that the call is about: the run's, the one that a start asks for, the company's, the session's."""
    scenarios = session.world.scenarios
    if run is not None:
        return scenarios.get(run.scenario)
    if operation == "start_import" and (asked := preferred(scope, "scenario")) is not None:
        return scenarios.get(asked)
    if company_id is None:
        return scenarios.get(session.scenario)
    company = session.companies.get(company_id)
    return session.world.ready.get(company_id) if company is None else session.scenario_of(company)


def withheld(found: Strike) -> Response:
    """The answer to a call that does not arrive; a reset before the headers sends nothing of it."""
    match found.fault.how:
        case 429:
            return error(429, TOO_MANY)
        case 500:
            return error(500, BROKEN)
        case int(status):
            return html_page(status)
    return error(500, BROKEN)


async def carried_out(found: Strike | None, call: Call, handler: Handler) -> Response:
    """The answer of the handler, which a stale read or a second delivery replaces."""
    if found is None:
        return await handler(call)
    if found.fault.what == "twice":
        return await _twice(found, call, handler)
    said = await handler(call)
    if found.fault.what == "stale":
        body = _stale(found, call) if said.status_code == 200 else None
        if body is None:
            found.spare()
        else:
            return answer(body)
    return said


async def _twice(found: Strike, call: Call, handler: Handler) -> Response:
    """The answer to one of two deliveries; each is a call of its own to the service, and counts as one (RATE-01)."""
    raw = await read(call.scope, call.receive, call.session.settings.max_body)

    async def again() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    said, delivered = [], replace(call, receive=again)
    for number in range(2):
        try:
            if number and not call.session.admit(call.operation_id, call.parameters.get("company_id"), call.now):
                raise Refusal(429, TOO_MANY, "RATE-01")
            said.append(await handler(delivered))
        except Refusal as refusal:
            said.append(error(refusal.status, refusal.text))
    found.found = f"answered {said[0].status_code} and {said[1].status_code}"
    return said[0 if found.fault.how == "first" else 1]


def _stale(found: Strike, call: Call) -> bytes | None:
    """The body that shows the state before the present one; None when there is none to show."""
    session, run_id = call.session, call.parameters.get("run_id")
    if run_id is not None:
        run: Run | None = session.runs[run_id]
    else:
        imports = session.companies[call.parameters["company_id"]].imports
        run = imports[-1] if imports and "status" in call.query else None
    if run is None or (isinstance(run, ImportRun) and run.book is None and run.told is not None):
        return None
    was, now = before(run.script, run.started, run.events, run.time(call.now), run.stale_after), run.life(call.now)
    if was is None and run_id is not None:
        return None
    found.found = f"it shows {'no run' if was is None else was.status}, and the run is {now.status}"
    return orjson.dumps({"run": None} if was is None else run.described(was))
