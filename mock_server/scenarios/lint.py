"""What a scenario file means, checked: every mistake that its form alone does not show, each with a stable code.

E1xx the text, E2xx the form, E3xx the meaning; W4xx are warnings, which keep no file from being used. Each complaint
says where, what, what was expected, and the nearest right word. `CODES` says what each means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mock_server.contract.nearest import nearest
from mock_server.contract.yaml_schema import load_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mock_server.contract.yaml_file import Complaint, Document, Place
    from mock_server.data.templates import Catalogue
    from mock_server.faults.model import Fault
    from mock_server.scenarios.model import Language, Scenario

CODES: dict[str, str] = load_schema("scenario")["x-complaints"]
"""What each code of a complaint means."""


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
