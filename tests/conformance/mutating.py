"""Small mistakes, made by machine: each is one change in the source of one module.

A comparison turned round, a guard that never holds, another status code, a member left out. `mutants.py` judges them.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_MODULES = (
    *("preview.account", "preview.beats", "preview.companies", "preview.decisions", "preview.downloads"),
    *(
        "preview.exports",
        "preview.history",
        "preview.lifecycle",
        "preview.operations",
        "preview.preconditions",
    ),
    *("preview.questions", "preview.runs", "preview.uploads"),
    *("data.book", "data.csv_file", "data.rules", "data.templates", "data.uploaded"),
    *("http.messages", "kernel.ids", "kernel.rate_limit", "session.exchange"),
)
"""The modules that obey the contract; what the judge reads itself (contract) and what no client of the API reaches
(admin, commands, logs) is left out, and so are the generated rows of scripted scenarios (`data.generated`):
the suite sends rows of its own, to the scenario `live`. The same holds for the forms of files that are no RFC 4180
(`data.csv_text`)."""
_OPERATORS = (
    "preview.account:Account._forget_hidden", "preview.runs:ImportRun.forget",  # memory given back
    "preview.account:Account.count_poll", "preview.account:Account.settle*", "preview.account:Account.step",  # paces,
    *(f"preview.runs:Run.{name}" for name in ("transitions", "poll", "settle", "step")),  # and what the clock tells
    "preview.account:Account.open_ready", "preview.account:Account.cancel", "preview.companies:Ledger.scenario*",
    "preview.operations:_scenario", "preview.preconditions:refuse_lacking", "data.rules:wrong_values",  # scenarios
    "data.book:Flagged.describe",
    "preview.beats:*.parse", "preview.beats:*.describe", "preview.beats:_*",
    *(f"preview.account:Account.{name}" for name in ("close", "restore")),  # sessions that end
    *(f"preview.companies:Ledger.{name}" for name in ("subject", "observe", "earlier")), "preview.lifecycle:before",
    *(f"session.exchange:Exchange.{name}" for name in ("__init__", "_understood", "receive", "drain", "told")),
    "session.exchange:Exchange.arrive",  # dialects, what the journal keeps
)  # fmt: skip
"""Functions of these modules that serve the mock's operator and of which the contract says nothing; left out, too."""


_TURNED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_STATUSES = ("queued", "running", "needs_attention", "completed", "failed", "canceled")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: where it is, and the module's whole source with it."""

    id: str
    """`module:function:kind:number`, the number counting within the function."""
    module: str
    line: int
    change: str
    source: str


@dataclass(frozen=True, slots=True)
class Server:
    """Whose source is changed."""

    name: str
    root: Path
    """The folder from which the names of its modules count."""
    package: str
    """What comes before these names where they are imported."""
    modules: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Patterns of functions that are not changed."""

    def file(self, module: str) -> Path:
        """Where a module's source is."""
        return self.root / f"{module.replace('.', '/')}.py"

    def mutants(self) -> Iterator[Mutant]:
        """Every mutant of every module."""
        for module in self.modules:
            yield from self._mutants(module)

    def functions(self) -> Iterator[str]:
        """`module:function` of all that there is, those within a class as `module:Class.name`."""
        for module in self.modules:
            tree = ast.parse(self.file(module).read_text(encoding="utf-8"))
            yield from (f"{module}:{name}" for name, _ in _functions(tree))

    def _mutants(self, module: str) -> Iterator[Mutant]:
        tree = ast.parse(self.file(module).read_text(encoding="utf-8"))
        counted: Counter[str] = Counter()
        for owner, function in _functions(tree):
            if any(fnmatchcase(f"{module}:{owner}", each) for each in self.left_out):
                continue
            for node in ast.walk(function):
                for kind, changed in _changes(node):
                    name = f"{module}:{owner}:{kind}"
                    counted[name] += 1
                    before = ast.unparse(node)[:60].replace("\n", " ")
                    after = ast.unparse(changed)[:60].replace("\n", " ")
                    source = ast.unparse(ast.fix_missing_locations(_Put(node, changed).visit(tree)))
                    _Put(changed, node).visit(tree)
                    line = getattr(node, "lineno", 0)
                    yield Mutant(f"{name}:{counted[name]}", module, line, f"{before} -> {after}", source)


MOCK = Server("The mock", ROOT / "mock_server", "mock_server.", _MODULES, _OPERATORS)
INDEPENDENT = Server(
    "The independent implementation",
    HERE,
    "",
    tuple(
        f"independent.{name}"
        for name in ("catalogue", "checking", "companies", "imports", "mending", "model", "outgoing", "web")
    ),
)
"""All of it but its backstage, which is the operator's."""
SERVERS = (MOCK, INDEPENDENT)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every function with its name, those within a class as `Class.name`; a function within another is its own."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{each.name}", each


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:  # noqa: C901 - a table
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _TURNED:
            yield "compare", ast.Compare(node.left, [_TURNED[type(operator)]()], node.comparators)
        case ast.BoolOp(op=operator, values=values):
            yield "boolean", ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not", operand
        case ast.If(body=body, orelse=rest):
            yield "guard", ast.If(ast.Constant(value=False), body, rest)
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int(number)) if 200 <= number < 600:
            yield "status", ast.Constant(200 if number != 200 else 202)
        case ast.Constant(value=int(number)):
            yield "number", ast.Constant(number + 1)
        case ast.Constant(value=str(text)) if text in _STATUSES:
            yield "state", ast.Constant(_STATUSES[(_STATUSES.index(text) + 1) % len(_STATUSES)])
        case ast.Dict(keys=keys, values=values) if keys:
            for number in range(len(keys)):
                yield "member", ast.Dict(keys[:number] + keys[number + 1 :], values[:number] + values[number + 1 :])
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign():
            yield "assignment", ast.Pass()


class _Put(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, ast.copy_location(new, old) if hasattr(old, "lineno") else new

    def visit(self, node: ast.AST) -> ast.AST:
        """The node, or what stands in its place."""
        return self.new if node is self.old else super().visit(node)
