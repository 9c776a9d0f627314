"""The project's own source, parsed once: what each module imports, in which room it stands, where cycles are."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parent.parent
PACKAGES = ("mock_server", "conformance")
STATE = {"Session", "Account", "Company", "Upload", "Run", "ImportRun", "ExportRun"}
MUTATORS = frozenset(
    ("append", "appendleft", "add", "clear", "discard", "extend", "insert", "pop", "popleft", "popitem", "remove")
) | {"reverse", "setdefault", "sort", "update"}
OTHERS = {
    "client",
    "entry",
    "entry.request",
    "partner",
    "self._app",
    "self.part",
    "self.sessions",
    "trace",
    "trace.journal",
    "x",
    "x.entry",
}
"""What has attributes of the same names and is no part of a session's state: an exchange, its entry, a player, …"""


@dataclass(frozen=True)
class Import:
    """One imported module or name, dotted; whether only type checkers see it, and whether a function imports it."""

    name: str
    line: int
    typing: bool
    lazy: bool


@dataclass(frozen=True)
class Module:
    """One file of Python of the package `package`, with its syntax tree."""

    package: str
    path: Path
    place: str
    """The path within the package, such as `kernel/clock.py`."""

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        parts = [self.package, *Path(self.place).with_suffix("").parts]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The folder below the package that it stands in; for a module at the top its own name."""
        first = Path(self.place).parts[0]
        return first.removesuffix(".py")

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree, typing=False, lazy=False))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def docstrings(self) -> frozenset[int]:
        """The ids of the constants that are docstrings, of attributes, too."""
        return frozenset(id(node.value) for node in self.nodes if isinstance(node, ast.Expr))

    def __str__(self) -> str:
        return f"{self.package}/{self.place}".lstrip("/")


def _imports(node: ast.AST, *, typing: bool, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (Import(each.name, child.lineno, typing, lazy) for each in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (Import(f"{module}.{each.name}", child.lineno, typing, lazy) for each in names)
            case ast.ImportFrom():
                raise AssertionError(f"line {child.lineno} imports relatively")
            case ast.If(test=test) if "TYPE_CHECKING" in ast.unparse(test):
                yield from _imports(child, typing=True, lazy=lazy)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from _imports(child, typing=typing, lazy=True)
            case ast.stmt() | ast.ExceptHandler() | ast.match_case():
                yield from _imports(child, typing=typing, lazy=lazy)


@cache
def modules(package: str, root: Path = ROOT) -> tuple[Module, ...]:
    """Every module of a package, in order; each is parsed once, when it is first looked at."""
    top = root / package
    files = (path for path in sorted(top.rglob("*.py")) if "__pycache__" not in path.parts)
    return tuple(Module(package, path, path.relative_to(top).as_posix()) for path in files)


def within(module: Module, known: Mapping[str, Module]) -> Iterator[tuple[Import, Module]]:
    """The imports of a module that lead to one of the known modules, with that module."""
    for each in module.imports:
        target = known.get(each.name) or known.get(each.name.rpartition(".")[0])
        if target is not None and target is not module:
            yield each, target


def cycles(package: str, root: Path = ROOT) -> list[list[str]]:
    """The groups of modules that import each other when the program runs, in functions too; each group sorted."""
    known = {module.name: module for module in modules(package, root)}
    arrows = {name: {to.name for how, to in within(module, known) if not how.typing} for name, module in known.items()}
    reached = {name: _reached(name, arrows) for name in arrows}
    groups = {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in arrows
        if name in reached[name]
    }
    return sorted(sorted(group) for group in groups)


def _reached(start: str, arrows: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(arrows[start])
    while ahead:
        if (name := ahead.pop()) not in found:
            found.add(name)
            ahead += arrows[name]
    return found


@cache
def _state(root: Path) -> frozenset[str]:
    """The attributes of the classes that hold a session's state, as the classes declare them."""
    names: set[str] = set()
    for module in modules("mock_server", root):
        for node in module.nodes:
            if isinstance(node, ast.ClassDef) and node.name in STATE:
                stored = [each for each in ast.walk(node) if isinstance(each, ast.Attribute | ast.Name)]
                own = [each for each in stored if isinstance(each.ctx, ast.Store)]
                names |= {each.attr for each in own if isinstance(each, ast.Attribute) and _root(each) == "self"}
                names |= {each.target.id for each in node.body if _declares(each)}  # type: ignore[attr-defined] # so it is
    return frozenset(names)


def _declares(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _root(node: ast.expr) -> str:
    return ast.unparse(node.value) if isinstance(node, ast.Attribute) else ""


def changes_of_state(module: Module) -> Iterator[str]:
    """Where a module changes the state of a session, a company or a run, without what makes a new one."""
    for _, targets in changing_functions(module):
        yield from (f"line {target.lineno} changes {ast.unparse(target)}" for target in targets)


def changing_functions(module: Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, list[ast.Attribute]]]:
    """The functions of a module that change such state, each with what it changes."""
    state = _state(module.path.parents[module.place.count("/") + 1])
    for function, within_state in _functions(module.tree, within_state=False):
        targets = [target for each in ast.walk(function) for target in _targets(each) if target.attr in state]
        skipped = OTHERS if within_state else OTHERS | {"self"}
        if found := [target for target in targets if _root(target) not in skipped]:
            yield function, found


def _functions(node: ast.AST, *, within_state: bool) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Every function of a module, and whether it is a method of a class of the state; without what makes an object."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, within_state=child.name in STATE)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            if child.name not in {"__init__", "__post_init__"}:
                yield child, within_state
        else:
            yield from _functions(child, within_state=within_state)


def _targets(node: ast.AST) -> Iterator[ast.Attribute]:
    """The attributes that a statement assigns, deletes, or changes in place."""
    changed: list[ast.expr] = []
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            changed = targets
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            changed = [target]
        case ast.Call(func=ast.Attribute(value=ast.Attribute() as target, attr=name)) if name in MUTATORS:
            changed = [target]
    for each in changed:
        for part in each.elts if isinstance(each, ast.Tuple) else [each]:
            while isinstance(part, ast.Subscript):
                part = part.value  # noqa: PLW2901 - down to what holds the item
            if isinstance(part, ast.Attribute):
                yield part


def words(module: Module) -> Iterator[str]:
    """The identifiers of a module and its strings apart from docstrings; not what it imports from elsewhere."""
    for node in module.nodes:
        match node:
            case ast.Constant(value=str(text)) if id(node) not in module.docstrings:
                yield text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
