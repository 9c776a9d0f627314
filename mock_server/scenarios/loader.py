"""Loads the account file and scenario files into frozen values, or says everything that is wrong with all of them.

A file is read (`yamlfile`), its form checked (`shape`), turned into values (`building`), and its meaning checked
(`lint`). `load_…` raises BadFiles unless all files can be used; warnings do not count. `complaints` never raises.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mock_server.contract.yaml_file import BadFiles, Complaint, Sent, read
from mock_server.scenarios import builder as building
from mock_server.scenarios import form as shape
from mock_server.scenarios.lint import account as lint_account
from mock_server.scenarios.lint import faults as lint_faults
from mock_server.scenarios.lint.scenario import lint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from mock_server.data.templates import Catalogue
    from mock_server.scenarios.model import Fault, Scenario

ACCOUNT = "account.yaml"
"""In a folder of scenarios, the file that holds the account and is no scenario."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue of an account file."""
    found: list[Complaint] = []
    catalogue = _account(path, found)
    if catalogue is None:
        raise BadFiles(found)
    return catalogue


def load_scenario(path: Path, catalogue: Catalogue, clause_ids: Collection[str] | None = None) -> Scenario:
    """The scenario of one file; `clause_ids` None: cited clauses are not checked."""
    return next(iter(load_paths([path], catalogue, clause_ids).values()))


def load_paths(
    paths: Iterable[Path], catalogue: Catalogue, clause_ids: Collection[str] | None = None
) -> dict[str, Scenario]:
    """The scenarios of files and folders, by name, in the order of their names."""
    found: list[Complaint] = []
    scenarios = _load(paths, catalogue, clause_ids, found)
    if not all(complaint.is_warning for complaint in found):
        raise BadFiles([complaint for complaint in found if not complaint.is_warning])
    return scenarios


def load_faults(value: dict[str, Any]) -> tuple[Fault, ...]:
    """The faults of a request, which has nothing but `faults`; each complaint names the member by its way."""
    document = Sent("", value, {}, {})
    wrong = shape.complaints(document, "faults")
    if not wrong:
        found = building.faults(value["faults"])
        wrong = list(lint_faults.lint(found, document))
    if wrong:
        raise BadFiles(wrong)
    return found


def complaints(
    paths: Iterable[Path], catalogue: Catalogue, clause_ids: Collection[str] | None = None
) -> tuple[Complaint, ...]:
    """Everything there is to say about files and folders, warnings and account files included, in order."""
    found: list[Complaint] = []
    files = list(paths)
    for path in files:
        account = path / ACCOUNT if path.is_dir() else path
        if account.name == ACCOUNT and account.is_file():
            _account(account, found)
    _load([path for path in files if path.name != ACCOUNT], catalogue, clause_ids, found)
    return tuple(sorted(set(found)))


def _load(
    paths: Iterable[Path], catalogue: Catalogue, clause_ids: Collection[str] | None, found: list[Complaint]
) -> dict[str, Scenario]:
    scenarios: dict[str, Scenario] = {}
    companies: dict[str, Scenario] = {}
    for file in _files(paths, found):
        scenario = _scenario(file, catalogue, clause_ids, found)
        if scenario is None:
            continue
        same = scenarios.setdefault(scenario.name, scenario)
        if same is not scenario:
            text = f"a scenario {scenario.name!r} is there already, from {same.path}; rename this file"
            found.append(Complaint(scenario.path, 1, 1, "E322", text))
            continue
        ready = companies.setdefault(scenario.ready.company, scenario)
        if ready is not scenario:
            text = f"the ready company {scenario.ready.company} belongs to {ready.path} already; give another id"
            found.append(Complaint(scenario.path, 1, 1, "E323", text))
    return dict(sorted(scenarios.items()))


def _files(paths: Iterable[Path], found: list[Complaint]) -> Iterator[Path]:
    """Every scenario file once: those that are named, and those of named folders."""
    seen: set[Path] = set()
    for path in paths:
        inside = sorted(
            each for each in path.glob("*.y*ml") if each.suffix in {".yaml", ".yml"} and each.name != ACCOUNT
        )
        if path.is_dir() and not inside:
            found.append(Complaint(str(path), 1, 1, "E101", "the folder holds no .yaml file"))
        for file in inside if path.is_dir() else [path]:
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield file


def _account(path: Path, found: list[Complaint]) -> Catalogue | None:
    try:
        document = read(path)
    except BadFiles as bad:
        found += bad.complaints
        return None
    wrong = shape.complaints(document, "account") or list(lint_account.lint(document))
    found += wrong
    return None if wrong else building.catalogue(document)


def _scenario(
    path: Path, catalogue: Catalogue, clause_ids: Collection[str] | None, found: list[Complaint]
) -> Scenario | None:
    name = path.stem
    if not _NAME.fullmatch(name):
        text = f"{name!r} is no scenario name; expected small letters, digits and hyphens, such as my-import.yaml"
        found.append(Complaint(str(path), 1, 1, "E110", text))
    try:
        document = read(path)
    except BadFiles as bad:
        found += bad.complaints
        return None
    if wrong := shape.complaints(document, "scenario"):
        found += wrong
        return None
    scenario = building.scenario(document, name, catalogue)
    found += lint(scenario, document, catalogue, clause_ids)
    return scenario
