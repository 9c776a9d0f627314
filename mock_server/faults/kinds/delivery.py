"""Faults of delivery: an answer of a moment ago, a call that is delivered twice, an answer that is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mock_server.faults.model import Break, Fault, Reply

if TYPE_CHECKING:
    from starlette.responses import Response

    from mock_server.faults.injection import Delivery
    from mock_server.faults.rules import Hit
    from mock_server.faults.transport import Wire


class Stale(Fault):
    """The answer shows the run's state before the present one."""

    __slots__ = ()

    verb = "stale"
    effect = "the answer shows the run's state before the present one"
    targets = ("run_reads",)

    async def carry_out(self, hit: Hit, delivery: Delivery) -> Response:
        """The answer with its body replaced by the earlier one, where there is one."""
        response = await delivery.deliver()
        earlier = delivery.earlier() if response.status_code == 200 else None
        hit.spared = earlier is None
        if earlier is None:
            return response
        body, hit.note = earlier
        return delivery.answer(body)


class Twice(Fault):
    """The call is delivered twice."""

    __slots__ = ()

    verb = "twice"
    effect = "the call is delivered twice; the answer is that of the {} delivery"
    targets = ("changing",)

    async def carry_out(self, hit: Hit, delivery: Delivery) -> Response:
        """The answer to one of the two deliveries."""
        first, second = await delivery.deliver_twice()
        hit.note = f"answered {first.status_code} and {second.status_code}"
        return first if self.value == "first" else second


class Lose(Fault):
    """The call is carried out, and its answer is lost; a call that is refused loses nothing."""

    __slots__ = ()

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
        """Whether something was done."""
        return response.status_code < 400

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - nothing of them is left
        """Break the connection, or send a failure."""
        if isinstance(self.value, str):
            raise Break(reset=self.value == "reset")
        await wire.reply(self, Reply(self.value, "something went wrong at Vern" if self.value == 500 else None))


KINDS = (Stale, Twice, Lose)
