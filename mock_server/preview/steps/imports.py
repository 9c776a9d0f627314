"""Steps about an import: it is started, read, looked for and forgotten, and the history is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mock_server.contract.yaml_file import kind
from mock_server.player import expectation
from mock_server.player.expectation import answer_members, status_difference, value_difference
from mock_server.preview.steps.figures import run_differences
from mock_server.scenarios.model import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.player.transport import Call
    from mock_server.preview.partner import Partner

# What a scripted scenario is started with: its rows are generated, so these only make the request complete.
SOME_ROWS = ({"Name": "Ada Lovelace", "Email": "ada@example.com", "Status": "Open"},)


class Start(Step):
    """Starts an import, with rows, a file, or rows that do not matter."""

    verb = "start"
    members = ("key", "rows", "file", "name", "refused", "replayed", "lost")

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """`rows` are those to send."""
        if isinstance(rows := entry.get("rows"), int):
            yield "rows", "E203", f"'rows': expected the rows to send, got {kind(rows)}"

    def perform(self, partner: Partner) -> list[str]:
        """Send the start, and learn the run's id."""
        given, body = self.modifiers, self._body(partner)
        if given.get("lost"):
            partner.started = None
            return expectation.lost_difference(partner.attempt("POST", partner.path("imports"), body))
        call = partner.call("POST", partner.path("imports"), body)
        if "refused" in given:
            return expectation.refusal_difference(given["refused"], call)
        replayed = given.get("replayed", False)
        if wrong := status_difference((200, 201) if replayed else 201, call):  # OP-06
            return wrong
        return self._differences(partner, call, replayed=replayed)

    def _body(self, partner: Partner) -> dict[str, Any]:
        given, body = self.modifiers, dict[str, Any]()
        if "file" in given:
            body["files"] = [partner.upload(given.get("name"), given["file"])]
        else:
            body["rows"] = list(given.get("rows", SOME_ROWS))
        if "key" in given:
            body["idempotency_key"] = given["key"]
        return body

    def _differences(self, partner: Partner, call: Call, *, replayed: bool) -> list[str]:
        answer = answer_members(call, "run_id", "status", "poll_url")
        run = str(answer["run_id"])
        differences = value_difference("poll_url", partner.path("imports", run), answer["poll_url"])
        if not replayed:
            differences += value_difference("status", "queued", answer["status"])
        elif partner.started is not None:  # after a lost answer no id is known that the replay could be compared with
            differences += value_difference("run_id of the replay", partner.started, run)
        partner.run = partner.started = run
        partner.questions = None
        return differences


class See(Step):
    """Reads the run once and expects a status."""

    verb = "see"
    members = ("refused", "lost", "inserted", "flagged", "questions", "actions", "asks", "error", "times")

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Only an answer that shows nothing leaves the status open."""
        if entry["see"] is None and not {"refused", "lost"} & entry.keys():
            yield "see", "E204", "'see': expected a status, or `refused` or `lost` beside it"

    def perform(self, partner: Partner) -> list[str]:
        """Poll the run as often as the step says."""
        differences: list[str] = []
        for number in range(1, self.modifiers.get("times", 1) + 1):
            wrong = self._poll(partner)
            differences += [f"poll {number}: {each}" for each in wrong] if number > 1 else wrong
        return differences

    def _poll(self, partner: Partner) -> list[str]:
        if self.modifiers.get("lost"):
            path = partner.path("imports", partner.known_run())
            return expectation.lost_difference(partner.attempt("GET", path))
        call = partner.poll()
        if "refused" in self.modifiers:
            return expectation.refusal_difference(self.modifiers["refused"], call)
        return run_differences(self, call)


class Active(Step):
    """Looks up the active run, and takes over its id."""

    verb = "active"

    def perform(self, partner: Partner) -> list[str]:
        """Ask for the active run, and learn its id and questions."""
        call = partner.call("GET", partner.path("imports") + "?status=active")
        if wrong := status_difference(200, call):
            return wrong
        if self.value == "none":
            return value_difference("active run", {"run": None}, call.body)
        partner.learn(call)
        body = answer_members(call, "status")
        if "run_id" in body:  # OP-05: what the look-up is for
            partner.run = str(body["run_id"])
        return value_difference("status of the active run", self.value, body["status"])


class Lose(Step):
    """The client forgets the id of its run."""

    verb = "lose"

    def perform(self, partner: Partner) -> list[str]:
        """Forget the run."""
        partner.run = partner.questions = None
        return []


class History(Step):
    """Reads the history, newest first, and expects so many runs."""

    verb = "history"

    def perform(self, partner: Partner) -> list[str]:
        """Read every page of the history."""
        runs: list[Any] = []
        query: str | None = ""
        while query is not None:
            call = partner.call("GET", partner.path("imports") + query)
            if wrong := status_difference(200, call):
                return wrong
            page = answer_members(call, "runs", "next_cursor")
            runs += page["runs"]
            query = "?" + urlencode({"cursor": page["next_cursor"]}) if page["next_cursor"] else None
        dates = [run["created_at"] for run in runs]
        differences = value_difference("runs in the history", self.value, len(runs))
        return differences + value_difference("history, newest first", sorted(dates, reverse=True), dates)
