"""Where faults meet calls: one that is withheld or delivered twice, an answer that is late, cut off or never there.

The rule that it keeps: nothing here changes or knows a session; what a fault needs of it is handed in. What a call does
is done when its answer comes here; a delay delays bytes alone. When the session ends, or the client hangs up, an answer
that is held back is let go.

A reset is a real one (RST), made through the transport that uvicorn's `send` belongs to, with httptools as with h11.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from mock_server.faults.kinds import TEXTS
from mock_server.faults.model import Break, Fault, Faults, Hit, Reply
from mock_server.http.hang_up import transport_of
from mock_server.http.messages import answer, error
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


FAULT = "x-mock-fault"
"""The header by which a bent answer, if it has headers of ours, says so."""
PATIENCE = 5.0
"""Real seconds that a broken connection may take to be gone."""
_PAGES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


class Delivery(NamedTuple):
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


class Wire:
    """The way back of one answer: `send` notes what goes out, `raw` is the server's own."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._transport = transport_of(raw)
        self._let_go = asyncio.Event()
        self._hung_up: asyncio.Task[None] | None = None
        self._broken = False

    async def send(self, hit: Hit, response: Response, faults: Faults) -> None:
        """Send the answer as the fault leaves it; one that was spared goes out as it is."""
        if hit.spared:
            await response(self._scope, self._receive, self._send)
            return
        faults.pending.add(self._let_go.set)
        self._hung_up = asyncio.create_task(self._until_hung_up())
        try:
            await hit.fault.send(response, hit, self)
        except Break as broken:
            if broken.reset is not None:
                self._break(reset=broken.reset)
        finally:
            faults.pending.discard(self._let_go.set)

    async def over(self) -> None:
        """Wait until the server knows of a connection that was broken here; what is to be noted has been noted."""
        if self._hung_up is None:
            return
        if self._broken:
            await asyncio.wait({self._hung_up}, timeout=PATIENCE)
        self._hung_up.cancel()

    async def pause(self, milliseconds: float) -> None:
        """Let real time pass; the answer is over when the session ends or the client hangs up meanwhile."""
        assert self._hung_up is not None  # noqa: S101 - made before anything is sent
        let_go = asyncio.create_task(self._let_go.wait())
        ended: set[asyncio.Task[Any]] = {let_go, self._hung_up}
        done, _ = await asyncio.wait(ended, timeout=milliseconds / 1_000, return_when=asyncio.FIRST_COMPLETED)
        let_go.cancel()
        if done:
            raise Break(reset=True)

    async def respond(self, fault: Fault, response: Response, through: Callable[[Send], Send] | None = None) -> None:
        """Send a bent answer, `through` what bends its messages."""
        response.headers[FAULT] = fault.verb if fault.value is None else f"{fault.verb}={fault.value}"
        await response(self._scope, self._receive, through(self._send) if through else self._send)

    async def reply(self, fault: Fault, reply: Reply) -> None:
        """Send an answer that is not the service's."""
        await self.respond(fault, response_of(reply))

    def _break(self, *, reset: bool) -> None:
        assert self._hung_up is not None  # noqa: S101 - made before anything is sent
        if self._transport is None or self._hung_up.done():
            return  # a server that shows no transport ends the connection in its own way
        self._broken = True
        if self._transport.is_closing():  # the client was faster
            return
        if reset:  # closing then resets; a duplicate is told so, since an event loop may show no socket options
            descriptor = os.dup(self._transport.get_extra_info("socket").fileno())
            with contextlib.suppress(OSError), socket.socket(fileno=descriptor) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # on, for no time
            self._transport.abort()
        else:
            self._transport.close()

    async def _until_hung_up(self) -> None:
        with contextlib.suppress(Refusal):  # a body that is longer than anybody reads, and stops
            while (await self._receive())["type"] != "http.disconnect":
                pass


def response_of(reply: Reply) -> Response:
    """The answer that does not come from the service."""
    if reply.text is not None:
        return error(reply.status, reply.text)
    title = f"{reply.status} {_PAGES[reply.status]}"
    text = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr>"
    text += "<center>proxy</center>\r\n</body>\r\n</html>\r\n"
    return Response(text, reply.status, media_type="text/html")
