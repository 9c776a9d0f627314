"""What the beats and plays of a scenario file mean, checked: beats with their groups, and plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.preview.scenario_lint.plays import lint_plays
from mock_server.preview.scenario_lint.script import lint_groups, lint_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.contract.yaml_file import Complaint, Document
    from mock_server.data.templates import Catalogue
    from mock_server.scenarios.model import Scenario


def lint(scenario: Scenario, document: Document, catalogue: Catalogue) -> Iterator[Complaint]:
    """Everything that is wrong with the meaning of a well-formed file's beats, data and plays."""
    yield from lint_script(scenario, document)
    yield from lint_groups(scenario, document, catalogue)
    yield from lint_plays(scenario, document, catalogue)
