"""Where faults meet calls: a call that is withheld from the service, or delivered as its fault says.

Nothing here knows a session: what a fault needs of it is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from mock_server.faults.kinds import TEXTS
from mock_server.http.messages import answer, error
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mock_server.faults.model import Reply

_PAGES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A call that arrives at the service, and what a fault may ask of the session that it belongs to."""

    deliver: Callable[[], Awaitable[Response]]
    """The service's answer to the call; raises Refusal."""
    keep_body: Callable[[], Awaitable[None]]
    """Takes in the whole body, so that the call can be delivered more than once."""
    admit: Callable[[], bool]
    """Whether one more call stays within the rate budget."""
    earlier: Callable[[], tuple[bytes, str] | None]
    """The body that shows the state before the present one, and what it shows, in words; None when there is none."""

    async def deliver_twice(self) -> list[Response]:
        """The answers to two deliveries; each is a call of its own to the service, and counts as one (RATE-01)."""
        await self.keep_body()
        responses = []
        for number in range(2):
            try:
                if number and not self.admit():
                    raise Refusal(429, TEXTS[429], "RATE-01")
                responses.append(await self.deliver())
            except Refusal as refusal:
                responses.append(error(refusal.status, refusal.text, refusal.headers))
        return responses

    def answer(self, body: bytes) -> Response:
        """An answer with this body."""
        return answer(body)


def response_of(reply: Reply) -> Response:
    """The answer that does not come from the service."""
    if reply.text is not None:
        return error(reply.status, reply.text)
    title = f"{reply.status} {_PAGES[reply.status]}"
    text = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr>"
    text += "<center>proxy</center>\r\n</body>\r\n</html>\r\n"
    return Response(text, reply.status, media_type="text/html")
