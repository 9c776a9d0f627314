"""What a generation of the API gives to the scenario language: its beats and steps, and what a file may mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mock_server.faults.kinds import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from mock_server.contract.document import Contract
    from mock_server.contract.words import Vocabulary
    from mock_server.contract.yaml_file import Complaint, Document
    from mock_server.data.templates import Catalogue
    from mock_server.faults.model import Targets
    from mock_server.scenarios.model import Beat, Scenario, Step


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one generation's scenario files, and their form."""

    beats: Vocabulary[Beat]
    steps: Vocabulary[Step]
    subject: str
    """What there is one of for each scenario, ready in every session."""
    export: tuple[Beat, ...]
    """The script of an export, where a file has none."""
    contract: Callable[[], Contract]
    targets: Callable[[], Targets]
    """What faults can bend."""
    lint: Callable[[Scenario, Document, Catalogue], Iterator[Complaint]]
    """Everything that is wrong with the meaning of a well-formed file's beats and plays."""
    schema: str = "scenario"
    """The name of the schema in `openapi/` that says the form of its files, or a path without `.schema.json`."""

    @property
    def entries(self) -> Mapping[str, Vocabulary[Any]]:
        """The vocabulary of each definition of the schema whose entries have one verb."""
        return {each.noun: each for each in (self.beats, self.steps, FAULTS)}
