"""Servers that lie about what a parked run asks (QUE)."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bending import reads
from lies import Liar, Lie, polls, rule
from places import all_of

from mock_server.preview import questions as review
from mock_server.preview import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.preview.questions import Question

_asked = review._question
_numbered = review.questions
_looks = count(1)


def asks(change: Callable[[dict[str, Any], Question], object]) -> Lie:
    """A lie that changes each question in place, with the group that it is about at hand."""

    def bent(question: Question) -> dict[str, Any]:
        body = _asked(question)
        change(body, question)
        return body

    return rule(review._question, bent)


def _aims(**members: Any) -> Lie:
    """A lie that gives every target these members."""
    return asks(lambda body, _: body["target"].update(members))


def _each(change: Callable[[dict[str, Any], int], object]) -> Lie:
    """A lie that changes each question anew in every poll, by how many polls of a parked run there were."""

    def bend(body: Any) -> None:
        look = next(_looks)
        for question in body.get("needs_attention", {}).get("questions", ()):
            change(question, look)

    return polls(bend)


def _in_turn(body: Any) -> None:
    asked = body.get("needs_attention", {}).get("questions", [])
    places = next(_looks) % len(asked) if asked else 0
    asked[:] = asked[places:] + asked[:places]


def _told_apart(body: Any) -> None:
    """A question's id is made anew at each poll, and every one that was given out is taken."""
    for each in body.get("answers", ()) if isinstance(body.get("answers"), list) else ():
        if isinstance(each, dict) and isinstance(each.get("question_id"), str):
            each["question_id"] = each["question_id"].partition(".")[0]


def _by_column(groups: Any, asked_before: int) -> Any:
    """Two questions about one column have one id."""
    return tuple(
        review.Question(f"{each.id[:2]}-{each.group.column.name}", each.group, each.place)
        for each in _numbered(groups, asked_before)
    )


def _elsewhere(body: dict[str, Any], _: Question) -> None:
    body["target"]["column"] = body["target"]["column"].lower()
    body["relevant_columns"] = [body["target"]["column"]]


def _right_ones(body: dict[str, Any], question: Question) -> None:
    if question.group.column.name == "Status":
        body["target"]["sample_values"] = ["Open", "Closed"]


def _one_more(body: dict[str, Any], question: Question) -> None:
    if question.group.column.name == "Joined":
        body["target"]["affected_count"] += 1


def _too_few(body: dict[str, Any], question: Question) -> None:
    body["target"]["affected_count"] = max(1, question.group.rows - 2)


def _whole_column(body: dict[str, Any], question: Question) -> None:
    """Samples are taken of everything that is wrong in the column, and not of the question's own rows."""
    if question.group.column.name == "Email":
        body["target"]["sample_values"] = ["", "ada@example.com"]


def _alike(body: dict[str, Any], _: Question) -> None:
    for option in body["options"]:
        option["id"] = "option"


def _mute(body: dict[str, Any], question: Question) -> None:
    if not question.group.allow_custom:
        body["options"] = []


def _texts(number: int) -> str:
    return f"Please decide. This was asked {number} times."


LIARS = (
    Liar("QUE-01", "asks without a context", asks(lambda body, _: body.pop("context"))),
    Liar("QUE-01", "asks without a prompt", asks(lambda body, _: body.pop("prompt"))),
    Liar("QUE-01", "says yes or no to free text", asks(lambda body, _: body.update(allow_custom="yes"))),
    Liar(
        "QUE-01",
        "leaves out allow_custom where it is false",
        asks(lambda body, q: q.group.allow_custom or body.pop("allow_custom")),
    ),
    Liar(
        "QUE-01",
        "gives relevant_columns as a text",
        asks(lambda body, q: body.update(relevant_columns=q.group.column.name)),
        ("QUE-08",),
    ),
    Liar(
        "QUE-01", "gives options as an object", asks(lambda body, _: body.update(options={"a": "Remove"})), ("QUE-09",)
    ),
    Liar(
        "QUE-01",
        "counts its questions instead of giving them ids",
        asks(lambda body, q: body.update(id=q.place)),
        ("QUE-02",),
    ),
    Liar("QUE-02", "gives two questions about one column one id", rule((runs, review.questions), _by_column)),
    Liar("QUE-03", "shows its questions in another order at each poll", polls(_in_turn)),
    Liar(
        "QUE-03",
        "makes the ids of its questions anew at each poll",
        all_of(_each(lambda body, look: body.update(id=f"{body['id']}.{look}")), reads("decide", _told_apart)),
    ),
    Liar(
        "QUE-03", "words a question otherwise at each poll", _each(lambda body, look: body.update(prompt=_texts(look)))
    ),
    Liar(
        "QUE-03",
        "shows other options at each poll",
        _each(lambda body, look: body["options"].insert(look % 2, body["options"].pop())),
    ),
    Liar("QUE-04", "names no failed rule", asks(lambda body, _: body["target"].pop("error"))),
    Liar("QUE-04", "names no column", asks(lambda body, _: body["target"].pop("column")), ("PATCH-06",)),
    Liar("QUE-04", "gives the samples as one text", _aims(sample_values="open, in progress")),
    Liar(
        "QUE-04",
        "gives the count of rows as a text",
        asks(lambda body, q: body["target"].update(affected_count=str(q.group.rows))),
        ("FMT-03",),
    ),
    Liar("QUE-01", "asks without a target", asks(lambda body, _: body.pop("target")), ("QUE-04",)),
    Liar(
        "QUE-05",
        "aims at the template instead of the sheet",
        asks(lambda body, q: body["target"].update(sheet_id=q.group.sheet.template.id)),
    ),
    Liar("QUE-05", "aims at a sheet that is nobody's", _aims(sheet_id=str(UUID(int=7)))),
    Liar("QUE-05", "writes the column in small letters", asks(_elsewhere)),
    Liar("QUE-06", "counts no rows", _aims(affected_count=0)),
    Liar("QUE-06", "counts every flagged row of the run in each question", _aims(affected_count=4)),
    Liar("QUE-06", "counts cells of the whole run", _aims(affected_count=5)),
    Liar("QUE-06", "counts one row too many", asks(_one_more)),
    Liar("QUE-06", "counts fewer rows than there are", asks(_too_few), ("QUE-07",)),
    Liar("QUE-07", "shows samples that nobody sent", _aims(sample_values=["n/a"])),
    Liar("QUE-07", "shows right values as samples", asks(_right_ones)),
    Liar(
        "QUE-07",
        "shows samples in capitals",
        asks(lambda body, q: body["target"].update(sample_values=[each.upper() for each in q.group.samples])),
    ),
    Liar("QUE-07", "shows samples of other questions about the column", asks(_whole_column)),
    Liar("QUE-08", "names no relevant column", asks(lambda body, _: body.update(relevant_columns=[]))),
    Liar(
        "QUE-08",
        "names relevant columns beside the target's",
        asks(lambda body, _: body.update(relevant_columns=["Name"])),
    ),
    Liar("QUE-09", "gives every option the same id", asks(_alike)),
    Liar(
        "QUE-09", "gives options without a label", asks(lambda body, _: [each.pop("label") for each in body["options"]])
    ),
    Liar("QUE-09", "gives options without an id", asks(lambda body, _: [each.pop("id") for each in body["options"]])),
    Liar("QUE-09", "gives options as texts", asks(lambda body, _: body.update(options=["Remove", "Keep"]))),
    Liar("QUE-10", "asks a question that takes no answer", asks(_mute)),
)
