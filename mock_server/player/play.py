"""The player: a client that does and sees what a play says, over HTTP, and tells each difference.

It knows the documented API and a scenario's plays, and nothing of how a server obeys them. Verdict = no differences.
Time is the caller's affair: `wait` is given as a function of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mock_server.kernel.clock import duration
from mock_server.player import expectation
from mock_server.player.partner import Partner, Stuck, members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mock_server.player.transport import Call, Transport
    from mock_server.scenarios.model import Play, Scenario, Step

# What a scripted scenario is started with: its rows are generated, so these only make the request complete.
SOME_ROWS = ({"Name": "Ada Lovelace", "Email": "ada@example.com", "Status": "Open"},)


@dataclass(frozen=True, slots=True)
class Moment:
    """One step as it was played: what was sent and received, and how that differs from what the step says."""

    step: Step
    calls: tuple[Call, ...]
    offset: int
    """Milliseconds of session time that the play had waited when the step was over."""
    differences: tuple[str, ...]


def moments(
    play: Play, scenario: Scenario, transport: Transport, wait: Callable[[int], None], *, company: str | None = None
) -> Iterator[Moment]:
    """Play the steps in order, in the ready company or the one given; end after one that cannot be played."""
    partner = Partner(transport, scenario, company)
    offset = 0
    for step in play.steps:
        stuck = False
        partner.calls = []
        try:
            if step.verb == "wait":
                wait(duration(step.value))
                offset += duration(step.value)
                differences = []
            else:
                differences = VERBS[step.verb](partner, step)
        except Stuck as reason:
            differences, stuck = [str(reason)], True
        except (OSError, HTTPException) as error:
            differences, stuck = [f"no answer: {type(error).__name__} {error}".rstrip()], True
        yield Moment(step, tuple(partner.calls), offset, tuple(differences))
        if stuck:
            return


def _start(partner: Partner, step: Step) -> list[str]:
    given = step.modifiers
    body: dict[str, Any] = {}
    if "file" in given:
        body["files"] = [partner.upload(given.get("name"), given["file"])]
    else:
        body["rows"] = list(given.get("rows", SOME_ROWS))
    if "key" in given:
        body["idempotency_key"] = given["key"]
    if given.get("lost"):
        partner.started = None
        return expectation.lost(partner.attempt("POST", partner.path("imports"), body))
    call = partner.call("POST", partner.path("imports"), body)
    if "refused" in given:
        return expectation.refused(given["refused"], call)
    replayed = given.get("replayed", False)
    if wrong := expectation.answered((200, 201) if replayed else 201, call):  # OP-06
        return wrong
    answer = members(call, "run_id", "status", "poll_url")
    run = str(answer["run_id"])
    found = expectation.unequal("poll_url", partner.path("imports", run), answer["poll_url"])
    if replayed:
        # After a lost answer there is no id that the replay could be held against.
        found += [] if partner.started is None else expectation.unequal("run_id of the replay", partner.started, run)
    else:
        found += expectation.unequal("status", "queued", answer["status"])
    partner.run = partner.started = run
    partner.questions = None
    return found


def _see(partner: Partner, step: Step) -> list[str]:
    found: list[str] = []
    for number in range(1, step.modifiers.get("times", 1) + 1):
        if step.modifiers.get("lost"):
            found += expectation.lost(partner.attempt("GET", partner.path("imports", partner.known_run())))
            continue
        call = partner.poll()
        if "refused" in step.modifiers:
            wrong = expectation.refused(step.modifiers["refused"], call)
        else:
            wrong = expectation.run_seen(step, call)
        found += [f"poll {number}: {each}" for each in wrong] if number > 1 else wrong
    return found


def _approve(partner: Partner, step: Step) -> list[str]:
    body: dict[str, Any] = {"decision": "approve"}
    if "answers" in step.modifiers:
        body["answers"] = [partner.answer(each) for each in step.modifiers["answers"]]
    return _decide(partner, step, body, "running")


def _reject(partner: Partner, step: Step) -> list[str]:
    return _decide(partner, step, {"decision": "reject"}, "failed", "running")  # OP-14; RUN-02: beats may come first


def _decide(partner: Partner, step: Step, body: dict[str, Any], *statuses: str) -> list[str]:
    run = partner.known_run()
    if step.modifiers.get("lost"):
        partner.questions = None
        return expectation.lost(partner.attempt("POST", partner.path("imports", run, "decisions"), body))
    call = partner.call("POST", partner.path("imports", run, "decisions"), body)
    if "refused" in step.modifiers:
        return expectation.refused(step.modifiers["refused"], call)
    if wrong := expectation.answered(200, call):
        return wrong
    partner.questions = None
    answer = members(call, "run_id", "status", "poll_url")
    found = expectation.unequal("run_id", run, answer["run_id"])
    found += expectation.unequal("poll_url", partner.path("imports", run), answer["poll_url"])
    if answer["status"] not in statuses:
        found += expectation.unequal("status", statuses[0], answer["status"])
    return found


def _operate(partner: Partner, step: Step) -> list[str]:
    return expectation.answered(200, partner.call("POST", f"/_mock/runs/{partner.known_run()}/{step.verb}"))


def _lose(partner: Partner, _step: Step) -> list[str]:
    partner.run = partner.questions = None
    return []


def _active(partner: Partner, step: Step) -> list[str]:
    call = partner.call("GET", partner.path("imports") + "?status=active")
    if wrong := expectation.answered(200, call):
        return wrong
    if step.value == "none":
        return expectation.unequal("active run", {"run": None}, call.body)
    partner.learn(call)
    body = members(call, "status")
    if "run_id" in body:  # OP-05: what the look-up is for
        partner.run = str(body["run_id"])
    return expectation.unequal("status of the active run", step.value, body["status"])


def _history(partner: Partner, step: Step) -> list[str]:
    runs: list[Any] = []
    query: str | None = ""
    while query is not None:
        call = partner.call("GET", partner.path("imports") + query)
        if wrong := expectation.answered(200, call):
            return wrong
        page = members(call, "runs", "next_cursor")
        runs += page["runs"]
        query = "?" + urlencode({"cursor": page["next_cursor"]}) if page["next_cursor"] else None
    dates = [run["created_at"] for run in runs]
    found = expectation.unequal("runs in the history", step.value, len(runs))
    return found + expectation.unequal("history, newest first", sorted(dates, reverse=True), dates)


def _download(partner: Partner, step: Step) -> list[str]:
    query = {"sheet_id": partner.sheet(step.value)}
    if "filter" in step.modifiers:
        query["filter"] = step.modifiers["filter"]
    return expectation.downloaded(step, partner.call("GET", partner.path("export.csv") + "?" + urlencode(query)))


def _export(partner: Partner, step: Step) -> list[str]:
    if step.modifiers.get("lost"):
        return expectation.lost(partner.attempt("POST", partner.path("exports"), {"mode": step.value}))
    call = partner.call("POST", partner.path("exports"), {"mode": step.value})
    if "refused" in step.modifiers:
        return expectation.refused(step.modifiers["refused"], call)
    if wrong := expectation.answered(201, call):
        return wrong
    answer = members(call, "run_id", "status", "poll_url")
    partner.export = str(answer["run_id"])
    found = expectation.unequal("poll_url", partner.path("exports", partner.export), answer["poll_url"])
    return found + expectation.unequal("status", "queued", answer["status"])


def _see_export(partner: Partner, step: Step) -> list[str]:
    if partner.export is None:
        raise Stuck("no export to poll: none was started")
    return expectation.run_seen(step, partner.call("GET", partner.path("exports", partner.export)))


VERBS: Mapping[str, Callable[[Partner, Step], list[str]]] = {
    "start": _start,
    "see": _see,
    "approve": _approve,
    "reject": _reject,
    "cancel": _operate,
    "step": _operate,
    "active": _active,
    "lose": _lose,
    "history": _history,
    "download": _download,
    "export": _export,
    "see_export": _see_export,
}
