"""What a scenario file means, checked whole; here its plays.

Every step can be taken, every status can occur, every figure is one that can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mock_server.contract.nearest import unknown
from mock_server.faults.kinds import FAULTS
from mock_server.kernel.clock import HOUR
from mock_server.preview.beats import Passing
from mock_server.preview.lifecycle import TERMINAL
from mock_server.preview.scenario_lint.script import every_run_beat, lint_groups, lint_script

if TYPE_CHECKING:
    from mock_server.contract.yaml_file import Complaint, Document, Place
    from mock_server.data.templates import Catalogue
    from mock_server.scenarios.model import Beat, Scenario, Step

# Which statuses show a figure (POLL-03, POLL-13 to POLL-16; a rejected run keeps its report, OP-17).
_SHOWN_IN = {
    **dict.fromkeys(("inserted", "flagged"), ("needs_attention", "completed", "failed")),
    **dict.fromkeys(("questions", "actions", "asks"), ("needs_attention",)),
    **dict.fromkeys(("total", "succeeded", "failed", "hollow"), ("completed",)),
    "error": ("failed",),
}
# Members of a step that are sent; all others are about the answer.
_SENT = {"lost", "key", "rows", "file", "name", "answers", "times"}


@dataclass(slots=True)
class _Client:
    """What the client of a play has in hand so far."""

    run: bool
    export: bool = False
    ended: bool = False
    keys: set[str] = field(default_factory=set)


def lint(scenario: Scenario, document: Document, catalogue: Catalogue) -> Iterator[Complaint]:
    """Everything that is wrong with the meaning of a well-formed file's beats, data and plays."""
    yield from lint_script(scenario, document)
    yield from lint_groups(scenario, document, catalogue)
    asked = _question_columns(scenario, catalogue)
    script, exports = _statuses(scenario.run), _statuses(scenario.export)
    titles: set[str] = set()
    for index, play in enumerate(scenario.plays):
        place: Place = ("plays", index)
        if play.title in titles:
            yield document.complain("E336", (*place, "title"), f"another play is called {play.title!r} too")
        titles.add(play.title)
        client = _Client(run=scenario.ready.run is not None)
        runs = script | ({"failed"} if scenario.own_rows else set())  # a file that cannot be read
        if any(step.verb == "cancel" for step in play.steps):
            runs.add("canceled")
        for position, step in enumerate(play.steps):
            here = (*place, "steps", position)
            yield from _takes(document, here, step, client, scenario)
            yield from _loses(document, here, step, scenario)
            yield from _sees(document, here, step, exports if step.verb == "see_export" else runs)
            yield from _names(document, here, step, catalogue)
            yield from _answers(document, here, step, asked)
        if not client.ended:
            text = "the play sees no end: no step sees a final status, and the last one is not refused"
            yield document.complain("W401", (*place, "title"), text)


def _statuses(beats: tuple[Beat, ...]) -> set[str]:
    found: set[str] = set()
    for _, beat in every_run_beat(beats, "run"):
        found.add(beat.becomes)
        if beat.may_fail or (isinstance(beat, Passing) and beat.lasts > HOUR):  # STALE-01
            found.add("failed")
    return found


def _takes(document: Document, place: Place, step: Step, client: _Client, scenario: Scenario) -> Iterator[Complaint]:
    """Whether the client has what the step needs; and what it has afterwards."""
    given = step.modifiers
    match step.verb:
        case "start":
            yield from _starts(document, place, step, client)
        case "see" | "approve" | "reject" | "cancel" | "step" | "lose" if not client.run:
            text = (
                f"'{step.verb}' is about a run, and the client knows of none; 'start' one, or look for the 'active' one"
            )
            yield document.complain("E331", place, text)
            client.run = True  # said once
        case "step" if scenario.pace != "manual":
            yield document.complain("E335", place, f"'step' needs pace manual; this scenario's pace is {scenario.pace}")
        case "lose":
            client.run = False
        case "active":
            client.run = client.run or step.value != "none"
        case "export":
            client.export = client.export or "refused" not in given
        case "see_export" if not client.export:
            yield document.complain("E331", place, "'see_export' needs an 'export' that was started before")
    if step.value in TERMINAL or "refused" in given:
        client.ended = True


def _loses(document: Document, place: Place, step: Step, scenario: Scenario) -> Iterator[Complaint]:
    """A lost answer shows nothing, and something must lose it; so must something answer 500."""
    given = step.modifiers
    if given.get("lost"):
        shown = [name for name in given if name not in _SENT]
        if step.value is not None and step.verb == "see":
            shown.append("see")
        for name in shown:
            text = f"the answer is 'lost', so it shows nothing; take '{name}' away"
            yield document.complain("E333", (*place, name), text, key=True)
        if not any(fault.loses for fault in scenario.faults):
            these = ", ".join(kind.verb for kind in FAULTS.words.values() if kind.loses)
            text = f"no fault of this scenario loses an answer; these would, among its 'faults': {these}"
            yield document.complain("E353", (*place, "lost"), text, key=True)
    if given.get("refused") == 500 and not any((each.verb, each.value) == ("error", 500) for each in scenario.faults):
        text = "no fault of this scenario answers 500; `error: 500`, among its 'faults', would"
        yield document.complain("E353", (*place, "refused"), text)


def _starts(document: Document, place: Place, step: Step, client: _Client) -> Iterator[Complaint]:
    given, key = step.modifiers, step.modifiers.get("key")
    is_new = given.get("replayed") and "refused" not in given and key not in client.keys
    for is_wrong, member, text in (
        ("rows" in given and "file" in given, "file", "send either 'rows' or a 'file', not both (IMP-16)"),
        ("name" in given and "file" not in given, "name", "'name' is the name of a 'file', and there is none"),
        (given.get("replayed") and "refused" in given, "replayed", "a start is either 'replayed' or 'refused'"),
        (is_new, "replayed", "a replay needs a 'key' that an earlier 'start' of this play has sent"),
    ):
        if is_wrong:
            yield document.complain("E333", (*place, member), text, key=True)
    if "refused" not in given:
        client.run = client.run or not given.get("lost")
        if key is not None:
            client.keys.add(key)


def _sees(document: Document, place: Place, step: Step, possible: set[str]) -> Iterator[Complaint]:
    status = step.value
    if step.verb not in {"see", "see_export", "active"} or status in {None, "none"}:
        return
    if status not in possible:
        can = ", ".join(sorted(possible))
        yield document.complain("E332", (*place, step.verb), f"{status} does not occur in this script; it has: {can}")
    for name in step.modifiers:
        if name in _SHOWN_IN and status not in _SHOWN_IN[name]:
            text = f"'{name}' is not shown while {status}; only in: {', '.join(_SHOWN_IN[name])}"
            yield document.complain("E333", (*place, name), text, key=True)


def _names(document: Document, place: Place, step: Step, catalogue: Catalogue) -> Iterator[Complaint]:
    if step.verb == "see":
        columns = sorted({column.name for template in catalogue.templates for column in template.columns})
        for index, name in enumerate(step.modifiers.get("asks", ())):
            if name not in columns:
                yield document.complain("E312", (*place, "asks", index), unknown("column", name, columns))
    if step.verb != "download":
        return
    template = catalogue.template(step.value)
    column = step.modifiers.get("column")
    if template is None:
        yield document.complain(
            "E311", (*place, "download"), unknown("sheet", step.value, [each.name for each in catalogue.templates])
        )
    elif column is not None and column not in (names := [each.name for each in template.columns]):
        yield document.complain("E312", (*place, "column"), unknown("column", column, names, template.name))
    if (column is None) != ("values" not in step.modifiers):
        yield document.complain("E333", place, "'column' and 'values' go together: which column, and what stands in it")


def _question_columns(scenario: Scenario, catalogue: Catalogue) -> list[str]:
    if scenario.own_rows:
        return sorted({column.name for template in catalogue.templates for column in template.columns})
    parkings = [beat for _, beat in every_run_beat(scenario.run, "run") if beat.becomes == "needs_attention"]
    return sorted({group.column for beat in parkings for group in beat.groups if group.ask})


def _answers(document: Document, place: Place, step: Step, asked: Sequence[str]) -> Iterator[Complaint]:
    for index, answer in enumerate(step.modifiers.get("answers", ())):
        here = (*place, "answers", index)
        by_name, by_id = {"question", "option"} & answer.keys(), {"question_id", "option_id"} & answer.keys()
        asks = answer.keys() & {"question", "question_id"}
        if by_name and by_id:
            text = "name question and option ('question', 'option') or give their ids ('question_id', 'option_id')"
            yield document.complain("E333", here, text)
        elif "question" in answer and answer["question"] not in asked:
            text = unknown("question about", answer["question"], asked)
            yield document.complain("E334", (*here, "question"), text)
        elif "refused" not in step.modifiers and not len(asks) == len(answer.keys() - asks) == 1:
            text = "an answer has a question and either an option or a 'custom' text; others are refused (DEC-18)"
            yield document.complain("E334", here, text)
