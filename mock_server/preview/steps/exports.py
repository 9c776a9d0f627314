"""Steps about an export to the destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.player import expectation
from mock_server.player.expectation import CannotGoOn, answer_members, value_difference
from mock_server.preview.steps.figures import run_differences
from mock_server.scenarios.model import Step

if TYPE_CHECKING:
    from mock_server.preview.partner import Partner


class Export(Step):
    """Starts an export to the destination."""

    verb = "export"
    members = ("refused", "lost")

    def perform(self, partner: Partner) -> list[str]:
        """Send the start, and learn the export's id."""
        path, body = partner.path("exports"), {"mode": self.value}
        if self.modifiers.get("lost"):
            return expectation.lost_difference(partner.attempt("POST", path, body))
        call = partner.call("POST", path, body)
        if "refused" in self.modifiers:
            return expectation.refusal_difference(self.modifiers["refused"], call)
        if wrong := expectation.status_difference(201, call):
            return wrong
        answer = answer_members(call, "run_id", "status", "poll_url")
        partner.export = str(answer["run_id"])
        differences = value_difference("poll_url", partner.path("exports", partner.export), answer["poll_url"])
        return differences + value_difference("status", "queued", answer["status"])


class SeeExport(Step):
    """Reads the export once and expects a status."""

    verb = "see_export"
    members = ("total", "succeeded", "failed", "hollow", "error")

    def perform(self, partner: Partner) -> list[str]:
        """Poll the export."""
        if partner.export is None:
            raise CannotGoOn("no export to poll: none was started")
        return run_differences(self, partner.call("GET", partner.path("exports", partner.export)))
