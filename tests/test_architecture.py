"""The plan of the house, held: arrows point down, pure rooms read no clock and no chance, names are the contract's.

The plan itself is told in docs/architecture.md.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest
import yaml

from mock_server.contract import document as contract
from mock_server.data.templates import Rule
from mock_server.preview.lifecycle import TERMINAL, TRANSITIONS, Status
from mock_server.preview.operations import HANDLERS
from mock_server.scenarios.model import Action

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mock_server"
JUDGE = ROOT / "conformance"
WORDS = {"contract", "about", "language"}
"""What of the mock the conformance suite may share: the contract and how it is read, never how it is obeyed."""

LEVELS = {
    0: "about settings clock identity complaint contract catalogue secrecy broken",
    1: "scenario language dialects plain",
    2: "lifecycle limits sheets faults tally advice journeys showings",
    3: "journal transcript moment witness summary runs exports world account decisions history refusals store sessions "
    "bundle why",
    4: "http preference downloads uploads wire mishaps speech examples api admin app",
    5: "player process timeline story health logs watch serve listing glossary arguments demo asking replay "
    "report_card journey_file journey_report cli __main__",
}
LEVEL = {room: level for level, rooms in LEVELS.items() for room in rooms.split()}
PURE = [room for level in (0, 1, 2) for room in LEVELS[level].split()]

# What a pure room may not import: clocks, chance, and ways out of the process.
IMPURE = {"time", "random", "secrets", "uuid", "os", "socket", "asyncio", "threading"} | {
    "subprocess",
    "tempfile",
    "logging",
    "http",
    "urllib",
}
EDGES = {
    "clock": {"time"},  # the one place that reads a clock
}


def _modules(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py")) if (PACKAGE / room).is_dir() else [PACKAGE / f"{room}.py"]


def _imported(path: Path) -> set[str]:
    """Every module that the file imports, for running or for types."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                names.update(alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0) if module == "mock_server":
                names.update(f"mock_server.{alias.name}" for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module)
            case ast.ImportFrom():
                raise AssertionError(f"{path.name}:{node.lineno} imports relatively")
    return names


def _rooms(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imported(path) if name.startswith("mock_server.")}


def test_every_module_has_its_level() -> None:
    there = {
        path.stem if path.is_file() else path.name
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or _is_room(path)
    }
    assert there - {"__init__"} == set(LEVEL)


def _is_room(path: Path) -> bool:
    return path.is_dir() and (path / "__init__.py").is_file()


@pytest.mark.parametrize("room", LEVEL)
def test_arrows_point_down(room: str) -> None:
    for path in _modules(room):
        up = {other for other in _rooms(path) if LEVEL[other] > LEVEL[room]}
        assert not up, f"{path.relative_to(ROOT)} (level {LEVEL[room]}) imports upwards: {sorted(up)}"


def test_no_two_rooms_import_each_other() -> None:
    arrows = {room: set().union(*map(_rooms, _modules(room))) - {room} for room in LEVEL}
    done: set[str] = set()
    while ready := {room for room in arrows if room not in done and arrows[room] <= done}:
        done |= ready
    assert done == set(arrows), f"a circle among {sorted(set(arrows) - done)}"


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_read_no_clock_and_no_chance(room: str) -> None:
    for path in _modules(room):
        found = {name.split(".")[0] for name in _imported(path)} & IMPURE - EDGES.get(room, set())
        assert not found, f"{path.relative_to(ROOT)} is pure and imports {sorted(found)}"


def test_only_the_edge_reads_the_clock() -> None:
    reading = [path for path in PACKAGE.rglob("*.py") if _calls(path, "real_time")]
    readers = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in reading}
    assert all(LEVEL[room] >= 4 for room in readers), readers


def _calls(path: Path, name: str) -> bool:
    tree = ast.parse(path.read_text())
    return any(isinstance(node, ast.Call) and ast.unparse(node.func) == name for node in ast.walk(tree))


def test_nothing_below_the_edge_of_time_sleeps() -> None:
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if LEVEL.get(room, 5) < 5:
            assert "sleep(" not in path.read_text(), path


def test_every_operation_has_a_handler_and_every_handler_an_operation() -> None:
    assert set(HANDLERS) == set(contract.load().operations)


def test_enumerations_are_the_contracts() -> None:
    schemas = contract.load().document["components"]["schemas"]
    statuses = set(schemas["Run"]["discriminator"]["mapping"])
    assert statuses == set(get_args(Status)) == set(TRANSITIONS)
    assert {status for status, onward in TRANSITIONS.items() if not onward} == TERMINAL
    assert set(schemas["PatchAction"]["discriminator"]["mapping"]) == set(get_args(Action))
    text = yaml.safe_dump(contract.load().document["components"]["schemas"])
    assert all(rule in text for rule in get_args(Rule))


def test_the_judge_shares_words_with_the_mock_and_never_its_reasoning() -> None:
    for path in JUDGE.rglob("*.py"):
        if path.name != "mocktarget.py":  # it starts the mock that is judged
            assert _rooms(path) <= WORDS, f"{path.relative_to(ROOT)} knows how the mock obeys"


JUDGES_EDGES = {
    "time": {"cli", "client", "judge", "mocktarget", "network", "runner"},
    "subprocess": {"commands"},
    "httpcore2": {"network"},
    "ssl": {"network"},
    "socket": {"mocktarget"},
    "http": {"mocktarget"},
    "hypothesis": {"generated/drawing", "generated/plans"},
    "schemathesis": {"generated/drawing", "generated/plans"},
    "random": set(),
    "logging": set(),
    "requests": {"generated/plans"},
}
"""What of the world each room of the judge may touch: a check asks its stage, and the stage asks the one client."""


@pytest.mark.parametrize("module", JUDGES_EDGES)
def test_the_judge_touches_the_world_at_its_edges_alone(module: str) -> None:
    there = {path.relative_to(JUDGE).with_suffix("").as_posix() for path in _importing(module)}
    assert there <= JUDGES_EDGES[module], f"{module} is imported by {sorted(there - JUDGES_EDGES[module])}"


def _importing(module: str) -> list[Path]:
    return [path for path in JUDGE.rglob("*.py") if module in {name.split(".")[0] for name in _imported(path)}]


@pytest.mark.parametrize(
    ("room", "never"),
    [
        ("checks", {"cli", "judge", "runner", "verdict", "report", "generated", "network", "mocktarget"}),
        ("generated", {"cli", "judge", "runner", "verdict", "report", "network", "mocktarget"}),
        ("report", {"cli", "judge", "runner", "checks", "generated", "client", "network", "stage", "mocktarget"}),
        ("verdict", {"cli", "judge", "runner", "checks", "generated", "client", "network", "stage", "report"}),
        ("stage", {"cli", "judge", "runner", "verdict", "report", "generated", "network", "mocktarget"}),
        ("client", {"cli", "judge", "runner", "verdict", "report", "generated", "checks", "stage", "mocktarget"}),
    ],
)
def test_arrows_of_the_judge_point_down(room: str, never: set[str]) -> None:
    for path in sorted((JUDGE / room).rglob("*.py")) if (JUDGE / room).is_dir() else [JUDGE / f"{room}.py"]:
        imported = {name for name in _imported(path) if name.startswith("conformance.")}
        assert not {name.split(".")[1] for name in imported} & never, f"{path.relative_to(ROOT)} looks up: {imported}"


def test_the_mock_does_not_know_its_judge() -> None:
    knowing = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if _knows_the_judge(path)}
    # who is asked for a client's report card asks the judge, and only then
    assert knowing == {Path("admin/audit.py"), Path("report_card.py")}
    for path in knowing:
        at_once = [each for each in ast.parse((PACKAGE / path).read_text()).body if isinstance(each, ast.ImportFrom)]
        assert not [each for each in at_once if "conformance" in ast.unparse(each)], path


def _knows_the_judge(path: Path) -> bool:
    return any(name.split(".")[0] == "conformance" for name in _imported(path))


def test_openapi_holds_no_python() -> None:
    assert not list((ROOT / "openapi").rglob("*.py"))


def test_only_the_command_line_prints() -> None:
    modules = [*PACKAGE.rglob("*.py"), *JUDGE.rglob("*.py")]
    printing = {path.name for path in modules if _calls(path, "print")}
    assert not printing, printing


@pytest.mark.parametrize(
    "path",
    [*sorted(PACKAGE.rglob("*.py")), *sorted(JUDGE.rglob("*.py")), ROOT / "pytest_vern_mock.py"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_modules_are_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400, f"{path.name} holds a second noun"
    assert not text or ast.get_docstring(ast.parse(text)), f"{path.name} does not say what it is"
    assert path.stem not in {"utils", "helpers", "manager", "common", "base"}
