"""The plan of the house, held for both packages alike: rooms, arrows, what a pure room leaves alone, who changes state.

docs/architecture.md draws the plan. What does not hold yet stands in `NOT_YET`, which may only shrink.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from functools import cache
from typing import TYPE_CHECKING, get_args

import pytest
import yaml
from source_tree import PACKAGES, ROOT, Module, changes_of_state, changing_functions, cycles, modules, within, words

from mock_server.contract import document as contract
from mock_server.data.book import Action
from mock_server.data.templates import Rule
from mock_server.preview.lifecycle import TERMINAL, TRANSITIONS, Status
from mock_server.preview.operations import HANDLERS

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = {
    "mock_server": "version, contract, kernel, http, recording, data, dialects, faults, scenarios, session, "
    "explain coverage player, admin, server, preview, cli, __main__",
    "conformance": "model, http, verdict, target, engine, fuzzing, audit, report, preview, cli, __init__, __main__",
}
"""The rooms of each package from the bottom up; rooms between two commas do not know each other."""

PURE = {
    "mock_server": "version.py contract kernel data dialects faults/kinds.py faults/model.py scenarios "
    "coverage/items.py explain session/session.py session/store.py session/generation.py preview/lifecycle.py "
    "preview/beats.py preview/scenario_lint preview/intents.py preview/readings.py "
    "preview/questions.py preview/decisions.py preview/preconditions.py",
    "conformance": "model verdict audit report preview/client_rules",
}
"""The rooms and modules that work with values alone: no clock, no chance, no way out of the process."""
IMPURE = (
    "asyncio http io logging multiprocessing os pathlib random secrets select shutil signal socket ssl subprocess sys "
    "tempfile threading time urllib.request uuid"
)
READERS = {
    "mock_server/kernel/clock.py": {"time"},  # the one place that reads a clock
    "mock_server/contract/document.py": {"pathlib"},  # these read files that do not change while they are served
    "mock_server/contract/yaml_reader.py": {"pathlib"},
    "mock_server/contract/cache.py": {"pathlib", "os", "sys"},  # keeps what was made of them
    "mock_server/scenarios/catalog.py": {"pathlib"},
    "mock_server/scenarios/loader.py": {"pathlib"},
    "mock_server/data/csv_text.py": {"io"},  # text in memory
}
"""What single modules of the pure rooms import nevertheless, and why."""

EDGES = {
    "time": "cli engine/plan.py engine/runner.py http/client.py http/network.py target/mock.py",
    "subprocess": "target/commands.py",
    "h11": "http/network.py",
    "ssl": "http/network.py",
    "socket": "http/network.py target/mock.py",
    "http": "target/mock.py",
    "hypothesis": "fuzzing/apart.py fuzzing/strategies.py preview/cases/walks.py",
    "schemathesis": "fuzzing/apart.py fuzzing/strategies.py preview/cases/walks.py",
    "requests": "preview/cases/walks.py",
    "random": "",
    "logging": "",
}
"""Who of the judge may touch the world: a check asks its context, and that asks the one client."""
CLOCK_READERS = "session/exchange.py preview/uploads.py admin server player cli"
SLEEPERS = "server/run.py server/log.py server/watch.py player cli"

DOORS = "session/session.py preview/account.py preview/runs.py"
"""The modules that change a session, its companies and runs; what a run changes in itself its account calls."""
ENTERED = "session/session.py preview/account.py"
"""Where a method that changes state is marked `change`, and so an entry of the session's log."""
BOOKKEEPING = {"enter", "leave", "use", "close", "release", "made_id"}
"""What is not done again when a session is made again: calls under way, its last use, its end; ids come of changes."""
GENERATION = re.compile(r"compan(y|ies)|needs_attention|import_?run|(start|list|poll)_imports?", re.IGNORECASE)
"""What only `preview/` speaks of; a second generation of the API has other nouns."""
CELLS = "data/values.py"
"""Where such a word is the content of a generated cell: a company's name."""

NOT_YET: dict[str, set[str]] = {}
"""What does not hold yet: a rule, and the modules that break it. Take modules out when they are mended; add none."""


def hold(rule: str, found: dict[str, list[str]], advice: str) -> None:
    """Fail when a module breaks the rule that is not excused, or when one is excused for nothing."""
    excused = NOT_YET.get(rule, set())
    new = [
        f"  {place}: {'; '.join(dict.fromkeys(why))}" for place, why in sorted(found.items()) if place not in excused
    ]
    done = [f'  "{place}"' for place in sorted(excused - set(found))]
    text = [f"{advice}. These modules do not:", *new] if new else []
    text += [f"These hold it now; take them out of NOT_YET[{rule!r}]:", *done] if done else []
    assert not text, "\n".join(text)


@cache
def everything() -> dict[str, Module]:
    """Every module of both packages and of the pytest plugin, by its dotted name."""
    plugin = {path.stem: Module("", path, path.name) for path in ROOT.glob("pytest_*.py")}
    return {module.name: module for package in PACKAGES for module in modules(package)} | plugin


def stands_in(module: Module, places: str) -> bool:
    """Whether a module is one of the named ones, or in one of the named rooms."""
    named = places.split()
    return module.place in named or any(module.place.startswith(f"{each}/") for each in named)


def calls(module: Module, *names: str) -> list[str]:
    """Where a module calls one of these functions, however it has imported them."""
    return [
        f"line {node.lineno} calls {name}"
        for node in module.nodes
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func).rpartition(".")[2]) in names
    ]


# -- rooms and arrows


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_stands_flat_at_the_top(package: str) -> None:
    top = {"__init__.py", "__main__.py", "version.py"}
    flat = {str(module): ["is in no room"] for module in modules(package) if "/" not in module.place}
    hold(
        "flat", {place: why for place, why in flat.items() if place.partition("/")[2] not in top}, "Modules have rooms"
    )
    known = set(LEVELS[package].replace(",", "").split()) | {"__init__"}
    rooms = {module.room for module in modules(package)}
    assert rooms <= known, f"these rooms of {package} have no place in LEVELS: {sorted(rooms - known)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    found: dict[str, list[str]] = {}
    for circle in cycles(package):
        known = {name: everything()[name] for name in circle}
        for module in known.values():
            ahead = sorted({target.name for how, target in within(module, known) if not how.typing})
            found[str(module)] = [f"imports {', '.join(ahead)}, which leads back to it"]
    hold(f"cycles of {package}", found, "No module imports itself by way of others")


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_point_down(package: str) -> None:
    level = {room: n for n, rooms in enumerate(LEVELS[package].split(",")) for room in rooms.split()}
    known = {module.name: module for module in modules(package)}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for module in modules(package):
        for how, target in within(module, known):
            up = target.room != module.room and level.get(target.room, 0) >= level.get(module.room, 0)
            if up and not {"__init__"} & {target.room, module.room} - set(level):
                found[str(module)].append(f"line {how.line} imports {target.name}")
    hold(f"arrows of {package}", found, f"An import goes to the same room or down ({LEVELS[package]})")


def test_the_judge_shares_the_contract_with_the_mock_and_never_its_reasoning() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for module in modules("conformance"):
        for how, target in within(module, everything()):
            starts_it = module.place == "target/mock.py"
            if target.package == "mock_server" and target.room not in {"contract", "version"} and not starts_it:
                found[str(module)].append(f"line {how.line} imports {target.name}")
    hold("judge", found, "The suite imports of the mock only its contract and version, and target/mock.py starts it")


def test_the_mock_does_not_know_its_judge() -> None:
    knowing = [
        (module, each)
        for module in modules("mock_server")
        for each in module.imports
        if each.name.partition(".")[0] == "conformance"
    ]
    assert {module.place for module, _ in knowing} == {"admin/audit.py", "cli/audit.py"}
    early = [f"{module}:{each.line}" for module, each in knowing if not each.lazy and not each.typing]
    assert not early, f"who asks for a report card asks the judge, and only then: {early}"


def test_openapi_holds_no_python() -> None:
    assert not list((ROOT / "openapi").rglob("*.py"))


def test_what_the_rules_name_is_there() -> None:
    named = {f"{package}/{place}" for package, places in PURE.items() for place in places.split()} | set(READERS)
    named |= {f"conformance/{place}" for places in EDGES.values() for place in places.split()}
    named |= {
        f"mock_server/{place}" for each in (CLOCK_READERS, SLEEPERS, DOORS, ENTERED, CELLS) for place in each.split()
    }
    gone = sorted(place for place in named if not (ROOT / place).exists())
    assert not gone, f"a rule holds nothing for what is not there: {gone}"


# -- purity


@pytest.mark.parametrize("package", PACKAGES)
def test_pure_rooms_import_no_clock_no_chance_and_no_way_out(package: str) -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for module in modules(package):
        for each in module.imports if stands_in(module, PURE[package]) else ():
            impure = [name for name in IMPURE.split() if f"{each.name}.".startswith(f"{name}.")]
            if impure and not set(impure) <= READERS.get(str(module), set()) and not each.typing:
                found[str(module)].append(f"line {each.line} imports {each.name}")
    hold("pure", found, "A pure room works with values alone")


def test_the_judge_touches_the_world_at_its_edges_alone() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for module in modules("conformance"):
        for each in module.imports:
            edge = EDGES.get(each.name.partition(".")[0])
            if edge is not None and not stands_in(module, edge):
                found[str(module)].append(f"line {each.line} imports {each.name}")
    hold("edges", found, "Checks and rules touch the world by way of the client alone")


def test_only_the_edge_reads_the_clock_and_nothing_below_it_sleeps() -> None:
    reading: dict[str, list[str]] = {}
    for module in modules("mock_server"):
        early = [] if stands_in(module, CLOCK_READERS) else calls(module, "real_time")
        if found := early + ([] if stands_in(module, SLEEPERS) else calls(module, "sleep")):
            reading[str(module)] = found
    hold("clock", reading, "Time is an argument; only the edge reads the clock, and only commands sleep")


def test_only_the_command_line_prints() -> None:
    found = {str(module): where for module in everything().values() if (where := calls(module, "print"))}
    assert not found, f"use click.echo in a command, the log elsewhere: {found}"


# -- state


def test_nobody_but_the_one_door_changes_a_session() -> None:
    found: dict[str, list[str]] = {}
    for module in modules("mock_server"):
        if not stands_in(module, DOORS) and (changes := list(changes_of_state(module))):
            found[str(module)] = changes
    hold("door", found, "The state of a session, its companies and runs changes through one door")


def test_what_changes_a_session_is_an_entry_of_its_log() -> None:
    for module in modules("mock_server"):
        for function, changed in changing_functions(module) if stands_in(module, ENTERED) else ():
            marked = "change" in map(ast.unparse, function.decorator_list)
            part_of_one = function.name.startswith("_") or function.name in BOOKKEEPING
            assert marked or part_of_one, (
                f"{module}: {function.name} changes {ast.unparse(changed[0])} and is no change"
            )


# -- words


def test_only_preview_speaks_of_companies_and_imports() -> None:
    operations = set(contract.load().operations)
    found: dict[str, list[str]] = {}
    for module in everything().values():
        if module.room == "preview" or not module.package or module.place == CELLS:
            continue
        said = Counter(word for word in words(module) if GENERATION.search(word) or word in operations)
        if said:
            found[str(module)] = [f"{word!r} x{n}" if n > 1 else repr(word) for word, n in said.most_common(6)]
    hold("wall", found, "Outside preview/ no module knows the nouns of one generation of the API")


def test_what_the_contract_says_is_read_from_it() -> None:
    kinds = {
        "operations": set(contract.load().operations),
        "clauses": contract.clause_ids(),
        "statuses": set(TRANSITIONS),
    }
    found: defaultdict[str, list[str]] = defaultdict(list)
    for module in everything().values():
        cites = stands_in(module, "preview/checks preview/client_rules preview/observed")
        for table in _tables(module.tree, deep=not cites):
            words = set(_constants(table))
            repeated = [kind for kind, known in kinds.items() if len(words & known) > 1]
            if repeated:
                found[str(module)].append(f"line {table.lineno} lists {' and '.join(repeated)}")
    hold(
        "repeats", found, "Operations, clauses and sets of statuses are read from openapi/, not listed again in Python"
    )


COLLECTIONS = {"frozenset", "set", "tuple", "list", "dict", "MappingProxyType"}


def _tables(node: ast.AST, *, deep: bool) -> Iterator[ast.expr]:
    """The outermost displays of a module, in functions too when deep; the values of a `Literal` are held elsewhere."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Tuple | ast.List | ast.Set | ast.Dict):
            yield child
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not deep:
            continue  # a check or a rule cites what it holds
        elif not (isinstance(child, ast.Subscript) and ast.unparse(child.value) == "Literal"):
            yield from _tables(child, deep=deep)


def _constants(table: ast.AST) -> Iterator[str]:
    """The strings of a table; what a call within it is given is a citation, and so are keys of a table of functions."""
    if isinstance(table, ast.Call) and ast.unparse(table.func) not in COLLECTIONS:
        return
    if isinstance(table, ast.Constant) and isinstance(table.value, str):
        yield table.value
    hidden = table.keys if isinstance(table, ast.Dict) and _dispatches(table) else []
    for child in ast.iter_child_nodes(table):
        if child not in hidden:
            yield from _constants(child)


def _dispatches(table: ast.Dict) -> bool:
    return all(isinstance(value, ast.Name | ast.Attribute | ast.Lambda) for value in table.values)


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


# -- form


def test_modules_are_small_and_say_what_they_are() -> None:
    found: dict[str, list[str]] = {}
    for module in everything().values():
        wrong = [] if (lines := len(module.text.splitlines())) <= 400 else [f"{lines} lines hold a second noun"]
        wrong += [] if not module.text or ast.get_docstring(module.tree) else ["does not say what it is"]
        wrong += (
            ["is named for nothing"] if module.path.stem in {"utils", "helpers", "manager", "common", "base"} else []
        )
        if wrong:
            found[str(module)] = wrong
    hold("form", found, "A module is one noun of at most 400 lines and says what it is")
