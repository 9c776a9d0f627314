"""The figures of the house, measured on any checkout of this project: `make figures`.

Counts come from the files alone and take seconds; `--time` adds the ratios of bench.py. An older checkout is
measured by `--root DIR`.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import statistics
import sys
from collections import Counter, defaultdict
from functools import cache
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from source_tree import PACKAGES, Module, changes_of_state, cycles, modules, within, words  # noqa: E402 - on that path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WINDOW = 4
"""So many lines of a function that stand elsewhere, too, are a duplicate, whatever the names in them."""
GENERATION = re.compile(r"compan(y|ies)|needs_attention|import_?run|(start|list|poll)_imports?", re.IGNORECASE)


WRITTEN = "coverage_sources.json"
"""What `make tables` writes."""
NAMES = re.compile(r"""(?<![."'])\b[A-Za-z_]\w*\b(?!["'])""")

PLUGIN = ("pytest_vern_mock.py", "pytest_vern_conformance.py", "vern_programs.py")


class Addition(NamedTuple):
    """One of the ten things that are added, and how the files are found that a new one like it has to touch."""

    name: str
    example: str
    pattern: str = ""
    """A word of these files' code or data that names the example: an identifier or a string, whole."""
    folders: tuple[str, ...] = ("mock_server", "conformance", "openapi", *PLUGIN)


ADDITIONS = (
    Addition("report format", "JUnit", r"(?i)(.*[._/])?_?junit(xml)?", ("conformance", "openapi")),
    Addition("fault kind", "garble", r"(?i)_?garbled?"),
    Addition("beat", "die", r"(?i)_?die"),
    Addition("clause with check and liar", "the middle one of all that have both"),
    Addition(  # those who call it do not count
        "admin call",
        "/_mock/clock/advance",
        r"(?i)_?advance|.*clock/advance",
        ("mock_server/admin", "mock_server/session", "mock_server/store.py"),
    ),
    Addition("dialect reading", "bare-exports", r"(?i)bare[-_]exports"),
    Addition("CSV rule", "strict", r'"strict"', ("mock_server", "openapi")),  # the word as a string alone
    Addition("upload format", "CSV", r"(.*\.)?csv_?files?(\..*)?", ("mock_server",)),
    Addition("store", "modules that change a session's state"),
    Addition("generation", "modules outside preview/ that speak of companies or imports, or name preview/"),
)


def additions(root: Path) -> dict[str, list[str]]:
    """The files of each addition. Tests (but the liars), documents, scenarios and written tables do not count."""
    found: dict[str, list[str]] = {}
    for each in ADDITIONS:
        files = [path for folder in each.folders for path in _files(root / folder) if each.pattern]
        found[each.name] = [str(path.relative_to(root)) for path in files if _names(path, each.pattern)]
    found["clause with check and liar"] = _clause(root)
    found["store"] = [str(each) for each in modules("mock_server", root) if any(changes_of_state(each))]
    found["generation"] = [str(each) for package in PACKAGES for each in modules(package, root) if _knows_preview(each)]
    return found


def _clause(root: Path) -> list[str]:
    """The files that name a clause, for the clause which has the middle number of them."""
    places = (root / "openapi/clauses.yaml", root / "conformance", root / "tests/conformance/liars")
    files = [path for place in places for path in _files(place)]
    liars = {word for path in files if path.is_relative_to(places[2]) for word in _spoken(path)}
    known = sorted(word for word in _spoken(places[0]) & liars if re.fullmatch(r"[A-Z]+-\d\d", word))
    naming = sorted(
        ([str(path.relative_to(root)) for path in files if each in _spoken(path)] for each in known), key=len
    )
    return naming[len(naming) // 2]


def _files(place: Path, *kinds: str) -> Iterator[Path]:
    if place.is_file():
        yield place
    for path in sorted(place.rglob("*")):
        if path.suffix in (kinds or (".py", ".yaml", ".json")) and not {"__pycache__", WRITTEN} & set(path.parts):
            yield path


def _names(path: Path, pattern: str) -> bool:
    return any(re.fullmatch(pattern, word) for word in _spoken(path))


@cache
def _spoken(path: Path) -> frozenset[str]:
    """The words of a file of data; of a module its name, identifiers, strings (quoted, too) and what it imports."""
    if path.suffix != ".py":
        text = path.read_text(encoding="utf-8")
        return frozenset(re.findall(r"[\w./-]+", text) + re.findall(r'"[\w./-]+"', text))
    known = (each for package in PACKAGES for each in modules(package, ROOT) if each.path == path)  # parsed already
    module = next(known, Module("", path, path.name))
    quoted = (
        f'"{node.value}"' for node in module.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return frozenset({path.stem, *quoted, *words(module), *(each.name for each in module.imports)})


def _knows_preview(module: Module) -> bool:
    if module.room == "preview":
        return False
    imports = any(each.name.startswith(("mock_server.preview", "conformance.preview")) for each in module.imports)
    return imports or any(GENERATION.search(word) for word in words(module))


def levels(root: Path) -> dict[str, dict[str, int]]:
    """The levels of the rooms of each package, as that checkout's own test of its architecture gives them."""
    tree = ast.parse((root / "tests/test_architecture.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    given = next(ast.literal_eval(each.value) for each in assigned if ast.unparse(each.targets[0]) == "LEVELS")
    if 0 in given:  # as it was when modules stood flat: level to modules, for the mock alone
        return {"mock_server": {room: level for level, rooms in given.items() for room in rooms.split()}}
    return {
        name: {room: n for n, rooms in enumerate(order.split(",")) for room in rooms.split()}
        for name, order in given.items()
    }


def upward(package: str, level: Mapping[str, int], root: Path) -> int:
    """How many imports go up, or across on one level: pairs of module and module."""
    known = {module.name: module for module in modules(package, root)}
    pairs = {
        (module.name, target.name)
        for module in known.values()
        for _, target in within(module, known)
        if target.room != module.room and level.get(target.room, 0) > level.get(module.room, 99)
    }
    return len(pairs)


def duplicates(found: list[Module]) -> list[tuple[str, str, int]]:
    """Pairs of places that share so many lines of code or more: `file:line`, `file:line`, lines."""
    places: defaultdict[tuple[str, ...], list[tuple[str, int, int]]] = defaultdict(list)
    for module in found:
        lines = _code(module)
        for at in range(len(lines) - WINDOW + 1):
            window = tuple(text for _, text in lines[at : at + WINDOW])
            places[window].append((str(module), at, lines[at][0]))
    starts: dict[tuple[str, str, int], list[tuple[int, int, int]]] = defaultdict(list)
    for same in places.values():
        for n, (one, here, line) in enumerate(same):
            for other, there, its in same[n + 1 :]:
                starts[one, other, there - here].append((here, line, its))
    pairs = []
    for (one, other, apart), ats in starts.items():
        ahead = sorted(ats)
        for n, (at, line, its) in enumerate(ahead):
            if n == 0 or at != ahead[n - 1][0] + 1:  # a longer stretch is one pair
                length = next(k for k in range(1, len(ahead) + 1) if n + k == len(ahead) or ahead[n + k][0] != at + k)
                if one != other or apart >= length + WINDOW - 1:  # not a row of like lines
                    pairs.append((f"{one}:{line}", f"{other}:{its}", length + WINDOW - 1))
    return sorted(pairs)


def _code(module: Module) -> list[tuple[int, str]]:
    """The lines of code in functions of a module, with their numbers; names are blanked, other lines are unlike any."""
    functions = [node for node in module.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {at for node in functions for at in range(node.body[0].lineno, (node.end_lineno or 0) + 1)}
    hidden: set[int] = set()
    for node in module.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom) or id(getattr(node, "value", None)) in module.docstrings:
            hidden.update(range(node.lineno, (node.end_lineno or 0) + 1))  # type: ignore[attr-defined] # a statement
    found = []
    for at, line in enumerate(module.text.splitlines(), 1):
        text = line.partition("  #")[0].strip()
        if at not in hidden and re.search(r"\w", text) and text[0] != "#":
            found.append((at, NAMES.sub(_blank, text) if at in inside else f"{module}:{at}"))
    return found


def _blank(word: re.Match[str]) -> str:
    return word[0] if iskeyword(word[0]) or word[0] in {"self", "match", "case"} else "_"


def figures(root: Path) -> dict[str, int | str]:
    """Every figure that needs no clock, by its name."""
    plugin = [Module("", root / name, name) for name in PLUGIN]
    every = [*(each for package in PACKAGES for each in modules(package, root)), *plugin]
    rows = _sizes(root)
    for name in PACKAGES:
        top = [each.path.stem for each in modules(name, root) if "/" not in each.place]
        rows[f"flat modules of {name}"] = len(set(top) - {"__init__", "__main__", "version"})
    for name in PACKAGES:
        rows[f"modules in circles of {name}"] = sum(len(circle) for circle in cycles(name, root))
    rows |= _form(every)
    rows[f"duplicate pairs ({WINDOW} lines or more, names aside)"] = len(duplicates(every))
    order = levels(root)
    for name in PACKAGES:
        rows[f"imports that go up in {name}"] = upward(name, order[name], root) if name in order else "no order"
    for name, files in additions(root).items():
        rows[f"files to touch: {name}"] = len(files)
    return rows


def _sizes(root: Path) -> dict[str, int | str]:
    rows: dict[str, int | str] = {}
    plugin = sum(lines(root / name) for name in PLUGIN)
    outside = plugin + sum(map(lines, _files(root / "benchmarks", ".py")))
    for name in PACKAGES:
        found = [lines(each.path) for each in modules(name, root)]
        outside += sum(found)
        rows[f"modules of {name}"] = len(found)
        rows[f"lines of {name}"] = sum(found)
        rows[f"median / longest module of {name}"] = f"{statistics.median(found):.0f} / {max(found)}"
    rows["lines of the pytest plugin"] = plugin
    rows["lines of benchmarks"] = sum(map(lines, _files(root / "benchmarks", ".py")))
    rows["lines of Python outside tests"] = outside
    rows["lines of tests"] = sum(map(lines, _files(root / "tests", ".py")))
    return rows


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _form(every: list[Module]) -> dict[str, int | str]:
    nodes = [node for module in every for node in module.nodes]
    stems = Counter(module.path.stem for module in every if module.path.stem not in {"__init__", "__main__"})
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = [(node.end_lineno or 0) - node.lineno + 1 for node in functions]
    public = [node for module in every for node in _public(module.tree)]
    return {
        "classes": sum(isinstance(node, ast.ClassDef) for node in nodes),
        "class names with several meanings": len(meanings(every)),
        "module names that occur twice or more": sum(times > 1 for times in stems.values()),
        "functions over 30 / over 50 lines": f"{sum(n > 30 for n in lengths)} / {sum(n > 50 for n in lengths)}",
        "public docstrings": f"{sum(ast.get_docstring(node) is not None for node in public) / len(public):.0%}",
    }


def meanings(found: list[Module]) -> dict[str, list[str]]:
    """The names that several classes have, with their modules; a protocol means what the class means that keeps it."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for module in found:
        for node in module.nodes:
            if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases):
                places[node.name].append(str(module))
    return {name: where for name, where in sorted(places.items()) if len(where) > 1}


def _public(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--root", type=Path, default=ROOT, help="the checkout to measure")
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options.add_argument("--time", action="store_true", help="measure a poll, a decision and the first answer, too")
    options.add_argument(
        "--files", action="store_true", help="list duplicates, names of several classes, and the files of additions"
    )
    given = options.parse_args()
    root = given.root.resolve()
    rows = figures(root)
    if given.time:
        import bench

        rows |= bench.ratios(root)
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    for name, value in rows.items():
        print(f"{name:<52}{value:>12}" if isinstance(value, str) else f"{name:<52}{value:>12,}")
    if given.files:
        every = [each for package in PACKAGES for each in modules(package, root)]
        for one, other, lines in duplicates(every):
            print(f"  {lines} lines twice: {one} and {other}")
        for name, files in (meanings(every) | additions(root)).items():
            print(f"  {name}: {' '.join(files)}")


if __name__ == "__main__":
    main()
