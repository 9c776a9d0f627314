"""The world that every session starts with: contract, catalogue, scenarios, and what is ready for each scenario.

A world never changes; reloading scenario files makes another one, for the runs that start afterwards.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mock_server.contract import document as contract
from mock_server.contract.cache import cached
from mock_server.contract.nearest import unknown
from mock_server.contract.yaml_file import Document
from mock_server.data.book import Sheet
from mock_server.kernel.ids import made_uuid
from mock_server.scenarios import account
from mock_server.scenarios.loader import ACCOUNT, Loader, build, load_catalogue

if TYPE_CHECKING:
    from mock_server.contract.document import Contract
    from mock_server.data.templates import Catalogue
    from mock_server.scenarios.model import Scenario


class UnknownScenario(LookupError):
    """No scenario of that name; the text lists the names and the nearest one."""


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
            raise UnknownScenario(unknown("scenario", name, self.scenarios))
        return self.scenarios[name]

    def workbook(self, owner_id: str, template_ids: Sequence[str], known: Mapping[str, str]) -> tuple[Sheet, ...]:
        """One sheet for each of the templates, in their order (PROV-04); `known` gives ids to sheets by name."""
        templates = {template.id: template for template in self.catalogue.templates}
        chosen = (templates[template_id] for template_id in dict.fromkeys(template_ids))
        return tuple(Sheet(known.get(each.name) or made_uuid("sheet", owner_id, each.id), each) for each in chosen)


class OnDemand(Mapping[str, "Scenario"]):
    """Scenarios by a name or an id, each made when somebody asks for it."""

    def __init__(self, names: Mapping[str, str], make: Callable[[str], Scenario]) -> None:
        self._names, self._make = names, make
        self._made: dict[str, Scenario] = {}

    def __getitem__(self, key: str) -> Scenario:
        if key not in self._made:
            self._made[key] = self._make(self._names[key])
        return self._made[key]

    def get(self, key: str, default: Any = None, /) -> Any:
        """The scenario, or what was given instead; each poll asks, so it is short."""
        return self._made.get(key) or (self[key] if key in self._names else default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def load_world(loader: Loader, paths: Sequence[Path] = ()) -> World:
    """The built-in world, and the scenarios of these files and folders; raises BadFiles."""
    if not paths:
        return _built_in(loader)
    folder = contract.data("scenarios")
    catalogue = load_catalogue(folder / ACCOUNT)
    scenarios = loader.load_paths([folder, *paths], catalogue, contract.clause_ids())
    ready = {scenario.ready.id: scenario for scenario in scenarios.values()}
    return World(loader, loader.language.contract(), catalogue, scenarios, ready)


def _built_in(loader: Loader) -> World:
    """The built-in world, whose files are all checked when one of them has changed, and each made on demand."""
    folder = contract.data("scenarios")
    files = sorted(folder.glob("*.yaml"))

    def check() -> dict[str, tuple[str | None, bytes]]:
        from mock_server.contract.yaml_reader import read  # noqa: PLC0415 - as in `loader`

        scenarios = loader.load_paths([folder], load_catalogue(folder / ACCOUNT))  # the tests hold their clauses
        ids = {name: scenario.ready.id for name, scenario in scenarios.items()}
        documents = [read(file) for file in files]
        parts = [marshal.dumps((each.value, each.members, each.values)) for each in documents]
        return {file.name: (ids.get(file.stem), part) for file, part in zip(files, parts, strict=True)}

    kept = cached("scenarios", files, check)

    def document(file: str) -> Document:
        return Document(str(folder / file), *marshal.loads(kept[file][1]))  # noqa: S302 - our own

    @cache
    def make(name: str) -> Scenario:
        return build(document(f"{name}.yaml"), name, loader.language, catalogue)

    catalogue = account.build(document(ACCOUNT))
    ready = {ready_id: Path(file).stem for file, (ready_id, _) in kept.items() if ready_id is not None}
    names = OnDemand({name: name for name in sorted(ready.values())}, make)
    return World(loader, loader.language.contract(), catalogue, names, OnDemand(ready, make))
