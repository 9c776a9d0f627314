"""Loads the account file and scenario files into frozen values, or says everything that is wrong with all of them.

A file is read (`yaml_file`), its form checked (`lint`), turned into values (`build`), its meaning checked (`lint`).
`load_…` raises BadFiles unless all files can be used; warnings do not count. `complaints` never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mock_server.contract.words import Misfit
from mock_server.contract.yaml_file import BadFiles, Complaint, Document, Sent
from mock_server.data.book import Data, Flagged
from mock_server.faults.kinds import FAULTS
from mock_server.kernel.ids import made_uuid
from mock_server.scenarios import account
from mock_server.scenarios.lint import complaints, is_in_order, lint, lint_faults
from mock_server.scenarios.model import Beat, BeatContext, Language, Play, Ready, Scenario, every_beat

if TYPE_CHECKING:
    from pathlib import Path

    from mock_server.data.templates import Catalogue
    from mock_server.faults.model import Fault

ACCOUNT = "account.yaml"
"""In a folder of scenarios, the file that holds the account and is no scenario."""
MANY = 20
"""Mistakes in what a request sent that are told; of a file all are."""
T = TypeVar("T")
GENERATED_ROWS = 1453
"""How many rows a sheet gets when the file does not say: the figure of the documented example."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue of an account file."""
    document = _read(path)
    in_order = is_in_order(document, "account")
    if wrong := list(account.lint(document) if in_order else complaints(document, "account", {})):
        raise BadFiles(wrong)
    return account.build(document)


class Loader(NamedTuple):
    """Reads scenario files of one language."""

    language: Language

    def load_paths(
        self, paths: Iterable[Path], catalogue: Catalogue, clause_ids: Collection[str] | None = None
    ) -> dict[str, Scenario]:
        """The scenarios of files and folders, by name, in the order of their names.

        `clause_ids` None: cited clauses are not checked.
        """
        scenarios, found = self._load(paths, catalogue, clause_ids)
        if bad := [complaint for complaint in found if not complaint.is_warning]:
            raise BadFiles(bad)
        return scenarios

    def load_faults(self, value: dict[str, Any]) -> tuple[Fault, ...]:
        """The faults of a request, which has nothing but `faults`; each complaint names the member by its way."""
        document, targets = Sent("", value, {}, {}), self.language.targets()
        faults = self._built(document, lambda: FAULTS.parse(value["faults"], targets), alone="faults")
        if found := list(lint_faults(faults, document, self.language)):
            raise BadFiles(found)
        return faults

    def complaints(
        self, paths: Iterable[Path], catalogue: Catalogue, clause_ids: Collection[str] | None = None
    ) -> tuple[Complaint, ...]:
        """Everything there is to say about files and folders, warnings and account files included, in order."""
        found: list[Complaint] = []
        files = list(paths)
        for path in files:
            file = path / ACCOUNT if path.is_dir() else path
            if file.name == ACCOUNT and file.is_file():
                try:
                    load_catalogue(file)
                except BadFiles as bad:
                    found += bad.complaints
        found += self._load([path for path in files if path.name != ACCOUNT], catalogue, clause_ids)[1]
        return tuple(sorted(set(found)))

    def _load(
        self, paths: Iterable[Path], catalogue: Catalogue, clause_ids: Collection[str] | None
    ) -> tuple[dict[str, Scenario], list[Complaint]]:
        scenarios, ready_ones, found = dict[str, Scenario](), dict[str, Scenario](), list[Complaint]()
        for file in _files(paths, found):
            try:
                scenario = self._scenario(file, catalogue, clause_ids, found)
            except BadFiles as bad:
                found += bad.complaints
                continue
            same = scenarios.setdefault(scenario.name, scenario)
            if same is not scenario:
                text = f"a scenario {scenario.name!r} is there already, from {same.path}; rename this file"
                found.append(Complaint(scenario.path, 1, 1, "E322", text))
                continue
            ready = ready_ones.setdefault(scenario.ready.id, scenario)
            if ready is not scenario:
                text = f"the ready {ready.ready.kind} {ready.ready.id} belongs to {ready.path} already; give another id"
                found.append(Complaint(scenario.path, 1, 1, "E323", text))
        return dict(sorted(scenarios.items())), found

    def _scenario(
        self, path: Path, catalogue: Catalogue, clause_ids: Collection[str] | None, found: list[Complaint]
    ) -> Scenario:
        name = path.stem
        if not _NAME.fullmatch(name):
            text = f"{name!r} is no scenario name; expected small letters, digits and hyphens, such as my-import.yaml"
            found.append(Complaint(str(path), 1, 1, "E110", text))
        document = _read(path)
        made = self._built(document, lambda: build(document, name, self.language, catalogue))
        found += lint(made, document, self.language, catalogue, clause_ids)
        return made

    def _built(self, document: Document, make: Callable[[], T], *, alone: str = "") -> T:
        """The values of a document whose form is in order; else raises BadFiles."""
        if is_in_order(document, self.language.schema, alone):
            with suppress(Misfit):
                return make()
        found = complaints(document, self.language.schema, self.language.entries, alone)
        raise BadFiles(list(islice(found, MANY if alone else None)))


def files_of(folder: Path) -> list[Path]:
    """The YAML files of a folder; no hidden ones, and no links that lead nowhere, such as an editor's locks."""
    found = (each for each in folder.glob("*.y*ml") if each.suffix in {".yaml", ".yml"})
    return sorted(each for each in found if not each.name.startswith(".") and each.exists())


def _files(paths: Iterable[Path], found: list[Complaint]) -> Iterator[Path]:
    """Every scenario file once: those that are named, and those of named folders."""
    seen: set[Path] = set()
    for path in paths:
        inside = [each for each in files_of(path) if each.name != ACCOUNT]
        if path.is_dir() and not inside:
            found.append(Complaint(str(path), 1, 1, "E101", "the folder holds no .yaml file"))
        for file in inside if path.is_dir() else [path]:
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield file


def _read(path: Path) -> Document:
    from mock_server.contract.yaml_reader import read  # noqa: PLC0415 - our own files were read before a start

    return read(path)


def build(document: Document, name: str, language: Language, catalogue: Catalogue) -> Scenario:
    """The scenario that a well-formed document describes, what it leaves out filled in; raises Misfit."""
    value, beats = document.value, language.beats
    context = BeatContext(beats, catalogue)
    run = beats.parse(value["run"], context)
    limit, ready, kind = value.get("rate_limit"), value.get("ready", {}), language.subject
    return Scenario(
        name=name,
        title=value["title"],
        clauses=tuple(value.get("clauses", ())),
        pace=value.get("pace", "time"),
        run=run,
        export=beats.parse(value["export"], context) if "export" in value else language.export,
        data=_data(value.get("data"), run),
        rate_limit=int(limit.split("/")[0]) if limit else None,
        ready=Ready(
            kind=kind,
            id=ready.get(kind) or made_uuid(f"vern-mock ready {kind} {name}"),
            name=ready.get("name", f"Ready {kind}: {name}"),
            sheets=ready.get("sheets", {}),
            run=ready.get("run"),
        ),
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


def _play(value: dict[str, Any], document: Document, index: int, language: Language) -> Play:
    lines = (document.at(("plays", index, "steps", position))[0] for position in range(len(value["steps"])))
    steps = zip(value["steps"], lines, strict=True)
    return Play(value["title"], tuple(language.steps.parse_entry(step, line) for step, line in steps))
