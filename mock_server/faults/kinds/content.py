"""Faults of what is sent: a connection that breaks, half a body, malformed JSON, a Content-Type that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.faults.model import Break, Fault, Reply

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Send

    from mock_server.faults.model import Targets
    from mock_server.faults.rules import Hit
    from mock_server.faults.transport import Wire


FEW = 16_384
"""Bytes that are sent of a body that is cut off: so few that they are on their way before the connection breaks."""


class Reset(Fault):
    """The connection is reset: before the headers, and then the call did not arrive; or in the middle of the body."""

    __slots__ = ()

    verb = "reset"
    loses = True

    def withheld(self) -> Reply | None:
        """An answer that is never sent, when the connection breaks before its headers."""
        return Reply(500, "the connection was reset") if self.value == "before_headers" else None

    async def replace(self, hit: Hit, wire: Wire) -> Reply | None:  # noqa: ARG002 - nothing is left to do
        """Break the connection, unless the body begins first."""
        if self.value == "before_headers":
            raise Break(reset=True)
        return None

    def bend(self, response: Response, send: Send, hit: Hit, wire: Wire) -> Send:  # noqa: ARG002 - any answer breaks alike
        """Break the connection in the middle of the body."""
        return _send_half(send, Break(reset=True))

    def effect(self) -> str:
        """What the client meets."""
        early = "before the headers; the call does not arrive"
        return f"the connection is reset {early if self.value == 'before_headers' else 'in the middle of the body'}"


class Truncate(Fault):
    """Half of the body comes."""

    __slots__ = ()

    verb = "truncate"
    loses = True

    def bend(self, response: Response, send: Send, hit: Hit, wire: Wire) -> Send:  # noqa: ARG002 - any answer is cut alike
        """Cut the body off, short of its Content-Length or under one that fits."""
        return _send_half(send, Break(reset=False) if self.value == "wrong_length" else None)

    def effect(self) -> str:
        """What the client meets."""
        short = "short of its Content-Length"
        return f"the answer's body is cut off, {short if self.value == 'wrong_length' else _FITS}"


_FITS = "under a Content-Length that fits"


class Garble(Fault):
    """The answer's JSON is malformed; answers that are no JSON are left alone."""

    __slots__ = ()

    verb = "garble"
    loses = True

    @classmethod
    def bendable(cls, targets: Targets) -> tuple[str, ...]:
        """Operations that answer in JSON, those that change something first; and uploads, whose refusals are JSON."""
        reads = (name for name in targets.json if name not in targets.changing)
        return (*targets.changing, *reads, *targets.uploads)

    def can_bend(self, response: Response) -> bool:
        """Whether the answer is JSON."""
        return response.headers.get("content-type", "").startswith("application/json")

    def bend(self, response: Response, send: Send, hit: Hit, wire: Wire) -> Send:  # noqa: ARG002 - the body alone counts
        """Send the body with its first colon turned into something that JSON does not have there."""
        begun = False

        async def send_garbled(message: Message) -> None:
            nonlocal begun
            if not begun and (body := message.get("body")):
                begun = True
                message = {**message, "body": body.replace(b":", b"=", 1)}
            await send(message)

        return send_garbled

    def effect(self) -> str:
        """What the client meets."""
        return "the answer's JSON is malformed"


class ContentType(Fault):
    """The answer has this Content-Type instead of its own."""

    __slots__ = ()

    verb = "content_type"
    example = "text/html"

    def bend(self, response: Response, send: Send, hit: Hit, wire: Wire) -> Send:  # noqa: ARG002 - a header alone changes
        """Change the header before it is sent."""
        response.headers["content-type"] = self.value
        return send

    def effect(self) -> str:
        """What the client meets."""
        return f"the answer says that it is {self.value}"


def _send_half(send: Send, broken: Break | None) -> Send:
    """Send the first half of the body; then break, or with None: end as if that were all."""
    held: Message = {}

    async def send_half(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start":
            held = message
            return
        half = message.get("body", b"")[:FEW]
        half = half[: len(half) // 2]
        if broken is None:
            length = str(len(half)).encode()
            headers = [(name, length if name == b"content-length" else value) for name, value in held["headers"]]
            held = {**held, "headers": headers}
        await send(held)
        await send({"type": "http.response.body", "body": half, "more_body": broken is not None})
        raise broken or Break(reset=None)

    return send_half


KINDS = (Reset, Truncate, Garble, ContentType)
