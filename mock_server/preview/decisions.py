"""What a decision's answers mean: one fix for each flagged group of the parked run, or a refusal that names the answer.

The proposed patch fills in what no answer covers (OP-13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import shown
from mock_server.data.book import cure
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mock_server.data.book import Book, Fix
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.questions import Question
    from mock_server.preview.runs import ImportRun

MANY = 100
"""Wrong answers of one decision that are told."""


def fixes(run: ImportRun, state: Life, answers: Sequence[Mapping[str, Any]]) -> list[Fix | None]:
    """One fix for each group of the parked book, in its order; None where a free text cures nothing (DEC-28).

    Raises Refusal 400 for the first answer that does not fit the questions (DEC-14, DEC-19, DEC-20, DEC-30).
    """
    chosen, wrong = _considered(run, state, answers, 1)
    if wrong:
        raise wrong[0]
    return chosen


def refusals(run: ImportRun, state: Life, answers: Sequence[Mapping[str, Any]]) -> list[Refusal]:
    """A refusal for each answer that does not fit the questions; of many for the first ones."""
    return _considered(run, state, answers, MANY)[1]


def _considered(
    run: ImportRun, state: Life, answers: Sequence[Mapping[str, Any]], most: int
) -> tuple[list[Fix | None], list[Refusal]]:
    book, asked = run.parked_book(state), {question.id: question for question in run.questions(state)}
    chosen: list[Fix | None] = [group.fix for group in book.groups]
    answered: set[str] = set()
    wrong = []
    for number, answer in enumerate(answers):
        where = f"answers[{number}]"
        try:
            question = _asked(asked, answered, answer["question_id"], where, again=len(state.parkings) > 1)
            chosen[question.place] = _fix(book, question, answer, where)
        except Refusal as refusal:
            wrong.append(refusal)
            if len(wrong) == most:
                break
    return chosen, wrong


def _asked(asked: Mapping[str, Question], answered: set[str], question_id: str, where: str, *, again: bool) -> Question:
    """The question of that id, from now on among the answered ones."""
    question = asked.get(question_id)
    if question is None:
        there = ", ".join(asked) or "none"
        text = f"{where}.question_id {shown(question_id)} is no current question; current ones: {there}"
        raise Refusal(400, text, "DEC-30" if again else "DEC-14")
    if question_id in answered:
        raise Refusal(400, f"{where}.question_id {shown(question_id)} is answered twice")
    answered.add(question_id)
    return question


def _fix(book: Book, question: Question, answer: Mapping[str, Any], where: str) -> Fix | None:
    if "option_id" in answer:
        fix = question.options.get(answer["option_id"])
        if fix is None:
            ids = ", ".join(question.options)
            text = f"{where}.option_id {shown(answer['option_id'])} is no option of {question.id}; options: {ids}"
            raise Refusal(400, text, "DEC-19")
        return fix
    if not question.group.allow_custom:
        raise Refusal(400, f"{where}.custom is not allowed: {question.id} takes one of its options", "DEC-20")
    return cure(book, question.group, answer["custom"])
