"""Servers that lie about decisions that are to be refused (DEC-14 to DEC-20, DEC-22, DEC-23, DEC-26)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bending import asked, key_of, reads, with_key
from deciding import answered, approve_now, current, decides, on_refusal, taken, told, tolerant, unread
from lies import App, Liar, Lie, rule

from conformance.preview.suite import KEY, OTHER
from mock_server.kernel.errors import Refusal
from mock_server.preview import decisions
from mock_server.preview import operations as api
from mock_server.preview.account import account_of
from mock_server.preview.lifecycle import Canceled, Rejected
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pytest

    from mock_server.data.book import Book, Fix
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.questions import Question
    from mock_server.session.exchange import Exchange as Call

_fixes = decisions.fixes
_fix = decisions._fix
_import = api._import
_decide = api.decide


def _reads(change: Callable[[Any], object]) -> Lie:
    """A lie that changes the body of a decision in place before it is checked."""

    def read(body: Any) -> None:
        change(body)

    return reads("decide", read)


def _entries(change: Callable[[Any], Any]) -> Lie:
    """A lie that reads each entry of `answers` otherwise; one that becomes None is passed over."""

    def read(body: dict[str, Any]) -> None:
        if isinstance(body.get("answers"), list):
            body["answers"] = [new for each in body["answers"] if (new := change(each)) is not None]

    return _reads(read)


def _valid_first(run: ImportRun, state: Life, answers: Sequence[Any]) -> list[Fix | None]:
    """What is right among the answers is applied before the wrong one is found."""
    right = [each for each in answers if current(run, state, each)]
    if len(right) < len(answers):
        if right:
            approve_now(run, state, _fixes(run, state, right))
        raise Refusal(400, "an answer is to no current question")
    return _fixes(run, state, answers)


def _remembers(app: App, patch: pytest.MonkeyPatch) -> App:
    """What is right among refused answers is stored, and counts at the next approval."""
    stored: dict[str, list[Any]] = {}

    def change(run: ImportRun, state: Life, answers: Sequence[Any]) -> list[Fix | None]:
        right = [each for each in answers if current(run, state, each)]
        if len(right) < len(answers):
            stored.setdefault(run.id, []).extend(right)
            raise Refusal(400, "an answer is to no current question")
        named = {each["question_id"] for each in answers}
        earlier = {each["question_id"]: each for each in stored.get(run.id, ()) if each["question_id"] not in named}
        return _fixes(run, state, [*answers, *earlier.values()])

    return answered(change)(app, patch)


def _rejects_first(_: Call, run: ImportRun, state: Life, refusal: Refusal) -> None:
    if refusal.status == 400 and "no current question" in refusal.text:
        run.events.append(Rejected(state.since))


def _word_else(instead: str) -> Lie:
    """A lie that takes every other word for this one."""

    def change(body: dict[str, Any]) -> None:
        if isinstance(body.get("decision"), str) and body["decision"] not in {"approve", "reject"}:
            body["decision"] = instead

    return _reads(change)


def _breaks_down(body: dict[str, Any]) -> None:
    if "decision" in body and not isinstance(body["decision"], str):
        raise Refusal(500, "Internal error")


def _listed(body: dict[str, Any]) -> None:
    if "answers" in body and not isinstance(body["answers"], list):
        del body["answers"]


def _first_question(each: Any) -> Any:
    return {"question_id": "fq0", **each} if isinstance(each, dict) else each


def _one_of_two(each: Any) -> Any:
    if isinstance(each, dict) and "option_id" in each and "custom" in each:
        return {name: value for name, value in each.items() if name != "custom"}
    return each


def _neither(each: Any) -> Any:
    return None if isinstance(each, dict) and not {"option_id", "custom"} & each.keys() else each


def _option(instead: Callable[[Question, Mapping[str, Any]], Any]) -> Lie:
    """A lie about options that a question does not have."""

    def fix(book: Book, question: Question, given: Mapping[str, Any], where: str) -> Fix | None:
        if "option_id" in given and given["option_id"] not in question.options:
            found: Fix | None = instead(question, given)
            return found
        return _fix(book, question, given, where)

    return rule(decisions._fix, fix)


def _any_text(book: Book, question: Question, given: Mapping[str, Any], where: str) -> Fix | None:
    if "custom" in given and not question.group.allow_custom:
        return question.group.fix
    return _fix(book, question, given, where)


def _read_as(body: dict[str, Any]) -> Lie:
    """A lie that takes what is no JSON for this body."""
    return unread(lambda _: body)


def _refused_as(status: int) -> Lie:
    def instead(refusal: Refusal) -> Any:
        raise Refusal(status, refusal.text)

    return unread(instead)


def _acts(event: Any, *statuses: str) -> Lie:
    """A lie that refuses with 409, and lets this happen to a run in one of these statuses."""

    def instead(_: Call, run: ImportRun, state: Life, refusal: Refusal) -> None:
        if refusal.status == 409 and state.status in statuses:
            run.events.append(event(state.since))

    return on_refusal(instead)


def _revives(_: Call, run: ImportRun, state: Life, refusal: Refusal) -> None:
    """A decision on a run that is over lets it be canceled, though it is refused."""
    if refusal.status == 409 and state.terminal and state.status != "canceled":
        run.events[:] = [Canceled(run.started.at)]
        run.kept = None


def _terminal(*statuses: str) -> Callable[[ImportRun, Life], bool]:
    return lambda run, state: state.status in statuses and not run.approvals and not state.rejected


def _anywhere(call: Call) -> ImportRun:
    """A run is looked up by its id alone when it is decided on."""
    run = account_of(call.session).runs.get(call.parameters["run_id"])
    if call.operation_id == "decide" and isinstance(run, ImportRun):
        return run
    return _import(call)


def _in_any_company(call: Call) -> ImportRun:
    """A run is looked up within the company, and a company that is unknown is not looked for."""
    found = account_of(call.session).runs.get(call.parameters["run_id"])
    known = account_of(call.session).known(call.parameters["company_id"])
    if call.operation_id == "decide" and isinstance(found, ImportRun) and known is None:
        return found
    return _import(call)


def _unknown_runs(instead: int) -> Lie:
    """A lie that answers a decision on what is not there with another status."""

    async def lying(call: Call) -> Any:
        try:
            return await _decide(call)
        except Refusal as refusal:
            if refusal.status == 404:
                raise Refusal(instead, refusal.text) from refusal
            raise

    return decides(lying)


def _borrowed(scope: Any) -> None:
    if key_of(scope) == OTHER and scope["path"].endswith("/decisions"):
        with_key(scope, KEY)


LIARS = (
    Liar("DEC-14", "passes over answers to unknown questions", tolerant(current), ("DEC-30",)),
    Liar("DEC-14", "finds no such question (404)", told(400, 404, "no current question"), ("DEC-30",)),
    Liar("DEC-14", "breaks down over an unknown question", told(400, 500, "no current question"), ("DEC-30",)),
    Liar("DEC-14", "applies the right answers, and then refuses", answered(_valid_first)),
    Liar("DEC-14", "stores the right answers of a refused decision", _remembers),
    Liar(
        "DEC-14", "rejects a run because of an answer to an unknown question", on_refusal(_rejects_first), ("DEC-30",)
    ),
    Liar(
        "DEC-15",
        "takes a missing decision for an approval",
        _reads(lambda body: body.setdefault("decision", "approve")),
    ),
    Liar("DEC-15", "takes a missing decision for a reject", _reads(lambda body: body.setdefault("decision", "reject"))),
    Liar(
        "DEC-15",
        "takes answers alone for an approval",
        _reads(lambda body: "answers" in body and body.setdefault("decision", "approve")),
    ),
    Liar("DEC-16", "takes every other word for an approval", _word_else("approve")),
    Liar("DEC-16", "takes every other word for a reject", _word_else("reject")),
    Liar("DEC-16", "breaks down over a decision that is no text", _reads(_breaks_down)),
    Liar(
        "DEC-16",
        "takes a number for an approval",
        _reads(lambda body: body.update(decision="approve") if body.get("decision") == 1 else None),
    ),
    Liar("DEC-17", "passes over answers that are no array", _reads(_listed)),
    Liar(
        "DEC-17",
        "passes over an answer that is no object",
        _entries(lambda each: each if isinstance(each, dict) else None),
    ),
    Liar(
        "DEC-17",
        "passes over an answer without question_id",
        _entries(lambda each: each if not isinstance(each, dict) or "question_id" in each else None),
    ),
    Liar("DEC-17", "takes an answer without question_id for one to the first question", _entries(_first_question)),
    Liar("DEC-18", "passes over an answer that says nothing", _entries(_neither)),
    Liar("DEC-18", "takes the option where an answer has a text, too", _entries(_one_of_two)),
    Liar("DEC-19", "goes by the patch where an option is unknown", _option(lambda question, _: question.group.fix)),
    Liar(
        "DEC-19",
        "takes the last option where one is unknown",
        _option(lambda question, _: list(question.options.values())[-1]),
    ),
    Liar("DEC-19", "breaks down over an unknown option", told(400, 500, "is no option of")),
    Liar("DEC-20", "takes free text where it allows none", rule(decisions._fix, _any_text)),
    Liar("DEC-20", "forbids free text where it allows none (409)", told(400, 409, "custom is not allowed")),
    Liar("DEC-22", "breaks down over a body that is no JSON", _refused_as(500)),
    Liar("DEC-22", "calls a body that is no JSON unprocessable", _refused_as(422), ("ERR-06",)),
    Liar("DEC-22", "takes a body that is no JSON for an approval", _read_as({"decision": "approve"})),
    Liar("DEC-22", "takes a body that is no JSON for a reject", _read_as({"decision": "reject"})),
    Liar("DEC-23", "says yes to a decision on a queued run", taken("queued")),
    Liar("DEC-23", "says yes to a decision on a running run", taken("running", when=lambda run, _: not run.approvals)),
    Liar("DEC-23", "says yes to a decision on a completed run", taken("completed", when=_terminal("completed"))),
    Liar("DEC-23", "says yes to a decision on a failed run", taken("failed", when=_terminal("failed"))),
    Liar("DEC-23", "says yes to a decision on a canceled run", taken("canceled")),
    Liar(
        "DEC-23",
        "finds no run to decide on once it is over",
        told(409, 404, when=_terminal("completed", "failed", "canceled")),
    ),
    Liar(
        "DEC-23",
        "calls a decision on a running run a bad request",
        told(409, 400, when=lambda run, s: s.status == "running" and not run.approvals),
    ),
    Liar("DEC-23", "cancels a queued run that it refuses to decide on", _acts(Canceled, "queued")),
    Liar("DEC-23", "cancels a running run that it refuses to decide on", _acts(Canceled, "running")),
    Liar("DEC-23", "remembers a reject that it refuses, until the run is parked", _acts(Rejected, "queued", "running")),
    Liar("DEC-23", "cancels a run that is over", on_refusal(_revives), ("RUN-03",)),
    Liar("DEC-26", "sees a conflict where there is no run", _unknown_runs(409)),
    Liar("DEC-26", "calls a decision on an unknown run a bad request", _unknown_runs(400)),
    Liar("DEC-26", "decides on a run under another company", rule(api._import, _anywhere)),
    Liar(
        "DEC-26",
        "decides on a run under an unknown company",
        rule(api._import, _in_any_company),
    ),
    Liar("DEC-26", "lets every key decide", asked(_borrowed), ("AUTH-06",)),
)
