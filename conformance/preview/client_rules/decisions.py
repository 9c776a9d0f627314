"""What a client does when a run parks, what it decides and on which reading (POLL-22, QUE-11, DEC-18, DEC-37 to 42)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from conformance.audit.card import Found
from conformance.preview.client_rules.history import PARKED, RULES, History, Known, PreviewCall, RunReading, is_terminal

OLD = 15 * 60_000
"""How long a reading of the questions may be held before it has to be made anew."""


class Given(NamedTuple):
    """One answer of a decision, and the question that it is for."""

    decision: PreviewCall
    question_id: Any
    option_id: Any
    custom: Any
    question: dict[str, Any] | None
    """As the client read it last; None: no such question was there."""
    asked: tuple[Any, ...]
    """The ids of the questions of that parking."""
    stale: bool
    """Whether it names a question of an earlier parking that this one does not ask."""


@RULES.add()
def _needs_attention_as_end(history: History) -> Iterator[Found]:
    for reading in _abandoned(history, later=False):
        yield Found([reading.call], "the run was read as needs_attention, and then left alone")


@RULES.add()
def _second_questions_ignored(history: History) -> Iterator[Found]:
    for reading in _abandoned(history, later=True):
        yield Found([reading.call], "the run parked again after a decision, and then was left alone")


def _abandoned(history: History, *, later: bool) -> Iterator[RunReading]:
    """Each run's first reading of its latest parking, when nothing was done about the run after it."""
    for known in history.runs.values():
        parkings = known.parkings
        if not parkings or (len(parkings) > 1) is not later:
            continue
        reading = parkings[-1]
        if not known.after(reading.call) and not history.has_looked(known.company_id, history.after(reading.call)):
            yield reading


@RULES.add()
def _no_poll_after_decision(history: History) -> Iterator[Found]:
    for last in _last_and_unread(history):
        if last.ok and not last.unclear and not is_terminal(last.answer_member("status")):
            yield Found([last], "the decision was taken, and the run was never read again")


@RULES.add()
def _lost_decision_not_recovered(history: History) -> Iterator[Found]:
    for last in _last_and_unread(history):
        if last.unclear or last.status == 409:
            what = "got 409" if last.status == 409 and last.whole else "got no clear answer"
            yield Found([last], f"the decision {what}, and the run was never read again")


def _last_and_unread(history: History) -> Iterator[PreviewCall]:
    """Each run's last decision, when the client did not read the run after it."""
    for known in history.runs.values():
        last = known.decisions[-1] if known.decisions else None
        if last is not None and not any(each.is_poll or each.is_look_up for each in known.after(last)):
            yield last


@RULES.add()
def _decision_unread(history: History) -> Iterator[Found]:
    for known, decision in _decisions(history):
        read = known.read_before(decision)
        if not read and not history.partial and decision is known.decisions[0]:
            yield Found([decision], "a decision was sent for a run that was never read")
        if read and read[-1].status != PARKED:
            yield Found([decision], f"a decision was sent for a run that was {read[-1].status!r} when it was read last")


@RULES.add(old=OLD // 60_000)
def _decision_on_old_reading(history: History) -> Iterator[Found]:
    for known, decision in _decisions(history):
        reading = _last_parked(known, decision)
        if reading is None:
            continue
        held = decision.at - reading.call.at
        if history.clock != "frozen":  # a test that moves a running clock does not make a client hold them longer
            held = min(held, decision.real - reading.call.real)
        if held > OLD:
            happened = "the decision answers questions that were read long before"
            yield Found([reading.call, decision], happened, f"{held // 1_000} s")


def _decisions(history: History) -> Iterator[tuple[Known, PreviewCall]]:
    for known in history.runs.values():
        for decision in known.decisions:
            yield known, decision


def _last_parked(known: Known, decision: PreviewCall) -> RunReading | None:
    """The reading on which the decision rests; None when the client has not read the run as parked."""
    return next((each for each in reversed(known.read_before(decision)) if each.status == PARKED), None)


def _given(history: History) -> Iterator[Given]:
    """Every answer that was sent with an approval, where the questions that the client had read are known."""
    for known, decision in _decisions(history):
        reading = _last_parked(known, decision)
        if reading is None or reading.questions is None or decision.member("decision") == "reject":
            continue
        asked, questions = reading.ids, _dicts(reading.questions)
        for answer in _dicts(decision.member("answers")):
            name, option, custom = map(answer.get, ("question_id", "option_id", "custom"))
            question = next((each for each in questions if each.get("id") == name), None)
            stale = question is None and any(name in each.ids for each in known.read_before(reading.call))
            yield Given(decision, name, option, custom, question, asked, stale)


def _meant(name: Any, ids: Iterable[Any]) -> Any:
    """The id that this would be, were it echoed exactly; None when it is like none of them."""
    plain = str(name).strip().casefold()
    return next((each for each in ids if each != name and str(each).strip().casefold() == plain), None)


def _options(question: dict[str, Any]) -> list[Any]:
    return [each.get("id") for each in _dicts(question.get("options"))]


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [each for each in values if isinstance(each, dict)] if isinstance(values, (list, tuple)) else []


def _list(ids: Iterable[Any]) -> str:
    return ", ".join(map(repr, ids)) or "none"


@RULES.add()
def _decision_sent_twice(history: History) -> Iterator[Found]:
    for before, decision in _unread_repetitions(history):
        if before.ok and not before.unclear:
            yield Found([before, decision], f"a decision was taken in exchange {before.id}, and another one followed")


@RULES.add()
def _decision_resent_unread(history: History) -> Iterator[Found]:
    for before, decision in _unread_repetitions(history):
        if before.unclear:
            yield Found([before, decision], "a decision got no clear answer, and was sent again without a poll between")


@RULES.add()
def _decision_repeated_after_409(history: History) -> Iterator[Found]:
    for before, decision in _unread_repetitions(history):
        if before.whole and before.status == 409:
            yield Found([before, decision], "a decision got 409, and another one followed without a poll between")


def _unread_repetitions(history: History) -> Iterator[tuple[PreviewCall, PreviewCall]]:
    """Each decision and the one before it, when the run was not read between them."""
    for known in history.runs.values():
        for before, decision in pairwise(known.decisions):
            if not any(before.order < each.call.order < decision.order for each in known.readings):
                yield before, decision


@RULES.add()
def _answers_with_reject(history: History) -> Iterator[Found]:
    for _, decision in _decisions(history):
        if decision.member("decision") == "reject" and decision.member("answers"):
            yield Found([decision], "a rejection carried answers")


@RULES.add()
def _answer_to_unknown_question(history: History) -> Iterator[Found]:
    for given in _given(history):
        name = given.question_id
        if given.question is None and _meant(name, given.asked) is None and not given.stale:
            yield Found([given.decision], f"an answer names the question {name!r}; asked were {_list(given.asked)}")


@RULES.add()
def _answer_to_stale_question(history: History) -> Iterator[Found]:
    for given in _given(history):
        name = given.question_id
        if given.stale and _meant(name, given.asked) is None:
            happened = f"an answer names {name!r}, a question of an earlier parking; asked were {_list(given.asked)}"
            yield Found([given.decision], happened)


@RULES.add()
def _id_not_echoed(history: History) -> Iterator[Found]:
    for given in _given(history):
        name, meant = given.question_id, None
        if given.question is None:
            meant = _meant(name, given.asked)
        elif (name := given.option_id) is not None and name not in (ids := _options(given.question)):
            meant = _meant(name, ids)
        if meant is not None:
            yield Found([given.decision], f"an answer says {name!r} where the id is {meant!r}")


@RULES.add()
def _answer_with_unknown_option(history: History) -> Iterator[Found]:
    for given in _given(history):
        name = given.option_id
        if given.question is None or name is None or name in (ids := _options(given.question)) or _meant(name, ids):
            continue
        labels = [each.get("label") for each in _dicts(given.question.get("options"))]
        hint = "; that is an option's label" if name in labels else ""
        yield Found([given.decision], f"an answer names the option {name!r}; offered were {_list(ids)}{hint}")


@RULES.add()
def _option_and_custom(history: History) -> Iterator[Found]:
    for given in _given(history):
        if given.option_id is not None and given.custom is not None:
            yield Found([given.decision], f"the answer to {given.question_id!r} has both option_id and custom")


@RULES.add()
def _custom_not_allowed(history: History) -> Iterator[Found]:
    for given in _given(history):
        is_free = given.option_id is None and given.custom is not None
        if is_free and given.question is not None and given.question.get("allow_custom") is False:
            happened = f"the answer to {given.question_id!r} is free text, and its question allows none"
            yield Found([given.decision], happened)
