"""Steps of whoever operates the mock: time passes, a run is stopped or moved on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.player.expectation import status_difference
from mock_server.scenarios.model import Step

if TYPE_CHECKING:
    from mock_server.preview.partner import Partner


class Wait(Step):
    """Lets the session's clock pass; the player does it."""

    verb = "wait"


class _Operate(Step):
    def perform(self, partner: Partner) -> list[str]:
        """Let the operator do to the run what the verb says."""
        return status_difference(200, partner.call("POST", f"/_mock/runs/{partner.known_run()}/{self.verb}"))


class Cancel(_Operate):
    """An operator cancels the run."""

    verb = "cancel"


class NextBeat(_Operate):
    """An operator plays the next beat; for pace manual."""

    verb = "step"
