"""How many small mistakes in the mock the conformance suite notices: `make mutants`.

Each mutant is one change in the source of one module: a comparison turned round, a guard that never holds, another
status code, a member left out. It is served and judged in a process of its own.
Mutants that no client could see are listed, with the reason, in `invisible-mutants.txt` beside this file.

    python tests/conformance/mutants.py                       a fixed random 400 of them
    python tests/conformance/mutants.py --all --log found.jsonl
    python tests/conformance/mutants.py --show 'preview.runs:Run'  what these mutants are, and what became of them
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/mutants.md"
REVIEWED = Path(__file__).parent / "invisible-mutants.txt"
MODULES = (
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
OPERATORS = (
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

SECONDS = 90
SEEN, UNSEEN, UNTOLD, HIDDEN = "caught", "survived", "inconclusive", "invisible"
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


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module of the mock."""
    path = ROOT / "mock_server" / (module.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    counted: Counter[str] = Counter()
    for owner, function in _functions(tree):
        if any(fnmatchcase(f"{module}:{owner}", each) for each in OPERATORS):
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


def functions(path: Path) -> list[str]:
    """The names of a module's functions, those within a class as `Class.name`."""
    return [name for name, _ in _functions(ast.parse(path.read_text(encoding="utf-8")))]


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


def fate(mutant: Mutant, *, journey_only: bool) -> tuple[str, list[str]]:
    """What becomes of a mutant, and the clauses that it is said to break.

    A journey finds most of them; the rest is judged with generated requests and by the rate checks, too.
    """
    end, clauses = _judged(mutant, whole=False)
    return (end, clauses) if end == SEEN or journey_only else _judged(mutant, whole=True)


def _judged(mutant: Mutant, *, whole: bool) -> tuple[str, list[str]]:
    request = json.dumps({"module": f"mock_server.{mutant.module}", "source": mutant.source, "whole": whole})
    command = [sys.executable, __file__, "--judge"]
    try:
        ran = subprocess.run(command, input=request, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return SEEN, ["no end within its time"]
    if ran.returncode != 0:
        return SEEN, ["the server does not start"]
    said = json.loads(ran.stdout.splitlines()[-1])
    if said["failed"] or said["unreachable"]:
        return SEEN, said["failed"] or ["unreachable"]
    if said["skipped"]:  # as the gate of a CI job says it, which names with --require what may not be skipped
        return SEEN, [f"{each} skipped" for each in said["skipped"]]
    return (UNTOLD, said["inconclusive"]) if said["inconclusive"] else (UNSEEN, [])


def judge() -> None:
    """In a process of its own: put the changed module in place, judge the mock, print what was found."""
    import importlib.util

    asked = json.loads(sys.stdin.read())
    sys.path.insert(0, str(ROOT))
    spec = importlib.util.find_spec(asked["module"])
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[asked["module"]] = module
    exec(compile(asked["source"], asked["module"], "exec"), module.__dict__)  # noqa: S102 - the mutant
    parent, _, name = asked["module"].rpartition(".")
    setattr(sys.modules[parent], name, module)

    from conformance import Plan, run
    from conformance.model.results import Outcome
    from conformance.verdict import has_failed

    plan = Plan(isolated=False, rate_checks=True) if asked["whole"] else Plan(isolated=False, max_examples=0)
    results = run("mock", replace(plan, max_time=SECONDS / 2))
    skipped = {each.clause for each in results.results if each.outcome is Outcome.SKIPPED}
    worse = (Outcome.INCONCLUSIVE, Outcome.ERROR)
    found = {
        "failed": [each.clause for each in results.results if has_failed(each)],
        "skipped": sorted(each for each in skipped if asked["whole"] or not each.startswith("RATE")),
        "inconclusive": [each.clause for each in results.results if each.outcome in worse],
        "unreachable": results.unreachable,
    }
    print(json.dumps(found))


def invisible() -> dict[str, str]:
    """The reviewed mutants that no client can see: patterns of their ids, each with its reason."""
    lines = REVIEWED.read_text(encoding="utf-8").splitlines() if REVIEWED.exists() else []
    pairs = (line.partition("  ") for line in lines if line and not line.startswith("#"))
    return {pattern: reason.strip() for pattern, _, reason in pairs}


def main() -> None:
    """Judge the mutants, print each that was not caught, and the figures; all of them make the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every mutant, not a random choice; writes docs/mutants.md")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", metavar="ID", help="only those whose id begins so")
    parser.add_argument("--journey-only", action="store_true", help="only in a journey, without generated requests")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="keep what was found; what is there is not judged again"
    )
    parser.add_argument("--judge", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.judge:
        judge()
        return
    every = [mutant for module in MODULES for mutant in mutants(module)]
    if given.show:
        chosen = [mutant for mutant in every if mutant.id.startswith(given.show)]
    elif given.all or given.count >= len(every):
        chosen = every
    else:
        chosen = random.Random(given.seed).sample(every, given.count)  # noqa: S311 - a choice, no secret
    hidden, fates = invisible(), []
    for found in _fates(chosen, given):
        fates.append(found)
        if given.show or (found.end != SEEN and _reason(found.mutant, hidden) is None):
            print(f"{found.end}: {found.mutant.id}  line {found.mutant.line}: {found.mutant.change}  {found.why}")
        if sys.stderr.isatty():
            print(f"\r{len(fates)}/{len(chosen)}", end="", file=sys.stderr)
    print(_figures(fates, hidden))
    if given.all:
        DOCUMENT.write_text(_document(fates, hidden), encoding="utf-8")
        print(f"{DOCUMENT.relative_to(ROOT)} is written")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant."""

    mutant: Mutant
    end: str
    clauses: list[str]

    @property
    def why(self) -> str:
        """The first clauses that tell, or could not."""
        return " ".join(self.clauses[:4])


def _fates(chosen: list[Mutant], given: argparse.Namespace) -> Iterator[Fate]:
    """The fate of each, as it is known; those that the log has already come from there."""
    lines = given.log.read_text(encoding="utf-8").splitlines() if given.log and given.log.exists() else []
    known = {(each["id"], each["change"]): each for each in map(json.loads, lines)}

    def found(mutant: Mutant) -> Fate:
        if (there := known.get((mutant.id, mutant.change))) is not None:
            return Fate(mutant, there["end"], there["clauses"])
        return Fate(mutant, *fate(mutant, journey_only=given.journey_only))

    with ThreadPoolExecutor(given.workers) as pool:
        for each in pool.map(found, chosen):
            yield each
            if given.log and (each.mutant.id, each.mutant.change) not in known:
                said = {"id": each.mutant.id, "change": each.mutant.change, "end": each.end, "clauses": each.clauses}
                with given.log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(said) + "\n")


def _reason(mutant: Mutant, hidden: dict[str, str]) -> str | None:
    return next((reason for pattern, reason in hidden.items() if fnmatchcase(mutant.id, pattern)), None)


def _counted(fates: list[Fate], hidden: dict[str, str]) -> Counter[str]:
    known = (each.end != SEEN and _reason(each.mutant, hidden) is not None for each in fates)
    return Counter(HIDDEN if is_known else each.end for each, is_known in zip(fates, known, strict=True))


def _figures(fates: list[Fate], hidden: dict[str, str]) -> str:
    found = _counted(fates, hidden)
    untold = sum(each.end == UNTOLD for each in fates)
    visible = len(fates) - found[HIDDEN]
    return (
        f"{found[SEEN]} of {len(fates)} caught ({found[SEEN] / max(1, len(fates)):.0%}), "
        f"{found[SEEN]} of the {visible} that a client could see ({found[SEEN] / max(1, visible):.0%}); "
        f"{untold} of {len(fates)} inconclusive ({untold / max(1, len(fates)):.1%})"
    )


def _document(fates: list[Fate], hidden: dict[str, str]) -> str:
    """What is in docs/mutants.md."""
    lines = [
        "# Mechanical mutants",
        "",
        "Made by `make mutants`, which takes an hour or less; see `tests/conformance/mutants.py`.",
        "",
    ]
    lines += [f"**{_figures(fates, hidden)}.**", "", f"| module | mutants | {SEEN} | {UNTOLD} | {UNSEEN} | {HIDDEN} |"]
    lines.append("|---|---|---|---|---|---|")
    for module in MODULES:
        here = [each for each in fates if each.mutant.module == module]
        found = _counted(here, hidden)
        figures = " | ".join(str(found[each]) for each in (SEEN, UNTOLD, UNSEEN, HIDDEN))
        lines.append(f"| {module} | {len(here)} | {figures} |")
    lines += ["", "## Not caught, and not reviewed as invisible", "", "| mutant | change | end |", "|---|---|---|"]
    lost = [each for each in fates if each.end != SEEN]
    for each in lost:
        if _reason(each.mutant, hidden) is None:
            lines.append(f"| {each.mutant.id} | `{each.mutant.change.replace('|', chr(92) + '|')}` | {each.end} |")
    lines += [
        "",
        "## Reviewed: no client of the API could hold these against the mock",
        "",
        "| mutants | how many | why |",
    ]
    lines.append("|---|---|---|")
    for pattern, reason in hidden.items():
        number = sum(_reason(each.mutant, {pattern: reason}) is not None for each in lost)
        lines.append(f"| {pattern} | {number} | {reason} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
