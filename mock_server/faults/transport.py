"""Enacts faults on the wire: an answer that is late, slow, cut off, malformed, something else, or never there.

The rule that it keeps: nothing here changes a session. What a call does is done when its answer comes here; a delay
delays bytes alone. Delays are real time, whatever the session's clock does: a client's own time-outs are, too. When the
session ends, or the client hangs up, an answer that is held back is let go.

A reset is a real one (RST), made through the transport that uvicorn's `send` belongs to, with httptools as with h11.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from mock_server.http.messages import JSON, error

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from mock_server.faults.rules import Strike
    from mock_server.session.exchange import Exchange

FAULT = "x-mock-fault"
"""The header by which a bent answer, if it has headers of ours, says so."""
LOSES = ("lose", "truncate", "garble")
"""Faults that leave the client without a whole answer, although something may come."""
PIECES = 10
"""In how many pieces a slow body comes."""
MOST = 16_384
"""Bytes that are sent of a body that is cut off: so few that they are on their way before the connection breaks."""
PATIENCE = 5.0
"""Real seconds that a broken connection may take to be gone."""
_AT_ONCE = struct.pack("ii", 1, 0)  # linger: on, for no time; closing then resets
_PAGES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


class _Broken(Exception):
    """The answer ends here; the connection goes down with a reset, or is closed in order."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "close")
        self.reset = reset


class _Enough(Exception):
    """The answer was cut off, and is complete as far as the client can see."""


def html_page(status: int) -> Response:
    """What a proxy between caller and service says when the service does not answer it."""
    said = f"{status} {_PAGES[status]}"
    text = f"<html>\r\n<head><title>{said}</title></head>\r\n<body>\r\n<center><h1>{said}</h1></center>\r\n<hr>"
    return Response(f"{text}<center>proxy</center>\r\n</body>\r\n</html>\r\n", status, media_type="text/html")


class Wire:
    """The way back of one answer: `send` notes what goes out, `raw` is the server's own."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._transport: Any = getattr(getattr(raw, "__self__", None), "transport", None)
        self._let_go = asyncio.Event()
        self._hung_up: asyncio.Task[None] | None = None
        self._broken = False

    async def answer(self, strike: Strike, response: Response, call: Exchange) -> None:
        """Send the answer as the fault leaves it, and note what the client will not know."""
        session, entry = call.session, call.entry
        if not strike.spared and not _bendable(strike, response):
            session.spare(call.now, strike.key)
            strike.spared = True
        if strike.spared:
            await response(self._scope, self._receive, self._send)
            return
        entry.fault, entry.lost = str(strike), strike.fault.what in LOSES
        call.note_run(response.status_code, getattr(response, "body", b""))
        session.faults.pending.add(self._let_go.set)
        self._hung_up = asyncio.create_task(self._until_hung_up())
        try:
            with session.in_use():
                await self._bent(strike, response)
        except _Broken as broken:
            self._break(reset=broken.reset)
        except _Enough:
            pass
        finally:
            session.faults.pending.discard(self._let_go.set)

    async def over(self) -> None:
        """Wait until the server knows of a connection that was broken here; what is to be noted has been noted."""
        if self._hung_up is None:
            return
        if self._broken:
            await asyncio.wait({self._hung_up}, timeout=PATIENCE)
        self._hung_up.cancel()

    async def _bent(self, strike: Strike, response: Response) -> None:
        what, how = strike.fault.what, strike.fault.how
        match what, how:
            case ("reset", "before_headers") | ("lose", "reset"):
                raise _Broken(reset=True)
            case ("lose", "close"):
                raise _Broken(reset=False)
            case ("lose", int(status)):
                response = error(500, "something went wrong at Vern") if status == 500 else html_page(status)
            case ("delay", _):
                await self._pause(strike.milliseconds)
            case ("content_type", str(media_type)):
                response.headers["content-type"] = media_type
        response.headers[FAULT] = what if how is None else f"{what}={how}"
        await response(self._scope, self._receive, self._bending(strike))

    def _bending(self, strike: Strike) -> Send:
        """A `send` that bends what goes through it."""
        match strike.fault.what, strike.fault.how:
            case ("dribble", _):
                return self._dribbled(strike.milliseconds / PIECES)
            case ("reset", _):
                return self._cut(_Broken(reset=True))
            case ("truncate", how):
                return self._cut(_Broken(reset=False) if how == "wrong_length" else None)
            case ("garble", _):
                return self._garbled()
        return self._send

    async def _pause(self, milliseconds: float) -> None:
        """Let real time pass; the answer is over when the session ends or the client hangs up meanwhile."""
        assert self._hung_up is not None  # noqa: S101 - made before anything is sent
        let_go = asyncio.create_task(self._let_go.wait())
        ended: set[asyncio.Task[Any]] = {let_go, self._hung_up}
        done, _ = await asyncio.wait(ended, timeout=milliseconds / 1_000, return_when=asyncio.FIRST_COMPLETED)
        let_go.cancel()
        if done:
            raise _Broken(reset=True)

    def _dribbled(self, pause: float) -> Send:
        """Send the first message of the body piece by piece."""
        slow = True

        async def send(message: Message) -> None:
            nonlocal slow
            body = message.get("body", b"")
            if slow and body:
                slow = False
                size = -(-len(body) // PIECES)
                for start in range(0, len(body), size):
                    await self._pause(pause)
                    more = start + size < len(body) or message.get("more_body", False)
                    await self._send({**message, "body": body[start : start + size], "more_body": more})
            else:
                await self._send(message)

        return send

    def _cut(self, broken: _Broken | None) -> Send:
        """Send the first half of the body; then break, or with None: end as if that were all."""
        held: Message = {}

        async def send(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                held = message
                return
            half = message.get("body", b"")[:MOST]
            half = half[: len(half) // 2]
            if broken is None:
                await self._send({**held, "headers": _fitting(held["headers"], len(half))})
                await self._send({"type": "http.response.body", "body": half, "more_body": False})
                raise _Enough
            await self._send(held)
            await self._send({"type": "http.response.body", "body": half, "more_body": True})
            raise broken

        return send

    def _garbled(self) -> Send:
        """Send the body with its first colon turned into something that JSON does not have there."""
        begun = False

        async def send(message: Message) -> None:
            nonlocal begun
            if not begun and (body := message.get("body")):
                begun = True
                message = {**message, "body": body.replace(b":", b"=", 1)}
            await self._send(message)

        return send

    def _break(self, *, reset: bool) -> None:
        """End the connection."""
        assert self._hung_up is not None  # noqa: S101 - made before anything is sent
        # A server that shows no transport ends the connection in its own way.
        if self._transport is None or self._hung_up.done():
            return
        if reset:
            _reset_when_closed(self._transport.get_extra_info("socket"))
            self._transport.abort()
        else:
            self._transport.close()
        self._broken = True

    async def _until_hung_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _bendable(strike: Strike, response: Response) -> bool:
    """Whether the answer has what the fault would bend: something that was done, JSON that can be malformed."""
    match strike.fault.what:
        case "lose":
            return response.status_code < 400
        case "garble":
            return response.headers.get("content-type", "").startswith(JSON)
    return True


def _fitting(headers: Any, length: int) -> list[tuple[bytes, bytes]]:
    """The headers with this Content-Length, where they had one."""
    return [(name, str(length).encode() if name == b"content-length" else value) for name, value in headers]


def _reset_when_closed(known: Any) -> None:
    """Make the socket's closing a reset; through a duplicate, since an event loop may show no socket options."""
    with socket.socket(fileno=os.dup(known.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
