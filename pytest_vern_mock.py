"""The pytest plugin: `pytest --vern-conformance target.yaml` shows each clause of the contract as a test.

It is one uniquely named module, and imports nothing of ours until it is asked for something, so that it is never in the
way of a project that has folders of the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from conformance.results import Result, Results

SUITE = "vern-conformance"
"""What stands in the place of a file in the ids of the clauses' tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
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


@dataclass(slots=True)
class _Judgment:
    """One run of the suite, made when its first clause is asked for."""

    target: Any
    clauses: tuple[str, ...]
    made: Results | None = None

    def of(self, clause: str) -> Result:
        """The clause's result."""
        return next(each for each in self.results().results if each.clause == clause)

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
        from conformance import clauses, judge, targetfile  # noqa: PLC0415 - only for this option
        from mock_server.language.yamlfile import BadFiles  # noqa: PLC0415 - only for this option
    except ModuleNotFoundError as missing:
        raise pytest.UsageError(
            f"--vern-conformance needs {missing.name}: pip install 'vern-mock[conformance]'"
        ) from None
    words = [word for word in config.getoption("--vern-clauses").split(",") if word.strip()]
    try:
        known = target if target == judge.MOCK else targetfile.load(config.invocation_params.dir / target)
        return _Judgment(known, tuple(clauses.select(words)))
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
        self._judgment = judgment

    def runtest(self) -> None:
        """Pass, skip or fail as the suite found."""
        from conformance.results import Outcome  # noqa: PLC0415 - only for this option

        result = self._judgment.of(self.name)
        if result.outcome in (Outcome.SKIPPED, Outcome.NOT_APPLICABLE):
            pytest.skip(_reason(result))
        if result.outcome is Outcome.FAILED and result.level != "must":
            pytest.xfail(f"{result.clause} is a {result.level} clause: {result.text}")
        if result.outcome > Outcome.PASSED:
            raise _Broken(self._told(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The suite's own report of the clause instead of a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, _Broken) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that the test is."""
        return self.config.rootpath / SUITE, None, self.name

    def _told(self, result: Result) -> str:
        from conformance.report.terminal import fault  # noqa: PLC0415 - only for this option

        return fault(self._judgment.results(), result)


def _reason(result: Result) -> str:
    reasons: Iterable[str] = (finding.reason for finding in result.findings if finding.reason)
    return next(iter(reasons), result.outcome.word)
