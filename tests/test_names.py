"""A project may have modules and folders with the names of ours, and of what we need: they are in nobody's way."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from commanding import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = "pytester"

WRONG = "raise SystemExit(f'the wrong one: {__file__}')\n"
NAMES = ("mock_server", "conformance/__init__", "yaml", "starlette/__init__", "json", "click")
JUDGE = ("--vern-conformance", "mock", "--vern-clauses", "POLL-16", "--vern-depth", "quick")
PROGRAM = str(ROOT / "vern_programs.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with such names in it."""
    for name in NAMES:
        place = tmp_path / f"{name}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(WRONG)
    return tmp_path


@pytest.mark.parametrize(
    "begun",
    [("-P", PROGRAM), ("-m", "vern_programs"), ("-c", "from vern_programs import main; main()")],
    ids=["by its path", "-m", "by its entry point"],
)
@pytest.mark.parametrize("arguments", [("mock", "scenarios"), ("conformance", "list", "SRC", "--target", "mock")])
def test_the_programs_find_their_own_modules(project: Path, begun: tuple[str, str], arguments: tuple[str, ...]) -> None:
    given = environment(PYTHONPATH=f".:{ROOT}", PYTHONWARNINGS="error")
    line = [sys.executable, *begun, *arguments]
    ran = subprocess.run(line, cwd=project, env=given, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout


def test_what_is_installed_nowhere_else_is_still_found_where_the_caller_has_it(tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text("print('found')")
    line = [sys.executable, "-c", "import vern_programs; vern_programs._go_first(); import only_here"]
    given = environment(PYTHONPATH=f"{tmp_path}:{ROOT}")
    ran = subprocess.run(line, env=given, capture_output=True, text=True, check=False)
    assert ran.stdout == "found\n"


def test_a_word_that_names_no_program_is_told() -> None:
    ran = subprocess.run([sys.executable, PROGRAM, "mok"], capture_output=True, text=True, check=False)
    assert "mock|conformance" in ran.stderr


def test_the_plugin_and_the_judge_work_beside_them(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(**{"mock_server": WRONG, "yaml": WRONG, "tests/conformance/test_mine": "def test_it(): pass"})
    pytester.makepyfile(**{"tests/test_client": "def test_client(vern_mock): pass"})
    for place in ("tests/conformance/__init__.py", "tests/conformance/conftest.py"):
        (pytester.path / place).touch()
    monkeypatch.setenv("PYTHONPATH", f".:{ROOT}")
    quiet = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:xdist")
    ran = pytester.runpytest_subprocess(*quiet, "tests", *JUDGE)
    ran.assert_outcomes(passed=3)
