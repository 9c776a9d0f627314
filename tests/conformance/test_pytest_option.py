"""The pytest plugin, in runs of pytest within this one."""

from __future__ import annotations

from pathlib import Path

import bad_targets
import pytest
import yaml  # noqa: F401 - its compiled part can be imported once, and each run within this one forgets what it imported

pytest_plugins = "pytester"

PLUGINS = ("cacheprovider", "cov", "schemathesis", "hypothesispytest", "xdist")
FAST = (*(word for name in PLUGINS for word in ("-p", f"no:{name}")), "--vern-depth", "quick")


def test_each_clause_is_a_test(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_inprocess(
        *FAST, "-v", "--vern-conformance", "mock", "--vern-clauses", "SRC,AUTH-02,RUN-10"
    )
    ran.stdout.fnmatch_lines(
        ["vern-conformance::AUTH-02 PASSED*", "vern-conformance::SRC-01 PASSED*", "*RUN-10 SKIPPED*"]
    )
    assert ran.ret == 0


def test_clauses_run_beside_other_tests_and_are_chosen_like_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(): pass")
    ran = pytester.runpytest_inprocess(*FAST, "--vern-conformance", "mock", "-k", "SRC-01 or mine")
    ran.assert_outcomes(passed=2, deselected=201)


def test_a_broken_clause_fails_with_the_report_of_the_suite(pytester: pytest.Pytester) -> None:
    answer = bad_targets.answer(b'{"sources": [{"id": 1}]}')
    with bad_targets.serving(bad_targets.says(answer)) as target:
        Path("target.yaml").write_text(f"base_url: {target.url}\napi_key: a-key-of-mine\n")
        ran = pytester.runpytest_inprocess(*FAST, "--vern-conformance", "target.yaml", "--vern-clauses", "SRC-02")
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["*FAILED*SRC-02*", "*got *: expected this member*", "*vern-conformance run SRC-02*"])
    ran.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--vern-conformance", "no-such.yaml"], "*no-such.yaml*"),
        (["--vern-conformance", "mock", "--vern-clauses", "DEK"], "*did you mean 'DEC'?*"),
    ],
)
def test_bad_usage_is_told(pytester: pytest.Pytester, options: list[str], says: str) -> None:
    ran = pytester.runpytest_inprocess(*FAST, *options)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([says])


def test_a_target_that_cannot_be_judged_ends_the_run(pytester: pytest.Pytester) -> None:
    Path("target.yaml").write_text("base_url: http://127.0.0.1:9/api/v1\napi_key: a-key-of-mine\n")
    ran = pytester.runpytest_inprocess(*FAST, "--vern-conformance", "target.yaml", "--vern-clauses", "SRC")
    assert ran.ret == 4
