"""What a scenario file means, checked: every mistake that its form alone does not show, each with a stable code.

E1xx the text, E2xx the form, E3xx the meaning; W4xx are warnings, which keep no file from being used. Each complaint
says where, what, what was expected, and the nearest right word. `CODES` is the list that `vern-mock lint` explains.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mock_server.contract.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mock_server.contract.yaml_file import Complaint, Document, Place
    from mock_server.data.templates import Catalogue
    from mock_server.faults.model import Fault
    from mock_server.scenarios.model import Language, Scenario

CODES: dict[str, str] = {
    "E100": "The text is not YAML.",
    "E101": "The file cannot be read, or there is none.",
    "E102": "The file is not UTF-8.",
    "E103": "A member is given twice.",
    "E104": "The file is empty or holds something else than members.",
    "E105": "The file holds more than one document.",
    "E106": "An anchor or alias is used.",
    "E107": "A tag is used.",
    "E108": "A member's name is not text.",
    "E109": "A number has no form in JSON.",
    "E110": "The file's name is no scenario name: small letters, digits and hyphens.",
    "E201": "A member is unknown.",
    "E202": "A member is missing.",
    "E203": "A value is of the wrong type.",
    "E204": "A value is out of its form, its words or its limits.",
    "E205": "A beat or step has no verb, or more than one.",
    "E206": "A member does not belong to the verb beside it.",
    "E301": "A queue beat comes after another beat.",
    "E302": "A work beat is missing before a parking or a completion, or one longer than 0s after a parking.",
    "E303": "A beat comes after the end.",
    "E304": "The script has no end.",
    "E305": "A beat or its members have no meaning in this place.",
    "E306": "The ready run cannot be parked when a session opens.",
    "E307": "The data do not fit the script.",
    "E311": "No template has this name.",
    "E312": "The sheet has no such column.",
    "E313": "The column cannot fail this check.",
    "E314": "A declared wrong value does not fail the check.",
    "E315": "The fix, its value or an option is not possible for this group.",
    "E316": "The groups of a sheet take more than half of its rows.",
    "E317": "The same group is declared twice in one parking.",
    "E321": "No clause has this id.",
    "E322": "Two files have the same scenario name.",
    "E323": "The same id is given to two things.",
    "E331": "A step needs a run or an export that is not there.",
    "E332": "The status cannot occur in this scenario.",
    "E333": "Members of a step contradict each other.",
    "E334": "An answer fits no question.",
    "E335": "The step is not possible at this pace.",
    "E336": "Two plays have the same title.",
    "E341": "A template or column is named twice.",
    "E342": "A column's rule and its pattern, links or pool do not fit, or the pattern is no regular expression.",
    "E343": "A link leads to no column of this account.",
    "E351": "Members of a fault contradict each other, or a delay is too long.",
    "E352": "The fault cannot bend calls of this operation.",
    "E353": "A play expects what no fault of its scenario brings about.",
    "W401": "A play sees no end.",
    "W402": "A beat lasts so long that the run goes stale.",
}


def lint(
    scenario: Scenario, document: Document, language: Language, catalogue: Catalogue, clause_ids: Collection[str] | None
) -> Iterator[Complaint]:
    """Everything that is wrong with the meaning of a well-formed scenario; `clause_ids` None: they are not checked."""
    if clause_ids is not None:
        yield from _clauses(scenario, document, clause_ids)
    yield from lint_faults(scenario.faults, document, language)
    yield from language.lint(scenario, document, catalogue)


def _clauses(scenario: Scenario, document: Document, clause_ids: Collection[str]) -> Iterator[Complaint]:
    for index, clause in enumerate(scenario.clauses):
        if clause not in clause_ids:
            near = nearest(re.sub(r"-(\d)$", r"-0\1", clause), sorted(clause_ids))  # DEC-9 means DEC-09
            hint = f"; did you mean {near}?" if near else "; openapi/clauses.yaml lists all"
            yield document.complain("E321", ("clauses", index), f"no clause {clause!r}{hint}")


def lint_faults(faults: Sequence[Fault], document: Document, language: Language) -> Iterator[Complaint]:
    """What is wrong with the meaning of well-formed faults."""
    for index, fault in enumerate(faults):
        place: Place = ("faults", index)
        which = [name for name in _WHICH if getattr(fault, name) is not None]
        for name in which[1:]:
            text = f"'{which[0]}' and '{name}' say two things about which calls; give one of {', '.join(_WHICH)}"
            yield document.complain("E351", (*place, name), text, key=True)
        for name, text in fault.contradictions():
            yield document.complain("E351", (*place, name), text)
        operation = fault.operation
        if operation is not None and fault.bends is not None and operation not in fault.bends:
            text = f"'{fault.verb}' cannot bend {operation}; it can: {', '.join(fault.bends)}"
            yield document.complain("E352", (*place, "operation"), text)
        elif fault.status is not None and operation not in {None, *(about := language.targets().about_runs)}:
            text = f"'while' is about a run, and {operation} names none; these do: {', '.join(about)}"
            yield document.complain("E352", (*place, "while"), text, key=True)


_WHICH = ("call", "every", "chance")
