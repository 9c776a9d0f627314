"""Steps that decide about a parked run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.player import expectation
from mock_server.player.expectation import answer_members, value_difference
from mock_server.scenarios.model import Step

if TYPE_CHECKING:
    from mock_server.preview.partner import Partner


class _Decide(Step):
    def _decide(self, partner: Partner, body: dict[str, Any], *statuses: str) -> list[str]:
        run = partner.known_run()
        path = partner.path("imports", run, "decisions")
        if self.modifiers.get("lost"):
            partner.questions = None
            return expectation.lost_difference(partner.attempt("POST", path, body))
        call = partner.call("POST", path, body)
        if "refused" in self.modifiers:
            return expectation.refusal_difference(self.modifiers["refused"], call)
        if wrong := expectation.status_difference(200, call):
            return wrong
        partner.questions = None
        answer = answer_members(call, "run_id", "status", "poll_url")
        differences = value_difference("run_id", run, answer["run_id"])
        differences += value_difference("poll_url", partner.path("imports", run), answer["poll_url"])
        if answer["status"] not in statuses:
            differences += value_difference("status", statuses[0], answer["status"])
        return differences


class Approve(_Decide):
    """Approves the parked run, with answers or as proposed."""

    verb = "approve"
    members = ("answers", "refused", "lost")

    def perform(self, partner: Partner) -> list[str]:
        """Send the approval."""
        body: dict[str, Any] = {"decision": "approve"}
        if "answers" in self.modifiers:
            body["answers"] = [partner.answer(each) for each in self.modifiers["answers"]]
        return self._decide(partner, body, "running")


class Reject(_Decide):
    """Rejects the parked run."""

    verb = "reject"
    members = ("refused", "lost")

    def perform(self, partner: Partner) -> list[str]:
        """Send the rejection."""
        return self._decide(partner, {"decision": "reject"}, "failed", "running")  # OP-14; RUN-02: beats may come first
