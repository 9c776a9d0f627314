"""The steps of a play, one function a verb: what a partner does and sees. `STEPS` is the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast
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

    Perform = Callable[[Step, Partner], list[str]]
    """Does the step as this partner: the differences between what came and what the step expects."""

# What a scripted scenario is started with: its rows are generated, so these only make the request complete.
SOME_ROWS = ({"Name": "Ada Lovelace", "Email": "ada@example.com", "Status": "Open"},)


_WORDS: list[type[Step]] = []


def _step(
    verb: str, *members: str, misfits: Callable[[Mapping[str, Any]], Iterator[tuple[str, str, str]]] | None = None
) -> Callable[[Perform], Perform]:
    """Make a word of a function: its verb, the members that may stand beside it, and what the schema cannot forbid."""

    def add(perform: Perform) -> Perform:
        said = {"__doc__": perform.__doc__, "__slots__": (), "verb": verb, "members": members, "perform": perform}
        word = type(verb, (Step,), said if misfits is None else said | {"misfits": staticmethod(misfits)})
        _WORDS.append(cast("type[Step]", word))
        return perform

    return add


def _ask(
    step: Step, partner: Partner, method: str, path: str, body: Any = None, expected: int | tuple[int, ...] = 200
) -> tuple[Call, list[str] | None]:
    """What came, and the verdict where there is no more to look at: it was lost, refused, or has a wrong status."""
    if step.modifiers.get("lost"):
        call = partner.attempt(method, path, body)
        return call, lost_difference(call)
    call = partner.call(method, path, body)
    if "refused" in step.modifiers:
        return call, refusal_difference(step.modifiers["refused"], call)
    return call, status_difference(expected, call) or None


# -- what a poll shows of an import or an export


def run_differences(step: Step, call: Call) -> list[str]:
    """What a poll's answer shows, against the step's status and figures."""
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


# -- an import: it is started and read


def _rows_to_send(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if isinstance(rows := entry.get("rows"), int):
        yield "rows", "E203", f"'rows': expected the rows to send, got {kind(rows)}"


@_step("start", "key", "rows", "file", "name", "refused", "replayed", "lost", misfits=_rows_to_send)
def _start(step: Step, partner: Partner) -> list[str]:
    """Starts an import, with rows, a file, or rows that do not matter."""
    given, body = step.modifiers, dict[str, Any]()
    if "file" in given:
        body["files"] = [partner.upload(given.get("name"), given["file"])]
    else:
        body["rows"] = list(given.get("rows", SOME_ROWS))
    if "key" in given:
        body["idempotency_key"] = given["key"]
    if given.get("lost"):
        partner.started = None
    replayed = given.get("replayed", False)
    expected = (200, 201) if replayed else 201  # OP-06
    call, over = _ask(step, partner, "POST", partner.path("imports"), body, expected)
    if over is not None:
        return over
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


def _status_open(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Only an answer that shows nothing leaves the status open."""
    if entry["see"] is None and not {"refused", "lost"} & entry.keys():
        yield "see", "E204", "'see': expected a status, or `refused` or `lost` beside it"


@_step(
    "see",
    "refused",
    "lost",
    "inserted",
    "flagged",
    "questions",
    "actions",
    "asks",
    "error",
    "times",
    misfits=_status_open,
)
def _see(step: Step, partner: Partner) -> list[str]:
    """Reads the run once, or as often as the step says, and expects a status."""
    differences: list[str] = []
    for number in range(1, step.modifiers.get("times", 1) + 1):
        call, wrong = _ask(step, partner, "GET", partner.path("imports", partner.known_run()))
        if wrong is None:
            partner.learn(call)
            wrong = run_differences(step, call)
        differences += [f"poll {number}: {each}" for each in wrong] if number > 1 else wrong
    return differences


@_step("wait")
def _wait(_: Step, _partner: Partner) -> list[str]:
    """Lets the session's clock pass; the player does it."""
    raise NotImplementedError


# -- a decision about a parked run


def _decide(step: Step, partner: Partner, body: dict[str, Any], becomes: str) -> list[str]:
    path = partner.path("imports", partner.known_run(), "decisions")
    if step.modifiers.get("lost"):
        partner.questions = None
    call, over = _ask(step, partner, "POST", path, body)
    if over is not None:
        return over
    partner.questions = None
    answer = answer_members(call, "run_id", "status", "poll_url")
    differences = value_difference("run_id", partner.run, answer["run_id"])
    differences += value_difference("poll_url", partner.path("imports", partner.known_run()), answer["poll_url"])
    if answer["status"] not in {becomes, "running"}:  # OP-14; RUN-02: beats may come first
        differences += value_difference("status", becomes, answer["status"])
    return differences


@_step("approve", "answers", "refused", "lost")
def _approve(step: Step, partner: Partner) -> list[str]:
    """Approves the parked run, with answers or as proposed."""
    body: dict[str, Any] = {"decision": "approve"}
    if "answers" in step.modifiers:
        body["answers"] = [partner.answer(each) for each in step.modifiers["answers"]]
    return _decide(step, partner, body, "running")


@_step("reject", "refused", "lost")
def _reject(step: Step, partner: Partner) -> list[str]:
    """Rejects the parked run."""
    return _decide(step, partner, {"decision": "reject"}, "failed")


# -- who operates the mock: a run is stopped or moved on


@_step("cancel")
def _cancel(step: Step, partner: Partner) -> list[str]:
    """An operator cancels the run."""
    return _ask(step, partner, "POST", f"/_mock/runs/{partner.known_run()}/cancel")[1] or []


@_step("step")
def _next_beat(step: Step, partner: Partner) -> list[str]:
    """An operator plays the next beat; for pace manual."""
    return _ask(step, partner, "POST", f"/_mock/runs/{partner.known_run()}/step")[1] or []


# -- a run that is looked for and forgotten


@_step("active")
def _active(step: Step, partner: Partner) -> list[str]:
    """Looks up the active run, and takes over its id and questions."""
    call, over = _ask(step, partner, "GET", partner.path("imports") + "?status=active")
    if over is not None:
        return over
    if step.value == "none":
        return value_difference("active run", {"run": None}, call.body)
    partner.learn(call)
    body = answer_members(call, "status")
    if "run_id" in body:  # OP-05: what the look-up is for
        partner.run = str(body["run_id"])
    return value_difference("status of the active run", step.value, body["status"])


@_step("lose")
def _lose(_: Step, partner: Partner) -> list[str]:
    """The client forgets the id of its run."""
    partner.run = partner.questions = None
    return []


@_step("history")
def _history(step: Step, partner: Partner) -> list[str]:
    """Reads every page of the history, newest first, and expects so many runs."""
    runs: list[Any] = []
    query: str | None = ""
    while query is not None:
        call, over = _ask(step, partner, "GET", partner.path("imports") + query)
        if over is not None:
            return over
        page = answer_members(call, "runs", "next_cursor")
        runs += page["runs"]
        query = "?" + urlencode({"cursor": page["next_cursor"]}) if page["next_cursor"] else None
    dates = [run["created_at"] for run in runs]
    differences = value_difference("runs in the history", step.value, len(runs))
    return differences + value_difference("history, newest first", sorted(dates, reverse=True), dates)


# -- what came of it: downloads, and exports to the destination


def _rows_counted(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if isinstance(entry.get("rows"), list):
        yield "rows", "E203", "'rows': expected how many rows the file has, got a list"


@_step("download", "rows", "filter", "column", "values", misfits=_rows_counted)
def _download(step: Step, partner: Partner) -> list[str]:
    """Downloads a sheet as CSV, and holds it against the number of rows and the values of one column."""
    query, given = {"sheet_id": partner.sheet(step.value)}, step.modifiers
    if "filter" in given:
        query["filter"] = given["filter"]
    call, over = _ask(step, partner, "GET", partner.path("export.csv") + "?" + urlencode(query))
    if over is not None:
        return over
    header, rows = csv_rows(call)
    differences = value_difference("rows", given["rows"], len(rows)) if "rows" in given else []
    column = given.get("column")
    if column is None:
        return differences
    if column not in header:
        text = f"column: expected {quote_value(column)} among the CSV's columns, got {', '.join(header)}"
        return [*differences, text]
    if "values" in given:
        expected = sorted({str(value) for value in given["values"]})
        index = header.index(column)
        differences += value_difference(f"values of {column}", expected, sorted({row[index] for row in rows}))
    return differences


@_step("export", "refused", "lost")
def _export(step: Step, partner: Partner) -> list[str]:
    """Starts an export to the destination."""
    call, over = _ask(step, partner, "POST", partner.path("exports"), {"mode": step.value}, 201)
    if over is not None:
        return over
    answer = answer_members(call, "run_id", "status", "poll_url")
    partner.export = str(answer["run_id"])
    differences = value_difference("poll_url", partner.path("exports", partner.export), answer["poll_url"])
    return differences + value_difference("status", "queued", answer["status"])


@_step("see_export", "total", "succeeded", "failed", "hollow", "error")
def _see_export(step: Step, partner: Partner) -> list[str]:
    """Reads the export once and expects a status."""
    if partner.export is None:
        raise CannotGoOn("no export to poll: none was started")
    call, over = _ask(step, partner, "GET", partner.path("exports", partner.export))
    return run_differences(step, call) if over is None else over


STEPS = Vocabulary("step", *_WORDS)
