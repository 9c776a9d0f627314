"""Writes the tables of the docs: which check tries which clause, which liars are told, which honest servers accused.

    make tables                  docs/clauses.md and docs/liars.md, some minutes
    make yardstick               a sample of them before plain Schemathesis with all its checks, two minutes

Each server is judged by the whole suite, in a journey.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from honest import HONEST
from judging import worse_than_passed
from liars import LIARS
from liars.untold import UNTOLD

from conformance.cli import clauses as catalogue
from conformance.model.clauses import server_clauses
from conformance.preview.suite import KEY, mock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
CLAUSES, LIES = ROOT / "docs/clauses.md", ROOT / "docs/liars.md"
YARDSTICK = re.compile(r"<!-- yardstick -->\n(.*?)<!-- /yardstick -->", re.DOTALL)
Found = TypeVar("Found")
FEW = 20
"""The yardstick takes the liar of every twentieth clause: one run of Schemathesis costs up to a quarter of a minute."""
NOT_MEASURED = "Not measured yet: `make yardstick`.\n"


def clauses() -> str:
    """The document that lists each server clause with its checks."""
    chosen = server_clauses()
    untested = sum(each.not_tested is not None for each in chosen.values())
    head = (
        "# Clauses and their checks\n\n"
        "Made by `make tables` from `openapi/clauses.yaml` and the checks; it is `vern-conformance list --markdown`.\n"
        f"{len(chosen)} clauses bind servers; {untested} of them cannot be tried by any test.\n\n"
    )
    return head + catalogue.markdown(chosen)


def of_liar(number: int) -> list[str]:
    """The clauses that a liar is said to break."""
    return LIARS[number].told()


def of_honest(number: int) -> list[str]:
    """The clauses that the suite holds against an honest server."""
    return list(worse_than_passed(HONEST[number].judged(isolated=False)))


def of_schemathesis(number: int | None) -> list[str]:
    """What plain Schemathesis, with every check on, reports about a liar (None: about the honest mock)."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        liar = None if number is None else LIARS[number]
        limit = None if liar is None else liar.rate_limit
        with mock(
            speed=60, bend=None if liar is None else lambda app: liar.make(app, patch), rate_limit=limit
        ) as server:
            report = Path(folder) / "report.json"
            line: list[str | Path] = [
                "schemathesis",
                "run",
                ROOT / "openapi/migration-api.yaml",
                "--url",
                f"{server.url}/api/v1",
            ]
            line += ["-H", f"x-api-key: {KEY}", "--checks", "all", "--max-examples", "10", "--seed", "1"]
            line += ["--continue-on-failure", "--generation-database", "none", "--report", "json"]
            line += ["--report-json-path", report, "--request-timeout", "5"]
            path = Path(sys.executable).parent / str(line[0])
            subprocess.run([path, *line[1:]], cwd=folder, capture_output=True, check=False, timeout=180)
            return _failures(json.loads(report.read_text()))


def _failures(report: dict[str, Any]) -> list[str]:
    """Each kind of failure with each operation on which it was reported."""
    return sorted({f"{each['title']}: {name}" for each in report["failures"] for name in each["operations"]})


def liars() -> str:
    """The document with the two tables."""
    told = _all(of_liar, range(len(LIARS)), "liars")
    accused = _all(of_honest, range(len(HONEST)), "honest servers")
    caught = [{each.clause, *each.implied} & set(broken) for each, broken in zip(LIARS, told, strict=True)]
    median = statistics.median(map(len, told))
    figures = (
        f"**Liars caught: {sum(map(bool, caught))} of {len(LIARS)}.** "
        f"**Honest servers accused: {sum(map(bool, accused))} of {len(HONEST)}.** "
        f"A lie reads as {median:g} failed clause{'s' * (median != 1)} at the median."
    )
    lines = [
        "# Liars and honest servers",
        "",
        "Made by `make tables`. Each line is our mock, bent in one place. A liar is judged by the checks of its",
        "clauses, an honest server by the whole suite in a journey. `make test` judges a sample of the liars again,",
        "`make test-all` all of them, in whole journeys, too.",
        "",
        figures,
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
    for liar, broken in zip(LIARS, told, strict=True):
        lines.append(f"| {liar.clause} | {cell(liar.lie)} | {', '.join(broken) or '**nothing**'} |")
    lines += ["", "## Not told", "", "| breaks | this server … | why it is not told |", "|---|---|---|"]
    lines += [f"| {clause} | {cell(lie)} | {cell(why)} |" for (clause, lie), why in UNTOLD.items()]
    lines += ["", "## Honest servers", "", "| about | this server … | accused of |", "|---|---|---|"]
    for honest, against in zip(HONEST, accused, strict=True):
        lines.append(f"| {honest.open_point} | {cell(honest.reading)} | {', '.join(against) or 'nothing'} |")
    return "\n".join(lines) + "\n"


def _all(judge: Callable[[int], Found], numbers: Sequence[int], what: str) -> list[Found]:
    """What is found of each, two at a time; the count goes to a terminal."""
    found = []
    with ProcessPoolExecutor(2) as pool:
        for number, each in enumerate(pool.map(judge, numbers), 1):
            found.append(each)
            if sys.stderr.isatty():
                print(f"\r{what}: {number} of {len(numbers)}", end="", file=sys.stderr)
    return found


def _yardstick() -> str:
    found = YARDSTICK.search(LIES.read_text()) if LIES.exists() else None
    return found[1] if found else NOT_MEASURED


def measure() -> str:
    """How many liars plain Schemathesis catches: those about which it reports more than about the honest mock."""
    usual = set(of_schemathesis(None))
    first = {liar.clause: number for number, liar in reversed(list(enumerate(LIARS)))}
    chosen = sorted(first.values())[::FEW]
    caught = [set(each) - usual for each in _all(of_schemathesis, chosen, "liars")]
    return (
        f"of a sample, the first liar of every twentieth clause, it catches {sum(map(bool, caught))} of {len(chosen)}; "
        f"the honest mock itself it accuses of {len(usual)} failures, which are not counted.\n"
    )


def cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return text.replace("|", r"\|").replace("\n", " ")


def main() -> None:
    """Write the tables, or the yardstick's line in them."""
    logging.disable()  # some of the servers lie in ways that make the one below them complain
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--yardstick", action="store_true", help="measure plain Schemathesis, and put it into the table"
    )
    if parser.parse_args().yardstick:
        line = measure()
        LIES.write_text(YARDSTICK.sub(f"<!-- yardstick -->\n{line}<!-- /yardstick -->", LIES.read_text()))
        print(line)
        return
    CLAUSES.write_text(clauses())
    LIES.write_text(liars())
    print(f"{CLAUSES.relative_to(ROOT)} and {LIES.relative_to(ROOT)} are written")


if __name__ == "__main__":
    main()
