"""What an approval does (DEC-01 to DEC-13, DEC-24, DEC-25, DEC-27, DEC-36).

The effect on the rows is judged on the download, against the rows that were sent and the patch that the poll showed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.checks import check
from conformance.effects import CLAUSES, differences, predicted
from conformance.parking import actions, at, concerned, count, questions, shown
from conformance.sentrows import sent
from conformance.stage import Blocked, Run, Skipped
from conformance.trials import (
    MOST_OPTIONS,
    follow,
    keep,
    may_park_again,
    optional,
    patched,
    same,
    trial,
    with_options,
)

if TYPE_CHECKING:
    from conformance.client import Answer
    from conformance.effects import Effects
    from conformance.stage import Stage
    from conformance.trials import Answers, Trial

AT_ONCE = 16


@check("DEC-01", "DEC-02", "DEC-03", "DEC-04", "DEC-05", "DEC-06", "DEC-07", "DEC-08", "DEC-24", "DEC-27", "DEC-36")
def an_approval_applies_the_proposed_patch(stage: Stage) -> None:
    """Approve a parked run without answers, then once more; download the rows, and read another company's run."""
    other = stage.run("needs_attention", fresh=False)
    others = stage.poll(other).json
    run = stage.run("needs_attention")
    parked = run.state
    unsettled = may_park_again(stage, run, parked)
    first = stage.decide(run)
    stage.status("DEC-01", first, 200, requirement="an approval of a parked run is answered with 200")
    if not first.ok:
        raise Blocked("the approval was refused", [first])
    _judge_acceptance(stage, run, first)
    _judge_resumption(stage, parked, first, unsettled=unsettled)
    second = stage.decide(run)
    with stage.speaking_of("DEC-24"):
        if second.ok and unsettled:
            raise Skipped("after its approval the run may have parked again, so that the second one is allowed")
        stage.status("DEC-24", second, 409, requirement="a second decision on one parking is refused with 409")
    made = follow(stage, run, parked, first)
    keep(stage, "of the patch", made)
    _judge_effects(stage, made)
    kept = same(others, stage.poll(other))
    requirement = "an approval leaves the parked run of another company as it is"
    stage.require("DEC-36", kept, requirement, first, other.polled, expected=shown(others), got=shown(other.state))


@check("DEC-10", "DEC-11", "DEC-13")
def an_answer_by_option_goes_before_the_patch(stage: Stage) -> None:
    """Approve parked runs with an option of one question each, and set what becomes of the rows beside the patch's."""
    shown_options = with_options(stage.run("needs_attention", fresh=False).state)["options"]
    first = optional(stage, 0)
    whole = first.decided if first.decided.ok else _answer_all(stage, first)
    stage.status("DEC-11", whole, 2, requirement="an answer by option_id is accepted")
    with stage.speaking_of("DEC-13"):
        if len(questions(first.parked)) < 2:
            raise Skipped("the parked run asks a single question, so that none can be left unanswered")
        if not whole.ok:
            raise Blocked("answers by option_id are refused altogether", [whole])
        stage.status("DEC-13", first.decided, 2, requirement="an approval may leave questions unanswered")
    if not first.decided.ok:
        raise Blocked("the answer was refused", [first.decided])
    with stage.speaking_of("DEC-10"):
        if len(shown_options) < 2:
            raise Skipped("the parked run's first question has a single option")
        tried = patched(stage).outcome
        places = range(min(MOST_OPTIONS, len(shown_options)))
        followed = any(optional(stage, place).outcome != tried for place in places)
        requirement = "of several options to one question at least one has another effect than the proposed patch"
        stage.require("DEC-10", followed, requirement, first.decided, first.run.polled, got=tried)


@check("DEC-10", "DEC-12")
def an_answer_by_text_goes_before_the_patch(stage: Stage) -> None:
    """Approve a parked run with a text, a right value of the column where the rows that were sent hold one."""
    chosen: dict[str, str] = {}
    like = stage.run("needs_attention", fresh=False)

    def answers(parked: Any) -> Answers:
        question, column, text = _text(stage, like, parked)
        chosen.update(column=column, text=text)
        return [{"question_id": question["id"], "custom": text}]

    made = trial(stage, "of a text", answers)
    if not stage.status("DEC-12", made.decided, 2, requirement="an answer by text is accepted where allowed"):
        raise Blocked("the answer was refused", [made.decided])
    with stage.speaking_of("DEC-10"):
        rows = sent(stage, made.run, made.parked)
        set_to = [_retold(each, chosen) for each in actions(made.parked)]
        if set_to == actions(made.parked) or made.all is None or not rows.agrees(made.parked):
            raise Skipped("what becomes of the text is not for the suite to say")
        ours, theirs = (
            [*differences(predicted(rows, each), made.all.records)] for each in (set_to, actions(made.parked))
        )
        if ours and theirs:
            raise Skipped("the target takes the text for something else than a value")
        requirement = "a question that was answered follows its answer and not the patch"
        stage.require("DEC-10", not ours, requirement, made.decided, made.all.answer, expected=chosen, got=theirs)


@check("DEC-25")
def of_concurrent_decisions_one_wins(stage: Stage) -> None:
    """Post eight approvals and eight rejections of a parked run at the same moment."""
    run = stage.run("needs_attention")
    unsettled = may_park_again(stage, run, run.state)
    words = ["approve", "reject"] * (AT_ONCE // 2)
    answers = stage.client.concurrently([partial(stage.decide, run, word) for word in words])
    silent = [each for each in answers if each.status is None]
    if silent:
        raise Blocked(f"no answer: {silent[0].problem}", silent[:2])
    won = [word for word, each in zip(words, answers, strict=True) if each.ok]
    if len(won) > 1 and unsettled and won.count("reject") < 2:
        raise Skipped("the run may have parked again in between, so that a further decision is allowed")
    statuses = sorted(each.status or 0 for each in answers)
    holds = len(won) == 1 and statuses.count(409) == AT_ONCE - 1
    requirement = "of concurrent decisions one is answered with 200 and the others with 409"
    stage.require("DEC-25", holds, requirement, *answers[:4], expected="one 200, fifteen 409", got=statuses)
    if holds and won == ["reject"]:
        end = stage.until(run)
        requirement = "the decision that was accepted is the one that counts"
        stage.require("DEC-25", at(end, "status") == "failed", requirement, run.polled, expected="failed", got=end)


def _judge_acceptance(stage: Stage, run: Run, answer: Answer) -> None:
    """Whether the answer to an approval names the run (DEC-02, DEC-04)."""
    path = f"/companies/{run.company.id}/imports/{run.id}"
    url = at(answer.json, "poll_url")
    here = isinstance(url, str) and url.startswith("/") and urlsplit(url).path.endswith(path)
    holds = at(answer.json, "run_id") == run.id and at(answer.json, "status") == "running" and here
    requirement = "the answer has the run's id, the status running, and the run's path as poll_url"
    stage.require("DEC-02", holds, requirement, answer, expected=f"{run.id}, running, …{path}", got=answer.text)
    polled = stage.poll(run)
    named = at(polled.json, "run_id")
    kept = at(answer.json, "run_id") == run.id and polled.ok and named in {None, run.id}
    got = f"{at(answer.json, 'run_id')}; then {polled.status} of {named or run.id}"
    stage.require("DEC-04", kept, "an approved run keeps its id", answer, polled, expected=run.id, got=got)


def _judge_resumption(stage: Stage, parked: Any, answer: Answer, *, unsettled: bool) -> None:
    """Whether the decision's poll_url leads to a run that has left its parking (DEC-03)."""
    with stage.speaking_of("DEC-03"):
        polled = stage.client.get(at(answer.json, "poll_url"))
        if not stage.status("DEC-03", polled, 2, requirement="the poll_url of the decision can be read"):
            return
        left = not same(parked, polled)
        if not left and unsettled:
            raise Skipped("after its approval the run may have parked again, just as before")
        stage.require("DEC-03", left, "the parking that was decided is no longer shown", polled, got=polled.text[:300])


def _answer_all(stage: Stage, refused: Trial) -> Answer:
    """Answer every question that has options by its last one, on a run that refused to be answered in part."""
    answers = [
        {"question_id": each.get("id"), "option_id": at(each, "options", -1, "id")}
        for each in questions(refused.parked)
        if each.get("options")
    ]
    return stage.decide(refused.run, "approve", answers)


def _judge_effects(stage: Stage, made: Trial) -> None:
    """Whether the rows are what the patch makes of those that were sent (DEC-05 to DEC-08, DEC-27)."""
    with stage.speaking_of("DEC-05", "DEC-06", "DEC-07", "DEC-08", "DEC-27"):
        rows = sent(stage, made.run, made.parked)
        if not rows.agrees(made.parked):
            raise Skipped("the target flags other rows than the published rules do")
        effects = predicted(rows, actions(made.parked))
        if effects.clears:
            clear = at(made.end, "status") == "completed" and count(made.end, "invalidCellCount") == 0
            requirement = "a run without a wrong cell completes with nothing flagged"
            stage.require("DEC-27", clear, requirement, made.decided, made.run.polled, got=shown(made.end))
        else:
            with stage.speaking_of("DEC-27"):
                raise Skipped("the patch leaves rows flagged")
        found = _otherwise(made, effects)
        evidence = [made.run.polled] if made.all is None else [made.run.polled, made.all.answer]
        requirement = "an approval without answers applies the proposed patch"
        stage.require("DEC-05", not found, requirement, *evidence, expected=actions(made.parked), got=found)
        for action, clause in CLAUSES.items():
            if action != "keep":
                _judge_action(stage, made, action, clause, found)


def _judge_action(stage: Stage, made: Trial, action: str, clause: str, found: dict[str, str]) -> None:
    with stage.speaking_of(clause):
        if not any(each.get("action") == action for each in actions(made.parked)):
            raise Skipped(f"the patch proposes no {action} for the rows that lead to needs_attention")
        evidence = [made.run.polled] if made.all is None else [made.all.answer]
        requirement = f"{action} changes the rows that it is for, and no others"
        stage.require(clause, clause not in found, requirement, *evidence, got=found.get(clause, ""))


def _otherwise(made: Trial, effects: Effects) -> dict[str, str]:
    """What is otherwise than the patch would have it, by clause."""
    if made.all is not None:
        return differences(effects, made.all.records)
    if at(made.end, "status") != "needs_attention":
        raise Skipped(f"after the approval the run is {at(made.end, 'status')}, and has no rows to look at")
    still = concerned(made.end)
    found = {
        CLAUSES[each["action"]]: f"{each.get('column')!r} is still flagged"
        for each in actions(made.parked)
        if each.get("action") in CLAUSES and (each.get("sheet_id"), each.get("column")) in still
    }
    if not found:
        raise Skipped("the run parked again with other questions, and its rows are not to be judged yet")
    return found


def _text(stage: Stage, like: Run, parked: Any) -> tuple[dict[str, Any], str, str]:
    """A question that takes free text, a text for it, and the column in which that is a right value ("" for none)."""
    asked = [each for each in questions(parked) if each.get("allow_custom") is True and isinstance(each.get("id"), str)]
    if not asked:
        raise Skipped("no question of the parked run takes free text")
    try:
        rows = sent(stage, like, like.state)
    except Skipped:
        return asked[0], "", "Leave these values as they are"
    proposed = {each.get("value") for each in actions(parked)}
    for question in asked:
        column = rows.column(at(question, "target", "column"))
        if column is not None and column.rule == "strict" and not column.unique:
            texts = [row[column.name] for row in rows.rows]
            right = [each for each in texts if each and column.offence(each) is None and each not in proposed]
            if right:
                return question, column.name, right[0]
    return asked[0], "", "Leave these values as they are"


def _retold(act: dict[str, Any], chosen: dict[str, str]) -> dict[str, Any]:
    """The action as the answer would have it."""
    if act.get("column") != chosen.get("column"):
        return act
    return {"sheet_id": act.get("sheet_id"), "column": chosen["column"], "action": "set_value", "value": chosen["text"]}
