"""A partner's integration in one company: what it has learned from the answers so far, and how it asks for more.

It knows the documented API alone. What it needs and never learned stops it with the reason (`CannotGoOn`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mock_server.contract.document import API
from mock_server.player.play import CannotGoOn, Client, PlayedStep, answer_members, play_steps, status_difference

if TYPE_CHECKING:
    from mock_server.player.transport import Call, Transport
    from mock_server.scenarios.model import Play, Scenario

# How an option's label begins, by the action that it stands for; labels are prose, so this is the one place that reads
# them. The longest beginning that fits decides.
LABELS = {
    "Map": "set_value",
    "Clear": "set_value",
    "Remove": "delete_invalid_rows",
    "Keep the first": "dedup_keep_first",
    "Keep": "keep",
}


class Partner(Client):
    """One company's caller."""

    def __init__(self, transport: Transport, scenario: Scenario, company: str | None) -> None:
        ready = scenario.ready
        super().__init__(transport)
        self.company = company or ready.id
        self.run = None if company else ready.run
        self.export: str | None = None
        self.started = self.run
        """The run that the last start made; it stays when the id is lost."""
        self.questions: list[Any] | None = None
        """As last seen; None: not looked at since the last decision."""
        self._sheets: dict[str, str] = {} if company else dict(ready.sheets)
        self._file_of = scenario.data[0].sheet if scenario.data else "Contacts"

    def path(self, *parts: str) -> str:
        """The path of something of this company."""
        return "/".join([API, "companies", self.company, *(quote(part, safe=".") for part in parts)])

    def known_run(self) -> str:
        """The run that the play is about."""
        if self.run is None:
            raise CannotGoOn("no run id: no import was started, or the id was lost and not recovered")
        return self.run

    def learn(self, call: Call) -> None:
        """Take questions and sheet ids from a run's body."""
        body = call.body
        if call.status == 200 and isinstance(body, dict):
            self.questions = (body.get("needs_attention") or {}).get("questions", [])
            self._learn_sheets(body)

    def upload(self, name: str | None, text: str) -> dict[str, str]:
        """Ask for a signed URL, put the file there, and return what a start names it by."""
        content = text.encode()
        declared = {"name": name or f"{self._file_of}.csv", "content_type": "text/csv", "size": len(content)}
        asked = self.call("POST", self.path("uploads"), declared)
        if wrong := status_difference(201, asked):
            raise CannotGoOn(wrong[0])
        signed = answer_members(asked, "upload_url", "upload_ref")
        url = urlsplit(str(signed["upload_url"]))
        target = f"{url.path}?{url.query}" if url.query else url.path
        put = self.transport.send("PUT", target, content, {"content-type": "text/csv"})  # the URL is the permission
        self.calls.append(put)
        if wrong := status_difference(200, put):
            raise CannotGoOn(wrong[0])
        return {"name": str(declared["name"]), "upload_ref": str(signed["upload_ref"])}

    def sheet(self, name: str) -> str:
        """The sheet's id; one that no poll has named is looked for in the history's reports."""
        if name not in self._sheets:
            history = self.call("GET", self.path("imports"))
            for run in (history.body or {}).get("runs", []):
                self._learn_sheets(run)
        if name not in self._sheets:
            known = ", ".join(self._sheets) or "none"
            raise CannotGoOn(f"download: no report of this company names a sheet {name}; known: {known}")
        return self._sheets[name]

    def answer(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The play's answer as the API takes it; one that names no column is sent as it stands."""
        if "question" not in entry:
            return dict(entry)
        question = self._question(entry["question"])
        answer: dict[str, Any] = {"question_id": question["id"]}
        if "option" in entry:
            options, action = question["options"], entry["option"]
            chosen = next((each for each in options if action_of(each["label"]) == action), None)
            if chosen is None:
                labels = ", ".join(each["label"] for each in options) or "none"
                about = question["target"]["column"]
                raise CannotGoOn(f"option: expected one for {action} about {about}, got {labels}")
            answer["option_id"] = str(chosen["id"])
        if "custom" in entry:
            answer["custom"] = entry["custom"]
        return answer

    def _question(self, column: str) -> Any:
        """The current question about the column; polls once when the questions were not seen yet."""
        if self.questions is None:
            self.learn(self.call("GET", self.path("imports", self.known_run())))
        for question in self.questions or []:
            if question["target"]["column"] == column:
                return question
        asked = ", ".join(question["target"]["column"] for question in self.questions or []) or "nothing"
        raise CannotGoOn(f"question: expected one about {column}; the run asks about {asked}")

    def _learn_sheets(self, body: Mapping[str, Any]) -> None:
        for sheet in (body.get("report") or {}).get("perSheet", []):
            self._sheets[sheet["templateName"]] = sheet["sheetId"]


def play_through(
    play: Play, scenario: Scenario, transport: Transport, wait: Callable[[int], None], *, company: str | None = None
) -> Iterator[PlayedStep]:
    """Play the steps in order, in the scenario's ready company or the one given."""
    return play_steps(play, Partner(transport, scenario, company), wait)


def action_of(label: str) -> str | None:
    """The action that an option with this label stands for, or None."""
    fitting = [beginning for beginning in LABELS if label.startswith(beginning)]
    return LABELS[max(fitting, key=len)] if fitting else None
