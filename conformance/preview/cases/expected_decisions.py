"""What is required of the answer to a decision on a parked run (DEC-01, DEC-11 to DEC-20, DEC-31).

What 1.15 leaves open (OP-19) makes a decision open: answers with a reject, two answers to one question, an empty text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.fuzzing.expected import Expected, refused, strangers, taken, unless
from conformance.preview.poll_body import ids, listed, questions

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = ("DEC-17", "DEC-14", "DEC-18", "DEC-19", "DEC-20")
"""Which fault decides the clause, where an answer has several: what must be refused before what should be."""


def decided(body: Any, parked: Any) -> Expected:
    """POST decisions, on a run that shows `parked`."""
    if not isinstance(body, dict):
        return refused("DEC-15", "a decision in the form of no object")
    word = body.get("decision")
    if word is None:
        return refused("DEC-15", "a body without decision")
    if word not in ("approve", "reject"):
        return refused("DEC-16", "a decision that is neither approve nor reject")
    doubts = strangers(body, "decision", "answers")
    if word == "reject":
        doubts += ["answers that come with a reject"] if "answers" in body else []
        return unless(taken("DEC-31", "a reject"), doubts)
    if body.get("answers") in (None, []):
        doubts += ["answers of null or none"] if "answers" in body else []
        return unless(taken("DEC-01", "an approval"), doubts)
    return unless(_answered(body["answers"], questions(parked)), doubts)


def _answered(answers: Any, asked: list[dict[str, Any]]) -> Expected:
    if not isinstance(answers, list):
        return refused("DEC-17", "a decision whose answers are no array")
    known = {str(each["id"]): each for each in asked if isinstance(each.get("id"), str)}
    faults = dict(fault for answer in reversed(answers) for fault in _faults(answer, known))
    for clause in ORDER:
        if clause in faults:
            return refused(clause, faults[clause])
    given = [answer["question_id"] for answer in answers]
    odd = [doubt for answer in answers for doubt in _doubts(answer)]
    odd += ["two answers to one question"] if len(set(given)) < len(given) else []
    if len(given) < len(known):
        return unless(taken("DEC-13", "an approval that leaves questions unanswered"), odd)
    if any("custom" in answer for answer in answers):
        return unless(taken("DEC-12", "an answer by a text of one's own"), odd)
    return unless(taken("DEC-11", "an answer by an option"), odd)


def _faults(answer: Any, known: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Clause and what is wrong, for everything that is."""
    if not isinstance(answer, dict):
        yield "DEC-17", "an answer that is no object"
        return
    if not isinstance(answer.get("question_id"), str):
        yield "DEC-17", "an answer without question_id"
        return
    question = known.get(answer["question_id"])
    if question is None:
        yield "DEC-14", "an answer to an unknown question"
        return
    option, custom = answer.get("option_id"), answer.get("custom")
    if option is None and custom is None:
        yield "DEC-18", "an answer with neither option_id nor custom"
    if option is not None and custom is not None:
        yield "DEC-18", "an answer with option_id and custom"
    if option is not None and option not in ids(listed(question, "options")):
        yield "DEC-19", "an option that the question does not have"
    if isinstance(custom, str) and custom and question.get("allow_custom") is False:
        yield "DEC-20", "free text to a question that takes none"


def _doubts(answer: dict[str, Any]) -> list[str]:
    found = strangers(answer, "question_id", "option_id", "custom")
    if any(name in answer and answer[name] is None for name in ("option_id", "custom")):
        found.append("an answer with a null")
    custom = answer.get("custom", "x")
    if custom is not None and (not isinstance(custom, str) or custom != custom.strip() or not custom.isprintable()):
        found.append("an answer by an odd text")
    return [*found, "an answer by an empty text"] if custom == "" else found
