"""Writes the tables of the docs: which check tries which clause, which liars are told, that no honest server is accused.

    make tables                  docs/clauses.md and docs/liars.md, some minutes
    make yardstick               the same liars before plain Schemathesis with all its checks, a quarter of an hour

Each server is judged by the whole suite, in a journey.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from conformance import catalogue
from conformance.clauses import server_clauses
from conformance.mocktarget import KEY, mock
from conformance.results import Outcome
from conformance.verdict import has_failed
from honest import HONEST
from judging import worse_than_passed
from liars import LIARS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
CLAUSES, LIES = ROOT / "docs/clauses.md", ROOT / "docs/liars.md"
YARDSTICK = re.compile(r"<!-- yardstick -->\n(.*?)<!-- /yardstick -->", re.DOTALL)
Found = TypeVar("Found")
NOT_MEASURED = "Not measured yet: `make yardstick`.\n"


def clauses() -> str:
    """The document that lists each server clause with its checks."""
    chosen = server_clauses()
    untested = sum(each.not_tested is not None for each in chosen.values())
    head = (
        "# Clauses and their checks\n\n"
        "Made by `make tables` from `openapi/clauses.yaml` and the checks; `vern-conformance list --markdown` prints the "
        f"table.\n{len(chosen)} clauses bind servers; {untested} of them cannot be tried by any test.\n\n"
    )
    return head + catalogue.markdown(chosen)


def of_liar(number: int) -> tuple[list[str], list[str]]:
    """The clauses that the suite says a liar breaks, and those that it could not tell."""
    results = LIARS[number].judged(whole=True, isolated=False).results
    told = [each.clause for each in results if has_failed(each)]
    return told, [each.clause for each in results if each.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)]


def of_honest(number: int) -> list[str]:
    """The clauses that the suite holds against an honest server."""
    return list(worse_than_passed(HONEST[number].judged(isolated=False)))


def of_schemathesis(number: int | None) -> list[str]:
    """What plain Schemathesis, with every check on, reports about a liar (None: about the honest mock)."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        liar = None if number is None else LIARS[number]
        limit = None if liar is None else liar.rate_limit
        with mock(speed=60, bend=None if liar is None else lambda app: liar.make(app, patch), rate_limit=limit) as server:
            report = Path(folder) / "report.json"
            line = ["schemathesis", "run", ROOT / "openapi/migration-api.yaml", "--url", f"{server.url}/api/v1"]
            line += ["-H", f"x-api-key: {KEY}", "--checks", "all", "--max-examples", "10", "--seed", "1"]
            line += ["--continue-on-failure", "--generation-database", "none", "--report", "json"]
            line += ["--report-json-path", report, "--request-timeout", "5"]
            path = Path(sys.executable).parent / str(line[0])
            subprocess.run([path, *line[1:]], cwd=folder, capture_output=True, check=False, timeout=180)  # noqa: S603
            return _failures(json.loads(report.read_text()))


def _failures(report: object) -> list[str]:
    """Each operation with each check that failed on it, once."""
    found: set[str] = set()

    def walk(value: object, operation: str) -> None:
        match value:
            case dict():
                operation = str(value.get("operation") or value.get("label") or operation)
                if "check" in value or "check_name" in value:
                    found.add(f"{operation} {value.get('check') or value.get('check_name')}")
                for each in value.values():
                    walk(each, operation)
            case list():
                for each in value:
                    walk(each, operation)

    walk(report, "")
    return sorted(found)


def liars() -> str:
    """The document with the two tables."""
    told = _all(of_liar, len(LIARS), "liars")
    accused = _all(of_honest, len(HONEST), "honest servers")
    caught = [{each.clause, *each.implied} & set(broken) for each, (broken, _) in zip(LIARS, told, strict=True)]
    median = statistics.median(len(broken) for broken, _ in told)
    lines = [
        "# Liars and honest servers",
        "",
        "Made by `make tables`. Each line is our own mock, bent in one place and judged by the whole suite, in a journey.",
        "",
        f"**Liars caught: {sum(map(bool, caught))} of {len(LIARS)}.** "
        f"**Honest servers accused: {sum(map(bool, accused))} of {len(HONEST)}.** "
        f"A lie reads as {median:g} failed clause{'s' * (median != 1)} at the median.",
        "",
        "As a yardstick, plain Schemathesis with all its checks:",
        "",
        "<!-- yardstick -->",
        _yardstick() + "<!-- /yardstick -->",
        "",
        "## Liars",
        "",
        "| breaks | this server … | the suite says it breaks |",
        "|---|---|---|",
    ]
    for liar, (broken, _) in zip(LIARS, told, strict=True):
        lines.append(f"| {liar.clause} | {_cell(liar.lie)} | {', '.join(broken) or '**nothing**'} |")
    lines += ["", "## Honest servers", "", "| about | this server … | accused of |", "|---|---|---|"]
    for honest, against in zip(HONEST, accused, strict=True):
        lines.append(f"| {honest.open_point} | {_cell(honest.reading)} | {', '.join(against) or 'nothing'} |")
    return "\n".join(lines) + "\n"


def _all(judge: Callable[[int], Found], count: int, what: str) -> list[Found]:
    """What is found of each, two at a time; the count goes to a terminal."""
    found = []
    with ProcessPoolExecutor(2) as pool:
        for number, each in enumerate(pool.map(judge, range(count)), 1):
            found.append(each)
            if sys.stderr.isatty():
                print(f"\r{what}: {number} of {count}", end="", file=sys.stderr)  # noqa: T201
    return found


def _yardstick() -> str:
    found = YARDSTICK.search(LIES.read_text()) if LIES.exists() else None
    return found[1] if found else NOT_MEASURED


def measure() -> str:
    """How many liars plain Schemathesis catches: those about which it reports more than about the honest mock."""
    usual = set(of_schemathesis(None))
    caught = [set(each) - usual for each in _all(of_schemathesis, len(LIARS), "liars")]
    return (
        f"it catches {sum(map(bool, caught))} of the {len(LIARS)} liars, and about the honest mock it reports "
        f"{len(usual)} failures ({', '.join(sorted(usual)) or 'none'}).\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def main() -> None:
    """Write the tables, or the yardstick's line in them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yardstick", action="store_true", help="measure plain Schemathesis, and put it into the table")
    if parser.parse_args().yardstick:
        line = measure()
        LIES.write_text(YARDSTICK.sub(f"<!-- yardstick -->\n{line}<!-- /yardstick -->", LIES.read_text()))
        print(line)  # noqa: T201
        return
    CLAUSES.write_text(clauses())
    LIES.write_text(liars())
    print(f"{CLAUSES.relative_to(ROOT)} and {LIES.relative_to(ROOT)} are written")  # noqa: T201


if __name__ == "__main__":
    main()
