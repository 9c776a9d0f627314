"""What the beats and plays of a scenario file mean, checked: one file a part of the language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.preview.scenario_lint import groups, plays, script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.contract.yaml_file import Complaint, Document
    from mock_server.data.templates import Catalogue
    from mock_server.scenarios.model import Scenario


def lint(scenario: Scenario, document: Document, catalogue: Catalogue) -> Iterator[Complaint]:
    """Everything that is wrong with the meaning of a well-formed file's beats, data and plays."""
    yield from script.lint(scenario, document)
    yield from groups.lint(scenario, document, catalogue)
    yield from plays.lint(scenario, document, catalogue)
