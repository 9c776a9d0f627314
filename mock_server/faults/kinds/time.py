"""Faults of time: an answer that is late, or slow.

Delays are real time, whatever the session's clock does: a client's own time-outs are, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.faults.model import WHERE, Fault
from mock_server.kernel.clock import MINUTE, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.responses import Response
    from starlette.types import Message, Send

    from mock_server.faults.rules import Hit
    from mock_server.faults.transport import Wire

LONGEST = 10 * MINUTE
"""So long an answer can be held back at most: whoever waits for more has given up."""
PIECES = 10
"""In how many pieces a slow body comes."""


class Lasting(Fault):
    """A fault whose value is a duration."""

    __slots__ = ()

    @staticmethod
    def read(value: Any) -> int:
        """The duration in milliseconds."""
        return duration(value)

    def entry(self) -> dict[str, Any]:
        """The fault as a request asks for it."""
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

    __slots__ = ()

    verb = "delay"
    members = ("up_to", *WHERE)
    example = "400ms"
    effect = "the answer is held back for {} ms"

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:
        """Send the answer later."""
        await wire.pause(hit.milliseconds)
        await wire.respond(self, response)

    def __str__(self) -> str:
        value = self.value if self.up_to is None else f"{self.value} to {self.up_to}"
        return f"{self.verb}: {self.effect.format(value)}"


class Dribble(Lasting):
    """The answer's body comes in small pieces."""

    __slots__ = ()

    verb = "dribble"
    example = "1s"
    effect = "the answer's body comes in small pieces, spread over {} ms"

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:
        """Send the first message of the body piece by piece."""
        slow = True

        def through(send: Send) -> Send:
            async def send_slowly(message: Message) -> None:
                nonlocal slow
                body = message.get("body", b"")
                if not slow or not body:
                    await send(message)
                    return
                slow = False
                size = -(-len(body) // PIECES)
                for start in range(0, len(body), size):
                    await wire.pause(hit.milliseconds / PIECES)
                    more = start + size < len(body) or message.get("more_body", False)
                    await send({**message, "body": body[start : start + size], "more_body": more})

            return send_slowly

        await wire.respond(self, response, through)


KINDS = (Delay, Dribble)
