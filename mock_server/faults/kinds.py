"""The kinds of faults, one class a verb: of time, of what is sent, of refusal, of delivery. `FAULTS` is the vocabulary.

Delays are real time, whatever the session's clock does: a client's own time-outs are, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from mock_server.contract.words import Vocabulary
from mock_server.faults.model import WHERE, Break, Fault, Hit, Reply
from mock_server.kernel.clock import MINUTE, duration

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Send

    from mock_server.faults.transport import Delivery, Wire

LONGEST = 10 * MINUTE
"""So long an answer can be held back at most: whoever waits for more has given up."""
PIECES = 10
"""In how many pieces a slow body comes."""
FEW = 16_384
"""Bytes that are sent of a body that is cut off: so few that they are on their way before the connection breaks."""
TEXTS = {
    429: "Too many requests",  # RATE-02
    500: "something went wrong at Vern; the call was not carried out",
}


class Lasting(Fault):
    """A fault whose value is a duration."""

    @staticmethod
    def read(value: Any) -> int:
        """The duration in milliseconds."""
        return duration(value)

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), self.verb: f"{self.value}ms"}

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Durations that are too long, or end before they begin."""
        name, longest = (self.verb, self.value) if self.up_to is None else ("up_to", self.up_to)
        if longest < self.value:
            text = f"'up_to' is the longest delay, and shorter than 'delay' here: {longest} ms, {self.value} ms"
            yield name, text
        elif longest > LONGEST:
            yield name, f"'{name}': expected at most 10m, got {longest} ms"

    def pause(self, draw: Callable[[str], float]) -> int:
        """The duration, of several possible ones the one that is drawn."""
        least = int(self.value or 0)
        return least if self.up_to is None else least + int((self.up_to - least) * draw("lasts"))


class Delay(Lasting):
    """The answer is held back; what the call does is done at once."""

    verb = "delay"
    members = ("up_to", *WHERE)
    example = "400ms"
    effect = "the answer is held back for {} ms"

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:
        await wire.pause(hit.milliseconds)
        await wire.respond(self, response)

    def __str__(self) -> str:
        value = self.value if self.up_to is None else f"{self.value} to {self.up_to}"
        return f"{self.verb}: {self.effect.format(value)}"


class Dribble(Lasting):
    """The answer's body comes in small pieces."""

    verb = "dribble"
    example = "1s"
    effect = "the answer's body comes in small pieces, spread over {} ms"

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:
        async def send_slowly(send: Send, message: Message) -> None:
            body = message["body"]
            size = -(-len(body) // PIECES)
            for start in range(0, len(body), size):
                await wire.pause(hit.milliseconds / PIECES)
                more = start + size < len(body) or message.get("more_body", False)
                await send({**message, "body": body[start : start + size], "more_body": more})

        await wire.respond(self, response, lambda send: _bend_body(send, send_slowly))


class Reset(Fault):
    """The connection is reset: before the headers, and then the call did not arrive; or in the middle of the body."""

    verb = "reset"
    effect = "the connection is reset {}"
    effects: ClassVar = {
        "before_headers": "before the headers; the call does not arrive",
        "in_body": "in the middle of the body",
    }
    loses = True

    def withhold(self) -> Reply | None:
        return Reply(500, "the connection was reset") if self.value == "before_headers" else None

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        if self.value == "before_headers":
            raise Break(reset=True)
        await wire.respond(self, response, lambda send: _send_half(send, Break(reset=True)))


class Truncate(Fault):
    """Half of the body comes."""

    verb = "truncate"
    effect = "the answer's body is cut off, {}"
    effects: ClassVar = {
        "wrong_length": "short of its Content-Length",
        "right_length": "under a Content-Length that fits",
    }
    loses = True

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        reset = False if self.value == "wrong_length" else None
        await wire.respond(self, response, lambda send: _send_half(send, Break(reset=reset)))


class Garble(Fault):
    """The answer's JSON is malformed; answers that are no JSON are left alone."""

    verb = "garble"
    effect = "the answer's JSON is malformed"
    targets = ("json", "uploads")
    loses = True

    def can_bend(self, response: Response) -> bool:
        return response.headers.get("content-type", "").startswith("application/json")

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        async def send_garbled(send: Send, message: Message) -> None:
            await send({**message, "body": message["body"].replace(b":", b"=", 1)})

        await wire.respond(self, response, lambda send: _bend_body(send, send_garbled))


class ContentType(Fault):
    """The answer has this Content-Type instead of its own."""

    verb = "content_type"
    effect = "the answer says that it is {}"
    example = "text/html"

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - it takes no time
        response.headers["content-type"] = self.value
        await wire.respond(self, response)


class Page(Fault):
    """A proxy answers with a page of HTML."""

    verb = "page"
    effect = "the call does not arrive; a proxy answers {} with a page of HTML"
    loses = True

    def withhold(self) -> Reply:
        return Reply(self.value)


class Error(Fault):
    """The call is refused with the API's error body."""

    verb = "error"
    effect = "the call is not carried out; the answer is {}"

    def withhold(self) -> Reply:
        return Reply(self.value, TEXTS[self.value])


class Stale(Fault):
    """The answer shows the run's state before the present one."""

    verb = "stale"
    effect = "the answer shows the run's state before the present one"
    targets = ("run_reads",)

    async def carry_out(self, hit: Hit, delivery: Delivery) -> Response:
        response = await delivery.deliver()
        earlier = delivery.earlier() if response.status_code == 200 else None
        hit.spared = earlier is None
        if earlier is None:
            return response
        body, hit.note = earlier
        return delivery.answer(body)


class Twice(Fault):
    """The call is delivered twice."""

    verb = "twice"
    effect = "the call is delivered twice; the answer is that of the {} delivery"
    targets = ("changing",)

    async def carry_out(self, hit: Hit, delivery: Delivery) -> Response:
        first, second = await delivery.deliver_twice()
        hit.note = f"answered {first.status_code} and {second.status_code}"
        return first if self.value == "first" else second


class Lose(Fault):
    """The call is carried out, and its answer is lost; a call that is refused loses nothing."""

    verb = "lose"
    effect = "the call is carried out, and its answer is lost: {}"
    effects: ClassVar = {
        "reset": "the connection is reset",
        "close": "the connection is closed",
        500: "the client gets a 500",
        **{status: f"a proxy answers {status} with a page of HTML" for status in (502, 503, 504)},
    }
    targets = ("changing", "uploads")
    loses = True

    def can_bend(self, response: Response) -> bool:
        return response.status_code < 400

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - nothing of them is left
        if isinstance(self.value, str):
            raise Break(reset=self.value == "reset")
        await wire.reply(self, Reply(self.value, "something went wrong at Vern" if self.value == 500 else None))


FAULTS: Vocabulary[Fault] = Vocabulary(
    "fault", Delay, Dribble, Reset, Truncate, Garble, ContentType, Page, Error, Stale, Twice, Lose
)


def _bend_body(send: Send, bend: Callable[[Send, Message], Awaitable[None]]) -> Send:
    """Send what comes, but the first message with a body by `bend`."""
    begun = False

    async def send_bent(message: Message) -> None:
        nonlocal begun
        if begun or not message.get("body"):
            await send(message)
        else:
            begun = True
            await bend(send, message)

    return send_bent


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
