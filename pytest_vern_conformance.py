"""The part of the pytest plugin that judges an implementation: each clause of the contract as a test.

    pytest --vern-conformance target.yaml

It imports nothing of ours: `vern-conformance` is a process of its own. So folders of the same names are in nobody's
way, and no configuration or hook of the tests has a say in a verdict.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SUITE = "vern-conformance"
"""What stands in the place of a file in the ids of the clauses' tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this part."""
    group = parser.getgroup("vern-mock")
    group.addoption(
        "--vern-conformance",
        metavar="TARGET",
        help="judge an implementation of Vern's Preview API: a target file, or mock; each clause is a test",
    )
    group.addoption(
        "--vern-clauses", metavar="CLAUSE,...", default="", help="with --vern-conformance: these areas and ids alone"
    )
    group.addoption(
        "--vern-depth",
        choices=("quick", "whole"),
        default="whole",
        help="with --vern-conformance: try all that there is, or only what catches plain lies",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the clauses to what was collected, before -k and -m choose among it."""
    target = config.getoption("--vern-conformance")
    if target is None:
        return
    if hasattr(config, "workerinput"):
        raise pytest.UsageError("--vern-conformance judges a target as one client: add -n 0, so that xdist stays out")
    judgment = _judgment(target, config)
    items += [
        _Clause.from_parent(session, name=name, nodeid=f"{SUITE}::{name}", judgment=judgment)
        for name in judgment.clauses
    ]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Judge no more than what -k and -m have left."""
    chosen = [item for item in session.items if isinstance(item, _Clause)]
    for item in chosen:
        item.judgment.clauses = tuple(each.name for each in chosen)


@dataclass(slots=True)
class _Judgment:
    """One run of the suite, made when its first clause is asked for."""

    target: str
    folder: Path
    clauses: tuple[str, ...]
    depth: str
    made: dict[str, dict[str, Any]] | None = None

    def result(self, clause: str) -> dict[str, Any]:
        """What was found about the clause; pytest ends with 4 when the target cannot be judged at all."""
        if self.made is None:
            self.made = self._results()
        return self.made[clause]

    def _results(self) -> dict[str, dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            told = ("--target", self.target, "--depth", self.depth, "--json", str(report), "--end-with-stdin")
            ran = _vern_conformance(self.folder, "run", *self.clauses, *told)
            document = json.loads(report.read_text("utf-8")) if report.is_file() and report.stat().st_size else None
        if document is None:
            pytest.exit(f"the target cannot be judged: {ran.stderr.strip()}", returncode=4)
        if document["unreachable"] is not None:
            pytest.exit(f"the target cannot be judged: {document['unreachable']}", returncode=4)
        return {each["clause"]: each for each in document["results"]}


def _judgment(target: str, config: pytest.Config) -> _Judgment:
    """What is to be judged; a usage error says what is wrong with the words that were given."""
    folder = config.invocation_params.dir
    words = [word.strip() for word in config.getoption("--vern-clauses").split(",") if word.strip()]
    ran = _vern_conformance(folder, "list", *words, "--target", target, "--json")
    if ran.returncode:
        raise pytest.UsageError(f"--vern-conformance: {ran.stderr.strip()}")
    clauses = tuple(each["id"] for each in json.loads(ran.stdout)["clauses"])
    return _Judgment(target, folder, clauses, config.getoption("--vern-depth"))


def _vern_conformance(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program that is installed beside this module; it ends with this process, however that ends."""
    program, (read, write) = Path(__file__).with_name("vern_programs.py"), os.pipe()
    line = [sys.executable, "-P", str(program), "conformance", *arguments]
    try:
        return subprocess.run(  # noqa: S603 - our own interpreter and program, and no shell
            line,
            cwd=folder,
            stdin=read,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    finally:
        os.close(read)
        os.close(write)


class _Broken(Exception):
    """The clause did not pass; the text is its report."""


class _Clause(pytest.Item):
    """A clause of the contract as a test."""

    def __init__(self, *, judgment: _Judgment, **given: Any) -> None:
        super().__init__(**given)
        self.judgment = judgment

    def runtest(self) -> None:
        """Pass, skip or fail as the suite found."""
        result = self.judgment.result(self.name)
        outcome, level = result["outcome"], result["level"]
        if outcome in ("skipped", "not applicable"):
            pytest.skip(next((each["reason"] for each in result["findings"] if each["reason"]), outcome))
        if outcome == "failed" and level != "must":
            pytest.xfail(f"{self.name} is a {level} clause: {result['text']}")
        if outcome != "passed":
            raise _Broken(result["told"])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The suite's own report of the clause instead of a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, _Broken) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that the test is."""
        return self.config.rootpath / SUITE, None, self.name
