"""How many small mistakes the conformance suite notices, in the mock and in the independent implementation.

`mutating.py` makes the mistakes. Each is served and judged in a process of its own: the mock within the judge, the
independent implementation as its owner would, over HTTP with its target file, in a process beside the judge.
Mutants that no client could see are listed, with the reason, in `invisible-mutants.txt` beside this file.

    python tests/conformance/mutants.py                       a fixed random 400 of them
    python tests/conformance/mutants.py --all --log found.jsonl
    python tests/conformance/mutants.py --independent --all   the same of the independent implementation
    python tests/conformance/mutants.py --show 'preview.runs:Run'  what these mutants are, and what became of them
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutating import INDEPENDENT, MOCK, ROOT, SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mutating import Mutant, Server

    from conformance.model.results import Results

DOCUMENT = ROOT / "docs/mutants.md"
REVIEWED = Path(__file__).parent / "invisible-mutants.txt"
LIMITED = "independent.web:Limit."
"""Mutants that a server with a rate limit shows, which the independent implementation has where it is asked to."""

SECONDS = 120
SEEN, UNSEEN, UNTOLD, HIDDEN = "caught", "survived", "inconclusive", "invisible"


def fate(server: Server, mutant: Mutant, *, journey_only: bool) -> tuple[str, list[str]]:
    """What becomes of a mutant, and the clauses that it is said to break.

    A journey finds most of them; the rest is judged with generated requests and by the rate checks, too.
    """
    end, clauses = _judged(server, mutant, whole=False)
    is_told = end == SEEN or journey_only or (server is INDEPENDENT and not mutant.id.startswith(LIMITED))
    return (end, clauses) if is_told else _judged(server, mutant, whole=True)


def _judged(server: Server, mutant: Mutant, *, whole: bool) -> tuple[str, list[str]]:
    request = json.dumps({"module": server.package + mutant.module, "source": mutant.source, "whole": whole})
    command = [sys.executable, __file__, "--judge"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as ran:  # type: ignore[call-overload]
        try:
            told, wrong = ran.communicate(request, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(ran.pid, signal.SIGKILL)  # what it serves goes with it
            return SEEN, ["no end within its time"]
    if ran.returncode != 0:
        return SEEN, ["the server does not start:", *wrong.strip().splitlines()[-1:]]
    said = json.loads(told.splitlines()[-1])
    if said["failed"] or said["unreachable"]:
        return SEEN, said["failed"] or ["unreachable"]
    if said["skipped"]:  # as the gate of a CI job says it, which names with --require what may not be skipped
        return SEEN, [f"{each} skipped" for each in said["skipped"]]
    return (UNTOLD, said["inconclusive"]) if said["inconclusive"] else (UNSEEN, [])


def put(asked: dict[str, Any]) -> None:
    """Let the changed module stand where the module stands."""
    spec = importlib.util.find_spec(asked["module"])
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[asked["module"]] = module
    exec(compile(asked["source"], asked["module"], "exec"), module.__dict__)  # noqa: S102 - the mutant
    parent, _, name = asked["module"].rpartition(".")
    setattr(sys.modules[parent], name, module)


def judge() -> None:
    """In a process of its own: judge the server with the changed module, print what was found."""
    asked = json.loads(sys.stdin.read())
    sys.path.insert(0, str(ROOT))
    results = _of_independent(asked) if asked["module"].startswith("independent.") else _of_mock(asked)
    from conformance.model.results import Outcome
    from conformance.verdict import has_failed

    skipped = {each.clause for each in results.results if each.outcome is Outcome.SKIPPED}
    worse = (Outcome.INCONCLUSIVE, Outcome.ERROR)
    found = {
        "failed": [each.clause for each in results.results if has_failed(each)],
        "skipped": sorted(each for each in skipped if asked["whole"] or not each.startswith("RATE")),
        "inconclusive": [each.clause for each in results.results if each.outcome in worse],
        "unreachable": results.unreachable,
    }
    print(json.dumps(found))


def _of_mock(asked: dict[str, Any]) -> Results:
    put(asked)
    from conformance import Plan, run

    plan = Plan(isolated=False, rate_checks=True) if asked["whole"] else Plan(isolated=False, max_examples=0)
    return run("mock", replace(plan, max_time=SECONDS / 2))


def _of_independent(asked: dict[str, Any]) -> Results:
    """The first failed clause is enough. A whole judgement is one of its rate limit, which it has then."""
    from independent_process import JOURNEY, independent

    from conformance import run

    plan = replace(JOURNEY, max_failures=1, max_time=SECONDS * 3 / 4)
    if asked["whole"]:
        plan = replace(plan, clauses=("RATE",), rate_checks=True)
    with _written(asked) as file:
        options = ("--rate-limit", "60") if asked["whole"] else ()
        with independent(program=(__file__, "--serve", file), options=options) as target:
            return run(target, plan)


@contextmanager
def _written(asked: dict[str, Any]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
        json.dump(asked, file)
        file.flush()
        yield file.name


def serve(file: str) -> None:
    """In a process of its own: the independent implementation with the changed module."""
    put(json.loads(Path(file).read_text(encoding="utf-8")))
    from independent.__main__ import main as serve_it

    serve_it()


def invisible() -> dict[str, str]:
    """The reviewed mutants that no client can see: patterns of their ids, each with its reason."""
    lines = REVIEWED.read_text(encoding="utf-8").splitlines() if REVIEWED.exists() else []
    pairs = (line.partition("  ") for line in lines if line and not line.startswith("#"))
    return {pattern: reason.strip() for pattern, _, reason in pairs}


def main() -> None:
    """Judge the mutants, print each that was not caught, and the figures; all of them make the document."""
    if sys.argv[1:] == ["--judge"]:
        judge()
        return
    if sys.argv[1:2] == ["--serve"]:
        _, file = sys.argv.pop(1), sys.argv.pop(1)
        serve(file)
        return
    given = _arguments()
    server = INDEPENDENT if given.independent else MOCK
    chosen = _chosen(list(server.mutants()), given)
    hidden, fates = invisible(), []
    for found in _fates(server, chosen, given):
        fates.append(found)
        if given.show or (found.end != SEEN and _reason(found.mutant, hidden) is None):
            print(f"{found.end}: {found.mutant.id}  line {found.mutant.line}: {found.mutant.change}  {found.why}")
        if sys.stderr.isatty():
            print(f"\r{len(fates)}/{len(chosen)}", end="", file=sys.stderr)
    print(_figures(fates, hidden))
    if given.all or given.write:
        DOCUMENT.write_text(_document(server, fates, hidden), encoding="utf-8")
        print(f"{DOCUMENT.relative_to(ROOT)} is written")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--independent", action="store_true", help="of the independent implementation, not of the mock")
    parser.add_argument("--all", action="store_true", help="every mutant, not a random choice; writes docs/mutants.md")
    parser.add_argument("--write", action="store_true", help="write docs/mutants.md, of a choice as well")
    parser.add_argument("--known", action="store_true", help="only those that the log has, so that none is judged")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", metavar="ID", help="only those whose id begins so")
    parser.add_argument("--journey-only", action="store_true", help="only in a journey, without generated requests")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="keep what was found; what is there is not judged again"
    )
    return parser.parse_args()


def _chosen(every: list[Mutant], given: argparse.Namespace) -> list[Mutant]:
    if given.show:
        return [mutant for mutant in every if mutant.id.startswith(given.show)]
    if given.all or given.count >= len(every):
        return every
    return random.Random(given.seed).sample(every, given.count)  # noqa: S311 - a choice, no secret


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


def _fates(server: Server, chosen: list[Mutant], given: argparse.Namespace) -> Iterator[Fate]:
    """The fate of each, as it is known; those that the log has already come from there."""
    lines = given.log.read_text(encoding="utf-8").splitlines() if given.log and given.log.exists() else []
    known = {(each["id"], each["change"]): each for each in map(json.loads, lines)}

    def found(mutant: Mutant) -> Fate:
        if (there := known.get((mutant.id, mutant.change))) is not None:
            return Fate(mutant, there["end"], there["clauses"])
        return Fate(mutant, *fate(server, mutant, journey_only=given.journey_only))

    if given.known:
        chosen = [mutant for mutant in chosen if (mutant.id, mutant.change) in known]
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


def _document(server: Server, fates: list[Fate], hidden: dict[str, str]) -> str:
    """What is in docs/mutants.md: a part for each server, of which this one's is new."""
    there = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    parts = {each.partition("\n")[0]: each.partition("\n")[2].strip() for each in f"\n{there}".split("\n## ")[1:]}
    parts[server.name] = "\n".join(_part(server, fates, hidden))
    head = "# Mechanical mutants\n\nMade by `make mutants`, which takes hours; see `tests/conformance/mutants.py`.\n"
    return head + "".join(f"\n## {each.name}\n\n{parts[each.name]}\n" for each in SERVERS if each.name in parts)


def _part(server: Server, fates: list[Fate], hidden: dict[str, str]) -> Iterator[str]:
    every = sum(1 for _ in server.mutants())
    if len(fates) < every:
        yield from (f"These are the figures of {len(fates)} of its {every} mutants; the others were not judged.", "")
    yield from (f"**{_figures(fates, hidden)}.**", "")
    yield from (f"| module | mutants | {SEEN} | {UNTOLD} | {UNSEEN} | {HIDDEN} |", "|---|---|---|---|---|---|")
    for module in server.modules:
        here = [each for each in fates if each.mutant.module == module]
        found = _counted(here, hidden)
        figures = " | ".join(str(found[each]) for each in (SEEN, UNTOLD, UNSEEN, HIDDEN))
        yield f"| {module} | {len(here)} | {figures} |"
    lost = [each for each in fates if each.end != SEEN]
    if open_ones := [each for each in lost if _reason(each.mutant, hidden) is None]:
        yield from ("", "Not caught, and not reviewed as invisible:", "", "| mutant | change | end |", "|---|---|---|")
        for each in open_ones:
            yield f"| {each.mutant.id} | `{each.mutant.change.replace('|', chr(92) + '|')}` | {each.end} |"
    yield from ("", "Reviewed, what no client of the API could hold against it:", "")
    yield from ("| mutants | how many | why |", "|---|---|---|")
    for pattern, reason in hidden.items():
        if number := sum(_reason(each.mutant, {pattern: reason}) is not None for each in lost):
            yield f"| {pattern} | {number} | {reason} |"


if __name__ == "__main__":
    main()
