"""One decision on a fresh parking, followed to where the run comes to rest: what was shown, answered, and became of it.

Checks of one journey share a trial by its name, since each costs an import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.csvdownload import download
from conformance.effects import predicted
from conformance.parking import actions, at, count, ids, questions
from conformance.sentrows import sent, sheet_of
from conformance.stage import Blocked, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.client import Answer
    from conformance.csvdownload import Download
    from conformance.stage import Run, Stage

Answers = list[dict[str, str]]
MOST_OPTIONS = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """A run that was decided."""

    run: Run
    parked: Any
    """The poll's body before the decision."""
    decided: Answer
    end: Any
    """The poll's body where the run came to rest; None when the decision was refused."""
    all: Download | None
    """Every row of the sheet, where the run completed."""
    valid: Download | None

    @property
    def outcome(self) -> tuple[Any, ...]:
        """What became of the rows, in a form to compare with that of another company."""
        read = [(each.header, sorted(each.rows)) if each else None for each in (self.all, self.valid)]
        asked = [(each.get("column"), each.get("action")) for each in actions(self.end)]
        counts = count(self.end, "inserted"), count(self.end, "invalidCellCount")
        return at(self.end, "status"), *counts, *read, sorted(map(repr, asked))

    @property
    def flagged(self) -> bool:
        """Whether the run completed with rows still flagged."""
        return at(self.end, "status") == "completed" and bool(count(self.end, "invalidCellCount"))


def follow(stage: Stage, run: Run, parked: Any, decided: Answer) -> Trial:
    """The trial of a decision that was posted just now."""
    if not decided.ok:
        return Trial(run, parked, decided, None, None, None)
    end = stage.until(run)
    if at(end, "status") != "completed":
        return Trial(run, parked, decided, end, None, None)
    sheet = sheet_of(parked)
    read = [download(stage, run.company.id, sheet, each) for each in ("all", "valid")]
    return Trial(run, parked, decided, end, *read)


def trial(stage: Stage, name: str, answers: Callable[[Any], Answers | None]) -> Trial:
    """Approve a fresh parking with what `answers` makes of it; once where checks share what they see."""
    key = f"trial {name}"
    if stage.shared is not None and isinstance(there := stage.shared.get(key), Trial):
        return there
    run = stage.run("needs_attention")
    parked = run.state
    made = follow(stage, run, parked, stage.decide(run, "approve", answers(parked)))
    keep(stage, name, made)
    return made


def keep(stage: Stage, name: str, made: Trial) -> None:
    """Let later checks of a journey see the trial."""
    if stage.shared is not None:
        stage.shared[f"trial {name}"] = made


def patched(stage: Stage) -> Trial:
    """The proposed patch as it is."""
    return trial(stage, "of the patch", lambda _: None)


def optional(stage: Stage, place: int) -> Trial:
    """The option at this place, from the end, of the first question that has options."""

    def answers(parked: Any) -> Answers | None:
        question = with_options(parked)
        options = question["options"]
        return [{"question_id": question["id"], "option_id": options[-1 - place]["id"]}]

    return trial(stage, f"of option -{place + 1}", answers)


def with_options(parked: Any) -> dict[str, Any]:
    """The parking's first question that can be answered by an option."""
    for question in questions(parked):
        options = question.get("options")
        if not isinstance(question.get("id"), str) or not isinstance(options, list) or not options:
            continue
        if all(isinstance(at(option, "id"), str) for option in options):
            return question
    raise Skipped("the parked run asks no question with options")


def flagged(stage: Stage) -> Trial:
    """A run that completed with rows still flagged: by the patch's own `keep`, or by an option that leaves them."""
    run = stage.run("needs_attention", fresh=False)
    if any(each.get("action") == "keep" for each in actions(run.state)) and patched(stage).flagged:
        return patched(stage)
    for place in range(min(MOST_OPTIONS, len(with_options(run.state)["options"]))):
        made = optional(stage, place)
        if made.flagged:
            return made
    raise Skipped("neither the patch nor an option of the first question leaves rows flagged in a completed run")


def may_park_again(stage: Stage, run: Run, parked: Any) -> bool:
    """Whether it is open that the run, approved as proposed, completes at once."""
    try:
        rows = sent(stage, run, parked)
        return not (rows.agrees(parked) and predicted(rows, actions(parked)).clears)
    except (Skipped, Blocked):
        return True


def same(before: Any, answer: Answer) -> bool:
    """Whether a poll shows the state of an earlier one: status, counts, and what is asked and proposed.

    Texts and order are left to QUE-03 and PATCH-10, so that what breaks those reads as one failure.
    """
    return answer.ok and _gist(before) == _gist(answer.json)


def _gist(body: Any) -> tuple[Any, ...]:
    asked = sorted(ids(questions(body)))
    acts = sorted(repr((each.get("sheet_id"), each.get("column"), each.get("action"))) for each in actions(body))
    return at(body, "status"), count(body, "invalidCellCount"), asked, acts
