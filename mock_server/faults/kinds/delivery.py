"""Faults of delivery: an answer of a moment ago, a call that is delivered twice, an answer that is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.faults.model import Break, Fault, Reply

if TYPE_CHECKING:
    from starlette.responses import Response

    from mock_server.faults.injection import Delivery
    from mock_server.faults.model import Targets
    from mock_server.faults.rules import Hit
    from mock_server.faults.transport import Wire

FAILED = "something went wrong at Vern"


class Stale(Fault):
    """The answer shows the run's state before the present one."""

    __slots__ = ()

    verb = "stale"

    @classmethod
    def bendable(cls, targets: Targets) -> tuple[str, ...]:
        """Operations that show a run, those whose path names it first."""
        return tuple(sorted(targets.run_reads, key=lambda name: name not in targets.about_runs))

    async def carry_out(self, hit: Hit, delivery: Delivery) -> Response:
        """The answer with its body replaced by the earlier one, where there is one."""
        response = await delivery.deliver()
        earlier = delivery.earlier() if response.status_code == 200 else None
        if earlier is None:
            hit.spared = True
            return response
        body, hit.note = earlier
        return delivery.answer(body)

    def effect(self) -> str:
        """What the client meets."""
        return "the answer shows the run's state before the present one"


class Twice(Fault):
    """The call is delivered twice."""

    __slots__ = ()

    verb = "twice"

    @classmethod
    def bendable(cls, targets: Targets) -> tuple[str, ...]:
        """Operations that change something."""
        return targets.changing

    async def carry_out(self, hit: Hit, delivery: Delivery) -> Response:
        """The answer to one of the two deliveries."""
        first, second = await delivery.deliver_twice()
        hit.note = f"answered {first.status_code} and {second.status_code}"
        return first if self.value == "first" else second

    def effect(self) -> str:
        """What the client meets."""
        return f"the call is delivered twice; the answer is that of the {self.value} delivery"


class Lose(Fault):
    """The call is carried out, and its answer is lost; a call that is refused loses nothing."""

    __slots__ = ()

    verb = "lose"
    loses = True

    @classmethod
    def bendable(cls, targets: Targets) -> tuple[str, ...]:
        """Operations that change something, and uploads."""
        return (*targets.changing, *targets.uploads)

    def can_bend(self, response: Response) -> bool:
        """Whether something was done."""
        return response.status_code < 400

    async def replace(self, hit: Hit, wire: Wire) -> Reply:  # noqa: ARG002 - nothing of the answer is left
        """Break the connection, or send a failure."""
        if isinstance(self.value, str):
            raise Break(reset=self.value == "reset")
        return Reply(self.value, FAILED if self.value == 500 else None)

    def effect(self) -> str:
        """What the client meets."""
        match self.value:
            case "reset":
                how = "the connection is reset"
            case "close":
                how = "the connection is closed"
            case 500:
                how = "the client gets a 500"
            case status:
                how = f"a proxy answers {status} with a page of HTML"
        return f"the call is carried out, and its answer is lost: {how}"


KINDS = (Stale, Twice, Lose)
