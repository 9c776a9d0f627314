"""Faults of time: an answer that is late, or slow.

Delays are real time, whatever the session's clock does: a client's own time-outs are, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mock_server.faults.model import WHERE, Fault, milliseconds
from mock_server.kernel.clock import MINUTE, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.responses import Response
    from starlette.types import Message, Send

    from mock_server.faults.model import Reply
    from mock_server.faults.rules import Hit
    from mock_server.faults.transport import Wire

LONGEST = 10 * MINUTE
"""So long an answer can be held back at most: whoever waits for more has given up."""
PIECES = 10
"""In how many pieces a slow body comes."""


class Lasting(Fault):
    """A fault whose value is a duration."""

    __slots__ = ()

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a well-formed entry, the duration in milliseconds."""
        return {**super().read(entry), "value": duration(entry[cls.verb])}

    def entry(self) -> dict[str, Any]:
        """The fault as a request asks for it."""
        return {**super().entry(), self.verb: milliseconds(self.value)}

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """A duration that is too long."""
        if self.value > LONGEST:
            yield self.verb, f"'{self.verb}': expected at most 10m, got {self.value} ms"

    def pause(self, draw: Callable[[str], float]) -> int:  # noqa: ARG002 - one kind draws
        """The duration."""
        return int(self.value or 0)


@dataclass(frozen=True)
class Delay(Lasting):
    """The answer is held back; what the call does is done at once."""

    up_to: int | None = None
    """The longest; each call's own delay is drawn."""

    verb = "delay"
    members = ("up_to", *WHERE)
    example = "400ms"

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a well-formed entry."""
        return {**super().read(entry), "up_to": duration(entry["up_to"]) if "up_to" in entry else None}

    def entry(self) -> dict[str, Any]:
        """The fault as a request asks for it."""
        further = {} if self.up_to is None else {"up_to": milliseconds(self.up_to)}
        return {**super().entry(), **further}

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Delays that are too long, or end before they begin."""
        if self.up_to is None:
            yield from super().contradictions()
        elif self.up_to < self.value:
            text = f"'up_to' is the longest delay, and shorter than 'delay' here: {self.up_to} ms, {self.value} ms"
            yield "up_to", text
        elif self.up_to > LONGEST:
            yield "up_to", f"'up_to': expected at most 10m, got {self.up_to} ms"

    def pause(self, draw: Callable[[str], float]) -> int:
        """The delay of one call."""
        shortest = super().pause(draw)
        return shortest if self.up_to is None else shortest + int((self.up_to - shortest) * draw("lasts"))

    async def replace(self, hit: Hit, wire: Wire) -> Reply | None:
        """The answer itself, later."""
        await wire.pause(hit.milliseconds)
        return None

    def effect(self) -> str:
        """What the client meets."""
        return f"the answer is held back for {self.value}{'' if self.up_to is None else f' to {self.up_to}'} ms"


class Dribble(Lasting):
    """The answer's body comes in small pieces."""

    __slots__ = ()

    verb = "dribble"
    example = "1s"

    def bend(self, response: Response, send: Send, hit: Hit, wire: Wire) -> Send:  # noqa: ARG002 - a slow body is whole
        """Send the first message of the body piece by piece."""
        slow = True

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

    def effect(self) -> str:
        """What the client meets."""
        return f"the answer's body comes in small pieces, spread over {self.value} ms"


KINDS = (Delay, Dribble)
