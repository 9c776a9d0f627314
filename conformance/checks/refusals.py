"""Decisions that are refused (DEC-14 to DEC-20, DEC-22, DEC-23, DEC-26).

The rule that it keeps: what is refused leaves the run parked with the same questions, which is read after each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.checks import check
from conformance.client import OTHER
from conformance.parking import at, questions, shown
from conformance.stage import Blocked, Skipped
from conformance.trials import same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.client import Answer
    from conformance.stage import Run, Stage

Case = tuple[str, str, Any]
"""Clause, what is refused, and the body or the raw bytes that are sent."""


@check("DEC-14", "DEC-15", "DEC-16", "DEC-17", "DEC-18", "DEC-19", "DEC-20", "DEC-22")
def a_bad_decision_is_refused(stage: Stage) -> None:
    """Post decisions to a parked run that are malformed, or have answers that no question of it allows."""
    run = stage.run("needs_attention")
    asked = questions(run.state)
    with stage.speaking_of("DEC-20"):
        if all(each.get("allow_custom") is not False for each in asked):
            raise Skipped("every question of the parked run takes free text")
    with stage.speaking_of("DEC-18", "DEC-19"):
        if not asked:
            raise Skipped("the parked run asks no question")
    _refuse(stage, run)


@check("DEC-26")
def a_decision_on_an_unknown_run_is_not_found(stage: Stage) -> None:
    """Approve runs that do not exist, and a parked run under another company and with another account's key."""
    run = stage.run("needs_attention")
    elsewhere = stage.company()
    ways: list[tuple[str, dict[str, Any]]] = [
        ("an unknown run", {"company_id": run.company.id, "run_id": str(uuid4())}),
        ("a run of an unknown company", {"company_id": str(uuid4()), "run_id": run.id}),
    ]
    if elsewhere.id != run.company.id:
        ways.append(("the run of another company", {"company_id": elsewhere.id, "run_id": run.id}))
    if stage.client.has(OTHER):
        ways.append(("another account's run", {"company_id": run.company.id, "run_id": run.id, "key": OTHER}))
    parked = run.state
    for what, where in ways:
        answer = stage.client.call("decide", body={"decision": "approve"}, **where)
        stage.status("DEC-26", answer, 404, requirement=f"a decision on {what} is answered with 404")
    polled = stage.poll(run)
    requirement = "a decision that found no run has no effect"
    stage.require("DEC-26", same(parked, polled), requirement, polled, expected=shown(parked), got=shown(polled.json))


@check("DEC-23")
def a_run_that_is_not_parked_takes_no_decision(stage: Stage) -> None:
    """Decide on runs that have just started, run, and are over."""
    with stage.speaking_of("DEC-23"):
        run = stage.started("completed")
        requirement = "a decision on a run that was just started is refused with 409"
        stage.status("DEC-23", stage.decide(run, "reject"), 409, requirement=requirement)
        _judge_end(stage, run)
    with stage.speaking_of("DEC-23"):
        run = stage.run("running")
        for word in ("reject", "approve"):
            requirement = f"to {word} a run that is running is refused with 409"
            stage.status("DEC-23", stage.decide(run, word), 409, requirement=requirement)
    for state in ("completed", "failed", "canceled"):
        with stage.speaking_of("DEC-23"):
            _decide_after_the_end(stage, stage.run(state, fresh=False), state)


def _judge_end(stage: Stage, run: Run) -> None:
    """A run of clean rows that was not to be decided on completes all the same."""
    end = stage.until(run)
    if at(end, "status") == "needs_attention":
        raise Blocked("the way to completed leads to needs_attention", [run.polled])
    holds = at(end, "status") == "completed"
    requirement = "a refused decision leaves a run as it is: it completes as others do"
    stage.require("DEC-23", holds, requirement, run.polled, expected="completed", got=at(end, "status"))


def _decide_after_the_end(stage: Stage, run: Run, state: str) -> None:
    before = stage.poll(run)
    for word in ("approve", "reject"):
        answer = stage.decide(run, word)
        stage.status("DEC-23", answer, 409, requirement=f"to {word} a run that is {state} is refused with 409")
    after = stage.poll(run)
    requirement = f"a refused decision leaves a run that is {state} as it is"
    stage.require("DEC-23", same(before.json, after), requirement, after, expected=before.text, got=after.text)


def _refuse(stage: Stage, run: Run) -> None:
    """Post each of the bad decisions to the parked run; one that they moved is replaced."""
    total = len(_bad(run.state))
    for number in range(total):
        parked = run.state
        clause, what, body = _bad(parked)[number]
        answer = _post(stage, run, body)
        if answer.status is None:
            raise Blocked(f"no answer: {answer.problem}", [answer])
        polled = stage.poll(run)
        kept = same(parked, polled)
        requirement = f"{what} is refused with 400, and the run stays parked with the same questions"
        got = f"{answer.status} {answer.text[:200]}; the run is {'unchanged' if kept else shown(polled.json)}"
        stage.require(clause, answer.status == 400 and kept, requirement, answer, polled, expected="400", got=got)
        if not kept and number < total - 1:
            run = stage.run("needs_attention")


def _post(stage: Stage, run: Run, body: Any) -> Answer:
    sent = {"raw": body} if isinstance(body, bytes) else {"body": body}
    return stage.client.call("decide", company_id=run.company.id, run_id=run.id, **sent)


def _valid(question: dict[str, Any]) -> dict[str, Any]:
    """A right answer to the question."""
    option = at(question, "options", 0, "id")
    given = {"custom": "Leave these values as they are"} if option is None else {"option_id": option}
    return {"question_id": question.get("id")} | given


def _approve(*answers: Any) -> dict[str, Any]:
    return {"decision": "approve", "answers": list(answers)}


def _bad(parked: Any) -> list[Case]:
    """Every bad decision that the parked run gives occasion to."""
    return [*_to_unknown_questions(parked), *_malformed(parked), *_senseless(parked)]


def _to_unknown_questions(parked: Any) -> Iterator[Case]:
    asked = questions(parked)
    option = at(asked, 0, "options", 0, "id") or "a"
    unknown = {"question_id": f"no-such-question-{uuid4().hex[:8]}", "option_id": option}
    yield "DEC-14", "an answer to an unknown question", _approve(unknown)
    if asked:
        yield "DEC-14", "an unknown question after a right answer", _approve(_valid(asked[0]), unknown)


def _malformed(parked: Any) -> Iterator[Case]:
    yield "DEC-15", "a body without decision", {}
    yield "DEC-15", "answers without decision", {"answers": [_valid(each) for each in questions(parked)[:1]]}
    yield "DEC-16", "a decision that is neither approve nor reject", {"decision": "accept"}
    yield "DEC-16", "a decision that is no text", {"decision": 1}
    yield "DEC-17", "answers that are no array", {"decision": "approve", "answers": {"question_id": "x"}}
    yield "DEC-17", "an answer that is no object", _approve("x")
    yield "DEC-17", "an answer without question_id", _approve({"option_id": "a"})
    yield "DEC-22", "a body that is no JSON", b'{"decision": "approve"'


def _senseless(parked: Any) -> Iterator[Case]:
    for question in questions(parked)[:1]:
        yield "DEC-18", "an answer with neither option_id nor custom", _approve({"question_id": question.get("id")})
        unknown = {"question_id": question.get("id"), "option_id": f"no-such-option-{uuid4().hex[:8]}"}
        yield "DEC-19", "an option that the question does not have", _approve(unknown)
    free = [each for each in questions(parked) if each.get("allow_custom") is True and each.get("options")]
    for question in free[:1]:
        yield "DEC-18", "an answer with option_id and custom", _approve(_valid(question) | {"custom": "Something else"})
    bound = [each for each in questions(parked) if each.get("allow_custom") is False]
    for question in bound[:1]:
        text = {"question_id": question.get("id"), "custom": "Something else"}
        yield "DEC-20", "free text to a question that takes none", _approve(text)
