"""The world that every session starts with: contract, catalogue, scenarios, and what is ready for each scenario.

A world never changes; reloading scenario files makes another one, for the runs that start afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mock_server.contract import document as contract
from mock_server.contract.nearest import unknown
from mock_server.data.book import Sheet
from mock_server.kernel.ids import made_uuid
from mock_server.scenarios.loader import Loader, load_catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mock_server.contract.document import Contract
    from mock_server.data.templates import Catalogue
    from mock_server.scenarios.model import Scenario


class UnknownScenario(LookupError):
    """No scenario of that name; the text lists the names and the nearest one."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(unknown("scenario", name, names))


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is fixed for as long as no file is reloaded."""

    loader: Loader
    """What further scenario files and faults are read with."""
    contract: Contract
    catalogue: Catalogue
    scenarios: Mapping[str, Scenario]
    ready: Mapping[str, Scenario]
    """The scenario of each thing that is there from the beginning, by its id."""

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name; raises UnknownScenario."""
        if name not in self.scenarios:
            raise UnknownScenario(name, tuple(self.scenarios))
        return self.scenarios[name]

    def workbook(self, owner_id: str, template_ids: Sequence[str], known: Mapping[str, str]) -> tuple[Sheet, ...]:
        """One sheet for each of the templates, in their order (PROV-04); `known` gives ids to sheets by name."""
        templates = {template.id: template for template in self.catalogue.templates}
        chosen = (templates[template_id] for template_id in dict.fromkeys(template_ids))
        return tuple(Sheet(known.get(each.name) or made_uuid("sheet", owner_id, each.id), each) for each in chosen)


def load_world(loader: Loader, paths: Sequence[Path] = ()) -> World:
    """The built-in world, and the scenarios of these files and folders; raises BadFiles."""
    catalogue = load_catalogue(contract.data("scenarios", "account.yaml"))
    # The tests hold the built-in files to the clause list; reading it costs start-up time that only others' files need.
    clause_ids = contract.clause_ids() if paths else None
    scenarios = loader.load_paths([contract.data("scenarios"), *paths], catalogue, clause_ids)
    ready = {scenario.ready.id: scenario for scenario in scenarios.values()}
    return World(loader, loader.language.contract(), catalogue, scenarios, ready)
