"""The part of the pytest plugin that judges an implementation: each clause of the contract as a test.

pytest --vern-conformance target.yaml
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.model.results import Results

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

    target: Any
    clauses: tuple[str, ...]
    made: Results | None = None

    def results(self) -> Results:
        """Everything that was found; pytest ends with 4 when the target cannot be judged at all."""
        if self.made is None:
            from conformance import Plan, run  # noqa: PLC0415 - heavy, and only for this option

            self.made = run(self.target, Plan(clauses=self.clauses))
        if self.made.unreachable is not None:
            pytest.exit(f"the target cannot be judged: {self.made.unreachable}", returncode=4)
        return self.made


def _judgment(target: str, config: pytest.Config) -> _Judgment:
    """What is to be judged; a usage error says what is wrong with the words that were given."""
    try:
        from conformance.model import clauses  # noqa: PLC0415 - only for this option
        from conformance.preview import target_file as targetfile  # noqa: PLC0415 - only for this option
        from conformance.preview.suite import MOCK  # noqa: PLC0415 - only for this option
        from mock_server.contract.yaml_file import BadFiles  # noqa: PLC0415 - only for this option
    except ModuleNotFoundError as missing:
        raise pytest.UsageError(
            f"--vern-conformance needs {missing.name}: pip install '.[conformance]' in a checkout"
        ) from None
    try:
        known = target if target == MOCK else targetfile.load(config.invocation_params.dir / target)
        return _Judgment(known, tuple(clauses.select(config.getoption("--vern-clauses").split(","))))
    except BadFiles as bad:
        raise pytest.UsageError("\n".join(map(str, bad.complaints))) from None
    except clauses.UnknownClause as unknown:
        raise pytest.UsageError(f"--vern-clauses: {unknown.args[0]}") from None


class _Broken(Exception):
    """The clause did not pass; the text is its report."""


class _Clause(pytest.Item):
    """A clause of the contract as a test."""

    def __init__(self, *, judgment: _Judgment, **given: Any) -> None:
        super().__init__(**given)
        self.judgment = judgment

    def runtest(self) -> None:
        """Pass, skip or fail as the suite found."""
        from conformance.model.results import Outcome  # noqa: PLC0415 - only for this option
        from conformance.report.terminal import fault  # noqa: PLC0415 - as above

        results = self.judgment.results()
        result = next(each for each in results.results if each.clause == self.name)
        if result.outcome in (Outcome.SKIPPED, Outcome.NOT_APPLICABLE):
            pytest.skip(next((each.reason for each in result.findings if each.reason), result.outcome.word))
        if result.outcome is Outcome.FAILED and result.level != "must":
            pytest.xfail(f"{result.clause} is a {result.level} clause: {result.text}")
        if result.outcome > Outcome.PASSED:
            raise _Broken(fault(results, result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The suite's own report of the clause instead of a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, _Broken) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that the test is."""
        return self.config.rootpath / SUITE, None, self.name
