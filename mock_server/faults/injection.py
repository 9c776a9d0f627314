"""What becomes of a call that a fault strikes: withheld from the service, delivered twice, answered with what was.

The rule that it keeps: a fault never corrupts a session. A call that arrives does at once all that it ever does, by the
same handlers; what a fault bends is the answer, and that is the wire's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.faults.transport import html_page
from mock_server.http.messages import answer, error
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from mock_server.faults.rules import Strike
    from mock_server.session.exchange import Exchange

    Handler = Callable[[Exchange], Awaitable[Response]]

TOO_MANY = "Too many requests"  # RATE-02
BROKEN = "something went wrong at Vern; the call was not carried out"


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


async def carry_out(found: Strike, call: Exchange, handler: Handler) -> Response:
    """The answer of the handler, which a stale read or a second delivery replaces."""
    if found.fault.what == "twice":
        return await _twice(found, call, handler)
    said = await handler(call)
    if found.fault.what == "stale":
        earlier = call.session.account.earlier(call) if said.status_code == 200 else None
        if earlier is not None:
            found.found = earlier[1]
            return answer(earlier[0])
        call.session.spare(call.now, found.key)
        found.spared = True
    return said


async def _twice(found: Strike, call: Exchange, handler: Handler) -> Response:
    """The answer to one of two deliveries; each is a call of its own to the service, and counts as one (RATE-01)."""
    call.repeat_body(await call.read())
    said = []
    for number in range(2):
        try:
            if number and not call.session.admit(call.now, call.operation_id, call.subject.budget):
                raise Refusal(429, TOO_MANY, "RATE-01")
            said.append(await handler(call))
        except Refusal as refusal:
            said.append(error(refusal.status, refusal.text))
    found.found = f"answered {said[0].status_code} and {said[1].status_code}"
    return said[0 if found.fault.how == "first" else 1]
