"""The scenarios as a program chooses among them: the same members on the command line and in the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.scenarios.model import Scenario


def entries(scenarios: Mapping[str, Scenario]) -> list[dict[str, Any]]:
    """One object a scenario, in their order."""
    return [
        {
            "name": each.name,
            "title": each.title,
            "pace": each.pace,
            "company_id": each.ready.company,
            "company_name": each.ready.name,
            "clauses": list(each.clauses),
        }
        for each in scenarios.values()
    ]
