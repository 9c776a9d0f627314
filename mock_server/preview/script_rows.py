"""The rows of a scripted scenario: what its beats declare, generated in the sheets of a workbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.data import initial
from mock_server.scenarios.model import Scenario, every_beat

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mock_server.data.book import Sheet
    from mock_server.data.generated import GeneratedBook


def missing_sheets(scenario: Scenario, sheets: Collection[str]) -> tuple[str, ...]:
    """The sheets that a scenario fills and that are not among these."""
    return tuple(data.sheet for data in scenario.data if data.sheet not in sheets)


def generate_book(scenario: Scenario, sheets: Sequence[Sheet], seed: int) -> GeneratedBook:
    """The book of a scripted scenario, before anything came to light."""
    groups = [(beat, group) for _, beat in every_beat(scenario.run) for group in beat.groups]
    return initial.generate(scenario.data, groups, sheets, seed)
