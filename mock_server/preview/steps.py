"""The steps of a play, one class a verb: what a partner does and sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mock_server.contract.words import Vocabulary
from mock_server.contract.yaml_file import kind
from mock_server.player.play import (
    CannotGoOn,
    answer_members,
    csv_rows,
    lost_difference,
    quote_body,
    quote_value,
    refusal_difference,
    status_difference,
    value_difference,
)
from mock_server.scenarios.model import Step

if TYPE_CHECKING:
    from mock_server.player.transport import Call
    from mock_server.preview.partner import Partner

# What a scripted scenario is started with: its rows are generated, so these only make the request complete.
SOME_ROWS = ({"Name": "Ada Lovelace", "Email": "ada@example.com", "Status": "Open"},)


class _Request(Step):
    """A request whose answer gets lost, or is a refusal, where the modifiers say so."""

    def _ask(
        self, partner: Partner, method: str, path: str, body: Any, differences: Callable[[Partner, Call], list[str]]
    ) -> list[str]:
        if self.modifiers.get("lost"):
            return lost_difference(partner.attempt(method, path, body))
        call = partner.call(method, path, body)
        if "refused" in self.modifiers:
            return refusal_difference(self.modifiers["refused"], call)
        return differences(partner, call)


def _poll_url_difference(partner: Partner, kind: str, answer: Mapping[str, Any]) -> list[str]:
    return value_difference("poll_url", partner.path(kind, str(answer["run_id"])), answer["poll_url"])


# -- what a poll shows of an import or an export


def run_differences(step: Step, call: Call) -> list[str]:
    """What the answer shows, against the step's status and figures."""
    if wrong := status_difference(200, call):
        return wrong
    body = call.body
    if not isinstance(body, dict):
        return [f"body: expected a JSON object, got {quote_body(call)}"]
    status = step.value
    if (got := body.get("status")) != status:
        reason = f" ({body['error']})" if "error" in body else ""
        return [f"status: expected {status}, got {got}{reason}"]
    try:
        shown = {name: figure(body) for name, figure in FIGURES.items() if name in step.modifiers}
    except (AttributeError, KeyError, TypeError) as error:
        return [f"body: expected the documented members, got {quote_body(call)} ({type(error).__name__}: {error})"]
    differences = [each for name, got in shown.items() for each in value_difference(name, step.modifiers[name], got)]
    part = step.modifiers.get("error")
    if part is not None and part not in str(body.get("error", "")):
        differences.append(f"error: expected a text with {quote_value(part)}, got {quote_value(body.get('error'))}")
    return differences


def _report(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("report") or {}


def _parked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("needs_attention") or {}


FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "inserted": lambda body: _report(body).get("inserted"),
    "flagged": lambda body: _report(body).get("invalidCellCount"),
    "questions": lambda body: len(_parked(body).get("questions", [])),
    "asks": lambda body: [each["target"]["column"] for each in _parked(body).get("questions", [])],
    "actions": lambda body: [each["action"] for each in _parked(body).get("proposed_patch", {}).get("actions", [])],
    "total": lambda body: _report(body).get("total"),
    "succeeded": lambda body: _report(body).get("succeeded"),
    "failed": lambda body: _report(body).get("failed"),
    "hollow": lambda body: sum(each.get("fields_confirmed") is False for each in _report(body).get("results", [])),
}
"""A modifier of `see` or `see_export`, and where its figure stands in the body."""


# -- an import: it is started, read, looked for and forgotten


class Start(_Request):
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
        body = self._body(partner)
        if self.modifiers.get("lost"):
            partner.started = None
        return self._ask(partner, "POST", partner.path("imports"), body, self._differences)

    def _body(self, partner: Partner) -> dict[str, Any]:
        given, body = self.modifiers, dict[str, Any]()
        if "file" in given:
            body["files"] = [partner.upload(given.get("name"), given["file"])]
        else:
            body["rows"] = list(given.get("rows", SOME_ROWS))
        if "key" in given:
            body["idempotency_key"] = given["key"]
        return body

    def _differences(self, partner: Partner, call: Call) -> list[str]:
        replayed = self.modifiers.get("replayed", False)
        if wrong := status_difference((200, 201) if replayed else 201, call):  # OP-06
            return wrong
        answer = answer_members(call, "run_id", "status", "poll_url")
        run, differences = str(answer["run_id"]), _poll_url_difference(partner, "imports", answer)
        if not replayed:
            differences += value_difference("status", "queued", answer["status"])
        elif partner.started is not None:  # after a lost answer no id is known that the replay could be compared with
            differences += value_difference("run_id of the replay", partner.started, run)
        partner.run = partner.started = run
        partner.questions = None
        return differences


class See(_Request):
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
            wrong = self._ask(partner, "GET", partner.path("imports", partner.known_run()), None, self._differences)
            differences += [f"poll {number}: {each}" for each in wrong] if number > 1 else wrong
        return differences

    def _differences(self, partner: Partner, call: Call) -> list[str]:
        partner.learn(call)
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


# -- a decision about a parked run


class _Decide(_Request):
    status = "running"
    """What the run is after the decision."""

    def _decide(self, partner: Partner, body: dict[str, Any]) -> list[str]:
        path = partner.path("imports", partner.known_run(), "decisions")
        if self.modifiers.get("lost"):
            partner.questions = None
        return self._ask(partner, "POST", path, body, self._differences)

    def _differences(self, partner: Partner, call: Call) -> list[str]:
        if wrong := status_difference(200, call):
            return wrong
        partner.questions = None
        answer = answer_members(call, "run_id", "status", "poll_url")
        differences = value_difference("run_id", partner.run, answer["run_id"])
        differences += value_difference("poll_url", partner.path("imports", partner.known_run()), answer["poll_url"])
        if answer["status"] not in {self.status, "running"}:  # OP-14; RUN-02: beats may come first
            differences += value_difference("status", self.status, answer["status"])
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
        return self._decide(partner, body)


class Reject(_Decide):
    """Rejects the parked run."""

    verb = "reject"
    members = ("refused", "lost")
    status = "failed"

    def perform(self, partner: Partner) -> list[str]:
        """Send the rejection."""
        return self._decide(partner, {"decision": "reject"})


# -- what came of it: downloads, and exports to the destination


class Download(Step):
    """Downloads a sheet as CSV."""

    verb = "download"
    members = ("rows", "filter", "column", "values")

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """`rows` are counted."""
        if isinstance(entry.get("rows"), list):
            yield "rows", "E203", "'rows': expected how many rows the file has, got a list"

    def perform(self, partner: Partner) -> list[str]:
        """Download the sheet of that name."""
        query = {"sheet_id": partner.sheet(self.value)}
        if "filter" in self.modifiers:
            query["filter"] = self.modifiers["filter"]
        return self.differences(partner.call("GET", partner.path("export.csv") + "?" + urlencode(query)))

    def differences(self, call: Call) -> list[str]:
        """What a CSV holds, against the step's number of rows and the values of one column."""
        if wrong := status_difference(200, call):
            return wrong
        header, rows = csv_rows(call)
        differences: list[str] = []
        if "rows" in self.modifiers:
            differences += value_difference("rows", self.modifiers["rows"], len(rows))
        column = self.modifiers.get("column")
        if column is None:
            return differences
        if column not in header:
            text = f"column: expected {quote_value(column)} among the CSV's columns, got {', '.join(header)}"
            return [*differences, text]
        if "values" in self.modifiers:
            expected = sorted({str(value) for value in self.modifiers["values"]})
            index = header.index(column)
            differences += value_difference(f"values of {column}", expected, sorted({row[index] for row in rows}))
        return differences


class Export(_Request):
    """Starts an export to the destination."""

    verb = "export"
    members = ("refused", "lost")

    def perform(self, partner: Partner) -> list[str]:
        """Send the start, and learn the export's id."""
        return self._ask(partner, "POST", partner.path("exports"), {"mode": self.value}, self._differences)

    def _differences(self, partner: Partner, call: Call) -> list[str]:
        if wrong := status_difference(201, call):
            return wrong
        answer = answer_members(call, "run_id", "status", "poll_url")
        partner.export = str(answer["run_id"])
        differences = _poll_url_difference(partner, "exports", answer)
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


# -- who operates the mock: time passes, a run is stopped or moved on


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


STEPS = Vocabulary(
    "step", *(Start, See, Wait, Approve, Reject, Cancel, NextBeat, Active, Lose, History, Download, Export, SeeExport)
)
