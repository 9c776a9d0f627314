"""Decisions that a parked run must refuse with 400: malformed ones, and answers that none of its questions allows.

The rule that it keeps: beside what is wrong with one, everything in it is right, so that a target which carries out the
half of what it refuses shows it in the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from conformance.preview.bodies import at, ids, is_uuid, listed, questions

Case = tuple[str, str, Any]
"""Clause, what is refused, and the body or the raw bytes that are sent."""


def bad_decisions(parked: Any, *, whole: bool) -> Iterator[Case]:
    """Those for this parking, without `whole` the plainest; at first those that may pass for one without answers."""
    if whole:
        for what, answers in {"an empty text": "", "an empty object": {}, "a number": 0}.items():
            yield "DEC-17", f"answers that are {what}", {"decision": "approve", "answers": answers}
    yield from _unknown_questions(parked)
    yield from _malformed(parked)
    yield from _wrong_answers(parked)
    if whole:
        yield from _likely_questions(parked)
        yield from _other_words(parked)
        yield from _likely_answers(parked)
    yield "DEC-15", "answers without decision", {"answers": _right(parked)}


def bad_further_decisions(parked: Any) -> Iterator[Case]:
    """A few, for a run that has parked once more."""
    yield from _unknown_questions(parked)
    yield "DEC-16", "a decision that is neither approve nor reject", {"decision": "Approve"}
    yield "DEC-17", "an answer that is no object, after right ones", _approve(*_right(parked), "x")
    yield "DEC-22", "a body that is no JSON", b'{"decision": "reject"'


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    """A right answer: by the last option, since the patch is likely to be the first."""
    option = at(question, "options", -1, "id")
    given = {"option_id": option} if isinstance(option, str) else {"custom": "Leave these values as they are"}
    return {"question_id": question.get("id")} | given


def _right(parked: Any, *but: Any) -> list[dict[str, Any]]:
    """A right answer to every question, `but` to this one."""
    return [_answer(each) for each in questions(parked) if each.get("id") not in but]


def _approve(*answers: Any) -> dict[str, Any]:
    return {"decision": "approve", "answers": list(answers)}


def _unknown_questions(parked: Any) -> Iterator[Case]:
    option = at(questions(parked), 0, "options", 0, "id") or "a"
    unknown = {"question_id": f"no-such-question-{uuid4().hex[:8]}", "option_id": option}
    yield "DEC-14", "an answer to an unknown question", _approve(unknown)
    if right := _right(parked):
        yield "DEC-14", "an unknown question after right answers", _approve(*right, unknown)
        yield "DEC-14", "an unknown question before right answers", _approve(unknown, *right)


def _malformed(parked: Any) -> Iterator[Case]:
    right = _right(parked)
    yield "DEC-15", "a body without decision", {}
    yield "DEC-16", "a decision that is neither approve nor reject", {"decision": "accept"}
    yield "DEC-16", "a decision that is no text", {"decision": 1}
    yield "DEC-17", "answers that are no array", {"decision": "approve", "answers": {"question_id": "x"}}
    yield "DEC-17", "an answer that is no object, after right ones", _approve(*right, "x")
    yield "DEC-17", "an answer without question_id, after right ones", _approve(*right, {"option_id": "a"})
    yield "DEC-22", "a body that is no JSON", b'{"decision": "approve"'


def _wrong_answers(parked: Any) -> Iterator[Case]:
    asked = questions(parked)
    for question in asked[:1]:
        name, right = question.get("id"), _right(parked, question.get("id"))
        yield "DEC-18", "an answer with neither option_id nor custom", _approve(*right, {"question_id": name})
        unknown = {"question_id": name, "option_id": f"no-such-option-{uuid4().hex[:8]}"}
        yield "DEC-19", "an option that the question does not have", _approve(*right, unknown)
    free = [each for each in asked if each.get("allow_custom") is True and "option_id" in _answer(each)]
    for question in free[:1]:
        both = _answer(question) | {"custom": "Something else"}
        yield "DEC-18", "an answer with option_id and custom", _approve(*_right(parked, question.get("id")), both)
    for question in [each for each in asked if each.get("allow_custom") is False][:1]:
        text = {"question_id": question.get("id"), "custom": "Something else"}
        right = _right(parked, question.get("id"))
        yield "DEC-20", "free text to a question that takes none", _approve(*right, text)


def _likely_questions(parked: Any) -> Iterator[Case]:
    """Ids that are nearly one of the parking's."""
    known = ids(questions(parked))
    for name in known[-1:]:
        like = [each for each in questions(parked) if each.get("id") == name][-1]
        ways = {"longer than": f"{name}-0", "the beginning of": name[:-1]}
        if not is_uuid(name):  # which is the same in capitals
            ways["in other letters than"] = name.swapcase()
        for how, text in ways.items():
            if text and text not in known:
                wrong = _answer(like) | {"question_id": text}
                yield "DEC-14", f"a question_id {how} a question's", _approve(*_right(parked), wrong)


def _other_words(parked: Any) -> Iterator[Case]:
    right = _right(parked)
    for word in ("Approve", "REJECT", "approved", "approve ", ""):
        what = f"the decision {word!r}" if word.strip() == word else "a decision with a blank behind"
        yield "DEC-16", what, {"decision": word, "answers": right}
    yield "DEC-16", "a decision that is null", {"decision": None, "answers": right}
    yield "DEC-16", "a decision in an array", {"decision": ["approve"], "answers": right}
    yield "DEC-15", "an array for a body", [{"decision": "approve"}]
    yield "DEC-15", "a text for a body", "approve"
    yield "DEC-22", "a reject that is no JSON", b'{"decision": "reject"'
    yield "DEC-22", "an empty body", b""


def _likely_answers(parked: Any) -> Iterator[Case]:
    """Answers of which one is wrong, after right ones; and options of another question."""
    right = _right(parked)
    yield "DEC-17", "answers that are a text", {"decision": "approve", "answers": "all"}
    yield "DEC-17", "an answer that is null, after right ones", _approve(*right, None)
    for what, id_ in (("null", None), ("a number", 0)):
        wrong = {"question_id": id_, "option_id": "a"}
        yield "DEC-17", f"an answer whose question_id is {what}, after right ones", _approve(*right, wrong)
    asked = questions(parked)
    for question in asked[-1:]:
        name, mine = question.get("id"), ids(listed(question, "options"))
        if not mine:
            continue  # OP-28
        others = [each for other in asked for each in ids(listed(other, "options")) if each not in mine]
        for option in [*others[:1], f"{mine[0]} or so", mine[0].swapcase(), f" {mine[0]} "]:
            if option not in mine and not is_uuid(option):
                wrong = {"question_id": name, "option_id": option}
                yield "DEC-19", "an option that is nearly one of the question's", _approve(*_right(parked, name), wrong)
