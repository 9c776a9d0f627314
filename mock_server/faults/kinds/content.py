"""Faults of what is sent: a connection that breaks, half a body, malformed JSON, a Content-Type that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mock_server.faults.model import Break, Fault, Reply

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Send

    from mock_server.faults.rules import Hit
    from mock_server.faults.transport import Wire

FEW = 16_384
"""Bytes that are sent of a body that is cut off: so few that they are on their way before the connection breaks."""


class Reset(Fault):
    """The connection is reset: before the headers, and then the call did not arrive; or in the middle of the body."""

    __slots__ = ()

    verb = "reset"
    effect = "the connection is reset {}"
    effects: ClassVar = {
        "before_headers": "before the headers; the call does not arrive",
        "in_body": "in the middle of the body",
    }
    loses = True

    def withhold(self) -> Reply | None:
        """An answer that is never sent, when the connection breaks before its headers."""
        return Reply(500, "the connection was reset") if self.value == "before_headers" else None

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        """Break the connection, at once or in the middle of the body."""
        if self.value == "before_headers":
            raise Break(reset=True)
        await wire.respond(self, response, lambda send: _send_half(send, Break(reset=True)))


class Truncate(Fault):
    """Half of the body comes."""

    __slots__ = ()

    verb = "truncate"
    effect = "the answer's body is cut off, {}"
    effects: ClassVar = {
        "wrong_length": "short of its Content-Length",
        "right_length": "under a Content-Length that fits",
    }
    loses = True

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        """Cut the body off."""
        reset = False if self.value == "wrong_length" else None
        await wire.respond(self, response, lambda send: _send_half(send, Break(reset=reset)))


class Garble(Fault):
    """The answer's JSON is malformed; answers that are no JSON are left alone."""

    __slots__ = ()

    verb = "garble"
    effect = "the answer's JSON is malformed"
    targets = ("json", "uploads")
    loses = True

    def can_bend(self, response: Response) -> bool:
        """Whether the answer is JSON."""
        return response.headers.get("content-type", "").startswith("application/json")

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        """Send the body with its first colon turned into something that JSON does not have there."""
        await wire.respond(self, response, _send_garbled)


class ContentType(Fault):
    """The answer has this Content-Type instead of its own."""

    __slots__ = ()

    verb = "content_type"
    effect = "the answer says that it is {}"
    example = "text/html"

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        """Send the answer under the other type."""
        response.headers["content-type"] = self.value
        await wire.respond(self, response)


def _send_garbled(send: Send) -> Send:
    begun = False

    async def send_garbled(message: Message) -> None:
        nonlocal begun
        if not begun and (body := message.get("body")):
            begun = True
            message = {**message, "body": body.replace(b":", b"=", 1)}
        await send(message)

    return send_garbled


def _send_half(send: Send, broken: Break) -> Send:
    """Send the first half of the body; then break, under a Content-Length that fits where the answer looks whole."""
    held: Message = {}

    async def send_half(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start":
            held = message
            return
        half = message.get("body", b"")[:FEW]
        half = half[: len(half) // 2]
        if broken.reset is None:
            length = str(len(half)).encode()
            headers = [(name, length if name == b"content-length" else value) for name, value in held["headers"]]
            held = {**held, "headers": headers}
        await send(held)
        await send({"type": "http.response.body", "body": half, "more_body": broken.reset is not None})
        raise broken

    return send_half


KINDS = (Reset, Truncate, Garble, ContentType)
