"""Turns the plain data of well-formed files into frozen values; what a file leaves out is filled in here.

It checks nothing but that each beat, step and fault has one verb and only members of that verb: `form` has seen to it
that each member is known and of the right type. Raises Misfit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.data.declared import Data
from mock_server.faults.kinds import FAULTS
from mock_server.kernel.ids import made_uuid
from mock_server.scenarios.model import BeatContext, Play, Ready, Scenario, every_beat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.contract.yaml_file import Document
    from mock_server.data.declared import Flagged
    from mock_server.data.templates import Catalogue
    from mock_server.scenarios.language import Language
    from mock_server.scenarios.model import Beat, Step

GENERATED_ROWS = 1453
"""How many rows a sheet gets when the file does not say: the figure of the documented example."""


def build(document: Document, name: str, language: Language, catalogue: Catalogue) -> Scenario:
    """The scenario that a well-formed document describes."""
    value, beats = document.value, language.beats
    context = BeatContext(beats, catalogue)
    run = beats.parse(value["run"], context)
    limit = value.get("rate_limit")
    return Scenario(
        name=name,
        title=value["title"],
        clauses=tuple(value.get("clauses", ())),
        pace=value.get("pace", "time"),
        run=run,
        export=beats.parse(value["export"], context) if "export" in value else language.export,
        data=_data(value.get("data"), run),
        rate_limit=int(limit.split("/")[0]) if limit else None,
        ready=_ready(value.get("ready", {}), name, language.subject),
        plays=tuple(_play(play, document, index, language) for index, play in enumerate(value["plays"])),
        path=document.file,
        faults=FAULTS.parse(value["faults"], language.targets()) if "faults" in value else (),
    )


def groups(beats: tuple[Beat, ...]) -> Iterator[Flagged]:
    """Every declared group of wrong cells, wherever in the script it stands."""
    for _, beat in every_beat(beats):
        yield from beat.groups


def _data(values: Sequence[dict[str, Any]] | None, run: tuple[Beat, ...]) -> tuple[Data, ...]:
    if values is not None:
        return tuple(Data(value["sheet"], value["rows"]) for value in values)
    if any(beat.own_rows for beat in run):
        return ()
    sheets = dict.fromkeys(group.sheet for group in groups(run)) or {"Contacts": None}
    return tuple(Data(sheet, GENERATED_ROWS) for sheet in sheets)


def _ready(value: dict[str, Any], name: str, kind: str) -> Ready:
    return Ready(
        kind=kind,
        id=value.get(kind) or made_uuid(f"vern-mock ready {kind} {name}"),
        name=value.get("name", f"Ready {kind}: {name}"),
        sheets=value.get("sheets", {}),
        run=value.get("run"),
    )


def _play(value: dict[str, Any], document: Document, index: int, language: Language) -> Play:
    def parse(position: int, step: dict[str, Any]) -> Step:
        line, _ = document.at(("plays", index, "steps", position))
        return language.steps.parse_entry(step, line)

    return Play(value["title"], tuple(parse(position, step) for position, step in enumerate(value["steps"])))
